"""One verification: every shipped query on every case, then random rules, on as many processes as wanted."""

from __future__ import annotations

import multiprocessing
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count

from unissued.pack import Pack
from unissued.verify.drawn import Disagreement, Judged, judge_batch
from unissued.verify.shipped import Checked, Project, Status, check_query

Tick = Callable[[str, int, int], None]
"""Told what is being done, how much of it is done, and how much there is."""


@dataclass(frozen=True)
class Wanted:
    """What to verify."""

    rules: tuple[str, ...]
    targets: tuple[str, ...]
    random_rules: int
    seed: int
    processes: int
    scenarios: bool = True
    """Run what correlates on scenarios, too: most of the time of a verification of all rules."""


@dataclass
class RandomPart:
    """What random rules showed, added up in the order of their batches."""

    seed: int
    rules: int = 0
    fired: int = 0
    by_target: Counter[str] = field(default_factory=Counter)
    kinds: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    disagreements: list[Disagreement] = field(default_factory=list)
    not_executed: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Verification:
    """The result."""

    shipped: tuple[Checked, ...]
    random: RandomPart

    @property
    def agrees(self) -> bool:
        """Tell whether everything was executed and nothing differed: what was not executed is no pass."""
        return all(one.agrees for one in self.shipped) and not (self.random.disagreements or self.random.not_executed)

    def problems(self) -> int:
        """Return how many checks differ or were not executed."""
        failed = sum(check.status is not Status.AGREES for one in self.shipped for check in one.checks)
        return failed + len(self.random.disagreements) + len(self.random.not_executed)


def verify(project: Project, pack: Pack, wanted: Wanted, tick: Tick | None = None) -> Verification:
    """Verify what is wanted.

    Args:
        project: where rules, fixtures and generated files lie.
        pack: the project's rules.
        wanted: what to verify.
        tick: told about progress.
    """
    tick = tick or (lambda *_: None)
    tasks = [
        (rule.name, target)
        for target in wanted.targets
        for rule in pack.rules.values()
        if rule.level and (not wanted.rules or rule.name in wanted.rules)
    ]
    # The longest first, so that no process is left with them at the end.
    order = sorted(tasks, key=lambda task: not pack.rule(task[0]).is_absence)
    with _pool(wanted.processes) as submit:
        check = partial(check_query, scenarios=wanted.scenarios)
        pending = {task: submit(check, project, *task) for task in order}
        shipped = []
        for done, task in enumerate(tasks, start=1):
            shipped.append(pending[task].result())
            tick("shipped queries", done, len(tasks))
        random = _random(wanted, submit, tick)
    return Verification(tuple(shipped), random)


def _random(wanted: Wanted, submit: Callable[..., Future[Judged]], tick: Tick) -> RandomPart:
    part = RandomPart(wanted.seed)
    if not wanted.random_rules:
        return part
    numbers = count()
    ahead = [
        submit(judge_batch, wanted.seed, next(numbers), wanted.targets) for _ in range(2 * max(1, wanted.processes))
    ]
    while part.rules < wanted.random_rules:
        judged = ahead.pop(0).result()
        _add(part, judged)
        tick("random rules", part.rules, wanted.random_rules)
        ahead.append(submit(judge_batch, wanted.seed, next(numbers), wanted.targets))
    for future in ahead:
        future.cancel()
    return part


def _add(part: RandomPart, judged: Judged) -> None:
    """Add a batch. The last one may bring more rules than were asked for: they count too, nothing is thrown away."""
    part.rules += len(judged.compared)
    part.fired += judged.fired
    part.by_target.update(target for targets in judged.compared for target in targets)
    part.kinds += judged.kinds
    part.refused += judged.refused
    part.disagreements += judged.disagreements
    part.not_executed += judged.not_executed


@contextmanager
def _pool(processes: int) -> Iterator[Callable[..., Future]]:  # type: ignore[type-arg]
    """Yield what takes a function and its arguments: to other processes, or done here and now for one process."""
    if processes <= 1:
        yield _here
        return
    # The binder's runtime does not survive a fork.
    context = multiprocessing.get_context("spawn")
    executor = ProcessPoolExecutor(processes, mp_context=context)
    try:
        yield executor.submit
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _here(function: Callable[..., object], *arguments: object) -> Future[object]:
    future: Future[object] = Future()
    future.set_result(function(*arguments))
    return future
