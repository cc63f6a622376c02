"""Writes docs/preview/sentinel.html: what the Sentinel workbook's parts hold, drawn from its queries on two scenarios.

Usage: ``python benchmarks/sentinel_preview.py [--check]``. It takes some seconds, and is the same at every run.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import preview_page
from sentinel_site import WORKBOOK, Part, Workbook, Workspace, alerts
from tables import write_or_check
from unissued.logs import read, source_map
from unissued.pack import Pack, load_pack
from unissued.verify import Scenario, load_scenarios

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "preview" / "sentinel.html"
SHOWN = {
    "s2_storm0558_today": (
        "A night with a forged token",
        (
            "mail_app_new_to_tenant",
            "mail_owa_identity_scripted_client",
            "mail_session_never_began",
            "mail_token_across_users",
            "mail_token_never_issued",
        ),
    ),
    "s5_broken_feed": (
        "Days with a broken feed",
        ("mail_app_new_to_mailbox", "mail_app_new_to_tenant", "mail_token_never_issued"),
    ),
}
"""Scenario -> what it is, and which rules somebody has enabled."""
SAID = """from the queries of the packaged workbook, executed
by DuckDB on invented records. It is no screenshot of Sentinel, where the workbook was never opened. The alerts
are invented, too: one for each match of the evaluator, at the hour at which a scheduled rule could have found it."""
HEAT = 3
"""Shades of the cells that stand out."""
HEIGHT = 480
"""Pixels; what is longer is scrolled, as in the workbook."""


def workspace_of(pack: Pack, scenario: Scenario, rules: Sequence[str]) -> tuple[Workspace, datetime]:
    """A scenario in a workspace whose scheduled rules ran."""
    records = read([scenario.path], source_map(pack.catalogue)).records
    given = scenario.given
    assert given.now is not None
    return Workspace(pack, records, given, list(alerts(pack, records, given, rules))), given.now


def _panel(part: Part, workspace: Workspace, now: datetime) -> preview_page.Panel:
    if not part.query:
        return preview_page.Panel(part.title, text=part.text)
    title = f"{part.title} ({part.window}: {part.back.days} days)" if part.window else part.title
    names, rows = workspace.run(part.query, now, part.back)
    if part.chart:
        return preview_page.Panel(title, chart=preview_page.chart(_columns(rows)))
    most = max((_number(row[part.heated]) for row in rows), default=0)
    cells = tuple(
        tuple(preview_page.Cell(_text(row[name]), _look(part, name, row[name], most)) for name in names) for row in rows
    )
    return preview_page.Panel(title, height=HEIGHT, header=tuple(names), rows=cells)


def _look(part: Part, name: str, value: object, most: int) -> str:
    if name in part.states:
        return part.states[name].get(str(value), part.states[name][""])
    if name != part.heated or not _number(value):
        return ""
    return f"heat{-(-HEAT * _number(value) // most)}"


def _columns(rows: Sequence[Mapping[str, object]]) -> list[tuple[str, dict[str, int]]]:
    """Return the chart's columns: a day, and how often each rule raised an alert on it."""
    days: dict[str, dict[str, int]] = {}
    for row in rows:
        days.setdefault(_text(row["Day"])[:10], {})[str(row["Rule"])] = _number(row["Alerts"])
    return list(days.items())


def _number(value: object) -> int:
    return int(float(str(value)))


def _text(value: object) -> str:
    if isinstance(value, datetime):
        return value.strftime("%Y-%m-%d %H:%M")
    if isinstance(value, float) and value.is_integer():
        return str(int(value))  # a quotient of timespans
    return "" if value is None else str(value)


def text_of() -> str:
    """The page."""
    pack = load_pack(ROOT / "sigma")
    workbook = Workbook(WORKBOOK.read_text(encoding="utf-8"))
    days = []
    for scenario in load_scenarios(pack, ROOT / "fixtures" / "_scenarios"):
        if scenario.name in SHOWN:
            title, rules = SHOWN[scenario.name]
            workspace, now = workspace_of(pack, scenario, rules)
            panels = [[_panel(part, workspace, now)] for part in workbook.parts]
            days.append(preview_page.Day(title, scenario.name, now, "looking back as far as each part says", panels))
    return preview_page.page("Preview of the Sentinel workbook", "benchmarks/sentinel_preview.py", SAID, days)


if __name__ == "__main__":
    sys.exit(write_or_check(__doc__ or "", PAGE, text_of))
