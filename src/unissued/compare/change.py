"""What changed between two states of the pack: rules, generated queries, and what fires on all fixtures."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from difflib import unified_diff
from pathlib import Path

from unissued.compare.tree import Tree
from unissued.convert import build
from unissued.errors import PackError, Problem, RuleError
from unissued.evaluate import Given, evaluate
from unissued.logs import read, source_map
from unissued.pack import Pack, load_pack
from unissued.record import Record, utc_text
from unissued.verify import load_cases, load_scenarios


@dataclass(frozen=True)
class RuleChange:
    """A rule that is not what it was."""

    rule: str
    kind: str
    """``added``, ``removed`` or ``changed``."""
    old_version: str
    new_version: str
    keys: tuple[str, ...]
    """The parts of a changed rule that differ; those of a filter count as the rule's detection."""


@dataclass(frozen=True)
class QueryChange:
    """A generated query that is not what it was."""

    path: str
    kind: str
    """As of a :class:`RuleChange`."""
    diff: str


@dataclass(frozen=True)
class Hits:
    """What a rule finds on a fixture or scenario, before and after; only where that differs."""

    rule: str
    case: str
    old: int
    new: int
    lost: int
    """Matches that only the old rule finds."""
    gained: int
    """Matches that only the new rule finds."""


@dataclass(frozen=True)
class Change:
    """Everything that differs between two states."""

    old: str
    new: str
    rules: tuple[RuleChange, ...]
    queries: tuple[QueryChange, ...]
    hits: tuple[Hits, ...]
    replayed: tuple[str, ...]
    """The rules that were replayed: those that changed, and those that are built on them."""
    cases: int
    """On how many fixtures and scenarios."""
    notes: tuple[str, ...]

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing differs."""
        return not (self.rules or self.queries or self.hits)


@dataclass(frozen=True)
class _State:
    tree: Tree
    pack: Pack


@dataclass(frozen=True)
class _Stream:
    """A fixture or scenario of either state."""

    name: str
    path: Path
    given: Given


def changes(old: Tree, new: Tree) -> Change:
    """Compare two states with the code of this one.

    Queries are compared as they lie in the two trees; the rules of a tree without any are converted now, and a note
    says so.

    Raises:
        RuleError: the rules or fixtures of one of them are not in order.
    """
    before, after = _state(old), _state(new)
    rules = tuple(_rules(before.pack, after.pack))
    touched = _touched(before.pack, after.pack, {change.rule for change in rules})
    notes: list[str] = []
    queries = tuple(_queries(_texts(before, notes), _texts(after, notes)))
    streams = _streams(before, after) if touched else []
    hits = tuple(hit for stream in streams for hit in _hits(before.pack, after.pack, stream, touched))
    return Change(old.name, new.name, rules, queries, hits, tuple(touched), len(streams), tuple(notes))


def _state(tree: Tree) -> _State:
    try:
        return _State(tree, load_pack(tree.root / "sigma"))
    except PackError as error:
        problems = (Problem(f"{tree.name}: {one.where}", one.problem, one.hint) for one in error.problems)
        raise RuleError(*problems) from error


def _rules(old: Pack, new: Pack) -> Iterator[RuleChange]:
    for name in sorted({*old.rules, *new.rules}):
        before, after = old.rules.get(name), new.rules.get(name)
        if before is None and after is not None:
            yield RuleChange(name, "added", "", after.version, ())
        elif after is None and before is not None:
            yield RuleChange(name, "removed", before.version, "", ())
        elif before is not None and after is not None and before.definition != after.definition:
            keys = [*before.definition, *(key for key in after.definition if key not in before.definition)]
            differ = tuple(key for key in keys if before.definition.get(key) != after.definition.get(key))
            yield RuleChange(name, "changed", before.version, after.version, differ)


def _touched(old: Pack, new: Pack, changed: Collection[str]) -> list[str]:
    """Return the rules that changed, and those that are built on them."""
    found = set()
    for pack in (old, new):
        for rule in pack.rules.values():
            if any(below.name in changed for below in pack.below(rule)):
                found.add(rule.name)
    return sorted(found)


def _texts(state: _State, notes: list[str]) -> Mapping[str, str]:
    root = state.tree.root
    found = {
        path.relative_to(root).as_posix(): path.read_text("utf-8", "replace")
        for folder, ending in (("kql", "*.kql"), ("spl", "*.spl"))
        for path in sorted((root / folder).rglob(ending))
    }
    if found:
        return found
    notes.append(f"{state.tree.name} has no generated queries: its rules were converted now")
    made = [build(state.pack, only=name) for name, rule in state.pack.rules.items() if rule.level]
    return {query.path: query.text for one in made for query in one.queries}


def _queries(old: Mapping[str, str], new: Mapping[str, str]) -> Iterator[QueryChange]:
    for path in sorted({*old, *new}):
        if old.get(path) == new.get(path):
            continue
        kind = "changed" if path in old and path in new else "added" if path in new else "removed"
        names = (f"a/{path}" if path in old else "/dev/null", f"b/{path}" if path in new else "/dev/null")
        lines = unified_diff(old.get(path, "").splitlines(), new.get(path, "").splitlines(), *names, lineterm="")
        yield QueryChange(path, kind, "\n".join(lines) + "\n")


def _streams(old: _State, new: _State) -> list[_Stream]:
    """Return the union of the fixtures and scenarios; one that changed is there in both forms."""
    found: dict[str, _Stream] = {}
    for state, mark in ((new, ""), (old, f" as of {old.tree.name}")):
        for stream in _streams_of(state):
            known = found.get(stream.name)
            if known is None:
                found[stream.name] = stream
            elif known.given != stream.given or known.path.read_bytes() != stream.path.read_bytes():
                found[stream.name + mark] = _Stream(stream.name + mark, stream.path, stream.given)
    return [found[name] for name in sorted(found)]


def _streams_of(state: _State) -> Iterator[_Stream]:
    try:
        cases = load_cases(state.pack, state.tree.fixtures)
        scenarios = load_scenarios(state.pack, state.tree.fixtures / "_scenarios")
    except PackError as error:
        problems = (Problem(f"{state.tree.name}: {one.where}", one.problem, one.hint) for one in error.problems)
        raise RuleError(*problems) from error
    yield from (_Stream(case.name, case.path, case.given) for case in cases)
    yield from (_Stream(f"scenario {one.name}", one.path, one.given) for one in scenarios)


def _hits(old: Pack, new: Pack, stream: _Stream, touched: Collection[str]) -> Iterator[Hits]:
    records = read([stream.path], source_map(new.catalogue)).records
    before, after = _found(old, records, stream.given, touched), _found(new, records, stream.given, touched)
    for rule in touched:
        lost, gained = before[rule] - after[rule], after[rule] - before[rule]
        if lost or gained:
            yield Hits(rule, stream.name, len(before[rule]), len(after[rule]), len(lost), len(gained))


def _found(
    pack: Pack, records: Collection[Record], given: Given, rules: Collection[str]
) -> Mapping[str, frozenset[tuple[object, ...]]]:
    """Return what each rule finds: a detection by the record's line, a correlation by time and group."""
    known = [name for name in rules if name in pack.rules]
    outcomes = evaluate(pack, list(records), given, known)
    found: dict[str, frozenset[tuple[object, ...]]] = dict.fromkeys(rules, frozenset())
    for name in known:
        found[name] = frozenset(
            (match.event.record.origin.line,)
            if match.event is not None
            else (utc_text(match.time), *sorted((key, str(value)) for key, value in match.group.items()))
            for match in outcomes[name].matches
        )
    return found
