"""All pages of a pack, by path below the repository."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unissued.convert import Build
from unissued.pack import Pack
from unissued.pages import attack, index, matrix, rule_page
from unissued.pages.markdown import render
from unissued.verify import CaseName


def pages(pack: Pack, build: Build, cases: Mapping[str, Sequence[CaseName]]) -> dict[str, str]:
    """Write the documentation of a pack.

    Args:
        pack: the rules.
        build: their queries for every target, and what was refused.
        cases: rule name -> its fixtures.
    """
    found = {
        "docs/attack/README.md": render("attack.md.jinja", **attack.values(pack, build, cases)),
        "docs/rules/README.md": render("index.md.jinja", **index.values(pack)),
        "docs/targets.md": render("targets.md.jinja", **matrix.values(pack, build)),
    }
    for rule in pack.rules.values():
        values = rule_page.values(pack, rule, build, cases.get(rule.name, ()))
        found[f"docs/rules/{rule.name}.md"] = render("rule.md.jinja", **values)
    return found


def data(pack: Pack, cases: Mapping[str, Sequence[CaseName]]) -> dict[str, str]:
    """Write what belongs to the documentation and is read by programs."""
    return {"docs/attack/layer.json": attack.layer(pack, cases)}
