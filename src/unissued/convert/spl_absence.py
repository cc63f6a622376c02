"""``a and not b`` in SPL: each record judged once, six hours after it arrived, where b's feeds were complete."""

from __future__ import annotations

from datetime import timedelta

from unissued.convert.correlation import Correlation
from unissued.convert.plan import branches, notes_of
from unissued.convert.query import JUDGED_UNTIL, SEEN, Body, Schedule, look_back
from unissued.convert.spl import Reading, event_time, read
from unissued.convert.spl_rule import EXTRACTED, LIMITS, branch_of, feeds_of, guard, multisearch
from unissued.convert.spl_windows import of_groups
from unissued.errors import UnsupportedError
from unissued.pack import JUDGED_AFTER, Pack, Source

_HOUR, _DAY = 3600, 86400
_BLOCK = 6 * _HOUR


def absence(pack: Pack, correlation: Correlation, target: str) -> Body:
    """Write a correlation that asks for the absence of company.

    Raises:
        UnsupportedError: its window is longer than the look-back.
    """
    if look_back(correlation.window) > SEEN:
        raise UnsupportedError.at(correlation.name, f"its window of {correlation.span} exceeds the look-back")
    rule, asked = pack.rule(correlation.name), pack.rule(correlation.rules[0])
    keys = correlation.own_names(asked.name)
    specs = pack.lists_of(rule)
    parts = branches(asked, target, tuple(keys.values()))
    if len(parts) != 1:
        raise UnsupportedError.at(correlation.name, "reads several log sources, and an absence is judged in one")
    oldest, youngest = (int(age.total_seconds()) for age in (JUDGED_UNTIL, JUDGED_AFTER))
    early = ("eval ingested=_indextime", f"where ingested>now()-{oldest} AND ingested<=now()-{youngest}")
    judged = read(parts[0], parts[0].tables[0], specs, keys, early=early)
    shown = [name for name in judged.columns if name not in ("_time", *correlation.keys)]
    searches = [_judged(judged, correlation, shown)]
    lists = list(judged.lists)
    sources: list[Source] = []
    for name in correlation.denied:
        for branch in branches(pack.rule(name), target, tuple(correlation.own_names(name).values())):
            parts.append(branch)
            sources.append(rule.needing(branch.source))
            for table in branch.tables:
                reading = read(branch, table, specs, correlation.own_names(name), show=False)
                lists += reading.lists
                searches.append(_company(reading, correlation))
    gated = [source for source in {one.key: one for one in sources}.values() if source.required_tables]
    feeds = [feed for source in gated for feed in _feeds(source)]
    searches += [_hours(source) for source in gated]
    lines = [multisearch(searches), "| fields - _raw", *_alone(correlation, shown)]
    lines += _gate(feeds, correlation) if feeds else ["| eval gaps=null()"]
    lines += _verdict(correlation, shown)
    lists = list(dict.fromkeys(lists))
    lines += guard(specs, lists, "state")
    names = list(dict.fromkeys(["_time", *correlation.keys, *shown, "unissued", "records"]))
    lines.append(f"| table {', '.join(names)}")
    return Body(
        "\n".join(lines),
        feeds_of(parts),
        tuple(lists),
        Schedule(timedelta(hours=1), timedelta(days=SEEN), None, correlation.window),
        (
            *notes_of(parts),
            EXTRACTED,
            LIMITS,
            *(
                [f"judges only where {' and '.join(feeds)} were complete (80 % of the rows of a week ago)"]
                if feeds
                else []
            ),
        ),
    )


def _feeds(source: Source) -> list[str]:
    """Return the categories that a source must have been complete in."""
    return [source.tables[name].category for name in source.required_tables]


def _judged(reading: Reading, correlation: Correlation, shown: list[str]) -> str:
    keys = correlation.keys
    stages = [
        *reading.stages,
        f"where {of_groups(correlation, correlation.rules[0])}",
        'eval judged=_time."|".ingested',
        f"eval group={_group(correlation)}",
        f"fields _time, group, judged, {', '.join(dict.fromkeys((*keys, *shown)))}",
    ]
    return branch_of(f"earliest=-{SEEN}d {reading.search}", stages)


def _group(correlation: Correlation) -> str:
    return '"key|".' + '."|".'.join(correlation.keys)


def _company(reading: Reading, correlation: Correlation) -> str:
    stages = [
        *reading.stages,
        "where " + " AND ".join(f"len({key})>0" for key in correlation.keys),
        "eval seen=_time",
        f"eval group={_group(correlation)}",
        "fields _time, group, seen",
    ]
    return branch_of(f"earliest=-{look_back(correlation.window) + 1}d {reading.search}", stages)


def _hours(source: Source) -> str:
    """Count the rows of every feed that must be complete, by hour."""
    table = source.tables_of("splunk")[0]
    names = ", ".join(f'"{feed}"' for feed in _feeds(source))
    stages = [
        *event_time(table),
        'eval feed=spath(_raw,"category"), hour=floor(_time/3600)*3600',
        f"where hour>now()-{SEEN * _DAY}",
        'eval group="hour|".feed."|".hour',
        "fields _time, group, feed, hour",
    ]
    return branch_of(f"earliest=-{SEEN + 1}d index=* {table.where} category IN ({names})", stages)


