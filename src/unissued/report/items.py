"""The list of what was read, as CSV: the list for whoever has to be told."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

from unissued.record import utc_text
from unissued.report.cell import line
from unissued.report.counts import Holes, ReadItem
from unissued.report.naming import name_of
from unissued.report.report import Report

BLIND = timedelta(hours=24)
"""For so long after a throttled record Exchange does not record reads of that mailbox."""

HEAD = (
    "mailbox", "owner", "application", "app_id", "client_app_id", "client_kind", "access", "folder",
    "internet_message_id", "item_id", "size_bytes", "items", "records", "first", "last", "under_a_finding",
    "incomplete",
)  # fmt: skip


def incomplete(holes: Holes) -> str:
    """Return why the list of a mailbox is not everything that was read there; empty where records do not say so."""
    reasons = []
    if holes.sync:
        reasons.append(f"{holes.sync:,} Sync: presume every item of the folder read")
    if holes.throttled_first and holes.throttled_last:
        span = f"{utc_text(holes.throttled_first)} to {utc_text(_blind_until(holes.throttled_last))}"
        reasons.append(f"throttled: presume everything read, {span}")
    if holes.unnamed:
        reasons.append(f"{holes.unnamed:,} items counted and not named")
    return "; ".join(reasons)


def items_csv(report: Report) -> Iterator[str]:
    """Yield the lines of the CSV: an item, a synced folder, or items without a name, for each application."""
    yield line(HEAD)
    yield from map(_line, report.access.answers.items())


def _blind_until(throttled: datetime) -> datetime:
    """Return until when nothing is recorded; a time at the end of the calendar stays."""
    try:
        return throttled + BLIND
    except OverflowError:
        return throttled


def _line(item: ReadItem) -> str:
    return line((
        item.mailbox, item.owner, name_of(item.app, item.client), item.app, item.client, item.kind, item.how,
        item.folder, item.message_id, item.item_id, item.size, item.items, item.records,
        utc_text(item.first), utc_text(item.last), item.marked, incomplete(item.holes),
    ))  # fmt: skip
