"""Sorted runs: entries by key, in memory up to a budget and on disk past it, given back with equal keys together."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from typing import IO, Any

import numpy as np

Entries = np.ndarray[Any, np.dtype[Any]]

BUDGET = 1 << 14
"""Entries that stay in memory."""
_PARTS = 256


class Runs:
    """Entries of one type that has a field ``key``: a hash, so that its last bits divide the entries evenly."""

    def __init__(self, dtype: np.dtype[Any]) -> None:
        self._dtype = dtype
        self._waiting: list[Entries] = []
        self._in_memory = 0
        self._file: IO[bytes] | None = None
        self._bounds: list[tuple[int, Entries]] = []
        """Of every run on disk: where it begins, and the bounds of its parts."""

    def add(self, entries: Entries) -> None:
        """Add entries in any order."""
        if not len(entries):
            return
        self._waiting.append(entries)
        self._in_memory += len(entries)
        if self._in_memory > BUDGET:
            self._spill()

    def _spill(self) -> None:
        whole = np.concatenate(self._waiting)
        part = whole["key"] % _PARTS
        order = np.argsort(part, kind="stable")
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="unissued-")  # noqa: SIM115 - lives as long as the runs
        begin = self._file.tell()
        self._file.write(whole[order].tobytes())
        self._bounds.append((begin, np.searchsorted(part[order], np.arange(_PARTS + 1))))
        self._waiting.clear()
        self._in_memory = 0

    def groups(self) -> Iterator[Entries]:
        """Yield all entries, sorted by key and otherwise in the order in which they came; equal keys together."""
        if self._file is None:
            if self._waiting:
                yield _by_key(np.concatenate(self._waiting))
            return
        if self._waiting:
            self._spill()
        for part in range(_PARTS):
            pieces = [self._piece(begin, bounds, part) for begin, bounds in self._bounds]
            entries = np.concatenate(pieces)
            if len(entries):
                yield _by_key(entries)

    def _piece(self, begin: int, bounds: Entries, part: int) -> Entries:
        assert self._file is not None  # noqa: S101 - the bounds are of runs in it
        first, last = int(bounds[part]), int(bounds[part + 1])
        self._file.seek(begin + first * self._dtype.itemsize)
        return np.frombuffer(self._file.read((last - first) * self._dtype.itemsize), self._dtype)

    def close(self) -> None:
        """Forget everything."""
        self._waiting.clear()
        if self._file is not None:
            self._file.close()


def _by_key(entries: Entries) -> Entries:
    return entries[np.argsort(entries["key"], kind="stable")]


def starts_of(keys: Entries) -> Entries:
    """Return where each key begins in sorted keys."""
    return np.flatnonzero(np.concatenate(([True], keys[1:] != keys[:-1]))) if len(keys) else np.zeros(0, np.int64)


class Marks:
    """A yes or no for every row, a bit each."""

    def __init__(self, count: int) -> None:
        self._bits = np.zeros((count + 7) // 8, np.uint8)

    def set(self, numbers: Entries) -> None:
        """Mark rows."""
        places = numbers.astype(np.int64)
        np.bitwise_or.at(self._bits, places >> 3, (128 >> (places & 7)).astype(np.uint8))

    def of(self, first: int, count: int) -> Entries:
        """Return the marks of some rows as booleans; ``first`` is a multiple of eight."""
        bits = self._bits[first >> 3 : (first + count + 7) >> 3]
        return np.unpackbits(bits)[:count].astype(bool)
