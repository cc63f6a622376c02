"""Reads files of JSON Lines in several processes: whole files, and parts of large ones."""

from __future__ import annotations

import multiprocessing
import os
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from unissued.hunt.fast.rows import Kind, Store
from unissued.hunt.fast.scan import Part, Scanner
from unissued.logs.piecewise import LineBooks, Place, Steps, Totals

LEAST = 8 << 20
"""Bytes of a part below which another process does not pay."""
_PARTS = 1
"""Parts for each process: every part learns anew what its lines look like."""

Scanned = Callable[[int, Store], LineBooks]
"""Adds the rows of the file with an index to the store and returns its account."""


@dataclass
class _Work:
    """What forked processes find in their memory."""

    scanner: Scanner
    folder: str
    done: Any
    """Bytes that all of them have read."""


_work: _Work | None = None
_Read = tuple[Totals, int, list[Kind], str]
"""The account of a part, its lines, the kinds that its rows name, and the file of these rows."""


@contextmanager
def scanning(scanner: Scanner, files: Sequence[tuple[Place, int]], jobs: int, steps: Steps) -> Iterator[Scanned]:
    """Give what reads the files: here and now when one process is asked for, else others that have begun at once."""
    total = sum(place.size for place, _ in files)
    if jobs < 2 or total < 2 * LEAST or "fork" not in multiprocessing.get_all_start_methods():
        places = {index: place for place, index in files}
        yield lambda index, store: _here(scanner, places[index], index, store, steps)
        return
    global _work  # forked processes inherit it; compiled rules cannot be sent to them
    parts = {index: parts_of(place, index, max(LEAST, total // (_PARTS * jobs))) for place, index in files}
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory(prefix="unissued-") as folder:
        _work = _Work(scanner, folder, context.Value("q", 0))
        with ProcessPoolExecutor(jobs, context) as pool:
            futures = {index: [pool.submit(_scan, part) for part in parts[index]] for _, index in files}
            yield lambda index, store: _elsewhere(scanner, parts[index][0], futures[index], store, steps)
            for future in (one for some in futures.values() for one in some):
                future.cancel()
        _work = None


def parts_of(place: Place, file: int, size: int) -> list[Part]:
    """Cut a file into parts of about a size."""
    count = max(1, round(place.size / size))
    bounds = [place.size * number // count for number in range(count + 1)]
    return [Part(place, file, start, end) for start, end in pairwise(bounds)]


def _here(scanner: Scanner, place: Place, index: int, store: Store, steps: Steps) -> LineBooks:
    return scanner.scan(Part(place, index, 0, place.size), store.append, steps.advance)[0]


def _scan(part: Part) -> _Read:
    """Read a part in a process of its own."""
    assert _work is not None  # noqa: S101 - set before the process was forked
    done = _work.done

    def tick(count: int) -> None:
        with done.get_lock():
            done.value += count

    handle, name = tempfile.mkstemp(dir=_work.folder)
    with os.fdopen(handle, "wb") as rows:
        books, lines = _work.scanner.scan(part, rows.write, tick)
    return books.totals(), lines, list(_work.scanner.judge.kinds.known), name


def _elsewhere(
    scanner: Scanner, first: Part, futures: Sequence[Future[_Read]], store: Store, steps: Steps
) -> LineBooks:
    assert _work is not None  # noqa: S101 - the processes are running
    while wait(futures, timeout=0.2).not_done:
        steps.stand(_work.done.value)
    books = LineBooks(first.place, first.file, scanner.names)
    lines_before = 0
    for future in futures:
        totals, lines, kinds, name = future.result()
        numbers = np.array([scanner.judge.kinds.number(kind) for kind in kinds] or [0], np.uint32)
        store.add_file(Path(name), numbers, first.file, lines_before)
        Path(name).unlink()
        books.add(totals, lines_before)
        lines_before += lines
    return books
