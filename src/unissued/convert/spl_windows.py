"""Counts, sums and orders over sliding windows in SPL, both ends included, one row per chain of firings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unissued.convert.correlation import Correlation
from unissued.convert.plan import Branch, branches
from unissued.convert.query import Body
from unissued.convert.spl import Reading, read
from unissued.convert.spl_rule import EXTRACTED, LIMITS, branch_of, feeds_of, guard, multisearch, row
from unissued.pack import Pack, Rule


def windows(pack: Pack, correlation: Correlation, target: str) -> Body:
    """Write a correlation whose condition looks at one window."""
    bases = [base(pack.rule(name), correlation, target) for name in correlation.rules]
    lists = tuple(dict.fromkeys(name for one in bases for reading in one.readings for name in reading.lists))
    lines = [*gathered(bases, correlation), *_firings(correlation), *chains(correlation)]
    lines += guard(pack, lists, correlation.keys[0])
    note = ["unissued"] if any(pack.catalogue.lists[name].if_empty == "refuse" for name in lists) else []
    lines.append(f"| table {', '.join(['_time', *correlation.keys, *note])}")
    return Body(
        "\n".join(lines),
        feeds_of([part for one in bases for part in one.parts]),
        lists,
        f"every hour, over the last {correlation.hours + 26} hours; keys and time are the alert's identity, "
        f"silence a key for {correlation.span} after its last alert",
        (EXTRACTED, LIMITS),
    )


@dataclass(frozen=True)
class Base:
    """A rule below a correlation: searches that end in ``_time``, the keys and, where asked, ``V``."""

    rule: str
    readings: list[Reading]
    parts: list[Branch]


def base(rule: Rule, correlation: Correlation, target: str) -> Base:
    """Write the searches of a rule below a correlation."""
    keys = correlation.own_names(rule.name)
    parts = branches(rule, target, tuple(keys.values()))
    return Base(rule.name, [read(part, table, keys, show=False) for part in parts for table in part.tables], parts)


def gathered(bases: Sequence[Base], correlation: Correlation) -> list[str]:
    """Return the commands that bring the matches of all rules together, each once, those without a key left out."""
    searches = []
    for number, one in enumerate(bases, 1):
        keys = [*correlation.own_names(one.rule), "rule"]
        for reading in one.readings:
            stages = [
                *reading.stages,
                f"eval rule={number}",
                "where " + " AND ".join(f"len({key})>0" for key in correlation.keys),
                row(["_time", "Id", *keys]),
                f"fields {', '.join(['_time', 'row', *keys])}",
            ]
            searches.append((reading.search, stages))
    if len(searches) == 1:
        search, stages = searches[0]
        return [search, *(f"| {stage}" for stage in stages), "| fields - _raw", "| dedup row"]
    return [multisearch([branch_of(search, stages) for search, stages in searches]), "| fields - _raw", "| dedup row"]


def _firings(correlation: Correlation) -> list[str]:
    by = " ".join(correlation.keys)
    match correlation.type:
        case "event_count":
            return _events(correlation, by)
        case "value_count":
            return _values(correlation, by)
        case "temporal":
            return ['| eval V="rule".rule', *_values(correlation, by)]
        case "value_sum":
            return _sums(correlation, by)
    return _ordered(correlation, by)


def _events(correlation: Correlation, by: str) -> list[str]:
    count = correlation.threshold
    if count == 1:
        return []
    return [
        "| sort 0 _time",
        f"| streamstats window={count} global=f count AS events min(_time) AS start by {by}",
        f"| where events={count} AND _time-start<={correlation.seconds}",
    ]


def _values(correlation: Correlation, by: str) -> list[str]:
    """A value counts from its event until the window has passed it or the same value comes again."""
    window = correlation.seconds
    return [
        "| sort 0 -_time",
        f"| streamstats current=f last(_time) AS again by {by} V",
        f"| eval again=if(isnotnull(again) AND again-_time<={window},again,null())",
        '| eval change=if(len(V)=0,"0",mvappend("1","-1"))',
        "| mvexpand change",
        '| eval step=case(NOT change="-1",1,isnotnull(again),0,true(),2)',
        f'| eval _time=case(NOT change="-1",_time,isnotnull(again),again,true(),_time+{window})',
        "| sort 0 _time step",
        f"| streamstats sum(change) AS distinct_values by {by}",
        f"| where step=1 AND distinct_values>={correlation.threshold}",
    ]


def _sums(correlation: Correlation, by: str) -> list[str]:
    return [
        "| eval V=if(len(V)=0,0,tonumber(V))",
        f"| stats sum(V) AS V by {by} _time",
        '| eval step=mvappend("1","2")',
        "| mvexpand step",
        f'| eval change=if(step="1",V,-V), _time=if(step="1",_time,_time+{correlation.seconds})',
        "| sort 0 _time step",
        f"| streamstats sum(change) AS total by {by}",
        f'| where step="1" AND total>={correlation.threshold}',
    ]


def _ordered(correlation: Correlation, by: str) -> list[str]:
    """Carry the latest start of every sequence so far from rule to rule; equal times stand in the rules' order."""
    lines = ["| sort 0 _time rule", "| eval start1=if(rule=1,_time,null())"]
    for number in range(2, len(correlation.rules) + 1):
        lines.append(f"| streamstats max(start{number - 1}) AS latest{number - 1} by {by}")
        lines.append(f"| eval start{number}=if(rule={number},latest{number - 1},null())")
    last = len(correlation.rules)
    lines.append(f"| where rule={last} AND isnotnull(start{last}) AND _time-start{last}<={correlation.seconds}")
    return lines


def chains(correlation: Correlation) -> list[str]:
    """Return the commands that keep the first firing of each chain."""
    return [
        "| sort 0 _time",
        f"| streamstats current=f last(_time) AS before by {' '.join(correlation.keys)}",
        f"| where isnull(before) OR _time-before>{correlation.seconds}",
    ]
