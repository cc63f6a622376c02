"""Writes docs/schedules.md: what scheduled runs miss of what the evaluator finds on everything.

Usage: ``python benchmarks/schedules.py [--check]``. It takes some minutes, and is the same at every run.
"""

from __future__ import annotations

import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import groups
from executed import Executed, design_of, execute
from simulation import (
    DAY,
    DELAYS,
    HOUR,
    LATE,
    MINUTE,
    Alert,
    Delay,
    Design,
    Kind,
    Wait,
    alerts,
    chains,
    firings,
    folded,
    silenced,
    with_stragglers,
)
from tables import Cell, Range, Share, Table, page, write_or_check
from traffic import SIGN_INS, START, TRAFFIC, Traffic
from unissued.convert import Schedule, convert
from unissued.convert.correlation import correlation_of
from unissued.convert.query import JUDGED_UNTIL, span
from unissued.engines import kusto
from unissued.engines.spl import Reading
from unissued.errors import UnsupportedError
from unissued.evaluate.feeds import Feeds
from unissued.pack import JUDGED_AFTER, TARGETS, Pack, load_catalogue, load_pack
from unissued.record import Origin, Record
from unissued.verify.readers import KqlReader, Reader, SplReader

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "schedules.md"
AMOUNT = 20_000
MOST = 0.1
"""Percent that a schedule of ours may miss."""
MANY, ORDER = "mail_app_reads_many_mailboxes", "app_new_secret_then_mail_read"
LONG = {
    "mail_owa_identity_scripted_client": (48, 600),
    MANY: (48, 120),
    ORDER: (60, 200),
    "mail_token_never_issued": (36, 160),
}
"""Traffic that is executed: its rule, for how many hours, and how much of it."""


# The model


@dataclass
class Tally:
    """What the runs made of all groups."""

    chains: int = 0
    missed: int = 0
    beside: int = 0
    """Alerts of what the evaluator does not find."""
    rows: int = 0
    alerts: int = 0
    """Rows without the repeats that the schedule folds."""

    @property
    def share(self) -> Share:
        """What was missed."""
        return Share(self.missed, self.chains)

    def add(self, found: Sequence[Alert], real: Sequence[tuple[int, int]], rows: int) -> None:
        """Add a group: what was alerted, the evaluator's chains, and how many rows there were."""
        self.chains += len(real)
        self.missed += sum(not any(first <= alert.time <= last for alert in found) for first, last in real)
        self.beside += sum(not any(first <= alert.time <= last for first, last in real) for alert in found)
        self.rows += rows
        self.alerts += len(found)


Fold = Callable[[Sequence[Alert], int], list[Alert]]


def tally(make: groups.Make, design: Design, kind: Kind, delay: str, amount: int, fold: Fold = folded) -> Tally:
    """Draw groups until they hold so many chains, and schedule the rule on each."""
    rng = random.Random(f"{make.__name__}/{design}/{kind}/{delay}")
    total = Tally()
    while total.chains < amount:
        records = make(rng, design.every, DELAYS[delay])
        found = alerts(design, kind, records, rng)
        total.add(fold(found, kind.window), chains(firings(kind, records), kind.window), len(found))
    return total


# Our own schedules


@dataclass(frozen=True)
class Own:
    """A schedule of the pack, and the rules and targets that have it."""

    kind: Kind
    schedule: Schedule
    rules: tuple[str, ...]
    targets: tuple[str, ...]

    @property
    def said(self) -> tuple[str, ...]:
        """The first cells of its row."""
        name = ", ".join(f"`{rule}`" for rule in self.rules)
        if self.kind.name == "single":
            name = f"the {len(self.rules)} rules on single records"
        schedule = self.schedule
        arrived = f"{span(JUDGED_UNTIL)} to {span(JUDGED_AFTER)} ago"
        if schedule.arrived:
            arrived = f"in the last {span(schedule.arrived)}"
        window = span(schedule.silence) if schedule.silence else "–"
        threshold = str(self.kind.threshold) if self.kind.name in ("value_count", "value_sum") else "–"
        where = ", ".join(self.targets)
        return name, where, window, threshold, span(schedule.every), span(schedule.look_back), arrived


