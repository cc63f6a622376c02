"""Splunk's .conf files: a writer that refuses what would not come back, and a strict reader.

A value goes on in the next line after a backslash at the end of a line. There is no way to say a backslash that ends a
line, a carriage return, or blanks around a value, so the writer refuses them; :func:`one_line` makes prose that it
takes.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from typing import TypeAlias

from unissued.errors import Problem, SourceError, UnsupportedError

Conf: TypeAlias = "Mapping[str, Mapping[str, str]]"
"""Stanza -> key -> value."""

_KEY = re.compile(r"[A-Za-z0-9_.\-]+\Z")
_SETTING = re.compile(r"([A-Za-z0-9_.\-]+)\s*=(.*)\Z", re.DOTALL)
_CONTINUED = re.compile(r"\\\s*\Z")


def write(conf: Conf, head: Iterable[str] = ()) -> str:
    """Return the text of a .conf file; stanzas and keys in the order given.

    Args:
        conf: what it says.
        head: comment lines in front, without ``#``.

    Raises:
        UnsupportedError: a name or value cannot be said, so that it would be read as something else.
    """
    blocks = ["".join(f"# {one_line(line)}\n" for line in head)]
    for stanza, settings in conf.items():
        _check_stanza(stanza)
        lines = [f"[{stanza}]"]
        for key, value in settings.items():
            _check(f"[{stanza}] {key}", key, value)
            lines.append(f"{key} = {value}".rstrip(" ").replace("\n", "\\\n"))
        blocks.append("".join(f"{line}\n" for line in lines))
    return "\n".join(filter(None, blocks))


def _check_stanza(stanza: str) -> None:
    if not stanza or stanza != stanza.strip() or set(stanza) & set("[]\n\\") or _odd(stanza):
        hint = "no brackets, backslashes, line breaks or blanks at its ends"
        raise UnsupportedError.at(f"[{stanza!r}]", "is no name of a stanza", hint)


def _check(where: str, key: str, value: str) -> None:
    if not _KEY.match(key):
        raise UnsupportedError.at(where, "is no name of a setting", "letters, digits, _ . -")
    if value != value.strip():
        raise UnsupportedError.at(where, "begins or ends with a blank, which would be lost")
    if odd := _odd(value.replace("\n", "").replace("\t", "")):
        raise UnsupportedError.at(where, f"holds {odd!r}, which no line of a .conf file can hold")
    if any(_CONTINUED.search(line) for line in value.split("\n")):
        raise UnsupportedError.at(where, "has a line that ends with a backslash, which would join it to the next line")


def _odd(text: str) -> str:
    """Return the first character that a line cannot hold: control characters, separators of lines, half characters."""
    return next((one for one in text if unicodedata.category(one) in ("Cc", "Cs", "Zl", "Zp")), "")


def one_line(text: str) -> str:
    """Return prose as one line that a .conf file can hold.

    Blanks and line breaks become one blank, other control characters a blank; after a backslash at the end goes a full
    stop.
    """
    line = " ".join("".join(" " if _odd(one) else one for one in text).split())
    return f"{line}." if line.endswith("\\") else line


def read(text: str, path: str) -> dict[str, dict[str, str]]:
    """Read a .conf file.

    Raises:
        SourceError: with every line that is no stanza, setting, comment or blank line, every stanza or key that is
            there twice, and every continuation that leads nowhere. Splunk takes all of these without a word.
    """
    problems: list[Problem] = []
    found: dict[str, dict[str, str]] = {}
    stanza: dict[str, str] | None = None
    for number, line in _joined(text, path, problems):
        where = f"{path}:{number}"
        if not line.strip() or line.lstrip().startswith("#"):
            if "\n" in line:
                problems.append(Problem(where, "is a comment, or nothing, that a backslash continues"))
            continue
        if line.startswith("["):
            name = line.strip()[1:-1]
            if not line.rstrip().endswith("]") or set(name) & set("[]\n"):
                problems.append(Problem(where, "is no stanza", "[name]"))
            elif name in found:
                problems.append(Problem(where, f"[{name}] is there twice"))
            stanza = found.setdefault(name, {})
            continue
        setting = _SETTING.match(line)
        if setting is None:
            problems.append(Problem(where, f"is neither stanza nor setting: {line[:60]!r}", "key = value"))
        elif stanza is None:
            problems.append(Problem(where, "stands before the first stanza"))
        elif setting[1] in stanza:
            problems.append(Problem(where, f"{setting[1]} is there twice"))
        else:
            stanza[setting[1]] = setting[2].strip()
    if problems:
        raise SourceError(*problems)
    return found


def _joined(text: str, path: str, problems: list[Problem]) -> Iterator[tuple[int, str]]:
    """Yield logical lines with the number of their first line."""
    if "\r" in text or text.startswith("\ufeff"):
        problems.append(Problem(path, "has carriage returns or a byte order mark"))
    held: list[str] = []
    lines = text.removesuffix("\n").split("\n")
    for number, line in enumerate(lines, start=1):
        ends = _CONTINUED.search(line)
        if ends is None:
            yield number - len(held), "\n".join([*held, line])
            held = []
            continue
        if ends[0] != "\\":
            problems.append(Problem(f"{path}:{number}", "has blanks behind the backslash that continues it"))
        held.append(line[: ends.start()])
    if held:
        problems.append(Problem(f"{path}:{len(lines)}", "the last line is continued"))
