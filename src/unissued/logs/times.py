"""Times as exports write them. Day and month are never guessed: ``LocalTime`` waits for a proof."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from typing import Literal

DateOrder = Literal["mdy", "dmy"]

# Outside these years a value is a placeholder (1601-01-01, 0001-01-01) or damage, never the time of a record.
FIRST_YEAR, LAST_YEAR = 2000, 2099

_ISO = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[T ](\d\d):(\d\d)(?::(\d\d)(?:[.,](\d{1,9}))?)?\s*(Z|UTC|[+-]\d\d:?\d\d)?",
    re.IGNORECASE | re.ASCII,
)
_LOCAL = re.compile(
    r"(\d{1,2})([/.\-])(\d{1,2})\2(\d{4}),?\s+(\d{1,2}):(\d\d)(?::(\d\d)(?:\.(\d{1,9}))?)?\s*([AP]M)?(?:\s*(?:Z|UTC))?",
    re.IGNORECASE | re.ASCII,
)


@dataclass(frozen=True, slots=True)
class LocalTime:
    """A time such as ``3/4/2021 9:13:35 PM``, whose first two numbers are month and day in an unknown order."""

    text: str
    numbers: tuple[int, int]
    year: int
    clock: tuple[int, int, int, int]

    @property
    def proves(self) -> DateOrder | None:
        """The order that this value alone proves, because one of its numbers cannot be a month."""
        first, second = self.numbers
        if first > 12 >= second:
            return "dmy"
        if second > 12 >= first:
            return "mdy"
        return None

    def resolve(self, order: DateOrder) -> datetime | None:
        """The time in UTC under that order, or None where no such day exists."""
        month, day = self.numbers if order == "mdy" else (self.numbers[1], self.numbers[0])
        return _moment(self.year, month, day, *self.clock, offset=timedelta())


def parse(value: object) -> datetime | LocalTime | None:
    """Read a time. No zone means UTC. None for anything that is no time, placeholders such as 1601-01-01 included."""
    if not isinstance(value, str):
        return None
    text = value.strip()
    if match := _ISO.fullmatch(text):
        year, month, day, hour, minute, second, fraction, zone = match.groups()
        clock = (int(hour), int(minute), int(second or 0), _micro(fraction))
        return _moment(int(year), int(month), int(day), *clock, offset=_offset(zone))
    if match := _LOCAL.fullmatch(text):
        first, _, other, year, hour, minute, second, fraction, half = match.groups()
        full = _hour(int(hour), half)
        if full is None:
            return None
        clock = (full, int(minute), int(second or 0), _micro(fraction))
        local = LocalTime(text, (int(first), int(other)), int(year), clock)
        return local.resolve("mdy") if int(first) == int(other) else local
    return None


def from_epoch(value: object) -> datetime | None:
    """Read seconds since 1970, as a number or as text."""
    try:
        seconds = float(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else None
        moment = None if seconds is None else datetime.fromtimestamp(seconds, UTC)
    except (ValueError, OverflowError, OSError):
        return None
    return moment if moment is not None and FIRST_YEAR <= moment.year <= LAST_YEAR else None


def _hour(hour: int, half: str | None) -> int | None:
    if half is None:
        return hour
    if not 1 <= hour <= 12:
        return None
    return hour % 12 + (12 if half.upper() == "PM" else 0)


def _micro(fraction: str | None) -> int:
    # Seven decimals are cut, not rounded: rounding could move a time into the next second.
    return int((fraction or "0")[:6].ljust(6, "0"))


def _offset(zone: str | None) -> timedelta:
    if zone is None or zone[0] not in "+-":
        return timedelta()
    digits = zone[1:].replace(":", "")
    size = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return -size if zone[0] == "-" else size


def _moment(
    year: int, month: int, day: int, hour: int, minute: int, second: int, micro: int, *, offset: timedelta
) -> datetime | None:
    if not FIRST_YEAR <= year <= LAST_YEAR:
        return None
    try:
        return datetime(year, month, day, hour, minute, second, micro, tzinfo=timezone(offset)).astimezone(UTC)
    except ValueError:
        return None
