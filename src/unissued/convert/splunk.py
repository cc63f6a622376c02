"""Conditions in SPL: pySigma's Splunk backend, turned from ``search`` to ``where``, where types are explicit."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import ClassVar

from sigma.backends.splunk.splunk import SplunkBackend
from sigma.conditions import ConditionAND, ConditionNOT, ConditionOR
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
from unissued.convert.kusto import column
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
from unissued.pack import Field, ListSpec

_CONTROL = re.compile(r"[\x00-\x1f\x7f`]")
_OPERATORS = {"LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}
# Whatever could be read as a number; Splunk's manuals leave open whether two such texts compare as numbers.
_NUMERIC = re.compile(
    r"\s*[-+]?(?:0x[0-9a-f]+|(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?|nan|inf(?:inity)?)\s*\Z", re.IGNORECASE
)
_REGEX_PART = re.compile(r'\\\\|\\.|"|[^\\"]+', re.DOTALL)
_BEYOND = 10**15
_MOST_ENTRIES = 1000


def quoted(text: str) -> str:
    """Return a text literal.

    Raises:
        UnsupportedError: it holds control characters, or ``$``, which dashboards replace.
    """
    if _CONTROL.search(text) or "$" in text:
        raise UnsupportedError.at("value", f"{text!r} holds a character that is unsafe in a query")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def quoted_regex(pattern: str) -> str:
    r"""Return a literal for a regular expression: ``\d`` stays, since literals keep unknown escapes, ``\\`` doubles.

    Raises:
        UnsupportedError: it holds control characters, or ``$``, which dashboards replace.
    """
    if _CONTROL.search(pattern) or "$" in pattern:
        raise UnsupportedError.at("re", f"{pattern!r} holds a character that is unsafe in a query")
    parts = (part.replace("\\\\", "\\\\\\\\") if part == "\\\\" else part for part in _REGEX_PART.findall(pattern))
    return '"' + "".join('\\"' if part in ('"', '\\"') else part for part in parts) + '"'


class SplunkCondition(ExactCondition, SplunkBackend):
    """Turns one condition into an expression for ``where`` over canonical columns, all of which are text, never null.

    Lists are looked up before the condition is tested; ``lookups`` says which.
    """

    name: ClassVar[str] = "unissued SPL conditions"
    identifier: ClassVar[str] = "unissued_splunk_condition"
    or_word: ClassVar[str] = "OR"
    not_form: ClassVar[str] = "NOT ({test})"
    and_token: ClassVar[str] = "AND"  # noqa: S105 - a word of the language
    precedence = (ConditionNOT, ConditionAND, ConditionOR)  # type: ignore[assignment]  # its own annotation is off

    def __init__(self, fields: Mapping[str, Field], specs: Mapping[str, ListSpec]) -> None:
        super().__init__(fields)
        self._specs = specs
        self.lookups: dict[tuple[str, str], str] = {}
        """(list, field) -> name of the column that is set where the field's value is on the list."""

    def _one_of_numbers(self, known: Field, numbers: Sequence[int]) -> str:
        return f"in({column(known.name)},{','.join(quoted(str(number)) for number in numbers)})"

    def _one_of_texts(self, known: Field, texts: Sequence[str]) -> str:
        if any(_NUMERIC.match(text) for text in texts):
            return f"({self._joined([_equals(column(known.name), text) for text in texts])})"
        return f"in(lower({column(known.name)}),{','.join(quoted(text.lower()) for text in texts)})"

    def _any(self, known: Field, test: str) -> str:
        return f"isnotnull(mvfilter({test}))" if known.many else test

    def _presence(self, known: Field, *, wanted: bool) -> str:
        if known.many:
            return f"{'isnotnull' if wanted else 'isnull'}({column(known.name)})"
        return f"len({column(known.name)}){'>' if wanted else '='}0"

    def _equal_fields(self, known: Field, other: Field) -> str:
        # With a letter in front neither looks like a number.
        ours, theirs = (f'"=".lower({column(one.name)})' for one in (known, other))
        return f"(len({column(known.name)})>0 AND ({ours})=({theirs}))"

    def _test(self, known: Field, value: object) -> str:
        name = column(known.name)
        match value:
            case SigmaTimestampPart():
                raise UnsupportedError.at(known.name, "parts of a time cannot be compared exactly")
            case SigmaString() if placeholder := placeholder_of(value):
                return self._listed(known, placeholder)
            case SigmaString() if known.type == "time":
                period_of(known, value)
                return f'match({name},"^{text_of(value).text}")'
            case SigmaNumber() | SigmaString() if known.type == "int":
                return f'{name}="{number_of(known, value)}"'
            case SigmaCompareExpression(number=number, op=op) if known.type == "int" and op.name in _OPERATORS:
                beyond = _BEYOND if op.name.startswith("L") else -_BEYOND
                return f'if({name}="",{beyond},tonumber({name})){_OPERATORS[op.name]}{number_of(known, number)}'
            case SigmaBool(boolean=boolean) if known.type != "int":
                self._must_be_text(known, "true and false")
                return f'lower({name})="{str(boolean).lower()}"'
            case SigmaCIDRExpression():
                self._must_be_text(known, "a network")
                return _inside(name, value)
            case SigmaRegularExpression():
                self._must_be_text(known, "a regular expression")
                pattern = flags_of(value) + regex.exact(value.regexp.to_plain(regex=True), r"\z")
                return _matches(name, name, pattern)
            case SigmaString():
                return _text(name, value)
        raise not_comparable(known, value)

    def _listed(self, known: Field, placeholder: str) -> str:
        self._must_be_text(known, "a list")
        if known.many:
            raise UnsupportedError.at(known.name, "has several values, and a list holds one", "")
        given = self._specs[placeholder].given
        if given is not None:
            if len(given) > _MOST_ENTRIES:
                raise UnsupportedError.at(
                    known.name, f"a list of {len(given)} entries is too long for a search", "a lookup"
                )
            return f"in(lower({column(known.name)}),{','.join(map(quoted, given))})" if given else "false()"
        name = self.lookups.setdefault((placeholder, known.name), f"listed{len(self.lookups) + 1}")
        return f"isnotnull({name})"


