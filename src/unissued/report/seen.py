"""Text in HTML: every printed value is escaped, and what the eye would not see of log content is shown."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from unissued.hunt import visible

_MOST = 200


def plain(value: object) -> object:
    """Return a value as a template prints it: numbers with separators, texts harmless and cut."""
    if isinstance(value, Markup):
        return value
    if isinstance(value, int) and not isinstance(value, bool):
        return f"{value:,}"
    return visible(str(value), 2_000)


def log(text: str, most: int = _MOST) -> Markup:
    """Return log content for the body of a page: kept apart from what stands beside it, odd characters marked.

    Text longer than ``most`` characters is cut with a mark.
    """
    runs = groupby(text[:most], key=lambda letter: visible(letter) != letter)
    forms = {True: Markup("<mark>{}</mark>"), False: Markup("{}")}
    parts = [forms[odd].format(visible("".join(run), most)) for odd, run in runs]
    return Markup("<bdi>{}{}</bdi>").format(Markup("").join(parts), "…" if len(text) > most else "")


def _number(value: float) -> Markup:
    """Return a number as drawings and attributes take it, without separators."""
    return escape(str(value))


def environment() -> Environment:
    """Return the templates: HTML, everything escaped, an unknown name is an error."""
    made = Environment(
        loader=PackageLoader("unissued.report"),
        undefined=StrictUndefined,
        finalize=plain,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    filters: dict[str, Callable[..., object]] = {"log": log, "number": _number, "ours": Markup}
    made.filters.update(filters)
    return made
