"""Which engine hunts: the fast one where it applies, else the reference. Both find the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from unissued.errors import UnsupportedError
from unissued.hunt.hunt import Hunt, hunt
from unissued.logs import DateOrder, read, source_map
from unissued.pack.load import Pack

Engine = Literal["auto", "fast", "reference"]
_MOST_JOBS = 8


@dataclass(frozen=True)
class Question:
    """What is hunted with, and for when; see ``hunt``."""

    pack: Pack
    lists: Mapping[str, frozenset[str]]
    only: Collection[str] | None = None
    since: datetime | None = None
    until: datetime | None = None


def search(
    question: Question,
    paths: Sequence[Path],
    engine: Engine = "auto",
    jobs: int | None = None,
    date_order: DateOrder | None = None,
    progress: Callable[[int, int], None] | None = None,
) -> Hunt:
    """Read logs and judge them.

    Args:
        question: rules, lists and times.
        paths: files and folders.
        engine: ``auto`` takes the fast one where it applies.
        jobs: processes that read; by default one for each processor, eight at most.
        date_order: see ``logs.read``.
        progress: called with the bytes read and in all.

    Raises:
        UnsupportedError: the fast engine was asked for and does not apply.
        LogError: a path does not exist, or a file that was named is no log.
    """
    why = ""
    if engine != "reference":
        try:
            found = _fast(question, paths, jobs or min(_MOST_JOBS, os.cpu_count() or 1), progress)
        except _NotNowError as error:
            why = str(error)
        else:
            return found
    if engine == "fast":
        raise UnsupportedError.at("--engine fast", f"does not apply: {why}", "leave the option out")
    reading = read(tuple(paths), source_map(question.pack.catalogue), date_order=date_order, progress=progress)
    return hunt(question.pack, reading, question.lists, only=question.only, since=question.since, until=question.until)


class _NotNowError(Exception):
    """Why the fast engine does not apply."""


def _fast(question: Question, paths: Sequence[Path], jobs: int, progress: Callable[[int, int], None] | None) -> Hunt:
    try:
        from unissued.hunt.fast import NotFastError, fast_hunt  # its libraries are an extra
    except ImportError as error:
        raise _NotNowError(f"{error.name} is not installed: pip install 'unissued[fast]'") from error
    sources = source_map(question.pack.catalogue)
    try:
        return fast_hunt(
            question.pack,
            paths,
            sources,
            question.lists,
            only=question.only,
            since=question.since,
            until=question.until,
            jobs=jobs,
            progress=progress,
        )
    except NotFastError as error:
        raise _NotNowError(str(error)) from error
