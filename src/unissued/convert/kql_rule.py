"""A rule of its own in KQL: one row per matching record."""

from __future__ import annotations

from collections.abc import Sequence

from unissued.convert.kql import Definitions, read
from unissued.convert.plan import Branch, branches
from unissued.convert.query import Body
from unissued.pack import Pack, Rule

TIME = {"sentinel": "TimeGenerated", "defender": "Timestamp"}


def detection(pack: Pack, rule: Rule, target: str) -> Body:
    """Write a detection."""
    define = Definitions()
    parts = branches(rule, target)
    readings = [read(branch, target, define, {}) for branch in parts]
    texts = [f"{reading.text}\n{distinct(reading.columns)}" for reading in readings]
    main = texts[0] if len(texts) == 1 else together(texts)
    return Body(
        guarded(pack, define, main, target),
        tables_of(parts),
        tuple(define.lists),
        "every hour, over the last 26 hours of event time (records arrive late); Id is the alert's identity",
        notes_of(parts),
    )


def distinct(columns: Sequence[str]) -> str:
    """Return the end of a pipeline: feeds deliver a record up to four times."""
    names = [name for name in columns if name != "ReportId"]
    if "ReportId" in columns:
        return f"| summarize ReportId = take_any(ReportId)\n    by {', '.join(names)}"
    return f"| distinct {', '.join(names)}"


def together(texts: Sequence[str]) -> str:
    """Return the union of pipelines."""
    return "union\n" + ",\n".join("(\n" + indented(text) + "\n)" for text in texts)


def indented(text: str) -> str:
    """Move a text to the right."""
    return "\n".join(f"    {line}" for line in text.split("\n"))


def tables_of(parts: Sequence[Branch]) -> tuple[str, ...]:
    """Return the names of the tables that are read."""
    return tuple(dict.fromkeys(table.name for part in parts for table in part.tables))


def notes_of(parts: Sequence[Branch]) -> tuple[str, ...]:
    """Return why tables are not the first choice."""
    return tuple(dict.fromkeys(f"reads {part.tables[0].name}: {part.because}" for part in parts if part.because))


def guarded(pack: Pack, define: Definitions, main: str, target: str, lets: str = "") -> str:
    """Return the whole query; where a list must not be empty, one row says so instead of everything or nothing."""
    needed = [name for name in define.lists if pack.catalogue.lists[name].if_empty == "refuse"]
    if not needed:
        return define.text() + lets + main
    empty = " or ".join(f"toscalar({name} | count) == 0" for name in needed)
    names = " or ".join(f"unissued_{name}" for name in needed)
    return (
        f"{define.text()}let lists_missing = {empty};\n{lets}"
        f"union\n(\n{indented(main)}\n    | where not(lists_missing)\n),\n(\n"
        f'    print {TIME[target]} = now(), Unissued = "not evaluated: watchlist {names} is empty or missing"\n'
        f"    | where lists_missing\n)"
    )
