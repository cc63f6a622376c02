"""Holds the converted queries against the evaluator on one stream of records."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionNOT,
    SigmaRuleReference,
)

from unissued.convert import Query
from unissued.evaluate import Given, evaluate
from unissued.pack import JUDGED_AFTER, Pack, Rule
from unissued.record import Record
from unissued.verify.answer import Answer, Row, begun, expected, judge, keys_of, own_rows, row_of
from unissued.verify.readers import Reader

_HOUR = timedelta(hours=1)
_SOON = timedelta(minutes=30)


@dataclass(frozen=True)
class Comparison:
    """One query on one stream, beside the evaluator."""

    evaluator: Answer
    query: Answer

    @property
    def agrees(self) -> bool:
        """Tell whether both say the same."""
        return self.evaluator == self.query

    def differences(self) -> list[str]:
        """Return what only one of the two says, a line each."""
        lines = [f"only the evaluator finds {_shown(row)}" for row in sorted(self.evaluator.rows - self.query.rows)]
        lines += [f"only the query finds {_shown(row)}" for row in sorted(self.query.rows - self.evaluator.rows)]
        if self.evaluator.open != self.query.open:
            lines.append(
                f"the evaluator {_open(self.evaluator)}, the query {_open(self.query)} that something was not evaluated"
            )
        return lines


def _shown(row: Row) -> str:
    return ", ".join(f"{name}={text}" for name, text in row if text)


def _open(answer: Answer) -> str:
    return "says" if answer.open else "does not say"


class Stream:
    """Records and what they are judged with, prepared for any number of queries."""

    def __init__(self, records: Sequence[Record], given: Given) -> None:
        last = max((record.ingested for record in records), default=datetime.now(UTC))
        self.now = given.now or last + JUDGED_AFTER
        self.records = records
        self.given = replace(given, now=self.now)
        # To a rule without absence arrival says nothing; a run looks at what has just arrived.
        self.arrived = [replace(record, ingested=self.now - _SOON) for record in records]
        self.unmeasured = replace(self.given, measured=False)  # and such a query does not look at feeds


def compare(reader: Reader, pack: Pack, rule: Rule, query: Query, stream: Stream) -> Comparison:
    """Run a query on a stream and compare what it returns with what the evaluator says.

    Raises:
        UnsupportedError: the engine does not execute the query.
    """
    if rule.is_absence:
        return _judged_later(reader, pack, rule, query, stream)
    outcome = judge(pack, rule, stream.records, stream.unmeasured, reader.target)
    reader.load(stream.arrived, stream.unmeasured)
    result = reader.run(query, stream.now)
    if rule.is_correlation:
        columns = keys_of(rule)
        answer = Answer(own_rows(rule, outcome, columns, result.rows), bool(result.notes))
        return Comparison(expected(rule, outcome, columns), answer)
    answer = Answer(frozenset(map(row_of, result.rows)), bool(result.notes))
    return Comparison(expected(rule, outcome, result.columns), answer)


def _judged_later(reader: Reader, pack: Pack, rule: Rule, query: Query, stream: Stream) -> Comparison:
    """Run the query when records are six hours old: together these are the runs of a schedule without a delay."""
    reader.load(stream.records, stream.given, fill_until=stream.now)
    asked, *denied = _sides(rule)
    sources = {source.key for source in pack.rule(asked).sources}
    ages = sorted({record.ingested for record in stream.records if record.source in sources})
    outcomes = evaluate(pack, stream.records, stream.given, [asked, *denied])
    company = sorted(
        {event.record.ingested for name in denied for match in outcomes[name].matches for event in match.events()}
    )
    results = [reader.run(query, moment) for moment in _runs(ages, company) if moment <= stream.now]
    columns = keys_of(rule)
    outcome = judge(pack, rule, stream.records, stream.given, reader.target)
    wanted = expected(rule, outcome, columns)
    # Without a record to judge no query can tell a missing feed from a quiet tenant.
    if not outcomes[asked].matches and not outcomes[asked].unjudged:
        wanted = replace(wanted, open=False)
    rows = own_rows(rule, outcome, columns, [row for result in results for row in result.rows])
    return Comparison(wanted, Answer(begun(rows, wanted, outcome), any(result.notes for result in results)))


def _sides(rule: Rule) -> list[str]:
    """Return the rule that is asked for, then the ones of which none may match."""
    denied = set(_denied(rule.correlation().condition.parsed))  # type: ignore[union-attr] # it is in words
    return sorted(rule.references, key=denied.__contains__)


def _denied(node: object) -> Iterator[str]:
    match node:
        case CorrelationConditionNOT(args=[SigmaRuleReference(reference=name)]):
            yield name
        case CorrelationConditionAND(args=args):
            for arg in args:
                yield from _denied(arg)


def _runs(ages: Sequence[datetime], company: Sequence[datetime]) -> Iterator[datetime]:
    """Yield times of runs so that each record is judged by what had arrived exactly six hours after it did.

    A run takes the records of an hour; records share a run unless company arrived between their own times.
    """
    first = last = None
    for age in ages:
        if first is not None and last is not None:
            between = any(first + JUDGED_AFTER < arrival <= age + JUDGED_AFTER for arrival in company)
            if between or age >= first + _HOUR:
                yield last + JUDGED_AFTER
                first = age
        first, last = first or age, age
    if last is not None:
        yield last + JUDGED_AFTER
