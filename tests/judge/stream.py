"""What rules say about a stream of records: detections first, then what is built on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeAlias

from judge.detect import Lists, fires
from judge.feeds import Row, gap
from judge.pairs import FIELDS
from judge.values import CATALOGUE, keys, sources_of
from judge.windows import Group, Hit, Windows

Rules: TypeAlias = "Mapping[str, Mapping[str, Any]]"
"""Rule name -> definition, filters merged in."""


@dataclass(frozen=True)
class Line:
    """A record of a stream, raw."""

    source: str
    fields: Mapping[str, Any]
    time: datetime
    ingested: datetime
    table: str = ""


@dataclass(frozen=True)
class Given:
    """What a stream is judged with. ``rows_last_week`` is None when every feed counts as complete."""

    now: datetime | None = None
    lists: Lists = field(default_factory=dict)
    rows_last_week: Mapping[str, int] | None = None


@dataclass(frozen=True)
class Said:
    """The matches of a correlation, and the reasons for which some of it was not evaluated."""

    matches: list[tuple[Group, datetime]]
    reasons: set[str]


def judge(rules: Rules, name: str, lines: Sequence[Line], given: Given) -> Said:
    """Judge one correlation over a stream."""
    definition = rules[name]
    hits = {below: _hits(rules, below, definition, lines, given) for below in definition["correlation"]["rules"]}

    def feed(denied: set[str], start: datetime, end: datetime, judged: datetime) -> str:
        tables = {table for below in denied for table in _required(rules, below)}
        tables = set(definition.get("required_tables", tables)) if tables else tables
        reasons = {_gap(table, lines, given, (start, end, judged)) for table in tables} - {""}
        # A table that is not there at all says more than one with holes.
        return max(reasons, default="", key=lambda reason: reason == "feed_missing")

    windows = Windows(definition, hits, given.now, feed if given.rows_last_week is not None else None, given.lists)
    return Said(windows.matches(), {reason for _, _, reason in windows.moments() if reason})


def _hits(rules: Rules, name: str, above: Mapping[str, Any], lines: Sequence[Line], given: Given) -> list[Hit]:
    if "correlation" in rules[name]:
        # When a correlation's match counts as ingested is not specified; only conditions with not would notice.
        found = judge(rules, name, lines, given).matches
        return [Hit(time, time, {key: (value,) for key, value in group}) for group, time in found]
    wanted = _wanted(above, name)
    return [
        Hit(
            line.time.replace(microsecond=0),
            line.ingested,
            {key: keys(line.source, key, line.fields) for key in wanted},
        )
        for line in lines
        if fires(rules[name], line.source, line.fields, given.lists)
    ]


def _wanted(above: Mapping[str, Any], below: str) -> set[str]:
    """Return the fields of a rule below that a correlation groups by or counts."""
    body = above["correlation"]
    names = list(body["group-by"])
    if "judge" in above:
        names += FIELDS[above["judge"]][list(body["rules"]).index(below)]
    if isinstance(body.get("condition"), Mapping) and "field" in body["condition"]:
        names.append(body["condition"]["field"])
    aliases = {name: body.get("aliases", {}).get(name, {below: name}) for name in names}
    return {own[below] for own in aliases.values() if below in own}


def _required(rules: Rules, name: str) -> set[str]:
    if "correlation" in rules[name]:
        return {table for below in rules[name]["correlation"]["rules"] for table in _required(rules, below)}
    return {
        table for source in sources_of(rules[name]) for table in CATALOGUE["sources"][source].get("required_tables", ())
    }


def _gap(table: str, lines: Sequence[Line], given: Given, window: tuple[datetime, datetime, datetime]) -> str:
    rows = [Row(line.time, line.ingested) for line in lines if line.table == table]
    return gap(rows, (given.rows_last_week or {}).get(table), *window)