def _text(name: str, value: SigmaString) -> str:
    found = text_of(value)
    if found.kind == "exists":
        return f"len({name})>0"
    if found.kind == "equals" and not found.cased:
        return _equals(name, found.text)
    pattern = regex.wildcards(found.parts) if found.kind == "pattern" else regex.literal(found.text)
    head = "" if found.kind in ("endswith", "contains") else "^"
    tail = "" if found.kind in ("startswith", "contains") else r"\z"
    flags = "" if found.kind != "pattern" else "(?s)"
    subject, body = (name, pattern) if found.cased else (f"lower({name})", pattern.lower())
    return _matches(name, subject, flags + head + body + tail)


def _equals(name: str, text: str) -> str:
    """Compare text without letter case; what looks like a number by a regular expression, or 5 would equal 5.0."""
    if _NUMERIC.match(text):
        pattern = f"^{regex.literal(text.lower())}" + r"\z"
        return f"match(lower({name}),{quoted_regex(pattern)})"
    return f"lower({name})={quoted(text.lower())}"


def _matches(name: str, subject: str, pattern: str) -> str:
    test = f"match({subject},{quoted_regex(pattern)})"
    return f"(len({name})>0 AND {test})" if meets_nothing(pattern) else test


def _inside(name: str, value: SigmaCIDRExpression) -> str:
    """Test an address, in the form of its own family only, as the evaluator does."""
    network = value.network
    looks = r"^[0-9]+([.][0-9]+){3}\z" if network.version == 4 else r"^[0-9a-f.]*:[0-9a-f:.]*\z"
    return f'(match({name},{quoted_regex(looks)}) AND cidrmatch("{network}",{name}))'
