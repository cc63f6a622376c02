"""All generated files of the pack: made in memory, compared with the ones on disk, written whole or not at all."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from difflib import unified_diff
from pathlib import Path

from sigma.exceptions import SigmaError

from unissued.convert import kql_absence, kql_rule, kql_windows, spl_absence, spl_rule, spl_windows
from unissued.convert.correlation import correlation_of
from unissued.convert.health import health_queries
from unissued.convert.learning import learning_queries
from unissued.convert.pipelines import pipeline_files
from unissued.convert.query import Body, Query, with_head
from unissued.errors import UnsupportedError
from unissued.files import write_whole
from unissued.pack import TARGETS, Pack, Rule

_FOLDERS = {
    "kql": (".csv", ".json", ".kql", ".yaml"),
    "spl/app": ("",),  # every file
    "spl/searches": (".spl",),
    "docs/attack": (".json", ".md"),
    "docs/rules": (".md",),
}
"""Folders of generated files, with how these end."""


@dataclass(frozen=True)
class Refused:
    """A rule that a target cannot say exactly."""

    rule: str
    target: str
    reason: str


@dataclass(frozen=True)
class Build:
    """Generated files by path below the repository, and what was refused."""

    files: Mapping[str, str]
    refused: tuple[Refused, ...]
    queries: tuple[Query, ...] = ()
    """Of the rules."""
    learning: tuple[Query, ...] = ()
    health: tuple[Query, ...] = ()

    def with_files(self, more: Mapping[str, str]) -> Build:
        """Return a build with other generated files beside its own."""
        return replace(self, files=dict(sorted({**self.files, **more}.items())))


@dataclass(frozen=True)
class Differences:
    """How the files on disk differ from a build."""

    diff: str
    """Unified diff, ``a/`` what is there, ``b/`` what should be."""
    missing: int
    stale: int
    extra: int


def convert(pack: Pack, rule: Rule, target: str) -> Query:
    """Convert one rule for one target.

    Raises:
        UnsupportedError: the target cannot say it exactly.
    """
    if target not in TARGETS:
        raise UnsupportedError.at(rule.name, f"'{target}' is no target", ", ".join(TARGETS))
    try:
        return with_head(pack, rule, target, _body(pack, rule, target))
    except (SigmaError, NotImplementedError) as error:
        raise UnsupportedError.at(rule.name, f"pySigma refuses it: {error}") from error


def _body(pack: Pack, rule: Rule, target: str) -> Body:
    in_spl = target == "splunk"
    if not rule.is_correlation:
        return spl_rule.detection(pack, rule, target) if in_spl else kql_rule.detection(pack, rule, target)
    correlation = correlation_of(pack, rule)
    if correlation.denied:
        return (spl_absence.absence if in_spl else kql_absence.absence)(pack, correlation, target)
    return (spl_windows.windows if in_spl else kql_windows.windows)(pack, correlation, target)


def build(pack: Pack, targets: Collection[str] = TARGETS, only: str | None = None) -> Build:
    """Convert every rule that alerts somebody.

    Args:
        pack: the rules.
        targets: for which targets.
        only: name of the one rule to convert; all when missing.
    """
    files: dict[str, str] = {}
    refused: list[Refused] = []
    queries: list[Query] = []
    for rule in sorted((pack.rule(only),) if only else pack.rules.values(), key=lambda rule: rule.name):
        if not rule.level:
            continue  # it feeds correlations
        for target in TARGETS:
            if target not in targets:
                continue
            try:
                query = convert(pack, rule, target)
            except UnsupportedError as error:
                reason = "; ".join(problem.problem for problem in error.problems)
                refused.append(Refused(rule.name, target, reason))
            else:
                files[query.path] = query.text
                queries.append(query)
    learning: list[Query] = []
    checks: list[Query] = []
    if only is None:
        asked = [target for target in TARGETS if target in targets]
        learning = list(learning_queries(pack, asked))
        checks, cannot = health_queries(pack, asked)
        files |= {query.path: query.text for query in (*learning, *checks)}
        refused += [Refused(f"health/{name}", target, reason) for name, target, reason in cannot]
    if only is None and set(targets) == set(TARGETS):
        files |= pipeline_files(pack.catalogue)
    return Build(dict(sorted(files.items())), tuple(refused), tuple(queries), tuple(learning), tuple(checks))


def differences(build: Build, root: Path, *, complete: bool) -> Differences:
    """Compare a build with the files below a folder.

    Args:
        build: what should be there.
        root: the repository.
        complete: whether the build has all rules and targets, so that other generated files are left over.
    """
    texts: list[str] = []
    missing = stale = 0
    for path, expected in build.files.items():
        there = _text(root / path)
        if there == expected:
            continue
        missing, stale = missing + (there is None), stale + (there is not None)
        texts.append(_diff(path, there, expected))
    extra = _extra(build, root) if complete else []
    texts += [_diff(path, _text(root / path), None) for path in extra]
    return Differences("".join(texts), missing, stale, len(extra))


def _text(path: Path) -> str | None:
    try:
        return path.read_bytes().decode("utf-8", "replace")
    except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
        return None


def _diff(path: str, there: str | None, expected: str | None) -> str:
    names = ("/dev/null" if there is None else f"a/{path}", "/dev/null" if expected is None else f"b/{path}")
    lines = unified_diff((there or "").splitlines(keepends=True), (expected or "").splitlines(keepends=True), *names)
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)


def _extra(build: Build, root: Path) -> list[str]:
    """Return the generated files that no rule produces; files of other kinds are nobody's business."""
    found = []
    for folder, endings in _FOLDERS.items():
        for path in (root / folder).rglob("*"):
            name = path.relative_to(root).as_posix()
            if name not in build.files and name.endswith(endings) and path.is_file():
                found.append(name)
    return sorted(found)


def write(build: Build, root: Path, *, complete: bool = False) -> list[str]:
    """Write a build; each file whole or not at all.

    Args:
        build: the files.
        root: the repository.
        complete: whether the build has all rules and targets; then generated files that no rule produces are removed.

    Returns:
        The paths that changed, in order.
    """
    changed = []
    for path, text in build.files.items():
        place = root / path
        if _text(place) != text:
            place.parent.mkdir(parents=True, exist_ok=True)
            write_whole(place, text)
            changed.append(path)
    for path in _extra(build, root) if complete else []:
        (root / path).unlink()
        changed.append(path)
    return sorted(changed)
