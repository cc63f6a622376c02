"""Whether a feed was complete: only then does it mean something that a record is not there.

A table is complete when each hour of the window has at least four fifths of the rows of that hour a week ago. Hours
with few rows then are taken together in blocks of six, counted from midnight. Where nothing is known about the week
before, or where that lies two weeks back, a whole block without a row is a gap. Only hours that are over at the time of
judgement are asked for.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

_HOUR = timedelta(hours=1)
_FEW = 50
_BLOCK = 6
_KNOWN = timedelta(days=7)


@dataclass(frozen=True)
class Row:
    """One row of a table."""

    time: datetime
    ingested: datetime


def gap(rows: Sequence[Row], expected: int | None, start: datetime, end: datetime, judged: datetime) -> str:
    """Say why a table does not prove an absence between two times, or say nothing."""
    if not rows:
        return "feed_missing"
    hours = _hours(start, end, judged)
    seen = {hour: sum(hour <= row.time < hour + _HOUR and row.ingested <= judged for row in rows) for hour in hours}
    old, young = _split(seen, judged) if expected is not None else (seen, {})
    whole = _is_never_silent(old) and _has_enough(young, expected or 0)
    return "" if whole else "feed_incomplete"


def _split(seen: Mapping[datetime, int], judged: datetime) -> tuple[dict[datetime, int], dict[datetime, int]]:
    """Return the hours of blocks that begin too long ago to be compared with the week before, and the others."""
    old: dict[datetime, int] = {}
    for block in _blocks_of(seen).values():
        if any(judged - hour >= _KNOWN for hour in block):
            old |= {hour: seen[hour] for hour in block}
    return old, {hour: count for hour, count in seen.items() if hour not in old}


def _hours(start: datetime, end: datetime, judged: datetime) -> list[datetime]:
    hour = start.replace(minute=0, second=0, microsecond=0)
    hours: list[datetime] = []
    while hour <= end and hour + _HOUR <= judged:
        hours.append(hour)
        hour += _HOUR
    return hours


def _has_enough(seen: Mapping[datetime, int], expected: int) -> bool:
    parts = _blocks(seen) if expected < _FEW else [[count] for count in seen.values()]
    return all(5 * sum(counts) >= 4 * expected * len(counts) for counts in parts)


def _is_never_silent(seen: Mapping[datetime, int]) -> bool:
    return all(any(counts) for counts in _blocks(seen) if len(counts) == _BLOCK)


def _blocks(seen: Mapping[datetime, int]) -> list[list[int]]:
    return [[seen[hour] for hour in hours] for hours in _blocks_of(seen).values()]


def _blocks_of(seen: Mapping[datetime, int]) -> dict[datetime, list[datetime]]:
    parts: dict[datetime, list[datetime]] = {}
    for hour in seen:
        parts.setdefault(hour - hour.hour % _BLOCK * _HOUR, []).append(hour)
    return parts
