"""Makes sorts, statistics and options of commands for the syntax tree, from what the grammar finds of them."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Literal, NamedTuple

from lark import Token

from unissued.engines.spl import times
from unissued.engines.spl.aggregate import FUNCTIONS as AGGREGATES
from unissued.engines.spl.checks import place_of
from unissued.engines.spl.function import wrong
from unissued.engines.spl.tree import Aggregate, Command, Expression, FieldValue, Kind, Place, Sort, SortKey

MAX_STREAM_WINDOW = 10_000
"""limits.conf: the largest window of streamstats."""
SORT_KINDS: dict[str, Literal["auto", "num", "str"]] = {"auto": "auto", "num": "num", "str": "str"}
_SORT_LIMIT = 10_000
_TRUTHS = {"t": True, "true": True, "1": True, "f": False, "false": False, "0": False}


class Name(NamedTuple):
    """A name in a list of fields."""

    text: str
    place: Place


class Option(NamedTuple):
    """An option of a command."""

    name: str
    value: str
    place: Place


class Evaluated(NamedTuple):
    """An expression that a statistic is about."""

    expression: Expression


class Alias(NamedTuple):
    """What stands behind AS."""

    name: str


class By(NamedTuple):
    """What stands behind BY."""

    items: tuple[Name | Option, ...]


class Pair(NamedTuple):
    """A column of a lookup table and the field that goes with it."""

    column: str
    field: str


class SortPart(NamedTuple):
    """A field to sort by, as it is written."""

    key: SortKey
    place: Place
    apart: bool
    """Whether its sign stands apart from it."""


def sort_part(parts: Sequence[Token], key: SortKey) -> SortPart:
    """Make a field to sort by from its sign and name."""
    return SortPart(key, place_of(parts[0]), parts[0].type == "SIGN" and parts[0].end_pos != parts[1].start_pos)


def sort_command(word: Token, parts: Sequence[Token | SortPart]) -> Command:
    """Make a sort."""
    limit = next((int(part) for part in parts if isinstance(part, Token)), _SORT_LIMIT)
    keys = [part for part in parts if isinstance(part, SortPart)]
    if len(keys) > 1 and keys[-1].key.field in ("d", "desc"):
        raise wrong(keys[-1].place, f"a trailing {keys[-1].key.field} reverses the order", "put - before the field")
    for part in keys:
        # A sign that stands apart holds for all fields that follow, says one version of the manual and not the others.
        if part.apart and len(keys) > 1:
            raise wrong(part.place, "a sign must stand right before its field")
    return Sort(place_of(word), tuple(part.key for part in keys), limit)


def aggregate_of(function: Token, parts: Iterable[Name | Evaluated | Alias]) -> Aggregate:
    """Make a statistic."""
    name, place = str(function).lower(), place_of(function)
    known = AGGREGATES.get(name)
    if known is None:
        raise wrong(place, f"unknown statistical function {function}()", f"known: {', '.join(sorted(AGGREGATES))}")
    argument: Expression | None = None
    label, alias = name, None
    for part in parts:
        match part:
            case Alias(name=text):
                alias = text
            case Evaluated(expression=expression):
                if expression.kind is Kind.TEST and name != "count":
                    raise wrong(expression.place, f"{name}() of something true or false", "only count() takes it")
                argument, label = expression, ""
            case Name(text=text, place=where):
                argument, label = FieldValue(text, where), f"{name}({text})"
    if argument is None and name != "count":
        raise wrong(place, f"{name}() needs a field")
    if not label and alias is None:
        raise wrong(place, f"the result of {name}(eval(...)) needs a name", "add AS")
    return Aggregate(name, argument, alias or label, place)


def grouped(word: Token, parts: Sequence[Aggregate | Option | By]) -> tuple[tuple[Aggregate, ...], tuple[str, ...]]:
    """Return the statistics of a command and what they are grouped by."""
    aggregates = tuple(part for part in parts if isinstance(part, Aggregate))
    if not aggregates:
        raise wrong(place_of(word), f"{word} needs a statistical function")
    by = tuple(item.text for part in parts if isinstance(part, By) for item in part.items if isinstance(item, Name))
    outputs: set[str] = set(by)
    renamed: set[tuple[str, str]] = set()
    for one in aggregates:
        if one.output in outputs:
            raise wrong(one.place, f"two results are called {one.output}")
        outputs.add(one.output)
        if isinstance(one.argument, FieldValue):
            # "You cannot rename one field with multiple names."
            if (one.function, one.argument.name) in renamed:
                raise wrong(one.place, f"{one.function}({one.argument.name}) cannot have two names")
            renamed.add((one.function, one.argument.name))
    return aggregates, by


def options_of(parts: Iterable[object], known: Mapping[str, Callable[[Option], int]]) -> dict[str, int]:
    """Return the options among the parts of a command, each read by its function."""
    flat = [item for part in parts for item in (part.items if isinstance(part, By) else (part,))]
    found: dict[str, int] = {}
    for option in flat:
        if not isinstance(option, Option):
            continue
        if option.name not in known:
            raise wrong(option.place, f"unknown option {option.name}", f"known: {', '.join(sorted(known)) or 'none'}")
        if option.name in found:
            raise wrong(option.place, f"the option {option.name} is given twice")
        found[option.name] = known[option.name](option)
    return found


def as_truth(option: Option) -> int:
    """Read true or false."""
    if option.value.lower() not in _TRUTHS:
        raise wrong(option.place, f"{option.name} is true or false, not {option.value}")
    return _TRUTHS[option.value.lower()]


def as_count(option: Option) -> int:
    """Read a number."""
    if not re.fullmatch("[0-9]{1,7}", option.value):
        raise wrong(option.place, f"{option.name} is a number, not {option.value[:40]}")
    return int(option.value)


def as_window(option: Option) -> int:
    """Read the size of a window."""
    size = as_count(option)
    if size > MAX_STREAM_WINDOW:
        raise wrong(option.place, f"a window holds at most {MAX_STREAM_WINDOW} rows (max_stream_window)")
    return size


def as_seconds(option: Option) -> int:
    """Read a span of time."""
    seconds = times.span(option.value)
    if not seconds:
        raise wrong(option.place, f"{option.value} is not a span", "like 5m")
    return seconds
