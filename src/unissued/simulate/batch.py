"""Puts cases together that can be replayed in one tenant at one time, and lets the evaluator say that they can.

Cases have ids of their own, so most of them do not touch each other. What is common to all of them is the content of
the lists and the state of the sign-in feeds: a case that needs another content or another state goes to a later batch.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from unissued.convert import Query, convert
from unissued.errors import UnsupportedError
from unissued.evaluate import Given, Match, Outcome, evaluate
from unissued.pack import Pack, Rule
from unissued.record import Record
from unissued.simulate import feeds
from unissued.simulate.unit import Unit, at_once
from unissued.verify import Scenario

_LATEST = timedelta(hours=7)
"""A run of a rule on absence judges what arrived six to seven hours before it."""
_SLACK = timedelta(hours=6)
"""So long after the end a batch can be sent: until then the feeds are filled for its time of judgement."""


@dataclass(frozen=True)
class Setting:
    """What a replay is made for."""

    pack: Pack
    target: str
    """A target of the catalogue; empty for logs that ``hunt`` reads, where nothing is left out."""
    end: datetime

    @cached_property
    def queries(self) -> dict[str, Query]:
        """The target's queries by rule; none for ``hunt``."""
        found: dict[str, Query] = {}
        for rule in self.pack.rules.values() if self.target else ():
            if rule.level:
                with suppress(UnsupportedError):
                    found[rule.name] = convert(self.pack, rule, self.target)
        return found

    @cached_property
    def rules(self) -> tuple[Rule, ...]:
        """The rules that alert and that the target can say."""
        alerting = (rule for rule in self.pack.rules.values() if rule.level)
        return tuple(rule for rule in alerting if not self.target or rule.name in self.queries)

    def arriving(self, records: Sequence[Record]) -> list[Record]:
        """Return the records that the target holds, with the times of arrival that they have there."""
        held = [one for one in records if self.target not in self.pack.catalogue.sources[one.source].not_in]
        return at_once(held, self.end) if self.target else held

    def judge(
        self,
        records: Sequence[Record],
        lists: Mapping[str, frozenset[str]],
        *,
        measured: bool,
        only: Iterable[str] = (),
    ) -> dict[str, Outcome]:
        """Judge records at a time at which each of them has been judged; there must be at least one."""
        given = Given(lists=lists, measured=measured)
        return evaluate(self.pack, records, given, tuple(only) or [rule.name for rule in self.rules])


@dataclass(frozen=True)
class Fired:
    """A match in a batch, and the unit whose records brought it about."""

    rule: str
    match: Match
    unit: str


class Batch:
    """Units that are replayed together, what they need, and what comes of them.

    Args:
        setting: the target and the time.
        units: the cases.
        own_feeds: the sign-in feeds are as the only unit has them; else they are complete.
    """

    def __init__(self, setting: Setting, units: Sequence[Unit], *, own_feeds: bool = False) -> None:
        self.setting = setting
        self.units = tuple(units)
        self.own_feeds = own_feeds

    @cached_property
    def lists(self) -> dict[str, frozenset[str]]:
        """The content of the lists: what all units need together."""
        found: dict[str, frozenset[str]] = {}
        for unit in self.units:
            for name, entries in unit.lists.items():
                found[name] = found.get(name, frozenset()) | entries
        return dict(sorted(found.items()))

    @cached_property
    def cases(self) -> list[Record]:
        """The records of the units, each once, as they arrive."""
        return self.setting.arriving([record for unit in self.units for record in unit.records])

    @cached_property
    def filler(self) -> list[Record]:
        """Rows without content, up to the time at which the last record is judged, and some hours more."""
        catalogue, end = self.setting.pack.catalogue, self.setting.end
        until = max([end, *(record.ingested for record in self.cases)]) + _LATEST + _SLACK
        if self.own_feeds:
            (unit,) = self.units
            ends = max(record.time for record in unit.records)
            return self.setting.arriving(list(feeds.around(catalogue, ends, until, unit.weeks_rows)))
        return self.setting.arriving(list(feeds.complete(catalogue, until, self.cases)))

    @cached_property
    def sent(self) -> list[Record]:
        """Everything to send: what a fixture repeats is repeated, except in feeds whose rows are counted."""
        twice = {unit.name for unit in self.units if unit.twice}
        counted = {source.key for source in self.setting.pack.catalogue.sources.values() if source.required_tables}
        again = [one for one in self.cases if one.origin.file in twice and one.source not in counted]
        return [*self.filler, *self.cases, *again]

    @cached_property
    def outcomes(self) -> dict[str, Outcome]:
        """What every rule says about the whole batch."""
        return self.setting.judge([*self.filler, *self.cases], self.lists, measured=True)

    @cached_property
    def fired(self) -> list[Fired]:
        """Every match of a rule that ships, by rule and time."""
        return [
            Fired(rule, match, " and ".join(sorted(units_of(match))))
            for rule, outcome in self.outcomes.items()
            if any(rule == ships.name for ships in self.setting.rules)
            for match in outcome.matches
        ]

    def disturbing(self) -> list[Unit]:
        """Return the units to take out, so that the others do what their names say; none when all do.

        Where units share a match, those go first that bring what fewest of them bring: often it is one.
        """
        by_unit: dict[str, list[Fired]] = {unit.name: [] for unit in self.units}
        shared: set[str] = set()
        for fired in self.fired:
            if fired.unit in by_unit:
                by_unit[fired.unit].append(fired)
            else:
                shared |= _rarest(fired.match)
        return [
            unit
            for unit in self.units
            if (unit.name in shared if shared else failure(self.setting, unit, by_unit[unit.name], self.outcomes))
        ]


def units_of(match: Match) -> frozenset[str]:
    """Return the names of the units whose records are under a match."""
    return frozenset(event.record.origin.file for event in match.events())


def _rarest(match: Match) -> frozenset[str]:
    """Return the units that bring the part of a shared match which fewest units bring; of equals keep the first."""
    parts: dict[str, frozenset[str]] = {}
    for below in match.because:
        parts[below.rule] = parts.get(below.rule, frozenset()) | units_of(below)
    rarest = min(parts.values(), key=len)
    return rarest if len(parts) > 1 else rarest - {min(rarest)}


def failure(setting: Setting, unit: Unit, fired: Sequence[Fired], outcomes: Mapping[str, Outcome]) -> str:
    """Return what a unit does not do although it should, or does although it should not; empty when all is right."""
    counts = {rule.name: [one for one in fired if one.rule == rule.name] for rule in setting.rules}
    for name, times in unit.asks.items():
        if name not in counts:
            return f"{setting.target} has no query for {name}"
        wanted = times
        if not isinstance(unit.source, Scenario) and not setting.pack.rule(name).is_correlation:
            wanted = len(setting.arriving(unit.records)) or 1
        if len(counts[name]) != wanted:
            return f"{name} fires {len(counts[name])} times instead of {wanted}"
    for name in unit.silent(setting.rules):
        if counts[name]:
            return f"{name} fires"
    if unit.verdict == "unjudged" and not all(outcomes[name].unjudged for name in unit.silent(setting.rules)):
        return f"{', '.join(unit.silent(setting.rules))} judges it"
    return ""
