"""What a pySigma rule says after pipelines changed it, said again in the words of a rule file.

pySigma's ``to_dict`` does not do: it raises for a rewritten value, it turns the ``or`` of a field that was mapped to
several into an ``and``, and it loses the backslash before a wildcard. Here every comparison is written, read again and
held against the one in the rule.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from itertools import count, product

from sigma.conditions import ConditionAND, ConditionOR
from sigma.correlations import SigmaCorrelationCondition, SigmaCorrelationRule
from sigma.exceptions import SigmaError
from sigma.modifiers import modifier_mapping
from sigma.rule import SigmaDetection, SigmaDetectionItem, SigmaDetections, SigmaRule, SigmaRuleBase
from sigma.rule.logsource import SigmaLogSource
from sigma.types import (
    Placeholder,
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaType,
    SpecialChars,
)

from unissued.errors import UnsupportedError
from unissued.pack.vocabulary import MODIFIERS

_FILTERED = re.compile(r"_filt_[a-z]{10}_")
_COUNTED = re.compile(r"\bof\b")
_SPECIAL = re.compile(r"([*?\\])")
_MOST = 1000
"""Alternatives that one selection may come to when a pipeline maps fields to several."""
_WILDCARDS = {SpecialChars.WILDCARD_MULTI: "*", SpecialChars.WILDCARD_SINGLE: "?"}
# Of several names of a modifier the one that rules of the pack use.
_MODIFIERS = {modifier: name for name, modifier in modifier_mapping.items()} | {
    modifier: name for name, modifier in modifier_mapping.items() if name in MODIFIERS
}
_FLAGS = {
    SigmaRegularExpressionFlag.IGNORECASE: "i",
    SigmaRegularExpressionFlag.MULTILINE: "m",
    SigmaRegularExpressionFlag.DOTALL: "s",
}


def head_of(rule: SigmaRuleBase) -> dict[str, object]:
    """Return the keys of a rule that no pipeline concerns, as they were written."""
    data: dict[str, object] = SigmaRuleBase.to_dict(rule)
    data.pop("fields", None)
    data.pop("correlation", None)
    if rule.taxonomy != "sigma":
        data["taxonomy"] = rule.taxonomy
    return data


def logsource_of(logsource: SigmaLogSource) -> dict[str, object]:
    """Return a log source; pySigma's own way adds the path of the rule to it."""
    words = {key: getattr(logsource, key) for key in ("category", "product", "service", "definition")}
    return {**{key: word for key, word in words.items() if word is not None}, **(logsource.custom_attributes or {})}


# Detections


def without_filters(detections: SigmaDetections, filters: Sequence[SigmaDetection]) -> None:
    """Take out what pySigma built in of filters, under random names and anew with every merge of collections.

    Args:
        detections: the body that is changed.
        filters: selections of the filters that are applied later, by us.
    """
    prefixes = {
        found[0]
        for name, detection in detections.detections.items()
        if (found := _FILTERED.match(name)) and detection in filters
    }
    if prefixes:
        bare = {name: one for name, one in detections.detections.items() if not name.startswith(tuple(prefixes))}
        detections.detections = bare
        detections.condition = [_without(condition, prefixes) for condition in detections.condition]
        detections.__post_init__()


def _without(condition: str, prefixes: Collection[str]) -> str:
    """Undo ``(condition) and (filter's condition)``, as often as it was done."""
    inner, rest = _first_group(condition)
    while rest.startswith(" and (") and any(prefix in rest for prefix in prefixes):
        condition = inner
        inner, rest = _first_group(condition)
    return condition


def written_in(detections: SigmaDetections) -> set[str]:
    """Return the names of the selections that a rule has of its own."""
    return {name for name in detections.detections if not _FILTERED.match(name)}


def _first_group(condition: str) -> tuple[str, str]:
    """Return what is inside the parentheses that a condition begins with, and what comes after them."""
    depth = 0
    for index, char in enumerate(condition if condition.startswith("(") else ""):
        depth += (char == "(") - (char == ")")
        if not depth:
            return condition[1:index], condition[index + 1 :]
    return condition, ""


