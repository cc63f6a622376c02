"""Writes docs/noise.md: how often every rule alerts on ordinary days, and whether that is within its budget.

Usage: ``python benchmarks/noise.py [--check]``. It takes some minutes, and is the same at every run.
"""

from __future__ import annotations

import argparse
import math
import multiprocessing
import os
import random
import sys
import uuid
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import reduce
from pathlib import Path

import yaml

from ordinary import LEARNED_DAYS, Stream, ordinary_tenant
from ordinary.log import SIGN_INS, seconds, token_of
from tables import Table, page
from unissued.baseline import Baseline, learn
from unissued.evaluate import Given, evaluate
from unissued.evaluate.match import Reason
from unissued.hunt.finding import findings
from unissued.pack import Pack, load_pack
from unissued.record import Record

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "noise.md"
BUDGETS = Path(__file__).with_name("noise.yml")
EVENTS = 50_000
"""Events of a tenant, at least."""
SHORT, LONG = range(1, 3), range(1, 21)
"""Numbers of the tenants that the tests draw: 100,000 events, and a million."""
QUIET_LEVELS = ("informational", "low")
_LEVELS = ("critical", "high", "medium", "low", "informational")
_ABSENCE = "mail_token_never_issued"
_BLIND = (Reason.NO_BASELINE, Reason.LIST_MISSING)


@dataclass(frozen=True)
class Noise:
    """What was counted: ``alerts`` by rule, and how many different groups they were about.

    ``blind`` says why a rule could judge nothing. ``probes`` are mail reads with an invented token, one an hour,
    ``probed`` those of them that ``mail_token_never_issued`` shows, with feeds as complete as they are.
    """

    events: int = 0
    mailbox_days: int = 0
    alerts: Counter[str] = field(default_factory=Counter)
    different: Counter[str] = field(default_factory=Counter)
    blind: Mapping[str, str] = field(default_factory=dict)
    probes: int = 0
    probed: int = 0

    def __add__(self, other: Noise) -> Noise:
        return Noise(
            self.events + other.events,
            self.mailbox_days + other.mailbox_days,
            self.alerts + other.alerts,
            self.different + other.different,
            {**self.blind, **other.blind},
            self.probes + other.probes,
            self.probed + other.probed,
        )

    def rate(self, rule: str) -> float:
        """Return the alerts of a rule per 10,000 mailboxes and day."""
        return 10_000 * self.alerts[rule] / self.mailbox_days


@dataclass(frozen=True)
class Budget:
    """How many alerts per 10,000 mailboxes and day are accepted, and why."""

    rate: float = 0.0
    because: str = ""
    unjudged: str = ""
    """Why ordinary days cannot judge the rule; empty where they can."""

    def allows(self, alerts: int, mailbox_days: int) -> bool:
        """Tell whether so many alerts are within the budget; a fraction of an alert is rounded up."""
        return alerts <= math.ceil(self.rate * mailbox_days / 10_000)


def read_budgets(path: Path, pack: Pack) -> dict[str, Budget]:
    """Read the budgets; every one has a reason, and names a rule above ``low``.

    Raises:
        ValueError: an entry that does not.
    """
    found = {str(name): Budget(**entry) for name, entry in (yaml.safe_load(path.read_text("utf-8")) or {}).items()}
    for name, budget in found.items():
        if name not in pack.rules or pack.rules[name].level in ("", None, *QUIET_LEVELS):
            raise ValueError(f"{path.name}: {name} is no rule above low")
        if bool(budget.unjudged) == bool(budget.rate and budget.because):
            raise ValueError(f"{path.name}: {name} needs a rate and a reason, or says why it cannot be judged")
    return found


def lists_of(pack: Pack, stream: Stream) -> dict[str, frozenset[str]]:
    """Return what people listed and what is learned from the first fortnight, by name."""
    history = [one for one in stream.records(pack.catalogue.sources) if one.time < stream.judged_from]
    return {**stream.lists, **Baseline(tuple(learn(pack, history, lists=stream.lists).rows), "").lists()}


