"""A rule of its own in SPL: one row per matching record."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unissued.convert.plan import Branch, branches, notes_of
from unissued.convert.query import ROWS, Body, Schedule, on_arrival, span
from unissued.convert.spl import read
from unissued.pack import ListSpec, Pack, Rule

EXTRACTED = "the first search needs Workload, Operation and category as extracted fields (they are top-level keys)"
LIMITS = "streamstats, eventstats and mvexpand have memory limits (limits.conf); past them results are incomplete"


def detection(pack: Pack, rule: Rule, target: str) -> Body:
    """Write a detection."""
    parts = branches(rule, target)
    schedule = on_arrival(target)
    specs = pack.lists_of(rule)
    recent = f"_index_earliest={since(schedule)}"
    readings = [read(branch, table, specs, {}, terms=recent) for branch in parts for table in branch.tables]
    lists = tuple(dict.fromkeys(name for reading in readings for name in reading.lists))
    columns = tuple(dict.fromkeys(name for reading in readings for name in reading.columns))
    tails = [[*reading.stages, row(reading.columns)] for reading in readings]
    if len(readings) == 1:
        lines = [readings[0].search, *(f"| {stage}" for stage in tails[0])]
    else:
        lines = [multisearch([branch_of(reading.search, tail) for reading, tail in zip(readings, tails, strict=True)])]
    lines.append("| dedup row")
    lines += guard(specs, lists, "row")
    lines.append(f"| table {', '.join([*columns, *note_of(specs, lists)])}")
    return Body(
        "\n".join(lines),
        feeds_of(parts),
        lists,
        schedule,
        (*notes_of(parts), EXTRACTED, FURTHER_BACK),
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


FURTHER_BACK = "to search what was indexed earlier, say so in _index_earliest, such as -30d"


def since(schedule: Schedule) -> str:
    """Return how far back a run looks by arrival, as Splunk writes relative times."""
    return f"-{span(schedule.arrived)}" if schedule.arrived else "0"


def note_of(specs: Mapping[str, ListSpec], lists: Sequence[str]) -> list[str]:
    """Return the column in which a search says something about itself, if it can."""
    return ["unissued"] if any(specs[name].given is None for name in lists) else []


def guard(specs: Mapping[str, ListSpec], lists: Sequence[str], present: str) -> list[str]:
    """Return the commands that add a row for each damaged list.

    A list that must not be empty keeps the results back then, since they would be everything or nothing.

    Args:
        specs: the lists as the rule reads them.
        lists: which of them the search asks for.
        present: a column that every result has.
    """
    lines = []
    for spec in (specs[name] for name in lists):
        if spec.given is None:
            refuses = spec.if_empty == "refuse"
            sound = f'isnotnull({present}) AND listed="ok"' if refuses else f"isnotnull({present})"
            said = ("not evaluated: " if refuses else "") + f"lookup unissued_{spec.name} "
            lines += [
                f"| append [| inputlookup unissued_{spec.name} | eval key=lower(trim(key)) | where len(key)>0\n"
                "    | stats count AS rows by key\n"
                f'    | eval said=if(match(key,"^{ROWS}[0-9]+\\z"),tonumber(substr(key,{len(ROWS) + 1})),null()),'
                ' entry=if(match(key,"^#"),0,1)\n'
                "    | stats count AS rows sum(entry) AS entries max(said) AS said | eval entries=coalesce(entries,0)\n"
                f'    | eval fault=case({_faults(spec)},true(),"ok") | fields fault]',
                "| eventstats max(fault) AS listed",
                f'| where isnotnull(unissued) OR ({sound}) OR (isnull({present}) AND NOT fault="ok")',
                f'| eval unissued=case(isnotnull(unissued),unissued,isnull({present}),"{said}".fault),'
                f' {present}=coalesce({present},""), fault=null(), listed=null()',
            ]
    return lines


def _faults(spec: ListSpec) -> str:
    """Return pairs of a test and what is wrong with a list that meets it."""
    faults = []
    if spec.if_empty == "refuse":
        faults.append('entries=0,"is empty"')
    if spec.if_empty == "refuse" and spec.learned:
        faults.append(f'isnull(said),"has no row {ROWS}N"')
    return ",".join([*faults, 'isnotnull(said) AND NOT entries=said,"has ".entries." of ".said." rows"'])
