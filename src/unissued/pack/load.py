"""Loads ``sigma/`` into a pack: every file checked, all problems shown together, rules in dependency order."""

from __future__ import annotations

import copy
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

from unissued.errors import PackError, Problem, RuleError
from unissued.pack import vocabulary
from unissued.pack.catalogue import Catalogue, ListSpec, Source, load_catalogue, parse_span, suggest
from unissued.pack.document import Document, Place, collect, load_document
from unissued.pack.judges import JUDGES
from unissued.pack.lint import Linter, placeholders
from unissued.pack.rule import Fold, Rule


@dataclass(frozen=True)
class Pack:
    """All rules, base rules before the correlations that are built on them."""

    rules: Mapping[str, Rule]
    catalogue: Catalogue = field(repr=False)

    def rule(self, name: str) -> Rule:
        """Return a rule by its name.

        Raises:
            RuleError: there is none of that name.
        """
        if name not in self.rules:
            raise RuleError.at(name, "no such rule", suggest(name, self.rules))
        return self.rules[name]

    def below(self, rule: Rule) -> list[Rule]:
        """Return the rules that a rule is built on, itself last, in dependency order."""
        wanted = {rule.name}
        for name in reversed(list(self.rules)):
            if name in wanted:
                wanted.update(self.rules[name].references)
        return [known for name, known in self.rules.items() if name in wanted]

    def lists_of(self, rule: Rule) -> dict[str, ListSpec]:
        """Return the lists as a rule reads them: one that only filters ask for takes things out, and may be empty."""
        own = {name for below in self.below(rule) for name in below.own_lists}
        return {
            name: spec if name in own else replace(spec, if_empty="valid")
            for name, spec in self.catalogue.lists.items()
        }

    def detections_below(self, rule: Rule) -> list[Rule]:
        """Return the detections that a rule is built on, or the rule itself if it is one."""
        return [known for known in self.below(rule) if not known.is_correlation]


@dataclass(frozen=True)
class _File:
    """One document of ``sigma/`` on its way into the pack."""

    document: Document
    linter: Linter
    name: str
    kind: str
    sources: tuple[Source, ...]

    @property
    def data(self) -> Mapping[str, object]:
        return self.linter.data


def load_pack(root: Path) -> Pack:
    """Load the rules below a folder.

    Raises:
        RuleError: with every problem of every file.
    """
    if not root.is_dir():
        raise RuleError.at(str(root), "there is no such folder", "it holds the Sigma rules")
    problems: list[Problem] = []
    files: list[_File] = []
    catalogue = load_catalogue()
    for path in sorted(root.rglob("*"), key=lambda path: path.relative_to(root).as_posix()):
        shown = f"sigma/{path.relative_to(root).as_posix()}"
        if path.is_dir():
            continue
        if path.suffix == ".py":
            problems.append(Problem(shown, "a Python file below sigma/", "it would shadow pySigma's namespace package"))
        elif path.suffix != ".yml":
            problems.append(Problem(shown, "is not a rule file", "rules end in .yml"))
        else:
            try:
                files.append(_check_file(load_document(path, shown), path.stem, catalogue))
            except PackError as error:
                collect(problems, error)
    return _pack(files, problems, catalogue)


def pack_of(documents: Iterable[Document]) -> Pack:
    """Make a pack of rules that need not lie in files of their own name; else they are checked as those below sigma/.

    Raises:
        RuleError: with every problem of every document.
    """
    catalogue = load_catalogue()
    files = []
    for document in documents:
        data = document.data
        files.append(_check_file(document, str(data.get("name")) if isinstance(data, Mapping) else "", catalogue))
    return _pack(files, [], catalogue)


def _pack(files: list[_File], problems: list[Problem], catalogue: Catalogue) -> Pack:
    _unique(files)
    _link(files)
    for file in files:
        problems.extend(file.linter.problems)
    if problems:
        raise RuleError(*problems)
    return Pack(_rules(files), catalogue)


