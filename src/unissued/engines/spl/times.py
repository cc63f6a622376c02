"""Times: relative specifiers, and the formats of ``strftime`` and ``strptime``, all in UTC.

Search Reference: Date and Time functions, Date and time format variables, Time modifiers. A search head writes and
reads times in the time zone of its user; here that is UTC.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone
from functools import lru_cache

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_NAMES = {
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("w", "week", "weeks"), "w"),
}
_OFFSET = re.compile(r"([+-])(\d{0,9})([a-z]+)")
_SPECIFIER = re.compile(r"((?:[+-]\d{0,9}[a-z]+)*)(?:@([a-z]+\d?)((?:[+-]\d{0,9}[a-z]+)*))?")
_SPAN = re.compile(r"(\d{1,9})([a-z]*)")
_SUNDAY = 3 * 86400  # 1970-01-04


@lru_cache(maxsize=256)
def relative(specifier: str) -> Callable[[float], float] | None:
    """Return the function that moves a time by a specifier such as ``-1d@h+5m``; None when it is none.

    Months, quarters and years are not understood.
    """
    found = _SPECIFIER.fullmatch(specifier)
    if not specifier or found is None:
        return None
    before, after = _shift(found[1]), _shift(found[3] or "")
    snap = _snap(found[2]) if found[2] else None
    if before is None or after is None or (found[2] and snap is None):
        return None

    def move(moment: float) -> float:
        moved = moment + before
        return (snap(moved) if snap else moved) + after

    return move


def _shift(text: str) -> int | None:
    total = 0
    for sign, count, unit in _OFFSET.findall(text):
        if unit not in _NAMES:
            return None
        total += int(f"{sign}1") * (int(count) if count else 1) * _UNITS[_NAMES[unit]]
    return total


def _snap(text: str) -> Callable[[float], float] | None:
    week = re.fullmatch(r"w([0-7])", text)
    day = int(week[1]) % 7 if week else 0
    unit = "w" if week else _NAMES.get(text)
    if unit is None:
        return None
    length, origin = _UNITS[unit], _SUNDAY + day * 86400 if unit == "w" else 0
    return lambda moment: (moment - origin) // length * length + origin


def absolute(specifier: str, now: float) -> float | None:
    """Return the time that ``earliest`` or ``latest`` names: seconds, ``now``, ``now`` moved, or a relative time."""
    if re.fullmatch(r"\d{1,12}(\.\d+)?", specifier):
        return float(specifier)
    move = relative(specifier.removeprefix("now") or "+0s")
    return move(now) if move else None


def span(text: str) -> int | None:
    """Return the seconds of a span such as ``5m``."""
    found = _SPAN.fullmatch(text)
    if found is None or (found[2] and found[2] not in _NAMES):
        return None
    return int(found[1]) * _UNITS[_NAMES[found[2]] if found[2] else "s"]


_ALIASES = {"%F": "%Y-%m-%d", "%T": "%H:%M:%S"}
_PATTERNS = {
    "%Y": r"(?P<Y>\d{4})",
    "%m": r"(?P<m>\d{1,2})",
    "%d": r"(?P<d>\d{1,2})",
    "%H": r"(?P<H>\d{1,2})",
    "%M": r"(?P<M>\d{1,2})",
    "%S": r"(?P<S>\d{1,2})",
    "%z": r"(?P<z>Z|[+-]\d{2}:?\d{2})",
    "%s": r"(?P<s>\d{1,12}(?:\.\d+)?)",
    "%Q": r"(?P<f>\d{1,9})",
    "%N": r"(?P<f>\d{1,9})",
    "%3N": r"(?P<f>\d{3})",
    "%6N": r"(?P<f>\d{6})",
    "%9N": r"(?P<f>\d{9})",
    "%%": "%",
}
_WRITERS: dict[str, Callable[[datetime, float], str]] = {
    "%Y": lambda when, _: f"{when.year:04d}",
    "%m": lambda when, _: f"{when.month:02d}",
    "%d": lambda when, _: f"{when.day:02d}",
    "%H": lambda when, _: f"{when.hour:02d}",
    "%M": lambda when, _: f"{when.minute:02d}",
    "%S": lambda when, _: f"{when.second:02d}",
    "%z": lambda _, __: "+0000",
    "%s": lambda _, moment: str(int(moment // 1)),
    "%Q": lambda when, _: f"{when.microsecond // 1000:03d}",
    "%N": lambda when, _: f"{when.microsecond // 1000:03d}",
    "%3N": lambda when, _: f"{when.microsecond // 1000:03d}",
    "%6N": lambda when, _: f"{when.microsecond:06d}",
    "%9N": lambda when, _: f"{when.microsecond:06d}000",
    "%%": lambda _, __: "%",
}
_VARIABLE = re.compile(r"%(?:[369]N|.)?", re.DOTALL)


def unknown_variable(form: str) -> str | None:
    """Return the first variable of a format that is not understood, or that a text cannot hold twice."""
    found = _VARIABLE.findall(_expanded(form))
    return next((name for name in found if name not in _PATTERNS or (found.count(name) > 1 and name != "%%")), None)


def names_a_day(form: str) -> bool:
    """Whether a format says which day it is; what Splunk assumes otherwise is not modelled."""
    found = _VARIABLE.findall(_expanded(form))
    return "%s" in found or {"%Y", "%m", "%d"} <= set(found)


def _expanded(form: str) -> str:
    for alias, meaning in _ALIASES.items():
        form = form.replace(alias, meaning)
    return form


@lru_cache(maxsize=256)
def _reader(form: str) -> re.Pattern[str]:
    form = _expanded(form)
    parts, at = [], 0
    for variable in _VARIABLE.finditer(form):
        parts += [re.escape(form[at : variable.start()]), _PATTERNS[variable[0]]]
        at = variable.end()
    return re.compile("".join([*parts, re.escape(form[at:])]))


@lru_cache(maxsize=4096)
def read_time(text: str, form: str, *, whole: bool) -> float | None:
    """Return the seconds that a text means in a format; null when it does not fit.

    Args:
        text: what to read.
        form: its format; every variable is known.
        whole: whether nothing may follow.
    """
    reader = _reader(form)
    found = reader.fullmatch(text) if whole else reader.match(text)
    if found is None:
        return None
    parts = found.groupdict()
    if "s" in parts:
        return float(parts["s"])
    zone = parts.get("z") or "Z"
    offset = timedelta() if zone == "Z" else _offset(zone)
    fraction = (parts.get("f") or "0").ljust(9, "0")
    try:
        year, month, day = (int(parts.get(name) or 1) for name in "Ymd")
        hour, minute, second = (int(parts.get(name) or 0) for name in "HMS")
        when = datetime(year, month, day, hour, minute, second, tzinfo=timezone(offset))
    except ValueError:
        return None
    return when.timestamp() + int(fraction) / 1e9


def _offset(zone: str) -> timedelta:
    sign = -1 if zone[0] == "-" else 1
    return sign * timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:]))


def write_time(moment: float, form: str) -> str | None:
    """Write a time in a format; null outside the years that a calendar has."""
    try:
        when = datetime.fromtimestamp(moment, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    return _VARIABLE.sub(lambda variable: _WRITERS[variable[0]](when, moment), _expanded(form))
