"""What the statements find, as the evaluator says it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from unissued.evaluate import Event, Match, Outcome, Reason, Unjudged, Value
from unissued.lake.engine import Engine
from unissued.pack import Pack, Rule
from unissued.record import Record
from unissued.sql import Script, Statement

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def outcomes(engine: Engine, pack: Pack, script: Script, records: Mapping[int, Record]) -> dict[str, Outcome]:
    """Run every statement of a script.

    Args:
        engine: holds the records and lists.
        pack: the rules.
        script: the statements.
        records: the records that can be found, by ``rid``.

    Returns:
        Rule name -> what it says, base rules first.
    """
    for name, query in script.views.items():
        engine.keep(name, query)
    found: dict[str, Outcome] = {}
    for statement in script.statements:
        rule = statement.rule
        if rule.is_correlation:
            found[rule.name] = _correlation(engine, pack, statement, found, records)
        else:
            found[rule.name] = _detection(engine, pack, statement, records)
    return found


def _time(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)


def _detection(engine: Engine, pack: Pack, statement: Statement, records: Mapping[int, Record]) -> Outcome:
    name = statement.rule.name
    hits = sorted((time, rid) for rid, time in engine.rows(f"SELECT rid, time FROM ({statement.matches}) AS q"))
    matches = tuple(Match(name, _time(time), event=_event(pack, records[rid])) for time, rid in hits)
    return Outcome(name, matches, _questions(engine, statement))


def _event(pack: Pack, record: Record) -> Event:
    return Event(record, pack.catalogue.sources[record.source])


def _questions(engine: Engine, statement: Statement) -> tuple[Unjudged, ...]:
    if not statement.unjudged:
        return ()
    return tuple(
        Unjudged(Reason(reason), detail, count, *(None if at is None else _time(at) for at in (first, last)))
        for reason, detail, count, first, last in sorted(engine.rows(statement.unjudged), key=str)
    )


def _correlation(
    engine: Engine, pack: Pack, statement: Statement, below: Mapping[str, Outcome], records: Mapping[int, Record]
) -> Outcome:
    rule = statement.rule
    blind = [question for name in rule.references for question in below[name].unjudged]
    if blind:
        return Outcome(rule.name, unjudged=tuple(dict.fromkeys(blind)))
    number = len(list(rule.correlation().group_by or ()))
    because: dict[tuple[Any, ...], list[Match]] = {}
    for row in engine.rows(statement.records):
        *key, name, rid = row
        event = _event(pack, records[rid])
        because.setdefault(tuple(key), []).append(Match(name, event.time, event=event))
    matches = []
    for *group, first, _ in engine.rows(statement.matches):
        under = sorted(because[(*group, first)], key=_place)
        matches.append(Match(rule.name, _time(first), _labels(pack, rule, group[:number]), because=tuple(under)))
    matches.sort(key=lambda match: (match.time, str(sorted(match.group.items()))))
    return Outcome(rule.name, tuple(matches), _questions(engine, statement))


def _place(match: Match) -> tuple[datetime, str, str, int]:
    assert match.event is not None  # noqa: S101 - correlations of correlations are refused
    origin = match.event.record.origin
    return match.time, match.rule, origin.file, origin.line


def _labels(pack: Pack, rule: Rule, values: Collection[str]) -> dict[str, Value]:
    """Return the group of a match: the statements give every value as text."""
    correlation = rule.correlation()
    labels: dict[str, Value] = {}
    for key, value in zip(correlation.group_by or (), values, strict=True):
        alias = correlation.aliases.aliases.get(key) if correlation.aliases else None
        below = rule.references[0]
        own = {one.reference: field for one, field in alias.mapping.items()}.get(below, key) if alias else key
        kinds = {source.fields[own].type for source in pack.rule(below).sources if own in source.fields}
        labels[key] = int(value) if kinds == {"int"} else value == "True" if kinds == {"bool"} else value
    return labels
