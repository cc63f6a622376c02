"""Writes docs/preview/splunk.html: what the Splunk dashboard's panels hold, drawn from its searches on two scenarios.

Usage: ``python benchmarks/splunk_preview.py [--check]``. It takes half a minute, and is the same at every run. The
tests execute the same searches under both readings of the manuals.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import preview_page
from splunk_site import App, Site
from tables import write_or_check
from unissued.engines.spl import Row
from unissued.logs import read, source_map
from unissued.pack import Pack, load_pack
from unissued.package.splunk.dashboard import APP, Panel, Source, layout, sources
from unissued.package.splunk.searches import rule_stanza
from unissued.verify import Scenario, load_scenarios

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "preview" / "splunk.html"
SHOWN = {
    "s2_storm0558_today": (
        "A night with a forged token",
        (
            "mail_app_new_to_tenant",
            "mail_owa_identity_scripted_client",
            "mail_read_in_bulk",
            "mail_session_never_began",
            "mail_token_across_users",
            "mail_token_never_issued",
        ),
    ),
    "s5_broken_feed": ("A morning with a broken feed", ("mail_app_new_to_tenant", "mail_token_never_issued")),
}
"""Scenario -> what it is, and which alerts somebody has enabled."""
HOURS = 24
STATES = {"new to the tenant": "orange", "new to the mailbox": "yellow", "no baseline yet": "gray"}
"""What a cell says -> how it is coloured."""


def app() -> App:
    """The app as it is committed."""
    folder = ROOT / "spl" / "app"
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    return App({path.relative_to(folder).as_posix(): path.read_bytes() for path in paths})


def site_of(pack: Pack, scenario: Scenario, rules: Sequence[str]) -> tuple[Site, datetime]:
    """A scenario in a Splunk whose scheduler ran some alerts every hour of a day."""
    records = read([scenario.path], source_map(pack.catalogue)).records
    now = scenario.given.now
    assert now is not None
    site = Site(app(), pack, records, scenario.given)
    scheduled = list(_scheduled(site, now, rules))
    return Site(site.app, pack, records, scenario.given, scheduled), now


def _scheduled(site: Site, now: datetime, rules: Sequence[str]) -> Iterator[tuple[datetime, Mapping[str, str]]]:
    for rule in rules:
        search = site.app.search(rule_stanza(rule))
        minute = int(site.app.found.searches[rule_stanza(rule)]["cron_schedule"].split()[0])
        for hour in range(HOURS):
            time = now.replace(minute=0, second=0) - timedelta(hours=hour + 1) + timedelta(minutes=minute)
            names = {"app": APP, "savedsearch_name": rule_stanza(rule), "status": "success"}
            yield time, {**names, "result_count": str(len(site.run(search, time)))}


def drawn(site: Site, pack: Pack, now: datetime) -> list[list[preview_page.Panel]]:
    """Every panel of the dashboard, in its rows."""
    asked, known = site.app.asked(), sources(pack)
    return [
        [_drawn(panel, _rows(site, asked, known, panel, now) if panel.source else []) for panel in row]
        for row in layout()
    ]


def _rows(
    site: Site, asked: Mapping[str, str], known: Mapping[str, Source], panel: Panel, now: datetime
) -> Sequence[Row]:
    picked = known[known[panel.source].extends or panel.source].times
    return site.run(asked[f"ds_{panel.source}"], now, timedelta(hours=HOURS) if picked else None)


def _drawn(panel: Panel, rows: Sequence[Row]) -> preview_page.Panel:
    header = tuple(dict.fromkeys(name for row in rows for name in row))
    shown = preview_page.Panel(panel.title, panel.width, panel.height)
    match panel.kind:
        case "splunk.markdown":
            return replace(shown, text=str(panel.options["markdown"]))
        case "splunk.singlevalue":
            return replace(shown, number=str(rows[0].get(header[0], "")) if rows else "")
        case "splunk.column":
            return replace(shown, chart=preview_page.chart([_column(row) for row in rows]))
    cells = tuple(tuple(_cell(str(row.get(name, ""))) for name in header) for row in rows)
    return replace(shown, header=header, rows=cells)


def _column(row: Row) -> tuple[str, dict[str, int]]:
    time = datetime.fromtimestamp(float(str(row["_time"])), UTC)
    return time.strftime("%d %b %H:%M"), {rule: int(str(count)) for rule, count in row.items() if rule != "_time"}


def _cell(text: str) -> preview_page.Cell:
    return preview_page.Cell(text, STATES.get(text, ""))


def text_of() -> str:
    """The page."""
    pack = load_pack(ROOT / "sigma")
    days = []
    for scenario in load_scenarios(pack, ROOT / "fixtures" / "_scenarios"):
        if scenario.name in SHOWN:
            title, rules = SHOWN[scenario.name]
            site, now = site_of(pack, scenario, rules)
            days.append(preview_page.Day(title, scenario.name, now, f"over {HOURS} hours", drawn(site, pack, now)))
    return preview_page.page("Preview of the Splunk dashboard", "benchmarks/splunk_preview.py", SAID, days)


SAID = """from the searches of the packaged dashboard, executed in a model
of Splunk's manuals on invented records. It is no screenshot of Splunk, where the app was never installed."""

if __name__ == "__main__":
    sys.exit(write_or_check(__doc__ or "", PAGE, text_of))
