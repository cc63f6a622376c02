"""Checks one shipped query: that it binds or parses, and that it finds on every case what the rule means."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from pathlib import Path

from unissued.convert import Query, convert, path_of
from unissued.engines.binder import Binder
from unissued.engines.spl import Reading, parse
from unissued.errors import PackError, UnsupportedError
from unissued.evaluate import Given
from unissued.logs import read, source_map
from unissued.pack import Pack, Rule, load_catalogue, load_pack
from unissued.tables import schemas
from unissued.verify.agreement import Stream, compare
from unissued.verify.fixtures import Case, load_cases, load_scenarios
from unissued.verify.readers import KqlReader, Reader, SplReader


class Status(StrEnum):
    """What became of one check."""

    AGREES = "agrees"
    DIFFERS = "differs"
    NOT_EXECUTED = "not executed"


@dataclass(frozen=True)
class Check:
    """One thing that was checked about a query."""

    kind: str
    """``fresh``, ``valid``, ``fixture`` or ``scenario``."""
    name: str
    status: Status
    said: tuple[str, ...] = ()
    """What is wrong, a line each; nothing where it agrees."""


@dataclass(frozen=True)
class Checked:
    """A shipped query and everything that was checked about it."""

    rule: str
    target: str
    refused: str = ""
    """Why the target cannot say the rule; then there is no query and nothing was checked."""
    columns: tuple[tuple[str, str], ...] = ()
    """The result's columns and types, as the binder gives them; of a search the columns alone."""
    checks: tuple[Check, ...] = ()

    def count(self, kind: str, status: Status | None = None) -> int:
        """Return how many checks of a kind there were, or how many with a status."""
        return sum(check.kind == kind and status in (None, check.status) for check in self.checks)

    @property
    def agrees(self) -> bool:
        """Tell whether every check did."""
        return all(check.status is Status.AGREES for check in self.checks)


@dataclass(frozen=True)
class Project:
    """Where rules, fixtures and generated files lie."""

    root: Path
    fixtures: Path


def check_query(project: Project, name: str, target: str, *, all_cases: bool = True, scenarios: bool = True) -> Checked:
    """Check the query that the project ships for a rule and a target: the file, not what a build would write now.

    Args:
        project: where things lie.
        name: of the rule.
        target: of the query.
        all_cases: go on after the first case that does not agree.
        scenarios: run what correlates on scenarios, too, which takes most of the time; other rules always are.
    """
    pack = _pack(project.root)
    rule = pack.rule(name)
    try:
        built = convert(pack, rule, target)
    except UnsupportedError as error:
        return Checked(name, target, refused="; ".join(problem.problem for problem in error.problems))
    path = project.root / path_of(name, target)
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        missing = Check("fresh", path_of(name, target), Status.DIFFERS, ("the file cannot be read: run the build",))
        return Checked(name, target, checks=(missing,))
    fresh = () if text == built.text else (f"{path_of(name, target)} is not what the build writes",)
    # What is packaged is the query without the comment above it; a stale file is executed as it is.
    query = replace(built, text=text, query=text.removeprefix(built.text.removesuffix(built.query)))
    valid, columns = validity(query)
    checks = [Check("fresh", path_of(name, target), _status(fresh), fresh), valid]
    for check in _executed(project, pack, rule, query, scenarios=scenarios):
        checks.append(check)
        if check.status is not Status.AGREES and not all_cases:
            break
    return Checked(name, target, columns=columns, checks=tuple(checks))


def _status(said: tuple[str, ...]) -> Status:
    return Status.DIFFERS if said else Status.AGREES


