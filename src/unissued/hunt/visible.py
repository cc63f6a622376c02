"""Log content on a terminal: only what is printable, and not too much of it."""

from __future__ import annotations

import unicodedata

_MOST = 200


def visible(text: str, most: int = _MOST) -> str:
    r"""Return text that cannot command a terminal or reorder a line; the rest as ``\xNN`` or ``\uNNNN``.

    Text longer than ``most`` characters is cut with a mark.
    """
    shown = "".join(letter if _is_harmless(letter) else _code(letter) for letter in text[:most])
    return f"{shown}…" if len(text) > most else shown


def _is_harmless(letter: str) -> bool:
    return letter.isprintable() and unicodedata.category(letter) not in ("Cf", "Co", "Cs")


def _code(letter: str) -> str:
    number = ord(letter)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"
