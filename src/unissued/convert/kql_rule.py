"""A rule of its own in KQL: one row per matching record."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from unissued.convert.kql import Definitions, read
from unissued.convert.plan import Branch, branches, notes_of
from unissued.convert.query import Body, Query, Schedule, on_arrival, span
from unissued.pack import Pack, Rule

TIME = {"sentinel": "TimeGenerated", "defender": "Timestamp"}


def detection(pack: Pack, rule: Rule, target: str) -> Body:
    """Write a detection."""
    define = Definitions(pack.lists_of(rule))
    parts = branches(rule, target)
    schedule = on_arrival(target)
    early = [f"| where ingestion_time() > ago({ARRIVED})"]
    readings = [read(branch, target, define, {}, early=early) for branch in parts]
    texts = [f"{reading.text}\n{distinct(reading.columns)}" for reading in readings]
    main = texts[0] if len(texts) == 1 else together(texts)
    return Body(
        guarded(define, main, target, arrived(schedule)),
        tables_of(parts),
        tuple(define.lists),
        schedule,
        (*notes_of(parts), FURTHER_BACK),
        returned(define, [name for reading in readings for name in reading.columns]),
    )


def distinct(columns: Sequence[str]) -> str:
    """Return the end of a pipeline: feeds deliver a record up to four times."""
    names = [name for name in columns if name != "ReportId"]
    if "ReportId" in columns:
        return f"| summarize ReportId = take_any(ReportId)\n    by {', '.join(names)}"
    return f"| distinct {', '.join(names)}"


def together(texts: Sequence[str]) -> str:
    """Return the union of pipelines."""
    return "union\n" + ",\n".join("(\n" + indented(text) + "\n)" for text in texts)


def indented(text: str) -> str:
    """Move a text to the right."""
    return "\n".join(f"    {line}" for line in text.split("\n"))


def tables_of(parts: Sequence[Branch]) -> tuple[str, ...]:
    """Return the names of the tables that are read."""
    return tuple(dict.fromkeys(table.name for part in parts for table in part.tables))


ARRIVED = "arrived"
FURTHER_BACK = "to search what arrived earlier, say so in the first line, such as 30d"


def arrived(schedule: Schedule) -> str:
    """Return the statement that says how far back a run looks by arrival; the first line of a query."""
    return f"let {ARRIVED} = {span(schedule.arrived)};\n" if schedule.arrived else ""


def returned(define: Definitions, columns: Sequence[str]) -> tuple[str, ...]:
    """Return the columns of a query that returns these, and where a list can be damaged the one that says so."""
    return tuple(dict.fromkeys([*columns, *([FAULT] if define.watched() else [])]))


FAULT = "Unissued"
"""The column that says that something was not evaluated, and why."""


def further_back(query: Query, back: timedelta) -> str:
    """Return a query that also finds what arrived earlier, for somebody who searches by hand."""
    return f"let {ARRIVED} = {span(back)};\n{query.query.removeprefix(arrived(query.schedule))}"


def guarded(define: Definitions, main: str, target: str, first: str, lets: str = "") -> str:
    """Return the whole query; where a list is damaged a row says so.

    A list that must not be empty keeps the results back then, since they would be everything or nothing.
    """
    watched = define.watched()
    if not watched:
        return first + define.text() + lets + main
    needed = [spec for spec in watched if spec.if_empty == "refuse"]
    rows = ",\n".join(
        f"(\n    print {TIME[target]} = now(), {FAULT} = strcat("
        f'"{"not evaluated: " if spec in needed else ""}watchlist unissued_{spec.name} ", {spec.name}_fault)\n'
        f"    | where {spec.name}_fault != ''\n)"
        for spec in watched
    )
    sound = " and ".join(f"{spec.name}_fault == ''" for spec in needed)
    end = f"\n| where {sound}" if needed else ""
    return f"{first}{define.text()}{lets}union\n(\n{main}{end}\n),\n{rows}"
