"""Deciding for each row what it is: a record that rules can judge, something else, or nothing usable."""

from __future__ import annotations

from collections.abc import Mapping

from unissued.logs.decode import UnreadableError, payload
from unissued.logs.entra import diagnostic, directory, envelope_category, portal_signin, risk, signin
from unissued.logs.graph import graph_request
from unissued.logs.naming import Names, folded, is_empty, without_suffixes
from unissued.logs.rows import Container, Row
from unissued.logs.tables import DEFENDER_SIGNINS, FOREIGN_TABLES, GRAPH_TABLES, SIGNINS, signin_table
from unissued.logs.times import from_epoch
from unissued.logs.unified import audit_search, cloud_app, core, is_core, office
from unissued.logs.verdict import Draft, Drafter, Keys, Refused, Skipped, Verdict, reshaped, table_shape, word

_HUNTING = "advancedhunting-"
_PAYLOADS = frozenset(("auditdata", "raweventdata", "properties", "_raw"))
# With one of these a row comes from a log, even if nothing else is known about it.
_DATED = frozenset(("creationtime", "creationdate", "createddatetime", "activitydatetime", "timegenerated"))


class Sorter:
    """Sorts the rows of one file."""

    def __init__(self, names: Names, file: str) -> None:
        self._drafter = Drafter(names, file)

    def judge(self, row: Row) -> Verdict:
        """What the row is."""
        keys = folded(row.value)
        if "event" in keys and self._is_fixture(keys):
            return self._fixture(row.value)
        return self._judge(row.value, row.container, keys)

    def _judge(self, value: Mapping[str, object], container: Container, keys: Keys | None = None) -> Verdict:
        keys = folded(value) if keys is None else keys
        row, conflicts = value, list[str]()
        if not is_core(keys):
            row, conflicts = without_suffixes(value)
            keys = folded(row)
        verdict = self._wrapped(row, keys, container) or self._plain(row, keys, container)
        if isinstance(verdict, Draft):
            verdict.notes += [f"column {name} has two values after a union" for name in conflicts]
        return verdict

    def _wrapped(self, row: Mapping[str, object], keys: Keys, container: Container) -> Verdict | None:
        for read in (self._splunk, self._splunk_collector, self._hunting):
            if verdict := read(row, keys, container):
                return verdict
        return None

    def _plain(self, row: Mapping[str, object], keys: Keys, container: Container) -> Verdict:
        for read in (_content_list, _foreign, _summary):
            if verdict := read(row, keys, container):
                return verdict
        for draft in (
            audit_search,
            diagnostic,
            cloud_app,
            core,
            office,
            portal_signin,
            graph_request,
            risk,
            signin,
            directory,
        ):
            if found := draft(self._drafter, row, keys, container):
                return found
        return _other(keys, container)

    def _is_fixture(self, keys: Keys) -> bool:
        collector = {"sourcetype", "host", "index", "time", "fields"} & keys.keys()
        return "ingested" in keys or str(keys.get("source")) in self._drafter.names.fields or not collector

    def _fixture(self, value: Mapping[str, object]) -> Verdict:
        shape = "fixture envelope"
        extra = sorted(set(value) - {"source", "ingested", "event"})
        event, source, ingested = (value.get(key) for key in ("event", "source", "ingested"))
        if extra:
            return Refused(f"an envelope has no key {extra[0][:40]!r} (only source, ingested, event)", shape)
        if not isinstance(event, dict):
            return Refused("the envelope's event is no object", shape)
        known = self._drafter.names.fields
        if source is not None and not (isinstance(source, str) and source in known):
            return Refused(f"unknown source {str(source)[:40]!r} (known: {', '.join(sorted(known))})", shape)
        if ingested is not None and not isinstance(ingested, str):
            return Refused("ingested is no time", shape)
        verdict = self._judge(event, "line")
        if isinstance(source, str) and not (isinstance(verdict, Draft) and verdict.source == source):
            if isinstance(verdict, Refused) and _PAYLOADS & folded(event).keys():
                return verdict  # the envelope names a source, but what it should hold is damaged
            verdict = self._drafter.draft(
                source, signin_table(folded(event)) if source == SIGNINS else "", shape, event
            )
        if isinstance(verdict, Draft):
            verdict.ingested, verdict.shape = ingested, shape
        return verdict

    def _splunk(self, row: Mapping[str, object], keys: Keys, container: Container) -> Verdict | None:
        result = keys.get("result")
        if "preview" in keys and isinstance(result, dict):
            shape = "F2 Splunk JSON"
            if keys["preview"] is True:
                return Skipped("Splunk preview", shape)
            return reshaped(self._judge(result, container), shape)
        raw = keys.get("_raw")
        if raw is None:
            return None
        shape = "F1 Splunk CSV" if container == "csv" else "F2 Splunk JSON"
        try:
            inner = payload(raw)
        except UnreadableError:
            # The source was itself a CSV: _raw is its line, and Splunk's fields are its cells.
            if "auditdata" in keys:
                return audit_search(self._drafter, row, {**keys, "_raw": None}, container, shape)
            return Refused("_raw is no JSON, and there is no column AuditData", shape)
        return reshaped(self._judge(inner, "line"), shape)

    def _splunk_collector(self, _row: Mapping[str, object], keys: Keys, container: Container) -> Verdict | None:
        if "event" not in keys or not {"sourcetype", "host", "index", "time", "source"} & keys.keys():
            return None
        shape = "F3 Splunk HEC events"
        try:
            verdict = self._judge(payload(keys["event"]), container)
        except UnreadableError as error:
            return Refused(f"event {error}", shape)
        if isinstance(verdict, Draft):
            verdict.wrapper_times.append(_epoch(keys.get("time")))
        return reshaped(verdict, shape)

    def _hunting(self, _row: Mapping[str, object], keys: Keys, _container: Container) -> Verdict | None:
        category = envelope_category(keys)
        if not category.casefold().startswith(_HUNTING):
            return None
        shape = "E3 streamed hunting tables"
        kind = category[len(_HUNTING) :]
        if kind.casefold() not in ("cloudappevents", *GRAPH_TABLES, *DEFENDER_SIGNINS):
            return Skipped(kind, shape)
        try:
            inner = payload(keys["properties"])
        except UnreadableError as error:
            return Refused(f"properties {error}", shape)
        return reshaped(self._judge({"Type": kind, **inner}, "line"), shape)


