"""The regular expressions that RE2, Kusto's engine and PCRE read alike; the rest is refused."""

from __future__ import annotations

import re
from collections.abc import Sequence

from sigma.types import SpecialChars

from unissued.errors import UnsupportedError

_TOKEN = re.compile(r"\\(?:x[0-9A-Fa-f]{2}|.)|\[\^?|\(\?P<[A-Za-z_]\w*>|\(\?[^)(:]*[):]?|.", re.DOTALL)
# Engines differ in what these hold (Unicode digits, vertical tab), so they are spelled out.
_CLASSES = {"d": "0-9", "w": "0-9A-Za-z_", "s": r" \t\n\r\f"}
_LETTERS = frozenset("tnrfxz")
_FLAGS = re.compile(r"\(\?[ims]*[):]\Z")


def exact(pattern: str, end: str) -> str:
    r"""Rewrite a regular expression so that every engine reads the same out of it.

    Args:
        pattern: as the rule has it.
        end: what the engine calls the end of the text, ``$`` or ``\z``.

    Raises:
        UnsupportedError: it holds something that the engines read differently.
    """
    if not pattern.isascii():
        raise _refused(pattern, "characters outside ASCII", "engines fold their case differently")
    out: list[str] = []
    at = 0
    while at < len(pattern):
        found = _TOKEN.match(pattern, at)
        token = found[0] if found else ""
        at += len(token)
        if token in ("[", "[^"):
            inside, at = _class(pattern, at)
            out.append(token + inside)
        elif token == "$":  # noqa: S105 - a token of the pattern
            out.append(end)
        elif token.startswith("\\"):
            out.append(_escape(pattern, token, inside=False))
        elif token.startswith("(?") and not token.startswith("(?P<") and not _FLAGS.match(token):
            raise _refused(pattern, f"'{token}'", "flags i, m and s, and plain groups")
        else:
            out.append(token)
    if re.search(r"\{,|[+*?}]\+", pattern):
        raise _refused(pattern, "a quantifier that engines read differently")
    return "".join(out)


def _class(pattern: str, at: int) -> tuple[str, int]:
    """Rewrite the inside of a character class that begins at a place; return it with ``]`` and the place after it."""
    out: list[str] = []
    start = at
    while at < len(pattern):
        if pattern[at] == "]" and at > start:
            return "".join(out) + "]", at + 1
        if pattern[at] in "[]" or pattern[at : at + 2] in ("&&", "--", "~~"):
            raise _refused(pattern, "a bracket or set operation inside a character class", "escape it")
        token = pattern[at : at + 4] if pattern[at : at + 2] == "\\x" else pattern[at : at + 2]
        token = token if pattern[at] == "\\" else pattern[at]
        out.append(_escape(pattern, token, inside=True) if token[0] == "\\" else token)
        at += len(token)
    raise _refused(pattern, "a character class without an end")


def _escape(pattern: str, token: str, *, inside: bool) -> str:
    letter = token[1:2]
    if letter in _CLASSES:
        return _CLASSES[letter] if inside else f"[{_CLASSES[letter]}]"
    if letter.lower() in _CLASSES and not inside:
        return f"[^{_CLASSES[letter.lower()]}]"
    if not letter or (letter.isalnum() and letter not in _LETTERS) or (letter == "z" and inside):
        raise _refused(pattern, f"'{token}'", "engines read it differently")
    return token


def _refused(pattern: str, what: str, hint: str = "") -> UnsupportedError:
    return UnsupportedError.at(f"re: {pattern}", f"holds {what}", hint)


def wildcards(parts: Sequence[str | SpecialChars]) -> str:
    """Return a regular expression for text with Sigma's wildcards."""
    words = {SpecialChars.WILDCARD_MULTI: ".*", SpecialChars.WILDCARD_SINGLE: "."}
    return "".join(literal(part) if isinstance(part, str) else words[part] for part in parts)


def literal(text: str) -> str:
    """Return a regular expression for plain text, by classes rather than by backslashes where that is possible."""
    return "".join(f"[{char}]" if char in ".*+?()[{|$" else f"\\{char}" if char in "\\^" else char for char in text)
