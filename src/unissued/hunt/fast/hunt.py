"""One hunt with the fast engine."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from unissued.evaluate import Given
from unissued.hunt.fast.engine import Engine
from unissued.hunt.hunt import Hunt, names_of, report
from unissued.logs import DateOrder, SourceMap
from unissued.logs.opening import Stop
from unissued.logs.reading import Progress
from unissued.pack.load import Pack


def fast_hunt(
    pack: Pack,
    paths: Sequence[Path],
    sources: SourceMap,
    lists: Mapping[str, frozenset[str]],
    *,
    only: Collection[str] | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    jobs: int = 1,
    date_order: DateOrder | None = None,
    progress: Progress | None = None,
    stop: Stop | None = None,
) -> Hunt:
    """Read and judge at once; arguments and result as of ``logs.read`` and ``hunt``.

    ``reading.records`` are only the records that matter to a rule.

    Raises:
        NotFastError: the input or the rules need the reference.
        LogError: a path does not exist, or a file that was named is no log.
    """
    names = names_of(pack, only)
    found = Engine(pack, sources, Given(lists=lists, measured=True), names, jobs, date_order, stop).run(paths, progress)
    return report(pack, found.reading, lists, found.outcomes, found.health, names, since, until)
