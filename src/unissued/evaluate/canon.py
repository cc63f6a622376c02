"""The canonical form of a value, by the field catalogue's types. This is the only place where raw values change."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

from unissued.record import utc_text

Value = str | int | bool
"""What a rule compares: text of every kind, a whole number or a truth value."""

_BLANK = " \t\r\n"
_LARGE = 10**4000
_HEX32 = re.compile(r"([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})")
_WHOLE = re.compile(r"(-?[0-9]{1,18})(?:\.0+)?")
_IPV4 = re.compile(r"(?:\[?::ffff:)?([0-9]{1,3}(?:\.[0-9]{1,3}){3})(?:%[^\]:]*)?\]?(?::[0-9]*)?")
_BRACKETED = re.compile(r"\[([^\]%]*)")
_NO_ADDRESS = ("<null>", "0.0.0.0", "")  # noqa: S104 - a value that exports write for "none"
_TIME = re.compile(
    r"([0-9]{4}-[0-9]{2}-[0-9]{2})[T ]([0-9]{2}:[0-9]{2}(?::[0-9]{2})?)(?:[.,][0-9]*)?"
    r"\s*(Z|UTC|[+-][0-9]{2}:?[0-9]{2})?",
    re.IGNORECASE | re.ASCII,
)
_UPPER = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")


def fold(text: str) -> str:
    """Fold letter case for comparison: ASCII only, so that no look-alike letter equals one of an identifier."""
    return text.translate(_UPPER)


def canonical(kind: str, enum: Mapping[str, int], raw: object) -> Value | None:
    """Return a raw value in the canonical form of its type; None when there is none (missing, empty, unreadable).

    Args:
        kind: a type of the field catalogue.
        enum: words that stand for numbers, for type ``int``.
        raw: a scalar of a log record; lists are taken apart before.
    """
    if raw is None:
        return None
    if kind == "int":
        return _whole(raw, enum)
    if kind == "bool":
        return {"true": True, "1": True, "false": False, "0": False}.get(fold(_text(raw).strip(_BLANK)))
    return _TEXT_FORMS[kind](_text(raw)) or None


def _text(raw: object) -> str:
    text = _written(raw)
    # JSON can spell half a surrogate pair, which is no text that could be compared or written.
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")


def _written(raw: object) -> str:
    match raw:
        case str():
            return raw
        case bool():
            return "True" if raw else "False"
        case datetime():
            return utc_text(raw)
        case int() if abs(raw) >= _LARGE:
            return hex(raw)  # Python writes no decimals of such a size
        case float() if raw.is_integer():
            return str(int(raw))
        case dict() | list():
            return json.dumps(raw, ensure_ascii=False, separators=(",", ":"))
    return str(raw)


def _whole(raw: object, enum: Mapping[str, int]) -> int | None:
    text = _text(raw).strip(_BLANK)
    found = _WHOLE.fullmatch(text)
    return int(found[1]) if found else enum.get(fold(text))


def _guid(text: str) -> str:
    text = fold(text.strip(_BLANK + '{}"'))
    bare = _HEX32.fullmatch(text)
    return "-".join(bare.groups()) if bare else text


def _token(text: str) -> str:
    # Letter case distinguishes tokens, so it is never folded.
    return text.strip(_BLANK).rstrip("=").replace("+", "-").replace("/", "_")


def _address(text: str) -> str:
    text = re.split(r"[,; ]", fold(text.strip(_BLANK)), maxsplit=1)[0]
    if plain := _IPV4.fullmatch(text):
        text = plain[1]
    elif bracketed := _BRACKETED.match(text):
        text = bracketed[1]
    else:
        text = text.split("%")[0]
    return "" if text in _NO_ADDRESS else text


def _time(text: str) -> str:
    found = _TIME.fullmatch(text.strip(_BLANK))
    if not found:
        return ""
    try:
        zone = (found[3] or "Z").upper().replace("UTC", "Z").replace("Z", "+00:00")
        moment = datetime.fromisoformat(f"{found[1]}T{found[2]}{zone}").astimezone(UTC)
    except (ValueError, OverflowError):
        return ""
    # Exports write 1601-01-01 where there is no time.
    return utc_text(moment) if moment.year >= 2000 else ""


_TEXT_FORMS = {
    "text": lambda text: text,
    "guid": _guid,
    "upn": lambda text: fold(text.strip(_BLANK)),
    "token": _token,
    "time": _time,
    "ip": _address,
}
