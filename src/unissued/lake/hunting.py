"""One hunt by an engine: lines are read, sorted and judged there; only what was found comes back."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from datetime import UTC, datetime, timedelta

from unissued.errors import UnsupportedError
from unissued.evaluate import comparable_lists
from unissued.hunt import Hunt
from unissued.hunt.hunt import found_by
from unissued.lake.engine import Engine, load_lists
from unissued.lake.outcomes import found_records, outcomes, prepare
from unissued.logs import FileReport, Reading, Refusal, source_map
from unissued.logs.naming import Names
from unissued.logs.rows import Row
from unissued.logs.sorting import Sorter
from unissued.logs.verdict import Draft
from unissued.pack import Pack
from unissued.record import Origin, Record
from unissued.sql import LINES, RECORDS, SORTED, Setting, records, script, sorted_lines

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
NO_HEALTH = "feed health is not told by this engine"


def hunt(
    engine: Engine,
    pack: Pack,
    paths: Sequence[str],
    lists: Mapping[str, frozenset[str]],
    *,
    only: Collection[str],
    since: datetime | None = None,
    until: datetime | None = None,
    column: str = "",
) -> Hunt:
    """Judge lines of JSON by rules.

    Args:
        engine: which reads and judges.
        pack: the rules.
        paths: files or folders of lines, as the engine names them.
        lists: the tenant's lists, by name.
        only: names of rules.
        since: findings begin here, inclusive.
        until: findings end here, exclusive.
        column: of Parquet files, the one with the record as text; empty for lines of JSON.

    Raises:
        LogError: the engine cannot read the lines.
        UnsupportedError: a rule has no exact form for the engine.
    """
    written = script(Setting(engine.dialect), pack, map(pack.rule, only))
    refused = {name: written.refused[name] for name in only if name in written.refused}
    if refused:
        said = "; ".join(f"{name}: {why}" for name, why in refused.items())
        raise UnsupportedError.at(engine.dialect.name, said, "name other rules with --rule")
    engine.lines(LINES, paths, column)
    engine.keep(SORTED, engine.dialect.finished(sorted_lines(engine.dialect, pack.catalogue)))
    engine.keep(RECORDS, engine.dialect.finished(records()))
    load_lists(engine, comparable_lists(pack.catalogue, lists))
    prepare(engine, written)
    answers = found_records(engine, written)
    judged = outcomes(pack, written, answers, _records(engine, pack, answers.rids()))
    reading = _reading(engine)
    findings = found_by(pack, only, judged, lists, since=since, until=until, partial=bool(reading.partial))
    return Hunt(reading, findings, {name: judged[name] for name in only}, health_told=False)


def _records(engine: Engine, pack: Pack, rids: Collection[int]) -> dict[int, Record]:
    """Return the records that were found, read as any line of a log is."""
    names = Names(source_map(pack.catalogue))
    found: dict[int, Record] = {}
    engine.load("unissued_found", {"rid": "BIGINT"}, [(rid,) for rid in sorted(rids)])
    query = (
        "SELECT s.rid, s.source, s.time, s.ingested, s.feed, s.record, l.file, l.line "
        f"FROM unissued_found AS f JOIN {SORTED} AS s ON s.rid = f.rid JOIN {LINES} AS l ON l.rid = f.rid"
    )
    for rid, source, time, ingested, feed, text, file, line in engine.rows(query):
        raw = json.loads(text)
        verdict = Sorter(names, file).judge(Row(line, raw, "line"))
        fields = verdict.fields if isinstance(verdict, Draft) and verdict.source == source else raw
        written = str(fields.get("Id") or "")
        times = (_EPOCH + timedelta(seconds=time), _EPOCH + timedelta(microseconds=ingested))
        found[rid] = Record(source, fields, *times, written, feed, Origin(file, line))
    return found


def _reading(engine: Engine) -> Reading:
    """Return the account of every line, file by file."""
    reports: dict[str, FileReport] = {}
    refusals: list[Refusal] = []
    query = (
        "SELECT l.file, s.status, count(*) AS n, count(r.rid) AS used, min(l.line) AS line "
        f"FROM {LINES} AS l JOIN {SORTED} AS s ON s.rid = l.rid LEFT JOIN {RECORDS} AS r ON r.rid = l.rid "
        "GROUP BY l.file, s.status"
    )
    for file, status, number, used, line in sorted(engine.rows(query)):
        report = reports.setdefault(file, FileReport(file, "records by engine"))
        _add(report, status, number, used)
        if status.startswith("refused: "):
            refusals += [Refusal(file, line, status.removeprefix("refused: "))] * number
    for report in reports.values():
        if report.count.refused:
            report.partial.append(f"{report.count.refused} records refused")
        report.notes.append(NO_HEALTH)
    return Reading([], list(reports.values()), refusals)


def _add(report: FileReport, status: str, number: int, used: int) -> None:
    count = report.count
    count.read += number
    kind, _, reason = status.partition(": ")
    if kind == "refused":
        count.refused += number
    elif kind == "skipped":
        count.skipped += number
        report.skipped_as[reason] = report.skipped_as.get(reason, 0) + number
    else:
        count.used += used
        count.duplicates += number - used
