"""The dashboard that an analyst opens first, for Dashboard Studio: its JSON, in the XML that Splunk keeps it in."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.sax.saxutils import escape

from unissued.pack import Pack
from unissued.package.splunk import panels
from unissued.package.splunk.searches import health_stanza

VIEW = "unissued_overview"
TITLE = "Unissued: who reads mail here"
APP = "unissued_m365"
_SAYS = "Application ids by mailbox, new against the baseline; tokens that sign-ins explain; findings; health of feeds"
_WIDTH = 1200
_COLOURS = {
    "new to the tenant": "#F8BE34",
    "new to the mailbox": "#FBE7B2",
    "no baseline yet": "#D7D7D7",
}
_CAUTION = """### How to read this
- A token without a sign-in is **unexplained**, not proven forged: feeds have gaps.
- *New* means: not in the list of what is normal here. An intruder who uses a known application is not new.
- *Rows* are what rules returned, also those that say why a rule was not evaluated; the same finding can be there twice.
- Names of applications come from public lists. A name is no verdict.
"""


@dataclass(frozen=True)
class Source:
    """Where a panel's rows come from."""

    query: str = ""
    """The search; of one that goes on from another, what comes after it."""
    extends: str = ""
    """The source that it goes on from."""
    report: str = ""
    """A saved search instead."""
    times: bool = False
    """Whether the picker of the dashboard says over which time."""


@dataclass(frozen=True)
class Panel:
    """A part of the dashboard."""

    kind: str
    title: str
    source: str
    height: int
    width: int = _WIDTH
    options: Mapping[str, object] = field(default_factory=dict)
    context: Mapping[str, object] = field(default_factory=dict)


def sources(pack: Pack) -> dict[str, Source]:
    """Return every source by its name."""
    return {
        "reads": Source(panels.reads(), times=True),
        "reads_total": Source(panels.total(), "reads"),
        "reads_new_applications": Source(panels.new_applications(), "reads"),
        "reads_new_pairs": Source(panels.new_pairs(), "reads"),
        "reads_matrix": Source(panels.matrix(), "reads"),
        "reads_not_normal": Source(panels.not_normal(), "reads"),
        "explained": Source(report=health_stanza("mail_explained_share")),
        "explained_named": Source(panels.explained(), "explained"),
        "explained_total": Source(panels.unexplained(), "explained"),
        "findings": Source(panels.findings(), times=True),
        "runs": Source(panels.runs(), times=True),
        "lists": Source(panels.lists(pack)),
        **{
            name: Source(report=health_stanza(name))
            for name in ("feed_coverage", "feed_signin_gap", "feed_mail_audit_silent", "feed_mailbox_throttled")
        },
    }


def layout() -> list[list[Panel]]:
    """Return the panels in rows from top to bottom."""
    number, table = "splunk.singlevalue", "splunk.table"
    quarter, half = _WIDTH // 4, _WIDTH // 2
    colours, words = _coloured("Baseline")
    return [
        [
            Panel(number, "Mail reads", "reads_total", 140, quarter),
            Panel(number, "Applications new to the tenant", "reads_new_applications", 140, quarter),
            Panel(number, "Known applications new to a mailbox", "reads_new_pairs", 140, quarter),
            Panel(number, "Token ids that no sign-in explains, 14 days", "explained_total", 140, quarter),
        ],
        [Panel("splunk.column", "Rows that rules returned", "findings", 280, options={"stackMode": "stacked"})],
        [
            Panel(
                table,
                f"Mail reads by application and mailbox (the {panels.MAILBOXES} with most new)",
                "reads_matrix",
                360,
            ),
        ],
        [Panel(table, "Not normal here", "reads_not_normal", 360, options=colours, context=words)],
        [Panel(table, "Are tokens explained by sign-ins? By application, 14 days", "explained_named", 320)],
        [
            Panel(table, "Rules: do they run?", "runs", 300, half),
            Panel(table, "Lists: what the rules know", "lists", 300, half),
        ],
        [
            Panel(table, "Feeds, 14 days", "feed_coverage", 280, half),
            Panel(table, "Gaps in the sign-in feeds, 4 days", "feed_signin_gap", 280, half),
        ],
        [
            Panel(table, "Hours without any mail read", "feed_mail_audit_silent", 240, half),
            Panel(table, "Mailboxes throttled: reads go unrecorded", "feed_mailbox_throttled", 240, half),
        ],
        [Panel("splunk.markdown", "", "", 180, options={"markdown": _CAUTION})],
    ]


