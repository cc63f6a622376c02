"""What a file's text falls apart into, before anybody asks what a row means."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Container = Literal["line", "object", "array", "value", "records", "results", "tables", "csv", "parquet"]

MOST_RAW = 64 << 10
"""How much of a damaged text is kept to be shown, in characters."""


@dataclass(frozen=True, slots=True)
class Row:
    """A raw row, the line that it begins on (of Parquet, its number), and what held it."""

    line: int
    value: dict[str, object]
    container: Container


@dataclass(frozen=True, slots=True)
class Bad:
    """Something that should have been a row; ``raw`` is its text or the beginning of it, where that is at hand."""

    line: int
    reason: str
    raw: str = ""


@dataclass(frozen=True, slots=True)
class Member:
    """A member beside the rows of an envelope, such as ``@odata.nextLink`` or ``error``."""

    name: str
    value: object


@dataclass(frozen=True, slots=True)
class Cut:
    """The text ended, or could not be followed any further, before its structure was complete."""

    reason: str


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a table; ``repeated`` names the columns that occur more than once."""

    columns: tuple[str, ...]
    repeated: tuple[str, ...]


Item = Row | Bad | Member | Cut | Header
