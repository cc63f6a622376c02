"""The syntax tree of a search. Nothing in it changes once it is built."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import ClassVar, Literal, TypeAlias

from unissued.errors import PackError


class SplError(PackError):
    """A search is not written in the subset of SPL that is understood, or asks for something that is not there."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where something stands in the text of a search; both count from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


class Kind(Enum):
    """What an expression gives. Splunk does not let a Boolean be a field's value."""

    VALUE = "a value"
    TEST = "true or false"


@dataclass(frozen=True, slots=True)
class Constant:
    """A number or a text."""

    value: str | int | float
    place: Place = dataclasses.field(compare=False)
    digits: int | None = None
    """How many significant digits a number with a decimal point was written with."""
    kind: Kind = Kind.VALUE
    depth: int = 0


@dataclass(frozen=True, slots=True)
class FieldValue:
    """The value of a field."""

    name: str
    place: Place = dataclasses.field(compare=False)
    kind: Kind = Kind.VALUE
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Operation:
    """Operands of ``+ - * / % .``, ``= != < <= > >=`` or ``AND OR XOR``; one operand of ``NOT`` or ``-``."""

    operator: str
    operands: tuple[Expression, ...]
    place: Place = dataclasses.field(compare=False)
    kind: Kind = Kind.VALUE
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Call:
    """A function and its arguments."""

    name: str
    arguments: tuple[Expression, ...]
    place: Place = dataclasses.field(compare=False)
    kind: Kind = Kind.VALUE
    depth: int = 1


Expression: TypeAlias = Constant | FieldValue | Operation | Call


def fields_of(expression: Expression) -> set[str]:
    """Return the names of the fields that an expression reads."""
    match expression:
        case FieldValue(name=name):
            return {name}
        case Operation(operands=inner) | Call(arguments=inner):
            return {name for part in inner for name in fields_of(part)}
    return set()


@dataclass(frozen=True, slots=True)
class Comparison:
    """A term of a search expression: a field against literal values, any of which will do."""

    field: str
    operator: str
    values: tuple[str, ...]
    place: Place = dataclasses.field(compare=False)
    depth: int = 0


@dataclass(frozen=True, slots=True)
class TimeBound:
    """``earliest``, ``latest``, ``_index_earliest`` or ``_index_latest``."""

    name: str
    specifier: str
    place: Place = dataclasses.field(compare=False)
    depth: int = 0


@dataclass(frozen=True, slots=True)
class Both:
    """All of several terms."""

    terms: tuple[Term, ...]
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Either:
    """Any of several terms."""

    terms: tuple[Term, ...]
    depth: int = 1


@dataclass(frozen=True, slots=True)
class Inverse:
    """Not a term."""

    term: Term
    depth: int = 1


Term: TypeAlias = Comparison | TimeBound | Both | Either | Inverse


def terms_of(term: Term) -> Iterator[Comparison | TimeBound]:
    """Go through the comparisons and times of a search expression."""
    match term:
        case Both(terms=inner) | Either(terms=inner):
            for part in inner:
                yield from terms_of(part)
        case Inverse(term=part):
            yield from terms_of(part)
        case _:
            yield term


@dataclass(frozen=True, slots=True)
class Command:
    """What all commands have."""

    place: Place = dataclasses.field(compare=False)
    name: ClassVar[str]
    streams: ClassVar[bool] = False
    """Whether it is a distributable streaming command (Search Reference, Command types)."""


@dataclass(frozen=True, slots=True)
class SearchCommand(Command):
    """Retrieves events when it is the first command, filters them later."""

    condition: Term
    first: bool
    name: ClassVar[str] = "search"
    streams: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Where(Command):
    """Keeps the rows for which an expression is true."""

    test: Expression
    name: ClassVar[str] = "where"
    streams: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Eval(Command):
    """Sets fields, from left to right."""

    assignments: tuple[tuple[str, Expression], ...]
    name: ClassVar[str] = "eval"
    streams: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Fields(Command):
    """Keeps or removes fields."""

    names: tuple[str, ...]
    keep: bool
    name: ClassVar[str] = "fields"
    streams: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Table(Command):
    """Keeps exactly these fields."""

    names: tuple[str, ...]
    name: ClassVar[str] = "table"


@dataclass(frozen=True, slots=True)
class SortKey:
    """One field to sort by."""

    field: str
    descending: bool
    kind: Literal["auto", "num", "str"] = "auto"


