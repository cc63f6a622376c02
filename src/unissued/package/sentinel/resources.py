"""Templates of Azure Resource Manager: their frame, their versions, their literal texts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unissued.package.artefacts import dumped

API_VERSIONS: Mapping[str, str] = {
    "Microsoft.OperationalInsights/workspaces/providers/alertRules": "2025-09-01",
    "Microsoft.OperationalInsights/workspaces/providers/Watchlists": "2025-09-01",
    "Microsoft.OperationalInsights/workspaces/savedSearches": "2023-09-01",
    "Microsoft.Insights/workbooks": "2023-06-01",
}
"""Type -> the version that is written; stable ones only."""
_SCHEMA = "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#"
WORKSPACE: Mapping[str, object] = {
    "type": "string",
    "minLength": 1,
    "metadata": {"description": "Name of the Log Analytics workspace of Microsoft Sentinel"},
}


def document(
    parameters: Mapping[str, object],
    resources: Sequence[Mapping[str, object]],
    metadata: Mapping[str, object] | None = None,
) -> str:
    """Return a deployment template; ``workspace`` is a parameter of each."""
    template: dict[str, object] = {"$schema": _SCHEMA, "contentVersion": "1.0.0.0"}
    if metadata:
        template["metadata"] = {"unissued": metadata}
    template |= {"parameters": {"workspace": WORKSPACE, **parameters}, "resources": list(resources)}
    return dumped(template)


def resource(type_: str, name: str, properties: Mapping[str, object], **more: object) -> dict[str, object]:
    """Return a resource of one of the known types."""
    return {"type": type_, "apiVersion": API_VERSIONS[type_], "name": name, **more, "properties": properties}


def of_sentinel(name: str) -> str:
    """Return the name of a resource of Sentinel in the workspace; ``name`` is an expression, such as ``'x'``."""
    return f"[concat(parameters('workspace'), '/Microsoft.SecurityInsights/', {name})]"


def of_workspace(name: str) -> str:
    """Return the name of a resource of the workspace itself."""
    return f"[concat(parameters('workspace'), '/{name}')]"


def literal(text: str) -> str:
    """Return a text that is not taken for an expression, whatever it begins with."""
    return f"[{text}" if text.startswith("[") else text
