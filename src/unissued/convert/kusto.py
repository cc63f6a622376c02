"""Conditions in KQL: pySigma's Kusto backend, every comparison of which is replaced by one that is exact."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import ClassVar

from sigma.backends.kusto.kusto import KustoBackend
from sigma.conditions import ConditionAND, ConditionFieldEqualsValueExpression, ConditionNOT, ConditionOR
from sigma.conversion.state import ConversionState
from sigma.types import (
    SigmaBool,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaString,
    SigmaTimestampPart,
)

from unissued.convert import regex
from unissued.convert.tree import Tree
from unissued.convert.value import flags_of, is_list, number_of, period_of, placeholder_of, text_of
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


class KustoCondition(KustoBackend):
    """Turns one condition into an expression for ``where`` over canonical columns.

    Fields with several values become counts of the elements that meet a comparison; ``counts`` says which.
    """

    name: ClassVar[str] = "unissued KQL conditions"
    identifier: ClassVar[str] = "unissued_kusto"
    parenthesize = True
    convert_and_as_in: ClassVar[bool] = False

    def __init__(self, fields: Mapping[str, Field]) -> None:
        super().__init__()
        self.fields = fields
        self.counts: dict[tuple[str, str], str] = {}
        """(field, test of one element) -> name of the column that counts the elements meeting it."""

    def expression(self, condition: Tree) -> str:
        """Return the expression."""
        return str(self.convert_condition(condition, ConversionState()))

    def decide_convert_condition_as_in_expression(
        self,
        cond: ConditionOR | ConditionAND,
        state: ConversionState,  # noqa: ARG002
    ) -> bool:
        """Tell whether an ``or`` is a list: plain texts or plain numbers of one field."""
        return is_list(cond)

    def convert_condition_as_in_expression(self, cond: ConditionOR | ConditionAND, state: ConversionState) -> str:  # noqa: ARG002
        """Write an ``or`` over plain values of one field as ``in``."""
        leaves = [arg for arg in cond.args if isinstance(arg, ConditionFieldEqualsValueExpression)]
        known = self.fields[leaves[0].field]
        values = [leaf.value for leaf in leaves]
        if known.type == "time":
            return " or ".join(f"({self._leaf(known, value)})" for value in values)
        if known.type == "int":
            numbers = ", ".join(str(number_of(known, value)) for value in values)
            return self._count(known, f"coalesce({column(known.name)} in ({numbers}), false)")
        if not all(isinstance(value, SigmaString) for value in values):
            raise UnsupportedError.at(known.name, "compares text with a number", "put the value in quotes")
        texts = ", ".join(quoted(text_of(value).text) for value in values if isinstance(value, SigmaString))
        return self._count(known, f"{column(known.name)} in~ ({texts})")

    def convert_condition_not(self, cond: ConditionNOT, state: ConversionState) -> str:
        """Write ``not``; every comparison is true or false, so nothing is lost."""
        return f"not({self.convert_condition(cond.args[0], state)})"

    def convert_condition_field_eq_val(self, cond: ConditionFieldEqualsValueExpression, state: ConversionState) -> str:  # noqa: ARG002
        """Write one comparison."""
        return self._leaf(self.fields[cond.field], cond.value)

    def _leaf(self, known: Field, value: object) -> str:
        match value:
            case SigmaExpansion(values=values):
                return "(" + " or ".join(f"({self._leaf(known, item)})" for item in values) + ")"
            case SigmaNull():
                return f"not({self._count(known, self._exists(known))})"
            case SigmaExists(exists=wanted):
                test = self._count(known, self._exists(known))
                return test if wanted else f"not({test})"
            case SigmaFieldReference():
                return self._reference(known, value)
        return self._count(known, self._test(known, value))

    def _count(self, known: Field, test: str) -> str:
        """Return a test, or for a field with several values the test that one of its elements meets it."""
        if not known.many:
            return test
        if known.derive:
            if test != self._exists(known):
                raise UnsupportedError.at(known.name, "can only be asked for its existence in KQL")
            return f"array_length({column(known.name)}) > 0"
        name = self.counts.setdefault((known.name, test), f"Hits{len(self.counts) + 1}")
        return f"{name} > 0"

    def _exists(self, known: Field) -> str:
        return f"{'isnotnull' if known.type in ('int', 'time') else 'isnotempty'}({column(known.name)})"

    def _reference(self, known: Field, value: SigmaFieldReference) -> str:
        other = self.fields[value.field]
        whole = not (value.starts_with or value.ends_with or known.many or other.many)
        if not whole or {known.type, other.type} & {"int", "time"}:
            hint = "two text fields of one value, whole values"
            raise UnsupportedError.at(known.name, f"cannot be compared with field {other.name}", hint)
        return f"(isnotempty({column(known.name)}) and {column(known.name)} =~ {column(other.name)})"

    def _test(self, known: Field, value: object) -> str:
        name = column(known.name)
        match value:
            case SigmaTimestampPart():
                raise UnsupportedError.at(known.name, "parts of a time cannot be compared exactly")
            case SigmaString() if placeholder := placeholder_of(value):
                self._is_text(known, "a list")
                return f"tolower({name}) in ({placeholder})"
            case SigmaString() if known.type == "time":
                first, after = period_of(known, value)
                return f"coalesce({name} >= datetime({first}) and {name} < datetime({after}), false)"
            case SigmaNumber() | SigmaString() if known.type == "int":
                return f"coalesce({name} == {number_of(known, value)}, false)"
            case SigmaCompareExpression(number=number, op=op) if known.type == "int" and op.name in _OPERATORS:
                return f"coalesce({name} {_OPERATORS[op.name]} {number_of(known, number)}, false)"
            case SigmaBool(boolean=boolean) if known.type != "int":
                self._is_text(known, "true and false")
                return f'{name} =~ "{str(boolean).lower()}"'
            case SigmaCIDRExpression():
                self._is_text(known, "a network")
                return _inside(name, value)
            case SigmaRegularExpression():
                self._is_text(known, "a regular expression")
                pattern = flags_of(value) + regex.exact(value.regexp.to_plain(regex=True), "$")
                return f"{name} matches regex {quoted(pattern)}"
            case SigmaString():
                return _text(name, value)
        raise UnsupportedError.at(known.name, f"a {type(value).__name__} cannot be compared with type {known.type}")

    def _is_text(self, known: Field, what: str) -> None:
        if known.type in ("int", "time"):
            raise UnsupportedError.at(known.name, f"has type {known.type} and cannot be compared with {what}")


def _text(name: str, value: SigmaString) -> str:
    found = text_of(value)
    if found.kind == "exists":
        return f"isnotempty({name})"
    if found.kind == "pattern":
        body = regex.wildcards(found.parts)
        flags = "s" if found.cased else "is"
        return f"{name} matches regex {quoted(f'(?{flags})^{body}$')}"
    operator = {"equals": "==" if found.cased else "=~"}.get(found.kind, found.kind + ("_cs" if found.cased else ""))
    return f"{name} {operator} {quoted(found.text)}"


def _inside(name: str, value: SigmaCIDRExpression) -> str:
    """Test an address: the functions also take networks and the other family, the evaluator takes neither."""
    network = value.network
    looks = '"^[0-9]+([.][0-9]+){3}$"' if network.version == 4 else '"^[0-9a-f.]*:[0-9a-f:.]*$"'
    return f'({name} matches regex {looks} and coalesce(ipv{network.version}_is_in_range({name}, "{network}"), false))'
