"""All health findings about a stream of records."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import UTC, datetime

from unissued.baseline.share import issued_token_ids, mail_reads
from unissued.evaluate import Event, Given, Look, Outcome
from unissued.evaluate.feeds import HOUR, WEEK
from unissued.health.checks import CHECKS, HealthFinding
from unissued.health.gaps import Bad, Gap, bad_hours, hour_of, hours_of, stretches
from unissued.health.shares import (
    DAY,
    Drop,
    by_day,
    explained_drops,
    throttled_mailboxes,
    token_id_drops,
)
from unissued.pack.load import Pack
from unissued.pack.rule import JUDGED_AFTER
from unissued.record import Record

MAIL = "m365/exchange"
_SILENT_HOURS = 5
"""Empty hours in a row that make certain that the silence lasted more than four."""


def health(
    pack: Pack, records: Sequence[Record], given: Given, outcomes: Mapping[str, Outcome]
) -> tuple[HealthFinding, ...]:
    """Find where the feeds cannot be trusted.

    Hours and days count that were over six hours before the time of judgement: late rows have arrived then.

    Args:
        pack: knows the feeds that must be complete.
        records: the stream, free of duplicates.
        given: time of judgement and rows of the week before, as the rules were judged with.
        outcomes: what the rules said; records that they could not judge are counted.

    Returns:
        The findings, by check, subject and time.
    """
    if not records:
        return ()
    now = given.now or max(record.ingested for record in records) + JUDGED_AFTER
    end = (now - JUDGED_AFTER).astimezone(UTC)
    read = {source.key for name in outcomes for source in pack.rule(name).sources}
    reads = mail_reads(pack, records) if MAIL in read else []
    issued = issued_token_ids(pack, records) if reads else frozenset()
    kinds, keys = by_day(reads, "ClientKind"), by_day(reads, "MailAppKey")
    return (
        *_signin_gaps(pack, records, given.rows_last_week, outcomes, end),
        *_silences(reads, end),
        *_throttled(pack, records if MAIL in read else ()),
        *(_fallen("feed_token_id_share_dropped", drop, "with a token id") for drop in token_id_drops(kinds, end)),
        *(
            _fallen("feed_explained_share_dropped", drop, "explained by sign-ins")
            for drop in explained_drops(keys, issued, end)
        ),
    )


# Gaps of sign-in feeds


def _signin_gaps(
    pack: Pack,
    records: Sequence[Record],
    rates: Mapping[str, int],
    outcomes: Mapping[str, Outcome],
    end: datetime,
) -> Iterator[HealthFinding]:
    looks = [
        (name, look)
        for name, outcome in sorted(outcomes.items())
        for question in outcome.unjudged
        for look in question.looks
    ]
    mail = [record.time for record in records if record.source == MAIL]
    read = {source.key for name in outcomes for source in pack.rule(name).sources}
    for source in pack.catalogue.sources.values():
        for table in source.required_tables if source.key in read else ():
            concerned = [one for one in looks if table in pack.rule(one[0]).needing(source).required_tables]
            feed = [record for record in records if record.table == table]
            if not feed:
                bad = _every_hour(min(mail), end) if mail else {}
            else:
                bad = _bad_hours(feed, rates.get(table), mail, [look for _, look in concerned], end)
            yield from (_signin_gap(table, gap, bad, concerned, missing=not feed) for gap in stretches(bad))


def _bad_hours(
    feed: Sequence[Record], rate: int | None, mail: Sequence[datetime], looks: Sequence[Look], end: datetime
) -> Bad:
    """Return the hours of a feed with too few rows: now, and when the rules had to judge."""
    bad: Bad = {}
    for start, last, judged in sorted({(look.start, look.end, look.judged) for look in looks}):
        arrived = hours_of(record.time for record in feed if record.ingested <= judged)
        bad |= bad_hours(arrived, start, min(hour_of(last) + HOUR, judged), rate)
    return bad | (bad_hours(hours_of(record.time for record in feed), min(mail), end, rate) if mail else {})


def _every_hour(start: datetime, end: datetime) -> Bad:
    first = hour_of(start)
    return {first + number * HOUR: (0, None) for number in range(int((end - first) / HOUR))}


def _signin_gap(
    table: str, gap: Gap, bad: Collection[datetime], looks: Sequence[tuple[str, Look]], *, missing: bool
) -> HealthFinding:
    hours = [hour for hour in bad if gap.first <= hour <= gap.last]
    concerned = [
        (name, look.record) for name, look in looks if any(hour_of(look.start) <= hour <= look.end for hour in hours)
    ]
    expected = "at least one row in six hours" if gap.expected is None else f"{gap.expected} rows as a week before"
    return HealthFinding(
        CHECKS["feed_signin_gap"],
        table,
        gap.first,
        gap.last,
        gap.hours,
        "no row at all" if missing else f"{gap.seen} rows",
        "rows" if missing else expected,
        len({record for _, record in concerned}),
        tuple(sorted({name for name, _ in concerned})),
    )


# Silence of the mail audit


def _silences(reads: Sequence[Event], end: datetime) -> Iterator[HealthFinding]:
    """Find more than four hours without any mail read although each of them had some a week before."""
    rows = hours_of(event.time for event in reads)
    silent: Bad = {
        hour + WEEK: (0, count) for hour, count in rows.items() if hour + WEEK + HOUR <= end and not rows[hour + WEEK]
    }
    for gap in stretches(silent):
        if gap.hours >= _SILENT_HOURS:
            expected = f"{gap.expected} as a week before"
            yield HealthFinding(
                CHECKS["feed_mail_audit_silent"],
                "MailItemsAccessed",
                gap.first,
                gap.last,
                gap.hours,
                "no mail read",
                expected,
            )


# Throttled mailboxes


def _throttled(pack: Pack, records: Sequence[Record]) -> Iterator[HealthFinding]:
    """Find mailboxes that Exchange throttled: for up to a day after that, reads of single items leave no record."""
    for mailbox, times in throttled_mailboxes(pack, records).items():
        first, last = hour_of(min(times)), hour_of(max(times)) + DAY - HOUR
        yield HealthFinding(
            CHECKS["feed_mailbox_throttled"],
            mailbox,
            first,
            last,
            round((last - first) / HOUR) + 1,
            f"{len(times)} records say that it was throttled",
            "every read recorded",
        )


# Shares that fell


def _fallen(check: str, drop: Drop, what: str) -> HealthFinding:
    days = round((drop.last - drop.first) / DAY) + 1
    return HealthFinding(
        CHECKS[check],
        drop.subject,
        drop.first,
        drop.last + DAY - HOUR,
        24 * days,
        f"{drop.part} of {drop.whole} {what}",
        f"{drop.part_before} of {drop.whole_before} as in the 14 days before",
    )
