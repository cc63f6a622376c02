"""A static page that shows what a dashboard's panels hold. Nothing in it runs, and all that it shows is escaped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from jinja2 import Environment

_COLOURS = ("#006d9c", "#4fa484", "#ec9960", "#af575a", "#b6c75a", "#62b3b2")


@dataclass(frozen=True)
class Cell:
    """A cell of a table."""

    text: str
    look: str = ""
    """A class of the page's style; empty: plain."""


@dataclass(frozen=True)
class Bar:
    """One column of a chart."""

    label: str
    parts: tuple[tuple[str, str, float], ...]
    """Rule, colour, height in percent of the highest column."""


@dataclass(frozen=True)
class Chart:
    """Columns, each a stack of rules."""

    bars: tuple[Bar, ...]
    colours: tuple[tuple[str, str], ...]
    """Rule and its colour."""


@dataclass(frozen=True)
class Panel:
    """What one part of a dashboard shows: the first of these that there is."""

    title: str = ""
    width: int = 1
    """As a share of its row."""
    height: int | None = None
    """Pixels at most; None: as high as it is."""
    text: str = ""
    number: str | None = None
    chart: Chart | None = None
    header: tuple[str, ...] = ()
    rows: tuple[tuple[Cell, ...], ...] = ()


@dataclass(frozen=True)
class Day:
    """A scenario as the dashboard shows it."""

    title: str
    scenario: str
    now: datetime
    over: str
    """How far back it looks, in words."""
    rows: Sequence[Sequence[Panel]]


def chart(counts: Sequence[tuple[str, Mapping[str, int]]]) -> Chart | None:
    """Return columns for labels, each with the count of every rule that it has; None for none."""
    if not counts:
        return None
    rules = sorted({rule for _, one in counts for rule in one})
    colours = dict(zip(rules, _COLOURS, strict=False))
    most = max(sum(one.values()) for _, one in counts)
    bars = tuple(
        Bar(label, tuple((rule, colours[rule], 100 * one[rule] / most) for rule in rules if rule in one))
        for label, one in counts
    )
    return Chart(bars, tuple(colours.items()))


def page(title: str, program: str, said: str, days: Sequence[Day]) -> str:
    """Write the page.

    Args:
        title: its heading.
        program: what drew it.
        said: from what, and what it is not.
        days: the scenarios.
    """
    environment = Environment(autoescape=True, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(_TEMPLATE).render(title=title, program=program, said=said, days=days)


_TEMPLATE = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>{{ title }}</title>
<style>
body { font: 14px/1.4 sans-serif; margin: 0 auto; max-width: 1400px; padding: 1rem; background: #f2f4f5; }
h2 { margin-top: 2rem; }
.row { display: flex; gap: 8px; margin-bottom: 8px; }
.panel { background: #fff; border: 1px solid #d5d9de; padding: 8px 12px; overflow: auto; box-sizing: border-box; }
.panel h3 { font-size: 14px; margin: 0 0 6px; }
.number { font-size: 42px; text-align: center; }
table { border-collapse: collapse; width: 100%; font-size: 12px; }
th { text-align: left; background: #eceff1; }
th, td { padding: 3px 6px; border-bottom: 1px solid #e3e6e9; white-space: nowrap; }
.orange { background: #f8be34; } .yellow { background: #fbe7b2; } .green { background: #cfe8cf; }
.gray { background: #d7d7d7; }
.heat1 { background: #fdeedd; } .heat2 { background: #fbd3a8; } .heat3 { background: #f6ad67; }
.bars { display: flex; gap: 12px; align-items: flex-end; height: 170px; }
.bar { width: 90px; display: flex; flex-direction: column; justify-content: flex-end; height: 100%; }
.bar span { font-size: 11px; text-align: center; }
.key { font-size: 11px; margin-right: 12px; } .key i { display: inline-block; width: 10px; height: 10px; }
.empty { color: #666; font-style: italic; }
pre { white-space: pre-wrap; font: inherit; margin: 0; }
</style>
</head>
<body>
<h1>{{ title }}</h1>
<p>Drawn by <code>{{ program }}</code> {{ said }}</p>
{% for day in days %}
<h2>{{ day.title }}</h2>
<p>Scenario <code>{{ day.scenario }}</code>, seen at {{ day.now.strftime("%Y-%m-%d %H:%M") }} UTC,
{{ day.over }}.</p>
{% for row in day.rows %}
<div class="row">
{% for one in row %}
<div class="panel" style="flex: {{ one.width }} 1 0{% if one.height %}; max-height: {{ one.height }}px{% endif %}">
{% if one.title %}
<h3>{{ one.title }}</h3>
{% endif %}
{% if one.text %}
<pre>{{ one.text }}</pre>
{% elif one.number is not none %}
<div class="number">{{ one.number }}</div>
{% elif one.chart %}
<div class="bars">
{% for bar in one.chart.bars %}
<div class="bar">
{% for rule, colour, height in bar.parts %}
<div title="{{ rule }}" style="height: {{ "%.1f" | format(height * 0.85) }}%; background: {{ colour }}"></div>
{% endfor %}
<span>{{ bar.label }}</span>
</div>
{% endfor %}
</div>
<p>{% for rule, colour in one.chart.colours %}\
<span class="key"><i style="background: {{ colour }}"></i> {{ rule }}</span>\
{% endfor %}</p>
{% elif one.rows %}
<table>
<tr>{% for name in one.header %}<th>{{ name }}</th>{% endfor %}</tr>
{% for cells in one.rows %}
<tr>{% for cell in cells %}
<td{% if cell.look %} class="{{ cell.look }}"{% endif %}>{{ cell.text }}</td>\
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