def own_schedules(pack: Pack) -> list[Own]:
    """Return the schedules of the pack, each once, with its rule's own window and threshold."""
    found: dict[tuple[Kind, Schedule], list[tuple[str, str]]] = {}
    for rule in pack.rules.values():
        for target in TARGETS if rule.level else ():
            try:
                query = convert(pack, rule, target)
            except UnsupportedError:
                continue
            found.setdefault((kind_of(pack, rule.name), query.schedule), []).append((rule.name, target))
    return [
        Own(kind, schedule, *(tuple(dict.fromkeys(names)) for names in zip(*who, strict=True)))
        for (kind, schedule), who in sorted(found.items(), key=lambda item: item[0][0].name)
    ]


def kind_of(pack: Pack, name: str) -> Kind:
    """Return what a rule asks of a window."""
    rule = pack.rule(name)
    if not rule.is_correlation:
        return Kind("single")
    correlation = correlation_of(pack, rule)
    name = "absence" if correlation.denied else "judged" if correlation.judge else correlation.type
    return Kind(name, correlation.seconds, correlation.threshold)


def ours(pack: Pack, amount: int) -> Table:
    """Return what our schedules miss."""
    rows: list[tuple[Cell, ...]] = []
    for own in own_schedules(pack):
        if own.kind.name == "absence":
            shares = [never_judged(OURS, delay, amount) for delay in DELAYS]
        else:
            design = design_of(own.schedule)
            shares = [tally(groups.of_kind(own.kind), design, own.kind, delay, amount).share for delay in DELAYS]
        rows.append((*own.said, *shares))
    return Table(
        "Our schedules",
        "Percent missed, by delay of the records. Runs start up to five minutes late. A cell has "
        f"{amount:,} records, bursts (the threshold or up to four values more, or records that add up to it, in a "
        "sixth of the window or up to all of it), sequences, pairs that contradict each other, or reads that nothing "
        "explains: "
        f"none missed means at most {100 * 3 / amount:.3f} % with 95 % confidence.",
        ("rule", "target", "window", "threshold", "every", "look-back", "reports what arrived", *DELAYS),
        tuple(rows),
    )


def repeated(pack: Pack, amount: int) -> Table:
    """Return how often the same is reported again."""
    drawn = {MANY: (groups.burst, groups.long_burst), ORDER: (groups.order, groups.daily)}
    rows: list[tuple[Cell, ...]] = []
    for own in own_schedules(pack):
        for make in (make for rule in own.rules for make in drawn.get(rule, ())):
            cells = []
            for delay in DELAYS:
                total = tally(make, design_of(own.schedule), own.kind, delay, amount)
                cells.append(f"{100 * total.rows / total.chains:.1f} → {100 * total.alerts / total.chains:.1f}")
            rows.append((*own.said[:2], span(own.schedule.every), (make.__doc__ or "").rstrip("."), *cells))
    return Table(
        "What is reported again",
        "Rows of all runs for 100 matches of the evaluator, and what is left of them when alerts of the same keys "
        "whose times lie at most a window apart are one. What is left beyond 100 are long chains of which a part "
        f"was there before the part that joins them. {amount:,} matches a cell.",
        ("rule", "target", "every", "drawn", *DELAYS),
        tuple(rows),
    )


