"""The shapes of values that a rule compares with, as both converters need them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import re2
from sigma.conditions import ConditionFieldEqualsValueExpression, ConditionOR
from sigma.types import (
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCompareExpression,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SpecialChars,
)

from unissued.errors import UnsupportedError
from unissued.pack import Field

_PERIOD = re.compile(r"(\d{4})(?:-(\d{2}))?(?:-(\d{2}))?\Z")
_INTEGER = re.compile(r"-?(0|[1-9][0-9]*)\Z")
_LARGEST = 10**15
"""Splunk counts in floating point; beyond this, whole numbers are no longer all told apart."""


@dataclass(frozen=True)
class Text:
    """A text comparison: ``equals``, ``startswith``, ``endswith``, ``contains``, ``exists`` or ``pattern``."""

    kind: str
    text: str
    parts: tuple[str | SpecialChars, ...]
    cased: bool


def text_of(value: SigmaString) -> Text:
    """Sort a string value by the wildcards that it holds.

    Raises:
        UnsupportedError: the targets would fold its letters differently from the evaluator.
    """
    cased = isinstance(value, SigmaCasedString)
    parts = tuple(part for part in value.s if isinstance(part, str | SpecialChars))
    if len(parts) != len(value.s):
        raise UnsupportedError.at(str(value), "a list must be the whole value", "%list_name%")
    plain = "".join(part for part in parts if isinstance(part, str))
    if not cased and any(not char.isascii() and char.lower() != char.upper() for char in plain):
        raise UnsupportedError.at(plain, "letters outside ASCII are folded differently by every target", "use cased")
    match parts:
        case (str(text),):
            return Text("equals", text, parts, cased)
        case (SpecialChars.WILDCARD_MULTI,):
            return Text("exists", "", parts, cased)
        case (str(text), SpecialChars.WILDCARD_MULTI):
            return Text("startswith", text, parts, cased)
        case (SpecialChars.WILDCARD_MULTI, str(text)):
            return Text("endswith", text, parts, cased)
        case (SpecialChars.WILDCARD_MULTI, str(text), SpecialChars.WILDCARD_MULTI):
            return Text("contains", text, parts, cased)
    return Text("pattern", plain, parts, cased)


def meets_nothing(pattern: str) -> bool:
    """Tell whether a regular expression finds something in the empty text, which is a missing value in a query."""
    return re2.search(pattern, "") is not None


def placeholder_of(value: SigmaString) -> str:
    """Return the name of the list that a value stands for, or the empty string."""
    one = value.s[0] if len(value.s) == 1 else None
    return one.name if isinstance(one, Placeholder) else ""


_SAID: Mapping[type, tuple[str, str]] = {
    SigmaNumber: ("a number", "put the value in quotes"),
    SigmaBool: ("true or false", "write the number"),
    SigmaCompareExpression: ("gt, gte, lt or lte", "they compare numbers"),
}
"""Kind of value -> what it is called, and what to write where a field does not take it."""


def not_comparable(known: Field, value: object) -> UnsupportedError:
    """Return the error that says that a field of this type does not take a value of this kind."""
    said, hint = _SAID.get(type(value), ("such a value", ""))
    return UnsupportedError.at(known.name, f"has type {known.type} and cannot be compared with {said}", hint)


def number_of(known: Field, value: object) -> int:
    """Return the whole number that a value of an ``int`` field is.

    Raises:
        UnsupportedError: it is none.
    """
    match value:
        case SigmaNumber(number=int(number)) if abs(number) < _LARGEST:
            return number
        case SigmaString(s=[str(text)]) if _INTEGER.match(text) and abs(int(text)) < _LARGEST:
            return int(text)
    raise UnsupportedError.at(known.name, f"{value} is no whole number of 15 digits or fewer", "the field is a number")


def period_of(known: Field, value: SigmaString) -> tuple[date, date]:
    """Return the first day of a period that a time field begins with, and the first day after it.

    Raises:
        UnsupportedError: the value is no year, month or day with ``startswith``.
    """
    found = text_of(value)
    parts = _PERIOD.match(found.text)
    if found.kind != "startswith" or not parts:
        hint = "startswith: 2023, 2023-03 or 2023-03-09"
        raise UnsupportedError.at(known.name, f"cannot compare a time with '{value}'", hint)
    year, month, day = (int(part) if part else 0 for part in parts.groups())
    try:
        first = date(year, month or 1, day or 1)
        if day:
            return first, first + timedelta(days=1)
        return first, date(year + (not month or month == 12), month % 12 + 1 if month else 1, 1)
    except ValueError as error:
        raise UnsupportedError.at(known.name, f"'{found.text}' is no date", "") from error


def flags_of(value: SigmaRegularExpression) -> str:
    """Return the flags of a regular expression as a prefix such as ``(?i)``."""
    letters = {
        SigmaRegularExpressionFlag.IGNORECASE: "i",
        SigmaRegularExpressionFlag.MULTILINE: "m",
        SigmaRegularExpressionFlag.DOTALL: "s",
    }
    found = "".join(sorted(letters[flag] for flag in value.flags))
    if "m" in found:
        raise UnsupportedError.at(str(value.regexp), "a regular expression over several lines", "values have one line")
    return f"(?{found})" if found else ""


def is_list(condition: object) -> bool:
    """Tell whether a condition is one field compared with several plain texts or several numbers, joined by or."""
    if not isinstance(condition, ConditionOR):
        return False
    leaves = [arg for arg in condition.args if isinstance(arg, ConditionFieldEqualsValueExpression)]
    if len(leaves) < len(condition.args) or len({leaf.field for leaf in leaves}) > 1:
        return False
    # The exact type: parts of a time stamp are a kind of number, cased text is a kind of text.
    kinds = {type(leaf.value) for leaf in leaves}
    plain = all(not isinstance(leaf.value, SigmaString) or _is_plain(leaf.value) for leaf in leaves)
    return plain and (kinds == {SigmaString} or kinds == {SigmaNumber})


def _is_plain(value: SigmaString) -> bool:
    return len(value.s) == 1 and isinstance(value.s[0], str)
