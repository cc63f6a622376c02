"""Fixtures and scenarios as they lie in their folders: the file's name is the verdict."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from unissued.baseline import read_baseline
from unissued.errors import PackError, Problem, RuleError
from unissued.evaluate import Given
from unissued.pack.catalogue import suggest
from unissued.pack.document import Document, load_document
from unissued.pack.load import Pack
from unissued.pack.vocabulary import FILL_IN

_STEM = re.compile(r"(?P<verdict>hit|miss|gap|unjudged)(?:_(?P<why>[a-z0-9_]+))?(?:\.(?P<times>[1-9][0-9]*))?\Z")
_GIVEN_KEYS = ("now", "lists", "feeds", "rows_last_week", "baseline")
_EXPECT_KEYS = ("must", "silent", "others", "health")


@dataclass(frozen=True)
class Case:
    """One fixture file of a rule."""

    rule: str
    verdict: str
    """``hit``, ``miss``, ``gap`` (a known blind spot: silent today) or ``unjudged``."""
    times: int
    """How often a correlation must fire on a hit."""
    path: Path
    given: Given

    @property
    def name(self) -> str:
        """The case's name, as tests show it: ``rule/file stem``."""
        return f"{self.rule}/{self.path.stem}"


@dataclass(frozen=True)
class CaseName:
    """What the name of a fixture file says; the file is not read."""

    file: str
    verdict: str
    """As of a :class:`Case`, or ``hit_fp`` for a hit that is known to be benign."""
    why: str
    """In words; empty where the name says no more than the verdict."""
    times: int


def case_names(folder: Path) -> list[CaseName]:
    """Return what a rule's fixtures are called, by name; files that say no verdict are left to :func:`load_cases`."""
    names = []
    for path in sorted(folder.glob("*.jsonl"), key=lambda path: path.name):
        found = _STEM.match(path.stem)
        if found is not None:
            why = found["why"] or ""
            benign = found["verdict"] == "hit" and why.startswith("fp_")
            words = why.removeprefix("fp_" if benign else "").replace("_", " ")
            verdict = "hit_fp" if benign else found["verdict"]
            names.append(CaseName(path.name, verdict, words, int(found["times"] or 1)))
    return names


@dataclass(frozen=True)
class Scenario:
    """A whole intrusion, or a whole ordinary day: several sources, and what must and must not fire."""

    name: str
    path: Path
    given: Given
    must: Mapping[str, int]
    silent: tuple[str, ...]
    others_silent: bool
    health: tuple[str, ...] | None = None
    """What is found about the feeds, in the words of the findings and in their order; None where nobody asks."""


def load_cases(pack: Pack, folder: Path) -> list[Case]:
    """Load the fixtures of every rule.

    Raises:
        RuleError: with every file that has no place, and every rule without a hit or a miss.
    """
    problems: list[Problem] = []
    cases: list[Case] = []
    for rule in pack.rules:
        try:
            cases.extend(_cases_of(pack, rule, folder / rule))
        except PackError as error:
            problems.extend(error.problems)
    folders = sorted(path.name for path in folder.iterdir() if path.is_dir()) if folder.is_dir() else []
    problems.extend(
        Problem(f"{folder.name}/{name}", "is the fixture folder of no rule", suggest(name, pack.rules))
        for name in folders
        if not name.startswith("_") and name not in pack.rules
    )
    if problems:
        raise RuleError(*problems)
    return cases


def _cases_of(pack: Pack, rule: str, folder: Path) -> list[Case]:
    shown = f"{folder.parent.name}/{rule}"
    problems: list[Problem] = []
    cases: list[Case] = []
    for path in sorted(folder.glob("*.jsonl")):
        found = _STEM.match(path.stem)
        if found is None or (found["times"] and found["verdict"] != "hit"):
            hint = "hit_<why>.jsonl, miss_<why>.jsonl, gap_<why>.jsonl or unjudged_<why>.jsonl"
            problems.append(Problem(f"{shown}/{path.name}", "the name says no verdict", hint))
            continue
        problems.extend(_left_open(path, f"{shown}/{path.name}", found["why"] or ""))
        given = _given(pack, folder / "given.yml", path.with_name(f"{path.stem}.given.yml"))
        cases.append(Case(rule, found["verdict"], int(found["times"] or 1), path, given))
    problems.extend(
        Problem(f"{shown}/{verdict}_<why>.jsonl", f"rule {rule} has no {verdict}", "write this file")
        for verdict in ("hit", "miss")
        if not any(case.verdict == verdict for case in cases)
    )
    if problems:
        raise RuleError(*problems)
    return cases


