"""Draws the matches of one group, for the model: single records, bursts, sequences."""

from __future__ import annotations

import random
from collections.abc import Callable

from simulation import DAY, HOUR, MINUTE, Delay, Seen

Make = Callable[[random.Random, int, Delay], list[Seen]]
"""Takes where the chance comes from, the time from run to run, and how late records arrive."""
_BEGIN = 100 * DAY


def _seen(rng: random.Random, time: int, delay: Delay, value: int = 0) -> Seen:
    return Seen(time, time + delay(rng), value)


def single(rng: random.Random, every: int, delay: Delay) -> list[Seen]:
    """One record."""
    return [_seen(rng, _BEGIN + rng.randrange(every), delay)]


def burst_of(count: int, minutes: int) -> Make:
    """Return what draws so many records in so many minutes."""

    def make(rng: random.Random, every: int, delay: Delay) -> list[Seen]:
        start = _BEGIN + rng.randrange(every)
        return [_seen(rng, start + rng.randrange(minutes * MINUTE), delay, number) for number in range(count)]

    return make


def burst(rng: random.Random, every: int, delay: Delay) -> list[Seen]:
    """10 to 14 mailboxes in 10 to 60 minutes."""
    return burst_of(rng.randint(10, 14), rng.randint(10, 60))(rng, every, delay)


def two_bursts(rng: random.Random, every: int, delay: Delay) -> list[Seen]:
    """Two bursts of one application that begin two to six hours apart."""
    start, apart = _BEGIN + rng.randrange(every), rng.randint(2 * HOUR + 1, 6 * HOUR)
    return [
        _seen(rng, begin + rng.randrange(HOUR), delay, number)
        for begin in (start, start + apart)
        for number in range(rng.randint(10, 14))
    ]


def long_burst(rng: random.Random, every: int, delay: Delay) -> list[Seen]:
    """11 to 20 reads an hour of 40 mailboxes, for 2 to 12 hours."""
    start, hours, rate = _BEGIN + rng.randrange(every), rng.randint(2, 12), rng.choice((11, 14, 20))
    return [_seen(rng, start + rng.randrange(hours * HOUR), delay, rng.randrange(40)) for _ in range(hours * rate)]


def order(rng: random.Random, every: int, delay: Delay) -> list[Seen]:
    """One to three credentials of an application, and one to four mail reads before, with and after them."""
    start = _BEGIN + rng.randrange(every)
    secrets = [start, *(start + rng.randint(-30 * HOUR, 30 * HOUR) for _ in range(rng.randint(0, 2)))]
    reads = [start + rng.choice((0, DAY, rng.randint(-4 * HOUR, 26 * HOUR))) for _ in range(rng.randint(1, 4))]
    return [*(_seen(rng, time, delay, 0) for time in secrets), *(_seen(rng, time, delay, 1) for time in reads)]


def daily(rng: random.Random, every: int, delay: Delay) -> list[Seen]:
    """An application that gets a credential on most days and reads mail on most of them, for six days."""
    start = _BEGIN + rng.randrange(every)
    times = [start + rng.randrange(6 * DAY) for _ in range(rng.randint(2, 14))]
    return [_seen(rng, time, delay, rng.choice((0, 1, 1))) for time in times]
