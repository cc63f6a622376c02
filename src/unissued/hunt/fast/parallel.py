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
from unissued.logs.opening import Stop, StoppedError
from unissued.logs.part import PartReader
from unissued.logs.piecewise import LineBooks
from unissued.logs.places import Place
from unissued.logs.reading import Steps

LEAST = 8 << 20
"""Bytes of a part below which another process does not pay."""
_PARTS = 1
"""Parts for each process: every part learns anew what its lines look like."""

Scanned = Callable[[Place, int, Store], LineBooks]
"""Adds the rows of a file, whose report will have an index, to the store and returns its account."""


@dataclass
class _Work:
    """What forked processes find in their memory."""

    scanner: Scanner
    folder: str
    done: Any
    """Bytes that all of them have read."""
    stopped: Any
    """Not 0 when the user wants no more."""
    stop: Stop | None
    """What is asked for that; Ctrl-C in a terminal reaches every process."""


_work: _Work | None = None
_Read = tuple[PartReader, bool, int, list[Kind], str]
"""The account of a part, whether it ended early, its lines, the kinds that its rows name, and the file of the rows."""


@contextmanager
def scanning(scanner: Scanner, files: Sequence[Place], jobs: int, steps: Steps, stop: Stop | None) -> Iterator[Scanned]:
    """Give what reads the files: here and now when one process is asked for, else others that have begun at once."""
    total = sum(place.size for place in files)
    if jobs < 2 or total < 2 * LEAST or "fork" not in multiprocessing.get_all_start_methods():
        yield lambda place, index, store: _here(scanner, Part(place, index, 0, place.size), store, steps, stop)
        return
    global _work  # forked processes inherit it; compiled rules cannot be sent to them
    size = max(LEAST, total // (_PARTS * jobs))
    context = multiprocessing.get_context("fork")
    with tempfile.TemporaryDirectory(prefix="unissued-") as folder:
        _work = _Work(scanner, folder, context.Value("q", 0), context.Value("b", 0), stop)
        with ProcessPoolExecutor(jobs, context) as pool:
            futures = {id(place): [pool.submit(_scan, part) for part in parts_of(place, size)] for place in files}

            def scanned(place: Place, index: int, store: Store) -> LineBooks:
                books = LineBooks(place, index, scanner.names)
                _collect(books, scanner, futures[id(place)], store, steps, stop)
                return books

            try:
                yield scanned
            finally:
                _work.stopped.value = 1  # nobody wants what is not read yet
                pool.shutdown(cancel_futures=True)
                _work = None


def parts_of(place: Place, size: int) -> list[Part]:
    """Cut a file into parts of about a size."""
    count = max(1, round(place.size / size))
    bounds = [place.size * number // count for number in range(count + 1)]
    return [Part(place, 0, start, end) for start, end in pairwise(bounds)]


def _here(scanner: Scanner, part: Part, store: Store, steps: Steps, stop: Stop | None) -> LineBooks:
    def tick(count: int) -> None:
        steps.advance(count)
        if stop is not None and stop():
            raise StoppedError

    return scanner.scan(part, store.append, tick)[0]


def _scan(part: Part) -> _Read:
    """Read a part in a process of its own."""
    assert _work is not None  # noqa: S101 - set before the process was forked
    done, stopped, stop = _work.done, _work.stopped, _work.stop

    def tick(count: int) -> None:
        with done.get_lock():
            done.value += count
        if stopped.value or (stop is not None and stop()):
            raise StoppedError

    handle, name = tempfile.mkstemp(dir=_work.folder)
    with os.fdopen(handle, "wb") as rows:
        books, lines = _work.scanner.scan(part, rows.write, tick)
    return books.reader, books.is_interrupted, lines, list(_work.scanner.judge.kinds.known), name


def _collect(
    books: LineBooks,
    scanner: Scanner,
    futures: Sequence[Future[_Read]],
    store: Store,
    steps: Steps,
    stop: Stop | None,
) -> None:
    """Wait for the parts of a file and put them together."""
    assert _work is not None  # noqa: S101 - the processes are running
    while wait(futures, timeout=0.2).not_done:
        steps.stand(_work.done.value)
        if stop is not None and stop():
            _work.stopped.value = 1
    lines_before = 0
    for future in futures:
        reader, ended_early, lines, kinds, name = future.result()
        numbers = np.array([scanner.judge.kinds.number(kind) for kind in kinds] or [0], np.uint32)
        store.add_file(Path(name), numbers, books.index, lines_before)
        Path(name).unlink()
        books.add(reader, lines_before)
        lines_before += lines
        if ended_early:
            books.interrupt()
            return  # on which lines the later parts begin is not known