def _left_open(path: Path, shown: str, why: str) -> Iterator[Problem]:
    """Yield what a new rule leaves open in a fixture: it would show nothing, or the wrong thing."""
    if why == FILL_IN.replace(" ", "_").lower():
        yield Problem(shown, "the name does not say why", f"rename it: {path.name.split('_')[0]}_<why>.jsonl")
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if FILL_IN.encode() in line:
            yield Problem(f"{shown}:{number}", f"'{FILL_IN}' is still to be filled in", "what the record must have")


def load_scenarios(pack: Pack, folder: Path) -> list[Scenario]:
    """Load all scenarios below a folder.

    Raises:
        RuleError: a scenario is incomplete or names an unknown rule.
    """
    return [_scenario(pack, path) for path in sorted(folder.iterdir()) if path.is_dir()] if folder.is_dir() else []


def _scenario(pack: Pack, folder: Path) -> Scenario:
    shown = f"{folder.parent.name}/{folder.name}"
    expect = load_document(folder / "expect.yml", f"{shown}/expect.yml")
    data = _known_keys(expect, _EXPECT_KEYS)
    must, silent, others = data.get("must") or {}, data.get("silent") or [], data.get("others", "any")
    if not isinstance(must, Mapping) or not isinstance(silent, list) or others not in ("any", "silent"):
        raise RuleError.at(expect.path, "must is rule: times, silent a list of rules, others any or silent")
    for name in (*must, *silent):
        pack.rule(str(name))
    given = _given(pack, folder / "given.yml", folder / "given.yml")
    times = {str(name): int(str(count)) for name, count in must.items()}
    found = data.get("health")
    if found is not None and not isinstance(found, list):
        raise RuleError.at(expect.where("health"), "health must be a list of findings in words")
    health = None if found is None else tuple(map(str, found))
    return Scenario(
        folder.name, folder / "events.jsonl", given, times, tuple(map(str, silent)), others == "silent", health
    )


def _given(pack: Pack, *paths: Path) -> Given:
    """Read what is given to a case; keys of a later file win."""
    merged: dict[str, object] = {}
    for path in dict.fromkeys(paths):
        if path.is_file():
            document = load_document(path, f"{path.parent.name}/{path.name}")
            keys = dict(_known_keys(document, _GIVEN_KEYS))
            if "baseline" in keys:
                keys["baseline"] = read_baseline(path.parent / Path(str(keys["baseline"])).name)
            merged |= keys
    lists = dict(getattr(merged.get("baseline"), "lists", dict)())
    given_lists = merged.get("lists") or {}
    rows = merged.get("rows_last_week") or {}
    if not isinstance(given_lists, Mapping) or not isinstance(rows, Mapping):
        raise RuleError.at(str(paths[-1]), "lists and rows_last_week must be mappings")
    for name, entries in given_lists.items():
        if name not in pack.catalogue.lists:
            raise RuleError.at(str(paths[-1]), f"unknown list '{name}'", suggest(str(name), pack.catalogue.lists))
        lists[name] = frozenset(map(str, entries if isinstance(entries, list) else []))
    feeds = merged.get("feeds", "complete")
    if feeds not in ("complete", "measured"):
        raise RuleError.at(str(paths[-1]), f"feeds {feeds!r} is neither complete nor measured")
    return Given(
        now=_time(merged["now"], paths[-1]) if "now" in merged else None,
        lists=lists,
        measured=feeds == "measured",
        rows_last_week={str(table): int(str(count)) for table, count in rows.items()},
    )


def _known_keys(document: Document, known: tuple[str, ...]) -> Mapping[str, object]:
    data = document.data
    if not isinstance(data, Mapping):
        raise RuleError.at(document.path, "must be a mapping")
    for key in data:
        if key not in known:
            raise RuleError.at(document.where(key), f"unknown key '{key}'", suggest(key, known))
    return data


def _time(value: object, path: Path) -> datetime:
    try:
        return datetime.fromisoformat(str(value)).astimezone(UTC)
    except ValueError as error:
        raise RuleError.at(str(path), f"{value!r} is no time", "write YYYY-MM-DDTHH:MM:SSZ") from error
