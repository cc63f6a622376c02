"""The function ``spath`` on JSON (Search Reference: spath; Text functions).

A location path is steps separated by points: a key, then perhaps ``{}`` for all elements of a list or ``{0}`` for one.
The text must be well-formed JSON; numbers come out as they are written, nested values as JSON text.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

from unissued.engines.spl.values import Reading, Value, pack

_STEP = re.compile(r"([^.{}]*)((?:\{\d{0,9}\})*)")
_INDEX = re.compile(r"\{(\d*)\}")


class Digits(str):
    """A number, as it is written."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Members:
    """An object: its keys may repeat."""

    pairs: tuple[tuple[str, Json], ...]


Json: TypeAlias = bool | str | Digits | list["Json"] | Members | None
Step: TypeAlias = str | int | None
"""A key, the number of an element, or all elements."""


def _constant(name: str) -> Digits:
    raise ValueError(f"{name} is not JSON")


_DECODER = json.JSONDecoder(
    object_pairs_hook=lambda pairs: Members(tuple(pairs)),
    parse_int=Digits,
    parse_float=Digits,
    parse_constant=_constant,
)


@lru_cache(maxsize=4096)
def _document(text: str) -> Members | list[Json] | None:
    try:
        found = _DECODER.decode(text)
    except (ValueError, RecursionError):
        return None
    return found if isinstance(found, Members | list) else None


@lru_cache(maxsize=1024)
def steps(path: str) -> tuple[Step, ...] | None:
    """Read a location path; None when it is none."""
    found: list[Step] = []
    for part in path.split("."):
        match = _STEP.fullmatch(part)
        if match is None or not (match[1] or (match[2] and not found)):
            return None
        if match[1]:
            found.append(match[1])
        found += [int(index) if index else None for index in _INDEX.findall(match[2])]
    return tuple(found)


def extract(text: str, path: tuple[Step, ...], reading: Reading) -> Value | None:
    """Return what stands at a path of a JSON text; null when nothing does or the text is no JSON."""
    root = _document(text)
    if root is None:
        return None
    nodes: list[Json] = [root]
    for step in path:
        nodes = [inner for node in nodes for inner in _walk(node, step, reading)]
    return pack(shown for node in nodes if (shown := _shown(node, reading)) is not None)


def _walk(node: Json, step: Step, reading: Reading) -> Iterator[Json]:
    if isinstance(step, str):
        if isinstance(node, Members):
            values = [value for key, value in node.pairs if key == step]
            yield from values if reading is Reading.TEXT else values[-1:]
    elif isinstance(node, list):
        yield from node if step is None else node[step : step + 1]


def _shown(node: Json, reading: Reading) -> str | None:
    if node is None:
        return "null" if reading is Reading.TEXT else None
    if node == "" and reading is Reading.NUMBERS:
        return None
    return str(node) if isinstance(node, str) else _written(node)


def _written(node: Json) -> str:
    match node:
        case None:
            return "null"
        case True | False:
            return str(node).lower()
        case Digits():
            return str(node)
        case str():
            return _quoted(node)
        case list():
            return f"[{','.join(map(_written, node))}]"
        case Members(pairs=pairs):
            return f"{{{','.join(f'{_quoted(key)}:{_written(value)}' for key, value in pairs)}}}"


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False)
