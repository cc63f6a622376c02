"""The index of all rules, by question."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from unissued.pack import Pack, Rule, Source
from unissued.pages.facts import Technique, feed
from unissued.pages.kind import LEVELS, Kind, alerting, kind_of, lists_of
from unissued.pages.rule_page import techniques


def values(pack: Pack) -> dict[str, object]:
    """Return what the template of the index prints."""
    rules = alerting(pack)
    sources = list({source.key: source for rule in rules for source in _sources(pack, rule)}.values())
    return {
        "rules": rules,
        "steps": _steps(pack, rules),
        "sources": sources,
        "needs": [(rule, [_need(pack, rule, source) for source in sources]) for rule in rules],
        "feeds": [(source, [feed(table) for table in source.tables]) for source in sources],
        "lists": [
            (spec, [rule for rule in rules if spec in lists_of(pack, rule)]) for spec in pack.catalogue.lists.values()
        ],
        "levels": [(level, [rule for rule in rules if rule.level == level]) for level in LEVELS],
        "techniques": _by_technique(rules),
        "base": [
            (rule, [other for other in pack.rules.values() if rule.name in other.references])
            for rule in pack.rules.values()
            if not rule.level
        ],
    }


def _sources(pack: Pack, rule: Rule) -> Iterable[Source]:
    return (source for below in pack.detections_below(rule) for source in below.sources)


def _need(pack: Pack, rule: Rule, source: Source) -> str:
    """Return whether a rule needs a log source, or whether another of the same kind does as well."""
    words = set()
    for below in pack.detections_below(rule):
        if source in below.sources:
            of = below.definition.get("logsource")
            words.add("or" if isinstance(of, Mapping) and "category" in of else "yes")
    return "yes" if "yes" in words else "either" if words else ""


def _steps(pack: Pack, rules: Iterable[Rule]) -> dict[str, list[Rule]]:
    """Sort rules by what has to be there before they can say anything."""
    steps: dict[str, list[Rule]] = {"paste": [], "lists": [], "feeds": []}
    for rule in rules:
        below = [kind_of(one) for one in pack.below(rule)]
        if Kind.ABSENCE in below or Kind.BY_HAND in below:
            steps["feeds"].append(rule)
        elif any(spec.if_empty == "refuse" for spec in lists_of(pack, rule)):
            steps["lists"].append(rule)
        else:
            steps["paste"].append(rule)
    return steps


def _by_technique(rules: Iterable[Rule]) -> list[tuple[Technique, list[Rule]]]:
    found: dict[Technique, list[Rule]] = {}
    for rule in rules:
        for one in techniques(rule):
            found.setdefault(one, []).append(rule)
    return sorted(found.items(), key=lambda item: item[0].id)