def by_the_clock(pack: Pack, amount: int) -> Table:
    """Return what is lost when a product keeps quiet about a key for a while."""
    rows: list[tuple[Cell, ...]] = []
    for own in own_schedules(pack):
        if MANY in own.rules:
            for said, fold in (("by the times of the events", folded), ("by the clock", silenced)):
                shares = [
                    tally(groups.two_bursts, design_of(own.schedule), own.kind, delay, amount, fold).share
                    for delay in DELAYS
                ]
                rows.append((*own.said[:2], span(own.schedule.every), said, *shares))
    return Table(
        "Silence by the clock",
        "Percent missed of two bursts of one application that begin two to six hours apart: when alerts of a key "
        "are one if their events lie within an hour, and when a product shows no alert of a key for an hour after "
        f"the last one. {amount:,} bursts a cell.",
        ("rule", "target", "every", "repeats are told", *DELAYS),
        tuple(rows),
    )


# Simpler designs

_COUNT = Kind("event_count", HOUR, 10)
_LENGTHS = (10, 20, 30, 40, 50)
THRESHOLDS: Mapping[str, Design] = {
    "a. look-back 1 h, count in it": Design(HOUR, HOUR - 1),
    "b. look-back 2 h, sliding": Design(HOUR, 2 * HOUR),
    "c. look-back 5 h, sliding": Design(HOUR, 5 * HOUR),
    "d. what arrived in the last hour alone is counted, look-back 5 h": Design(HOUR, 5 * HOUR, HOUR, only_new=True),
    "e. what arrived selects the key, the window is counted over 26 h": Design(HOUR, 26 * HOUR, 65 * MINUTE),
}
SINGLES: Mapping[str, Design] = {
    "1 h / 1 h": Design(HOUR, HOUR - 1),
    "1 h / 2 h": Design(HOUR, 2 * HOUR - 1),
    "1 h / 4 h (Defender, hourly)": Design(HOUR, 4 * HOUR - 1),
    "5 min / 5 min": Design(5 * MINUTE, 5 * MINUTE - 1),
    "5 min / 1 h": Design(5 * MINUTE, HOUR - 1),
    "1 h / 26 h": Design(HOUR, 26 * HOUR),
}


def simple_thresholds(amount: int) -> Table:
    """Return what simpler designs of a threshold rule miss; a cell has so many bursts of all lengths together."""
    each = amount // len(_LENGTHS)
    rows: list[tuple[Cell, ...]] = []
    for name, design in THRESHOLDS.items():
        cells = [
            Range(tuple(tally(groups.burst_of(12, minutes), design, _COUNT, delay, each).share for minutes in _LENGTHS))
            for delay in DELAYS
        ]
        rows.append((name, *cells))
    return Table(
        "Simpler designs, thresholds",
        "Percent missed of bursts of 12 records, where 10 in an hour are too many; runs are hourly and on time. "
        f"From the least to the most of bursts of {', '.join(map(str, _LENGTHS[:-1]))} and {_LENGTHS[-1]} minutes, "
        f"{each:,} bursts each.",
        ("design", *DELAYS),
        tuple(rows),
    )


def simple_singles(amount: int) -> Table:
    """Return what simpler designs of a rule on single records miss."""
    rows: list[tuple[Cell, ...]] = [
        (name, *(tally(groups.single, design, Kind("single"), delay, amount).share for delay in DELAYS))
        for name, design in SINGLES.items()
    ]
    return Table(
        "Simpler designs, single records",
        f"Percent missed; runs are on time. {amount:,} records a cell.",
        ("every / look-back", *DELAYS),
        tuple(rows),
    )


# Absence

OURS = Wait(HOUR, int(JUDGED_AFTER.total_seconds()), int(JUDGED_UNTIL.total_seconds()), LATE)
WAITS: Mapping[str, Wait] = {
    "at once: what arrived in the last 65 min": Wait(HOUR, 0, 65 * MINUTE, LATE),
    "after 3 h, for 65 min": Wait(HOUR, 3 * HOUR, 4 * HOUR + LATE, LATE),
    "after 6 h, for 60 min": Wait(HOUR, 6 * HOUR, 7 * HOUR, LATE),
    "**after 6 h, for 65 min (ours)**": OURS,
}