def _check_file(document: Document, stem: str, catalogue: Catalogue) -> _File:
    linter = Linter(document, catalogue)
    kinds = [kind for kind in ("detection", "correlation", "filter") if kind in linter.data]
    kind = kinds[0] if kinds else ""
    sources: tuple[Source, ...] = ()
    if not linter.nothing_is_left_to_fill_in():
        kind = ""
    elif len(kinds) != 1:
        linter.report((), "must have exactly one of detection, correlation and filter")
    else:
        linter.head_is_complete(stem)
    match kind:
        case "detection":
            linter.keys_are_known((), linter.data, vocabulary.DETECTION_KEYS)
            sources = linter.sources()
            linter.detection_is_exact(sources)
            known = {name for source in sources for name in source.fields}
            _fields_are_known(linter, known)
            linter.alert_is_foldable(known)
        case "correlation":
            linter.keys_are_known((), linter.data, vocabulary.CORRELATION_KEYS)
            linter.correlation_is_exact()
            linter.judge_is_known()
        case "filter":
            linter.keys_are_known((), linter.data, vocabulary.FILTER_KEYS)
            sources = linter.sources()
            linter.detection_is_exact(sources, "filter")
            linter.filter_excludes()
    return _File(document, linter, str(linter.data.get("name", stem)), kind, sources)


def _fields_are_known(linter: Linter, known: set[str]) -> None:
    fields = linter.data.get("fields")
    for index, name in enumerate(fields if isinstance(fields, list) else []):
        if isinstance(name, str) and name not in known:
            hint = suggest(str(name), known) or vocabulary.FIELDS_HINT
            linter.report(("fields", index), f"unknown field '{name}'", hint)


def _unique(files: list[_File]) -> None:
    names: dict[str, _File] = {}
    ids: dict[uuid.UUID, _File] = {}
    for file in files:
        first = names.setdefault(file.name, file)
        if first is not file:
            file.linter.report(("name",), f"name '{file.name}' is already used by {first.document.path}")
        try:
            value = uuid.UUID(str(file.data.get("id")))
        except ValueError:
            continue
        first = ids.setdefault(value, file)
        if first is not file:
            where = first.document.path
            file.linter.report(("id",), f"id {value} is already used by {where}", "make one with: python -m uuid")


def _link(files: list[_File]) -> None:
    """Check what rules say about each other."""
    rules = {file.name: file for file in files if file.kind in ("detection", "correlation")}
    for file in files:
        if file.kind == "filter":
            _link_filter(file, rules)
        elif file.kind == "correlation":
            _link_correlation(file, rules)


def _link_filter(file: _File, rules: Mapping[str, _File]) -> None:
    for index, name in enumerate(_names(file.data, "filter", "rules")):
        target = rules.get(name)
        if target is None:
            file.linter.report(("filter", "rules", index), f"names unknown rule '{name}'", suggest(name, rules))
        elif target.kind != "detection":
            file.linter.report(("filter", "rules", index), f"'{name}' is a correlation", "filter the rules below it")
        elif target.sources != file.sources:
            file.linter.report(("filter", "rules", index), f"'{name}' has another log source than the filter")


