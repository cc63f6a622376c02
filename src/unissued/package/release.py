"""What changed in the rules since the last release, and whether each change raised its rule's version."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from unissued.convert import Build
from unissued.errors import PackError, Problem
from unissued.pack import Pack
from unissued.package.artefacts import dumped

PATH = "docs/release.json"
_KINDS = (("new", "New rules"), ("update", "Rules that find other things"), ("fix", "Fixes"), ("remove", "Removed"))


@dataclass(frozen=True)
class Released:
    """A rule as it was released, or as it is."""

    id: str
    version: str
    queries: Mapping[str, str]
    """Target -> SHA-256 of the query without its head."""


@dataclass(frozen=True)
class Change:
    """One line of the release notes."""

    kind: str
    """``new``, ``update``, ``fix`` or ``remove``."""
    rule: str
    said: str


def current(pack: Pack, build: Build) -> dict[str, Released]:
    """Return what would be released now: every rule that a target can say."""
    queries: dict[str, dict[str, str]] = {}
    for query in build.queries:
        queries.setdefault(query.rule, {})[query.target] = hashlib.sha256(query.query.encode()).hexdigest()
    return {
        name: Released(pack.rule(name).id, pack.rule(name).version, dict(sorted(found.items())))
        for name, found in sorted(queries.items())
    }


def text(rules: Mapping[str, Released], version: str) -> str:
    """Return the release as a file."""
    listed = {
        name: {"id": one.id, "version": one.version, "sha256": dict(one.queries)} for name, one in sorted(rules.items())
    }
    return dumped({"schema": 1, "pack": version, "rules": listed})


def read(path: Path) -> dict[str, Released] | None:
    """Return the last release; None if there was none yet.

    Raises:
        PackError: the file is no release.
    """
    try:
        rules = json.loads(path.read_text(encoding="utf-8"))["rules"]
        return {name: Released(one["id"], one["version"], dict(one["sha256"])) for name, one in rules.items()}
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise PackError.at(str(path), f"is no release: {error!r}", "'unissued release' writes it") from error


def not_raised(last: Mapping[str, Released], now: Mapping[str, Released]) -> list[Problem]:
    """Return the rules whose queries changed since the last release while their version did not rise."""
    found = []
    for name, one in now.items():
        before = last.get(name)
        if before is None or before.queries == one.queries:
            continue
        if _number(one.version) <= _number(before.version):
            targets = sorted(
                target
                for target in {*before.queries, *one.queries}
                if before.queries.get(target) != one.queries.get(target)
            )
            problem = f"SEN020 its query for {', '.join(targets)} changed since the release of version {before.version}"
            found.append(
                Problem(name, problem, f"raise version {one.version}: wording 0.0.1, results 0.1, log source 1")
            )
    return found


def changes(last: Mapping[str, Released], now: Mapping[str, Released]) -> list[Change]:
    """Return what became of each rule since the last release, those that stayed the same left out."""
    found = []
    for name in sorted({*last, *now}):
        before, one = last.get(name), now.get(name)
        if one is None and before is not None:
            found.append(Change("remove", name, f"id {before.id}, last version {before.version}"))
        elif one is not None and before is None:
            found.append(Change("new", name, f"version {one.version}, for {', '.join(one.queries)}"))
        elif one is not None and before is not None and before != one:
            small = _number(before.version)[:2] == _number(one.version)[:2]
            said = f"version {before.version} to {one.version}"
            gone = sorted(set(before.queries) - set(one.queries))
            said += f"; no longer for {', '.join(gone)}" if gone else ""
            found.append(Change("fix" if small and not gone else "update", name, said))
    return found


def notes(found: list[Change], version: str) -> str:
    """Return the release notes of the rules in Markdown."""
    lines = [f"# unissued {version}: rules", ""]
    for kind, title in _KINDS:
        own = [one for one in found if one.kind == kind]
        if own:
            lines += [f"## {title}", "", *(f"- {kind}: `{one.rule}` ({one.said})" for one in own), ""]
    return "\n".join(lines if found else [*lines, "No rule changed.", ""])


def _number(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split("."))