def noise_of(pack: Pack, stream: Stream) -> Noise:
    """Count the alerts of a tenant after the fortnight of learning."""
    records, lists = stream.records(pack.catalogue.sources), lists_of(pack, stream)
    written = {record.source for record in records}
    alerts: Counter[str] = Counter()
    different: Counter[str] = Counter()
    blind: dict[str, str] = {}
    # As if every feed were complete: where a gap closes an absence rule, its silence would count as quiet.
    for name, outcome in evaluate(pack, records, Given(lists=lists)).items():
        rule = pack.rule(name)
        if not rule.level:
            continue
        matches = [match for match in outcome.matches if match.time >= stream.judged_from]
        found = findings(pack, rule, matches, lists, partial=False)
        alerts[name] = len(found)
        different[name] = len({str(sorted(finding.group.items())) for finding in found})
        reasons = [question.detail for question in outcome.unjudged if question.reason in _BLIND]
        reasons += [
            f"no records of {below.sources[0].key}"
            for below in pack.below(rule)
            if below.sources and written.isdisjoint(source.key for source in below.sources)
        ]
        if reasons:
            blind[name] = reasons[0]
    return Noise(len(records), stream.mailbox_days, alerts, different, blind)


def gate_of(pack: Pack, stream: Stream) -> Noise:
    """Count how often the gate on feed health lets an invented token be judged."""
    asked = probes(stream)
    issued = (record for record in stream.records(pack.catalogue.sources) if record.source == SIGN_INS)
    records = [*issued, *asked]
    outcome = evaluate(pack, records, Given(measured=True), [_ABSENCE])[_ABSENCE]
    invented = {probe.id for probe in asked}
    shown = {event.record.id for match in outcome.matches for event in match.events()} & invented
    return Noise(probes=len(asked), probed=len(shown))


def probes(stream: Stream) -> list[Record]:
    """Return mail reads with a token of their own that nobody issued, one for every judged hour.

    They end 40 hours before the stream does, so that no hour is asked of which the feeds know nothing.
    """
    mailbox = next(record for record in stream.log.records if _is_today(record))
    rng = random.Random(stream.days)
    hours = 24 * (stream.days - LEARNED_DAYS) - 40
    return [_probe(mailbox, stream.judged_from + timedelta(hours=hour), rng) for hour in range(max(hours, 1))]


def _is_today(record: Record) -> bool:
    return record.fields.get("TokenType") == "V1AppActAs" and "OWA" in str(record.fields["ClientInfoString"])


def _probe(like: Record, time: datetime, rng: random.Random) -> Record:
    request = str(uuid.UUID(int=rng.getrandbits(128), version=4))
    said = {"CreationTime": seconds(time), "AppAccessContext": {"UniqueTokenId": token_of(request)}, "Id": request}
    return replace(like, fields={**like.fields, **said}, time=time, ingested=time + timedelta(minutes=75), id=request)


def measure(pack: Pack, seeds: Iterable[int]) -> Noise:
    """Count the alerts of several tenants, one after the other."""
    return total(noise_of(pack, ordinary_tenant(seed, EVENTS)) for seed in seeds)


def total(counted: Iterable[Noise]) -> Noise:
    """Add up."""
    return reduce(Noise.__add__, counted, Noise())


def _alone(seed: int) -> tuple[Noise, Noise]:
    pack, stream = load_pack(ROOT / "sigma"), ordinary_tenant(seed, EVENTS)
    return noise_of(pack, stream), gate_of(pack, stream)


def measure_together(seeds: Sequence[int]) -> tuple[Noise, Noise]:
    """Count the alerts of several tenants on every core.

    Returns:
        The noise of the first ones that the tests draw every time, and that of all with what the gate does.
    """
    workers = min(len(seeds), os.cpu_count() or 1)
    with ProcessPoolExecutor(workers, multiprocessing.get_context("spawn")) as pool:
        counted = list(pool.map(_alone, seeds))
    first = total(noise for noise, _ in counted[: len(SHORT)])
    return first, total(one for both in counted for one in both)


def over_budget(pack: Pack, noise: Noise, budgets: Mapping[str, Budget]) -> list[str]:
    """Return every rule above ``low`` that alerts more than it may, or that was not judged without a reason."""
    wrong = []
    for name in _loud(pack):
        verdict = _verdict(name, noise, budgets.get(name, Budget()))
        if verdict not in ("within", "cannot be judged"):
            wrong.append(f"{name}: {verdict} ({noise.alerts[name]} alerts)")
    return wrong


def _loud(pack: Pack) -> list[str]:
    return [name for name, rule in pack.rules.items() if rule.level and rule.level not in QUIET_LEVELS]


def _verdict(name: str, noise: Noise, budget: Budget) -> str:
    if name in noise.blind:
        return "cannot be judged" if budget.unjudged else f"not judged: {noise.blind[name]}"
    if budget.unjudged:
        return "is judged: take `unjudged` out"
    return "within" if budget.allows(noise.alerts[name], noise.mailbox_days) else "OVER"


