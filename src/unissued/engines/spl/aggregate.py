"""Statistical functions of stats, eventstats and streamstats (Search Reference, Statistical and charting functions).

Each takes the values of one row after the other; a field of several values counts as its values.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from unissued.engines.spl.values import Reading, Single, Value, number, numeric, pack, text_of

LIST_LIMIT = 100


class Accumulator(Protocol):
    """Collects values."""

    def add(self, values: Sequence[Single], moment: float | None) -> None:
        """Take the values of one row; none where the field is null."""

    def result(self) -> Value | None:
        """Return the statistic so far."""


class _Base:
    def __init__(self, reading: Reading, cut: Callable[[str], None]) -> None:
        self.reading = reading
        self.cut = cut


class _Count(_Base):
    total = 0

    def add(self, values: Sequence[Single], moment: float | None) -> None:  # noqa: ARG002 - one form for all
        self.total += len(values)

    def result(self) -> Value | None:
        return self.total


class _Sum(_Base):
    """Ignores what is no number; null where there is none."""

    total: float | None = None
    count = 0

    def add(self, values: Sequence[Single], moment: float | None) -> None:  # noqa: ARG002
        for value in values:
            found = numeric(value)
            if found is not None:
                self.total = (self.total or 0) + found
                self.count += 1

    def result(self) -> Value | None:
        return None if self.total is None else number(self.total)


class _Mean(_Sum):
    def result(self) -> Value | None:
        return None if self.total is None else number(self.total / self.count)


class _Extreme(_Base):
    """Numbers if possible, otherwise texts. What of both is greater is open."""

    least = True

    def __init__(self, reading: Reading, cut: Callable[[str], None]) -> None:
        super().__init__(reading, cut)
        self.number: tuple[float, Single] | None = None
        self.text: str | None = None
        self.mixed = False

    def add(self, values: Sequence[Single], moment: float | None) -> None:  # noqa: ARG002
        for value in values:
            found = numeric(value)
            if found is None:
                self.mixed = True
            elif self.number is None or (found < self.number[0] if self.least else found > self.number[0]):
                self.number = (found, found if isinstance(value, str) else value)
            if found is None or self.reading is Reading.TEXT:
                text = text_of(value, self.reading)
                if self.text is None or (text < self.text if self.least else text > self.text):
                    self.text = text

    def result(self) -> Value | None:
        best = None if self.number is None else self.number[1]
        if not self.mixed:
            return best
        if self.reading is Reading.TEXT or best is None:
            return self.text
        return best if self.least else self.text  # texts are greater than numbers, as in eval


class _Maximum(_Extreme):
    least = False


class _Collected(_Base):
    def __init__(self, reading: Reading, cut: Callable[[str], None]) -> None:
        super().__init__(reading, cut)
        self.found: dict[str, None] = {}

    def add(self, values: Sequence[Single], moment: float | None) -> None:  # noqa: ARG002
        self.found.update((text_of(value, self.reading), None) for value in values)


class _Distinct(_Collected):
    def result(self) -> Value | None:
        return len(self.found)


class _Values(_Collected):
    """The distinct values in lexicographical order."""

    def result(self) -> Value | None:
        return pack(sorted(self.found))


class _List(_Base):
    """The values in the order of the events, the first 100."""

    def __init__(self, reading: Reading, cut: Callable[[str], None]) -> None:
        super().__init__(reading, cut)
        self.found: list[str] = []

    def add(self, values: Sequence[Single], moment: float | None) -> None:  # noqa: ARG002
        texts = [text_of(value, self.reading) for value in values]
        if len(self.found) + len(texts) > LIST_LIMIT:
            self.cut(f"list() kept its first {LIST_LIMIT} values")
        self.found += texts[: LIST_LIMIT - len(self.found)]

    def result(self) -> Value | None:
        return pack(self.found)


class _First(_Base):
    found: Single | None = None

    def add(self, values: Sequence[Single], moment: float | None) -> None:  # noqa: ARG002
        if self.found is None and values:
            self.found = values[0]

    def result(self) -> Value | None:
        return self.found


class _Last(_First):
    def add(self, values: Sequence[Single], moment: float | None) -> None:  # noqa: ARG002
        if values:
            self.found = values[-1]


class _Earliest(_First):
    """The value with the earliest time; a row without a time has none."""

    when: float | None = None
    later = False

    def add(self, values: Sequence[Single], moment: float | None) -> None:
        if not values or moment is None:
            return
        if self.when is None or (moment > self.when if self.later else moment < self.when):
            self.when, self.found = moment, values[0]


class _Latest(_Earliest):
    later = True


FUNCTIONS: dict[str, Callable[[Reading, Callable[[str], None]], Accumulator]] = {
    "count": _Count,
    "sum": _Sum,
    "avg": _Mean,
    "min": _Extreme,
    "max": _Maximum,
    "dc": _Distinct,
    "distinct_count": _Distinct,
    "values": _Values,
    "list": _List,
    "first": _First,
    "last": _Last,
    "earliest": _Earliest,
    "latest": _Latest,
}
