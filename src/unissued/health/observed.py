"""What the checks of health need to know of a stream: counted once, from records or by whoever reads faster."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from unissued.baseline.share import issued_token_ids, mail_reads
from unissued.evaluate import Given, Outcome
from unissued.health.gaps import hours_of
from unissued.health.shares import Day, by_day, throttled_mailboxes
from unissued.pack.load import Pack
from unissued.pack.rule import JUDGED_AFTER
from unissued.record import Record

MAIL = "m365/exchange"

Arrivals = Callable[[datetime | None], Counter[datetime]]
"""Rows of a feed by hour: of all, or of those that had arrived by a time."""


@dataclass(frozen=True)
class KeyDays:
    """The mail reads of one MailAppKey by day, and which of their token ids are explained."""

    key: str
    days: Mapping[datetime, Day]
    issued: frozenset[object]


@dataclass(frozen=True)
class Observed:
    """A stream as the checks see it."""

    end: datetime
    """Six hours before the time of judgement: what is later is not looked at."""
    first_mail: datetime | None
    """When the first record of Exchange happened."""
    feeds: Mapping[str, Arrivals]
    """Table -> its rows; a table without any is not there."""
    reads: Mapping[datetime, int]
    """Mail reads by hour."""
    throttled: Mapping[str, Sequence[datetime]]
    """Mailbox -> when its records said that it was throttled."""
    kinds: Mapping[str, Mapping[datetime, Day]]
    """Mail reads by ClientKind and day; their token ids are not needed."""
    keys: Iterable[KeyDays]
    """Mail reads by MailAppKey, sorted."""


def observe(pack: Pack, records: Sequence[Record], given: Given, outcomes: Mapping[str, Outcome]) -> Observed:
    """Count a stream of records that is not empty."""
    now = given.now or max(record.ingested for record in records) + JUDGED_AFTER
    read = {source.key for name in outcomes for source in pack.rule(name).sources}
    reads = mail_reads(pack, records) if MAIL in read else []
    issued: frozenset[object] = frozenset(issued_token_ids(pack, records)) if reads else frozenset()
    tables: dict[str, list[Record]] = {}
    for record in records:
        tables.setdefault(record.table, []).append(record)
    return Observed(
        end=(now - JUDGED_AFTER).astimezone(UTC),
        first_mail=min((record.time for record in records if record.source == MAIL), default=None),
        feeds={table: _arrivals(rows) for table, rows in tables.items()},
        reads=hours_of(event.time for event in reads),
        throttled=throttled_mailboxes(pack, records) if MAIL in read else {},
        kinds=by_day(reads, "ClientKind"),
        keys=[KeyDays(key, days, issued) for key, days in sorted(by_day(reads, "MailAppKey").items())],
    )


def _arrivals(rows: Sequence[Record]) -> Arrivals:
    return lambda by: hours_of(record.time for record in rows if by is None or record.ingested <= by)
