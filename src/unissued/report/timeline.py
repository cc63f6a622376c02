"""Hits and reads over time, as numbers that a template draws."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from unissued.hunt import Hunt
from unissued.record import utc_text
from unissued.report.sums import by_level

_STEPS = {1: "1 hour", 3: "3 hours", 6: "6 hours", 12: "12 hours", 24: "1 day", 168: "1 week", 672: "4 weeks"}
_MOST_BINS = 240
_LEFT, _RIGHT, _WIDTH = 110, 10, 960
_READS, _LANE, _TOP = 56, 26, 10
_TICKS = 6


@dataclass(frozen=True)
class Mark:
    """A box of the drawing, in its own units, and what it stands for."""

    x: float
    y: float
    width: float
    height: float
    says: str


@dataclass(frozen=True)
class Lane:
    """The hits of one level."""

    level: str
    y: float
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Timeline:
    """A drawing of reads and hits; all numbers are in units of the drawing, times are UTC."""

    width: int
    height: float
    left: int
    base: float
    """Where the bars of reads stand."""
    step: str
    """What one column covers, in words."""
    reads: tuple[Mark, ...]
    lanes: tuple[Lane, ...]
    ticks: tuple[tuple[float, str], ...]
    busiest: tuple[tuple[str, str, int], ...]
    """The columns with the most hits: time, level, hits."""
    hits: int
    first: str
    last: str


def timeline(hunt: Hunt, reads: Mapping[int, int]) -> Timeline | None:
    """Return the drawing; None where nothing has a time.

    Args:
        hunt: its findings' matches are the hits.
        reads: number of reads by hour, hours counted from 1970.
    """
    hits: Counter[tuple[str, int]] = Counter()
    for finding in hunt.findings:
        for match in finding.matches:
            hits[finding.rule.level or "base", int(match.time.timestamp()) // 3600] += 1
    hours = [*reads, *(hour for _, hour in hits)]
    if not hours:
        return None
    start, end = min(hours), max(hours)
    step = _step(end - start + 1)
    start -= start % step
    bins = (end - start) // step + 1
    return _drawn(hunt, reads, hits, start, step, bins)


def _drawn(
    hunt: Hunt, reads: Mapping[int, int], hits: Mapping[tuple[str, int], int], start: int, step: int, bins: int
) -> Timeline:
    width = (_WIDTH - _LEFT - _RIGHT) / bins

    def x(column: int) -> float:
        return round(_LEFT + column * width, 2)

    columns: Counter[int] = Counter()
    for hour, number in reads.items():
        columns[(hour - start) // step] += number
    by_column: Counter[tuple[str, int]] = Counter()
    for (level, hour), number in hits.items():
        by_column[level, (hour - start) // step] += number
    most = max(columns.values(), default=1)
    base = _TOP + _READS
    bars = tuple(
        _bar(x(column), base, _READS * number / most, width, f"{_at(start, step, column)}: {number:,} reads")
        for column, number in sorted(columns.items())
    )
    levels = list(by_level(hunt))
    lanes = tuple(
        Lane(
            level,
            base + 8 + _LANE * place,
            tuple(
                Mark(
                    x(column),
                    base + 11 + _LANE * place,
                    round(max(width - 1, 3), 2),
                    _LANE - 8,
                    f"{_at(start, step, column)}: {number:,} hits, {level}",
                )
                for (name, column), number in sorted(by_column.items())
                if name == level
            ),
        )
        for place, level in enumerate(levels)
    )
    ordered = sorted(by_column.items(), key=lambda item: (-item[1], item[0][1], item[0][0]))
    every = max(1, -(-bins // _TICKS))
    return Timeline(
        width=_WIDTH,
        height=base + 8 + _LANE * len(levels) + 24,
        left=_LEFT,
        base=base,
        step=_STEPS.get(step, f"{step // 24:,} days"),
        reads=bars,
        lanes=lanes,
        ticks=tuple((x(column), _at(start, step, column)[:16].replace("T", " ")) for column in range(0, bins, every)),
        busiest=tuple((_at(start, step, column), level, number) for (level, column), number in ordered),
        hits=sum(hits.values()),
        first=_at(start, step, 0),
        last=_at(start, step, bins - 1),
    )


def _bar(x: float, base: float, height: float, width: float, says: str) -> Mark:
    height = round(max(height, 1), 2)
    return Mark(x, round(base - height, 2), round(max(width - 1, 1), 2), height, says)


def _step(hours: int) -> int:
    """Return how many hours one column covers."""
    return next((step for step in _STEPS if hours <= step * _MOST_BINS), -(-hours // _MOST_BINS // 24) * 24)


def _at(start: int, step: int, column: int) -> str:
    """Return the beginning of a column; hours before the calendar begins are its beginning."""
    try:
        return utc_text(datetime.fromtimestamp((start + step * column) * 3600, UTC))
    except (ValueError, OverflowError):
        return utc_text(datetime.min.replace(tzinfo=UTC))
