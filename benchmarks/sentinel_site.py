"""A workspace that has the packaged workbook and the records of a scenario: another engine's tables, not Sentinel."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from unissued.convert import ROWS, convert
from unissued.convert.workbook import SECURITY_ALERT
from unissued.engines.kusto import INGESTED, Kusto
from unissued.evaluate import Given, comparable_lists, evaluate
from unissued.pack import Pack
from unissued.record import Record
from unissued.tables import Writer, schemas
from unissued.verify.readers import filler

WORKBOOK = Path(__file__).parents[1] / "kql" / "sentinel" / "workbooks" / "mail_readers.workbook.json"
WORKSPACE = "0b1c2d3e-0000-4000-8000-000000000001"
_TEXT, _QUERY, _PARAMETERS = 1, 3, 9
_HEAT, _STATES = 8, 18
_HOUR = timedelta(hours=1)
_WAIT = timedelta(hours=6)
"""How long the rules on absences wait for rows that are late."""


@dataclass(frozen=True)
class Part:
    """A text of the workbook, or a query of it."""

    name: str
    title: str
    text: str
    query: str
    window: str
    """The parameter that says how far back; empty where the part does."""
    back: timedelta
    """How far back, unless the viewer chooses otherwise."""
    chart: bool
    heated: str
    """The column whose large values stand out."""
    states: Mapping[str, Mapping[str, str]]
    """Column -> what it says -> its colour; the empty text stands for all else."""


class Workbook:
    """The packaged workbook, read back from its file."""

    def __init__(self, text: str) -> None:
        items = json.loads(text)["items"]
        given = [one for item in items if item["type"] == _PARAMETERS for one in item["content"]["parameters"]]
        self.choices: Mapping[str, tuple[timedelta, ...]] = {
            one["name"]: tuple(map(_duration, one["typeSettings"]["selectableValues"])) for one in given
        }
        chosen = {one["name"]: _duration(one["value"]) for one in given}
        self.parts = [_part(item, chosen) for item in items if item["type"] != _PARAMETERS]

    def part(self, name: str) -> Part:
        """Return a part by its name."""
        (found,) = [part for part in self.parts if part.name == name]
        return found


def _duration(value: Mapping[str, int]) -> timedelta:
    return timedelta(milliseconds=value["durationMs"])


def _part(item: Mapping[str, object], chosen: Mapping[str, timedelta]) -> Part:
    content, name = item["content"], str(item["name"])
    assert isinstance(content, Mapping)
    if item["type"] == _TEXT:
        title, _, text = str(content["json"]).removeprefix("## ").partition("\n")
        return Part(name, title, text, "", "", timedelta(), chart=False, heated="", states={})
    assert item["type"] == _QUERY, item["type"]
    window = str(content.get("timeContextFromParameter", ""))
    back = chosen[window] if window else _duration(content["timeContext"])
    chart = content["visualization"] == "barchart"
    formatters = content["gridSettings"]["formatters"]
    (heated,) = [one["columnMatch"] for one in formatters if one["formatter"] == _HEAT]
    states = {one["columnMatch"]: _states(one["formatOptions"]) for one in formatters if one["formatter"] == _STATES}
    return Part(name, content["title"], "", content["query"], window, back, chart, heated, states)


def _states(options: Mapping[str, Sequence[Mapping[str, str]]]) -> dict[str, str]:
    return {str(one["thresholdValue"] or ""): one["representation"] for one in options["thresholdsGrid"]}


class Workspace:
    """Records in Sentinel's tables, watchlists and alerts.

    Args:
        pack: says which tables and lists there are.
        records: what the feeds delivered.
        given: the lists, and the state of the feeds, which are filled with empty rows as far as it says.
        alerts: rows of ``SecurityAlert``, with the time at which each was written.
    """

    def __init__(
        self, pack: Pack, records: Sequence[Record], given: Given, alerts: Sequence[Mapping[str, object]] = ()
    ) -> None:
        self._tables: dict[str, list[Mapping[str, object]]] = {"SecurityAlert": list(alerts)}
        writer = Writer(pack.catalogue)
        more = filler(pack.catalogue, given, given.now, records) if given.now else ()
        for record in (*records, *more):
            for row in writer.kusto(record, "sentinel"):
                self._tables.setdefault(row.table, []).append({**row.values, INGESTED: row.ingested})
        self._engine = Kusto({**schemas(pack.catalogue, "sentinel"), "SecurityAlert": SECURITY_ALERT})
        self._since: datetime | None = None
        known = comparable_lists(pack.catalogue, given.lists)
        self.watchlists(
            {
                name: [*sorted(known[name]), *([f"{ROWS}{len(known[name])}"] if spec.learned else [])]
                for name, spec in pack.catalogue.lists.items()
                if name in given.lists
            }
        )

    def watchlists(self, lists: Mapping[str, Sequence[str]]) -> None:
        """Replace all watchlists: name -> entries, and the row that tells their number."""
        self._engine.watchlists(
            {f"unissued_{name}": [{"SearchKey": entry} for entry in entries] for name, entries in lists.items()}
        )

    def run(self, query: str, now: datetime, back: timedelta) -> tuple[list[str], list[dict[str, object]]]:
        """Execute a query on the rows whose event time lies at most so far back; returns its columns and rows."""
        since = now - back
        if since != self._since:
            self._engine.load(
                {table: [row for row in rows if _time(row) >= since] for table, rows in self._tables.items()}
            )
            self._since = since
        return self._engine.run(query, now)


def _time(row: Mapping[str, object]) -> datetime:
    time = row["TimeGenerated"]
    assert isinstance(time, datetime)
    return time


def alerts(pack: Pack, records: Sequence[Record], given: Given, rules: Sequence[str]) -> Iterator[dict[str, object]]:
    """Yield the alerts that the evaluator's matches are worth: one a match, as the rules ask for one a result.

    A run begins at every full hour; a rule on absences judges records six hours after they arrived.
    """
    outcomes = evaluate(pack, records, given, rules)
    for name in rules:
        rule = pack.rule(name)
        wait = timedelta() if convert(pack, rule, "sentinel").schedule.arrived else _WAIT
        for number, match in enumerate(outcomes[name].matches):
            arrived = max(event.record.ingested for event in match.events())
            time = (arrived + wait).replace(minute=0, second=0, microsecond=0) + _HOUR
            yield alert(f"{name}-{number}", rule.id, time)


def alert(identity: str, rule: str, time: datetime) -> dict[str, object]:
    """Return the row that an alert of a rule leaves."""
    return {
        "TimeGenerated": time,
        "SystemAlertId": identity,
        "AlertType": f"{WORKSPACE}_{rule}",
        INGESTED: time,
    }
