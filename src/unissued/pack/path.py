"""Paths into records: ``a.b``, ``list[]`` (every element) and ``list[Key]`` (the element that is named Key)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cache

from unissued.errors import SourceError

# The key under which an element of a Name/Value list says its own name, by dialect.
NAME_KEYS = ("Name", "displayName", "key")

_STEP = re.compile(r"(?P<key>[A-Za-z_][A-Za-z0-9_@ -]*)(?:\[(?P<element>[A-Za-z0-9_. -]*)\])?(?:\.|$)")


@dataclass(frozen=True, slots=True)
class Step:
    """One key of a path. ``element`` is None for a plain key, ``""`` for every element, else the element's name."""

    key: str
    element: str | None = None


@cache
def parse_path(text: str) -> tuple[Step, ...]:
    """Parse a path into its steps.

    Raises:
        SourceError: the text is no path.
    """
    steps: list[Step] = []
    at = 0
    while at < len(text):
        found = _STEP.match(text, at)
        if found is None or found.end() == at:
            raise SourceError.at(text, "is no path", "write a.b, list[] or list[Name].Value")
        steps.append(Step(found["key"], found["element"]))
        at = found.end()
    if not steps or text.endswith("."):
        raise SourceError.at(text, "is no path", "write a.b, list[] or list[Name].Value")
    return tuple(steps)


def is_many(text: str) -> bool:
    """Tell whether a path goes through a list, so that one record can have several values there."""
    return any(step.element is not None for step in parse_path(text))
