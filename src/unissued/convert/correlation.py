"""What a correlation says, read once for both languages; what neither can say exactly is refused here."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionNOT,
    SigmaCorrelationCondition,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)

from unissued.convert.query import span
from unissued.errors import UnsupportedError
from unissued.pack import JUDGES, Pack, Rule

_KEY = re.compile(r"[^A-Za-z0-9]+")
# Words of the languages, and columns that the templates make.
_TAKEN = frozenset(
    re.findall(
        r"\w+",
        "and or not in by on as where project extend summarize join union let sort order limit take top count "
        "print distinct range contains has between asc desc of with to typeof kind true false null time datetime "
        "string long int real bool dynamic from search eval stats fields table lookup id t v seen start next step "
        "change again values sum begins events firings sums judged company alone ingested old hours expected gaps "
        "feed hour rows before single known link large block unknown why records unissued row rule group state number "
        "fresh new newest arrived enough entries fault listed said "
        "previous moment near shift cell fill fills there spans span begin end latest reportid timegenerated timestamp",
    )
)
_KINDS = {"token": "a token", "int": "a number", "time": "a time"}
"""Types whose values are compared as keys in their own way; all others are text in small letters."""
JUDGED = ("First", "Second")
"""Begin the names of the columns that a judge looks at, of the first rule and of the second."""
_MOST = 10_000
"""Splunk's running windows hold no more events."""


@dataclass(frozen=True)
class Correlation:
    """A correlation in terms of its keys."""

    name: str
    type: str
    rules: tuple[str, ...]
    keys: tuple[str, ...]
    """Column names of the group-by keys."""
    window: timedelta
    threshold: int
    denied: tuple[str, ...]
    """Rules of which none may match; empty unless the condition is ``a and not b``."""
    names: Mapping[str, Mapping[str, str]]
    """Rule -> column name of a key (or ``V``, or what a judge looks at) -> the rule's own field.

    A key that leaves the rule out is not there.
    """
    judge: str = ""
    """Name of the test that two records must meet as well."""
    lists: tuple[str, ...] = ()
    """The lists that it asks for."""
    excluded: tuple[Mapping[str, str], ...] = ()
    """Groups that a site does not want to hear of: column name of a key -> text."""

    @property
    def span(self) -> str:
        """The window as a KQL time span."""
        return span(self.window)

    @property
    def seconds(self) -> int:
        """The window in seconds."""
        return int(self.window.total_seconds())

    def keys_of(self, rule: str) -> tuple[str, ...]:
        """Return the keys that do not leave a rule out."""
        return tuple(key for key in self.keys if key in self.names[rule])

    def excluded_of(self, rule: str) -> list[Mapping[str, str]]:
        """Return the excluded groups that a rule's own keys tell."""
        own = set(self.keys_of(rule))
        return [group for group in self.excluded if group.keys() <= own]

    def own_names(self, rule: str) -> Mapping[str, str]:
        """Return what a rule itself calls the keys."""
        return self.names[rule]


def correlation_of(pack: Pack, rule: Rule) -> Correlation:
    """Read a correlation.

    Raises:
        UnsupportedError: it says something that has no exact form in either language.
    """
    parsed = rule.correlation()
    rules = tuple(rule.references)
    for name in rules:
        if pack.rule(name).is_correlation:
            raise UnsupportedError.at(rule.name, f"is built on the correlation '{name}'", "build it on detections")
    keys = tuple(_KEY.sub("_", key) for key in parsed.group_by or ())
    if not keys or len({key.lower() for key in keys}) < len(keys):
        hint = "group by aliases that differ in letters and digits"
        raise UnsupportedError.at(rule.name, "has no key, or two keys that would be one column", hint)
    for key in keys:
        if rule.judge and key.lower().startswith(tuple(map(str.lower, JUDGED))):
            raise UnsupportedError.at(rule.name, f"key '{key}' begins as the columns of a judge", "rename the alias")
        if not key[:1].isalpha():
            raise UnsupportedError.at(rule.name, f"key '{key}' does not begin with a letter", "rename the alias")
        if key.lower() in _TAKEN:
            raise UnsupportedError.at(
                rule.name, f"key '{key}' is a name that queries use themselves", "rename the alias"
            )
    aliases = {
        alias.alias: {reference.reference: field for reference, field in alias.mapping.items()}
        for alias in (parsed.aliases.aliases.values() if parsed.aliases else ())
    }
    condition = parsed.condition
    kind = parsed.type.name.lower()
    names: dict[str, dict[str, str]] = {}
    wanted = {_KEY.sub("_", key): key for key in parsed.group_by or ()}
    threshold = len(rules)
    denied: tuple[str, ...] = ()
    if isinstance(condition, SigmaExtendedCorrelationCondition):
        if kind != "temporal":
            raise UnsupportedError.at(rule.name, f"a condition in words with type {kind}", "use type temporal")
        rules, denied = _absence(rule, condition)
    elif kind in ("event_count", "value_count", "value_sum") and isinstance(condition, SigmaCorrelationCondition):
        threshold = _threshold(rule, condition)
        if kind != "event_count":
            if not isinstance(condition.fieldref, str):
                raise UnsupportedError.at(rule.name, "counts over several fields", "name one field")
            wanted["V"] = condition.fieldref
    elif kind not in ("temporal", "temporal_ordered"):
        raise UnsupportedError.at(rule.name, f"type {kind} cannot be converted")
    for name in (*rules, *denied):
        names[name] = {
            column: aliases.get(key, {}).get(name, key)
            for column, key in wanted.items()
            if key not in aliases or name in aliases[key]
        }
    _keys_join(rule, rules, names)
    _keys_can_meet(pack, rule, names)
    if rule.judge:
        for name, letter, fields in zip(rules, JUDGED, JUDGES[rule.judge].fields, strict=True):
            names[name] |= {f"{letter}{number}": field for number, field in enumerate(fields, 1)}
    if kind == "value_sum":
        _numbers_only(pack, rule, rules, names)
    return Correlation(
        rule.name,
        kind,
        rules,
        keys,
        timedelta(seconds=parsed.timespan.seconds),
        threshold,
        denied,
        names,
        rule.judge,
        rule.lists,
        _excluded(rule, {name: names[name] for name in rules}),
    )