@dataclass(frozen=True, slots=True)
class Sort(Command):
    """Sorts, and keeps so many rows; 0 keeps all."""

    keys: tuple[SortKey, ...]
    limit: int
    name: ClassVar[str] = "sort"


@dataclass(frozen=True, slots=True)
class Dedup(Command):
    """Keeps the first rows of each combination of values."""

    names: tuple[str, ...]
    count: int
    keep_empty: bool
    consecutive: bool
    name: ClassVar[str] = "dedup"


@dataclass(frozen=True, slots=True)
class Aggregate:
    """A statistical function, what it is about (nothing: the rows themselves) and the field that takes the result."""

    function: str
    argument: Expression | None
    output: str
    place: Place = dataclasses.field(compare=False)


@dataclass(frozen=True, slots=True)
class Stats(Command):
    """Replaces the rows with one for each group."""

    aggregates: tuple[Aggregate, ...]
    by: tuple[str, ...]
    name: ClassVar[str] = "stats"


@dataclass(frozen=True, slots=True)
class EventStats(Command):
    """Adds to every row the statistics of its group."""

    aggregates: tuple[Aggregate, ...]
    by: tuple[str, ...]
    name: ClassVar[str] = "eventstats"


@dataclass(frozen=True, slots=True)
class StreamStats(Command):
    """Adds to every row the statistics of the rows up to it."""

    aggregates: tuple[Aggregate, ...]
    by: tuple[str, ...]
    current: bool
    window: int | None
    """How many rows it looks at, 0 for all; nothing where the search does not say."""
    shared: bool
    """One window for all groups (``global``)."""
    seconds: int | None
    name: ClassVar[str] = "streamstats"


@dataclass(frozen=True, slots=True)
class Lookup(Command):
    """Adds columns of a table where its match columns equal fields of the row."""

    table: str
    matches: tuple[tuple[str, str], ...]
    """(column, field)"""
    outputs: tuple[tuple[str, str], ...]
    overwrite: bool
    name: ClassVar[str] = "lookup"
    streams: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class InputLookup(Command):
    """The rows of a table."""

    table: str
    name: ClassVar[str] = "inputlookup"


@dataclass(frozen=True, slots=True)
class MakeResults(Command):
    """So many rows that have nothing but a time."""

    count: int
    name: ClassVar[str] = "makeresults"


@dataclass(frozen=True, slots=True)
class Append(Command):
    """Adds the rows of another search behind the rows."""

    search: Search
    name: ClassVar[str] = "append"


@dataclass(frozen=True, slots=True)
class MultiSearch(Command):
    """Runs several streaming searches side by side."""

    searches: tuple[Search, ...]
    name: ClassVar[str] = "multisearch"


@dataclass(frozen=True, slots=True)
class MvExpand(Command):
    """One row for each value of a field."""

    field: str
    limit: int
    name: ClassVar[str] = "mvexpand"
    streams: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class KeepAll(Command):
    """``search *``: every row stays."""

    name: ClassVar[str] = "search"
    streams: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class XySeries(Command):
    """One row for each value of the first field, one column for each value of the second, the third in the cells."""

    row: str
    column: str
    cell: str
    name: ClassVar[str] = "xyseries"


@dataclass(frozen=True, slots=True)
class Rename(Command):
    """Gives fields other names."""

    pairs: tuple[tuple[str, str], ...]
    name: ClassVar[str] = "rename"
    streams: ClassVar[bool] = True


@dataclass(frozen=True, slots=True)
class Search:
    """A search: its commands in order."""

    pipeline: tuple[Command, ...]
    text: str = dataclasses.field(default="", repr=False, compare=False)
    depth: int = dataclasses.field(default=1, repr=False, compare=False)
    """How deep searches are nested in it, this one included."""

    def walk(self) -> Iterator[Command]:
        """Go through all commands in the order of the text, those of subsearches behind the command that holds them."""
        for command in self.pipeline:
            yield command
            inner: tuple[Search, ...] = ()
            if isinstance(command, Append):
                inner = (command.search,)
            elif isinstance(command, MultiSearch):
                inner = command.searches
            for search in inner:
                yield from search.walk()

    @property
    def commands(self) -> tuple[str, ...]:
        """The names of all commands, in the order of the text."""
        return tuple(command.name for command in self.walk())
