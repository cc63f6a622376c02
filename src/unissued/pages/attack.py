"""Which techniques of ATT&CK the rules look for: a layer for MITRE's Navigator, and a page."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from unissued.convert import Build
from unissued.pack import TARGETS, Pack, Rule
from unissued.package.attack import serves, tags_of
from unissued.pages.facts import technique
from unissued.pages.kind import alerting
from unissued.pages.markdown import Markdown, link
from unissued.verify import CaseName

VERSIONS = {"attack": "19", "navigator": "5.1.0", "layer": "4.5"}
_TESTED, _UNTESTED = "#2e7d32", "#f9a825"


@dataclass
class _Cell:
    """One technique under one tactic."""

    rules: list[Rule] = field(default_factory=list)
    tested: int = 0
    fixtures: int = 0


def layer(pack: Pack, cases: Mapping[str, Sequence[CaseName]]) -> str:
    """Return the layer: the score of a technique is the number of its rules with fixtures that hit and that miss.

    Fixtures have to pass for a change to be accepted, so one that exists counts.
    """
    cells = _cells(pack, cases)
    most = max((cell.tested for cell in cells.values()), default=0)
    techniques = [
        {
            "techniqueID": name,
            "tactic": tactic,
            "score": cell.tested,
            "color": _TESTED if cell.tested else _UNTESTED,
            "enabled": True,
            "comment": "; ".join(rule.title for rule in cell.rules),
            "metadata": [
                {"name": "rules", "value": ", ".join(rule.name for rule in cell.rules)},
                {"name": "cases", "value": str(cell.fixtures)},
            ],
            "showSubtechniques": True,
        }
        for (name, tactic), cell in sorted(cells.items())
    ]
    document = {
        "name": "unissued",
        "versions": VERSIONS,
        "domain": "enterprise-attack",
        "description": "Rules with fixtures, by technique. Not every way to carry a technique out is covered.",
        "techniques": techniques,
        "gradient": {"colors": ["#ffffff", _TESTED], "minValue": 0, "maxValue": most},
        "legendItems": [
            {"label": "rule with fixtures that hit and miss", "color": _TESTED},
            {"label": "rule without", "color": _UNTESTED},
        ],
        "showTacticRowBackground": False,
        "hideDisabled": False,
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def values(pack: Pack, build: Build, cases: Mapping[str, Sequence[CaseName]]) -> dict[str, object]:
    """Return what the template of the page prints: a row for each technique and rule."""
    runs = {(query.rule, query.target) for query in build.queries}
    rows = []
    for (name, tactic), cell in sorted(_cells(pack, cases).items()):
        known = technique(name.lower())
        for rule in cell.rules:
            kinds = [case.verdict for case in cases.get(rule.name, ())]
            rows.append(
                (
                    link(name, known.url),
                    known.name or "not named here",
                    tactic,
                    link(rule.name, f"../rules/{rule.name}.md"),
                    rule.title,
                    rule.level,
                    *(Markdown("yes" if (rule.name, target) in runs else "–") for target in TARGETS),
                    f"{kinds.count('hit')} / {kinds.count('miss')} / {kinds.count('gap')}",
                )
            )
    return {"targets": TARGETS, "rows": rows, "version": VERSIONS["attack"]}


def _cells(pack: Pack, cases: Mapping[str, Sequence[CaseName]]) -> dict[tuple[str, str], _Cell]:
    cells: dict[tuple[str, str], _Cell] = {}
    for rule in alerting(pack):
        tags = [tag.removeprefix("attack.") for tag in tags_of(rule)]
        numbered = [tag for tag in tags if tag[:1] == "t" and tag[1:2].isdigit()]
        for name in numbered:
            for tactic in serves(name):
                if tactic not in tags:
                    continue
                cell = cells.setdefault((name.upper(), tactic), _Cell())
                cell.rules.append(rule)
                kinds = {case.verdict for case in cases.get(rule.name, ())}
                cell.tested += {"hit", "miss"} <= kinds
                cell.fixtures += len(cases.get(rule.name, ()))
    return cells
