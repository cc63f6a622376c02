"""The workbook that an analyst opens first: gallery form to paste, and the same as a deployment."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence

from unissued.convert import HEALTH, Build, workbook
from unissued.pack import Pack
from unissued.package.artefacts import dumped
from unissued.package.sentinel.resources import document, resource

_NAME = "mail_readers"
_TITLE = "Unissued - who reads mail"
_NAMESPACE = uuid.UUID("0b4cbb5e-3d0e-5b53-9a0b-1de0a2f0a3c1")
_SCHEMA = "https://github.com/Microsoft/Application-Insights-Workbooks/blob/master/schema/workbook.json"
_KIND = "Microsoft.Insights/workbooks"
_WORKSPACES = "microsoft.operationalinsights/workspaces"
_DAY = 24 * 60 * 60 * 1000
_INTRO = """## Who reads mail
Records of mail access by application and mailbox, whether a sign-in explains their tokens, and whether the logs \
are complete enough to say so. A mailbox that is throttled, and an access that synchronises a folder, are recorded in \
part, so counts are lower bounds. A token without a sign-in is unexplained, not proven forged."""
_HEALTH = (
    ("feed_coverage", "Empty"),
    ("feed_signin_gap", "NotEvaluated"),
    ("feed_mail_audit_silent", "Hours"),
    ("feed_mailbox_throttled", "Throttled"),
    ("mail_token_id_share", "Reads"),
)
"""Health query -> the column whose large values are coloured."""


def files(pack: Pack, build: Build) -> dict[str, str]:
    """Return both forms by file name."""
    gallery = {"version": "Notebook/1.0", "items": _items(pack, build), "$schema": _SCHEMA}
    identity = str(uuid.uuid5(_NAMESPACE, f"workbook/{_NAME}"))
    parameters = {"workbook-id": {"type": "string", "defaultValue": identity, "minLength": 36, "maxLength": 36}}
    properties = {
        # A name without a time: a second deployment replaces the first.
        "displayName": _TITLE,
        "category": "sentinel",
        "version": "Notebook/1.0",
        "sourceId": "[resourceId('Microsoft.OperationalInsights/workspaces', parameters('workspace'))]",
        "serializedData": json.dumps(gallery, ensure_ascii=False, separators=(",", ":")),
    }
    made = resource(
        _KIND, "[parameters('workbook-id')]", properties, kind="shared", location="[resourceGroup().location]"
    )
    return {f"{_NAME}.workbook.json": dumped(gallery), f"{_NAME}.arm.json": document(parameters, [made])}


def _items(pack: Pack, build: Build) -> list[dict[str, object]]:
    health = {query.rule: query.query for query in build.health if query.target == "sentinel"}
    items = [
        _text("intro", _INTRO),
        _window(),
        _query("readers", "Application by mailbox, new or known by the learned list", workbook.readers(pack), "Reads"),
        _text("tokens", "## Tokens\nShare of each application's token ids that a sign-in explains."),
    ]
    if "mail_explained_share" in health:
        title = HEALTH["mail_explained_share"].title
        items.append(_query("explained", title, health["mail_explained_share"], "TokenIds", fixed=True))
    items.append(_text("health", "## Health\nA rule that asks for an absence is silent where a feed has a gap."))
    for name, coloured in _HEALTH:
        if name in health:
            items.append(_query(name, HEALTH[name].title, health[name], coloured, fixed=True))
    items.append(_text("findings", "## Findings\nAlerts of the rules of this pack, by day."))
    items.append(_query("alerts", "Alerts by rule and day", workbook.alerts(pack), "Alerts", chart="barchart"))
    return items


def _text(name: str, text: str) -> dict[str, object]:
    return {"type": 1, "name": name, "content": {"json": text}}


def _window() -> dict[str, object]:
    durations: Sequence[Mapping[str, int]] = [{"durationMs": days * _DAY} for days in (1, 7, 14, 30)]
    parameter = {
        "id": str(uuid.uuid5(_NAMESPACE, "parameter/Window")),
        "version": "KqlParameterItem/1.0",
        "name": "Window",
        "type": 4,
        "isRequired": True,
        "value": durations[1],
        "typeSettings": {"selectableValues": durations},
    }
    content = {
        "version": "KqlParameterItem/1.0",
        "parameters": [parameter],
        "style": "pills",
        "queryType": 0,
        "resourceType": _WORKSPACES,
    }
    return {"type": 9, "name": "parameters", "content": content}


def _query(
    name: str, title: str, query: str, coloured: str, *, fixed: bool = False, chart: str = "table"
) -> dict[str, object]:
    """Return a part with a query.

    Args:
        name: of the part.
        title: above it.
        query: what it asks.
        coloured: the column whose large values stand out.
        fixed: whether the query says how far it looks back, whatever time the reader chose.
        chart: how it is drawn.
    """
    time: dict[str, object] = {"timeContext": {"durationMs": 30 * _DAY}} if fixed else {}
    content = {
        "version": "KqlItem/1.0",
        "query": query,
        "size": 0,
        "title": title,
        **(time or {"timeContextFromParameter": "Window"}),
        "queryType": 0,
        "resourceType": _WORKSPACES,
        "visualization": chart,
        "gridSettings": {
            "formatters": [{"columnMatch": coloured, "formatter": 8, "formatOptions": {"palette": "orange"}}],
            "rowLimit": 500,
        },
    }
    return {"type": 3, "name": name, "content": content}
