"""What is there of each feed: how much, from when to when, how late, and where not."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from unissued.health import Gap, gaps_of, hour_of, hours_of
from unissued.pack.catalogue import Catalogue
from unissued.record import Record

_HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Latency:
    """Time from the event to its arrival, in seconds."""

    records: int
    """Records that say when they arrived."""
    median: int
    most: int
    """95 % arrived within so much."""
    longest: int


@dataclass(frozen=True)
class Feed:
    """One log source and table. ``table`` is empty where the export does not say."""

    source: str
    table: str
    records: int
    first: datetime
    last: datetime
    gaps: tuple[Gap, ...]
    """Hours between first and last with too few rows, by the measure of the gate on feeds."""
    silence: timedelta
    """The longest time between two records."""
    silent_since: datetime
    """When that began."""
    latency: Latency | None
    """None where no record says when it arrived."""


def feeds_of(catalogue: Catalogue, records: Sequence[Record]) -> tuple[Feed, ...]:
    """Return every feed that has records, by name. ``records`` are sorted by time."""
    parts: dict[tuple[str, str], list[Record]] = {}
    for record in records:
        parts.setdefault((record.source, record.table), []).append(record)
    return tuple(_feed(catalogue, source, table, part) for (source, table), part in sorted(parts.items()))


def _feed(catalogue: Catalogue, source: str, table: str, records: Sequence[Record]) -> Feed:
    times = [record.time for record in records]
    pairs = [(later - earlier, earlier) for earlier, later in pairwise(times)]
    silence, since = max(pairs, key=lambda pair: pair[0], default=(timedelta(), times[0]))
    gaps = gaps_of(hours_of(times), times[0], hour_of(times[-1]) + _HOUR)
    latency = _latency(records, catalogue.sources[source].usual_delay)
    return Feed(source, table, len(records), times[0], times[-1], tuple(gaps), silence, since, latency)


def _latency(records: Sequence[Record], usual: timedelta) -> Latency | None:
    """Measure how late records came. One with exactly the usual delay does not say: readers fill it in."""
    known = sorted(
        int((record.ingested - record.time).total_seconds())
        for record in records
        if record.ingested - record.time != usual
    )
    if not known:
        return None
    return Latency(len(known), _at(known, 50), _at(known, 95), known[-1])


def _at(ordered: Sequence[int], percent: int) -> int:
    """Return the smallest value that so many percent do not exceed."""
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)]
