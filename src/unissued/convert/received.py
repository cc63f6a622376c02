"""Rules and filters as pySigma read them, each brought with its pipelines into a pack that is checked as any other.

What a rule says must be right; what it merely lacks of the keys that rules of the pack have gets a default.
"""

from __future__ import annotations

import copy
import re
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, count
from pathlib import Path
from typing import TypeVar

from sigma.collection import SigmaCollection
from sigma.correlations import SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.filters import SigmaFilter  # type: ignore[attr-defined]  # mypy sees the folder sigma/filters/ instead
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaDetections, SigmaRule, SigmaRuleBase

from unissued.convert import restate
from unissued.errors import PackError, Problem, RuleError, UnsupportedError
from unissued.pack import Document, Pack, load_documents, pack_of

AnyRule = SigmaRule | SigmaCorrelationRule
_AnyRule = TypeVar("_AnyRule", bound=SigmaRule | SigmaCorrelationRule)
_ODD = re.compile(r"[^\w./ -]")
_NOT_A_NAME = re.compile(r"[^a-z0-9]+")
_DEFAULTS = {"version": "0.0.0", "status": "experimental"}


@dataclass(frozen=True)
class Checked:
    """A rule that may be converted."""

    pack: Pack
    """It, the rules that it is built on, and the filters that concern them."""
    name: str
    applied: AnyRule
    """A copy after the pipelines."""
    state: Mapping[str, object]
    """What the pipelines say about it."""


@dataclass(frozen=True)
class _Draft:
    """A rule or filter on its way into a pack."""

    problems: Sequence[Problem]
    document: Document | None = None
    applied: AnyRule | None = None


class Received:
    """The rules and filters of a collection. They are never changed: pipelines run on copies."""

    def __init__(self, collection: SigmaCollection, pipeline: ProcessingPipeline) -> None:
        self.pipeline = pipeline
        self.filters = list({(one.title, str(one.source)): one for one in collection.filters}.values())
        self.excluded = [selection for one in self.filters for selection in one.filter.detections.values()]
        self.all: list[SigmaRuleBase] = [*collection.rules, *self.filters]
        self.names = _names(self.all)
        self.paths = {id(rule): _path(rule, self.names[id(rule)]) for rule in self.all}
        self.twice = self._twice()
        self.files: dict[Path, Sequence[Document] | PackError] = {}

    def checked(self, rule: AnyRule) -> Checked:
        """Bring a rule into a pack.

        Raises:
            RuleError: with everything that is wrong with it and the rules that it is built on.
        """
        below = list({id(one): one for one in _below(rule)}.values())
        drafts = [self._draft(one) for one in below]
        drafts += self._filters([one for one in (*below, rule) if isinstance(one, SigmaRule)])
        last = self._draft(rule)  # the pipeline keeps the state of the rule that it was applied to last
        problems = [problem for draft in (*drafts, last) for problem in draft.problems]
        documents = [draft.document for draft in (*drafts, last) if draft.document]
        if last.applied is None or len(documents) <= len(drafts):
            raise RuleError(*problems)
        try:
            pack = pack_of(documents)
        except PackError as error:
            raise RuleError(*problems, *error.problems) from error
        if problems:
            raise RuleError(*problems)
        return Checked(pack, self.names[id(rule)], last.applied, dict(self.pipeline.state))

    def _draft(self, rule: AnyRule) -> _Draft:
        fresh = self._copy(rule)
        problems = [*self._problems_of_the_file(rule), *self.twice.get(id(rule), ())]
        try:
            if isinstance(fresh, SigmaRule):
                restate.without_filters(fresh.detection, self.excluded)
                written = restate.written_in(fresh.detection)
                problems += self._applied(fresh, rule)
                body: dict[str, object] = {
                    "logsource": restate.logsource_of(fresh.logsource),
                    "detection": restate.detection_of(fresh.detection, written),
                }
            else:
                names = {one.reference: self.names[id(one.rule)] for one in fresh.referenced_rules}
                body = {"correlation": restate.correlation_of(fresh, names, self._renamed)}
                problems += self._applied(fresh, rule)
        except PackError as error:
            return _Draft([*problems, *self._placed(rule, error)])
        if fresh.fields:
            body["fields"] = list(fresh.fields)
        return _Draft(problems, self._document(rule, body), fresh)

    def _filters(self, rules: Sequence[SigmaRule]) -> list[_Draft]:
        """Return the filters that concern rules, in the order in which a pack applies them."""
        drafts = []
        for one in sorted(self.filters, key=lambda one: self.paths[id(one)]):
            names = [self.names[id(rule)] for rule in rules if _concerns(one, rule)]
            if names:
                drafts.append(self._filter(one, names))
        return drafts

    def _filter(self, one: SigmaFilter, names: Sequence[str]) -> _Draft:
        said = one.filter
        # A pipeline takes rules only. What it adds to a rule it adds there, not to the filter, too.
        detection = SigmaDetections(copy.deepcopy(said.detections), list(said.condition), one.source)
        fresh = SigmaRule(one.title, one.id, one.name, source=one.source, logsource=one.logsource, detection=detection)
        problems = [*self._problems_of_the_file(one), *self.twice.get(id(one), ()), *self._applied(fresh, one)]
        try:
            selections = {
                name: restate.selection_of(name, fresh.detection.detections[name]) for name in said.detections
            }
        except PackError as error:
            return _Draft([*problems, *self._placed(one, error)])
        body = {
            "logsource": restate.logsource_of(fresh.logsource),
            "filter": {"rules": list(names), **selections, "condition": said.condition[0]},
        }
        return _Draft(problems, self._document(one, body))

    def _applied(self, fresh: AnyRule, rule: SigmaRuleBase) -> list[Problem]:
        """Apply the pipeline to the copy of a rule, and return why it refuses it."""
        try:
            self.pipeline.apply(fresh)
        except SigmaError as error:
            return [Problem(self.paths[id(rule)], str(error.args[0] if error.args else error))]
        return []

    def _renamed(self, rule: SigmaRule, field: str) -> str:
        """Return what the pipeline makes of a field of a rule."""
        without, made = self._fields(rule, []), self._fields(rule, [field])
        if len(made) != len(without) + 1:
            hint = "map it to one field of the catalogue"
            raise UnsupportedError.at(field, f"is a key, and a pipeline makes several fields of it: {made}", hint)
        return made[0]

    def _fields(self, rule: SigmaRule, fields: list[str]) -> list[str]:
        fresh = self._copy(rule)
        fresh.fields = fields
        self._applied(fresh, rule)  # what is wrong is said where the rule itself is brought in
        return fresh.fields

    def _copy(self, rule: _AnyRule) -> _AnyRule:
        """Return a copy of a rule; what it refers to, and what refers to it, stays."""
        return copy.deepcopy(rule, {id(other): other for other in self.all if other is not rule})

    def _document(self, rule: SigmaRuleBase, body: Mapping[str, object]) -> Document:
        """Return the document that says what a rule says, with the lines of its file where that has it once."""
        name = self.names[id(rule)]
        defaults = {
            **_DEFAULTS,
            "name": name,
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"unissued:{name}")),
            "description": rule.title,
        }
        data = {**defaults, **restate.head_of(rule), **body}
        file = self._file(rule)
        same = (
            [one for one in file if isinstance(one.data, Mapping) and one.data.get("title") == rule.title]
            if not isinstance(file, PackError)
            else []
        )
        return Document(self.paths[id(rule)], data, same[0].lines if len(same) == 1 else {})

    def _file(self, rule: SigmaRuleBase) -> Sequence[Document] | PackError:
        """Return the documents of a rule's file, read strictly: pySigma's reader takes much for something else."""
        path = rule.source.path if rule.source else None
        if path is None or not path.is_file():
            return ()
        if path not in self.files:
            try:
                self.files[path] = load_documents(path, self.paths[id(rule)])
            except PackError as error:
                self.files[path] = error
        return self.files[path]

    def _problems_of_the_file(self, rule: SigmaRuleBase) -> Sequence[Problem]:
        file = self._file(rule)
        return file.problems if isinstance(file, PackError) else ()

    def _placed(self, rule: SigmaRuleBase, error: PackError) -> list[Problem]:
        """Say of problems in which file they are."""
        path = self.paths[id(rule)]
        return [Problem(path, f"{one.where}: {one.problem}", one.hint) for one in error.problems]

    def _twice(self) -> dict[int, list[Problem]]:
        """Return the problems of rules whose name or id another one has; a file that was read twice is none."""
        first: dict[str, SigmaRuleBase] = {}
        found: dict[int, list[Problem]] = {}
        for rule in self.all:
            for word in (f"name '{self.names[id(rule)]}'", *([f"id {rule.id}"] if rule.id else [])):
                other = first.setdefault(word, rule)
                if (other.title, str(other.source)) != (rule.title, str(rule.source)):
                    where = self.paths[id(other)]
                    problem = Problem(self.paths[id(rule)], f"{word} is already used by {where}")
                    found.setdefault(id(rule), []).append(problem)
        return found