def _link_correlation(file: _File, rules: Mapping[str, _File]) -> None:
    body = file.data.get("correlation")
    body = body if isinstance(body, Mapping) else {}
    aliases = body.get("aliases", {})
    aliases = aliases if isinstance(aliases, Mapping) else {}
    named = _names(file.data, "correlation", "rules")
    for index, name in enumerate(named):
        if name not in rules or name == file.name:
            others = [known for known in rules if known != file.name]
            file.linter.report(("correlation", "rules", index), f"names unknown rule '{name}'", suggest(name, others))
    for alias, mapping in aliases.items():
        for name in mapping if isinstance(mapping, Mapping) else {}:
            if name not in named:
                place = ("correlation", "aliases", alias)
                file.linter.report(place, f"alias '{alias}' names '{name}', which is not in the list of rules")
    condition = body.get("condition")
    wanted: list[tuple[str, Place]] = [
        (name, ("correlation", "group-by")) for name in _names(file.data, "correlation", "group-by")
    ]
    if isinstance(condition, Mapping) and isinstance(condition.get("field"), str):
        wanted.append((str(condition["field"]), ("correlation", "condition")))
    for rule_name in named:
        for name, at in wanted:
            if rule_name in rules and rule_name != file.name and not _leaves_out(body, aliases, name, rule_name):
                _key_is_known(file, at, name, rules[rule_name], aliases)
    if named and body.get("type") == "temporal_ordered":
        _keys_join(file, named, _names(file.data, "correlation", "group-by"), aliases)
    if "required_tables" in file.data:
        _tables_are_counted(file, [rules[name] for name in named if name in rules], condition)
    judge = JUDGES.get(str(file.data.get("judge")))
    for rule_name, fields in zip(named, judge.fields if judge else (), strict=False):
        if rule_name in rules and rule_name != file.name:
            _judge_finds_its_fields(file, rules[rule_name], fields)


def _tables_are_counted(file: _File, below: Sequence[_File], condition: object) -> None:
    """A rule that asks for an absence can say which tables must be complete for it."""
    if not isinstance(condition, str):
        hint = "what must be complete is asked where something must not be there"
        file.linter.report(("required_tables",), "needs a condition such as 'a and not b'", hint)
    known = {name for one in below for source in one.sources for name in source.counted_tables}
    named = file.data["required_tables"]
    if not isinstance(named, list) or not named:
        file.linter.report(("required_tables",), "must be a list of tables", ", ".join(sorted(known)))
        return
    for index, name in enumerate(named):
        if name not in known:
            hint = suggest(str(name), known) if known else ""
            file.linter.report(("required_tables", index), f"no rows of '{name}' are counted", hint)


def _judge_finds_its_fields(file: _File, below: _File, fields: Sequence[str]) -> None:
    """A judge looks at records of detections, under names of its own."""
    if below.kind == "correlation":
        file.linter.report(("judge",), f"'{below.name}' is a correlation", "a judge looks at records of detections")
    for name in fields if below.sources else ():
        if any(name not in source.fields for source in below.sources):
            file.linter.report(("judge",), f"rule '{below.name}' has no field '{name}', which the judge looks at")


def _leaves_out(body: Mapping[str, object], aliases: Mapping[str, object], key: str, rule: str) -> bool:
    """In an order a key may leave a rule out: it then belongs to every group that agrees with its other keys."""
    mapping = aliases.get(key)
    return body.get("type") == "temporal_ordered" and isinstance(mapping, Mapping) and rule not in mapping


def _keys_join(file: _File, named: Sequence[str], keys: Sequence[str], aliases: Mapping[str, object]) -> None:
    """Check that one rule has every key, so that it joins the others, and each rule a key."""
    has = {
        rule: [key for key in keys if not _leaves_out({"type": "temporal_ordered"}, aliases, key, rule)]
        for rule in named
    }
    if keys and not any(len(own) == len(keys) for own in has.values()):
        file.linter.report(("correlation", "aliases"), "no rule has every key", "one rule has to join the others")
    for rule, own in has.items():
        if keys and not own:
            file.linter.report(("correlation", "aliases"), f"rule '{rule}' has no key", "name it in an alias")


def _key_is_known(file: _File, place: Place, name: str, below: _File, aliases: Mapping[str, object]) -> None:
    """A group-by or counted field must exist in every rule below, under its alias or its own name."""
    mapping = aliases.get(name, {})
    target = mapping.get(below.name) if isinstance(mapping, Mapping) else None
    if name in aliases and target is None:
        file.linter.report(place, f"alias '{name}' does not say what it is in rule '{below.name}'")
        return
    actual = str(target or name)
    if below.kind == "correlation":
        known = set(_names(below.data, "correlation", "group-by"))
    else:
        known = {known for source in below.sources for known in source.fields}
    if known and actual not in known:
        file.linter.report(place, f"rule '{below.name}' has no field '{actual}'", suggest(actual, known))


