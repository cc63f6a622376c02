"""Executes a converted query at every run of its schedule, and holds what the runs report against the evaluator."""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from simulation import LATE, Design, runs
from traffic import SIGN_INS, Traffic, feeds
from unissued.convert import Query, Schedule, column
from unissued.convert.query import JUDGED_UNTIL
from unissued.evaluate import Given, Match, Outcome
from unissued.pack import JUDGED_AFTER, Pack, Rule
from unissued.record import Record, utc_text
from unissued.verify.answer import TIME, Row, judge, row_of
from unissued.verify.readers import Reader

_AFTER_ALL = timedelta(hours=8)


@dataclass(frozen=True)
class Report:
    """A row that a run returned: its time, and what it is about."""

    run: datetime
    time: datetime
    keys: Row


@dataclass(frozen=True)
class Chain:
    """A match of the evaluator: what it is about, and from when to when it goes on."""

    keys: Row
    first: datetime
    last: datetime

    def holds(self, report: Report) -> bool:
        """Tell whether a report is about this match."""
        return report.keys == self.keys and self.first <= report.time <= self.last


@dataclass(frozen=True)
class Executed:
    """What all runs of a query reported, beside what the evaluator finds on everything."""

    records: int
    runs: tuple[datetime, ...]
    chains: tuple[Chain, ...]
    """What must be reported."""
    reports: tuple[Report, ...]
    alerts: tuple[Report, ...]
    """Reports without the repeats that the schedule folds."""
    beside: tuple[Report, ...]
    """Reports of what the evaluator does not find."""

    @property
    def missed(self) -> list[Chain]:
        """What no run reported."""
        return [chain for chain in self.chains if not any(chain.holds(alert) for alert in self.alerts)]

    @property
    def inexact(self) -> list[Chain]:
        """What no run reported with the time of its first firing."""
        said = {(report.keys, report.time) for report in self.reports}
        return [chain for chain in self.chains if (chain.keys, chain.first) not in said]

    @property
    def again(self) -> int:
        """How many alerts are about what another alert is about."""
        told = {chain for chain in self.chains for alert in self.alerts if chain.holds(alert)}
        about = [alert for alert in self.alerts if any(chain.holds(alert) for chain in told)]
        return len(about) - len(told)


def design_of(schedule: Schedule, late: int = LATE) -> Design:
    """Return a schedule in the terms of the model."""
    arrived = None if schedule.arrived is None else int(schedule.arrived.total_seconds())
    return Design(int(schedule.every.total_seconds()), int(schedule.look_back.total_seconds()), arrived, late=late)


def execute(
    reader: Reader, pack: Pack, query: Query, made: Traffic, rng: random.Random, *, every_run: bool = False
) -> Executed:
    """Run a query at every run of its schedule.

    Args:
        reader: of the query's target.
        pack: holds the rule.
        query: what is run, and when.
        made: the records.
        rng: says how late runs start.
        every_run: also the runs before which nothing arrived that they could report.
    """
    rule = pack.rule(query.rule)
    records = _held(pack, made.everything, reader.target)
    asked = [record for record in records if record.source != SIGN_INS]  # a sign-in alone is never reported
    starts = runs_of(query.schedule, asked, rng, every_run=every_run)
    seen = records if query.schedule.arrived else [*records, *feeds(max(starts))]
    given = Given(now=max(record.ingested for record in records) + _AFTER_ALL)
    outcome = judge(pack, rule, _by_time(made.firsts), given, reader.target)
    chains = chains_of(rule, outcome)
    sure = chains if query.schedule.arrived else _sure(chains, pack, rule, made, given, reader.target)
    found = tuple(reports(reader, query, seen, starts, given, _names(rule)))
    return Executed(
        len(records),
        tuple(starts),
        tuple(sure),
        found,
        tuple(fold(found, query.schedule.silence or timedelta())),
        tuple(report for report in found if not any(chain.holds(report) for chain in chains)),
    )


