"""Microsoft Defender XDR: custom detections, bodies of Graph's ``security/rules/detectionRules``. Shipped disabled."""

from __future__ import annotations

from unissued.convert import FAULT, Build, Query
from unissued.errors import UnsupportedError
from unissued.pack import Pack, Rule
from unissued.package import columns
from unissued.package.artefacts import Artefacts, dumped
from unissued.package.attack import by_tactic
from unissued.package.said import SEVERITIES, iso, text_of

TARGET = "defender"


def artefacts(pack: Pack, build: Build) -> Artefacts:
    """Return everything for Defender XDR beside the plain queries, as below ``kql/defender/``."""
    return Artefacts(
        {
            f"{query.rule}.detection.json": dumped(body(pack.rule(query.rule), query))
            for query in build.queries
            if query.target == TARGET
        }
    )


def body(rule: Rule, query: Query) -> dict[str, object]:
    """Return the request that creates a rule.

    Raises:
        UnsupportedError: the query does not return what a custom detection must have.
    """
    entities = _entities(query)
    lacking = [name for name in ("Timestamp", "ReportId") if name not in query.columns]
    if lacking or not entities:
        what = ", ".join(lacking) or "column that names somebody or something"
        raise UnsupportedError.at(rule.name, f"its query returns no {what}, which a custom detection needs")
    return {
        "@odata.type": "#microsoft.graph.security.detectionRule",
        "id": f"unissued-{rule.name.replace('_', '-')}",
        "displayName": f"Unissued - {rule.title}",
        "description": text_of(rule, "description"),
        "status": "disabled",
        "queryCondition": {"queryText": query.query},
        "schedule": {"frequency": iso(query.schedule.every), "lookback": iso(query.schedule.look_back)},
        "detectionAction": {"alertTemplate": _alert(rule, query, entities)},
    }


def _alert(rule: Rule, query: Query, entities: dict[str, list[dict[str, str]]]) -> dict[str, object]:
    subject = columns.subject(rule, query)
    fault = f" {{{{{FAULT}}}}}" if FAULT in query.columns else ""
    return {
        "title": f"{rule.title}: {{{{{subject}}}}}" if subject else rule.title,
        "description": text_of(rule, "description") + fault,
        "severity": SEVERITIES[rule.level].lower(),
        "recommendedActions": text_of(rule, "triage"),
        "tactics": [_tactic(name, techniques) for name, techniques in by_tactic(rule).items()],
        "entityMappings": entities,
        "customDetails": columns.details(query),
    }


def _entities(query: Query) -> dict[str, list[dict[str, str]]]:
    """Return the entities of an alert; an application has a kind of its own here, which takes Entra ids."""
    found = {
        "accounts": [{"upnColumn": name} for name in columns.accounts(query)],
        "mailboxes": [{"primaryAddressColumn": name} for name in columns.mailboxes(query)],
        "ips": [{"addressColumn": name} for name in columns.addresses(query)],
        "oAuthApplications": [{"oAuthAppIdColumn": name} for name in columns.applications(query)],
        "dns": [{"domainNameColumn": name} for name in columns.domains(query)],
    }
    return {kind: entries for kind, entries in found.items() if entries}


def _tactic(name: str, techniques: list[str]) -> dict[str, object]:
    """Return a tactic with its techniques, sub-techniques below their own."""
    below: dict[str, list[str]] = {}
    for one in techniques:
        found = below.setdefault(one.split(".", 1)[0], [])
        if "." in one:
            found.append(one)
    return {
        "tactic": name,
        "techniques": [{"technique": one, "subTechniques": subs} for one, subs in sorted(below.items())],
    }
