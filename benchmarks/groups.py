"""Draws the matches of one group, for the model: single records, bursts, sums, sequences, pairs."""

from __future__ import annotations

import random
from collections.abc import Callable

from simulation import DAY, HOUR, MINUTE, OTHER, SIGN_IN, Delay, Kind, Seen

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
    return order_of(DAY, 2)(rng, every, delay)


def daily(rng: random.Random, every: int, delay: Delay) -> list[Seen]:
    """An application that gets a credential on most days and reads mail on most of them, for six days."""
    start = _BEGIN + rng.randrange(every)
    times = [start + rng.randrange(6 * DAY) for _ in range(rng.randint(2, 14))]
    return [_seen(rng, time, delay, rng.choice((0, 1, 1))) for time in times]


def order_of(window: int, rules: int) -> Make:
    """Return what draws one to three records of the first rule, and one to four of each other around the first."""

    def make(rng: random.Random, every: int, delay: Delay) -> list[Seen]:
        start = _BEGIN + rng.randrange(every)
        far = window * 5 // 4
        times = [(start, 0), *((start + rng.randint(-far, far), 0) for _ in range(rng.randint(0, 2)))]
        for number in range(1, rules):
            times += [
                (start + rng.choice((0, window, rng.randint(-window // 6, window * 13 // 12))), number)
                for _ in range(rng.randint(1, 4))
            ]
        return [_seen(rng, time, delay, number) for time, number in times]

    return make


def values_of(window: int, threshold: int) -> Make:
    """Return what draws so many values, or up to four more, in a sixth of the window or up to all of it."""

    def make(rng: random.Random, every: int, delay: Delay) -> list[Seen]:
        start, length = _BEGIN + rng.randrange(every), rng.randint(window // 6, window)
        count = rng.randint(threshold, threshold + 4)
        return [_seen(rng, start + rng.randrange(length), delay, number) for number in range(count)]

    return make


def sum_of(window: int, threshold: int) -> Make:
    """Return what draws records that add up to so much, in a sixth of the window or up to all of it."""

    def make(rng: random.Random, every: int, delay: Delay) -> list[Seen]:
        start, length = _BEGIN + rng.randrange(every), rng.randint(window // 6, window)
        found: list[Seen] = []
        while sum(one.value for one in found) < threshold:
            value = rng.randint(threshold // 20, threshold // 3)
            found.append(_seen(rng, start + rng.randrange(length), delay, value))
        return found

    return make


def pairs_of(window: int) -> Make:
    """Return what draws the sign-in that issued a token, and one to four reads with it, of one party or of another."""

    def make(rng: random.Random, every: int, delay: Delay) -> list[Seen]:
        start, far = _BEGIN + rng.randrange(every), window * 13 // 12
        reads = [start + rng.choice((0, -window, window, rng.randint(-far, far))) for _ in range(rng.randint(1, 4))]
        return [
            _seen(rng, start, delay, SIGN_IN),
            *(_seen(rng, time, delay, rng.choice((0, OTHER))) for time in reads),
        ]

    return make


def of_kind(kind: Kind) -> Make:
    """Return what draws groups for a rule, by what it asks of a window."""
    match kind.name:
        case "value_count":
            return values_of(kind.window, kind.threshold)
        case "value_sum":
            return sum_of(kind.window, kind.threshold)
        case "temporal_ordered":
            return order_of(kind.window, kind.threshold)
        case "judged":
            return pairs_of(kind.window)
        case "single":
            return single
    raise ValueError(kind.name)
