"""A model of scheduled runs: what a run can see, what it reports, and what all runs together miss.

Times are whole seconds. Windows, firings and chains are the evaluator's (docs/evaluator.md), written again: a window
ends at a moment and reaches back, both ends included; firings at most a window apart are one chain; a chain is
reported at its first firing. ``tests/test_schedules.py`` holds the model against the converted queries, run by run.
"""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

MINUTE, HOUR, DAY = 60, 3600, 86400
LATE = 5 * MINUTE
"""A run starts up to so much after its time."""
Delay = Callable[[random.Random], int]


def _two_minutes(_: random.Random) -> int:
    return 2 * MINUTE


def _skewed(rng: random.Random) -> int:
    """A lognormal delay, median 20 minutes, 95th percentile 90 minutes."""
    return round(20 * MINUTE * math.exp(rng.gauss(0, math.log(4.5) / 1.6448536269514722)))


def _usual(rng: random.Random) -> int:
    return rng.randint(60 * MINUTE, 90 * MINUTE)


def with_stragglers(share: float) -> Delay:
    """Return 60 to 90 minutes, and 4 to 24 hours for a share of the records."""
    return lambda rng: rng.randint(4 * HOUR, 24 * HOUR) if rng.random() < share else _usual(rng)


DELAYS: Mapping[str, Delay] = {
    "no delay": lambda _: 0,
    "2 min": _two_minutes,
    "median 20 min, p95 90 min": _skewed,
    "60–90 min": _usual,
    "60–90 min, 1 % 4–24 h": with_stragglers(0.01),
}
"""How long after its event a record arrives."""


class Seen(NamedTuple):
    """A match of one group."""

    time: int
    arrived: int
    value: int = 0
    """What is counted of it; in an order, the number of its rule; for a judge, its rule and whose it is."""


SIGN_IN, OTHER = 1, 2
"""For a judge: what the value of a record of the second rule has, and what that of another party's has."""


class Kind(NamedTuple):
    """What a rule asks of a window."""

    name: str
    """``single``, ``event_count``, ``value_count``, ``value_sum``, ``temporal_ordered`` or ``judged``."""
    window: int = 0
    threshold: int = 1
    """How many, or how much; in an order, of how many rules."""

    def holds(self, inside: Sequence[Seen]) -> bool:
        """Tell whether the condition holds in a window, which ends with the last record given."""
        match self.name:
            case "value_count":
                return len({one.value for one in inside}) >= self.threshold
            case "value_sum":
                return sum(one.value for one in inside) >= self.threshold
            case "temporal_ordered":
                return _in_order(inside, self.threshold)
            case "judged":
                return _contradicted(inside)
        return len(inside) >= self.threshold


def _in_order(inside: Sequence[Seen], rules: int) -> bool:
    """The last rule now, and each rule before at or before the following one: the latest of each leaves most room."""
    limit = inside[-1].time
    if not any(one.value == rules - 1 and one.time == limit for one in inside):
        return False
    for number in reversed(range(rules)):
        times = [one.time for one in inside if one.value == number and one.time <= limit]
        if not times:
            return False
        limit = max(times)
    return True


def _contradicted(inside: Sequence[Seen]) -> bool:
    """A record now, and one of the other rule and another party now or before."""
    apart = SIGN_IN + OTHER
    values = {one.value for one in inside}
    return any(one.value ^ apart in values for one in inside if one.time == inside[-1].time)


def firings(kind: Kind, records: Iterable[Seen]) -> list[int]:
    """Return the moments at which a rule's condition holds."""
    ordered = sorted(records)
    found, start, end = [], 0, 0
    for time, together in groupby(ordered, key=lambda one: one.time):
        end += len(list(together))
        while ordered[start].time < time - kind.window:
            start += 1
        if kind.holds(ordered[start:end]):
            found.append(time)
    return found


def chains(moments: Sequence[int], window: int) -> list[tuple[int, int]]:
    """Return the first and the last moment of every chain."""
    found: list[tuple[int, int]] = []
    for moment in moments:
        if found and moment - found[-1][1] <= window:
            found[-1] = found[-1][0], moment
        else:
            found.append((moment, moment))
    return found


def runs(every: int, late: int, first: int, last: int, rng: random.Random) -> Iterator[int]:
    """Yield when runs start, from the first at or after ``first`` to the first after ``last``.

    Args:
        every: the time from one run to the next.
        late: a run starts up to so much after its time.
        first: when the first thing can happen that a run could see.
        last: when the last one happens.
        rng: where the chance comes from.
    """
    number = (first - late) // every
    start = 0
    while start <= last:
        start = number * every + (rng.randint(0, late) if late else 0)
        if start >= first:
            yield start
        number += 1


class Design(NamedTuple):
    """How a rule is scheduled."""

    every: int
    look_back: int
    """By event time."""
    arrived: int | None = None
    """A run reports what records bring about that arrived since; None: whatever it finds."""
    only_new: bool = False
    """Count these records only."""
    late: int = 0
    """A run starts up to so much after its time."""

    def report(self, kind: Kind, records: Sequence[Seen], run: int) -> list[int]:
        """Return the moments that a run reports of a group."""
        seen = [one for one in records if one.arrived <= run and one.time >= run - self.look_back]
        since = None if self.arrived is None else run - self.arrived
        new = seen if since is None else [one for one in seen if one.arrived > since]
        if not new:
            return []
        counted = new if self.only_new else seen
        begins = [first for first, _ in chains(firings(kind, counted), kind.window)]
        return [begin for begin in begins if any(begin - kind.window <= one.time <= begin for one in new)]


class Alert(NamedTuple):
    """A row of a run."""

    run: int
    time: int


def alerts(design: Design, kind: Kind, records: Sequence[Seen], rng: random.Random) -> list[Alert]:
    """Return what all runs report of a group, in their order."""
    last = max(one.arrived for one in records)
    if design.arrived is None:
        last = max(last, max(one.time for one in records) + design.look_back)
    found = []
    for run in runs(design.every, design.late, min(one.arrived for one in records), last, rng):
        found += [Alert(run, time) for time in design.report(kind, records, run)]
    return found


def folded(found: Sequence[Alert], silence: int) -> list[Alert]:
    """Return the alerts of a group without repeats: a repeat lies at most ``silence`` from an earlier one, by event."""
    shown: list[Alert] = []
    times: list[int] = []
    for alert in found:
        if all(abs(alert.time - time) > silence for time in times):
            shown.append(alert)
        times.append(alert.time)
    return shown


def silenced(found: Sequence[Alert], silence: int) -> list[Alert]:
    """Return the alerts of a group that a product shows which keeps quiet by the clock, counted from the last one."""
    shown: list[Alert] = []
    for alert in found:
        if not shown or alert.run - shown[-1].run > silence:
            shown.append(alert)
    return shown


class Wait(NamedTuple):
    """When the absence of company is judged."""

    every: int
    after: int
    """How long after its arrival a record is judged first."""
    until: int
    """How long after its arrival it is judged no more."""
    late: int = 0

    def judgements(self, arrived: int, rng: random.Random) -> list[int]:
        """Return the runs that judge a record."""
        starts = runs(self.every, self.late, arrived + self.after, arrived + self.until, rng)
        return [start for start in starts if self.after <= start - arrived < self.until]
