"""Microsoft Sentinel: analytics rules, hunting queries and watchlists, as files that its portal and Azure take."""

from __future__ import annotations

from unissued.convert import Build
from unissued.pack import Pack
from unissued.package.artefacts import Artefacts
from unissued.package.sentinel import arm, connection, hunting, solution, template, watchlist, workbook

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
    files |= {f"workbooks/{name}": text for name, text in workbook.files(pack, build).items()}
    return Artefacts(files)


def at_the_root() -> dict[str, str]:
    """Return what lies at the root of the repository: what a connection to it deploys."""
    return {connection.PATH: connection.text()}


def only_packaged(files: Artefacts) -> dict[str, str]:
    """Return what a package holds and the repository does not, since it repeats what is there."""
    return solution.files(files.texts())
