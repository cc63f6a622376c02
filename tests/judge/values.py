"""What the fields of one raw record are: paths, canonical forms of every type, derived fields.

A raw record is a mapping under the names that rules use. The catalogue is read as plain YAML.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeAlias

import yaml

Value: TypeAlias = "str | int | bool"
Canon: TypeAlias = "Callable[[object, Mapping[str, int]], Value | None]"

CATALOGUE: dict[str, Any] = yaml.safe_load(
    (Path(__file__).parents[2] / "src" / "unissued" / "pack" / "sources.yml").read_text(encoding="utf-8")
)

_LAYERS = 3
_SPACE = " \t\r\n"
_SMALL = str.maketrans("ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz")
_WHOLE = re.compile(r"-?[0-9]+(?:\.0+)?")
_ADDRESSES_END = re.compile(r"[,; \t\r\n]")
_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.[0-9]+)?)?"
    r" ?(Z|UTC|[+-][0-9]{2}:?[0-9]{2})?"
)


def sources_of(definition: Mapping[str, Any]) -> list[str]:
    """Return the keys of the log sources that a rule reads."""
    logsource = definition["logsource"]
    if "category" in logsource:
        return list(CATALOGUE["categories"][logsource["category"]])
    return [f"{logsource['product']}/{logsource['service']}"]


def values(source: str, name: str, fields: Mapping[str, Any]) -> tuple[Value, ...]:
    """Return the canonical values of a field; a field that the source does not have is missing."""
    spec = CATALOGUE["sources"][source]["fields"].get(name)
    if spec is None:
        return ()
    if "derive" in spec:
        parts = [values(source, part, fields) for part in spec["from"]]
        return tuple(dict.fromkeys(_DERIVED[spec["derive"]](*parts)))
    canon = _CANONICAL[spec["type"]]
    words = CATALOGUE["enums"][spec["enum"]] if "enum" in spec else {}
    found = (canon(raw, words) for raw in _walk(fields, steps(name)))
    return tuple(value for value in found if value is not None)


def canonical(kind: str, raw: object) -> Value | None:
    """Return a scalar in the canonical form of a type; None where it is missing or cannot be read."""
    return _CANONICAL[kind](raw, {})


def keys(source: str, name: str, fields: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the values of a field as they are compared when records are grouped or counted: each once."""
    found = values(source, name, fields)
    if not found:
        return ()
    is_token = CATALOGUE["sources"][source]["fields"][name]["type"] == "token"
    return tuple(dict.fromkeys(written(value) if is_token else small(written(value)) for value in found))


def written(value: Value) -> str:
    """Return a canonical value as text."""
    return str(value)


def small(text: str) -> str:
    """Return a text in small letters; letters beyond ASCII stay, so that no look-alike becomes a letter of ASCII."""
    return text.translate(_SMALL)


def number(value: Value) -> int | None:
    """Return a canonical value as a number, if it is one or is written as one."""
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return value
    text = value.strip(_SPACE)
    return int(text.partition(".")[0]) if _WHOLE.fullmatch(text) else None


# Paths


def steps(path: str) -> list[tuple[str, str | None]]:
    """Take a path apart: a key, and what stands in brackets behind it (None without, "" for every element)."""
    found: list[tuple[str, str | None]] = []
    while path:
        at = min(place for place in (path.find("."), path.find("["), len(path)) if place >= 0)
        key, path = path[:at], path[at:]
        element: str | None = None
        if path.startswith("["):
            element, _, path = path[1:].partition("]")
        found.append((key, element))
        path = path.removeprefix(".")
    return found


def _walk(value: Any, path: list[tuple[str, str | None]]) -> list[Any]:
    """Return the scalars at the end of a path that begins in a value; JSON in that value itself is read already."""
    if not path:
        return _scalars(value)
    (key, element), rest = path[0], path[1:]
    if not isinstance(value, Mapping) or key not in value:
        return []
    if element is None:
        return _walk(_opened(value[key]) if rest else value[key], rest)
    if not rest and element == "":
        return _scalars(_opened(value[key]))  # a list of values, each of which is what it is; one may stand by itself
    chosen = [one for one in _elements(value[key]) if element in ("", *_names(one))]
    return [found for one in chosen for found in _walk(one, rest)]


def _scalars(value: Any) -> list[Any]:
    if isinstance(value, list):
        return [found for element in value for found in _scalars(element)]
    return [] if value is None or isinstance(value, Mapping) else [value]


def _opened(value: Any) -> Any:
    """Read JSON that stands in a text, and in a text within that text."""
    for _ in range(_LAYERS):
        if not isinstance(value, str):
            return value
        try:
            value = json.loads(value)
        except (ValueError, RecursionError):
            return value
    return value


def _elements(value: Any) -> list[Any]:
    """Return the elements of a list; a single element may stand without its list."""
    value = _opened(value)
    if isinstance(value, list):
        return [_opened(element) for element in value]
    return [value] if isinstance(value, Mapping) else []


def _names(element: Any) -> list[Any]:
    """Return what an element says that it is called."""
    if not isinstance(element, Mapping):
        return []
    return [element[key] for key in ("Name", "displayName", "key") if key in element][:1]


# Canonical forms


def _digits(raw: object) -> str:
    """Return a scalar as text; a whole number has digits only, however it was stored."""
    return str(int(raw)) if isinstance(raw, float) and raw.is_integer() else str(raw)


def _text(raw: object, _words: Mapping[str, int]) -> str | None:
    return _digits(raw) or None


def _guid(raw: object, _words: Mapping[str, int]) -> str | None:
    text = small(_digits(raw).strip(_SPACE + '{}"'))
    if len(text) == 32 and all(letter in "0123456789abcdef" for letter in text):
        text = "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
    return text or None


