"""All health findings about a stream of records."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime

from unissued.evaluate import Given, Look, Outcome
from unissued.evaluate.feeds import HOUR, WEEK
from unissued.health.checks import CHECKS, HealthFinding
from unissued.health.gaps import Bad, Gap, bad_hours, hour_of, stretches
from unissued.health.observed import Arrivals, Observed, observe
from unissued.health.shares import DAY, Drop, explained_drops, token_id_drops
from unissued.pack.load import Pack
from unissued.record import Record

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
    return health_of(pack, observe(pack, records, given, outcomes), given, outcomes) if records else ()


def health_of(pack: Pack, seen: Observed, given: Given, outcomes: Mapping[str, Outcome]) -> tuple[HealthFinding, ...]:
    """Find the same in a stream that has been counted."""
    return (
        *_signin_gaps(pack, seen, given.rows_last_week, outcomes),
        *_silences(seen.reads, seen.end),
        *_throttled(seen.throttled),
        *(
            _fallen("feed_token_id_share_dropped", drop, "with a token id")
            for drop in token_id_drops(seen.kinds, seen.end)
        ),
        *(
            _fallen("feed_explained_share_dropped", drop, "explained by sign-ins")
            for key in seen.keys
            for drop in explained_drops({key.key: key.days}, key.issued, seen.end)
        ),
    )


# Gaps of sign-in feeds


def _signin_gaps(
    pack: Pack, seen: Observed, rates: Mapping[str, int], outcomes: Mapping[str, Outcome]
) -> Iterator[HealthFinding]:
    looks = [
        (name, look)
        for name, outcome in sorted(outcomes.items())
        for question in outcome.unjudged
        for look in question.looks
    ]
    read = {source.key for name in outcomes for source in pack.rule(name).sources}
    for source in pack.catalogue.sources.values():
        for table in source.required_tables if source.key in read else ():
            concerned = [one for one in looks if table in pack.rule(one[0]).needing(source).required_tables]
            feed = seen.feeds.get(table)
            if feed is None:
                bad = _every_hour(seen.first_mail, seen.end) if seen.first_mail else {}
            else:
                bad = _bad_hours(feed, rates.get(table), [look for _, look in concerned], seen)
            yield from (_signin_gap(table, gap, bad, concerned, missing=feed is None) for gap in stretches(bad))


def _bad_hours(feed: Arrivals, rate: int | None, looks: Sequence[Look], seen: Observed) -> Bad:
    """Return the hours of a feed with too few rows: now, and when the rules had to judge."""
    bad: Bad = {}
    for start, last, judged in sorted({(look.start, look.end, look.judged) for look in looks}):
        bad |= bad_hours(feed(judged), start, min(hour_of(last) + HOUR, judged), rate)
    return bad | (bad_hours(feed(None), seen.first_mail, seen.end, rate) if seen.first_mail else {})


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


def _silences(rows: Mapping[datetime, int], end: datetime) -> Iterator[HealthFinding]:
    """Find more than four hours without any mail read although each of them had some a week before."""
    silent: Bad = {
        hour + WEEK: (0, count)
        for hour, count in rows.items()
        if hour + WEEK + HOUR <= end and not rows.get(hour + WEEK)
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


def _throttled(mailboxes: Mapping[str, Sequence[datetime]]) -> Iterator[HealthFinding]:
    """Find mailboxes that Exchange throttled: for up to a day after that, reads of single items leave no record."""
    for mailbox, times in mailboxes.items():
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
