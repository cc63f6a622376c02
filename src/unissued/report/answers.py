"""What was counted about mail reads, for whoever shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from sqlite3 import Row as Answer

from unissued.report.counts import Application, Counts, Holes, Key, Mailbox, Network, ReadItem
from unissued.report.store import Store

_ORDER = (
    "max(marked) DESC, max(new_key(key)) DESC, max(new_pair(key, mailbox)) DESC, sum(items) DESC, sum(records) DESC"
)
_SUMS = (
    "min(first) AS first, max(last) AS last, sum(records) AS records, sum(items) AS items, sum(bind) AS bind,"
    " sum(sync) AS sync, sum(attachment) AS attachment, sum(failed) AS failed, sum(unnamed) AS unnamed,"
    " sum(throttled) AS throttled, max(marked) AS marked, max(new_key(key)) AS new,"
    " max(new_pair(key, mailbox)) AS new_there, min(throttled_first) AS throttled_first,"
    " max(throttled_last) AS throttled_last"
)


class Answers:
    """Answers questions about the reads in a store; everything in a fixed order, what matters most first."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def total(self) -> Counts | None:
        """Return the sums over all reads; None without any."""
        (row,) = self._store.ask(f"SELECT {_SUMS} FROM pairs")
        return _counts(row) if row["records"] else None

    def sizes(self) -> dict[str, int]:
        """Return how many ``keys``, ``applications``, ``mailboxes`` and ``items`` (rows of the list) there are."""
        (row,) = self._store.ask(
            "SELECT count(DISTINCT key) AS keys, count(DISTINCT acting) AS applications,"
            " count(DISTINCT mailbox) AS mailboxes, (SELECT count(*) FROM items) AS items,"
            " (SELECT count(*) FROM items WHERE marked) AS marked FROM pairs"
        )
        return {name: int(row[name]) for name in ("keys", "applications", "mailboxes", "items", "marked")}

    def keys(self, most: int, acting: str | None = None) -> list[Key]:
        """Return keys, of one application or of all: those under findings, then new ones, then those that read most."""
        question = (
            "SELECT key, min(acting) AS acting, min(app) AS app, min(client) AS client, min(kind) AS kind,"
            f" {_SUMS} FROM pairs WHERE ?1 IS NULL OR acting = ?1 GROUP BY key ORDER BY {_ORDER}, key LIMIT ?2"
        )
        return [self._key(row) for row in list(self._store.ask(question, (acting, most)))]

    def _key(self, row: Answer) -> Key:
        tokens, explained = self._tokens("acting = ? AND key = ?", (row["acting"], row["key"]))
        names = (row["key"], row["acting"], row["app"], row["client"], row["kind"])
        return Key(*names, tokens, explained, _counts(row))

    def _tokens(self, where: str, values: tuple[str, ...]) -> tuple[int, int]:
        """Return the number of distinct token ids, and of those that are explained."""
        (row,) = self._store.ask(
            f"SELECT count(DISTINCT token), count(DISTINCT issued.token) FROM tokens LEFT JOIN issued USING (token)"
            f" WHERE {where}",
            values,
        )
        return int(row[0]), int(row[1])

    def mailboxes(self, most: int, acting: str | None = None) -> list[Mailbox]:
        """Return mailboxes, of one application or of all, in the same order."""
        question = (
            f"SELECT mailbox, max(owner) AS owner, {_SUMS} FROM pairs WHERE ?1 IS NULL OR acting = ?1"
            f" GROUP BY mailbox ORDER BY {_ORDER}, mailbox LIMIT ?2"
        )
        rows = self._store.ask(question, (acting, most))
        return [Mailbox(row["mailbox"], row["owner"], _counts(row)) for row in rows]

    def cells(self, key: str, mailboxes: Sequence[str]) -> dict[str, Counts]:
        """Return what one key read in some mailboxes, by mailbox."""
        places = ", ".join("?" * len(mailboxes))
        question = f"SELECT mailbox, {_SUMS} FROM pairs WHERE key = ? AND mailbox IN ({places}) GROUP BY mailbox"
        return {row["mailbox"]: _counts(row) for row in self._store.ask(question, (key, *mailboxes))}

    def applications(self, most: int) -> list[Application]:
        """Return acting applications, in the same order."""
        question = (
            f"SELECT acting, count(DISTINCT key) AS keys, count(DISTINCT mailbox) AS mailboxes, {_SUMS} FROM pairs"
            f" GROUP BY acting ORDER BY {_ORDER}, acting LIMIT ?"
        )
        return [self._application(row) for row in list(self._store.ask(question, (most,)))]

    def _application(self, row: Answer) -> Application:
        acting = row["acting"]
        (found,) = self._store.ask("SELECT count(DISTINCT network) FROM addresses WHERE acting = ?", (acting,))
        tokens = self._tokens("acting = ?", (acting,))
        return Application(acting, row["keys"], row["mailboxes"], found[0], *tokens, _counts(row))

    def networks(self, acting: str, most: int) -> list[Network]:
        """Return the networks that an application read from, most records first."""
        question = (
            "SELECT network, count(*) AS addresses, sum(records) AS records FROM addresses WHERE acting = ?"
            " GROUP BY network ORDER BY sum(records) DESC, network LIMIT ?"
        )
        return [Network(*row) for row in self._store.ask(question, (acting, most))]

    def items(self, most: int = -1, *, marked_first: bool = False) -> Iterator[ReadItem]:
        """Yield what was read, by mailbox, application, folder and item; or what findings stand on before the rest."""
        order = "items.marked DESC, new_key(key) DESC," if marked_first else ""
        question = (
            "SELECT items.*, pairs.owner, pairs.app, pairs.client, pairs.kind, boxes.*"
            " FROM items JOIN pairs USING (key, mailbox) JOIN (SELECT mailbox AS box, sum(sync) AS box_sync,"
            " sum(unnamed) AS box_unnamed, min(throttled_first) AS box_first, max(throttled_last) AS box_last"
            " FROM pairs GROUP BY mailbox) AS boxes ON boxes.box = mailbox"
            f" ORDER BY {order} mailbox, key, how, folder, message, item LIMIT ?"
        )
        for row in self._store.ask(question, (most,)):
            yield ReadItem(
                mailbox=row["mailbox"],
                owner=row["owner"],
                app=row["app"],
                client=row["client"],
                kind=row["kind"],
                how=row["how"],
                folder=row["folder"],
                message_id=row["message"],
                item_id=row["item"],
                size=row["size"],
                items=row["items"],
                first=_moment(row["first"]),
                last=_moment(row["last"]),
                records=row["records"],
                marked=bool(row["marked"]),
                holes=Holes(row["box_sync"], row["box_unnamed"], _when(row["box_first"]), _when(row["box_last"])),
            )

    def hours(self) -> dict[int, int]:
        """Return the number of reads by hour, hours counted from 1970."""
        return {row["hour"]: row["records"] for row in self._store.ask("SELECT hour, records FROM hours ORDER BY hour")}


def _counts(row: Answer) -> Counts:
    numbers = {name: int(row[name] or 0) for name in ("records", "items", "bind", "sync", "attachment", "failed")}
    return Counts(
        first=_moment(row["first"] or 0),
        last=_moment(row["last"] or 0),
        **numbers,
        unnamed=int(row["unnamed"] or 0),
        throttled=int(row["throttled"] or 0),
        throttled_first=_when(row["throttled_first"]),
        throttled_last=_when(row["throttled_last"]),
        marked=bool(row["marked"]),
        new=bool(row["new"]),
        new_there=bool(row["new_there"]),
    )


def _moment(seconds: int) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def _when(seconds: int | None) -> datetime | None:
    return None if seconds is None else _moment(seconds)
