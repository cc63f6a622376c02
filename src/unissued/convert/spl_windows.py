"""Counts, sums and orders over sliding windows in SPL, both ends included, one row per chain of firings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unissued.convert.correlation import Correlation
from unissued.convert.judges import spl_judge
from unissued.convert.plan import Branch, branches, notes_of
from unissued.convert.query import Body, Schedule, on_arrival
from unissued.convert.spl import Reading, read
from unissued.convert.spl_rule import EXTRACTED, LIMITS, branch_of, feeds_of, guard, multisearch, note_of, row
from unissued.convert.splunk import quoted
from unissued.errors import UnsupportedError
from unissued.pack import Pack, Rule


def windows(pack: Pack, correlation: Correlation, target: str) -> Body:
    """Write a correlation whose condition looks at one window."""
    schedule = on_arrival(target, correlation.window, correlation.window)
    bases = [base(pack, pack.rule(name), correlation, target) for name in correlation.rules]
    lists = tuple(
        dict.fromkeys(
            [*(name for one in bases for reading in one.readings for name in reading.lists), *correlation.lists]
        )
    )
    firings = _judged(pack, correlation) if correlation.judge else _firings(correlation)
    lines = [*gathered(bases, correlation, schedule), *firings, *chains(correlation)]
    specs = pack.lists_of(pack.rule(correlation.name))
    lines += guard(specs, lists, correlation.keys[0])
    lines.append(f"| table {', '.join(['_time', *correlation.keys, *note_of(specs, lists)])}")
    return Body(
        "\n".join(lines),
        feeds_of(parts := [part for one in bases for part in one.parts]),
        lists,
        schedule,
        (*notes_of(parts), EXTRACTED, LIMITS, "to search what was indexed earlier, count more seconds as new"),
    )


@dataclass(frozen=True)
class Base:
    """A rule below a correlation: searches that end in ``_time``, the keys, ``new`` and, where asked, ``V``.

    ``new`` is 1 for a record that arrived since the last run. A chain is reported by the run in which its first firing
    became possible: when one of the records that it needs is new.
    """

    rule: str
    readings: list[Reading]
    parts: list[Branch]


def base(pack: Pack, rule: Rule, correlation: Correlation, target: str) -> Base:
    """Write the searches of a rule below a correlation."""
    keys = correlation.own_names(rule.name)
    parts = branches(rule, target, tuple(keys.values()))
    specs = pack.lists_of(pack.rule(correlation.name))
    readings = [read(part, table, specs, keys, show=False) for part in parts for table in part.tables]
    return Base(rule.name, readings, parts)


def gathered(bases: Sequence[Base], correlation: Correlation, schedule: Schedule) -> list[str]:
    """Return the commands that bring the matches of all rules together, each once, those without a key left out."""
    seconds = int(schedule.arrived.total_seconds()) if schedule.arrived else 0
    once = ["| fields - _raw", "| eventstats min(new) AS new by row", "| dedup row"]
    searches = []
    for number, one in enumerate(bases, 1):
        keys = [*correlation.own_names(one.rule), "rule"]
        for reading in one.readings:
            stages = [
                *reading.stages,
                f"eval rule={number}, new=if(_indextime>now()-{seconds},1,0)",
                f"where {of_groups(correlation, one.rule)}",
                row(["_time", "Id", *keys]),
                f"fields {', '.join(['_time', 'row', 'new', *keys])}",
            ]
            searches.append((reading.search, stages))
    if len(searches) == 1:
        search, stages = searches[0]
        return [search, *(f"| {stage}" for stage in stages), *once]
    return [multisearch([branch_of(search, stages) for search, stages in searches]), *once]


def of_groups(correlation: Correlation, rule: str) -> str:
    """Return the test that a record of a rule belongs to a group, and to none that a site excludes."""
    tests = [f"len({key})>0" for key in correlation.keys_of(rule)]
    for entry in correlation.excluded_of(rule):
        same = " AND ".join(f"lower({key})={quoted(value.lower())}" for key, value in entry.items())
        tests.append(f"NOT ({same})")
    return " AND ".join(tests)


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


def _judged(pack: Pack, correlation: Correlation) -> list[str]:
    """Bring the records of both rules together and keep the pairs that meet the judge.

    A record of the second rule is one text of its values, each with a sign in front; what parts them is escaped.
    """
    second = [name for name in correlation.own_names(correlation.rules[1]) if name not in correlation.keys]
    escaped = "".join(f'."|=".replace(replace({name},"%","%25"),"[|]","%7C")' for name in second)
    back = ",\n    ".join(
        f'{name}=replace(replace(substr(mvindex(parts,{number}),2),"%7C","|"),"%25","%")'
        for number, name in enumerate(second, 2)
    )
    (listed,) = (pack.catalogue.lists[name] for name in correlation.lists)
    return [
        f'| eval other=if(rule=2,_time."|".new{escaped},null())',
        f"| eventstats values(other) AS others by {' '.join(correlation.keys)}",
        "| where rule=1 AND isnotnull(others)",
        "| mvexpand others",
        '| eval parts=split(others,"|"), next=tonumber(mvindex(parts,0)), later=tonumber(mvindex(parts,1)),\n'
        f"    {back}",
        f"| where abs(_time-next)<={correlation.seconds}",
        *(f"| {stage}" for stage in spl_judge(correlation.judge, listed)),
        "| eval _time=max(_time,next), fresh=max(new,later)",
    ]


def _events(correlation: Correlation, by: str) -> list[str]:
    count = correlation.threshold
    if count == 1:
        return ["| eval fresh=new"]
    return [
        "| sort 0 _time",
        f"| streamstats window={count} global=f count AS events min(_time) AS start sum(new) AS fresh by {by}",
        f"| where events={count} AND _time-start<={correlation.seconds}",
    ]


def _values(correlation: Correlation, by: str) -> list[str]:
    """A value counts from its event until the window has passed it or the same value comes again."""
    window = correlation.seconds
    return [
        "| sort 0 -_time",
        f"| streamstats current=f window=1 global=f last(_time) AS again by {by} V",
        f"| eval again=if(isnotnull(again) AND again-_time<={window},again,null())",
        '| eval change=if(len(V)=0,"0",mvappend("1","-1")), change=if(new=1,mvappend(change,"new"),change)',
        "| mvexpand change",
        '| eval step=case(change="0" OR change="1",1,change="-1" AND isnotnull(again),0,true(),2)',
        f"| eval _time=case(step=1,_time,step=0,again,true(),_time+{window}),\n"
        '    new=case(step=1,new,change="new",-1,true(),0), change=if(change="new",0,tonumber(change))',
        "| sort 0 _time, step",
        f"| streamstats window=0 sum(change) AS distinct_values sum(new) AS fresh by {by}",
        f"| where step=1 AND distinct_values>={correlation.threshold}",
    ]


def _sums(correlation: Correlation, by: str) -> list[str]:
    return [
        "| eval V=if(len(V)=0,0,tonumber(V))",
        f"| stats sum(V) AS V sum(new) AS new by {by} _time",
        '| eval step=mvappend("1","2")',
        "| mvexpand step",
        '| eval change=if(step="1",V,-V), new=if(step="1",new,-new),\n'
        f'    _time=if(step="1",_time,_time+{correlation.seconds})',
        "| sort 0 _time, step",
        f"| streamstats window=0 sum(change) AS total sum(new) AS fresh by {by}",
        f'| where step="1" AND total>={correlation.threshold}',
    ]


def _ordered(correlation: Correlation, by: str) -> list[str]:
    """Carry the latest start of every sequence so far from rule to rule; equal times stand in the rules' order.

    A sequence is new when anything new of its rules lies in the window.
    """
    lines = [*_filled(correlation), "| sort 0 _time, rule"]
    lines.append("| eval start1=if(rule=1,_time,null()), newest=if(new=1,_time,null())")
    for number in range(2, len(correlation.rules) + 1):
        lines.append(f"| streamstats window=0 max(start{number - 1}) AS latest{number - 1} by {by}")
        lines.append(f"| eval start{number}=if(rule={number},latest{number - 1},null())")
    last = len(correlation.rules)
    lines.append(f"| streamstats window=0 max(newest) AS newest by {by}")
    lines.append(f"| where rule={last} AND isnotnull(start{last}) AND _time-start{last}<={correlation.seconds}")
    lines.append(f"| eval fresh=if(isnotnull(newest) AND _time-newest<={correlation.seconds},1,0)")
    return lines


def _filled(correlation: Correlation) -> list[str]:
    """Return the commands that put a match which lacks a key into every group that agrees with its other keys.

    The groups are those of the rules that have every key. Between two such steps groups that lack a rule are left out,
    so that few are left when it comes to mail.
    """
    numbers = dict(enumerate(correlation.rules, 1))
    lacking = {
        number: [key for key in correlation.keys if key not in correlation.keys_of(name)]
        for number, name in numbers.items()
    }
    whole = " OR ".join(f"rule={number}" for number, keys in lacking.items() if not keys)
    partial = {number: keys for number, keys in lacking.items() if keys}
    lines: list[str] = []
    for number, keys in partial.items():
        if len(keys) > 1:
            problem = f"rule '{numbers[number]}' lacks {' and '.join(keys)}"
            raise UnsupportedError.at(correlation.name, problem, "a rule may lack one key")
        (key,) = keys
        lines += [
            f"| eval fill=if({whole},{key},null())",
            f"| eventstats values(fill) AS fills by {' '.join(correlation.keys_of(numbers[number]))}",
            f'| eval fills=if(rule={number},fills,"-")',
            "| where isnotnull(fills)",
            "| mvexpand fills",
            f"| eval {key}=if(rule={number},fills,{key})",
        ]
        later = [f"rule={other}" for other in partial if other > number]
        if later:
            lines += [
                f"| eventstats max(eval(if(rule={number},1,null()))) AS there by {' '.join(correlation.keys)}",
                f"| where isnotnull(there) OR {' OR '.join(later)}",
            ]
    return lines


def chains(correlation: Correlation) -> list[str]:
    """Return the commands that keep the first firing of each chain, where it is new."""
    keys = " ".join(correlation.keys)
    return [
        f"| stats max(fresh) AS fresh by {keys} _time",
        "| sort 0 _time",
        f"| streamstats current=f window=1 global=f last(_time) AS before by {keys}",
        f"| where (isnull(before) OR _time-before>{correlation.seconds}) AND fresh>0",
    ]
