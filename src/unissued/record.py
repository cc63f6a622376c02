"""One log record on its way from a reader to the evaluator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime


def utc_text(moment: datetime) -> str:
    """Write a time as every output does: ``YYYY-MM-DDTHH:MM:SSZ``, UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a record stood: the file as the user named it, and its line or row, counted from 1."""

    file: str
    line: int


@dataclass(frozen=True, slots=True)
class Record:
    """A record as its source wrote it, under the field names that rules use.

    Values are raw: only ``evaluate.event`` brings them into canonical form.
    """

    source: str
    """Log source, ``product/service`` as in the field catalogue, for example ``m365/exchange``."""
    fields: Mapping[str, object]
    time: datetime
    """Event time, aware, UTC."""
    ingested: datetime
    """When the record became searchable, aware, UTC; where it is unknown, the source's usual delay."""
    id: str
    """The record's own id as written, empty when it has none."""
    table: str
    """The feed: Sentinel table, or the empty string where the shape does not say."""
    origin: Origin
