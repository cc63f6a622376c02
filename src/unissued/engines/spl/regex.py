r"""Splunk's regular expressions are PCRE (Knowledge Manager Manual, About Splunk regular expressions).

As PCRE does unless told otherwise, ``\d`` and ``\w`` are ASCII; texts are UTF-8, one character at a time.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from functools import lru_cache
from typing import Any

import pcre2  # type: ignore[import-untyped,unused-ignore]

from unissued.errors import UnsupportedError

_REFERENCE = re.compile(r"\\(\d+|\\)")


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> Any:
    return pcre2.compile(pattern, pcre2.ASCII)


def problem(pattern: str) -> str | None:
    """Return what is wrong with a pattern."""
    try:
        _compiled(pattern)
    except (pcre2.PatternError, ValueError, OverflowError) as error:
        return str(error)
    return None


def _checked(pattern: str) -> Any:
    wrong = problem(pattern)
    if wrong:
        raise UnsupportedError.at("SPL", f"not executed: the regular expression {pattern!r} is not valid: {wrong}")
    return _compiled(pattern)


def _limited(pattern: str, error: pcre2.LibraryError) -> UnsupportedError:
    return UnsupportedError.at("SPL", f"not executed: {error} for the regular expression {pattern!r}")


@lru_cache(maxsize=1024)
def finder(pattern: str) -> Callable[[str], bool]:
    """Return the test whether a pattern is found anywhere in a text.

    The test raises UnsupportedError where a text takes PCRE to its match limit.
    """
    search = _checked(pattern).search

    def found(text: str) -> bool:
        try:
            return search(text) is not None
        except pcre2.LibraryError as error:
            raise _limited(pattern, error) from error

    return found


def groups(pattern: str) -> int:
    """Return how many groups a pattern has."""
    return int(_compiled(pattern).groups)


def references(replacement: str) -> list[str]:
    r"""Return the group numbers that a replacement refers to: ``\1`` and so on."""
    return [found[1] for found in _REFERENCE.finditer(replacement) if found[1] != "\\"]


@lru_cache(maxsize=1024)
def replacer(pattern: str, replacement: str) -> Callable[[str], str]:
    r"""Return the function that replaces every occurrence; ``\1`` stands for a group, ``\0`` for the whole match.

    A group that took no part is empty. An escaped backslash is one, any other backslash stands for itself.
    """
    compiled = _checked(pattern)
    parts = _REFERENCE.split(replacement)

    def expand(found: Any) -> str:
        whole = [found.group(0), *found.groups()]
        # Every other part is what was behind a backslash.
        return "".join(
            part if index % 2 == 0 or part == "\\" else (whole[int(part)] if int(part) < len(whole) else "") or ""
            for index, part in enumerate(parts)
        )

    def replaced(text: str) -> str:
        try:
            return str(compiled.sub(expand, text))
        except pcre2.LibraryError as error:
            raise _limited(pattern, error) from error

    return replaced
