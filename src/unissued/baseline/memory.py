"""What is kept of an earlier baseline when one is learned anew: a person's word, and when a key was first seen."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from unissued.baseline.learn import status_of
from unissued.baseline.table import Row, Status
from unissued.errors import LogError
from unissued.evaluate import fold

FORGOTTEN = timedelta(days=90)
"""A key that nobody has used for so long, and nobody has reviewed, is dropped."""


def learned_until(known: Sequence[Row]) -> datetime | None:
    """Return up to when an earlier baseline has learned; None where it does not say."""
    return max((datetime.fromisoformat(row.learned_to) for row in known if row.learned_to), default=None)


def remember(known: Sequence[Row], learned: Sequence[Row]) -> list[Row]:
    """Add what was learned to an earlier baseline.

    Counts add up, so the two must not have learned from the same time. A token id that was used in both counts twice.
    What a person approved or blocked stays so.

    Raises:
        LogError: the two overlap in time.
    """
    before = learned_until(known)
    starts = {row.learned_from for row in learned}
    if before and any(datetime.fromisoformat(start) <= before for start in starts):
        raise LogError.at(
            "baseline",
            f"learning begins before the earlier baseline ends ({before:%Y-%m-%dT%H:%M:%SZ})",
            "records would count twice: leave --since out, or learn without --known",
        )
    end = max((row.learned_to for row in learned), default="")
    old = {_place(row): row for row in known}
    new = {_place(row): row for row in learned}
    mailboxes: dict[str, int] = {}
    for key, mailbox in old.keys() | new.keys():
        mailboxes[key] = mailboxes.get(key, 0) + bool(mailbox)
    rows = [_merged(old.get(place), new.get(place), mailboxes, end) for place in sorted(old.keys() | new.keys())]
    return list(_without_forgotten(rows))


def _place(row: Row) -> tuple[str, str]:
    return fold(row.mail_app_key), row.mailbox_guid


def _merged(old: Row | None, new: Row | None, mailboxes: dict[str, int], end: str) -> Row:
    one = new or old
    assert one is not None  # noqa: S101 - a place is in one of them
    row = one if old is None or new is None else _sum(old, new)
    if not row.mailbox_guid:
        row = replace(row, mailboxes=max(row.mailboxes, mailboxes[fold(row.mail_app_key)]))
    row = replace(row, learned_to=end or row.learned_to)
    if row.status in (Status.APPROVED, Status.BLOCKED):
        return row
    return replace(row, status=status_of(row))


def _sum(old: Row, new: Row) -> Row:
    """Add two rows of one key, the later one to the earlier one."""
    same_day = bool(old.last_seen) and old.last_seen[:10] == new.first_seen[:10]
    return replace(
        old,
        first_seen=old.first_seen or new.first_seen,
        last_seen=new.last_seen or old.last_seen,
        days_seen=old.days_seen + new.days_seen - same_day,
        mailboxes=max(old.mailboxes, new.mailboxes),
        records=old.records + new.records,
        token_ids=old.token_ids + new.token_ids,
        token_ids_explained=old.token_ids_explained + new.token_ids_explained,
        records_with_token_id=old.records_with_token_id + new.records_with_token_id,
    )


def _without_forgotten(rows: Iterable[Row]) -> Iterable[Row]:
    for row in rows:
        reviewed = row.status in (Status.APPROVED, Status.BLOCKED)
        last = row.last_seen or row.learned_from
        if reviewed or not last or datetime.fromisoformat(row.learned_to) - datetime.fromisoformat(last) < FORGOTTEN:
            yield row
