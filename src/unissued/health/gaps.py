"""Hours in which a feed has too few rows. The same measure as the gate on feeds of the evaluator, for any span.

An hour is compared with the same hour a week before: it needs four fifths of those rows. Hours with fewer than fifty
rows a week before are taken together in blocks of six. Where nothing is known of the week before, a whole block
without a row is a gap.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from unissued.evaluate.feeds import BLOCK_HOURS, HOUR, SMALL, WEEK

Bad: TypeAlias = "dict[datetime, tuple[int, int | None]]"
"""Hour with too few rows -> rows seen, and rows a week before; None where nothing is known of them."""


@dataclass(frozen=True)
class Gap:
    """Hours without a good one between them."""

    first: datetime
    last: datetime
    hours: int
    seen: int
    expected: int | None
    """Rows of the same hours a week before; None where nothing is known of them."""


def hour_of(moment: datetime) -> datetime:
    """Return the beginning of the hour, in UTC."""
    return moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0)


def hours_of(times: Iterable[datetime]) -> Counter[datetime]:
    """Count times by hour."""
    return Counter(map(hour_of, times))


def bad_hours(rows: Mapping[datetime, int], start: datetime, end: datetime, rate: int | None = None) -> Bad:
    """Return the hours with too few rows: what was seen, and what a week before.

    Args:
        rows: rows by hour.
        start: the first hour to look at.
        end: hours that end later are not looked at.
        rate: rows an hour of the week before, where that is given; else it is counted.
    """
    blocks: dict[tuple[datetime, bool], list[datetime]] = {}
    expected: dict[datetime, int | None] = {}
    oldest = min(rows, default=None)
    hour = hour_of(start)
    while hour + HOUR <= end:
        before = rate
        if before is None and oldest is not None and oldest <= hour - WEEK:
            before = rows.get(hour - WEEK, 0)
        expected[hour] = before
        large = before is not None and before >= SMALL
        block = hour if large else hour - hour.hour % BLOCK_HOURS * HOUR
        blocks.setdefault((block, large), []).append(hour)
        hour += HOUR
    return {
        hour: (rows.get(hour, 0), expected[hour]) for hours in blocks.values() for hour in _bad(hours, rows, expected)
    }


def _bad(
    hours: Sequence[datetime], rows: Mapping[datetime, int], expected: Mapping[datetime, int | None]
) -> Iterator[datetime]:
    seen = sum(rows.get(hour, 0) for hour in hours)
    known = [count for hour in hours if (count := expected[hour]) is not None]
    if len(known) < len(hours):
        if not seen and len(hours) == BLOCK_HOURS:
            yield from hours
    elif 10 * seen < 8 * sum(known):
        # Of a block only those hours are named that lack rows themselves.
        yield from (hour for hour in hours if 10 * rows.get(hour, 0) < 8 * (expected[hour] or 0))


def stretches(bad: Bad) -> list[Gap]:
    """Join hours that follow one another."""
    runs: list[list[datetime]] = []
    for hour in sorted(bad):
        if runs and hour - runs[-1][-1] == HOUR:
            runs[-1].append(hour)
        else:
            runs.append([hour])
    return [_gap(run, bad) for run in runs]


def _gap(run: Sequence[datetime], bad: Bad) -> Gap:
    before = [bad[hour][1] for hour in run]
    known = [count for count in before if count is not None]
    expected = sum(known) if len(known) == len(before) else None
    return Gap(run[0], run[-1], len(run), sum(bad[hour][0] for hour in run), expected)


def gaps_of(rows: Mapping[datetime, int], start: datetime, end: datetime, rate: int | None = None) -> list[Gap]:
    """Return the gaps of a feed between two times; arguments as for :func:`bad_hours`."""
    return stretches(bad_hours(rows, start, end, rate))
