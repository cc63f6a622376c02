"""What reading gives back: the records, and an honest account of what became of everything that was read."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from unissued.record import Record


@dataclass(frozen=True, slots=True)
class SourceTables:
    """One log source as the field catalogue knows it."""

    usual_delay: timedelta
    """How long after the event a record usually becomes searchable."""
    tables: Mapping[str, Mapping[str, str]]
    """For each table: catalogue field name to its path there, for example ``{"Id": "OfficeId"}``."""


@dataclass(frozen=True, slots=True)
class SourceMap:
    """All log sources by ``product/service``; the caller fills it from the field catalogue."""

    sources: Mapping[str, SourceTables]


@dataclass(frozen=True, slots=True)
class Refusal:
    """A record that could not be used, and why. Line 0 means the file as a whole, which no count includes."""

    file: str
    line: int
    reason: str


@dataclass(slots=True)
class Count:
    """How many records were read, and what became of them."""

    read: int = 0
    used: int = 0
    duplicates: int = 0
    refused: int = 0
    skipped: int = 0

    @property
    def balanced(self) -> bool:
        """Whether every record that was read is accounted for."""
        return self.read == self.used + self.duplicates + self.refused + self.skipped

    def __add__(self, other: Count) -> Count:
        return Count(
            self.read + other.read,
            self.used + other.used,
            self.duplicates + other.duplicates,
            self.refused + other.refused,
            self.skipped + other.skipped,
        )


@dataclass(slots=True)
class FileReport:
    """What one file held."""

    file: str
    shape: str = ""
    """What was recognised, id and words as in docs/exports.md; ``mixed`` when several."""
    count: Count = field(default_factory=Count)
    partial: list[str] = field(default_factory=list)
    """Reasons to believe that records are missing."""
    notes: list[str] = field(default_factory=list)
    skipped_as: dict[str, int] = field(default_factory=dict)
    """What the skipped records were, with their number."""


@dataclass(slots=True)
class Reading:
    """Everything that was read: records sorted by (time, ingested, file, line), each event once."""

    records: list[Record] = field(default_factory=list)
    files: list[FileReport] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    """The first 10,000 of each file; ``count`` has them all."""
    interrupted: bool = False
    """Whether the user stopped the reading; what was not read is *partial*."""

    @property
    def count(self) -> Count:
        """The sum over all files."""
        return sum((report.count for report in self.files), Count())

    @property
    def partial(self) -> list[str]:
        """Every reason to believe that records are missing, as ``file: reason``."""
        return [f"{report.file}: {reason}" for report in self.files for reason in report.partial]
