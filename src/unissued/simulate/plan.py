"""Which cases can be replayed, in which batch, and why the others cannot."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from unissued.errors import Problem, RuleError
from unissued.logs import Reading
from unissued.pack import Rule
from unissued.pack.catalogue import suggest
from unissued.simulate.batch import Batch, Fired, Setting, failure
from unissued.simulate.names import named_ids
from unissued.simulate.unit import Unit, fresh
from unissued.verify import Case, Scenario

_LATE = timedelta(days=2)
"""A query does not judge the absence of company for a record that arrives later than this; see its note."""


@dataclass(frozen=True)
class LeftOut:
    """A case that no replay of this kind can show."""

    name: str
    reason: str


@dataclass(frozen=True)
class Plan:
    """Batches, the largest first, and what is in none of them."""

    batches: tuple[Batch, ...]
    left_out: tuple[LeftOut, ...]


def choose(
    setting: Setting,
    cases: Iterable[Case],
    scenarios: Iterable[Scenario],
    rules: Collection[str] = (),
    names: Collection[str] = (),
) -> list[Case | Scenario]:
    """Return the fixtures of some rules and some scenarios; of all that the target can say where none is named.

    Raises:
        RuleError: a name is unknown, or the target has no query for the rule.
    """
    shipped = {rule.name for rule in setting.rules}
    known = {scenario.name: scenario for scenario in scenarios}
    problems = [
        Problem(name, _no_query(setting, setting.pack.rule(name)), "unissued list shows what runs where")
        for name in rules
        if setting.pack.rule(name).name not in shipped
    ]
    problems += [Problem(name, "no such scenario", suggest(name, known)) for name in names if name not in known]
    if problems:
        raise RuleError(*problems)
    everything = not rules and not names
    chosen: list[Case | Scenario] = [
        case for case in cases if case.rule in (shipped if everything else rules) and case.rule in shipped
    ]
    return chosen + [scenario for name, scenario in known.items() if everything or name in names]


def _no_query(setting: Setting, rule: Rule) -> str:
    if not rule.level:
        above = ", ".join(one.name for one in setting.pack.rules.values() if rule.name in one.references)
        return f"is a base rule without a query of its own; name a rule that is built on it: {above}"
    return f"{setting.target} has no query for it"


def plan(setting: Setting, sources: Iterable[Case | Scenario], read: Callable[[Path], Reading]) -> Plan:
    """Make cases fresh and put them into batches.

    Args:
        setting: the target and the time.
        sources: fixtures and scenarios.
        read: reads a file of logs.

    Raises:
        LogError: a fixture cannot be used.
    """
    named = named_ids(setting.pack)
    together: list[Unit] = []
    alone: list[Batch] = []
    left_out: list[LeftOut] = []
    for source in sources:
        unit = fresh(setting.pack, source, read(source.path), setting.end, named)
        batch = _first_that_shows(setting, unit)
        if isinstance(batch, str):
            left_out.append(LeftOut(unit.name, batch))
        elif batch.own_feeds or unit.verdict == "unjudged":
            alone.append(batch)
        else:
            together.append(unit)
    return Plan((*_together(setting, together), *alone), tuple(left_out))


def _first_that_shows(setting: Setting, unit: Unit) -> Batch | str:
    """Return a batch of a unit alone in which it does what its name says, or why there is none."""
    if not setting.arriving(unit.records):
        return f"{setting.target} does not hold its log sources"
    if _shows(setting, unit, measured=False):
        return _unless_too_late(Batch(setting, [unit]))
    if unit.source.given.measured:
        batch = Batch(setting, [unit], own_feeds=True)
        if not batch.disturbing():
            return _unless_too_late(batch)
    return _why_not(setting, unit)


def _shows(setting: Setting, unit: Unit, *, measured: bool, kept: bool = False) -> bool:
    """Tell whether a unit does what its name says; ``kept`` leaves the times of arrival as the fixture has them."""
    about = [*unit.asks, *unit.silent(setting.rules)]
    records = unit.records if kept else setting.arriving(unit.records)
    outcomes = setting.judge(records, unit.lists, measured=measured, only=about)
    fired = [Fired(name, match, unit.name) for name in about for match in outcomes[name].matches]
    return not failure(setting, unit, fired, outcomes)


def _unless_too_late(batch: Batch) -> Batch | str:
    """Refuse a unit with a match that a query does not find any more, because the record is too old when it arrives.

    Also where the unit is about another rule: its match would be listed, and the query finds none or a later one.
    """
    setting = batch.setting
    absent = [rule.name for rule in setting.rules if rule.is_absence]
    judged_from = setting.end - _LATE
    if not absent or not setting.target or all(one.time >= judged_from for one in batch.cases):
        return batch
    outcomes = setting.judge([*batch.filler, *batch.cases], batch.lists, measured=True, only=absent)
    for name in absent:
        if any(match.time < judged_from for match in outcomes[name].matches):
            return f"{name} matches a record that arrives more than two days late, which its query does not judge"
    return batch


def _why_not(setting: Setting, unit: Unit) -> str:
    lacks = {one.source for one in unit.records if setting.target in setting.pack.catalogue.sources[one.source].not_in}
    if lacks:
        return f"{setting.target} does not hold its records of {', '.join(sorted(lacks))}"
    without = sorted(unit.asks.keys() - {rule.name for rule in setting.rules})
    if without:
        return f"{setting.target} has no query for {', '.join(without)}"
    if setting.target and _shows(setting, unit, measured=unit.source.given.measured, kept=True):
        return "its verdict depends on when each record arrived, and a replay sends all at once"
    return "its verdict is that of one moment (given.now), and a replay is judged when everything has been judged"


def _together(setting: Setting, units: Sequence[Unit]) -> list[Batch]:
    """Put units into as few batches as the evaluator allows, trying each batch with all that are left."""
    batches: list[Batch] = []
    left = list(units)
    while left:
        batch = Batch(setting, left)
        while len(batch.units) > 1 and (disturbing := batch.disturbing()):
            stay = [unit for unit in batch.units if unit not in disturbing] or list(batch.units[:1])
            batch = Batch(setting, stay)
        batches.append(batch)
        left = [unit for unit in left if unit not in batch.units]
    return batches
