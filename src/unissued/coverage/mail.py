"""What mail reads carry, by kind of client and application, and whose reads are not recorded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from unissued.baseline.share import explained_shares, mail_reads, token_ids
from unissued.evaluate import Event, fold, resolve
from unissued.health import MAIL
from unissued.pack.load import Pack
from unissued.pack.path import parse_path
from unissued.record import Record

_SESSION = "AppAccessContext.AADSessionId"
"""The top-level SessionId of older records can be one of Outlook on the web, which no sign-in has."""


@dataclass
class Kind:
    """The mail reads of one kind of client."""

    reads: int = 0
    app_id: int = 0
    client_app_id: int = 0
    session: int = 0
    token_id: int = 0
    """Reads with a well-shaped token id."""


@dataclass
class App:
    """The mail reads of one MailAppKey."""

    reads: int
    token_ids: int
    """Distinct, well-shaped."""
    explained: int


@dataclass(frozen=True)
class Off:
    """A mailbox, or everything, of which no reads are recorded, as far as the last record about it says."""

    what: str
    """What is switched off, in words of ``_SWITCHES``."""
    mailbox: str
    """As the record names it; empty for the organisation."""
    since: datetime
    by: str
    place: str
    """File and line of the record."""


_SWITCHES: Mapping[str, tuple[str, str, str]] = {
    "set-mailbox": ("AuditEnabled", "false", "auditing disabled"),
    "set-mailboxauditbypassassociation": ("AuditBypassEnabled", "true", "audit bypassed"),
    "set-organizationconfig": ("AuditDisabled", "true", "auditing of the organisation disabled"),
    "set-adminauditlogconfig": ("UnifiedAuditLogIngestionEnabled", "false", "audit log disabled"),
}
"""Cmdlet in small letters -> parameter, its value that switches off, and what that means."""
_MAILBOXES = ("set-mailbox", "set-mailboxauditbypassassociation")


def kinds_of(pack: Pack, records: Sequence[Record]) -> dict[str, Kind]:
    """Count what the mail reads of each kind of client carry."""
    kinds: dict[str, Kind] = {}
    for event in mail_reads(pack, records):
        kind = kinds.setdefault(str(event.values("ClientKind")[0]), Kind())
        kind.reads += 1
        kind.app_id += bool(event.values("AppId"))
        kind.client_app_id += bool(event.values("ClientAppId"))
        kind.session += bool(event.values(_SESSION))
        kind.token_id += bool(token_ids(event))
    return dict(sorted(kinds.items()))


def apps_of(pack: Pack, records: Sequence[Record]) -> dict[str, App]:
    """Count how many token ids of each application sign-ins explain, whenever they were."""
    return {
        key: App(share.records, len(share.token_ids), len(share.explained))
        for key, share in explained_shares(pack, records).items()
    }


def switched_off(pack: Pack, records: Sequence[Record]) -> tuple[Off, ...]:
    """Return what is not audited: the last record about each mailbox and setting counts."""
    source = pack.catalogue.sources[MAIL]
    last: dict[tuple[str, str], Off | None] = {}
    for record in records:
        event = Event(record, source) if record.source == MAIL else None
        for cmdlet in event.values("Operation") if event else ():
            switch = _SWITCHES.get(fold(str(cmdlet)))
            if event is None or switch is None or _failed(event):
                continue
            parameter, off, what = switch
            mailbox = _mailbox(event) if fold(str(cmdlet)) in _MAILBOXES else ""
            for value in _parameter(record, parameter):
                by = ", ".join(map(str, event.values("UserId")))
                place = f"{record.origin.file}:{record.origin.line}"
                said = fold(value.lstrip("$")) == off
                last[what, fold(mailbox)] = Off(what, mailbox, event.time, by, place) if said else None
    return tuple(off for _, off in sorted(last.items()) if off is not None)


def _failed(event: Event) -> bool:
    return "false" in {fold(str(value)) for value in event.values("ResultStatus")}


def _mailbox(event: Event) -> str:
    named = list(_parameter(event.record, "Identity"))
    return named[0] if named else ", ".join(map(str, event.values("ObjectId")))


def _parameter(record: Record, name: str) -> Iterator[str]:
    """Yield the values of a cmdlet's parameter."""
    for raw in resolve(parse_path(f"Parameters[{name}].Value"), record.fields):
        if isinstance(raw, str | bool):
            yield str(raw).strip()
