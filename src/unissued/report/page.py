"""A hunt as one page of HTML: self-contained, without any script, safe to open whatever the logs hold."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable, Iterator
from functools import cache
from importlib.resources import files
from itertools import islice

from markupsafe import Markup

from unissued import __version__
from unissued.hunt.hunt import refused
from unissued.record import utc_text
from unissued.report.counts import Application, Counts, Key, ReadItem
from unissued.report.items import incomplete
from unissued.report.naming import name_of
from unissued.report.report import Report
from unissued.report.seen import environment
from unissued.report.shown import cards, matrix, shown_levels
from unissued.report.sums import blind_rules, extent, plural, unjudged, verdict
from unissued.report.timeline import timeline

_MOST_ITEMS = 300
_MOST_ROWS = 200
_MOST_LISTED = 20
_MOST_HOURS = 60


def page(report: Report, items_file: str = "") -> str:
    """Return the page.

    Args:
        report: what it shows.
        items_file: name of the CSV with all items, where one is written beside it.
    """
    made = environment()
    made.filters.update(_filters())
    values = _head() | _verdict(report) | _reads(report, items_file) | _blind(report)
    return made.get_template("page.html.jinja").render(values)


def _filters() -> dict[str, Callable[..., object]]:
    return {
        "time": utc_text,
        "name": _name,
        "tokens": _tokens,
        "holes": incomplete,
        "classes": _classes,
        "words": _words,
    }


def _name(one: Key | ReadItem) -> str:
    if not one.app and not one.client:
        return "No application named"
    return name_of(one.app, one.client) or "Unknown application"


def _tokens(one: Application | Key) -> str:
    if not one.tokens:
        return "no token id in the records"
    not_explained = one.tokens - one.explained
    return f"{plural(one.tokens, 'token id')}: {one.explained:,} explained by a sign-in, {not_explained:,} not"


def _classes(cell: Counts) -> str:
    """Return the classes of a cell of the matrix; words in the cell say the same."""
    says = {"new": cell.new or cell.new_there, "dark": cell.sync or cell.throttled, "found": cell.marked}
    return " ".join(name for name, holds in says.items() if holds)


def _words(cell: Counts) -> list[str]:
    says = {"new": cell.new or cell.new_there, "sync": cell.sync, "throttled": cell.throttled, "failed": cell.failed}
    return [name for name, holds in says.items() if holds]


def _head() -> dict[str, object]:
    style = _style()
    digest = base64.b64encode(hashlib.sha256(style.encode("utf-8")).digest()).decode("ascii")
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return {
        "policy": Markup(policy),
        "style": Markup(style),
        "version": __version__,
        "most_listed": _MOST_LISTED,
        "most_hours": _MOST_HOURS,
    }


@cache
def _style() -> str:
    return files("unissued.report").joinpath("templates/page.css").read_text(encoding="utf-8")


def _verdict(report: Report) -> dict[str, object]:
    hunt = report.hunt
    reading = hunt.reading
    levels = shown_levels(hunt)
    unsure = reading.partial or not reading.count.used or blind_rules(hunt) or hunt.health
    tone = "found" if levels else "partial" if unsure else "fine"
    return {
        "verdict": verdict(hunt),
        "title": plural(len(hunt.findings), "finding"),
        "tone": tone,
        "levels": levels,
        "count": reading.count,
        "partial": reading.partial,
        "rules_blind": blind_rules(hunt),
        "rules_all": len(hunt.outcomes),
        "files": reading.files[:_MOST_ROWS],
        "files_all": len(reading.files),
        "refusals": refused(reading)[:_MOST_ROWS],
        "refusals_all": len(refused(reading)),
        "line": timeline(hunt, report.access.answers.hours()),
    }


def _reads(report: Report, items_file: str) -> dict[str, object]:
    answers = report.access.answers
    total = answers.total()
    return {
        "total": total,
        "sizes": answers.sizes(),
        "matrix": matrix(answers),
        "cards": cards(answers),
        "boxes": answers.mailboxes(_MOST_ROWS),
        "items": list(islice(answers.items(_MOST_ITEMS, marked_first=True), _MOST_ITEMS)),
        "incomplete": total is not None and bool(incomplete(total.holes)),
        "items_file": items_file,
        "baseline": report.access.has_baseline,
        "sign_ins": report.access.sign_ins,
        "graph": report.access.graph_requests,
    }


def _blind(report: Report) -> dict[str, object]:
    questions = [(name, question, extent(question)) for name, question in unjudged(report.hunt)]
    return {
        "unjudged": questions[:_MOST_ROWS],
        "unjudged_all": len(questions),
        "health": report.hunt.health[:_MOST_ROWS],
        "health_all": len(report.hunt.health),
        "spots": list(_spots(report)),
    }


def _spots(report: Report) -> Iterator[tuple[str, list[str]]]:
    """Yield what the files of the rules say that these do not see."""
    for name in sorted(report.hunt.outcomes):
        value = report.pack.rule(name).definition.get("blind_spots")
        if isinstance(value, list) and value:
            yield name, [str(text) for text in value]
