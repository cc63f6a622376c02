"""Analytics rules as ARM resources: each by itself, and all in one deployment. Shipped disabled."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from unissued.convert import Query
from unissued.pack import Rule
from unissued.package import columns
from unissued.package.attack import parents, tactics_of, techniques_of
from unissued.package.said import SEVERITIES, description, iso
from unissued.package.sentinel.content import alert_details, entity_mappings
from unissued.package.sentinel.resources import document, literal, of_sentinel, resource

_KIND = "Microsoft.OperationalInsights/workspaces/providers/alertRules"
_LONGEST_GROUP = timedelta(days=7)
_HOURLY_FROM = timedelta(days=2)
"""A rule that looks back so far may not run more often than every hour."""
_OFTENER = (timedelta(minutes=15), timedelta(minutes=30))


def one(rule: Rule, query: Query) -> str:
    """Return the deployment of one rule."""
    parameters = {
        "analytic-id": {
            "type": "string",
            "defaultValue": rule.id,
            "minLength": 36,
            "maxLength": 36,
            "metadata": {"description": "Stable id of the rule; change it only for a second copy"},
        },
        "enabled": {
            "type": "bool",
            "defaultValue": False,
            "metadata": {"description": "Whether the rule runs"},
        },
        "severity": {
            "type": "string",
            "defaultValue": SEVERITIES[rule.level],
            "allowedValues": ["Informational", "Low", "Medium", "High"],
            "metadata": {"description": "Severity of the alerts"},
        },
        "frequency": {
            "type": "string",
            "defaultValue": iso(query.schedule.every),
            "allowedValues": _frequencies(query),
            "metadata": {
                "description": "How often the rule runs. The query reports what arrived in the last 65 minutes, so "
                "oftener repeats alerts, and seldomer would lose records"
                if query.schedule.arrived
                else "How often the rule runs. The query judges records that arrived six to seven hours ago, so "
                "oftener repeats alerts, and seldomer would lose records"
            },
        },
    }
    chosen = {name: f"[parameters('{name}')]" for name in ("enabled", "severity", "frequency")}
    return document(
        parameters,
        [_resource("parameters('analytic-id')", rule, query, chosen)],
        {"rule": rule.id, "name": rule.name, "version": rule.version, "source": rule.path},
    )


def all_of(rules: Sequence[tuple[Rule, Query]]) -> str:
    """Return one deployment of all rules; what is to differ from the pack is said by the names of rules."""
    names = ", ".join(rule.name for rule, _ in rules)
    parameters = {
        "enabled": {
            "type": "array",
            "defaultValue": [],
            "metadata": {"description": f"Names of the rules that run. Known: {names}"},
        },
        "severities": {
            "type": "object",
            "defaultValue": {},
            "metadata": {"description": "Name of a rule -> Informational, Low, Medium or High, where not the pack's"},
        },
        "frequencies": {
            "type": "object",
            "defaultValue": {},
            "metadata": {
                "description": "Name of a rule -> how often it runs, such as PT30M, where not every hour; an hour at "
                "most, and an hour exactly where queryPeriod is P2D or more"
            },
        },
    }
    resources = []
    for rule, query in rules:
        chosen = {
            "enabled": f"[contains(parameters('enabled'), '{rule.name}')]",
            "severity": _chosen("severities", rule, SEVERITIES[rule.level]),
            "frequency": _chosen("frequencies", rule, iso(query.schedule.every)),
        }
        resources.append(_resource(f"'{rule.id}'", rule, query, chosen))
    return document(parameters, resources, {"rules": {rule.name: rule.version for rule, _ in rules}})


def _chosen(parameter: str, rule: Rule, default: str) -> str:
    given = f"parameters('{parameter}')"
    return f"[if(contains({given}, '{rule.name}'), {given}['{rule.name}'], '{default}')]"


def _frequencies(query: Query) -> list[str]:
    often = () if query.schedule.look_back >= _HOURLY_FROM else _OFTENER
    return [iso(one) for one in (*often, query.schedule.every)]


def _resource(name: str, rule: Rule, query: Query, chosen: dict[str, str]) -> dict[str, object]:
    properties = {
        "displayName": literal(rule.title),
        "description": literal(description(rule)),
        "enabled": chosen["enabled"],
        "severity": chosen["severity"],
        "query": literal(query.query),
        "queryFrequency": chosen["frequency"],
        "queryPeriod": iso(query.schedule.look_back),
        "triggerOperator": "GreaterThan",
        "triggerThreshold": 0,
        "suppressionEnabled": False,
        "suppressionDuration": "PT5H",
        "tactics": tactics_of(rule),
        "techniques": parents(techniques_of(rule)),
        "entityMappings": entity_mappings(query),
        "customDetails": columns.details(query),
        "alertDetailsOverride": {key: literal(said) for key, said in alert_details(rule, query).items()},
        "eventGroupingSettings": {"aggregationKind": "AlertPerResult"},
        "incidentConfiguration": {"createIncident": True, "groupingConfiguration": _grouping(rule, query)},
    }
    return resource(_KIND, of_sentinel(name), properties, kind="Scheduled", location="[resourceGroup().location]")


def _grouping(rule: Rule, query: Query) -> dict[str, object]:
    """Return which alerts become one incident: those of the same keys, as far apart as the rule says."""
    keys = [columns.detail(name) for name in columns.keys(rule, query)]
    apart = (rule.fold.per if rule.fold else query.schedule.silence) or timedelta(days=1)
    return {
        "enabled": True,
        "reopenClosedIncident": False,
        "lookbackDuration": iso(min(apart, _LONGEST_GROUP)),
        "matchingMethod": "Selected" if keys else "AllEntities",
        "groupByEntities": [],
        "groupByAlertDetails": [],
        "groupByCustomDetails": sorted(dict.fromkeys(keys)),
    }
