"""Comparison and Conditional functions, and the Informational ones (Search Reference, evaluation functions)."""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network

from unissued.engines.spl import regex
from unissued.engines.spl.function import Compiler, Function, Getter, Test, text_constant, wrong
from unissued.engines.spl.tree import Call, Kind
from unissued.engines.spl.values import Reading, Row, Single, Value, any_value, comparer, single, text_of


def _if(compiler: Compiler, call: Call) -> Getter:
    test = compiler.test(call.arguments[0])
    yes, no = (compiler.value(argument) for argument in call.arguments[1:])
    return lambda row: yes(row) if test(row) else no(row)  # null is not true


def _case(compiler: Compiler, call: Call) -> Getter:
    pairs = [
        (compiler.test(test), compiler.value(value))
        for test, value in zip(call.arguments[::2], call.arguments[1::2], strict=True)
    ]

    def run(row: Row) -> Value | None:
        for test, value in pairs:
            if test(row):
                return value(row)
        return None

    return run


def _check_case(call: Call) -> None:
    if len(call.arguments) % 2:
        raise wrong(
            call.place, "case() takes conditions and values in pairs", "true() as the last condition is a default"
        )


def _coalesce(compiler: Compiler, call: Call) -> Getter:
    getters = [compiler.value(argument) for argument in call.arguments]

    def run(row: Row) -> Value | None:
        for getter in getters:
            value = getter(row)
            if value is not None:
                return value
        return None

    return run


def _nullif(compiler: Compiler, call: Call) -> Getter:
    first, second = (compiler.value(argument) for argument in call.arguments)
    reading = compiler.reading
    equal = comparer("=", reading)

    def run(row: Row) -> Value | None:
        value, other = first(row), second(row)
        if value is None or other is None:
            return value
        other = single(other, "nullif()", call.place)
        return None if any_value(value, lambda one: equal(one, other), reading) else value

    return run


def _in(compiler: Compiler, call: Call) -> Test:
    sought, *options = (compiler.value(argument) for argument in call.arguments)
    reading = compiler.reading
    equal = comparer("=", reading)

    def run(row: Row) -> bool | None:
        value = sought(row)
        if value is None:
            return None
        open_ = False
        for option in options:
            other = option(row)
            found = _equals(value, other)
            if found:
                return True
            open_ = open_ or found is None
        return None if open_ else False

    def _equals(value: Value, other: Value | None) -> bool | None:
        if other is None:
            return None
        return any_value(value, lambda one: any_value(other, lambda two: equal(one, two), reading), reading)

    return run


def _null_test(*, wanted: bool) -> Callable[[Compiler, Call], Test]:
    def make(compiler: Compiler, call: Call) -> Test:
        getter = compiler.value(call.arguments[0])
        return lambda row: (getter(row) is None) is wanted

    return make


def _matcher(check: Callable[[str], Callable[[str], bool]]) -> Callable[[Compiler, Call], Test]:
    """Make a test of a subject by a pattern."""

    def make(compiler: Compiler, call: Call) -> Test:
        subject, pattern = (compiler.value(argument) for argument in call.arguments)
        reading = compiler.reading

        def run(row: Row) -> bool | None:
            value, form = subject(row), pattern(row)
            if value is None or form is None:
                return None
            holds = check(text_of(single(form, f"the pattern of {call.name}()", call.place), reading))
            return any_value(value, lambda one: holds(text_of(one, reading)), reading)

        return run

    return make


def check_pattern(index: int) -> Callable[[Call], None]:
    """Return the check that a regular expression compiles."""

    def check(call: Call) -> None:
        pattern = text_constant(call, index)
        if pattern is not None and (problem := regex.problem(pattern)):
            raise wrong(call.arguments[index].place, f"this regular expression is not valid: {problem}")

    return check


@lru_cache(maxsize=512)
def _like(pattern: str) -> Callable[[str], bool]:
    parts = re.split("([%_])", pattern)
    body = "".join({"%": ".*", "_": "."}.get(part, re.escape(part)) for part in parts)
    compiled = re.compile(body, re.DOTALL)
    return lambda text: compiled.fullmatch(text) is not None


def _check_like(call: Call) -> None:
    pattern = text_constant(call, 1)
    if pattern is None:
        raise wrong(call.place, "the pattern of like must be a text in double quotation marks")
    if "\\" in pattern:
        raise wrong(call.arguments[1].place, "the manual does not say what a backslash means in a pattern of like")


@lru_cache(maxsize=512)
def network(text: str) -> IPv4Network | IPv6Network | None:
    """Read a network in CIDR notation; null when it is none."""
    try:
        return ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


@lru_cache(maxsize=1024)
def inside(text: str, within: IPv4Network | IPv6Network) -> bool:
    """Whether an address belongs to a network; what is no address belongs to none."""
    try:
        return ip_address(text) in within
    except ValueError:
        return False


def _check_network(call: Call) -> None:
    text = text_constant(call, 0)
    if text is not None and network(text) is None:
        raise wrong(call.arguments[0].place, f"{text!r} is not a network in CIDR notation")


def _cidrmatch(compiler: Compiler, call: Call) -> Test:
    subnet, address = (compiler.value(argument) for argument in call.arguments)
    reading: Reading = compiler.reading

    def run(row: Row) -> bool | None:
        first, second = subnet(row), address(row)
        if first is None or second is None:
            return None
        within = network(text_of(single(first, "cidrmatch()", call.place), reading))

        def test(one: Single) -> bool:
            return within is not None and inside(text_of(one, reading), within)

        return any_value(second, test, reading)

    return run


def _first_is_test(index: int) -> Kind:
    return Kind.VALUE if index else Kind.TEST


def _even_are_tests(index: int) -> Kind:
    return Kind.VALUE if index % 2 else Kind.TEST


FUNCTIONS: dict[str, Function] = {
    "if": Function(3, 3, _if, takes=_first_is_test),
    "case": Function(2, None, _case, takes=_even_are_tests, check=_check_case),
    "coalesce": Function(1, None, _coalesce),
    "nullif": Function(2, 2, _nullif),
    "null": Function(0, 0, lambda _, __: lambda _: None),
    "true": Function(0, 0, lambda _, __: lambda _: True, Kind.TEST),
    "false": Function(0, 0, lambda _, __: lambda _: False, Kind.TEST),
    "in": Function(2, None, _in, Kind.TEST),
    "isnull": Function(1, 1, _null_test(wanted=True), Kind.TEST),
    "isnotnull": Function(1, 1, _null_test(wanted=False), Kind.TEST),
    "match": Function(2, 2, _matcher(regex.finder), Kind.TEST, check=check_pattern(1)),
    "like": Function(2, 2, _matcher(_like), Kind.TEST, check=_check_like),
    "cidrmatch": Function(2, 2, _cidrmatch, Kind.TEST, check=_check_network),
}