def table_of(pack: Pack, title: str, noise: Noise, budgets: Mapping[str, Budget]) -> Table:
    """Return the table of the rules that have a level, the highest first."""
    names = [name for name, rule in pack.rules.items() if rule.level]
    names.sort(key=lambda name: (_LEVELS.index(pack.rule(name).level or "low"), name))
    rows = []
    for name in names:
        level, budget = pack.rule(name).level or "", budgets.get(name, Budget())
        quiet = level in QUIET_LEVELS
        rate = "–" if name in noise.blind else f"{noise.rate(name):.1f}"
        shown = "–" if quiet else f"{budget.rate:g}"
        verdict = "–" if quiet else _verdict(name, noise, budget)
        rows.append((f"`{name}`", level, noise.alerts[name], noise.different[name], rate, shown, verdict))
    text = f"{noise.events:,} events, {noise.mailbox_days:,} mailboxes times days."
    if noise.probes:
        text += f" Of {noise.probes:,} invented tokens, one an hour, the gate let {noise.probed:,} be judged."
    header = ("Rule", "Level", "Alerts", "Different", "Per 10,000 and day", "Budget", "Verdict")
    return Table(title, text, header, tuple(rows))


def _reasons(budgets: Mapping[str, Budget]) -> Table:
    rows = tuple(
        (f"`{name}`", f"{budget.rate:g}" if budget.rate else "–", budget.because or budget.unjudged)
        for name, budget in sorted(budgets.items())
    )
    text = "Per 10,000 mailboxes and day. A rule above `low` that is not named here may not alert at all."
    return Table("Budgets and their reasons", text, ("Rule", "Budget", "Because"), rows)


_TEXT = f"""How often the rules alert on ordinary days, when nobody attacks.

**This is generated data.** Its tenants are invented: small, alike, in one time zone. The shares (half of the mail reads
by Microsoft's own services, ids that records lack, copies, delays) are modelled on one public laboratory tenant of
2021. How often people roll out, rotate, join or consent is made up, and so are shares that nobody has published, such
as that of records with a token id. The figures compare rules with each other and show what alerts when nothing is
wrong. They are no promise for a tenant of yours: measure there.

Every tenant is drawn from its number alone and lives until it has written {EVENTS:,} events. {LEARNED_DAYS} days are
learned from (`unissued baseline learn`), and people approve what reads mail then. The days after that are judged, and
nobody approves anything any more: what is new alerts until the end, where a person would have looked once. *Different*
says how many things the alerts were about. An alert is what `unissued hunt` shows: matches folded as the rule's `alert`
says.

**The gate on feed health is left out of the alerts**, as if every feed were complete: else a rule on absence would
count as quiet where it judges nothing. How often it would judge is measured apart: in copies of the tenants an invented
token reads mail once an hour, and the gate decides as it does in a hunt. In tenants of this size it closes almost
always: it compares every hour of some three days with the week before, one by one, and of two hours with 50 rows each
on average one falls below 80 % of the other about once in eight times, by chance alone. Real tenants have more sign-ins
for a mailbox than these, where only mail asks for tokens. Where sign-ins are few, the silence of those rules says
nothing.

A tenant of 10,000 mailboxes does not have a hundred times the roll-outs and rotations of one with a hundred: for rules
on such events the rate is that of many small tenants. A budget is rounded up to whole alerts.

Written by `python benchmarks/noise.py`."""


def text_of(pack: Pack, short: Noise, long: Noise, budgets: Mapping[str, Budget]) -> str:
    """Write the page."""
    tables = (
        table_of(pack, _million(), long, budgets),
        _reasons(budgets),
        table_of(pack, short_title(), short, budgets),
    )
    return page("Noise on ordinary days", _TEXT, tables)


def short_title() -> str:
    """Return the heading of what the tests repeat every time."""
    return f"The first {len(SHORT)} tenants"


def _million() -> str:
    return f"All {len(LONG)} tenants"


def main() -> int:
    """Write the page, or with ``--check`` compare it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare, do not write")
    check = parser.parse_args().check
    pack = load_pack(ROOT / "sigma")
    budgets = read_budgets(BUDGETS, pack)
    short, long = measure_together(LONG)
    text = text_of(pack, short, long, budgets)
    for line in over_budget(pack, long, budgets):
        print(line, file=sys.stderr)
    if check:
        fresh = PAGE.is_file() and PAGE.read_text("utf-8") == text
        print(f"{PAGE.name} is {'fresh' if fresh else 'stale: run python benchmarks/noise.py'}")
        return 0 if fresh else 1
    PAGE.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
