"""A ``.conf`` file of Splunk as an export has it: line ends of any kind, and what is odd is refused with its line."""

from __future__ import annotations

from collections.abc import Iterator

from unissued.errors import LogError, Problem


def read_conf(text: str, path: str) -> dict[str, dict[str, str]]:
    """Return stanza -> key -> value; of a key or stanza that is there twice the last one counts, as in Splunk.

    Raises:
        LogError: with every line that is no stanza, setting or comment.
    """
    problems: list[Problem] = []
    found: dict[str, dict[str, str]] = {}
    stanza: dict[str, str] = found.setdefault("default", {})
    for number, line in _logical_lines(text):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        if line.startswith("[") and line.rstrip().endswith("]"):
            stanza = found.setdefault(line.strip()[1:-1], {})
            continue
        key, sign, value = line.partition("=")
        if not sign or not key.strip():
            problems.append(
                Problem(f"{path}:{number}", f"{line[:60]!r} is no stanza, setting or comment", "key = value")
            )
        stanza[key.strip()] = value.strip()
    if problems:
        raise LogError(*problems)
    shared = found.pop("default")
    return {name: {**shared, **settings} for name, settings in found.items()}


def _logical_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield lines with the number of their first line; a backslash at the end goes on in the next."""
    held: list[str] = []
    for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), start=1):
        if line.endswith("\\"):
            held.append(line[:-1])
            continue
        yield number - len(held), "\n".join([*held, line])
        held = []
    if held:
        yield text.count("\n") + 1, "\n".join(held)