def _keys_join(rule: Rule, rules: tuple[str, ...], names: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse rules in an order in which one of them has no key in common with those before it."""
    before = set(names[rules[0]])
    for name in rules[1:]:
        if not before & set(names[name]):
            problem = f"rule '{name}' has no key in common with the rules before it"
            raise UnsupportedError.at(rule.name, problem, "put the rule that has every key before it")
        before |= set(names[name])


def _excluded(rule: Rule, names: Mapping[str, Mapping[str, str]]) -> tuple[Mapping[str, str], ...]:
    """Return the groups that a site excludes, by the names of their columns."""
    for value in (value for entry in rule.excluded for value in entry.values()):
        if not value.isascii():
            # Letter case is folded in ASCII alone, and the targets fold more.
            raise UnsupportedError.at(rule.name, f"cannot exclude {value!r} exactly", "ASCII alone")
    for entry in rule.excluded:
        if not any({_KEY.sub("_", key) for key in entry} <= set(own) for own in names.values()):
            raise UnsupportedError.at(rule.name, "cannot exclude by keys that no rule has together", "one of the keys")
    return tuple({_KEY.sub("_", key): value for key, value in entry.items()} for entry in rule.excluded)


def _threshold(rule: Rule, condition: SigmaCorrelationCondition) -> int:
    operator = condition.op.name.lower()
    count = int(condition.count) + (operator == "gt")
    if operator not in ("gt", "gte") or count < 1 or count != condition.count + (operator == "gt"):
        hint = "gte with 1 or more: a group without events is never seen"
        problem = f"a threshold '{operator}: {condition.count}' cannot be converted exactly"
        raise UnsupportedError.at(rule.name, problem, hint)
    if count > _MOST:
        hint = "Splunk's running windows hold no more events"
        raise UnsupportedError.at(rule.name, f"its threshold of {count} is above {_MOST}", hint)
    return count


def _absence(rule: Rule, condition: SigmaExtendedCorrelationCondition) -> tuple[tuple[str, ...], tuple[str, ...]]:
    parsed = condition.parsed
    asked: list[str] = []
    denied: list[str] = []
    for part in _parts(parsed):
        match part:
            case SigmaRuleReference(reference=name):
                asked.append(name)
            case CorrelationConditionNOT(args=[SigmaRuleReference(reference=name)]):
                denied.append(name)
            case _:
                asked.clear()
                break
    if len(asked) != 1 or not denied:
        problem = "its condition is not of the form 'a and not b'"
        raise UnsupportedError.at(rule.name, problem, "one rule, and not others")
    return tuple(asked), tuple(denied)


def _parts(node: object) -> list[object]:
    if isinstance(node, CorrelationConditionAND):
        return [part for arg in node.args for part in _parts(arg)]
    return [node]


def _keys_can_meet(pack: Pack, rule: Rule, names: Mapping[str, Mapping[str, str]]) -> None:
    """Refuse a key that is of different kinds in the rules below: letter case counts in one of them, or it is no text.

    Args:
        pack: knows the rules below.
        rule: the correlation.
        names: rule -> column name of a key -> the rule's own field.
    """
    kinds: dict[str, set[str]] = {}
    for below, own in names.items():
        for source in pack.rule(below).sources:
            for key, name in own.items():
                if name in source.fields:
                    kinds.setdefault(key, set()).add(_KINDS.get(source.fields[name].type, "a text"))
    for key, found in kinds.items():
        if len(found) > 1:
            problem = f"key '{key}' is {' and '.join(sorted(found))} in the rules below, and these never meet"
            raise UnsupportedError.at(rule.name, problem, "give it fields of one kind")


def _numbers_only(pack: Pack, rule: Rule, rules: tuple[str, ...], names: Mapping[str, Mapping[str, str]]) -> None:
    for name in rules:
        for source in pack.rule(name).sources:
            known = source.fields.get(names[name]["V"])
            if known is not None and (known.type != "int" or known.many):
                hint = "value_sum adds up one whole number a record"
                raise UnsupportedError.at(rule.name, f"{known.name} is no number", hint)
