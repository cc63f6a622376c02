"""A rule of its own in SPL: one row per matching record."""

from __future__ import annotations

from collections.abc import Sequence

from unissued.convert.plan import Branch, branches
from unissued.convert.query import Body
from unissued.convert.spl import read
from unissued.pack import Pack, Rule

EXTRACTED = "the first search needs Workload, Operation and category as extracted fields (they are top-level keys)"
LIMITS = "streamstats, eventstats and mvexpand have memory limits (limits.conf); past them results are incomplete"


def detection(pack: Pack, rule: Rule, target: str) -> Body:
    """Write a detection."""
    parts = branches(rule, target)
    readings = [read(branch, table, {}) for branch in parts for table in branch.tables]
    lists = tuple(dict.fromkeys(name for reading in readings for name in reading.lists))
    columns = tuple(dict.fromkeys(name for reading in readings for name in reading.columns))
    tails = [[*reading.stages, row(reading.columns)] for reading in readings]
    if len(readings) == 1:
        lines = [readings[0].search, *(f"| {stage}" for stage in tails[0])]
    else:
        lines = [multisearch([branch_of(reading.search, tail) for reading, tail in zip(readings, tails, strict=True)])]
    lines.append("| dedup row")
    lines += guard(pack, lists, "row")
    note = ["unissued"] if any(pack.catalogue.lists[name].if_empty == "refuse" for name in lists) else []
    lines.append(f"| table {', '.join([*columns, *note])}")
    return Body(
        "\n".join(lines),
        feeds_of(parts),
        lists,
        "every hour, over the last 26 hours (audit records arrive hours late); Id is the alert's identity",
        (EXTRACTED,),
    )


def row(columns: Sequence[str]) -> str:
    """Return the command that makes one text of all columns, by which repeated records are dropped."""
    return "eval row=" + '."|".'.join(columns)


def branch_of(search: str, stages: Sequence[str]) -> str:
    """Return one search of a multisearch."""
    body = "\n".join([f"search {search}", *(f"| {stage}" for stage in stages)])
    return "[\n" + "\n".join(f"    {line}" for line in body.split("\n")) + "\n]"


def multisearch(searches: Sequence[str]) -> str:
    """Return searches side by side."""
    return "| multisearch\n" + "\n".join(f"    {line}" for text in searches for line in text.split("\n"))


def feeds_of(parts: Sequence[Branch]) -> tuple[str, ...]:
    """Return the source types that are read."""
    return tuple(dict.fromkeys(table.name for part in parts for table in part.tables))


def guard(pack: Pack, lists: Sequence[str], present: str) -> list[str]:
    """Return the commands that let nothing but one row pass when a list must not be empty and is.

    Args:
        pack: knows the lists.
        lists: which of them the search asks for.
        present: a column that every result has.
    """
    needed = [name for name in lists if pack.catalogue.lists[name].if_empty == "refuse"]
    lines = []
    for name in needed:
        lines += [
            f"| append [| inputlookup unissued_{name} | where len(key)>0 | stats count AS entries]",
            "| eventstats max(entries) AS listed",
            f"| eval keep=case(isnotnull({present}),if(listed>0,1,0),entries=0,1,true(),0)",
            "| where keep=1",
            f"| eval unissued=if(isnull({present}),"
            f'"not evaluated: lookup unissued_{name} is empty",null()), {present}=coalesce({present},"")',
        ]
    return lines