def _below(rule: AnyRule) -> list[AnyRule]:
    return rule.flatten_rules() if isinstance(rule, SigmaCorrelationRule) else []


def _concerns(one: SigmaFilter, rule: SigmaRule) -> bool:
    rules = one.filter.rules
    if isinstance(rules, str):  # any
        return rule.logsource in one.logsource
    return any(reference.reference in (rule.name, str(rule.id)) for reference in rules)


def _names(rules: Sequence[SigmaRuleBase]) -> dict[int, str]:
    """Return every rule's name; one that has none is called as its file, or as its title in a file of several."""
    stems = Counter(rule.source.path for rule in rules if rule.source)
    taken = {rule.name for rule in rules if rule.name}
    names: dict[int, str] = {}
    for rule in rules:
        alone = rule.source is not None and stems[rule.source.path] == 1
        name = rule.name or _name(rule.source.path.stem if rule.source and alone else rule.title)
        if not rule.name:
            name = next(
                word for word in chain([name], (f"{name}_{number}" for number in count(2))) if word not in taken
            )
            taken.add(name)
        names[id(rule)] = name
    return names


def _name(text: str) -> str:
    name = _NOT_A_NAME.sub("_", text.lower()).strip("_")[:50]
    return name if name[:1].isalpha() else f"rule_{name}".strip("_")


def _path(rule: SigmaRuleBase, name: str) -> str:
    """Return how messages and queries name a rule's file: from the folder sigma/ on, else as it was given."""
    if rule.source is None:
        return f"rule {name}"
    parts = rule.source.path.resolve().parts
    below = parts[len(parts) - parts[::-1].index("sigma") - 1 :] if "sigma" in parts[:-1] else ()
    return _ODD.sub("_", Path(*below).as_posix() if below else rule.source.path.as_posix())
