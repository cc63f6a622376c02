"""Detections as statements over the views of their log sources, and what keeps a rule from being evaluated."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from unissued.convert.tree import Tree, condition_of, fields_of, specialise
from unissued.errors import UnsupportedError
from unissued.pack import JUDGED_AFTER, Pack, Rule, Source
from unissued.sql.condition import LISTS, Condition, networks_of
from unissued.sql.dialect import NONE, DuckDB, name, text
from unissued.sql.view import RECORDS, view_name

MICROSECONDS = 1_000_000
PATIENCE = int(JUDGED_AFTER.total_seconds()) * MICROSECONDS


@dataclass(frozen=True)
class Setting:
    """What statements are written for.

    ``measured`` runs the gate on feed health. ``now`` is the time of judgement in microseconds since 1970; by default
    six hours after the last record was ingested. ``rows_last_week`` are rows an hour by feed.
    """

    dialect: DuckDB
    measured: bool = True
    now: int | None = None
    rows_last_week: Mapping[str, int] = field(default_factory=dict)

    def judged_now(self) -> str:
        """Return the time of judgement as an expression."""
        return str(self.now) if self.now is not None else f"(SELECT max(ingested) + {PATIENCE} FROM {RECORDS})"


@dataclass(frozen=True)
class Part:
    """A detection in one of its log sources."""

    source: Source
    condition: Tree | bool

    def fields(self) -> set[str]:
        """Return the fields that the condition reads."""
        return set(fields_of(self.condition))

    def networks(self) -> set[str]:
        """Return those that it compares with networks."""
        return networks_of(self.condition)


def parts_of(rule: Rule) -> list[Part]:
    """Return a detection's log sources, without those in which it can never fire."""
    if "detection" not in rule.definition:
        raise UnsupportedError.at(rule.name, "is no Sigma detection")
    found = [Part(source, specialise(condition_of(rule), source.fields.__contains__)) for source in rule.sources]
    return [part for part in found if part.condition is not False]


def hits(setting: Setting, rule: Rule, columns: Mapping[str, str], guards: Collection[str] = ()) -> str:
    """Return the query of the records that meet a detection's condition.

    Args:
        setting: what the statement is written for.
        rule: the detection.
        columns: name of a column -> the field of which it has the values, as a list.
        guards: conditions that must hold as well.
    """
    selects = []
    for part in parts_of(rule):
        shown = ["e.rid", "e.time", "e.ingested"]
        for alias, known in columns.items():
            shown.append(f"{f'e.{name(known)}' if known in part.source.fields else NONE} AS {name(alias)}")
        where = [*guards, Condition(setting.dialect, part.source.fields).expression(part.condition)]
        selects.append(f"SELECT {', '.join(shown)} FROM {view_name(part.source)} AS e WHERE {' AND '.join(where)}")
    if not selects:  # it can never fire
        empty = [f"{NONE} AS {name(alias)}" for alias in columns]
        return f"SELECT {', '.join(['e.rid', 'e.time', 'e.ingested', *empty])} FROM {RECORDS} AS e WHERE false"
    return "\nUNION ALL\n".join(selects)


def refusing_lists(pack: Pack, rule: Rule) -> dict[str, str]:
    """Return the lists without which a detection is not evaluated, with the reason."""
    specs = pack.lists_of(rule)
    return {
        listed: "no_baseline" if specs[listed].learned else "list_missing"
        for listed in rule.lists
        if specs[listed].if_empty == "refuse"
    }


def has_entries(listed: str) -> str:
    """Return the test that a list has entries."""
    return f"EXISTS (SELECT 1 FROM {LISTS} AS g WHERE g.list = {text(listed)})"


def has_records(sources: Collection[Source]) -> str:
    """Return the test that there is a record of one of some log sources."""
    keys = ", ".join(text(source.key) for source in sources)
    return f"EXISTS (SELECT 1 FROM {RECORDS} AS a WHERE a.source IN ({keys}))"


def guards_of(setting: Setting, pack: Pack, rule: Rule) -> list[str]:
    """Return what must hold for a detection to be evaluated."""
    guards = [has_records(rule.sources)] if setting.measured else []
    return guards + [has_entries(listed) for listed in refusing_lists(pack, rule)]


def detection(setting: Setting, pack: Pack, rule: Rule) -> str:
    """Return the statement that finds what a detection fires on: a row for each record."""
    shown = dict.fromkeys([*(rule.fold.by if rule.fold else ()), *rule.fields])
    columns = {known: known for known in shown if any(known in source.fields for source in rule.sources)}
    return hits(setting, rule, columns, guards_of(setting, pack, rule))


def blind(setting: Setting, pack: Pack, rule: Rule) -> str:
    """Return the statement that says why a detection was not evaluated; empty where nothing can keep it from that."""
    selects, before = [], []
    if setting.measured:
        keys = " or ".join(source.key for source in rule.sources)
        nothing = f"NOT {has_records(rule.sources)}"
        selects.append(question("feed_missing", f"no records of {keys}", nothing))
        before.append(has_records(rule.sources))
    for listed, reason in refusing_lists(pack, rule).items():
        where = " AND ".join([*before, f"NOT {has_entries(listed)}"])
        extent = "count(*) AS records, min(h.time) AS first_time, max(h.time) AS last_time"
        counted = f"SELECT {extent} FROM ({hits(setting, rule, {})}) AS h"
        detail = f"list {listed} is missing or empty"
        selects.append(
            f"SELECT {text(reason)} AS reason, {text(detail)} AS detail, c.records, c.first_time, c.last_time "
            f"FROM ({counted}) AS c WHERE {where}"
        )
        before.append(has_entries(listed))
    return "\nUNION ALL\n".join(selects)


def question(reason: str, detail: str, where: str) -> str:
    """Return the row that says that something is missing, where a condition holds."""
    nothing = "CAST(NULL AS BIGINT)"
    said = f"{text(reason)} AS reason, {text(detail)} AS detail"
    extent = f"CAST(0 AS BIGINT) AS records, {nothing} AS first_time, {nothing} AS last_time"
    return f"SELECT {said}, {extent} FROM (SELECT 1 AS one) AS o WHERE {where}"