def detection_of(detections: SigmaDetections, written: Collection[str]) -> dict[str, object]:
    """Return a detection's body.

    Args:
        detections: the body after the pipeline.
        written: names of the selections that it had before.

    Raises:
        UnsupportedError: a pipeline made of it what no rule file can say.
    """
    # A pipeline that adds a condition changes the parsed one only.
    conditions = [one.condition for one in detections.parsed_condition]
    names = {name: name for name in detections.detections}
    free = (better for number in count(1) if (better := f"added_{number}") not in names)
    for name in [name for name in names if name not in written and name.startswith("_")]:
        names[name] = next(free)
        conditions = [_renamed(condition, name, names[name]) for condition in conditions]
    body: dict[str, object] = {
        names[name]: selection_of(name, detection) for name, detection in detections.detections.items()
    }
    return {**body, "condition": conditions[0] if len(conditions) == 1 else conditions}


def _renamed(condition: str, name: str, better: str) -> str:
    """Give a selection that a pipeline added a name that a rule may use."""
    if _COUNTED.search(condition):
        problem = "a pipeline adds a condition to a rule that counts its selections"
        raise UnsupportedError.at("condition", problem, "name each selection instead of '… of …'")
    return re.sub(rf"(?<![\w*-]){re.escape(name)}(?![\w*-])", better, condition)


def selection_of(name: str, detection: SigmaDetection) -> object:
    """Return a selection: a mapping, a list of mappings, or a list of keywords.

    Raises:
        UnsupportedError: a pipeline made of it what no rule file can say.
    """
    found = []
    for items in _alternatives(detection):
        found.append(_mapping(name, items))
        if len(found) > _MOST:
            raise UnsupportedError.at(name, f"comes to more than {_MOST} alternatives after the pipelines")
    if len(found) == 1:
        return found[0]
    return [part for one in found for part in (one if isinstance(one, list) else [one])]


def _alternatives(node: SigmaDetection | SigmaDetectionItem) -> Iterator[list[SigmaDetectionItem]]:
    """Yield the lists of comparisons of which one must hold as a whole."""
    if isinstance(node, SigmaDetectionItem):
        yield [node]
    elif node.item_linking is ConditionOR:
        for part in node.detection_items:
            yield from _alternatives(part)
    else:
        for choice in product(*map(_alternatives, node.detection_items)):
            yield [item for items in choice for item in items]


def _mapping(name: str, items: Sequence[SigmaDetectionItem]) -> dict[str, object] | list[object]:
    if items and all(item.field is None and not item.modifiers for item in items):
        return [str(value) for item in items for value in item.value]
    mapping: dict[str, object] = {}
    for item in items:
        key, value = _comparison(name, item)
        if key in mapping:
            hint = "map one field of the rule to one of the catalogue"
            raise UnsupportedError.at(name, f"compares '{key}' twice after the pipelines", hint)
        mapping[key] = value
    return mapping


def _comparison(name: str, item: SigmaDetectionItem) -> tuple[str, object]:
    """Return a comparison as key and value: as it was written if that still says the same, else by its values."""
    for write in (_as_written, _by_values):
        try:
            key, value = write(item)
            if _says_the_same(SigmaDetectionItem.from_mapping(key, value, item.source), item):  # type: ignore[arg-type]
                return key, value
        except SigmaError:
            continue
    problem = f"what a pipeline made of field '{item.field}' cannot be said in a rule"
    raise UnsupportedError.at(name, problem, "plain values, lists and the modifiers of docs/evaluator.md")


def _says_the_same(one: SigmaDetectionItem, other: SigmaDetectionItem) -> bool:
    return (
        (one.field, one.negated, len(one.value)) == (other.field, other.negated, len(other.value))
        and (len(one.value) == 1 or one.value_linking is other.value_linking)
        and all(type(a) is type(b) and a == b for a, b in zip(one.value, other.value, strict=True))
    )


def _as_written(item: SigmaDetectionItem) -> tuple[str, object]:
    modifiers = [_MODIFIERS[modifier] for modifier in item.modifiers]
    values: list[object] = [
        value.original if isinstance(value, SigmaString) else value.to_plain() for value in item.original_value or ()
    ]
    return _key(item, modifiers), values[0] if len(values) == 1 else values


