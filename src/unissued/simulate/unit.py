"""Fixtures and scenarios, made fresh: times moved to now, ids of their own."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property

from unissued.errors import LogError
from unissued.evaluate import comparable_lists, compile_rule
from unissued.evaluate.predicate import Node
from unissued.logs import Reading
from unissued.pack import Pack, Rule
from unissued.record import Origin, Record, utc_text
from unissued.simulate.names import Names
from unissued.simulate.shift import BLOCK, MINUTE, moved, shift_to
from unissued.verify import Case, Scenario


@dataclass(frozen=True)
class Unit:
    """One fixture file or one scenario, ready to be replayed."""

    source: Case | Scenario
    records: tuple[Record, ...]
    """With the delay between event and ingestion that the fixture gives; origins say the unit's name."""
    lists: Mapping[str, frozenset[str]]
    twice: bool
    """The fixture repeats records, so each is sent twice, as feeds do."""
    own_times: str = ""
    """Why the times are not moved; empty when they are."""

    @property
    def name(self) -> str:
        """The case's name as tests show it, or the scenario's."""
        return self.source.name

    @property
    def verdict(self) -> str:
        """``hit``, ``miss``, ``gap``, ``unjudged`` or ``scenario``."""
        return self.source.verdict if isinstance(self.source, Case) else "scenario"

    @property
    def asks(self) -> Mapping[str, int]:
        """Rules that must fire. How often counts for correlations and scenarios; a detection fires on every record."""
        if isinstance(self.source, Scenario):
            return {rule: times for rule, times in self.source.must.items() if times}
        return {self.source.rule: self.source.times} if self.source.verdict == "hit" else {}

    def silent(self, shipped: Collection[Rule]) -> tuple[str, ...]:
        """Return the rules that must not fire, of those that ship."""
        if isinstance(self.source, Case):
            names: Collection[str] = () if self.source.verdict == "hit" else (self.source.rule,)
        elif self.source.others_silent:
            names = [rule.name for rule in shipped if rule.name not in self.source.must]
        else:
            names = [*self.source.silent, *(rule for rule, times in self.source.must.items() if not times)]
        return tuple(rule.name for rule in shipped if rule.name in names)

    @property
    def weeks_rows(self) -> Mapping[str, int]:
        """Rows an hour of the week before, by table, where the fixture measures its feeds."""
        return self.source.given.rows_last_week

    @cached_property
    def ids(self) -> frozenset[str]:
        """Ids of the records."""
        return frozenset(record.id for record in self.records if record.id)


def fresh(pack: Pack, source: Case | Scenario, reading: Reading, end: datetime, named: Collection[str]) -> Unit:
    """Make a unit of a fixture or scenario.

    Args:
        pack: the rules.
        source: the case.
        reading: its file, read.
        end: the last event comes to lie just before; with the name it also decides on the ids.
        named: ids that stay, see :func:`unissued.simulate.names.named_ids`.

    Raises:
        LogError: a line of the file cannot be used; what nobody judged would look like silence.
    """
    if reading.refusals or reading.count.skipped or not reading.records:
        why = reading.refusals[0].reason if reading.refusals else "has lines of no log source that rules read"
        raise LogError.at(str(source.path), why, "run unissued test")
    dated = _dated(pack, source)
    step = BLOCK if source.given.measured else MINUTE
    by = timedelta() if dated else shift_to(max(record.time for record in reading.records), end, step)
    names = Names(named, f"{utc_text(end)} {source.name}")

    def anew(text: str) -> str:
        return names.text(moved(text, by))

    records = tuple(_renewed(record, source.name, by, anew) for record in reading.records)
    lists = {name: frozenset(map(names.text, entries)) for name, entries in source.given.lists.items()}
    return Unit(source, records, lists, bool(reading.count.duplicates), dated)


def _renewed(record: Record, name: str, by: timedelta, anew: Callable[[str], str]) -> Record:
    fields = {key: _rewritten(value, anew) for key, value in record.fields.items()}
    return replace(
        record,
        fields=fields,
        time=record.time + by,
        ingested=record.ingested + by,
        id=anew(record.id),
        origin=Origin(name, record.origin.line),
    )


def _rewritten(value: object, anew: Callable[[str], str]) -> object:
    if isinstance(value, str):
        return anew(value)
    if isinstance(value, Mapping):
        return {key: _rewritten(below, anew) for key, below in value.items()}
    if isinstance(value, list):
        return [_rewritten(below, anew) for below in value]
    return value


def at_once(records: Sequence[Record], end: datetime) -> list[Record]:
    """Return records as a target gets them that takes everything when it is sent."""
    return [replace(record, ingested=end) for record in records]


# Rules that ask for dates, and rules that ask for absence


def _dated(pack: Pack, source: Case | Scenario) -> str:
    """Return which rule keeps a case from being moved: what it asks for is a date."""
    rules = [source.rule] if isinstance(source, Case) else [rule for rule, times in source.must.items() if times]
    for name in rules:
        if asks_for_time(pack, pack.rule(name)):
            return f"{name} asks for dates"
    return ""


def asks_for_time(pack: Pack, rule: Rule) -> bool:
    """Tell whether a rule, or one below it, has a condition on a field that holds a time."""
    lists = comparable_lists(pack.catalogue, {})
    return any(
        name in source.fields and source.fields[name].type == "time"
        for below in pack.detections_below(rule)
        for name in _fields(compile_rule(below, lists))
        for source in below.sources
    )


def _fields(node: Node) -> Iterator[str]:
    if node.field:
        yield node.field
    for part in node.parts:
        yield from _fields(part)
