"""Judges batches of random rules in all readers, and cuts what they disagree about down to its core."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field

from unissued.convert import Query, convert
from unissued.errors import PackError, UnsupportedError
from unissued.pack import TARGETS, Document, Pack, Rule, load_catalogue, pack_of
from unissued.verify.agreement import Comparison, Stream, compare
from unissued.verify.draw import Drawn, draw_batch
from unissued.verify.readers import Reader
from unissued.verify.shipped import binder_of, readers_of
from unissued.verify.shrink import Core, shrink

_QUOTED = re.compile(r"'[^']*'|`[^`]*`|\"[^\"]*\"")
_NUMBER = re.compile(r"(?<![A-Za-z0-9])-?[0-9][0-9.:/]*(?![A-Za-z0-9])")
_FIELD = re.compile(r"\bfield (?:\S+, )*[^\s;]+")


@dataclass(frozen=True)
class Disagreement:
    """A rule and records on which a query says something else than the evaluator."""

    batch: int
    rule: str
    target: str
    said: tuple[str, ...]
    """What only one of the two says, a line each."""
    core: Core
    """The smallest rule and records found that still show it."""
    verdicts: tuple[tuple[str, str], ...]
    """Of every reader on the core: what it is, and what it says."""


@dataclass
class Judged:
    """What one batch of random rules showed."""

    batch: int
    compared: list[tuple[str, ...]] = field(default_factory=list)
    """For each rule that every kind of reader took: the targets in which it was executed."""
    fired: int = 0
    """How many of these matched something."""
    kinds: Counter[str] = field(default_factory=Counter)
    """Type of rule -> how many of these."""
    refused: Counter[str] = field(default_factory=Counter)
    """Why rules were refused -> how many."""
    disagreements: list[Disagreement] = field(default_factory=list)
    not_executed: list[str] = field(default_factory=list)


def judge_batch(seed: int, number: int, targets: Sequence[str]) -> Judged:
    """Judge one batch.

    A rule counts when one of the asked Kusto targets and, where it is asked for, Splunk can say it. Which Kusto target
    is tried first alternates.
    """
    batch = draw_batch(load_catalogue(), seed, number)
    judged = Judged(number, refused=Counter(map(shape_of, batch.refused.elements())))
    stream = Stream(batch.records, batch.given)
    for turn, drawn in enumerate(batch.drawn):
        queries = _queries(drawn, targets, turn, judged)
        if queries:
            _judge(judged, drawn, queries, stream)
    return judged


def shape_of(problem: str) -> str:
    """Return the kind of a problem: what it says without names and numbers."""
    return _FIELD.sub("a field", _NUMBER.sub("N", _QUOTED.sub("'…'", problem)))[:100]


def _queries(drawn: Drawn, targets: Sequence[str], turn: int, judged: Judged) -> list[Query]:
    kusto = [target for target in TARGETS if target in targets and target != "splunk"]
    kusto = kusto[turn % 2 :] + kusto[: turn % 2] if len(kusto) > 1 else kusto
    found: list[Query] = []
    for group in (kusto, ["splunk"] if "splunk" in targets else []):
        problems: list[str] = []
        for target in group:
            try:
                found.append(convert(drawn.pack, drawn.rule, target))
                break
            except UnsupportedError as error:
                problems.append(f"{target}: {error.problems[0].problem}")
        else:
            if group:
                judged.refused.update(shape_of(problem) for problem in problems)
                return []
    return found


def _judge(judged: Judged, drawn: Drawn, queries: Sequence[Query], stream: Stream) -> None:
    fired = False
    for query in queries:
        if query.target != "splunk":
            problems = binder_of(query.target).bind(query.query).problems
            if problems:
                judged.not_executed.append(f"{drawn.rule.name} does not bind in {query.target}: {problems[0]}")
        for reading, reader in readers_of(query.target):
            try:
                comparison = compare(reader, drawn.pack, drawn.rule, query, stream)
            except UnsupportedError as error:
                judged.not_executed.append(f"{drawn.rule.name} in {query.target}: {reading}{error}")
                continue
            fired = fired or bool(comparison.evaluator.rows)
            if not comparison.agrees:
                judged.disagreements.append(
                    _disagreement(judged.batch, drawn, query.target, reader, comparison, stream)
                )
    judged.compared.append(tuple(query.target for query in queries))
    judged.fired += fired
    judged.kinds[_kind(drawn.rule)] += 1


def _kind(rule: Rule) -> str:
    if not rule.is_correlation:
        return "detection"
    return "a and not b" if rule.is_absence else rule.correlation().type.name.lower()


def _disagreement(
    batch: int, drawn: Drawn, target: str, reader: Reader, comparison: Comparison, stream: Stream
) -> Disagreement:
    def differs(pack: Pack, rule: Rule, smaller: Stream) -> bool:
        try:
            return not compare(reader, pack, rule, convert(pack, rule, target), smaller).agrees
        except PackError:
            return False

    core = shrink(drawn, stream, differs)
    return Disagreement(batch, drawn.rule.name, target, tuple(comparison.differences()), core, _verdicts(core, stream))


def _verdicts(core: Core, stream: Stream) -> tuple[tuple[str, str], ...]:
    """Return what each reader says about a counterexample, the evaluator first."""
    pack = pack_of(Document("drawn", one, {}) for one in core.documents)
    rule = pack.rule(str(core.documents[-1]["name"]))
    smaller = Stream(core.records, stream.given)
    said: dict[str, str] = {"evaluator": ""}
    for target in TARGETS:
        for reading, reader in readers_of(target):
            name = f"{target}, {reading.rstrip(': ')}" if reading else target
            try:
                comparison = compare(reader, pack, rule, convert(pack, rule, target), smaller)
            except UnsupportedError as error:
                said[name] = f"not said: {error.problems[0].problem}"
            else:
                said[name] = comparison.query.said()
                said["evaluator"] = said["evaluator"] or comparison.evaluator.said()
    return tuple(said.items())