def _names(data: Mapping[str, object], *place: str) -> list[str]:
    value: object = data
    for key in place:
        value = value.get(key) if isinstance(value, Mapping) else None
    return [name for name in value if isinstance(name, str)] if isinstance(value, list) else []


def _rules(files: list[_File]) -> dict[str, Rule]:
    by_name = {file.name: file for file in files if file.kind != "filter"}
    filters: dict[str, list[_File]] = {}
    for file in files:
        if file.kind == "filter":
            for name in _names(file.data, "filter", "rules"):
                filters.setdefault(name, []).append(file)
    try:
        order = list(
            TopologicalSorter(
                {name: sorted(_names(by_name[name].data, "correlation", "rules")) for name in sorted(by_name)}
            ).static_order()
        )
    except CycleError as error:
        names = " -> ".join(error.args[1])
        raise RuleError.at("sigma", f"correlations refer to each other in a circle: {names}") from error
    rules: dict[str, Rule] = {}
    problems: list[Problem] = []
    for name in order:
        rules[name] = _rule(by_name[name], filters.get(name, []), rules)
        try:
            # The last word on whether a rule can be read is pySigma's.
            rules[name].correlation() if rules[name].is_correlation else rules[name].detection()
        except PackError as error:
            where = by_name[name].document.where(by_name[name].kind, "condition")
            problems.extend(Problem(where, one.problem) for one in error.problems)
    if problems:
        raise RuleError(*problems)
    return rules


def _rule(file: _File, filters: list[_File], below: Mapping[str, Rule]) -> Rule:
    definition: dict[str, object] = copy.deepcopy(dict(file.data))
    references = tuple(_names(file.data, "correlation", "rules"))
    sources = file.sources
    for name in references:
        sources += tuple(source for source in below[name].sources if source not in sources)
    own_lists = tuple(dict.fromkeys([*placeholders(definition.get("detection")), *_lists_of_judge(file.data)]))
    for one in filters:
        _apply(one, definition)
    return Rule(
        name=file.name,
        id=str(uuid.UUID(str(file.data["id"]))),
        title=str(file.data["title"]),
        path=file.document.path,
        version=str(file.data["version"]),
        status=str(file.data["status"]),
        level=str(file.data.get("level", "")),
        sources=sources,
        references=references,
        filters=tuple(one.name for one in filters),
        lists=tuple(dict.fromkeys([*placeholders(definition.get("detection")), *_lists_of_judge(file.data)])),
        own_lists=own_lists,
        fields=tuple(_names(file.data, "fields")),
        fold=_fold(file.data),
        definition=definition,
    )


def _lists_of_judge(data: Mapping[str, object]) -> tuple[str, ...]:
    known = JUDGES.get(str(data.get("judge")))
    return known.lists if known else ()


def _apply(one: _File, definition: dict[str, object]) -> None:
    """Build a filter into a detection: pySigma's own way does it under random names."""
    body = one.linter.mapping("filter")
    exclude(definition, one.name, next(body[key] for key in body if key not in ("condition", "rules")))


def exclude(definition: dict[str, object], name: str, selection: object) -> None:
    """Take what a selection matches out of a detection; ``definition`` is changed.

    The selection's name begins with ``_``: neither ``them`` nor a pattern of the rule's own condition takes it in.
    """
    detection = definition["detection"]
    if not isinstance(detection, dict):
        raise TypeError("a detection has selections")
    detection[f"_filter_{name}"] = copy.deepcopy(selection)
    detection["condition"] = f"({detection['condition']}) and not _filter_{name}"


def _fold(data: Mapping[str, object]) -> Fold | None:
    alert = data.get("alert")
    if not isinstance(alert, Mapping):
        return None
    per = parse_span(alert.get("per"))
    return Fold(tuple(_names(data, "alert", "by")), per) if per else None
