"""Small changes of a rule, of which a fixture has to notice each: the list, not the trial (mutation.py).

What is not made, because a mutant that is made kills it as well: a longer comparison (``contains``) where equality
becomes ``startswith`` and ``endswith``, and another value where a value of a list is dropped. Fields of a fixed form
(GUIDs, numbers, times) are not compared more loosely: no other value of theirs begins or ends like the wanted one.
"""

from __future__ import annotations

import copy
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any

from unissued.pack import Rule, parse_span

ALWAYS = [{"Id|exists": True}, {"Id|exists": False}]
NEVER = {"Id|exists": True, "Id|contains": "no record has an id like this"}
_OPEN_TYPES = {"text", "upn", "ip"}
_SWAPPED = {"and": "or", "or": "and"}
_QUANTIFIED = {"1": "all", "all": "1"}
_LOOSER = {
    (): (("startswith",), ("endswith",)),
    ("startswith",): (("contains",),),
    ("endswith",): (("contains",),),
    ("contains", "all"): (("contains",),),
    ("cased",): ((), ("startswith", "cased"), ("endswith", "cased")),
    ("startswith", "cased"): (("startswith",), ("contains", "cased")),
    ("endswith", "cased"): (("endswith",), ("contains", "cased")),
    ("contains", "cased"): (("contains",),),
    ("re",): (("re", "i"),),
}
_COUNTED = re.compile(r"\{([0-9]+)")


@dataclass(frozen=True)
class Mutant:
    """A rule with one thing changed."""

    rule: str
    change: str
    definition: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.rule}: {self.change}"


def mutants(rule: Rule) -> list[Mutant]:
    """Return every mutant of a rule, each change once."""
    found: dict[str, Mutant] = {json.dumps(rule.definition, sort_keys=True, default=str): Mutant("", "", {})}
    for key, changes in (("detection", _detection_mutants), ("correlation", _correlation_mutants)):
        body = rule.definition.get(key)
        if not isinstance(body, Mapping):
            continue
        for change, changed in changes(rule, copy.deepcopy(dict(body))):
            definition = {**rule.definition, key: changed}
            found.setdefault(json.dumps(definition, sort_keys=True, default=str), Mutant(rule.name, change, definition))
    tables: Any = rule.definition.get("required_tables", [])
    for table in tables:
        kept = [name for name in tables if name != table]
        found[table] = Mutant(rule.name, f"without waiting for {table}", {**rule.definition, "required_tables": kept})
    if rule.is_correlation and "judge" in rule.definition:
        unjudged = {key: value for key, value in rule.definition.items() if key != "judge"}
        found["judge"] = Mutant(rule.name, "without the judge", unjudged)
    return list(found.values())[1:]


Changes = Iterator[tuple[str, Any]]
"""What is changed, and what the whole then is."""


def _detection_mutants(rule: Rule, body: dict[str, Any]) -> Changes:
    kinds = {name: known.type for source in rule.sources for name, known in source.fields.items()}
    for change, condition in _conditions(body["condition"]):
        yield change, {**body, "condition": condition}
    for name, selection in body.items():
        if name == "condition":
            continue
        shown = f"filter {name.removeprefix('_filter_')}" if name.startswith("_filter_") else name
        yield f"{shown} is always true", {**body, name: ALWAYS}
        yield f"{shown} is never true", {**body, name: NEVER}
        for change, changed in _selections(selection, kinds):
            yield f"{shown} {change}", {**body, name: changed}


def _conditions(condition: str) -> Iterator[tuple[str, str]]:
    """Yield a condition with and for or, without a not, with one for all; each named by what it then says."""
    words = re.findall(r"[()]|[^()\s]+", condition)
    for index, word in enumerate(words):
        if word in _SWAPPED:
            changed = [*words[:index], _SWAPPED[word], *words[index + 1 :]]
        elif word == "not":
            changed = words[:index] + words[index + 1 :]
        elif word in _QUANTIFIED and words[index + 1 : index + 2] == ["of"]:
            changed = [*words[:index], _QUANTIFIED[word], *words[index + 1 :]]
        else:
            continue
        text = " ".join(changed).replace("( ", "(").replace(" )", ")")
        yield f"condition is {text}", text


def _selections(selection: Any, kinds: Mapping[str, str]) -> Changes:
    """Yield a selection with one alternative, item or value less, or one of them changed."""
    if isinstance(selection, list):
        for index, part in enumerate(selection):
            if len(selection) > 1:
                yield f"without alternative {index + 1}", selection[:index] + selection[index + 1 :]
            for change, changed in _selections(part, kinds):
                yield f"alternative {index + 1} {change}", [*selection[:index], changed, *selection[index + 1 :]]
        if len(selection) > 1 and len({key for part in selection for key in part}) == sum(map(len, selection)):
            yield "asks for all alternatives", {key: value for part in selection for key, value in part.items()}
        return
    if len(selection) > 1:
        yield "asks for any item", [{item: value} for item, value in selection.items()]
    for item, value in selection.items():
        if len(selection) > 1:
            yield f"without {item}", {key: kept for key, kept in selection.items() if key != item}
        for change, changed_item, changed in _items(item, value, kinds):
            if changed_item == item or changed_item not in selection:
                same_place = [(changed_item, changed) if key == item else (key, old) for key, old in selection.items()]
                yield f"with {item} {change}", dict(same_place)


