"""Values of fields, their text, their comparison and arithmetic with them (Search Reference, eval: Usage)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Iterable
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum
from typing import TypeAlias

from unissued.engines.spl.tree import Place
from unissued.errors import UnsupportedError

Single: TypeAlias = str | float | int
Value: TypeAlias = Single | tuple[str, ...]
"""Several values of one field are a tuple of two or more texts. Null is ``None`` here and absence in a row."""
Row: TypeAlias = dict[str, Value]

_NUMBER = re.compile(r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][+-]?\d+)?")
_EXACT = 2**53
_LONG = 10**17


class Reading(Enum):
    """Which of two readings is taken where the documentation leaves both open; the package says where."""

    NUMBERS = "numbers"
    TEXT = "text"


class Moment(float):
    """Seconds that a date function made. One reading writes them with six decimals, as results often show them."""

    __slots__ = ()


def undocumented(what: str, place: Place) -> UnsupportedError:
    """Make the error for data about which the documentation says nothing: refused, never guessed."""
    return UnsupportedError.at(f"SPL, {place}", f"not executed: {what}")


def number(value: float) -> int | float | None:
    """Bring a computed number to one form: whole numbers without a fraction; what is no number is null."""
    if math.isnan(value) or math.isinf(value):
        return None
    return int(value) if value == int(value) and abs(value) < _EXACT else float(value)


def parsed(text: str) -> int | float | None:
    """Return the number that a text looks like; blanks around it do not look like one."""
    return number(float(text)) if _NUMBER.fullmatch(text) else None


def numeric(value: Value | None) -> float | int | None:
    """Return a value as a number, if it is one or looks like one."""
    if isinstance(value, str):
        return parsed(value)
    return None if isinstance(value, tuple) else value


def text_of(value: Single, reading: Reading) -> str:
    """Return a value as text: whole numbers without a point, others with as few of 17 digits as identify them."""
    if isinstance(value, str):
        return value
    if isinstance(value, Moment) and reading is Reading.TEXT:
        return f"{value:.6f}"
    if value == int(value) and abs(value) < _LONG:
        return str(int(value))
    shown = repr(float(value))
    return format(Decimal(shown), "f") if "e" in shown else shown


def pack(values: Iterable[str]) -> Value | None:
    """Return a field's value for a list of texts: null for none, the text itself for one."""
    found = tuple(values)
    if len(found) > 1:
        return found
    return found[0] if found else None


def singles(value: Value | None) -> tuple[Single, ...]:
    """Return the single values of a field, none for null."""
    if value is None:
        return ()
    return value if isinstance(value, tuple) else (value,)


def single(value: Value, what: str, place: Place) -> Single:
    """Return a value that must not be several.

    Raises:
        UnsupportedError: it is; the manual says that the function does not support it, not what comes out.
    """
    if isinstance(value, tuple):
        raise undocumented(f"{what} is not supported on multivalue fields", place)
    return value


_ORDERS: dict[str, Callable[[int], bool]] = {
    "=": lambda way: way == 0,
    "==": lambda way: way == 0,
    "!=": lambda way: way != 0,
    "<": lambda way: way < 0,
    "<=": lambda way: way <= 0,
    ">": lambda way: way > 0,
    ">=": lambda way: way >= 0,
}


def order(left: object, right: object) -> int:
    """Compare two things of one kind: -1, 0 or 1. Texts are ordered by code points, the order of their UTF-8."""
    return int(left > right) - int(left < right)  # type: ignore[operator]  # of one kind


def comparer(operator: str, reading: Reading) -> Callable[[Single, Single], bool | None]:
    """Return the comparison of two single values by an operator.

    A number and a text that looks like one are compared as numbers (``status==404`` in the manual's examples). The
    readings differ for two texts that both look like numbers, and for a number against another text.
    """
    holds = _ORDERS[operator]
    equality = operator in ("=", "==", "!=")

    def compare(left: Single, right: Single) -> bool | None:
        if isinstance(left, str) and isinstance(right, str):
            if reading is Reading.NUMBERS:
                first, second = parsed(left), parsed(right)
                if first is not None and second is not None:
                    return holds(order(first, second))
            return holds(order(left, right))
        first, second = numeric(left), numeric(right)
        if first is not None and second is not None:
            return holds(order(first, second))
        if reading is Reading.NUMBERS and not equality:
            return None
        return holds(order(text_of(left, reading), text_of(right, reading)))

    return compare


def any_value(value: Value | None, test: Callable[[Single], bool | None], reading: Reading) -> bool | None:
    """Apply a test to a value: to any of several in one reading, in the other the result is null for them."""
    if value is None:
        return None
    if not isinstance(value, tuple):
        return test(value)
    if reading is Reading.NUMBERS:
        return None
    return any(test(one) for one in value)


def _remainder(left: float, right: float) -> float:
    return math.fmod(left, right) if right else math.nan


def _quotient(left: float, right: float) -> float:
    return left / right if right else math.nan  # division by zero is null


ARITHMETIC: dict[str, Callable[[float, float], float]] = {
    "+": lambda left, right: left + right,
    "-": lambda left, right: left - right,
    "*": lambda left, right: left * right,
    "/": _quotient,
    "%": _remainder,
}


def significant(text: str) -> int | None:
    """Return how many significant digits a number with a decimal point is written with; whole numbers are exact."""
    if "." not in text or not _NUMBER.fullmatch(text):
        return None
    digits = re.sub(r"[eE].*", "", text).replace(".", "").lstrip("+-0")
    return max(len(digits), 1)


def rounded(value: float, digits: int) -> float:
    """Round to significant digits, halves away from zero."""
    exact = Decimal(repr(value))
    if not exact or not exact.is_finite():
        return value
    return float(exact.quantize(Decimal(1).scaleb(exact.adjusted() - digits + 1), rounding=ROUND_HALF_UP))
