"""What mail reads say about tokens, by day: how many carry a token id, and how many of these ids are explained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from unissued.baseline.share import ENOUGH, TRUSTED_SHARE, token_ids
from unissued.evaluate import Event, fold
from unissued.pack.load import Pack
from unissued.record import Record

DAY = timedelta(days=1)
_BEFORE = 14
"""Days that a day is compared with."""
_DROP = 20
"""Points by which the share of records with a token id may fall."""


@dataclass
class Day:
    """The mail reads of one client kind or application on one day, or on several."""

    reads: int = 0
    with_token_id: int = 0
    token_ids: set[object] = field(default_factory=set)
    """Distinct, well-shaped."""

    def add(self, other: Day) -> None:
        """Add another day's."""
        self.reads += other.reads
        self.with_token_id += other.with_token_id
        self.token_ids |= other.token_ids


Days = Mapping[str, Mapping[datetime, Day]]
"""Client kind or MailAppKey -> day -> its reads."""


@dataclass(frozen=True)
class Drop:
    """A share that fell on the days from ``first`` to ``last``. Parts and wholes are of the first day."""

    subject: str
    first: datetime
    last: datetime
    part: int
    whole: int
    part_before: int
    whole_before: int


def throttled_mailboxes(pack: Pack, records: Sequence[Record]) -> dict[str, list[datetime]]:
    """Return the mailboxes that a record calls throttled, by address or id, with the times of these records."""
    source = pack.catalogue.sources["m365/exchange"]
    found: dict[str, list[datetime]] = {}
    for record in records:
        event = Event(record, source) if record.source == source.key else None
        if event is not None and "true" in {
            fold(str(value)) for value in event.values("OperationProperties[IsThrottled].Value")
        }:
            mailbox = event.values("MailboxOwnerUPN") or event.values("MailboxGuid") or ("-",)
            found.setdefault(str(mailbox[0]), []).append(event.time)
    return dict(sorted(found.items()))


def by_day(reads: Sequence[Event], name: str) -> dict[str, dict[datetime, Day]]:
    """Sort mail reads by a field with one value, ``ClientKind`` or ``MailAppKey``, and by day."""
    days: dict[str, dict[datetime, Day]] = {}
    for event in reads:
        found = token_ids(event)
        day = event.time.astimezone(UTC).replace(hour=0, minute=0, second=0)
        key = fold(str(event.values(name)[0]))
        days.setdefault(key, {}).setdefault(day, Day()).add(Day(1, bool(found), set(found)))
    return days


def token_id_drops(days: Days, end: datetime) -> Iterator[Drop]:
    """Find the kinds of client whose records carry a token id less often, by more than 20 points.

    Args:
        days: by ``ClientKind``.
        end: days that end later are not looked at.
    """
    for kind, known in sorted(days.items()):
        found = []
        for day, now in sorted(known.items()):
            before = _sum(known, day - _BEFORE * DAY, day)
            enough = min(now.reads, before.reads) >= ENOUGH
            fell = 100 * (before.with_token_id * now.reads - now.with_token_id * before.reads)
            if day + DAY <= end and enough and fell > _DROP * before.reads * now.reads:
                found.append(Drop(kind, day, day, now.with_token_id, now.reads, before.with_token_id, before.reads))
        yield from _joined(found)


def explained_drops(days: Days, issued: frozenset[object], end: datetime) -> Iterator[Drop]:
    """Find the applications whose tokens were explained, and are less than 19 times in 20.

    The 14 days to compare with end a day before, so that a flood of unexplained reads does not at once become normal.

    Args:
        days: by ``MailAppKey``.
        issued: token ids that are explained.
        end: days that end later are not looked at.
    """
    for key, known in sorted(days.items()):
        found = []
        for day, now in sorted(known.items()):
            before = _sum(known, day - (_BEFORE + 1) * DAY, day - DAY)
            whole, whole_before = len(now.token_ids), len(before.token_ids)
            part, part_before = len(now.token_ids & issued), len(before.token_ids & issued)
            enough = min(whole, whole_before) >= ENOUGH
            good, bad = part_before >= TRUSTED_SHARE * whole_before, part < TRUSTED_SHARE * whole
            if day + DAY <= end and enough and good and bad:
                found.append(Drop(key, day, day, part, whole, part_before, whole_before))
        yield from _joined(found)


def _sum(known: Mapping[datetime, Day], start: datetime, end: datetime) -> Day:
    total = Day()
    for day, reads in known.items():
        if start <= day < end:
            total.add(reads)
    return total


def _joined(drops: Sequence[Drop]) -> Iterator[Drop]:
    """Make days that follow one another one drop."""
    run: list[Drop] = []
    for drop in drops:
        if run and drop.first - run[-1].first > DAY:
            yield _run(run)
            run = []
        run.append(drop)
    if run:
        yield _run(run)


def _run(run: Sequence[Drop]) -> Drop:
    one = run[0]
    return Drop(one.subject, one.first, run[-1].last, one.part, one.whole, one.part_before, one.whole_before)
