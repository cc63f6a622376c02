"""Commands on rows, each as the Search Reference's page of the same name says."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterable, Sequence
from functools import cmp_to_key
from ipaddress import ip_address

from unissued.engines.spl.aggregate import FUNCTIONS, Accumulator
from unissued.engines.spl.function import Compiler, as_texts
from unissued.engines.spl.tree import (
    Aggregate,
    Dedup,
    Eval,
    EventStats,
    Fields,
    MvExpand,
    Rename,
    Sort,
    SortKey,
    Stats,
    Table,
    Where,
    XySeries,
)
from unissued.engines.spl.values import Reading, Row, Single, numeric, order, single, singles, text_of, undocumented
from unissued.engines.spl.windows import Extract, Key, extractor, key_of, set_field

ORIGIN = "\0origin"
"""Where multisearch notes the time that an event lies at in the index. No field has such a name, no command sees it."""
_KEPT = ("_raw", "_time", ORIGIN)
"""The fields command keeps these unless they are removed by name."""

Cut = Callable[[str], None]


def run_where(command: Where, rows: list[Row], compiler: Compiler) -> list[Row]:
    """Keep the rows for which the expression is true, not those for which it is null."""
    test = compiler.test(command.test)
    return [row for row in rows if test(row)]


def run_eval(command: Eval, rows: list[Row], compiler: Compiler) -> list[Row]:
    """Set fields from left to right; null clears a field."""
    assignments = [(name, compiler.value(expression)) for name, expression in command.assignments]
    for row in rows:
        for name, getter in assignments:
            set_field(row, name, getter(row))
    return rows


def _selector(names: Iterable[str]) -> Callable[[str], bool]:
    exact = {name for name in names if "*" not in name}
    wild = [re.compile(".*".join(map(re.escape, name.split("*")))) for name in names if "*" in name]
    return lambda name: name in exact or any(pattern.fullmatch(name) for pattern in wild)


def run_fields(command: Fields, rows: list[Row]) -> list[Row]:
    """Keep or remove fields."""
    selected = _selector(command.names)
    if command.keep:
        return [{name: row[name] for name in row if name in _KEPT or selected(name)} for row in rows]
    return [{name: row[name] for name in row if name == ORIGIN or not selected(name)} for row in rows]


def run_table(command: Table, rows: list[Row]) -> list[Row]:
    """Keep exactly these fields, in this order."""
    if not any("*" in name for name in command.names):
        return [{name: row[name] for name in command.names if name in row} for row in rows]
    selectors = [_selector([name]) for name in command.names]
    return [{name: row[name] for selected in selectors for name in row if selected(name)} for row in rows]


def run_rename(command: Rename, rows: list[Row]) -> list[Row]:
    """Rename fields; a new name that is taken loses its data, even where the old one does not exist."""
    for row in rows:
        for old, new in command.pairs:
            set_field(row, new, row.pop(old, None))
    return rows


def run_mvexpand(command: MvExpand, rows: list[Row]) -> list[Row]:
    """Make one row for each value. A row whose field is null stays as it is."""
    out: list[Row] = []
    for row in rows:
        value = row.get(command.field)
        if not isinstance(value, tuple):
            out.append(row)
            continue
        kept = value[: command.limit] if command.limit else value
        out += [{**row, command.field: one} for one in kept]
    return out


def run_xyseries(command: XySeries, rows: list[Row], reading: Reading) -> list[Row]:
    """Make a table of two keys. The order of its rows is open; columns have none here.

    Raises:
        UnsupportedError: a row lacks a key, or two rows have the same two; of the latter Splunk keeps one or the other.
    """
    table: dict[str, Row] = {}
    for row in rows:
        key = key_of(row, (command.row, command.column), reading, command.place)
        if key is None:
            raise undocumented("a row without a key", command.place)
        line = table.setdefault(key[0], {command.row: row[command.row]})
        if key[1] in line:
            raise undocumented(f"two cells for {key[0]} and {key[1]}", command.place)
        set_field(line, key[1], row.get(command.cell))
    return [table[key] for key in (sorted(table) if reading is Reading.TEXT else table)]


def run_dedup(command: Dedup, rows: list[Row], reading: Reading) -> list[Row]:
    """Keep the first rows of each combination; several values are equal when all are. Rows with a null are dropped."""
    seen: dict[tuple[tuple[str, ...], ...], int] = {}
    out: list[Row] = []
    for row in rows:
        values = [singles(row.get(name)) for name in command.names]
        if not all(values):
            if command.keep_empty:
                out.append(row)
            continue
        key = tuple(tuple(as_texts(value, reading)) for value in values)
        if command.consecutive and key not in seen:
            seen.clear()
        seen[key] = seen.get(key, 0) + 1
        if seen[key] <= command.count:
            out.append(row)
    return out


def run_sort(command: Sort, rows: list[Row], reading: Reading, cut: Cut) -> list[Row]:
    """Sort, then keep so many. Rows that lack a field come last in either direction."""
    out = rows[::-1] if reading is Reading.NUMBERS else rows[:]  # the order of ties is nowhere promised
    for key in reversed(command.keys):
        out = _sorted_by(key, out, command, reading)
    if command.limit and len(out) > command.limit:
        cut(f"{command.place}: sort kept {command.limit} of {len(out)} rows")
        out = out[: command.limit]
    return out


def _sorted_by(key: SortKey, rows: list[Row], command: Sort, reading: Reading) -> list[Row]:
    present, missing = [], []
    for row in rows:
        value = row.get(key.field)
        if value is None:
            missing.append(row)
        else:
            present.append((single(value, "sort", command.place), row))
    order = _order_of(key, [value for value, _ in present], reading)
    present.sort(key=lambda pair: order(pair[0]), reverse=key.descending)  # type: ignore[arg-type,return-value]
    return [*(row for _, row in present), *missing]


def _order_of(key: SortKey, values: Sequence[Single], reading: Reading) -> Callable[[Single], object]:
    """Return what to sort values by: numbers as numbers, addresses as addresses, anything else as text.

    "The sort order is determined between each pair of values that are compared at any one time."
    """
    if key.kind != "str" and all(numeric(value) is not None for value in values):
        return numeric
    if key.kind == "auto" and any(numeric(value) is not None or _address(value) for value in values):
        return cmp_to_key(lambda one, other: _pairwise(one, other, reading))
    if key.kind == "num":
        return lambda value: (numeric(value) is None, numeric(value) or 0)
    return lambda value: text_of(value, reading)


def _pairwise(one: Single, other: Single, reading: Reading) -> int:
    """Compare as numbers or addresses where both are one, otherwise as text."""
    for form in (numeric, _address):
        first, second = form(one), form(other)
        if first is not None and second is not None:
            return order(first, second)
    return order(text_of(one, reading), text_of(other, reading))


def _address(value: Single) -> tuple[int, int] | None:
    try:
        found = ip_address(value) if isinstance(value, str) else None
    except ValueError:
        return None
    return (found.version, int(found)) if found else None


def _moment(row: Row) -> float | None:
    return numeric(row.get("_time"))


def _accumulators(aggregates: Sequence[Aggregate], reading: Reading, cut: Cut) -> list[Accumulator]:
    return [FUNCTIONS[one.function](reading, cut) for one in aggregates]


def _take(row: Row, accumulators: Sequence[Accumulator], extractors: Sequence[Extract]) -> None:
    moment = _moment(row)
    for accumulator, extract in zip(accumulators, extractors, strict=True):
        accumulator.add(extract(row), moment)


def run_stats(command: Stats, rows: list[Row], compiler: Compiler, cut: Cut) -> list[Row]:
    """Make one row for each group. A row with a null key is in none, one with several values of a key in several."""
    reading = compiler.reading
    extractors = [extractor(one, compiler) for one in command.aggregates]
    groups: dict[Key, list[Accumulator]] = {}
    if not command.by:
        groups[()] = _accumulators(command.aggregates, reading, cut)
    for row in rows:
        for key in itertools.product(*(as_texts(singles(row.get(name)), reading) for name in command.by)):
            if key not in groups:
                groups[key] = _accumulators(command.aggregates, reading, cut)
            _take(row, groups[key], extractors)
    # The manual shows groups in the order of their keys and does not promise it.
    keys = sorted(groups) if reading is Reading.TEXT else list(groups)
    return [_group_row(command, key, groups[key]) for key in keys]


def _group_row(command: Stats, key: Key, accumulators: Sequence[Accumulator]) -> Row:
    row: Row = dict(zip(command.by, key, strict=True))
    for one, accumulator in zip(command.aggregates, accumulators, strict=True):
        set_field(row, one.output, accumulator.result())
    return row


def run_eventstats(command: EventStats, rows: list[Row], compiler: Compiler, cut: Cut) -> list[Row]:
    """Add the statistics of its group to every row; rows without a group stay as they are."""
    reading = compiler.reading
    extractors = [extractor(one, compiler) for one in command.aggregates]
    keys = [key_of(row, command.by, reading, command.place) for row in rows]
    groups: dict[Key, list[Accumulator]] = {}
    for key, row in zip(keys, rows, strict=True):
        if key is None:
            continue
        if key not in groups:
            groups[key] = _accumulators(command.aggregates, reading, cut)
        _take(row, groups[key], extractors)
    results = {key: [one.result() for one in accumulators] for key, accumulators in groups.items()}
    for key, row in zip(keys, rows, strict=True):
        if key is not None:
            for one, result in zip(command.aggregates, results[key], strict=True):
                set_field(row, one.output, result)
    return rows