def _alone(correlation: Correlation, shown: list[str]) -> list[str]:
    """Return the commands that keep the judged records without company, one row a moment, and the hours."""
    values = " ".join(f"values({name}) AS {name}" for name in dict.fromkeys((*correlation.keys, *shown)))
    return [
        "| stats count AS rows values(judged) AS judged values(seen) AS seen\n"
        "    values(feed) AS feed values(hour) AS hour\n"
        f"    {values} by group",
        "| where isnotnull(judged) OR isnotnull(hour)",
        '| eval judged=coalesce(judged,"-")',
        "| mvexpand judged",
        '| eval moment=if(judged="-",null(),tonumber(mvindex(split(judged,"|"),0))),\n'
        '    ingested=if(judged="-",null(),tonumber(mvindex(split(judged,"|"),1)))',
        f"| eval near=mvmap(seen,if(abs(tonumber(seen)-moment)<={correlation.seconds},1,null()))",
        "| where isnotnull(hour) OR isnull(near)",
        '| eval group=if(isnotnull(hour),group,group."|".moment)',
    ]


def _gate(feeds: list[str], correlation: Correlation) -> list[str]:
    """Return the commands that find the gaps in the look-back of each record."""
    first = f"floor((now()-{look_back(correlation.window) * _DAY})/3600)*3600"
    window = correlation.seconds
    return [
        # Every hour, also those without rows, beside the same hour a week ago.
        f"| append [| makeresults | eval hour=mvrange({first},floor(now()/3600)*3600,3600),\n"
        f'    feed=split("{"|".join(feeds)}","|"), rows=0 | mvexpand hour | mvexpand feed | fields - _time]',
        "| eventstats min(eval(if(rows>0,hour,null()))) AS oldest by feed",
        '| eval shift=if(isnull(hour),"0",mvappend("0","604800"))',
        "| mvexpand shift",
        '| eval before=if(shift="0",0,rows), rows=if(shift="0",rows,0), hour=tonumber(hour)+tonumber(shift)',
        "| eventstats sum(before) AS before sum(rows) AS rows by feed hour",
        '| eval cell=if(isnull(hour),"record|".group,feed."|".hour)',
        "| dedup cell",
        f"| eval begin=floor((moment-{window})/3600)*3600,\n"
        f"    end=min(floor((moment+{window})/3600)*3600+3600,floor((ingested+{6 * _HOUR})/3600)*3600)",
        '| eval span=if(isnull(hour),begin."|".end,null())',
        "| eventstats values(span) AS spans",
        '| eval span=if(isnull(hour),span,mvmap(spans,if(hour>=tonumber(mvindex(split(spans,"|"),0))'
        ' AND hour<tonumber(mvindex(split(spans,"|"),1)),spans,null())))',
        "| where isnotnull(span)",
        "| mvexpand span",
        "| eval known=if(oldest<=hour-604800,1,0)",
        f'| eval block=case(isnull(hour),"record",known=1 AND before>=50,feed."|".hour,'
        f'true(),feed."|small|".(floor(hour/{_BLOCK})*{_BLOCK}))',
        "| eventstats sum(rows) AS block_rows sum(before) AS block_before count AS block_hours\n"
        "    sum(eval(1-known)) AS block_unknown by span block",
        "| eval gap=case(isnull(hour),null(),block_unknown>0 AND block_rows=0 AND block_hours>=6,feed,\n"
        "    block_unknown=0 AND 10*block_rows<8*block_before,feed,true(),null())",
        "| eval gap_hour=if(isnull(gap),null(),hour)",
        "| eventstats values(gap) AS gaps min(gap_hour) AS gap_first max(gap_hour) AS gap_last by span",
        "| where isnull(hour)",
    ]


def _verdict(correlation: Correlation, shown: list[str]) -> list[str]:
    window = correlation.seconds
    names = dict.fromkeys((*correlation.keys, *shown))
    blank = ", ".join(f'{name}=if(state="found",{name},null())' for name in names)
    keys = " ".join(correlation.keys)
    return [
        f"| eval state=case(moment<now()-{look_back(correlation.window) * _DAY}+{window},\n"
        '    "not evaluated: the event is too old for the look-back",\n'
        '    isnotnull(gaps),"not evaluated: gap in ".mvjoin(gaps,", ")." from ".strftime(gap_first,"%F %T %z")'
        '." to ".strftime(gap_last,"%F %T %z"),true(),"found")',
        "| sort 0 moment",
        "| eventstats count AS records by state",
        "| streamstats window=0 count AS number by state",
        f"| streamstats current=f window=1 global=f last(moment) AS previous by state {keys}",
        f'| where (state="found" AND (isnull(previous) OR moment-previous>{window}))\n'
        '    OR (NOT state="found" AND number=1)',
        '| eval unissued=if(state="found",null(),state), records=if(state="found",null(),records), _time=moment',
        f"| eval {blank}",
    ]
