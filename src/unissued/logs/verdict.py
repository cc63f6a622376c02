"""What a row turned out to be, and how a usable one is drafted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from unissued.logs.decode import is_lost, structured
from unissued.logs.naming import Names, is_empty
from unissued.logs.rows import Container
from unissued.logs.tables import STRUCTURED

Keys = Mapping[str, object]
"""A row with its keys trimmed and in small letters."""


@dataclass(slots=True)
class Draft:
    """A usable record, but for its time."""

    source: str
    table: str
    shape: str
    fields: dict[str, object]
    wrapper_times: list[object] = field(default_factory=list)
    ingested: str | None = None
    notes: list[str] = field(default_factory=list)

    @property
    def id(self) -> str:
        """The record's id as written."""
        written = self.fields.get("Id")
        return "" if is_empty(written) else str(written)


@dataclass(frozen=True, slots=True)
class Skipped:
    """A record of something that no rule looks at."""

    kind: str
    shape: str


@dataclass(frozen=True, slots=True)
class Refused:
    """Something that cannot be used. ``known`` is False where nothing shows that it is a log record at all."""

    reason: str
    shape: str = ""
    known: bool = True


Verdict = Draft | Skipped | Refused


@dataclass(frozen=True, slots=True)
class Drafter:
    """Drafts the records of one file."""

    names: Names
    file: str

    def draft(
        self,
        source: str,
        table: str,
        shape: str,
        row: Mapping[str, object],
        *,
        columns: Mapping[str, str] | None = None,
        wrapper_times: list[object] | None = None,
    ) -> Verdict:
        """A draft under the catalogue's names, or a refusal where the export lost a field that rules need.

        ``columns`` are renames for this kind of row, keys in small letters.
        """
        fields, collisions = self.names.rename(source, row, table if columns is not None else "", columns)
        for name in sorted(self.names.needed.get(source, frozenset())):
            if is_lost(fields.get(name)):
                return Refused(
                    f"{name} holds only {str(fields[name])[:40]}: the export lost the content; export again as JSON",
                    shape,
                )
        for name in fields.keys() & (STRUCTURED | self.names.nested.get(source, frozenset())):
            fields[name] = structured(fields[name])
        notes = [f"several keys for {name} with different values" for name in collisions]
        return Draft(source, table, shape, fields, wrapper_times or [], notes=notes)


def reshaped(verdict: Verdict, shape: str) -> Verdict:
    """The same verdict on a row that stood in a wrapper of that shape."""
    if isinstance(verdict, Draft):
        verdict.shape = shape
        return verdict
    if isinstance(verdict, Skipped):
        return Skipped(verdict.kind, shape)
    return Refused(verdict.reason, shape, verdict.known)


def table_shape(keys: Keys, container: Container) -> str:
    """The shape of a row of a Sentinel or Defender table."""
    if container == "csv":
        hunting = "timestamp" in keys and "timegenerated" not in keys and "type" not in keys
        return "E1 advanced hunting CSV" if hunting else "D1 Logs blade CSV"
    shapes: dict[str, str] = {
        "tables": "D3 query API JSON",
        "results": "E2 hunting API JSON",
        "parquet": "D4 table rows in Parquet",
    }
    return shapes.get(container, "D4 table rows as JSON")


def as_object(value: object) -> dict[str, object]:
    """The value if it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def word(value: object) -> str:
    """A text trimmed and in small letters; empty for anything else."""
    return value.strip().casefold() if isinstance(value, str) else ""
