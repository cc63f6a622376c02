"""Everything that is measured about logs, in one pass over what was read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from unissued.coverage.blind import Blind, blind_rules
from unissued.coverage.feeds import Feed, feeds_of
from unissued.coverage.fix import Fix, ranking
from unissued.coverage.mail import App, Kind, Off, apps_of, kinds_of, switched_off
from unissued.evaluate import Given, evaluate
from unissued.health import HealthFinding, health
from unissued.logs import Reading
from unissued.pack.load import Pack


@dataclass(frozen=True)
class Retention:
    """How far logs should reach back: so long searchable, and so much longer retrievable."""

    searchable: timedelta
    retrievable: timedelta


@dataclass(frozen=True)
class Reach:
    """How far the records of one log source reach back from the last record of all."""

    source: str
    days: int
    """Whole days; 0 where there is no record at all."""
    searchable: bool
    retrievable: bool


@dataclass(frozen=True)
class Coverage:
    """What logs cover."""

    reading: Reading
    last: datetime | None
    """Event time of the last record; there is no other clock."""
    feeds: tuple[Feed, ...]
    kinds: Mapping[str, Kind]
    """By client kind."""
    apps: Mapping[str, App]
    """By MailAppKey, in small letters."""
    off: tuple[Off, ...]
    health: tuple[HealthFinding, ...]
    retention: Retention
    reach: tuple[Reach, ...]
    blind: tuple[Blind, ...]
    rules: int
    """Rules that were asked."""
    fixes: tuple[Fix, ...]

    @property
    def exit_status(self) -> int:
        """1 where something is blind, not recorded or broken; 3 where only the input was incomplete; else 0."""
        if self.blind or self.off or self.health:
            return 1
        return 3 if self.reading.partial else 0


def coverage(pack: Pack, reading: Reading, lists: Mapping[str, Collection[str]], retention: Retention) -> Coverage:
    """Measure what was read.

    Args:
        pack: the rules.
        reading: the records and what became of the rest.
        lists: the tenant's lists; one that is missing makes rules blind.
        retention: how far logs should reach back.
    """
    records = reading.records
    given = Given(lists=lists, measured=True)
    names = [rule.name for rule in pack.rules.values() if rule.level]
    outcomes = evaluate(pack, records, given, names)
    feeds = feeds_of(pack.catalogue, records)
    blind = blind_rules(pack, records, {name: outcomes[name] for name in names}, lists)
    found = health(pack, records, given, outcomes)
    off = switched_off(pack, records)
    last = records[-1].time if records else None
    reach = _reach(pack, feeds, last, retention)
    short = [one.source for one in reach if one.days and not one.searchable]
    return Coverage(
        reading,
        last,
        feeds,
        kinds_of(pack, records),
        apps_of(pack, records),
        off,
        found,
        retention,
        reach,
        blind,
        len(names),
        ranking(pack, blind, off, found, short, reading.partial),
    )


def _reach(pack: Pack, feeds: Collection[Feed], last: datetime | None, retention: Retention) -> tuple[Reach, ...]:
    found = []
    for key in sorted(pack.catalogue.sources):
        firsts = [feed.first for feed in feeds if feed.source == key]
        far = last - min(firsts) if last is not None and firsts else timedelta()
        whole = retention.searchable + retention.retrievable
        found.append(Reach(key, far.days, far >= retention.searchable, far >= whole))
    return tuple(found)
