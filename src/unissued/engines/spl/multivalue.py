"""Multivalue eval functions (Search Reference, evaluation functions)."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from unissued.engines.spl import regex
from unissued.engines.spl.conditional import check_pattern
from unissued.engines.spl.function import Compiler, Function, Getter, as_texts, strictly, text_constant, wrong
from unissued.engines.spl.times import span
from unissued.engines.spl.tree import Call, Kind, fields_of
from unissued.engines.spl.values import (
    Row,
    Single,
    Value,
    number,
    numeric,
    pack,
    single,
    singles,
    text_of,
    undocumented,
)

_MANY = 1_000_000


def _of_list(apply: Callable[[list[str]], Value | None]) -> Callable[[Compiler, Call], Getter]:
    """Make a function of one field's values."""

    def make(compiler: Compiler, call: Call) -> Getter:
        reading = compiler.reading
        return strictly(compiler, call, lambda value: apply(as_texts(singles(value), reading)))

    return make


def _mvappend(compiler: Compiler, call: Call) -> Getter:
    getters = [compiler.value(argument) for argument in call.arguments]
    reading = compiler.reading
    # Null arguments add nothing.
    return lambda row: pack(text for getter in getters for text in as_texts(singles(getter(row)), reading))


def _with_each(row: Row, name: str, values: tuple[Single, ...]) -> Iterator[Single]:
    """Let a field have each of several values in turn, then what it had."""
    before = row.get(name)
    try:
        for value in values:
            row[name] = value
            yield value
    finally:
        if before is None:
            row.pop(name, None)
        else:
            row[name] = before


def _mvfilter(compiler: Compiler, call: Call) -> Getter:
    (name,) = fields_of(call.arguments[0])
    test = compiler.test(call.arguments[0])
    reading = compiler.reading

    def run(row: Row) -> Value | None:
        values = singles(row.get(name))
        return pack([text_of(value, reading) for value in _with_each(row, name, values) if test(row)])

    return run


def _check_mvfilter(call: Call) -> None:
    names = fields_of(call.arguments[0])
    if len(names) != 1:
        raise wrong(call.place, f"mvfilter() must refer to one field, and refers to {len(names)}")


def _mvmap(compiler: Compiler, call: Call) -> Getter:
    (name,) = fields_of(call.arguments[0])
    source, inner = (compiler.value(argument) for argument in call.arguments)
    reading = compiler.reading

    def run(row: Row) -> Value | None:
        values = singles(source(row))
        results: list[str] = []
        for _ in _with_each(row, name, values):
            results += as_texts(singles(inner(row)), reading)
        return pack(results)

    return run


def _check_mvmap(call: Call) -> None:
    names = fields_of(call.arguments[0])
    if len(names) != 1:
        raise wrong(call.place, "the first argument of mvmap() must be the values of one field")


def _mvindex(compiler: Compiler, call: Call) -> Getter:
    def apply(value: Value, start: Value, end: Value | None = None) -> Value | None:
        values = singles(value)
        first, last = numeric(start), numeric(start if end is None else end)
        if first is None or last is None:
            return None
        first, last = (int(index) + (len(values) if index < 0 else 0) for index in (first, last))
        if first < 0 or last < first or last >= len(values):
            return None  # out of range or invalid
        return values[first] if end is None else pack(as_texts(values[first : last + 1], compiler.reading))

    return strictly(compiler, call, apply)


def _mvfind(compiler: Compiler, call: Call) -> Getter:
    reading = compiler.reading

    def apply(value: Value, pattern: Value) -> Value | None:
        found = regex.finder(text_of(single(pattern, "the pattern of mvfind()", call.place), reading))
        return next((index for index, text in enumerate(as_texts(singles(value), reading)) if found(text)), None)

    return strictly(compiler, call, apply)


def _mvjoin(compiler: Compiler, call: Call) -> Getter:
    reading = compiler.reading

    def apply(value: Value, between: Value) -> Value | None:
        return text_of(single(between, "the delimiter of mvjoin()", call.place), reading).join(
            as_texts(singles(value), reading)
        )

    return strictly(compiler, call, apply)


def _mvrange(compiler: Compiler, call: Call) -> Getter:
    reading = compiler.reading

    def apply(start: Value, end: Value, step: Value = 1) -> Value | None:
        first, last, by = numeric(start), numeric(end), numeric(step)
        if by is None and isinstance(step, str):
            by = span(step)
        if first is None or last is None or not by:
            return None
        count = max(0, -int(-(last - first) // by))
        if count > _MANY:
            raise undocumented(f"mvrange() of {count} values", call.place)
        values = (number(first + index * by) for index in range(count))
        return pack(text_of(value, reading) for value in values if value is not None)

    return strictly(compiler, call, apply)


def _split(compiler: Compiler, call: Call) -> Getter:
    reading = compiler.reading

    def apply(value: Value, delimiter: Value) -> Value | None:
        by = text_of(single(delimiter, "the delimiter of split()", call.place), reading)
        if not by:
            raise undocumented("split() at an empty text", call.place)
        return pack(text_of(single(value, "split()", call.place), reading).split(by))

    return strictly(compiler, call, apply)


def _check_split(call: Call) -> None:
    if text_constant(call, 1) == "":
        raise wrong(call.arguments[1].place, "the manual does not say what split() does at an empty text")


FUNCTIONS: dict[str, Function] = {
    "mvappend": Function(1, None, _mvappend),
    "mvcount": Function(1, 1, _of_list(len)),
    "mvdedup": Function(1, 1, _of_list(lambda values: pack(dict.fromkeys(values)))),
    "mvfilter": Function(1, 1, _mvfilter, takes=lambda _: Kind.TEST, check=_check_mvfilter),
    "mvfind": Function(2, 2, _mvfind, check=check_pattern(1)),
    "mvindex": Function(2, 3, _mvindex),
    "mvjoin": Function(2, 2, _mvjoin),
    "mvmap": Function(2, 2, _mvmap, check=_check_mvmap),
    "mvrange": Function(2, 3, _mvrange),
    "mvsort": Function(1, 1, _of_list(lambda values: pack(sorted(values)))),
    "split": Function(2, 2, _split, check=_check_split),
}
