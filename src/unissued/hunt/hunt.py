"""One hunt: what was read, what every rule says about it, and the findings."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from unissued.evaluate import Given, Outcome, evaluate
from unissued.health import HealthFinding, health
from unissued.hunt.finding import Finding, findings
from unissued.logs import Reading, Refusal
from unissued.pack.load import Pack

LEVELS = ("critical", "high", "medium", "low", "informational")


@dataclass(frozen=True)
class Hunt:
    """The result of a hunt. Findings are sorted by level, then by time."""

    reading: Reading
    findings: tuple[Finding, ...]
    outcomes: Mapping[str, Outcome]
    """Verdicts of the rules that were hunted with, by rule name."""
    health: tuple[HealthFinding, ...] = ()
    """Where the feeds cannot be trusted. These are about the logs, not about an intruder."""
    health_told: bool = True
    """Whether anybody looked at the feeds at all."""

    @property
    def exit_status(self) -> int:
        """1 with findings, 3 without findings on incomplete input or feeds, else 0."""
        if self.findings:
            return 1
        return 3 if self.reading.partial or self.health else 0


def hunt(
    pack: Pack,
    reading: Reading,
    lists: Mapping[str, frozenset[str]],
    *,
    only: Collection[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
) -> Hunt:
    """Judge everything that was read by the rules that have a level.

    Args:
        pack: the rules.
        reading: the records and what became of the rest.
        lists: the tenant's lists, by name.
        only: names of rules; by default all that have a level. A base rule can be named as well.
        since: findings begin here, inclusive; earlier records still explain later ones.
        until: findings end here, exclusive.
    """
    names = names_of(pack, only)
    given = Given(lists=lists, measured=True)
    outcomes = evaluate(pack, reading.records, given, names)
    feeds = health(pack, reading.records, given, outcomes)
    return report(pack, reading, lists, outcomes, feeds, names, since, until)


def names_of(pack: Pack, only: Collection[str] | None) -> list[str]:
    """Return the names of the rules to hunt with: those asked for, by default all that have a level."""
    return [rule.name for rule in pack.rules.values() if (rule.name in only if only else rule.level)]


def report(
    pack: Pack,
    reading: Reading,
    lists: Mapping[str, frozenset[str]],
    outcomes: Mapping[str, Outcome],
    feeds: Sequence[HealthFinding],
    names: Sequence[str],
    since: datetime | None,
    until: datetime | None,
) -> Hunt:
    """Make findings of what the rules say, and leave out what lies before or after."""
    found = found_by(pack, names, outcomes, lists, since=since, until=until, partial=bool(reading.partial))
    shown = tuple(one for one in feeds if (since is None or one.last >= since) and (until is None or one.first < until))
    return Hunt(reading, found, {name: outcomes[name] for name in names}, shown)


def found_by(
    pack: Pack,
    names: Collection[str],
    outcomes: Mapping[str, Outcome],
    lists: Mapping[str, frozenset[str]],
    *,
    since: datetime | None,
    until: datetime | None,
    partial: bool,
) -> tuple[Finding, ...]:
    """Return what rules found between two times, sorted by level, then by time.

    Args:
        pack: the rules.
        names: of the rules.
        outcomes: what each rule says.
        lists: the tenant's lists, by name.
        since: findings begin here, inclusive.
        until: findings end here, exclusive.
        partial: whether the input was incomplete.
    """
    found: list[Finding] = []
    for name in names:
        matches = [
            match
            for match in outcomes[name].matches
            if (since is None or match.time >= since) and (until is None or match.time < until)
        ]
        found.extend(findings(pack, pack.rule(name), matches, lists, partial=partial))
    return tuple(sorted(found, key=_order))


def _order(finding: Finding) -> tuple[int, datetime, str, str]:
    level = finding.rule.level
    rank = LEVELS.index(level) if level in LEVELS else len(LEVELS)
    return rank, finding.events[0].time, finding.rule.name, str(sorted(finding.group.items()))


def refused(reading: Reading) -> list[tuple[Refusal, int]]:
    """Return the first refusal of every reason in every file, and how many there are."""
    kinds: dict[tuple[str, str], tuple[Refusal, int]] = {}
    for refusal in reading.refusals:
        key = (refusal.file, refusal.reason)
        first, number = kinds.get(key, (refusal, 0))
        kinds[key] = (first, number + 1)
    return list(kinds.values())