def _items(item: str, value: Any, kinds: Mapping[str, str]) -> Iterator[tuple[str, str, Any]]:
    """Yield changes of one ``field|modifiers: value``: what changes, the new item, the new value."""
    field, *modifiers = item.split("|")
    if isinstance(value, list) and len(value) > 1:
        for one in value:
            yield f"without {one}", item, [kept for kept in value if kept != one]
    else:
        one = value[0] if isinstance(value, list) else value
        for changed in _values(one, modifiers, kinds.get(field, "")):
            yield f"{changed}", item, changed
    if value is None:
        yield "exists", f"{field}|exists", True
    for looser in _LOOSER.get(tuple(modifiers), ()):
        if kinds.get(field) in _OPEN_TYPES and isinstance(value if not isinstance(value, list) else value[0], str):
            yield f"as {'|'.join(looser) or 'uncased'}", "|".join((field, *looser)), value


def _values(value: Any, modifiers: list[str], kind: str) -> Iterator[Any]:
    """Yield other values in place of a single one."""
    if isinstance(value, bool):
        yield not value
    elif isinstance(value, int):
        yield value + 1
        yield value - 1
    elif not isinstance(value, str) or "expand" in modifiers or "fieldref" in modifiers:
        return
    elif "re" in modifiers:
        yield from _patterns(value)
    elif "cidr" in modifiers:
        network = ip_network(value)
        if network.prefixlen:
            yield str(network.supernet())
        if network.prefixlen < network.max_prefixlen:
            yield from map(str, network.subnets())
    else:
        digit = kind in ("guid", "ip", "time")
        yield value[:-1] + (("2" if value[-1] == "1" else "1") if digit else ("y" if value[-1] in "xX" else "x"))


def _patterns(pattern: str) -> Iterator[str]:
    """Yield a regular expression without its anchors, and with its counts shifted by one."""
    if pattern.startswith("^"):
        yield pattern[1:]
    if pattern.endswith("$"):
        yield pattern[:-1]
    for found in _COUNTED.finditer(pattern):
        for shift in (-1, 1):
            if int(found[1]) + shift >= 0:
                yield f"{pattern[: found.start(1)]}{int(found[1]) + shift}{pattern[found.end(1) :]}"


def _correlation_mutants(rule: Rule, body: dict[str, Any]) -> Changes:
    span = parse_span(body["timespan"])
    assert span is not None, rule.name
    for shift in (-1, 1):
        yield f"timespan {shift:+} s", {**body, "timespan": f"{int(span.total_seconds()) + shift}s"}
    for name in body["group-by"]:
        yield f"not grouped by {name}", {**body, "group-by": [kept for kept in body["group-by"] if kept != name]}
    for alias, sides in body.get("aliases", {}).items():
        for side in sides:
            # Nothing has a field of this name, so the side has no key.
            lost = {**sides, side: "a field that no record has"}
            yield f"alias {alias} without {side}", {**body, "aliases": {**body["aliases"], alias: lost}}
    condition = body.get("condition")
    if isinstance(condition, dict):
        yield from _counts(body, condition)
    elif isinstance(condition, str):
        yield from _extended(body, condition)
    elif len(body["rules"]) > 1:
        yield from _sequences(body, judged="judge" in rule.definition)


def _counts(body: dict[str, Any], condition: dict[str, Any]) -> Changes:
    for key in sorted(set(condition) - {"field"}):
        for shift in (-1, 1):
            yield f"{key} {shift:+}", {**body, "condition": {**condition, key: condition[key] + shift}}
    if body["type"] != "event_count":
        events = {key: count for key, count in condition.items() if key != "field"}
        yield "counts events", {**body, "type": "event_count", "condition": events}
    yield from _fewer_rules(body)


def _extended(body: dict[str, Any], condition: str) -> Changes:
    for change, changed in _conditions(condition):
        yield change, {**body, "condition": changed}
    for name in body["rules"][1:]:
        shorter = re.sub(rf"\s+(and|or)\s+(not\s+)?{name}\b|\b(not\s+)?{name}\s+(and|or)\s+", "", condition)
        yield f"without {name}", {**_without(body, name), "condition": shorter}


def _sequences(body: dict[str, Any], *, judged: bool) -> Changes:
    if body["type"] == "temporal_ordered" or judged:
        yield "in the other order", {**body, "rules": body["rules"][::-1]}
    if body["type"] == "temporal_ordered":
        yield "in any order", {**body, "type": "temporal"}
    if not judged:  # a judge takes both of its rules
        yield from _fewer_rules({**body, "type": "temporal"} if len(body["rules"]) == 2 else body)


def _fewer_rules(body: dict[str, Any]) -> Changes:
    for name in body["rules"] if len(body["rules"]) > 1 else ():
        yield f"without {name}", _without(body, name)


def _without(body: dict[str, Any], rule: str) -> dict[str, Any]:
    """Return a correlation without one of its rules, and without what its aliases say about it."""
    aliases = {
        alias: {side: field for side, field in sides.items() if side != rule}
        for alias, sides in body.get("aliases", {}).items()
    }
    changed = {**body, "rules": [kept for kept in body["rules"] if kept != rule]}
    return {**changed, "aliases": aliases} if aliases else changed
