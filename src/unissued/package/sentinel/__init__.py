"""Microsoft Sentinel: analytics rules, hunting queries and watchlists, as files that its portal and Azure take."""

from __future__ import annotations

from unissued.convert import Build
from unissued.pack import Pack
from unissued.package.artefacts import Artefacts
from unissued.package.sentinel import arm, hunting, template, watchlist

TARGET = "sentinel"


def artefacts(pack: Pack, build: Build) -> Artefacts:
    """Return everything for Sentinel beside the plain queries, as below ``kql/sentinel/``."""
    rules = [(pack.rule(query.rule), query) for query in build.queries if query.target == TARGET]
    files: dict[str, str] = {}
    for rule, query in rules:
        files[f"{rule.name}.yaml"] = template.text(rule, query)
        files[f"arm/{rule.name}.json"] = arm.one(rule, query)
    files["bundle/all.json"] = arm.all_of(rules)
    files |= {f"hunting/{name}.json": text for name, text in hunting.files(pack, build).items()}
    files |= {f"watchlists/{name}": text for name, text in watchlist.files(pack).items()}
    return Artefacts(files)
