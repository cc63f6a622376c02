"""A person's word on a key: approved or blocked, by whom, when and why."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from unissued.baseline.learn import status_of
from unissued.baseline.table import Row, Status, is_guid, key_fault
from unissued.errors import LogError
from unissued.evaluate import fold
from unissued.record import utc_text


@dataclass(frozen=True)
class Word:
    """Who says something, why and when."""

    by: str
    note: str
    at: datetime


def reviewed(rows: Sequence[Row], key: str, mailbox: str, status: Status, word: Word) -> tuple[Row, ...]:
    """Write a word down.

    Args:
        rows: the baseline.
        key: a MailAppKey. One that was never seen gets a row of its own, so that it can be approved before its use.
        mailbox: what the word is about; empty for the tenant.
        status: ``approved``, ``blocked``, or ``learning`` to take a word back.
        word: whose word it is.

    Raises:
        LogError: the key is no key, the mailbox no id, or there is no word to take back.
    """
    head, _, kind = key.rpartition("|")
    if fault := key_fault(f"{fold(head)}|{kind}"):  # only the kind of client keeps its letters
        hint = "application|client application|kind of client, as the baseline has it; no wildcards"
        raise LogError.at("review", f"{key!r} is no key: {fault}", hint)
    if mailbox and not is_guid(mailbox):
        raise LogError.at("review", f"{mailbox!r} is no mailbox id", "a GUID in small letters")
    place = (fold(key), mailbox)
    known = next((row for row in rows if (fold(row.mail_app_key), row.mailbox_guid) == place), None)
    if status is Status.LEARNING and (known is None or known.status not in (Status.APPROVED, Status.BLOCKED)):
        raise LogError.at("review", f"nobody has said anything about {key}")
    row = replace(
        known or _unseen(rows, key, mailbox),
        status=status,
        reviewed_by=word.by,
        reviewed_at=utc_text(word.at),
        note=word.note,
    )
    if status is Status.LEARNING:
        row = replace(row, status=status_of(row))
    return (*(one for one in rows if one is not known), row)


def _unseen(rows: Sequence[Row], key: str, mailbox: str) -> Row:
    app, client, kind = key.split("|")
    return Row(
        mail_app_key=f"{fold(app)}|{fold(client)}|{kind}",
        app_id="" if app == "-" else fold(app),
        client_app_id="" if client == "-" else fold(client),
        client_kind=kind,
        mailbox_guid=mailbox,
        first_seen="",
        last_seen="",
        days_seen=0,
        mailboxes=0,
        records=0,
        status=Status.LEARNING,
        learned_from=min((row.learned_from for row in rows if row.learned_from), default=""),
        learned_to=max((row.learned_to for row in rows), default=""),
    )
