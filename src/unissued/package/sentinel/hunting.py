"""Hunting queries as saved searches: what people run, not schedules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from unissued.convert import HEALTH, Build, convert, further_back
from unissued.errors import UnsupportedError
from unissued.pack import Pack, Rule
from unissued.package.attack import parents, tactics_of, techniques_of
from unissued.package.said import text_of
from unissued.package.sentinel.resources import document, literal, of_workspace, resource

_KIND = "Microsoft.OperationalInsights/workspaces/savedSearches"
_LONGEST = 240
"""Characters of a description that the hunting page shows."""
_BACK = timedelta(days=30)
HUNTS = (
    "app_credential_added",
    "app_mail_permission_granted",
    "mail_read_by_app",
    "risk_token_anomaly",
    "signin_federated",
    "user_created",
)
"""Rules that alert nobody, and that a hunter begins with."""


@dataclass(frozen=True)
class Hunt:
    """One query for people."""

    name: str
    """Small letters and dashes; with ``unissued-`` it is the resource's name."""
    title: str
    says: str
    query: str
    tactics: Sequence[str] = ("Collection",)
    techniques: Sequence[str] = ("T1114",)

    @property
    def id(self) -> str:
        """The saved search's name."""
        return f"unissued-{self.name}"


def hunts(pack: Pack, build: Build) -> Iterator[Hunt]:
    """Yield every hunting query: learning, health, and rules that only feed others."""
    for query in build.learning:
        if query.target == "sentinel":
            says = f"Learns the list unissued_{query.rule}: {pack.catalogue.lists[query.rule].holds}."
            name = f"learn-{query.rule.replace('_', '-')}"
            yield Hunt(name, f"Learn the List {query.rule}", says, query.query)
    for query in build.health:
        if query.target == "sentinel":
            question = HEALTH[query.rule]
            yield Hunt(f"health-{query.rule.replace('_', '-')}", question.title, _sentence(question.says), query.query)
    for name in HUNTS:
        if name in pack.rules and (hunt := _of_rule(pack, pack.rules[name])):
            yield hunt


def _of_rule(pack: Pack, rule: Rule) -> Hunt | None:
    try:
        query = convert(pack, rule, "sentinel")
    except UnsupportedError:
        return None  # docs/targets.md says why
    text = further_back(query, _BACK)
    tactics, techniques = tactics_of(rule), parents(techniques_of(rule))
    return Hunt(rule.name.replace("_", "-"), rule.title, text_of(rule, "description"), text, tactics, techniques)


def files(pack: Pack, build: Build) -> dict[str, str]:
    """Return a deployment for each hunting query, by the query's name."""
    return {hunt.name: document({}, [_resource(hunt)]) for hunt in hunts(pack, build)}


def _resource(hunt: Hunt) -> dict[str, object]:
    tags = {
        "description": _cut(hunt.says),
        "tactics": ",".join(hunt.tactics),
        "relevantTechniques": ",".join(hunt.techniques),
    }
    properties = {
        "category": "Hunting Queries",
        "displayName": literal(hunt.title),
        "query": literal(hunt.query),
        "version": 2,
        "tags": [{"name": name, "value": literal(value)} for name, value in tags.items() if value],
    }
    # A second deployment overwrites the first whatever its tag.
    return {**resource(_KIND, of_workspace(hunt.id), properties), "etag": "*"}


def _sentence(text: str) -> str:
    return f"{text[:1].upper()}{text[1:]}."


def _cut(text: str) -> str:
    """Return the first sentences that fit."""
    if len(text) <= _LONGEST:
        return text
    whole = text[:_LONGEST].rpartition(". ")[0]
    return f"{whole}." if whole else f"{text[: _LONGEST - 1].rpartition(' ')[0]}…"
