"""streamstats (Search Reference: streamstats)."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeAlias

from unissued.engines.spl.aggregate import FUNCTIONS, Accumulator
from unissued.engines.spl.function import Compiler
from unissued.engines.spl.parts import MAX_STREAM_WINDOW
from unissued.engines.spl.tree import Aggregate, Kind, Place, StreamStats
from unissued.engines.spl.values import Reading, Row, Single, numeric, singles, text_of, undocumented

Key: TypeAlias = tuple[str, ...]
Extract: TypeAlias = Callable[[Row], Sequence[Single]]


def extractor(aggregate: Aggregate, compiler: Compiler) -> Extract:
    """Return the function that takes out of a row what a statistic is about."""
    argument = aggregate.argument
    if argument is None:
        return lambda _: (1,)  # count() counts the rows themselves
    if argument.kind is Kind.TEST:
        test = compiler.test(argument)
        return lambda row: (1,) if test(row) else ()
    getter = compiler.value(argument)
    return lambda row: singles(getter(row))


def key_of(row: Row, by: tuple[str, ...], reading: Reading, place: Place) -> Key | None:
    """Return the group of a row; none where one of the fields is null.

    Raises:
        UnsupportedError: a field has several values; only for stats does the manual say what that means.
    """
    key = []
    for name in by:
        value = row.get(name)
        if value is None:
            return None
        if isinstance(value, tuple):
            raise undocumented(f"a group of several values of {name}", place)
        key.append(text_of(value, reading))
    return tuple(key)


def set_field(row: Row, name: str, value: object) -> None:
    """Set a field of a row; null clears it."""
    if value is None:
        row.pop(name, None)
    else:
        row[name] = value  # type: ignore[assignment]  # whoever calls has a Value


@dataclass(slots=True)
class _Seen:
    """What a row gave to each statistic."""

    key: Key
    moment: float | None
    values: list[Sequence[Single]]


class _Window:
    """The rows that a row is computed from: added up as they come, and anew once one has left."""

    def __init__(self, fresh: Callable[[], list[Accumulator]]) -> None:
        self.rows: deque[_Seen] = deque()
        self.start: float | None = None
        self._fresh = fresh
        self._running: dict[Key, list[Accumulator]] | None = {}

    def push(self, seen: _Seen) -> None:
        """Let a row in."""
        self.rows.append(seen)
        if self._running is not None:
            _add(self._running.setdefault(seen.key, self._fresh()), seen)

    def pop(self) -> None:
        """Let the oldest row out."""
        self.rows.popleft()
        self._running = None

    def statistics(self, key: Key) -> list[Accumulator]:
        """Return the statistics of one group."""
        if self._running is not None:
            return self._running.get(key) or self._fresh()
        accumulators = self._fresh()
        for seen in self.rows:
            if seen.key == key:
                _add(accumulators, seen)
        return accumulators


class Stream:
    """One run of a streamstats command."""

    def __init__(self, command: StreamStats, compiler: Compiler, cut: Callable[[str], None]) -> None:
        self._command = command
        self._reading = compiler.reading
        self._cut = cut
        self._extractors = [extractor(one, compiler) for one in command.aggregates]

    def run(self, rows: list[Row]) -> list[Row]:
        """Add the statistics to every row. A row without a group passes and gets none."""
        command = self._command
        if command.window or command.seconds is not None:
            self._in_windows(rows)
        elif command.window is None and self._reading is Reading.TEXT and len(rows) > MAX_STREAM_WINDOW:
            self._cut(f"{command.place}: streamstats looked at the last {MAX_STREAM_WINDOW} of {len(rows)} rows")
            self._in_windows(rows)
        else:
            self._over_all(rows)
        return rows

    def _fresh(self) -> list[Accumulator]:
        return [FUNCTIONS[one.function](self._reading, self._cut) for one in self._command.aggregates]

    def _seen(self, row: Row) -> _Seen | None:
        key = key_of(row, self._command.by, self._reading, self._command.place)
        if key is None:
            return None
        return _Seen(key, numeric(row.get("_time")), [extract(row) for extract in self._extractors])

    def _write(self, row: Row, accumulators: Sequence[Accumulator]) -> None:
        for one, accumulator in zip(self._command.aggregates, accumulators, strict=True):
            set_field(row, one.output, accumulator.result())

    def _over_all(self, rows: list[Row]) -> None:
        groups: dict[Key, list[Accumulator]] = {}
        for row in rows:
            seen = self._seen(row)
            if seen is None:
                continue
            accumulators = groups.get(seen.key)
            if accumulators is None:
                accumulators = groups[seen.key] = self._fresh()
            if not self._command.current:
                self._write(row, accumulators)
            _add(accumulators, seen)
            if self._command.current:
                self._write(row, accumulators)

    def _in_windows(self, rows: list[Row]) -> None:
        """Compute each row from its window: one for all groups, or one for each (``global=f``)."""
        command = self._command
        size = command.window or MAX_STREAM_WINDOW
        apart = bool(command.window) and not command.shared
        windows: dict[Key, _Window] = {}
        self._check_order(rows)
        for row in rows:
            seen = self._seen(row)
            if seen is None:
                continue
            window = windows.setdefault(seen.key if apart else (), _Window(self._fresh))
            if command.seconds is not None:
                self._pass_time(window, seen.moment, command.seconds)
            if command.current:
                window.push(seen)
            while len(window.rows) > size:
                window.pop()
            self._write(row, window.statistics(seen.key))
            if not command.current:
                window.push(seen)

    def _pass_time(self, window: _Window, moment: float | None, span: int) -> None:
        """Let rows leave: one by one, or all of them once the span has passed, where the calculations are "reset"."""
        if moment is None:
            raise undocumented("time_window on rows without _time", self._command.place)
        if self._reading is Reading.TEXT:
            while window.rows and abs(moment - (window.rows[0].moment or 0)) > span:
                window.pop()
        elif window.start is None or abs(moment - window.start) >= span:
            window.start = moment
            while window.rows:
                window.pop()

    def _check_order(self, rows: list[Row]) -> None:
        if self._command.seconds is None:
            return
        moments = [numeric(row.get("_time")) or 0 for row in rows]
        if moments not in (sorted(moments), sorted(moments, reverse=True)):
            raise undocumented("time_window on rows that are not sorted by time", self._command.place)


def _add(accumulators: Sequence[Accumulator], seen: _Seen) -> None:
    for accumulator, values in zip(accumulators, seen.values, strict=True):
        accumulator.add(values, seen.moment)
