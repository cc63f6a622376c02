"""Log content in Markdown: nothing of it becomes a link, markup or another cell."""

from __future__ import annotations

import re
from collections.abc import Sequence

from unissued.hunt.visible import visible

_SPECIAL = re.compile(r"([\\`*_{}\[\]()#+!|~$-])")


def escaped(text: str) -> str:
    """Return a text as Markdown that shows it letter by letter, on one line."""
    harmless = visible(text, len(text)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # Dots and colons break what some readers would make a link of.
    return _SPECIAL.sub(r"\\\1", harmless).replace("://", "&#58;//").replace("@", "&#64;").replace("www.", "www&#46;")


def row(cells: Sequence[str]) -> str:
    """Return a row of a table."""
    return f"| {' | '.join(map(escaped, cells))} |"


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table."""
    return [row(head), "|---" * len(head) + "|", *map(row, rows)]
