"""The gate of the absence rules: was a feed complete for the whole time in which a record could have been?"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from unissued.evaluate.match import Reason
from unissued.pack.catalogue import Source
from unissued.record import Record

HOUR = timedelta(hours=1)
WEEK = timedelta(days=7)
_SEEN = timedelta(days=14)
"""How far back rows are counted from the time of judgement: no rule of Sentinel sees more."""
BLOCK_HOURS = 6
"""Hours that are judged together where there are few rows."""
_ENOUGH = 0.8
"""Share of last week's rows below which an hour has a gap."""
SMALL = 50
"""Rows an hour below which hours are judged in blocks of six."""


class Feeds:
    """Counts the rows of every feed by hour and says where one cannot be trusted.

    Args:
        records: the whole stream.
        measured: whether to look at the rows at all; otherwise every feed counts as complete.
        rows_last_week: table -> rows an hour of the week before, where the stream does not reach back so far.
    """

    def __init__(self, records: Iterable[Record], *, measured: bool, rows_last_week: Mapping[str, int]) -> None:
        self.measured = measured
        self._last_week = rows_last_week
        self._rows: dict[str, dict[datetime, list[datetime]]] = {}
        self._sources: set[str] = set()
        for record in records if measured else ():
            self._sources.add(record.source)
            hour = record.time.replace(minute=0, second=0, microsecond=0)
            self._rows.setdefault(record.table, {}).setdefault(hour, []).append(record.ingested)
        for hours in self._rows.values():
            for arrivals in hours.values():
                arrivals.sort()
        self._hours = {table: sorted(hours) for table, hours in self._rows.items()}

    def lacks(self, sources: Iterable[Source]) -> bool:
        """Tell whether the stream has no record at all of any of these log sources."""
        return self.measured and not any(source.key in self._sources for source in sources)

    def missing(self, source: Source) -> tuple[Reason, str] | None:
        """Return which feed of a source the stream lacks altogether, or None if it has them."""
        if not self.measured:
            return None
        if source.key not in self._sources:
            return Reason.FEED_MISSING, f"no records of {source.key}"
        lacking = [table for table in source.required_tables if table not in self._rows]
        return (Reason.FEED_MISSING, f"no rows of {lacking[0]}") if lacking else None

    def gap(self, source: Source, start: datetime, end: datetime, judged: datetime) -> tuple[Reason, str] | None:
        """Return why the absence of a record of a source between two times proves nothing, or None if it does.

        What counts are the hours that are over at the time of judgement, and the rows that had arrived by then: rows
        that come later cannot have explained anything.
        """
        if not self.measured:
            return None
        missing = self.missing(source)
        if missing is not None:
            return missing
        for table in source.required_tables:
            hours = list(self._gaps(table, start, end, judged))
            if hours:
                return Reason.FEED_INCOMPLETE, f"{table} has gaps, the first at {hours[0]:%Y-%m-%dT%H:%MZ}"
        return None

    def _gaps(self, table: str, start: datetime, end: datetime, judged: datetime) -> Iterator[datetime]:
        blocks: dict[datetime, list[datetime]] = {}
        hour = start.astimezone(UTC).replace(minute=0, second=0, microsecond=0)
        while hour <= end and hour + HOUR <= judged:
            expected = self._expected(table, hour, judged)
            if expected is not None and expected >= SMALL:
                if self._count(table, hour, judged) < _ENOUGH * expected:
                    yield hour
            else:
                blocks.setdefault(hour.replace(hour=hour.hour - hour.hour % BLOCK_HOURS), []).append(hour)
            hour += HOUR
        for block, hours in blocks.items():
            if not self._block_is_complete(table, hours, judged):
                yield block

    def _count(self, table: str, hour: datetime, judged: datetime) -> int:
        return bisect_right(self._rows[table].get(hour, ()), judged)

    def _expected(self, table: str, hour: datetime, judged: datetime) -> int | None:
        """Return last week's rows of the same hour, or None where nothing is known about last week.

        Hours that had begun two weeks before the judgement count as unknown.
        """
        before = hour - WEEK
        if before <= judged - _SEEN:
            return None
        if table in self._last_week:
            return self._last_week[table]
        hours = self._hours[table]
        last = bisect_right(hours, before)
        known = last > 0 and hours[last - 1] > judged - _SEEN
        return self._count(table, before, judged) if known else None

    def _block_is_complete(self, table: str, hours: list[datetime], judged: datetime) -> bool:
        rows = sum(self._count(table, hour, judged) for hour in hours)
        expected = [self._expected(table, hour, judged) for hour in hours]
        known = [count for count in expected if count is not None]
        if len(known) < len(hours):
            # Without a week to compare with, a whole block without any row is a gap.
            return rows > 0 or len(hours) < BLOCK_HOURS
        return rows >= _ENOUGH * sum(known)