def _upn(raw: object, _words: Mapping[str, int]) -> str | None:
    return small(_digits(raw).strip(_SPACE)) or None


def _token(raw: object, _words: Mapping[str, int]) -> str | None:
    return _digits(raw).strip(_SPACE).rstrip("=").replace("+", "-").replace("/", "_") or None


def _int(raw: object, words: Mapping[str, int]) -> int | None:
    if isinstance(raw, bool):
        return None
    text = _digits(raw).strip(_SPACE)
    return words.get(small(text), number(text))


def _bool(raw: object, _words: Mapping[str, int]) -> bool | None:
    return {"true": True, "1": True, "false": False, "0": False}.get(small(_digits(raw).strip(_SPACE)))


def _time(raw: object, _words: Mapping[str, int]) -> str | None:
    found = _TIME.fullmatch(_digits(raw).strip(_SPACE))
    if found is None:
        return None
    year, month, day, hour, minute, second, zone = found.groups()
    try:
        local = datetime(*map(int, (year, month, day, hour, minute, second or 0)), tzinfo=UTC)  # type: ignore[arg-type,misc]
        moment = local - _offset(zone)
    except (ValueError, OverflowError):
        return None
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ") if moment.year >= 2000 else None


def _offset(zone: str | None) -> timedelta:
    if zone in (None, "Z", "UTC"):
        return timedelta()
    hours, minutes = int(zone[1:3]), int(zone[-2:])
    return timedelta(hours=hours, minutes=minutes) * (-1 if zone[0] == "-" else 1)


def _ip(raw: object, _words: Mapping[str, int]) -> str | None:
    text = _ADDRESSES_END.split(small(_digits(raw)).strip(_SPACE))[0]
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    text = text.partition("%")[0]
    bare, _, port = text.removeprefix("::ffff:").partition(":")
    if _is_dotted(bare) and (not port or port.isdigit()):
        text = bare
    return None if text in ("", "<null>", "0.0.0.0") else text  # noqa: S104


def _is_dotted(text: str) -> bool:
    return text.count(".") == 3 and text.isascii() and text.replace(".", "").isdigit()


_CANONICAL: dict[str, Canon] = {
    "text": _text,
    "guid": _guid,
    "upn": _upn,
    "token": _token,
    "int": _int,
    "bool": _bool,
    "time": _time,
    "ip": _ip,
}


# Derived fields: each is given the values of the fields that the catalogue names under ``from``.

Found: TypeAlias = "tuple[Value, ...]"


def _first(found: Found) -> str:
    """Return the value of a part; what a derived field is when a part has several is not specified, so: the first."""
    return written(found[0]) if found else ""


def _client_kind(client_info: Found) -> Found:
    text = _first(client_info)
    if small(text).startswith("client="):
        text = text[len("client=") :]
    return (text.partition(";")[0].strip(" ") or "-",)


def _mail_app_key(app: Found, client_app: Found, kind: Found) -> Found:
    return ("|".join((_first(app) or "-", _first(client_app) or "-", _first(kind))),)


def _mailbox_app_key(app_key: Found, mailbox: Found) -> Found:
    return (f"{_first(app_key)}|{_first(mailbox)}",) if mailbox else ()


def _first_present(*parts: Found) -> Found:
    return next((part[:1] for part in parts if part), ())


def _seconds_between(first: Found, second: Found) -> Found:
    if not first or not second:
        return ()
    begin, end = (datetime.strptime(_first(one), "%Y-%m-%dT%H:%M:%S%z") for one in (first, second))
    days = (end.date() - begin.date()).days
    clock = [(one.hour * 60 + one.minute) * 60 + one.second for one in (begin, end)]
    return (days * 86400 + clock[1] - clock[0],)


def _upn_suffix(name: Found) -> Found:
    text = _first(name)
    return (text.split("@")[-1],) if "@" in text and not text.endswith("@") else ()


def _issued_token_ids(token: Found, *request_ids: Found) -> Found:
    encoded = [_token_of(written(value)) for found in request_ids for value in found]
    return (*token, *(value for value in encoded if value))


def _token_of(request_id: str) -> str:
    """Write a request id as a token id: its sixteen bytes, the first three groups back to front, in base64url."""
    guid = _guid(request_id, {}) or ""
    if not _GUID.fullmatch(guid):
        return ""
    groups = [bytes.fromhex(group) for group in guid.split("-")]
    swapped = b"".join([*(group[::-1] for group in groups[:3]), *groups[3:]])
    return base64.urlsafe_b64encode(swapped).decode("ascii").rstrip("=")


def _target_app_id_unified(operation: Found, object_id: Found, principal: Found, details: Found) -> Found:
    did = small(_first(operation))
    if did.startswith("add app role assignment"):
        return principal[:1]
    if did.startswith("consent to application"):
        guid = _guid(_first(object_id), {})
        return (guid,) if guid else ()
    return details[:1] if _adds_a_credential(did) else ()


def _target_app_id_entra(operation: Found, principal: Found, details: Found) -> Found:
    did = small(_first(operation))
    if did.startswith("add app role assignment"):
        return principal[:1]
    return details[:1] if did.startswith("consent to application") or _adds_a_credential(did) else ()


def _adds_a_credential(operation: str) -> bool:
    return operation.startswith(("update application", "create application", "add service principal credentials"))


_DERIVED: dict[str, Callable[..., Found]] = {
    "client_kind": _client_kind,
    "mail_app_key": _mail_app_key,
    "mailbox_app_key": _mailbox_app_key,
    "first_present": _first_present,
    "upn_suffix": _upn_suffix,
    "seconds_between": _seconds_between,
    "issued_token_ids": _issued_token_ids,
    "target_app_id_unified": _target_app_id_unified,
    "target_app_id_entra": _target_app_id_entra,
}