def never_judged(wait: Wait, delay: str, amount: int) -> Share:
    """Return how many reads with a token that nobody issued are judged by no run."""
    rng = random.Random(f"{wait}/{delay}")
    reads = (groups.single(rng, wait.every, DELAYS[delay])[0] for _ in range(amount))
    return Share(sum(not wait.judgements(read.arrived, rng) for read in reads), amount)


def accused(wait: Wait, delay: str, amount: int) -> Share:
    """Return how many reads with a token that was issued are reported: its sign-in had not arrived."""
    rng = random.Random(f"{wait}/{delay}/issued")
    late = 0
    for _ in range(amount):
        read = groups.single(rng, wait.every, DELAYS["60–90 min"])[0]
        sign_in = read.time - rng.randint(0, HOUR) + DELAYS[delay](rng)
        late += any(sign_in > run for run in wait.judgements(read.arrived, rng))
    return Share(late, amount)


def absences(amount: int) -> Table:
    """Return what a rule on absence misses and whom it accuses, by when it judges."""
    with_delay = list(DELAYS)[1:]
    rows: list[tuple[Cell, ...]] = [
        (
            name,
            never_judged(wait, "60–90 min, 1 % 4–24 h", amount),
            *(accused(wait, delay, amount) for delay in with_delay),
        )
        for name, wait in WAITS.items()
    ]
    return Table(
        "When an absence is judged",
        "Percent of reads with a token that nobody issued that no hourly run judges, and percent of reads with an "
        "issued token that are reported because the sign-in's record had not arrived, by its delay. The mail records "
        f"take 60 to 90 minutes; runs start up to five minutes late. {amount:,} reads a cell.",
        ("judged", "never judged", *(f"accused, sign-ins {delay}" for delay in with_delay)),
        tuple(rows),
    )


# The gate on feeds


def left_open(rows_an_hour: int, delay: str, amount: int) -> Share:
    """Return how many absences the evaluator leaves open, because a feed seems to have a gap that only is late."""
    rng = random.Random(f"feeds/{rows_an_hour}/{delay}")
    feeds = Feeds(_sign_ins(rng, rows_an_hour, DELAYS[delay]), measured=True, rows_last_week={})
    source, window = load_catalogue().sources[SIGN_INS], timedelta(hours=32)
    open_ones = 0
    for _ in range(amount):
        time = START + timedelta(seconds=rng.randrange(DAY))
        judged = time + timedelta(seconds=DELAYS["60–90 min"](rng)) + JUDGED_AFTER
        open_ones += feeds.gap(source, time - window, time + window, judged) is not None
    return Share(open_ones, amount)


def _sign_ins(rng: random.Random, rows_an_hour: int, delay: Delay) -> Iterator[Record]:
    """Draw healthy feeds: every hour that is looked at, and the same hour a week ago."""
    looked_at = range(-33, 34)
    for table in ("SigninLogs", "AADNonInteractiveUserSignInLogs"):
        for hour in (*(hour - 7 * 24 for hour in looked_at), *looked_at):
            for _ in range(rows_an_hour):
                time = START + timedelta(seconds=hour * HOUR + rng.randrange(HOUR))
                arrived = time + timedelta(seconds=delay(rng))
                yield Record(SIGN_INS, {}, time, arrived, "", table, Origin("synthetic", 0))


def gate(amount: int) -> Table:
    """Return what the gate on feeds leaves open although nothing is missing."""
    rows: list[tuple[Cell, ...]] = [
        (rows_an_hour, *(left_open(rows_an_hour, delay, amount) for delay in DELAYS)) for rows_an_hour in (20, 100)
    ]
    return Table(
        "What the gate on feeds leaves open",
        "Percent of reads with a token that nobody issued that are not evaluated, by the delay of healthy sign-in "
        "feeds: the hours right before the judgement are looked at, and records that take an hour have not arrived in "
        "them. The tables above take the feeds as complete. Microsoft's sign-in records usually take some minutes. "
        f"{amount} reads a cell, judged six hours after they arrived.",
        ("rows an hour", *DELAYS),
        tuple(rows),
    )


