"""Removes duplicates as ``logs.merge`` does: rows of equal ids, or of equal content, are looked at again."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from unissued.hunt.fast.rows import EXTRA, Rows, Store
from unissued.hunt.fast.runs import Marks, Runs, starts_of
from unissued.logs.merge import Dated, Merged, merge
from unissued.logs.naming import Names

_ENTRY = np.dtype([("key", "<u8"), ("row", "<i8")])

Raw = Callable[[Rows], bytes]
"""Returns the line of a row, and for a record in memory something that is equal to no other."""
Again = Callable[[Rows], Dated]
"""Reads the record of a row again."""


class Settled:
    """Which rows stay."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._dropped = Marks(store.count)
        self.notes: list[Merged] = []

    def drop(self, numbers: Sequence[int]) -> None:
        """Drop rows and the further rows of the same records."""
        if numbers:
            self._dropped.set(np.array(numbers, np.int64))

    def chunks(self) -> Iterator[tuple[Rows, Rows]]:
        """Yield what stays in pieces: the numbers of the rows, and the rows."""
        before = False
        for first, rows in self._store.chunks():
            dropped = self._dropped.of(first, len(rows))
            # A further row goes the way of the row that it belongs to.
            lead = np.where(rows["item"] & EXTRA, -1, np.arange(len(rows)))
            lead = np.maximum.accumulate(lead)
            dropped = np.where(lead >= 0, dropped[np.maximum(lead, 0)], before)
            before = bool(dropped[-1])
            kept = np.flatnonzero(~dropped)
            yield kept + first, rows[kept]

    def counts(self) -> Counter[tuple[int, bool]]:
        """Count records by file and by whether they stay."""
        found: Counter[tuple[int, bool]] = Counter()
        for first, rows in self._store.chunks():
            leads = (rows["item"] & EXTRA) == 0
            dropped = self._dropped.of(first, len(rows))
            for stays in (True, False):
                for file, count in enumerate(np.bincount(rows["file"][leads & (dropped != stays)])):
                    if count:
                        found[file, stays] += int(count)
        return found


def settle(store: Store, names: Names, raw: Raw, again: Again) -> Settled:
    """Find the rows that tell of an event again."""
    settled = Settled(store)
    runs = Runs(_ENTRY)
    for first, rows in store.chunks():
        leads = np.flatnonzero((rows["item"] & EXTRA) == 0)
        entries = np.empty(len(leads), _ENTRY)
        entries["key"], entries["row"] = rows["ident"][leads], leads + first
        runs.add(entries)
    unclear: list[int] = []
    for entries in runs.groups():
        for group in _repeated(entries):
            unclear += _without_copies(store, group, settled, raw)
    runs.close()
    if unclear:
        unclear.sort()
        merged = merge([again(store.row(number)) for number in unclear], names)
        settled.drop([number for number, stays in zip(unclear, merged.kept, strict=True) if not stays])
        settled.notes.append(merged)
    return settled


def _repeated(entries: Rows) -> Iterator[Rows]:
    starts = starts_of(entries["key"])
    ends = np.append(starts[1:], len(entries))
    for index in np.flatnonzero(ends - starts > 1):
        yield entries["row"][starts[index] : ends[index]]


def _without_copies(store: Store, group: Rows, settled: Settled, raw: Raw) -> list[int]:
    """Drop the lines that are equal byte by byte, and return the rows of the others if there are several."""
    seen: dict[bytes, int] = {}
    copies: list[int] = []
    for number in map(int, group):
        row = store.row(number)
        content = hashlib.blake2b(raw(row) + bytes([int(row["item"]) & 0xFF]), digest_size=16).digest()
        if content in seen:
            copies.append(number)
        else:
            seen[content] = number
    settled.drop(copies)
    return list(seen.values()) if len(seen) > 1 else []