def validity(query: Query) -> tuple[Check, tuple[tuple[str, str], ...]]:
    """Bind a KQL query with Microsoft's binder, or parse a search strictly; return its columns as well."""
    if query.target == "splunk":
        try:
            parse(query.query)
        except PackError as error:
            return Check("valid", "parses", Status.DIFFERS, tuple(str(error).split("\n"))), ()
        names = query.query.rsplit("| table ", 1)[-1].split(",")
        return Check("valid", "parses", Status.AGREES), tuple((name.strip(), "") for name in names)
    try:
        bound = binder_of(query.target).bind(query.query)
    except UnsupportedError as error:
        return Check("valid", "binds", Status.NOT_EXECUTED, tuple(str(error).split("\n"))), ()
    return Check("valid", "binds", _status(bound.problems), bound.problems), tuple(bound.columns.items())


@dataclass(frozen=True)
class _Case:
    """A fixture or a scenario, read."""

    kind: str
    name: str
    stream: Stream


def _executed(project: Project, pack: Pack, rule: Rule, query: Query, *, scenarios: bool) -> Iterator[Check]:
    """Run a query on every fixture of its rule and on every scenario.

    What asks of each record by itself is asked of all cases that are given the same lists at once. Only where that
    differs, or is not executed, is each case asked alone.
    """
    cases = [
        _Case("fixture", case.path.stem, _stream(project, case.path, case.given))
        for case in _cases(project)
        if case.rule == rule.name
    ]
    if scenarios or not rule.is_correlation:
        cases += _scenarios(project)
    if rule.is_correlation:
        yield from (_alone(pack, rule, query, case) for case in cases)
        return
    for together in _with_the_same_lists(rule, cases):
        stream = Stream([record for case in together for record in case.stream.records], together[0].stream.given)
        if _alone(pack, rule, query, _Case("", "", stream)).status is Status.AGREES:
            yield from (Check(case.kind, case.name, Status.AGREES) for case in together)
        else:
            yield from (_alone(pack, rule, query, case) for case in together)


def _with_the_same_lists(rule: Rule, cases: Sequence[_Case]) -> Collection[Sequence[_Case]]:
    groups: dict[tuple[tuple[str, ...] | None, ...], list[_Case]] = {}
    for case in cases:
        lists = case.stream.given.lists
        key = tuple(tuple(sorted(lists[name])) if name in lists else None for name in rule.lists)
        groups.setdefault(key, []).append(case)
    return groups.values()


def _alone(pack: Pack, rule: Rule, query: Query, case: _Case) -> Check:
    said: list[str] = []
    status = Status.AGREES
    for reading, reader in readers_of(query.target):
        try:
            comparison = compare(reader, pack, rule, query, case.stream)
        except UnsupportedError as error:
            status, said = Status.NOT_EXECUTED, [*said, f"{reading}{error}"]
        else:
            said += [f"{reading}{line}" for line in comparison.differences()]
    if said and status is Status.AGREES:
        status = Status.DIFFERS
    return Check(case.kind, case.name, status, tuple(said))


# One process checks many queries; what is costly to begin is begun once.


@cache
def _pack(root: Path) -> Pack:
    return load_pack(root / "sigma")


@cache
def _cases(project: Project) -> list[Case]:
    return load_cases(_pack(project.root), project.fixtures)


@cache
def _scenarios(project: Project) -> list[_Case]:
    known = load_scenarios(_pack(project.root), project.fixtures / "_scenarios")
    return [_Case("scenario", one.name, _stream(project, one.path, one.given)) for one in known]


def _stream(project: Project, path: Path, given: Given) -> Stream:
    return Stream(read([path], source_map(_pack(project.root).catalogue)).records, given)


@cache
def binder_of(target: str) -> Binder:
    """Return the binder with the tables of a target."""
    return Binder(schemas(load_catalogue(), target))


@cache
def readers_of(target: str) -> tuple[tuple[str, Reader], ...]:
    """Return the engines of a target; what Splunk's manuals leave open is executed in both readings."""
    catalogue = load_catalogue()
    if target == "splunk":
        return tuple((f"reading {one.name}: ", SplReader(catalogue, one)) for one in Reading)
    return (("", KqlReader(catalogue, target)),)