def _held(pack: Pack, records: Sequence[Record], target: str) -> list[Record]:
    return [record for record in records if target not in pack.catalogue.sources[record.source].not_in]


def _by_time(records: Sequence[Record]) -> list[Record]:
    return sorted(records, key=lambda record: record.time)


def _names(rule: Rule) -> list[str]:
    """Return the columns that tell the matches of a rule apart."""
    return [column(name) for name in rule.correlation().group_by or ()] if rule.is_correlation else ["Id"]


def runs_of(schedule: Schedule, records: Sequence[Record], rng: random.Random, *, every_run: bool) -> list[datetime]:
    """Return when runs start, from the first arrival to the time at which nothing more can come of the records."""
    youngest, oldest = (timedelta(), schedule.arrived) if schedule.arrived else (JUDGED_AFTER, JUDGED_UNTIL)
    arrivals = [int(record.ingested.timestamp()) for record in records]
    last = max(arrivals) + int(youngest.total_seconds())
    starts = runs(int(schedule.every.total_seconds()), LATE, min(arrivals), last, rng)
    around = int(oldest.total_seconds()) + 2 * LATE, int(youngest.total_seconds()) - 2 * LATE
    return [
        datetime.fromtimestamp(start, UTC)
        for start in starts
        if every_run or any(around[1] <= start - arrival <= around[0] for arrival in arrivals)
    ]


def reports(
    reader: Reader,
    query: Query,
    records: Sequence[Record],
    starts: Sequence[datetime],
    given: Given,
    names: Sequence[str],
) -> Iterator[Report]:
    """Yield what the runs of a query return.

    The engines show a run what had arrived by then; the look-back by event time is the target's, and applied here.
    """
    inside: list[Record] = []
    for start in starts:
        since = start - query.schedule.look_back
        now_inside = [record for record in records if record.time >= since]
        if len(now_inside) != len(inside):  # the same list is not loaded again
            inside = now_inside
        reader.load(inside, given)
        for row in reader.run(query, start).rows:
            time = row[TIME]
            assert isinstance(time, datetime)
            yield Report(start, time.replace(tzinfo=UTC), row_of({name: row[name] for name in names}))


def chains_of(rule: Rule, outcome: Outcome) -> list[Chain]:
    """Return the matches of a rule; of a detection each is a chain of its own."""
    found = []
    for match in outcome.matches:
        last = max((event.time for event in match.events()), default=match.time)
        found.append(Chain(row_of(_about(rule, match)), match.time, last))
    return found


def _about(rule: Rule, match: Match) -> Mapping[str, object]:
    if rule.is_correlation:
        return {column(name): value for name, value in match.group.items()}
    assert match.event is not None
    return {"Id": match.event.record.id}


def fold(found: Sequence[Report], silence: timedelta) -> list[Report]:
    """Return reports without repeats: about the same, and at most ``silence`` from an earlier one by their times."""
    shown: list[Report] = []
    times: dict[Row, list[datetime]] = {}
    for report in found:
        before = times.setdefault(report.keys, [])
        if all(abs(report.time - time) > silence for time in before):
            shown.append(report)
        before.append(report.time)
    return shown


def _sure(chains: Sequence[Chain], pack: Pack, rule: Rule, made: Traffic, given: Given, target: str) -> list[Chain]:
    """Return the absences that are one for every run that can judge them.

    The evaluator judges six hours after the arrival, a run up to 65 minutes later: a sign-in that comes meanwhile
    explains.
    """
    earlier = JUDGED_UNTIL - JUDGED_AFTER
    shifted = [replace(one, ingested=one.ingested - earlier) if one.source == SIGN_INS else one for one in made.firsts]
    others = chains_of(rule, judge(pack, rule, _by_time(shifted), given, target))
    return [
        chain
        for chain in chains
        if any(other.keys == chain.keys and other.first <= chain.last and chain.first <= other.last for other in others)
    ]


def described(one: Report) -> str:
    """Write a report for a failing test."""
    return f"{utc_text(one.run)}: {utc_text(one.time)} {dict(one.keys)}"
