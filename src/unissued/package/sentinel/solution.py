"""The inputs from which Microsoft's own script packs a solution for the content hub; it is not run here."""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping

from unissued import __version__
from unissued.package.artefacts import dumped
from unissued.package.sentinel import template

_NAMESPACE = uuid.UUID("0b4cbb5e-3d0e-5b53-9a0b-1de0a2f0a3c1")
_FOLDER = "Solutions/Unissued"
_KINDS = (
    ("Analytic Rules", "", ".yaml"),
    ("Hunting Queries", "hunting/", ".json"),
    ("Workbooks", "workbooks/", ".workbook.json"),
    ("Watchlists", "watchlists/", ".json"),
)
_AUTHOR = ("Unissued contributors", "maintainers@example.org")
"""Whoever proposes the solution writes their own."""
_ABOUT = "Finds mail that is read with tokens that no sign-in explains, and by applications that are new to a tenant."


def files(artefacts: Mapping[str, str]) -> dict[str, str]:
    """Return a solution's folder: copies of the artefacts, and what says which of them are what.

    Args:
        artefacts: the files for Sentinel by path, as they are packaged.
    """
    found: dict[str, str] = {}
    listed: dict[str, list[str]] = {}
    for kind, folder, ending in _KINDS:
        for path, text in sorted(artefacts.items()):
            name = path.removeprefix(folder)
            if path.startswith(folder) and path.endswith(ending) and "/" not in name:
                if kind == "Hunting Queries":
                    name, text = f"{name.removesuffix('.json')}.yaml", _hunting(text)
                listed.setdefault(kind, []).append(f"{kind}/{name}")
                found[f"{kind}/{name}"] = text
    name, mail = _AUTHOR
    found["Data/Solution_Unissued.json"] = dumped(
        {
            "Name": "Unissued",
            "Author": f"{name} - {mail}",
            "Logo": "",
            "Description": _ABOUT,
            "WorkbookDescription": ["Who reads which mailbox, and whether the logs are complete enough to say so."],
            "WatchlistDescription": ["What is normal in the tenant, and what people have approved."],
            **listed,
            "Data Connectors": [],
            "Parsers": [],
            "Playbooks": [],
            "BasePath": _FOLDER,
            "Version": _version(),
            "Metadata": "SolutionMetadata.json",
            "TemplateSpec": True,
            "Is1PConnector": False,
        }
    )
    found["SolutionMetadata.json"] = dumped(
        {
            "publisherId": "unissued",
            "offerId": "azure-sentinel-solution-unissued",
            "firstPublishDate": "",
            "lastPublishDate": "",
            "providers": ["Unissued"],
            "categories": {"domains": ["Security - Threat Protection", "Identity"], "verticals": []},
            "support": {"name": name, "email": mail, "tier": "Community", "link": ""},
        }
    )
    return {f"{_FOLDER}/{path}": text for path, text in found.items()}


def _hunting(deployment: str) -> str:
    """Return a hunting query in the form of Microsoft's repository, from its deployment."""
    search = json.loads(deployment)["resources"][0]["properties"]
    tags = {tag["name"]: tag["value"] for tag in search["tags"]}
    return template.dumped(
        {
            "id": str(uuid.uuid5(_NAMESPACE, f"hunting/{search['displayName']}")),
            "name": search["displayName"],
            "description": f"{tags['description']}\n",
            "requiredDataConnectors": [],
            "tactics": _split(tags.get("tactics", "")),
            "relevantTechniques": _split(tags.get("relevantTechniques", "")),
            "query": search["query"],
            "version": __version__,
        }
    )


def _version() -> str:
    """Return a version of 3 or above, which tells Microsoft's script to write content packages."""
    major, rest = __version__.split(".", 1)
    return f"{int(major) + 3}.{rest}"


def _split(text: str) -> list[str]:
    return [part for part in text.split(",") if part]
