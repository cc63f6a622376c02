"""What the statements find, as the evaluator says it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeAlias

from unissued.evaluate import Event, Match, Outcome, Reason, Unjudged, Value
from unissued.lake.engine import Engine
from unissued.pack import Pack, Rule
from unissued.record import Record
from unissued.sql import Script

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Row: TypeAlias = "tuple[Any, ...]"


@dataclass(frozen=True)
class Answers:
    """What the statements of a script returned, by rule."""

    matches: Mapping[str, Sequence[Row]]
    records: Mapping[str, Sequence[Row]]
    """Of correlations: the records under each match."""
    unjudged: Mapping[str, Sequence[Row]]

    def rids(self) -> set[int]:
        """Return the records that were found."""
        hits = {row[0] for name, rows in self.matches.items() if name not in self.records for row in rows}
        return hits.union(*({row[-1] for row in rows} for rows in self.records.values()))


def found_records(engine: Engine, script: Script) -> Answers:
    """Run every statement of a script, whose views are there."""
    matches: dict[str, Sequence[Row]] = {}
    under: dict[str, Sequence[Row]] = {}
    unjudged: dict[str, Sequence[Row]] = {}
    for statement in script.statements:
        name = statement.rule.name
        if statement.rule.is_correlation:
            matches[name] = engine.rows(statement.matches)
            under[name] = engine.rows(statement.records) if matches[name] else []
        else:
            matches[name] = engine.rows(f"SELECT rid, time FROM ({statement.matches}) AS q")
        unjudged[name] = engine.rows(statement.unjudged) if statement.unjudged else []
    return Answers(matches, under, unjudged)


def outcomes(pack: Pack, script: Script, answers: Answers, records: Mapping[int, Record]) -> dict[str, Outcome]:
    """Say what was found as the evaluator says it.

    Args:
        pack: the rules.
        script: the statements.
        answers: what they returned.
        records: the records that were found, by ``rid``.

    Returns:
        Rule name -> what it says, base rules first.
    """
    found: dict[str, Outcome] = {}
    for statement in script.statements:
        name = statement.rule.name
        if statement.rule.is_correlation:
            found[name] = _correlation(pack, statement.rule, answers, found, records)
        else:
            hits = sorted((time, rid) for rid, time in answers.matches[name])
            matches = tuple(Match(name, _time(time), event=_event(pack, records[rid])) for time, rid in hits)
            found[name] = Outcome(name, matches, _questions(answers.unjudged[name]))
    return found


def prepare(engine: Engine, script: Script) -> None:
    """Run the views of a script once and keep their rows, so that every statement finds the fields ready."""
    for name, query in script.views.items():
        engine.keep(name, query)


def _time(seconds: int) -> datetime:
    return _EPOCH + timedelta(seconds=seconds)


def _event(pack: Pack, record: Record) -> Event:
    return Event(record, pack.catalogue.sources[record.source])


def _questions(rows: Sequence[Row]) -> tuple[Unjudged, ...]:
    return tuple(
        Unjudged(Reason(reason), detail, count, _time_or_none(first), _time_or_none(last))
        for reason, detail, count, first, last in sorted(rows, key=str)
    )


def _time_or_none(seconds: int | None) -> datetime | None:
    return None if seconds is None else _time(seconds)


def _correlation(
    pack: Pack, rule: Rule, answers: Answers, below: Mapping[str, Outcome], records: Mapping[int, Record]
) -> Outcome:
    blind = [question for name in rule.references for question in below[name].unjudged]
    if blind:
        return Outcome(rule.name, unjudged=tuple(dict.fromkeys(blind)))
    because: dict[Row, list[Match]] = {}
    for *key, name, rid in answers.records[rule.name]:
        event = _event(pack, records[rid])
        because.setdefault(tuple(key), []).append(Match(name, event.time, event=event))
    matches = []
    for *group, first, _ in answers.matches[rule.name]:
        under = sorted(because[(*group, first)], key=_place)
        matches.append(Match(rule.name, _time(first), _labels(pack, rule, group), because=tuple(under)))
    matches.sort(key=lambda match: (match.time, str(sorted(match.group.items()))))
    return Outcome(rule.name, tuple(matches), _questions(answers.unjudged[rule.name]))


def _place(match: Match) -> tuple[datetime, str, str, int]:
    assert match.event is not None  # noqa: S101 - correlations of correlations are refused
    origin = match.event.record.origin
    return match.time, match.rule, origin.file, origin.line


def _labels(pack: Pack, rule: Rule, values: Sequence[str]) -> dict[str, Value]:
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