# Executed queries


def executions(pack: Pack) -> Iterator[tuple[str, str, str, Executed]]:
    """Execute the queries of a rule of each kind at every run of their schedules, on synthetic records."""
    for said, delay in (("60–90 min, 10 % 4–24 h", with_stragglers(0.1)), ("median 20 min, p95 90 min", None)):
        for name, (hours, amount) in LONG.items():
            for target, reader in readers(pack):
                try:
                    query = convert(pack, pack.rule(name), reader.target)
                except UnsupportedError:
                    continue
                made = traffic(name, hours, amount, delay or DELAYS[said])
                yield name, target, said, execute(reader, pack, query, made, random.Random(f"late {name}"))


def traffic(name: str, hours: int, amount: int, delay: Delay, again: float = 0.15) -> Traffic:
    """Draw the traffic for a rule; ``again`` is the share of records that are delivered a second time."""
    made = Traffic(random.Random(f"traffic {name}"), delay, again)
    TRAFFIC[name](made, hours, amount)
    return made


def readers(pack: Pack) -> Iterator[tuple[str, Reader]]:
    """Yield the engines of all targets; what Splunk's manuals leave open is executed in both readings."""
    for target in TARGETS:
        if target != "splunk":
            yield target, KqlReader(pack.catalogue, target)
    for reading in Reading:
        yield f"splunk, {reading.name.lower()}", SplReader(pack.catalogue, reading)


def executed(pack: Pack) -> Table:
    """Return what the executed queries reported."""
    rows: list[tuple[Cell, ...]] = [
        (
            f"`{name}`", target, said, one.records, len(one.runs), len(one.chains), len(one.missed), len(one.beside),
            len(one.reports), len(one.alerts), one.again,
        )
        for name, target, said, one in executions(pack)
    ]  # fmt: skip
    return Table(
        "Executed",
        "The converted queries, executed at every run of their schedules before which something arrived, on synthetic "
        "records of some days: with ten times as many stragglers as above, and every seventh record delivered twice, "
        "hours apart. A match of the evaluator is missed when no alert lies in it; beside are rows of what the "
        f"evaluator does not find. KQL: {kusto.version()}. SPL: a model of Splunk's manuals, in the two readings that "
        "they leave open.",
        ("rule", "target", "delay", "records", "runs", "matches", "missed", "beside", "rows", "alerts", "told again"),
        tuple(rows),
    )


def modelled(pack: Pack, amount: int) -> list[Table]:
    """Return the tables of the model."""
    return [
        ours(pack, amount),
        simple_thresholds(amount),
        simple_singles(amount),
        absences(amount),
        by_the_clock(pack, amount),
        repeated(pack, amount // 10),
        gate(max(50, amount // 100)),
    ]


def written(pack: Pack) -> str:
    """Return the page."""
    text = (
        "Written by `benchmarks/schedules.py`: do not edit. The evaluator sees all records at once; a scheduled query "
        "sees what has arrived, through a look-back by event time, and reports what is new. Here both are compared, in "
        "a model that schedules groups of records with the pack's own windows, thresholds, intervals and look-backs, "
        "and with the converted queries themselves. `tests/test_schedules.py` holds the model against the queries, run "
        "by run, and every schedule of ours to at most 0.1 %.\n\n"
        "Delays: none; 2 minutes; lognormal with a median of 20 and a 95th percentile of 90 minutes; 60 to 90 minutes; "
        "the same with 1 % of the records after 4 to 24 hours. A record that takes longer than a day can be missed by "
        "every schedule here."
    )
    return page("What scheduled runs miss", text, [*modelled(pack, AMOUNT), executed(pack)])


if __name__ == "__main__":
    sys.exit(write_or_check(str(__doc__), PAGE, lambda: written(load_pack(ROOT / "sigma"))))
