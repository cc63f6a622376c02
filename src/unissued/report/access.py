"""Who read which mail, with which application: counted one record at a time, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import Self

from unissued.evaluate import Event, fold
from unissued.health import MAIL
from unissued.hunt import Finding
from unissued.pack.catalogue import Catalogue
from unissued.pack.load import Pack
from unissued.record import Record
from unissued.report.answers import Answers
from unissued.report.network import network_of
from unissued.report.read import Read, read_of
from unissued.report.store import Store

_GRAPH = "azure/graphactivity"
_OWA_TOKEN = 275


class Access:
    """Counts mail reads. Feed it every record, in any order, then ask ``answers``; ``close`` it or use it as a context.

    Args:
        pack: knows the fields.
        lists: the tenant's lists; without the learned ones nothing is new.
        since: reads before are not counted. Sign-ins always are: they explain later reads.
        until: reads from then on are not counted.
    """

    def __init__(
        self,
        pack: Pack,
        lists: Mapping[str, Collection[str]] | None = None,
        *,
        since: datetime | None = None,
        until: datetime | None = None,
    ) -> None:
        self._catalogue: Catalogue = pack.catalogue
        self._since, self._until = since, until
        self._apps = {fold(entry) for entry in (lists or {}).get("baseline_mail_apps", ())}
        self._pairs = {fold(entry) for entry in (lists or {}).get("baseline_mailbox_apps", ())}
        self._store = Store()
        self._store.function("new_key", 1, lambda key: int(bool(self._apps) and key not in self._apps))
        self._store.function(
            "new_pair", 2, lambda key, box: int(bool(self._pairs and box) and f"{key}|{box}" not in self._pairs)
        )
        self.answers = Answers(self._store)
        self.sign_ins = 0
        """Records of sign-ins: without any, no token can be explained."""
        self.graph_requests = 0
        """Requests to Microsoft Graph, which are not counted as reads: they name no items."""

    @property
    def has_baseline(self) -> bool:
        """Whether anything can be new."""
        return bool(self._apps)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give the disk space back."""
        self._store.close()

    def add(self, record: Record | Event) -> None:
        """Count one record of any log source."""
        event = record if isinstance(record, Event) else Event(record, self._catalogue.sources[record.source])
        if "IssuedTokenId" in event.source.fields:
            self.sign_ins += 1
            self._issued(event, "IssuedTokenId")
        elif event.source.key == _GRAPH:
            self.graph_requests += 1
        elif event.source.key == MAIL:
            if _OWA_TOKEN in event.values("RecordType"):
                self._issued(event, "UniqueTokenIdentifier")
            read = read_of(event)
            if read is not None and self._in_span(read.time):
                self._count(read)

    def mark(self, findings: Iterable[Finding]) -> None:
        """Remember on which reads findings stand; records that are no mail reads are passed over."""
        for event in (event for finding in findings for event in finding.events):
            read = read_of(event) if event.source.key == MAIL else None
            if read is not None:
                self._store.put("mark pairs", (read.key, read.mailbox))
                for row in read.rows:
                    place = (read.mailbox, read.key, row.how, row.folder, row.message_id, row.item_id)
                    self._store.put("mark items", place)

    def _in_span(self, time: datetime) -> bool:
        return (self._since is None or time >= self._since) and (self._until is None or time < self._until)

    def _issued(self, event: Event, name: str) -> None:
        for token in event.values(name):
            self._store.put("issued", (str(token),))

    def _count(self, read: Read) -> None:
        at = int(read.time.timestamp())
        good = not read.failed
        hows = [int(good and read.how == how) for how in ("Bind", "Sync", "Attachment")]
        unnamed = sum(row.items for row in read.rows if not row.message_id and not row.item_id)
        throttled = (1, at, at) if read.throttled else (0, None, None)
        names = (read.key, read.mailbox, read.acting, read.app, read.client, read.kind, read.owner)
        self._store.put("pairs", (*names, at, at, read.items, *hows, int(read.failed), unnamed, *throttled))
        for row in read.rows:
            place = (read.mailbox, read.key, row.how, row.folder, row.message_id, row.item_id)
            self._store.put("items", (*place, row.size, row.items, at, at))
        if read.address:
            self._store.put("addresses", (read.acting, network_of(read.address), read.address))
        for token in read.tokens:
            self._store.put("tokens", (read.acting, read.key, token))
        if good:
            self._store.put("hours", (at // 3600, read.items))
