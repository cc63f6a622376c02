"""Analytics rule templates in YAML, the form of Microsoft's public repository of content."""

from __future__ import annotations

from collections.abc import Mapping

import yaml

from unissued.convert import Query
from unissued.pack import Rule
from unissued.package import columns
from unissued.package.attack import tactics_of, techniques_of
from unissued.package.said import SEVERITIES, description, short
from unissued.package.sentinel.content import alert_details, entity_mappings

_CONNECTORS: Mapping[str, tuple[str, str]] = {
    "OfficeActivity": ("Office365", "OfficeActivity (Exchange)"),
    "CloudAppEvents": ("MicrosoftThreatProtection", "CloudAppEvents"),
}
_ENTRA = "AzureActiveDirectory"
"""Every other table of ours comes through the connector of Entra ID."""
_UNKNOWN = frozenset({"T1671"})
"""Techniques that the validator of Microsoft's repository does not know."""


def text(rule: Rule, query: Query) -> str:
    """Return the template of a rule."""
    return dumped(_content(rule, query))


def dumped(content: Mapping[str, object]) -> str:
    """Return YAML in which texts of several lines stand as they are."""
    return yaml.dump(dict(content), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=120)


def _content(rule: Rule, query: Query) -> dict[str, object]:
    return {
        "id": rule.id,
        "name": rule.title,
        "version": rule.version,
        "kind": "Scheduled",
        "status": "Available",
        "severity": SEVERITIES[rule.level],
        "description": description(rule) + "\n",
        "requiredDataConnectors": _connectors(query),
        "queryFrequency": short(query.schedule.every),
        "queryPeriod": short(query.schedule.look_back),
        "triggerOperator": "gt",
        "triggerThreshold": 0,
        "tactics": tactics_of(rule),
        "relevantTechniques": [one for one in techniques_of(rule) if one not in _UNKNOWN],
        "query": query.query,
        "entityMappings": entity_mappings(query),
        "customDetails": columns.details(query),
        "alertDetailsOverride": alert_details(rule, query),
        "eventGroupingSettings": {"aggregationKind": "AlertPerResult"},
        "tags": ["unissued", rule.name],
    }


def _connectors(query: Query) -> list[dict[str, object]]:
    wanted: dict[str, list[str]] = {}
    for table in query.tables:
        connector, kind = _CONNECTORS.get(table, (_ENTRA, table))
        wanted.setdefault(connector, []).append(kind)
    return [{"connectorId": connector, "dataTypes": kinds} for connector, kinds in wanted.items()]


class _Dumper(yaml.SafeDumper):
    """Writes texts of several lines as they are, so that a query can be read in the file."""

    def ignore_aliases(self, data: object) -> bool:  # noqa: ARG002 - the signature is PyYAML's
        """Write a list twice rather than point to it."""
        return True

    def increase_indent(self, flow: bool = False, indentless: bool = False) -> None:  # noqa: ARG002 - PyYAML's
        """Indent the items of a list."""
        super().increase_indent(flow, False)


def _text(dumper: yaml.SafeDumper, value: str) -> yaml.ScalarNode:
    return dumper.represent_scalar("tag:yaml.org,2002:str", value, style="|" if "\n" in value else None)


_Dumper.add_representer(str, _text)
