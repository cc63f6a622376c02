"""Rows without content that fill the sign-in feeds, so that an absence can be judged in a tenant that has no sign-ins.

The rules on absence compare some days with the week before and want both feeds complete. A row is a sign-in without an
id, so it explains nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta

from unissued.pack import Catalogue, Source
from unissued.record import Origin, Record, utc_text

FILLER = "filler"
"""Where a row without content comes from, in place of a case's name."""

_HOUR = timedelta(hours=1)
_WEEK = timedelta(days=7)
_DAYS = 13
_WEEK_BEFORE = 6
"""Days back from the end at which the week begins that the last days are compared with."""
_EVERY_HOUR = 2


def complete(catalogue: Catalogue, until: datetime, cases: Iterable[Record]) -> Iterator[Record]:
    """Yield rows that make every feed complete, up to a time.

    Args:
        catalogue: the feeds.
        until: the last hour.
        cases: what else is sent; an hour gets as many rows more as these have a week before, so as not to fall short.
    """
    there = Counter((record.table, _hour(record.time)) for record in cases)
    for source, table in _feeds(catalogue):
        for hour, _ in _hours(until):
            yield from _rows(source, table, hour, _EVERY_HOUR + there[table, hour - _WEEK])


def around(catalogue: Catalogue, unit_ends: datetime, until: datetime, rows: Mapping[str, int]) -> Iterator[Record]:
    """Yield rows for the week before and for the hours after a case that brings its last days itself.

    Args:
        catalogue: the feeds.
        unit_ends: the case's last event.
        until: the last hour.
        rows: so many rows an hour, by table.
    """
    for source, table in _feeds(catalogue):
        for hour, days in _hours(until):
            if days >= _WEEK_BEFORE or hour > unit_ends:
                yield from _rows(source, table, hour, rows.get(table, 0))


def _feeds(catalogue: Catalogue) -> Iterator[tuple[Source, str]]:
    for source in catalogue.sources.values():
        for table in source.counted_tables:
            yield source, table


def _hours(until: datetime) -> Iterator[tuple[datetime, int]]:
    """Yield every hour up to a time, latest first, and how many days it lies back."""
    last = _hour(until)
    for back in range(_DAYS * 24):
        yield last - back * _HOUR, back // 24


def _hour(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)


def _rows(source: Source, table: str, hour: datetime, count: int) -> Iterator[Record]:
    for number in range(count):
        time = hour + number * (_HOUR / count)
        text = utc_text(time)
        fields = {"Type": table, "CreatedDateTime": text, "TimeGenerated": text}
        category = source.tables[table].category
        yield Record(
            source.key, {**fields, "Category": category}, time, time + source.usual_delay, "", table, Origin(FILLER, 0)
        )
