"""Which engine hunts: the fast one where it applies, else the reference. Both find the same."""

from __future__ import annotations

import os
from collections.abc import Callable, Collection, Mapping, Sequence
from concurrent.futures import BrokenExecutor
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Literal

from unissued.errors import UnsupportedError
from unissued.hunt.hunt import Hunt, hunt
from unissued.logs import DateOrder, RefusedFile, read, source_map
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


@dataclass(frozen=True)
class Way:
    """How to read and judge."""

    engine: Engine = "auto"
    """``auto`` takes the fast one where it applies."""
    jobs: int | None = None
    """Processes that read; by default one for each processor, eight at most."""
    date_order: DateOrder | None = None
    """See ``logs.read``."""
    refused: RefusedFile | None = None
    """Takes every refused record; only the reference has their text."""
    every_record: bool = False
    """Whether the result must hold every record that is used; only that of the reference does."""

    @property
    def obstacle(self) -> str:
        """What is asked for that the fast engine does not have."""
        if self.every_record:
            return "it does not keep who read what (html, markdown, --items)"
        return "it does not keep the text of refused records (--refused)" if self.refused is not None else ""


class NotNowError(Exception):
    """Why the fast engine does not apply."""


def search(
    question: Question,
    paths: Sequence[Path],
    way: Way,
    progress: Callable[[int, int], None] | None = None,
    stop: Callable[[], bool] | None = None,
    tell: Callable[[str], None] = lambda _said: None,
) -> Hunt:
    """Read logs and judge them.

    Args:
        question: rules, lists and times.
        paths: files and folders.
        way: which engine, and what it is to keep.
        progress: called with the bytes read and in all.
        stop: asked now and then; from when it says so, nothing more is read.
        tell: takes a sentence where something went wrong that costs nothing but time.

    Raises:
        UnsupportedError: the fast engine was asked for and does not apply.
        LogError: a path does not exist, or no log is in any file.
    """
    if way.engine != "reference":
        try:
            return _fast(question, paths, way, progress, stop)
        except NotNowError as error:
            if way.engine == "fast":
                why = f"does not apply: {error}"
                raise UnsupportedError.at("--engine fast", why, "leave the option out") from error
        except (OSError, BrokenExecutor) as error:  # a full disk, a worker that was killed
            if way.engine == "fast":
                raise
            tell(f"the fast engine failed ({error}): the reference reads everything again")
    sources = source_map(question.pack.catalogue)
    reading = read(tuple(paths), sources, date_order=way.date_order, progress=progress, refused=way.refused, stop=stop)
    return hunt(question.pack, reading, question.lists, only=question.only, since=question.since, until=question.until)


def _fast(
    question: Question,
    paths: Sequence[Path],
    way: Way,
    progress: Callable[[int, int], None] | None,
    stop: Callable[[], bool] | None,
) -> Hunt:
    if way.obstacle:
        raise NotNowError(way.obstacle)
    try:
        from unissued.hunt.fast import NotFastError, fast_hunt  # its libraries are an extra
    except ImportError as error:
        raise NotNowError(f"{error.name} is not installed: pip install 'unissued[fast]'") from error
    try:
        return fast_hunt(
            question.pack,
            paths,
            source_map(question.pack.catalogue),
            question.lists,
            only=question.only,
            since=question.since,
            until=question.until,
            jobs=way.jobs or min(_MOST_JOBS, os.cpu_count() or 1),
            date_order=way.date_order,
            progress=progress,
            stop=stop,
        )
    except NotFastError as error:
        raise NotNowError(str(error)) from error
