"""Writes a record the way a target keeps it: as a row of a Kusto table, or as an event of Splunk.

The field catalogue says where each field lies. Values stay as raw as the product would keep them, so that a query has
to do its own clean-up. This is the way back of what the readers of ``logs`` do with exported rows.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

from unissued.pack import Catalogue, Source, Table
from unissued.pack.path import parse_path
from unissued.record import Record, utc_text

# An int column holds 32 bits; larger numbers are no status codes and error codes.
_WHOLE = re.compile(r"(-?[0-9]{1,9})(?:\.0+)?")

Place: TypeAlias = "tuple[str, ...]"
"""Keys from the outside to the inside."""


@dataclass(frozen=True)
class KustoRow:
    """A row of a Sentinel or Defender table."""

    table: str
    values: Mapping[str, object]
    """Column -> text, aware time, whole number, or for a dynamic column a JSON value; no column is left out."""
    ingested: datetime


@dataclass(frozen=True)
class SplunkRow:
    """An event of Splunk as a forwarder delivers it."""

    sourcetype: str
    body: Mapping[str, object]
    """What ``_raw`` says, as an object."""
    time: datetime
    ingested: datetime


def schemas(catalogue: Catalogue, target: str) -> dict[str, dict[str, str]]:
    """Return table -> column -> scalar type, for every Kusto table of a target."""
    found: dict[str, dict[str, str]] = {}
    for source in catalogue.sources.values():
        for table in source.tables_of(target):
            found.setdefault(table.name, {}).update(table.schema(target))
    return found


class Writer:
    """Writes records the way targets keep them."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self._known: dict[tuple[str, str], dict[str, list[Place]]] = {}

    def kusto(self, record: Record, target: str) -> list[KustoRow]:
        """Return a record as rows of every table of a target that holds it; none where the target lacks its source.

        ``OfficeActivity`` and ``CloudAppEvents`` hold the same mail records, so Sentinel has them in both.
        """
        source = self._catalogue.sources[record.source]
        if target in source.not_in:
            return []
        return [
            KustoRow(table.name, self._columns(source, table, target, record), record.ingested)
            for table in source.tables_of(target)
            if _holds(table, source, record, target)
        ]

    def splunk(self, record: Record) -> SplunkRow:
        """Return a record as the event that the usual add-on delivers."""
        source = self._catalogue.sources[record.source]
        (table,) = source.tables_of("splunk")
        body: dict[str, object] = {}
        for key, value in record.fields.items():
            for place in self._places(source, table, key):
                _put(body, place, value)
        if "category" in table.where:
            named = source.tables.get(record.table) or next(one for one in source.tables.values() if one.category)
            body |= {"category": named.category, "time": utc_text(record.time)}
        return SplunkRow(table.name, body, record.time, record.ingested)

    def _columns(self, source: Source, table: Table, target: str, record: Record) -> dict[str, object]:
        body: dict[str, object] = {}
        for key, value in record.fields.items():
            for place in self._places(source, table, key):
                if place[0] in table.columns:
                    _put(body, place, value)
        written = _moment(record.fields.get(table.time[target])) if table.event_time else None
        body[table.time[target]] = written or record.time
        if "ReportId" in table.columns:
            body["ReportId"] = f"report-{record.id}"
        return {column: _typed(kind, body.get(column)) for column, kind in table.schema(target).items()}

    def _places(self, source: Source, table: Table, key: str) -> list[Place]:
        """Return where a table keeps a top-level key of a record.

        That is where the fields that begin with it are said to lie, and where the table's rule for paths puts it.
        """
        known = self._known.setdefault((source.key, table.name), {})
        if key not in known:
            places = [
                tuple(step.key for step in there[: len(there) - len(own) + 1])
                for name, path in ((one.name, one.paths.get(table.name)) for one in source.fields.values())
                if path and (own := parse_path(name))[0].key == key and (there := parse_path(path))
            ]
            by_rule = table.path.replace("{field}", key).replace("{camel}", key[:1].lower() + key[1:])
            known[key] = list(dict.fromkeys([*places, tuple(by_rule.split(".", by_rule.count(".") - key.count(".")))]))
        return known[key]


def _holds(table: Table, source: Source, record: Record, target: str) -> bool:
    """Tell whether a record lies in a table of its source; some sources lie in parts, by kind of sign-in."""
    parts = [one.name for one in source.tables_of(target) if one.category]
    if len(parts) > 1:
        return table.name == (record.table if record.table in parts else parts[0])
    if target == "defender" and source.key == "azure/signinlogs":
        application = record.table in ("AADServicePrincipalSignInLogs", "AADManagedIdentitySignInLogs")
        return table.name == ("EntraIdSpnSignInEvents" if application else "EntraIdSignInEvents")
    return True


def _put(body: dict[str, object], place: tuple[str, ...], value: object) -> None:
    for key in place[:-1]:
        below = body.setdefault(key, {})
        if not isinstance(below, dict):
            return
        body = below
    body.setdefault(place[-1], value)


def _typed(kind: str, raw: object) -> object:
    """Bring a raw value into a column's type, as the ingestion does; what does not fit is missing."""
    match kind:
        case "datetime":
            return _moment(raw)
        case "int":
            found = _WHOLE.fullmatch(str(raw).strip(" \t\r\n"))
            return int(found[1]) if found else None
        case "bool":
            return {"true": True, "1": True, "false": False, "0": False}.get(str(raw).strip().lower())
        case "dynamic":
            return _structure(raw)
    return _text(raw)


def _text(raw: object) -> str:
    if raw is None:
        return ""
    if isinstance(raw, dict | list):
        return json.dumps(raw, ensure_ascii=False)
    return str(raw)


def _structure(raw: object) -> object:
    """Return JSON out of a text: ingestion writes a dynamic column from either."""
    if isinstance(raw, str) and raw.lstrip()[:1] in ("{", "["):
        try:
            return json.loads(raw)
        except ValueError:
            return raw
    return raw


def _moment(raw: object) -> datetime | None:
    if isinstance(raw, datetime):
        return raw
    try:
        moment = datetime.fromisoformat(str(raw))
    except ValueError:
        return None
    return moment.astimezone(UTC) if moment.tzinfo else moment.replace(tzinfo=UTC)
