"""What a function of eval expressions is: its arguments, what may be said of them beforehand, how it is computed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias

from unissued.engines.spl.tree import Call, Constant, Expression, Kind, Place, SplError
from unissued.engines.spl.values import Reading, Row, Single, Value, single, text_of

Getter: TypeAlias = Callable[[Row], Value | None]
Test: TypeAlias = Callable[[Row], bool | None]


class Compiler(Protocol):
    """Turns expressions into functions of a row."""

    @property
    def reading(self) -> Reading:
        """Which reading of the documentation."""

    @property
    def now(self) -> float:
        """When the search was started."""

    def value(self, expression: Expression) -> Getter:
        """Compile an expression that gives a value."""

    def test(self, expression: Expression) -> Test:
        """Compile an expression that is true, false or null."""


@dataclass(frozen=True, slots=True)
class Function:
    """One function. ``make`` returns a :data:`Getter`, where the result is a test a :data:`Test`, which is one too."""

    least: int
    most: int | None
    make: Callable[[Compiler, Call], Getter]
    result: Kind = Kind.VALUE
    takes: Callable[[int], Kind | None] = lambda _: Kind.VALUE
    """The kind of the argument with an index; None when either will do."""
    check: Callable[[Call], None] = lambda _: None
    """Raises SplError for constant arguments that cannot be right."""


def wrong(place: Place, problem: str, hint: str = "") -> SplError:
    """Make the error for a place in the text of a search."""
    return SplError.at(str(place), problem, hint)


def text_constant(call: Call, index: int) -> str | None:
    """Return an argument that is written as a text."""
    argument = call.arguments[index] if index < len(call.arguments) else None
    return argument.value if isinstance(argument, Constant) and isinstance(argument.value, str) else None


def strictly(compiler: Compiler, call: Call, apply: Callable[..., Value | None]) -> Getter:
    """Return the function whose result is null as soon as an argument is."""
    getters = [compiler.value(argument) for argument in call.arguments]
    if len(getters) == 1:
        only = getters[0]

        def run_one(row: Row) -> Value | None:
            value = only(row)
            return None if value is None else apply(value)

        return run_one

    def run(row: Row) -> Value | None:
        values = [getter(row) for getter in getters]
        return None if any(value is None for value in values) else apply(*values)

    return run


def of_texts(apply: Callable[..., Value | None]) -> Callable[[Compiler, Call], Getter]:
    """Make a function of single texts. Numbers are read as text; several values are refused."""

    def make(compiler: Compiler, call: Call) -> Getter:
        reading, name, place = compiler.reading, f"{call.name}()", call.place

        def texts(*values: Value) -> Value | None:
            return apply(*(text_of(single(value, name, place), reading) for value in values))

        return strictly(compiler, call, texts)

    return make


def text_getter(compiler: Compiler, call: Call, index: int) -> Callable[[Row], str | None]:
    """Compile one argument as a single text."""
    reading, name, place = compiler.reading, f"{call.name}()", call.place
    getter = compiler.value(call.arguments[index])

    def run(row: Row) -> str | None:
        value = getter(row)
        return None if value is None else text_of(single(value, name, place), reading)

    return run


def as_texts(values: tuple[Single, ...], reading: Reading) -> list[str]:
    """Return single values as texts."""
    return [text_of(value, reading) for value in values]