def _content_list(_row: Mapping[str, object], keys: Keys, _container: Container) -> Verdict | None:
    if "contenturi" not in keys or "contenttype" not in keys:
        return None
    return Refused("a list of content addresses without events; fetch the blobs", "A7 content list")


def _foreign(_row: Mapping[str, object], keys: Keys, container: Container) -> Verdict | None:
    for key in ("$table", "type"):
        if word(keys.get(key)) in FOREIGN_TABLES:
            return Skipped(str(keys[key]).strip(), table_shape(keys, container))
    return None


def _summary(_row: Mapping[str, object], keys: Keys, _container: Container) -> Verdict | None:
    if "timestamp" in keys and ("mailaccesstype" in keys or {"internetmessageid", "folder"} <= keys.keys()):
        return Refused("a summary of sessions or messages, no event; export the records", "A5 summary")
    return None


def _other(keys: Keys, container: Container) -> Verdict:
    shape = table_shape(keys, container)
    named = keys.get("$table") or keys.get("type")
    if isinstance(named, str) and named and {"tenantid", "timegenerated", "sourcesystem", "$table"} & keys.keys():
        return Skipped(named, shape)
    if {"timestamp", "timegenerated"} & keys.keys() and not is_empty(keys.get("actiontype")):
        return Skipped(str(keys["actiontype"]), shape)
    if not is_empty(keys.get("category")) and {"operationname", "time"} & keys.keys():
        return Skipped(str(keys["category"]), shape)
    if _DATED & keys.keys():
        return Refused("no record of a known kind, perhaps an aggregate or too few columns", shape)
    return Refused("no record of a known kind", known=False)


def _epoch(value: object) -> object:
    moment = from_epoch(value)
    return moment.isoformat() if moment else None
