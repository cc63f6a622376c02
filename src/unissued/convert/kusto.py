"""Conditions in KQL: pySigma's Kusto backend, every comparison of which is replaced by one that is exact."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from sigma.backends.kusto.kusto import KustoBackend
from sigma.types import (
    SigmaBool,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
)

from unissued.convert import regex
from unissued.convert.condition import ExactCondition
from unissued.convert.value import (
    flags_of,
    meets_nothing,
    not_comparable,
    number_of,
    period_of,
    placeholder_of,
    text_of,
)
from unissued.errors import UnsupportedError
from unissued.pack import Field

_CONTROL = re.compile(r"[\x00-\x1f\x7f`]")
_NAME = re.compile(r"[^A-Za-z0-9]+")
_OPERATORS = {"LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}


def column(field: str) -> str:
    """Return the column of a field: its name with everything between letters and digits as one ``_``."""
    return _NAME.sub("_", field)


def quoted(text: str) -> str:
    """Return a text literal.

    Raises:
        UnsupportedError: it holds control characters.
    """
    if _CONTROL.search(text):
        raise UnsupportedError.at("value", f"{text!r} holds a character that is unsafe in a query")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


class KustoCondition(ExactCondition, KustoBackend):
    """Turns one condition into an expression for ``where`` over canonical columns.

    Fields with several values become counts of the elements that meet a comparison; ``counts`` says which.
    """

    name: ClassVar[str] = "unissued KQL conditions"
    identifier: ClassVar[str] = "unissued_kusto_condition"
    or_word: ClassVar[str] = "or"
    not_form: ClassVar[str] = "not({test})"
    convert_and_as_in: ClassVar[bool] = False

    def __init__(self, fields: Mapping[str, Field]) -> None:
        super().__init__(fields)
        self.counts: dict[tuple[str, str], str] = {}
        """(field, test of one element) -> name of the column that counts the elements meeting it."""

    def _one_of_numbers(self, known: Field, numbers: Sequence[int]) -> str:
        return f"coalesce({column(known.name)} in ({', '.join(map(str, numbers))}), false)"

    def _one_of_texts(self, known: Field, texts: Sequence[str]) -> str:
        return f"{column(known.name)} in~ ({', '.join(map(quoted, texts))})"

    def _any(self, known: Field, test: str) -> str:
        if not known.many:
            return test
        if known.derive:
            if test != self._exists(known):
                raise UnsupportedError.at(known.name, "can only be asked for its existence in KQL")
            return f"coalesce(array_length({column(known.name)}) > 0, false)"
        name = self.counts.setdefault((known.name, test), f"Hits{len(self.counts) + 1}")
        return f"coalesce({name} > 0, false)"

    def _exists(self, known: Field) -> str:
        return f"{'isnotnull' if known.type in ('int', 'time') else 'isnotempty'}({column(known.name)})"

    def _presence(self, known: Field, *, wanted: bool) -> str:
        test = self._any(known, self._exists(known))
        return test if wanted else f"not({test})"

    def _equal_fields(self, known: Field, other: Field) -> str:
        return f"(isnotempty({column(known.name)}) and {column(known.name)} =~ {column(other.name)})"

    def _test(self, known: Field, value: object) -> str:
        name = column(known.name)
        match value:
            case SigmaTimestampPart():
                raise UnsupportedError.at(known.name, "parts of a time cannot be compared exactly")
            case SigmaString() if placeholder := placeholder_of(value):
                self._must_be_text(known, "a list")
                return f"tolower({name}) in ({placeholder})"
            case SigmaString() if known.type == "time":
                first, after = period_of(known, value)
                return f"coalesce({name} >= datetime({first}) and {name} < datetime({after}), false)"
            case SigmaNumber() | SigmaString() if known.type == "int":
                return f"coalesce({name} == {number_of(known, value)}, false)"
            case SigmaCompareExpression(number=number, op=op) if known.type == "int" and op.name in _OPERATORS:
                return f"coalesce({name} {_OPERATORS[op.name]} {number_of(known, number)}, false)"
            case SigmaBool(boolean=boolean) if known.type != "int":
                self._must_be_text(known, "true and false")
                return f'{name} =~ "{str(boolean).lower()}"'
            case SigmaCIDRExpression():
                self._must_be_text(known, "a network")
                return _inside(name, value)
            case SigmaRegularExpression():
                self._must_be_text(known, "a regular expression")
                pattern = flags_of(value) + regex.exact(value.regexp.to_plain(regex=True), "$")
                return _matches(name, pattern)
            case SigmaString():
                return _text(name, value)
        raise not_comparable(known, value)


def _text(name: str, value: SigmaString) -> str:
    found = text_of(value)
    if found.kind == "exists":
        return f"isnotempty({name})"
    if found.kind == "pattern":
        body = regex.wildcards(found.parts)
        flags = "s" if found.cased else "is"
        return _matches(name, f"(?{flags})^{body}$")
    operator = {"equals": "==" if found.cased else "=~"}.get(found.kind, found.kind + ("_cs" if found.cased else ""))
    return f"{name} {operator} {quoted(found.text)}"


def _matches(name: str, pattern: str) -> str:
    test = f"{name} matches regex {quoted(pattern)}"
    return f"(isnotempty({name}) and {test})" if meets_nothing(pattern) else test


def _inside(name: str, value: SigmaCIDRExpression) -> str:
    """Test an address: the functions also take networks and the other family, the evaluator takes neither."""
    network = value.network
    looks = '"^[0-9]+([.][0-9]+){3}$"' if network.version == 4 else '"^[0-9a-f.]*:[0-9a-f:.]*$"'
    return f'({name} matches regex {looks} and coalesce(ipv{network.version}_is_in_range({name}, "{network}"), false))'
