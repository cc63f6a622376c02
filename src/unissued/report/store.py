"""What is counted about mail reads, in a private temporary SQLite database: memory stays flat, nothing is left out."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterable, Sequence

# SQLite's cache: what does not fit in it goes to a file that has no name and is gone when the database is closed.
_CACHE_KIB = 8192
_PENDING = 5_000
_TABLES = """
CREATE TABLE pairs (
    key TEXT, mailbox TEXT, acting TEXT, app TEXT, client TEXT, kind TEXT, owner TEXT, first INTEGER, last INTEGER,
    records INTEGER, items INTEGER, bind INTEGER, sync INTEGER, attachment INTEGER, failed INTEGER, unnamed INTEGER,
    throttled INTEGER, throttled_first INTEGER, throttled_last INTEGER, marked INTEGER DEFAULT 0,
    PRIMARY KEY (key, mailbox)) WITHOUT ROWID;
CREATE TABLE items (
    mailbox TEXT, key TEXT, how TEXT, folder TEXT, message TEXT, item TEXT, size INTEGER, items INTEGER,
    first INTEGER, last INTEGER, records INTEGER, marked INTEGER DEFAULT 0,
    PRIMARY KEY (mailbox, key, how, folder, message, item)) WITHOUT ROWID;
CREATE TABLE addresses (acting TEXT, network TEXT, address TEXT, records INTEGER,
    PRIMARY KEY (acting, network, address)) WITHOUT ROWID;
CREATE TABLE tokens (acting TEXT, key TEXT, token TEXT, PRIMARY KEY (acting, key, token)) WITHOUT ROWID;
CREATE TABLE issued (token TEXT PRIMARY KEY) WITHOUT ROWID;
CREATE TABLE hours (hour INTEGER PRIMARY KEY, records INTEGER, items INTEGER);
"""
_WRITE = {
    "pairs": """INSERT INTO pairs VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?, ?, ?, 0)
        ON CONFLICT DO UPDATE SET kind = min(kind, excluded.kind), owner = max(owner, excluded.owner),
        first = min(first, excluded.first), last = max(last, excluded.last), records = records + 1,
        items = items + excluded.items, bind = bind + excluded.bind, sync = sync + excluded.sync,
        attachment = attachment + excluded.attachment, failed = failed + excluded.failed,
        unnamed = unnamed + excluded.unnamed, throttled = throttled + excluded.throttled,
        throttled_first = min(coalesce(throttled_first, excluded.throttled_first),
            coalesce(excluded.throttled_first, throttled_first)),
        throttled_last = max(coalesce(throttled_last, excluded.throttled_last),
            coalesce(excluded.throttled_last, throttled_last))""",
    "items": """INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 1, 0)
        ON CONFLICT DO UPDATE SET size = max(coalesce(size, excluded.size), coalesce(excluded.size, size)),
        items = items + excluded.items, first = min(first, excluded.first), last = max(last, excluded.last),
        records = records + 1""",
    "addresses": "INSERT INTO addresses VALUES (?, ?, ?, 1) ON CONFLICT DO UPDATE SET records = records + 1",
    "tokens": "INSERT OR IGNORE INTO tokens VALUES (?, ?, ?)",
    "issued": "INSERT OR IGNORE INTO issued VALUES (?)",
    "hours": """INSERT INTO hours VALUES (?, 1, ?)
        ON CONFLICT DO UPDATE SET records = records + 1, items = items + excluded.items""",
    "mark pairs": "UPDATE pairs SET marked = 1 WHERE key = ? AND mailbox = ?",
    "mark items": """UPDATE items SET marked = 1
        WHERE mailbox = ? AND key = ? AND how = ? AND folder = ? AND message = ? AND item = ?""",
}


class Store:
    """Rows on their way into the database, and questions to it."""

    def __init__(self) -> None:
        self._pending: dict[str, list[Sequence[object]]] = {name: [] for name in _WRITE}
        self._number = 0
        self._database = sqlite3.connect("", isolation_level=None)  # no name: private, on disk, temporary
        self._database.execute(f"PRAGMA cache_size = -{_CACHE_KIB}")
        self._database.execute("PRAGMA journal_mode = OFF")
        self._database.executescript(_TABLES)
        self._database.execute("BEGIN")

    def close(self) -> None:
        """Give the disk space back."""
        self._database.close()

    def put(self, table: str, row: Sequence[object]) -> None:
        """Take a row; it is written with others."""
        self._pending[table].append(row)
        self._number += 1
        if self._number >= _PENDING:
            self.flush()

    def flush(self) -> None:
        """Write what is pending."""
        for name, rows in self._pending.items():
            self._database.executemany(_WRITE[name], rows)
            rows.clear()
        self._number = 0

    def function(self, name: str, arguments: int, body: Callable[..., int]) -> None:
        """Let questions call a function."""
        self._database.create_function(name, arguments, body, deterministic=True)

    def ask(self, question: str, values: Sequence[object] = ()) -> Iterable[sqlite3.Row]:
        """Return the rows that answer a question, one at a time, columns by name."""
        self.flush()
        cursor = self._database.cursor()
        cursor.row_factory = sqlite3.Row
        return cursor.execute(question, values)