def _by_values(item: SigmaDetectionItem) -> tuple[str, object]:
    written = [_value(value) for value in item.value]
    modifiers = {kind for kind, _ in written}
    kind = modifiers.pop() if len(modifiers) == 1 else "mixed"
    values: list[object] = [value for _, value in written]
    if len(values) > 1 and item.value_linking is ConditionAND:
        kind, values = "contains|all", [str(value).removeprefix("*").removesuffix("*") for value in values]
    return _key(item, kind.split("|") if kind else []), values[0] if len(values) == 1 else values


def _key(item: SigmaDetectionItem, modifiers: Sequence[str]) -> str:
    return "|".join((item.field or "", *modifiers))


def _value(value: SigmaType) -> tuple[str, object]:
    """Return the modifiers under which a value is written, and the value."""
    match value:
        case SigmaString(s=[Placeholder(name=name)]):
            return "expand", f"%{name}%"
        case SigmaString():
            return "cased" if isinstance(value, SigmaCasedString) else "", _text(value)
        case SigmaRegularExpression():
            return "|".join(["re", *sorted(_FLAGS[flag] for flag in value.flags)]), value.regexp.original
        case SigmaCIDRExpression():
            return "cidr", value.cidr
        case SigmaExists():
            return "exists", value.exists
        case SigmaCompareExpression():
            return value.op.name.lower(), value.number.number
        case SigmaFieldReference():
            return "fieldref", value.field
        case SigmaNull():
            return "", None
        case SigmaNumber() | SigmaBool():
            return "", value.to_plain()
    return type(value).__name__, None  # no modifier has this name


def _text(value: SigmaString) -> str:
    return "".join(
        _WILDCARDS[part] if isinstance(part, SpecialChars) else _SPECIAL.sub(r"\\\1", str(part)) for part in value.s
    )


# Correlations


def correlation_of(
    rule: SigmaCorrelationRule, names: Mapping[str, str], renamed: Callable[[SigmaRule, str], str]
) -> dict[str, object]:
    """Return a correlation's body, its rules by name and its keys by the names that the rules below have for them.

    pySigma maps the keys of a correlation as if all its rules had the log source of any of them. Here each key is
    mapped for each rule, and where the rules differ it becomes an alias.

    Args:
        rule: the correlation as it was written, its references resolved.
        names: the name of each rule by the reference to it.
        renamed: returns what a pipeline makes of a field of a rule.
    """
    raw = rule.custom_attributes.get("correlation") or rule.to_dict()["correlation"]
    body: dict[str, object] = {key: value for key, value in raw.items() if key != "generate"}  # sigma-cli's business
    body["rules"] = [names[one.reference] for one in rule.referenced_rules]
    aliases = {
        alias.alias: {names.get(one.reference, one.reference): field for one, field in alias.mapping.items()}
        for alias in rule.aliases
    }

    def key_of(key: str) -> str:
        written = aliases.get(key, dict.fromkeys(names.values(), key))
        mapped = {
            names[one.reference]: _in_rule(one.rule, written[names[one.reference]], renamed)
            for one in rule.referenced_rules
            if names[one.reference] in written
        }
        if key in aliases:
            aliases[key].update(mapped)
        elif len(set(mapped.values())) == 1:
            return next(iter(mapped.values()))
        else:
            aliases[key] = mapped
        return key

    if rule.group_by is not None:
        body["group-by"] = [key_of(key) for key in rule.group_by]
    condition = rule.condition
    if isinstance(condition, SigmaCorrelationCondition) and isinstance(condition.fieldref, str):
        body["condition"] = {**raw["condition"], "field": key_of(condition.fieldref)}
    if aliases:
        body["aliases"] = aliases
    return body


def _in_rule(rule: SigmaRule | SigmaCorrelationRule, field: str, renamed: Callable[[SigmaRule, str], str]) -> str:
    """Return what a key is called in a rule below; a correlation below has keys of its own."""
    return renamed(rule, field) if isinstance(rule, SigmaRule) else field
