"""The page of one rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unissued.convert import Build, Query
from unissued.pack import TARGETS, Pack, Rule
from unissued.pages.facts import Feed, Technique, feed, technique
from unissued.pages.kind import Kind, kind_of, lists_of, text, texts
from unissued.pages.markdown import link
from unissued.verify import CaseName

PRODUCTS = {"sentinel": "Microsoft Sentinel", "defender": "Defender XDR", "splunk": "Splunk"}
_VERDICTS = {
    "hit": "Must fire",
    "hit_fp": "Fires, and is known to be benign",
    "miss": "Must not fire",
    "gap": "A known blind spot: does not fire today",
    "unjudged": "Must not be evaluated",
}


@dataclass(frozen=True)
class Place:
    """A rule in one target: its query, or why there is none."""

    product: str
    query: Query | None
    refused: str


@dataclass(frozen=True)
class Log:
    """A log source that a rule reads, and where it is kept."""

    title: str
    feeds: tuple[Feed, ...]
    one_of: bool
    """Whether another log source of the rule does as well."""


def values(pack: Pack, rule: Rule, build: Build, cases: Sequence[CaseName]) -> dict[str, object]:
    """Return what the template of a rule's page prints."""
    kind = kind_of(rule)
    body = rule.definition.get("correlation")
    return {
        "rule": rule,
        "kind": kind.value,
        "by_hand": kind is Kind.BY_HAND,
        "description": text(rule, "description"),
        "needs": text(rule, "needs"),
        "setup": _definition(rule),
        "date": text(rule, "modified") or text(rule, "date"),
        "techniques": techniques(rule),
        "tactics": tactics(rule),
        "links": [link(one.id, one.url) for one in techniques(rule)],
        "places": _places(rule, build),
        "logs": _logs(pack, rule),
        "lists": lists_of(pack, rule),
        "filters": list(dict.fromkeys(name for below in pack.below(rule) for name in below.filters)),
        "correlation": _words(rule, body) if isinstance(body, Mapping) else (),
        "below": [pack.rule(name) for name in rule.references],
        "above": [other for other in pack.rules.values() if rule.name in other.references],
        "verdicts": [
            (words, [case for case in cases if case.verdict == verdict]) for verdict, words in _VERDICTS.items()
        ],
        **{key: texts(rule, key) for key in ("falsepositives", "blind_spots", "triage", "references", "fields")},
    }


def techniques(rule: Rule) -> list[Technique]:
    """Return the techniques of a rule, in the order of its tags."""
    tags = (tag.removeprefix("attack.") for tag in texts(rule, "tags"))
    return [technique(tag) for tag in tags if tag[:1] == "t" and tag[1:2].isdigit()]


def tactics(rule: Rule) -> list[str]:
    """Return the tactics of a rule in words, in the order of its tags."""
    tags = (tag.removeprefix("attack.") for tag in texts(rule, "tags"))
    return [tag.replace("-", " ") for tag in tags if not tag[1:2].isdigit()]


def _definition(rule: Rule) -> str:
    source = rule.definition.get("logsource")
    return str(source.get("definition", "")) if isinstance(source, Mapping) else ""


def _places(rule: Rule, build: Build) -> list[Place]:
    queries = {query.target: query for query in build.queries if query.rule == rule.name}
    refused = {one.target: one.reason for one in build.refused if one.rule == rule.name}
    return [Place(PRODUCTS[target], queries.get(target), refused.get(target, "")) for target in TARGETS]


def _logs(pack: Pack, rule: Rule) -> list[Log]:
    """Return the log sources of a rule; those of a category can stand in for each other."""
    found: dict[str, Log] = {}
    for below in pack.detections_below(rule):
        source_of = below.definition.get("logsource")
        one_of = isinstance(source_of, Mapping) and "category" in source_of
        for source in below.sources:
            known = found.get(source.key)
            alone = not one_of or (known is not None and not known.one_of)
            found[source.key] = Log(source.title, tuple(map(feed, source.tables)), not alone)
    return list(found.values())


def _words(rule: Rule, body: Mapping[str, object]) -> list[tuple[str, str]]:
    """Return what a correlation says, as pairs of a word and a value."""
    condition = body.get("condition")
    said: list[tuple[str, str]] = [("type", str(body.get("type"))), ("within", str(body.get("timespan")))]
    groups = body.get("group-by")
    said.append(("key", ", ".join(map(str, groups)) if isinstance(groups, list) else ""))
    aliases = body.get("aliases")
    for alias, sides in aliases.items() if isinstance(aliases, Mapping) else ():
        said += [(f"{alias} in {rule}", str(field)) for rule, field in sides.items()]
    if isinstance(condition, Mapping):
        said += [(str(word), str(value)) for word, value in condition.items()]
    elif condition is not None:
        said.append(("condition", str(condition)))
    said += [("judge", rule.judge)] if rule.judge else []
    said += [("must be complete", name) for name in texts(rule, "required_tables")]
    return said
