"""Writes docs/preview/splunk.html: what the Splunk dashboard's panels hold, drawn from its searches on two scenarios.

Usage: ``python benchmarks/splunk_preview.py [--check]``. It takes half a minute, and is the same at every run. The
tests execute the same searches under both readings of the manuals.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from jinja2 import Environment

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
COLOURS = ("#006d9c", "#4fa484", "#ec9960", "#af575a", "#b6c75a", "#62b3b2")


@dataclass(frozen=True)
class Bar:
    """One column of the chart."""

    label: str
    parts: tuple[tuple[str, str, float], ...]
    """Rule, colour, height in percent of the highest column."""


@dataclass(frozen=True)
class Drawn:
    """A panel with what is in it."""

    panel: Panel
    header: tuple[str, ...] = ()
    rows: tuple[tuple[str, ...], ...] = ()
    bars: tuple[Bar, ...] = ()
    colours: tuple[tuple[str, str], ...] = ()
    """Rule and its colour."""


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


def drawn(site: Site, pack: Pack, now: datetime) -> list[list[Drawn]]:
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


def _drawn(panel: Panel, rows: Sequence[Row]) -> Drawn:
    header = tuple(dict.fromkeys(name for row in rows for name in row))
    if panel.kind == "splunk.column":
        return _chart(panel, rows, [name for name in header if name != "_time"])
    cells = tuple(tuple(str(row.get(name, "")) for name in header) for row in rows)
    return Drawn(panel, header, cells)


def _chart(panel: Panel, rows: Sequence[Row], rules: Sequence[str]) -> Drawn:
    colours = dict(zip(sorted(rules), COLOURS, strict=False))
    most = max((sum(int(str(row.get(rule, 0))) for rule in rules) for row in rows), default=1)
    bars = tuple(
        Bar(
            datetime.fromtimestamp(float(str(row["_time"])), UTC).strftime("%d %b %H:%M"),
            tuple((rule, colours[rule], 100 * int(str(row[rule])) / most) for rule in sorted(rules) if rule in row),
        )
        for row in rows
    )
    return Drawn(panel, bars=bars, colours=tuple(colours.items()))


def text_of() -> str:
    """The page."""
    pack = load_pack(ROOT / "sigma")
    days = []
    for scenario in load_scenarios(pack, ROOT / "fixtures" / "_scenarios"):
        if scenario.name in SHOWN:
            title, rules = SHOWN[scenario.name]
            site, now = site_of(pack, scenario, rules)
            days.append({"title": title, "scenario": scenario.name, "now": now, "rows": drawn(site, pack, now)})
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(TEMPLATE).render(days=days)


TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>Preview of the Splunk dashboard</title>
<style>
body { font: 14px/1.4 sans-serif; margin: 0 auto; max-width: 1240px; padding: 1rem; background: #f2f4f5; }
h2 { margin-top: 2rem; }
.row { display: flex; gap: 8px; margin-bottom: 8px; }
.panel { background: #fff; border: 1px solid #d5d9de; padding: 8px 12px; overflow: auto; box-sizing: border-box; }
.panel h3 { font-size: 14px; margin: 0 0 6px; }
.number { font-size: 42px; text-align: center; }
table { border-collapse: collapse; width: 100%; font-size: 12px; }
th { text-align: left; background: #eceff1; }
th, td { padding: 3px 8px; border-bottom: 1px solid #e3e6e9; white-space: nowrap; }
.tenant { background: #f8be34; } .mailbox { background: #fbe7b2; } .none { background: #d7d7d7; }
.bars { display: flex; gap: 12px; align-items: flex-end; height: 170px; }
.bar { width: 90px; display: flex; flex-direction: column; justify-content: flex-end; height: 100%; }
.bar span { font-size: 11px; text-align: center; }
.key { font-size: 11px; margin-right: 12px; } .key i { display: inline-block; width: 10px; height: 10px; }
.empty { color: #666; font-style: italic; }
pre { white-space: pre-wrap; font: inherit; margin: 0; }
</style>
</head>
<body>
<h1>Preview of the Splunk dashboard</h1>
<p>Drawn by <code>benchmarks/splunk_preview.py</code> from the searches of the packaged dashboard, executed in a model
of Splunk's manuals on invented records. It is no screenshot of Splunk, where the app was never installed.</p>
{% for day in days %}
<h2>{{ day.title }}</h2>
<p>Scenario <code>{{ day.scenario }}</code>, seen at {{ day.now.strftime("%Y-%m-%d %H:%M") }} UTC, over 24 hours.</p>
{% for row in day.rows %}
<div class="row">
{% for one in row %}
<div class="panel" style="flex: {{ one.panel.width }} 1 0; max-height: {{ one.panel.height }}px">
{% if one.panel.title %}
<h3>{{ one.panel.title }}</h3>
{% endif %}
{% if one.panel.kind == "splunk.markdown" %}
<pre>{{ one.panel.options.markdown }}</pre>
{% elif one.panel.kind == "splunk.singlevalue" %}
<div class="number">{{ one.rows[0][0] if one.rows else "" }}</div>
{% elif one.panel.kind == "splunk.column" and one.bars %}
<div class="bars">
{% for bar in one.bars %}
<div class="bar">
{% for rule, colour, height in bar.parts %}
<div title="{{ rule }}" style="height: {{ "%.1f" | format(height * 0.85) }}%; background: {{ colour }}"></div>
{% endfor %}
<span>{{ bar.label }}</span>
</div>
{% endfor %}
</div>
<p>{% for rule, colour in one.colours %}<span class="key"><i style="background: {{ colour }}"></i> {{ rule }}</span>\
{% endfor %}</p>
{% elif one.rows %}
<table>
<tr>{% for name in one.header %}<th>{{ name }}</th>{% endfor %}</tr>
{% for cells in one.rows %}
<tr>{% for cell in cells %}
<td{% if cell == "new to the tenant" %} class="tenant"{% elif cell == "new to the mailbox" %} class="mailbox"\
{% elif cell == "no baseline yet" %} class="none"{% endif %}>{{ cell }}</td>\
{% endfor %}</tr>
{% endfor %}
</table>
{% else %}
<p class="empty">No results found.</p>
{% endif %}
</div>
{% endfor %}
</div>
{% endfor %}
{% endfor %}
</body>
</html>
"""

if __name__ == "__main__":
    sys.exit(write_or_check(__doc__ or "", PAGE, text_of))
