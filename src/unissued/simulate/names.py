"""Gives every case ids of its own, so that cases do not disturb each other in one tenant.

GUIDs and token ids are renamed by turning the same 48 bits of each (exclusive or). That keeps what cases are about:
equal ids stay equal in every spelling, ids that differ in one digit still do, a token id still is the request id that
it encodes, and token ids that differ only in the case of a letter still do unless the letter lies within those 48 bits.
An id that a rule names stays as it is, and so do its near misses. So does the name of a cmdlet that happens to have the
form of a token id. Domains below ``example``, and with them the names of users, get a word of their own.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Collection, Iterator, Mapping

from unissued.pack import Pack

_HEX = "[0-9A-Fa-f]"
GUID = re.compile(
    rf"(?<![0-9A-Za-z])(?:{_HEX}{{8}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{4}}-{_HEX}{{12}}|{_HEX}{{32}})(?![0-9A-Za-z])"
)
_TOKEN = r"[A-Za-z0-9_+/-]{21}[AQgw]"  # noqa: S105 - the form of a token id
_WHOLE_TOKEN = re.compile(rf"(\s*)({_TOKEN})(=*\s*)")
_QUOTED_TOKEN = re.compile(rf'(?<=")({_TOKEN})(?==*\\*")')
_DOMAIN = re.compile(r"(?<=[A-Za-z0-9])(?=\.example(?![A-Za-z0-9-]))", re.IGNORECASE)
_NONE = "0" * 32
_NEAR = 2
"""Digits in which an id may differ from one that a rule names and still be a near miss on purpose."""
_FIRST, _LAST = 9, 15
"""The bytes that are turned: a GUID and the token id that encodes it have them in the same place, and they make whole
letters of the token id."""


def named_ids(pack: Pack) -> frozenset[str]:
    """Return the ids that rules name: GUIDs as 32 small digits, and what looks like a token id, in small letters.

    The GUID that says "none" is one of them.
    """
    found = {_NONE}
    for rule in pack.rules.values():
        for key in ("detection", "correlation"):
            for text in _texts(rule.definition.get(key)):
                found.update(map(_digits, GUID.findall(text)))
                if _WHOLE_TOKEN.fullmatch(text):
                    found.add(text.lower())
    return frozenset(found)


def _texts(value: object) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for below in value.values():
            yield from _texts(below)
    elif isinstance(value, list):
        for below in value:
            yield from _texts(below)


def _digits(text: str) -> str:
    return text.replace("-", "").lower()


class Names:
    """Renames the ids of one case.

    Args:
        named: what stays, see :func:`named_ids`.
        salt: the case and the run; another salt gives other ids.
    """

    def __init__(self, named: Collection[str], salt: str) -> None:
        self._named = named
        turned = hashlib.sha256(salt.encode("utf-8")).digest()[: _LAST - _FIRST]
        self._mask = bytes(_FIRST) + turned + bytes(16 - _LAST)
        self._word = f"-{turned.hex()}"
        self._stays: dict[str, bool] = {}

    def text(self, text: str) -> str:
        """Return a text renamed: GUIDs and domains anywhere, token ids as the whole text or quoted in JSON."""
        text = _DOMAIN.sub(self._word, GUID.sub(lambda found: self._guid(found[0]), text))
        if whole := _WHOLE_TOKEN.fullmatch(text):
            return whole[1] + self._token(whole[2]) + whole[3]
        return _QUOTED_TOKEN.sub(lambda found: self._token(found[1]), text) if text.lstrip()[:1] in ("{", "[") else text

    def _guid(self, text: str) -> str:
        digits = _digits(text)
        if self._is_named(digits):
            return text
        renamed = iter(_like(text, self._turned(bytes.fromhex(digits)).hex()))
        return "".join("-" if letter == "-" else next(renamed) for letter in text)

    def _token(self, text: str) -> str:
        if text.lower() in self._named:
            return text
        urlsafe = text.replace("+", "-").replace("/", "_")
        raw = base64.urlsafe_b64decode(f"{urlsafe}==")
        renamed = base64.urlsafe_b64encode(self._turned(raw)).decode("ascii").rstrip("=")
        return renamed.replace("-", "+").replace("_", "/") if text != urlsafe else renamed

    def _turned(self, raw: bytes) -> bytes:
        return bytes(byte ^ turn for byte, turn in zip(raw, self._mask, strict=True))

    def _is_named(self, digits: str) -> bool:
        if digits not in self._stays:
            self._stays[digits] = digits in self._named or any(
                sum(ours != theirs for ours, theirs in zip(digits, named, strict=True)) <= _NEAR
                for named in self._named
                if len(named) == len(digits) and named != _NONE
            )
        return self._stays[digits]


def _like(text: str, digits: str) -> str:
    """Spell digits as a GUID was spelled: in capitals, in small letters or mixed."""
    if text == text.lower():
        return digits
    if text == text.upper():
        return digits.upper()
    return "".join(digit.upper() if place % 2 else digit for place, digit in enumerate(digits))
