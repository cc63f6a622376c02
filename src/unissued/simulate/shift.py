"""Moves the times of a case to now, all by the same whole minutes, each spelled as it was.

A time is what reads as one as a whole: ``CreationTime``, ``TimeGenerated``, ``IssuedAtTime`` and any other value that
is an ISO date with a clock time, also where it stands in quotation marks inside JSON text. Dates within other text are
not touched, nor are years before 2000, which exports write where there is no time. Whole minutes leave seconds,
decimals and zones as they are written, and a time without seconds can be moved too.
"""

from __future__ import annotations

import re
from datetime import datetime, timedelta

MINUTE = timedelta(minutes=1)
BLOCK = timedelta(hours=6)
"""Feeds are counted by the hour, small ones in blocks of six from midnight."""

_CLOCK = r"(\d{4}-\d\d-\d\d)([T ])(\d\d:\d\d)(?=(?::\d\d(?:[.,]\d+)?)?\s*(?:Z|UTC|[+-]\d\d:?\d\d)?"
_WHOLE = re.compile(rf"(\s*){_CLOCK}\s*\Z)", re.IGNORECASE | re.ASCII)
_QUOTED = re.compile(rf'(?<="){_CLOCK}\\*")', re.IGNORECASE | re.ASCII)
_FIRST_YEAR = 2000


def shift_to(last: datetime, end: datetime, step: timedelta) -> timedelta:
    """Return by how much to move times so that the last one lies before the end, by less than a step."""
    steps = (end - timedelta(seconds=1) - last) // step
    return steps * step


def moved(text: str, by: timedelta) -> str:
    """Return a text with its times moved."""
    if whole := _WHOLE.match(text):
        return whole[1] + _later(whole[2], whole[3], whole[4], by) + text[whole.end() :]
    if text.lstrip()[:1] not in ("{", "["):
        return text
    return _QUOTED.sub(lambda found: _later(found[1], found[2], found[3], by), text)


def _later(day: str, between: str, clock: str, by: timedelta) -> str:
    as_written = f"{day}{between}{clock}"
    try:
        moment = datetime.fromisoformat(f"{day}T{clock}")
        later = moment + by
    except (ValueError, OverflowError):
        return as_written
    return f"{later:%Y-%m-%d}{between}{later:%H:%M}" if moment.year >= _FIRST_YEAR else as_written
