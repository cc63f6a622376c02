"""What is kept of a record that was read: a row of fixed size on disk, by which it can be found and read again."""

from __future__ import annotations

import struct
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np

KEYS = 12
"""Key columns of a row: what correlations group by and count, as hashes; 0 where there is no value."""
EXTRA = 1 << 15
"""Set in ``item`` of the further rows of a record with several values for a key: they do not count as records."""
HELD = 0
"""In ``size``: the record is kept in memory, and ``place`` is its number there."""
CHUNK = 1 << 13
"""Rows that are looked at together."""

ROW = np.dtype(
    [
        ("ident", "<u8"),
        ("place", "<u8"),
        ("size", "<u4"),
        ("line", "<u4"),
        ("file", "<u2"),
        ("item", "<u2"),
        ("kind", "<u4"),
        ("time", "<i8"),
        ("ingested", "<i8"),
        ("number", "<i8"),
        ("keys", "<u8", (KEYS,)),
        ("said", "<u8"),
        ("said_too", "<u8"),
    ]
)
OWN_KEYS = 2
"""Key columns at the beginning that most records have values of their own for."""
pack_head = struct.Struct(f"<QQIIHHIqqq{OWN_KEYS}Q").pack
pack_tail = struct.Struct(f"<{KEYS - OWN_KEYS + 2}Q").pack
Rows = np.ndarray[Any, np.dtype[Any]]


class Kind(NamedTuple):
    """What all records of one kind have in common, as far as anybody asks."""

    source: str
    table: str
    hits: frozenset[str]
    """Detections that fire on them."""
    is_read: bool
    """Whether they are successful mail reads."""
    is_throttled: bool
    has_token: bool
    """Whether they carry a well-shaped token id."""
    client_kind: str
    mail_app_key: str


def hash_of(value: object) -> int:
    """Return a hash of a value that is never 0. Equal in one process and those that were forked from it."""
    return hash(value) & 0xFFFFFFFFFFFFFFFF or 1


@dataclass
class Kinds:
    """Numbers the kinds."""

    known: dict[Kind, int] = field(default_factory=dict)

    def number(self, kind: Kind) -> int:
        """Return the number of a kind."""
        return self.known.setdefault(kind, len(self.known))


def _temporary() -> IO[bytes]:
    return tempfile.TemporaryFile(prefix="unissued-")


@dataclass
class Store:
    """Rows of the whole input, in one temporary file that nobody else sees."""

    _file: IO[bytes] = field(default_factory=_temporary)
    count: int = 0

    def append(self, data: bytes) -> None:
        """Add rows."""
        self._file.write(data)
        self.count += len(data) // ROW.itemsize

    def add_file(self, path: Path, kinds: Rows, file: int, lines_before: int) -> None:
        """Add rows that another process wrote: its kinds are numbered anew, its lines counted from the file's start."""
        with path.open("rb") as source:
            while data := source.read(CHUNK * ROW.itemsize):
                rows = np.frombuffer(bytearray(data), ROW)
                rows["kind"] = kinds[rows["kind"]]
                rows["line"] += np.uint32(lines_before)
                rows["file"] = file
                self.append(rows.tobytes())

    def chunks(self) -> Iterator[tuple[int, Rows]]:
        """Yield the rows in pieces, with the number of the first."""
        self._file.flush()
        for first in range(0, self.count, CHUNK):
            self._file.seek(first * ROW.itemsize)
            data = self._file.read(min(CHUNK, self.count - first) * ROW.itemsize)
            yield first, np.frombuffer(data, ROW)
        self._file.seek(0, 2)

    def row(self, number: int) -> Rows:
        """Return one row."""
        self._file.seek(number * ROW.itemsize)
        found: Rows = np.frombuffer(self._file.read(ROW.itemsize), ROW)[0]
        self._file.seek(0, 2)
        return found

    def close(self) -> None:
        """Forget everything."""
        self._file.close()
