"""Mathematical, Statistical, Conversion, and Date and Time eval functions (Search Reference, evaluation functions)."""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from decimal import ROUND_HALF_UP, Decimal

from unissued.engines.spl import times
from unissued.engines.spl.function import Compiler, Function, Getter, strictly, text_constant, text_getter, wrong
from unissued.engines.spl.tree import Call, Constant, Kind
from unissued.engines.spl.values import (
    Moment,
    Reading,
    Row,
    Single,
    Value,
    comparer,
    number,
    numeric,
    parsed,
    single,
    singles,
    text_of,
)

_DIGITS = re.compile(r"[+-]?[0-9A-Za-z]+")


def _of_number(apply: Callable[[float], float]) -> Callable[[Compiler, Call], Getter]:
    def make(compiler: Compiler, call: Call) -> Getter:
        def run(value: Value) -> Value | None:
            found = numeric(single(value, f"{call.name}()", call.place))
            return None if found is None else number(apply(found))

        return strictly(compiler, call, run)

    return make


def _round(compiler: Compiler, call: Call) -> Getter:
    def apply(value: Value, places: Value = 0) -> Value | None:
        found, digits = numeric(single(value, "round()", call.place)), numeric(places)
        if found is None or digits is None:
            return None
        exact = Decimal(repr(float(found)))
        return number(float(exact.quantize(Decimal(1).scaleb(-int(digits)), rounding=ROUND_HALF_UP)))

    return strictly(compiler, call, apply)


def _extreme(operator: str) -> Callable[[Compiler, Call], Getter]:
    """Make min or max: of numbers and texts, of which texts are greater, and of all values of a field."""

    def make(compiler: Compiler, call: Call) -> Getter:
        getters = [compiler.value(argument) for argument in call.arguments]
        reading = compiler.reading
        compare = comparer(operator, reading)

        def better(one: Single, other: Single) -> bool:
            first, second = (_ranked(value, reading) for value in (one, other))
            if isinstance(first, str) is not isinstance(second, str):
                return isinstance(first, str) is (operator == ">")
            return bool(compare(first, second))

        def run(row: Row) -> Value | None:
            best: Single | None = None
            for getter in getters:
                value = getter(row)
                if value is None and reading is Reading.TEXT:
                    return None  # the other reading leaves it out, as eval's avg() does
                for one in singles(value):
                    if best is None or better(one, best):
                        best = one
            return best

        return run

    return make


def _ranked(value: Single, reading: Reading) -> Single:
    """A text that looks like a number counts as one in one reading."""
    if isinstance(value, str) and reading is Reading.NUMBERS:
        found = parsed(value)
        return value if found is None else found
    return value


def _tonumber(compiler: Compiler, call: Call) -> Getter:
    def apply(value: Value, base: Value = 10) -> Value | None:
        one, radix = single(value, "tonumber()", call.place), numeric(base)
        if not isinstance(one, str):
            return one  # the base is only used for a text
        if radix is None or not 2 <= radix <= 36:
            return None
        if radix == 10:
            return parsed(one)
        try:
            return number(float(int(one, int(radix)))) if _DIGITS.fullmatch(one) else None
        except (ValueError, OverflowError):
            return None

    return strictly(compiler, call, apply)


def _check_tonumber(call: Call) -> None:
    text = text_constant(call, 0)
    if text is not None and len(call.arguments) == 1 and parsed(text) is None:
        raise wrong(call.arguments[0].place, f"{text!r} is not a number, for which Splunk returns an error")
    base = call.arguments[1] if len(call.arguments) > 1 else None
    if isinstance(base, Constant) and not (isinstance(base.value, int) and 2 <= base.value <= 36):
        raise wrong(base.place, "the base must be a number from 2 to 36")


def _tostring(compiler: Compiler, call: Call) -> Getter:
    argument, reading = call.arguments[0], compiler.reading
    if argument.kind is Kind.TEST:
        test = compiler.test(argument)

        def word(row: Row) -> Value | None:
            truth = test(row)
            return None if truth is None else str(truth)

        return word
    return strictly(compiler, call, lambda value: text_of(single(value, "tostring()", call.place), reading))


def _now(compiler: Compiler, _: Call) -> Getter:
    moment = number(float(int(compiler.now)))
    return lambda _: moment


def _strftime(compiler: Compiler, call: Call) -> Getter:
    moment, form = compiler.value(call.arguments[0]), text_getter(compiler, call, 1)

    def run(row: Row) -> Value | None:
        value, how = moment(row), form(row)
        found = None if value is None else numeric(single(value, "strftime()", call.place))
        return None if found is None or how is None else times.write_time(found, how)

    return run


def _strptime(compiler: Compiler, call: Call) -> Getter:
    text, form = (text_getter(compiler, call, index) for index in (0, 1))
    whole = compiler.reading is Reading.NUMBERS

    def run(row: Row) -> Value | None:
        value, how = text(row), form(row)
        if value is None or how is None:
            return None
        found = times.read_time(value, how, whole=whole)
        return None if found is None else Moment(found)

    return run


def _check_format(call: Call) -> None:
    form = text_constant(call, 1)
    if form is None:
        raise wrong(call.place, f"the format of {call.name}() must be a text in double quotation marks")
    if unknown := times.unknown_variable(form):
        raise wrong(call.arguments[1].place, f"the time variable {unknown} is not understood here")
    if call.name == "strptime" and not times.names_a_day(form):
        raise wrong(call.arguments[1].place, "a format without year, month and day is not understood here")


def _relative_time(compiler: Compiler, call: Call) -> Getter:
    specifier = text_constant(call, 1) or ""
    move = times.relative(specifier)

    def apply(value: Value, _: Value) -> Value | None:
        found = numeric(single(value, "relative_time()", call.place))
        return None if found is None or move is None else Moment(move(found))

    return strictly(compiler, call, apply)


def _check_relative(call: Call) -> None:
    specifier = text_constant(call, 1)
    if specifier is None or times.relative(specifier) is None:
        raise wrong(call.arguments[1].place, "a relative time like -1d@d is expected")


FUNCTIONS: dict[str, Function] = {
    "abs": Function(1, 1, _of_number(abs)),
    "ceil": Function(1, 1, _of_number(math.ceil)),
    "ceiling": Function(1, 1, _of_number(math.ceil)),
    "floor": Function(1, 1, _of_number(math.floor)),
    "round": Function(1, 2, _round),
    "min": Function(1, None, _extreme("<")),
    "max": Function(1, None, _extreme(">")),
    "tonumber": Function(1, 2, _tonumber, check=_check_tonumber),
    "tostring": Function(1, 1, _tostring, takes=lambda _: None),
    "now": Function(0, 0, _now),
    "time": Function(0, 0, _now),
    "strftime": Function(2, 2, _strftime, check=_check_format),
    "strptime": Function(2, 2, _strptime, check=_check_format),
    "relative_time": Function(2, 2, _relative_time, check=_check_relative),
}