def _coloured(column: str) -> tuple[dict[str, object], dict[str, object]]:
    """Return the options and the context that colour the cells of a column by their words."""
    name = f"{column}RowBackgroundColorsEditorConfig"
    colours = f'> table | seriesByName("{column}") | matchValue({name})'
    options: dict[str, object] = {"columnFormat": {column: {"rowBackgroundColors": colours}}}
    return options, {name: [{"match": words, "value": colour} for words, colour in _COLOURS.items()]}


def definition(pack: Pack) -> dict[str, object]:
    """Return the dashboard as Dashboard Studio takes it."""
    visualizations: dict[str, object] = {}
    structure: list[dict[str, object]] = []
    top = 0
    for row in layout():
        left = 0
        for panel in row:
            name = f"viz_{len(visualizations) + 1}"
            visualizations[name] = _visualization(panel)
            position = {"x": left, "y": top, "w": panel.width, "h": panel.height}
            structure.append({"item": name, "type": "block", "position": position})
            left += panel.width
        top += max(panel.height for panel in row)
    return {
        "title": TITLE,
        "description": _SAYS,
        "inputs": {
            "input_window": {
                "type": "input.timerange",
                "title": "Window",
                "options": {"token": "window", "defaultValue": "-24h@h,now"},
            }
        },
        "dataSources": {f"ds_{name}": _data_source(name, source) for name, source in sources(pack).items()},
        "visualizations": visualizations,
        "layout": {"type": "grid", "globalInputs": ["input_window"], "structure": structure},
    }


def _data_source(name: str, source: Source) -> dict[str, object]:
    if source.report:
        return {"type": "ds.savedSearch", "name": name, "options": {"ref": source.report, "app": APP}}
    if source.extends:
        return {"type": "ds.chain", "name": name, "options": {"extend": f"ds_{source.extends}", "query": source.query}}
    options: dict[str, object] = {"query": source.query}
    if source.times:
        options["queryParameters"] = {"earliest": "$window.earliest$", "latest": "$window.latest$"}
    return {"type": "ds.search", "name": name, "options": options}


def _visualization(panel: Panel) -> dict[str, object]:
    made: dict[str, object] = {"type": panel.kind, "options": panel.options}
    if panel.title:
        made["title"] = panel.title
    if panel.source:
        made["dataSources"] = {"primary": f"ds_{panel.source}"}
    if panel.context:
        made["context"] = panel.context
    return made


def view(pack: Pack) -> str:
    """Return the view's file. The JSON holds nothing that would end its place in the XML."""
    said = json.dumps(definition(pack), indent=2, ensure_ascii=False).replace("]]>", "]]\\u003e")
    return (
        '<dashboard version="2" theme="light">\n'
        f"  <label>{escape(TITLE)}</label>\n"
        f"  <description>{escape(_SAYS)}</description>\n"
        f"  <definition><![CDATA[\n{said}\n  ]]></definition>\n"
        "</dashboard>\n"
    )


def navigation() -> str:
    """Return the app's menu: the dashboard first, then its reports and alerts, and the search page."""
    return (
        '<nav search_view="search">\n'
        f'  <view name="{VIEW}" default="true"/>\n'
        '  <view name="reports"/>\n'
        '  <view name="alerts"/>\n'
        '  <view name="search"/>\n'
        "</nav>\n"
    )
