"""What a reader of a rule says about a stream of records, in one form for all readers."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TypeAlias

from unissued.convert import column
from unissued.evaluate import Event, Given, Match, Outcome, Reason, Value, evaluate
from unissued.pack import Field, Pack, Rule
from unissued.record import Record, utc_text

Row: TypeAlias = "tuple[tuple[str, str], ...]"
"""Column and text, in the order of the columns; a missing value is the empty text."""

TIME = "time"
"""What every reader's time column is called here."""


@dataclass(frozen=True)
class Answer:
    """Rows that a reader found, and whether it said that something was not evaluated."""

    rows: frozenset[Row]
    open: bool = False

    def said(self) -> str:
        """Return the answer in words."""
        rows = "; ".join(", ".join(f"{name}={text}" for name, text in row if text) for row in sorted(self.rows))
        found = f"finds {rows}" if rows else "finds nothing"
        return f"{found}, and says that something was not evaluated" if self.open else found


def judge(pack: Pack, rule: Rule, records: Sequence[Record], given: Given, target: str) -> Outcome:
    """Return what the evaluator says; records of log sources that a target does not hold are left out."""
    visible = [record for record in records if target not in pack.catalogue.sources[record.source].not_in]
    return evaluate(pack, visible, given, [rule.name])[rule.name]


def expected(rule: Rule, outcome: Outcome, columns: Collection[str]) -> Answer:
    """Return what the evaluator says as the rows that a query has to return, with the query's own columns."""
    return Answer(frozenset(_row(rule, match, columns) for match in outcome.matches), _is_open(outcome))


def _is_open(outcome: Outcome) -> bool:
    """A record that is not six hours old has not been looked at by any run of a query yet."""
    return any(question.reason is not Reason.PENDING for question in outcome.unjudged)


def _row(rule: Rule, match: Match, columns: Collection[str]) -> Row:
    if rule.is_correlation:
        known = {column(name): str(value) for name, value in match.group.items()}
    else:
        assert match.event is not None  # noqa: S101 - a detection fires on an event
        known = _values(match.event)
    return row_of({TIME: utc_text(match.time), **{name: known.get(name, "") for name in columns if name != TIME}})


def _values(event: Event) -> dict[str, str]:
    return {column(known.name): _first(known, event.values(known.name)) for known in event.source.fields.values()}


def _first(known: Field, values: Sequence[Value]) -> str:
    """Return the value that a query shows: of several the smallest."""
    if not values:
        return ""
    texts = [str(value).lower() if known.type == "bool" else str(value) for value in values]
    return min(texts) if known.many else texts[0]


def keys_of(rule: Rule) -> tuple[str, ...]:
    """Return the columns that a query of a correlation must return: the time and the keys."""
    return (TIME, *(column(key) for key in rule.correlation().group_by or ()))


def own_rows(
    rule: Rule, outcome: Outcome, columns: Collection[str], rows: Collection[Mapping[str, object]]
) -> frozenset[Row]:
    """Return a correlation's rows without what else they show, if the records of the match say that.

    One record has to say all of it: which one, is the query's choice. A row that shows anything else stays whole, so
    that it differs. Several values in one cell are those of a whole group, as Splunk shows them, also of records that
    no match stands on: they are not compared.
    """
    records = {_row(rule, match, columns): [_values(event) for event in match.events()] for match in outcome.matches}
    found = set()
    for row in rows:
        own = row_of({name: row[name] for name in columns})
        shown = {name: value for name, value in row.items() if name not in columns}
        found.add(own if own not in records or _is_said_by(records[own], shown) else row_of(row))
    return frozenset(found)


def _is_said_by(events: Sequence[Mapping[str, str]], shown: Mapping[str, object]) -> bool:
    if any(isinstance(value, tuple) for value in shown.values()):
        return True
    return any(all(one.get(name, "") == text_of(value) for name, value in shown.items()) for one in events)


def row_of(values: Mapping[str, object]) -> Row:
    """Return values as a row."""
    return tuple(sorted((name, text_of(value)) for name, value in values.items()))


def text_of(value: object) -> str:
    """Write a value of a result the way the evaluator writes it."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return utc_text(value)
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value)


def begun(found: Collection[Row], expected: Answer, outcome: Outcome) -> frozenset[Row]:
    """Leave out rows that lie inside a chain which the evaluator finds as one match.

    Runs of a query see a part of the records each, so a chain that goes on can begin again in a later run, where the
    schedule silences its key.
    """
    chains: dict[Row, list[tuple[str, str]]] = {}
    for match, row in zip(outcome.matches, (_keys(match) for match in outcome.matches), strict=True):
        last = max(event.time for event in match.events())
        chains.setdefault(row, []).append((utc_text(match.time), utc_text(last)))

    def goes_on(row: Row) -> bool:
        time = dict(row)[TIME]
        keys = tuple(item for item in row if item[0] != TIME)
        return any(first < time <= last for first, last in chains.get(keys, ()))

    return frozenset(row for row in found if row in expected.rows or not goes_on(row))


def _keys(match: Match) -> Row:
    return row_of({column(name): value for name, value in match.group.items()})
