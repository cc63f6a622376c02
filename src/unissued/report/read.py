"""One record of mail audit as the report counts it: who read what, through which application."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from unissued.baseline.share import token_ids
from unissued.evaluate import Event, fold
from unissued.hunt.mail import item_count, named_items, synced_folder

_LONGEST = 300
_FAILED = frozenset({"failed", "failure", "false"})


@dataclass(frozen=True, slots=True)
class Row:
    """What one record says about one item, or about items that it does not name."""

    how: str
    """``Bind``, ``Sync`` or ``Attachment``."""
    folder: str
    message_id: str
    item_id: str
    size: int | None
    items: int
    """How many items the row stands for; 0 for a Sync, of which nobody knows."""


@dataclass(frozen=True, slots=True)
class Read:
    """A record of mail that was read, or that somebody tried to read; texts are log content, cut to 300 characters."""

    key: str
    """MailAppKey in small letters, as baselines compare it."""
    app: str
    client: str
    kind: str
    mailbox: str
    """MailboxGuid, else the owner's address; empty where the record has neither."""
    owner: str
    time: datetime
    failed: bool
    throttled: bool
    how: str
    items: int
    address: str
    tokens: tuple[str, ...]
    """Well-shaped token ids."""
    rows: tuple[Row, ...]

    @property
    def acting(self) -> str:
        """The application that acted: the client application, else the application; else none, and its kind."""
        return self.client or self.app or f"-|{fold(self.kind)}"


def short(text: str) -> str:
    r"""Return a text of at most 300 characters; a longer one is cut, and its hash keeps it apart from others.

    Half a surrogate pair, which JSON can spell and no database takes, is written as ``\uNNNN``.
    """
    whole = text if text.isascii() else text.encode("utf-8", "backslashreplace").decode("utf-8")
    if len(whole) <= _LONGEST:
        return whole
    return f"{whole[:_LONGEST]}… {hashlib.sha256(whole.encode('utf-8')).hexdigest()[:16]}"


def read_of(event: Event) -> Read | None:
    """Return a record of mail audit as a read; None for any other operation."""
    operation = fold(_first(event, "Operation"))
    if operation not in ("mailitemsaccessed", "attachmentaccess"):
        return None
    access = fold(_first(event, "OperationProperties[MailAccessType].Value"))
    how = "Attachment" if operation == "attachmentaccess" else "Sync" if access == "sync" else "Bind"
    failed = fold(_first(event, "ResultStatus")) in _FAILED
    rows = () if failed else _rows(event, how)
    return Read(
        key=short(fold(_first(event, "MailAppKey"))),
        app=short(_first(event, "AppId")),
        client=short(_first(event, "ClientAppId")),
        kind=short(_first(event, "ClientKind")),
        mailbox=short(_first(event, "MailboxGuid") or _first(event, "MailboxOwnerUPN")),
        owner=short(_first(event, "MailboxOwnerUPN")),
        time=event.time,
        failed=failed,
        throttled=fold(_first(event, "OperationProperties[IsThrottled].Value")) == "true",
        how=how,
        items=sum(row.items for row in rows),
        address=short(_first(event, "ClientAddress")),
        tokens=tuple(sorted(token_ids(event))),
        rows=rows,
    )


def _first(event: Event, name: str) -> str:
    values = event.values(name)
    return str(values[0]) if values else ""


def _rows(event: Event, how: str) -> tuple[Row, ...]:
    fields = event.record.fields
    if how == "Sync":
        return (Row(how, short(synced_folder(fields)), "", "", None, 0),)
    rows = [
        Row(how, short(item.folder), short(item.message_id), short(item.item_id), item.size, 1)
        for item in named_items(fields)
    ]
    unnamed = item_count(fields) - len(rows)
    if unnamed > 0:
        rows.append(Row(how, "", "", "", None, unnamed))
    return tuple(rows)
