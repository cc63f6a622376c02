"""``a and not b`` in KQL: each record judged once, six hours after it arrived, where b's feeds were complete."""

from __future__ import annotations

from datetime import timedelta

from unissued.convert.correlation import Correlation
from unissued.convert.kql import Definitions, read
from unissued.convert.kql_rule import FAULT, TIME, distinct, guarded, indented, tables_of
from unissued.convert.kql_windows import first_of_chain, of_groups, sorted_by
from unissued.convert.plan import Branch, branches, notes_of
from unissued.convert.query import JUDGED_UNTIL, SEEN, Body, Schedule, look_back, span
from unissued.errors import UnsupportedError
from unissued.pack import JUDGED_AFTER, Pack

_WEEK = 7


def absence(pack: Pack, correlation: Correlation, target: str) -> Body:
    """Write a correlation that asks for the absence of company.

    Raises:
        UnsupportedError: the target cannot judge each record once.
    """
    rule, asked = pack.rule(correlation.name), pack.rule(correlation.rules[0])
    if target == "defender":
        raise UnsupportedError.at(correlation.name, _not_in_defender(pack, correlation), "use Sentinel")
    far = look_back(correlation.window)
    if far > SEEN:
        raise UnsupportedError.at(correlation.name, f"its window of {correlation.span} exceeds the look-back")
    define = Definitions(pack.lists_of(rule))
    judged = _one(branches(asked, target, tuple(correlation.own_names(asked.name).values())), asked.name)
    company = [
        (name, branch)
        for name in correlation.denied
        for branch in branches(pack.rule(name), target, tuple(correlation.own_names(name).values()))
    ]
    feeds = tuple(
        dict.fromkeys(table for _, branch in company for table in rule.needing(branch.source).required_tables)
    )
    time, keys = TIME[target], ", ".join(correlation.keys)
    judged_text, shown = _judged(judged, correlation, target, define)
    lets = [
        ("Judged", f"materialize(\n{indented(judged_text)}\n)"),
        ("Company", _company(company, correlation, target, define)),
        (
            "Alone",
            f"materialize(\n    Judged\n    | join kind=leftanti (\n"
            f"        Judged | distinct {keys}, T\n        | join kind=inner Company on {keys}\n"
            f"        | where Seen between ((T - {correlation.span}) .. (T + {correlation.span}))\n"
            f"        | distinct {keys}, T\n        ) on {keys}, T\n"
            f"    | extend From = bin(T - {correlation.span}, 1h),\n"
            f"        To = min_of(bin(T + {correlation.span}, 1h) + 1h, bin(Ingested + 6h, 1h))\n"
            f"    | extend Old = T < ago({far}d) + {correlation.span}\n)",
        ),
    ]
    gate = "where not(Old)"
    notes = ['(Alone | where Old | extend Why = "the event is too old for the look-back")']
    if feeds:
        lets += _gate(feeds, far)
        gate += "\n| join kind=leftanti Gaps on From, To"
        notes.append(
            "(Alone | where not(Old) | join kind=inner Gaps on From, To\n"
            '        | extend Why = strcat("gap in ", strcat_array(Feeds, ", "),\n'
            '            " from ", tostring(First), " to ", tostring(Last)))'
        )
    columns = [name for name in shown if name not in (*correlation.keys, time)]
    end = (
        f"union\n(\n    Alone\n{indented(f'| {gate}')}\n    | sort by {sorted_by(correlation.keys)}, T asc\n"
        f"    | extend Begins = {first_of_chain(correlation)}\n    | where Begins\n"
        f"    | project {time} = T, {keys}, {', '.join(columns)}\n),\n"
        f"(\n    union " + ",\n        ".join(notes) + "\n"
        f"    | summarize Records = count() by Why\n"
        f'    | project {time} = now(), {FAULT} = strcat("not evaluated: ", Why), Records\n)'
    )
    parts = [judged, *(branch for _, branch in company)]
    defined = "".join(f"let {name} = {text};\n" for name, text in lets)
    return Body(
        guarded(define, end, target, "", defined),
        tables_of(parts),
        tuple(define.lists),
        Schedule(timedelta(hours=1), timedelta(days=SEEN), None, correlation.window),
        (*notes_of(parts), *_gate_notes(feeds)),
        (time, *correlation.keys, *columns, FAULT, "Records"),
    )


def _gate_notes(feeds: tuple[str, ...]) -> tuple[str, ...]:
    if not feeds:
        return ()
    return (
        f"judges only where {' and '.join(feeds)} were complete (80 % of the rows of a week ago)",
        "other tables that do not exist are skipped",
    )


def _not_in_defender(pack: Pack, correlation: Correlation) -> str:
    reasons = ["a Defender rule selects by event time, so it cannot judge each record once, six hours after it arrived"]
    for name in correlation.denied:
        for source in pack.rule(name).sources:
            for table in source.tables_of("defender"):
                for field in correlation.own_names(name).values():
                    known = source.fields[field]
                    lacks = (source.lacking(below, table.name) for below in (*known.sources, known.name))
                    reasons += filter(None, lacks)
    return "; ".join(dict.fromkeys(reasons))


def _one(parts: list[Branch], name: str) -> Branch:
    if len(parts) != 1:
        raise UnsupportedError.at(name, "reads several log sources, and an absence is judged in one")
    return parts[0]


def _judged(branch: Branch, correlation: Correlation, target: str, define: Definitions) -> tuple[str, tuple[str, ...]]:
    """Write the records to judge: the ones that have been there for six hours since the run before."""
    time = TIME[target]
    early = [
        "| extend Ingested = ingestion_time()",
        f"| where Ingested > ago({span(JUDGED_UNTIL)}) and Ingested <= ago({span(JUDGED_AFTER)})",
    ]
    keys = correlation.own_names(correlation.rules[0])
    reading = read(branch, target, define, keys, early=early, carry=["Ingested"])
    shown = [name for name in reading.columns if name not in (time, "Ingested")]
    names = list(dict.fromkeys(["T", *keys, *shown]))
    text = (
        f"{reading.text}\n| where {of_groups(correlation, correlation.rules[0])}\n"
        f"| extend T = bin({time}, 1s)\n| summarize Ingested = min(Ingested)\n    by {', '.join(names)}"
    )
    return text, tuple(shown)


def _company(company: list[tuple[str, Branch]], correlation: Correlation, target: str, define: Definitions) -> str:
    """Write every record that explains a judged one, whatever rule it comes from."""
    typed = ", ".join(f"{key}: string" for key in correlation.keys)
    texts = [f"    (datatable({typed}, Seen: datetime)[])"]
    for name, branch in company:
        keys = correlation.own_names(name)
        early = [f"| where {branch.tables[0].time[target]} > ago({look_back(correlation.window)}d)"]
        reading = read(branch, target, define, keys, early=early, show=False, identify=False)
        text = (
            f"{reading.text}\n| where {' and '.join(f'isnotempty({key})' for key in correlation.keys)}\n"
            f"| project {', '.join(correlation.keys)}, Seen = bin({TIME[target]}, 1s)\n"
            f"{distinct([*correlation.keys, 'Seen'])}"
        )
        texts.append(f"    (\n{indented(indented(text))}\n    )")
    return "union isfuzzy=true\n" + ",\n".join(texts)


def _gate(feeds: tuple[str, ...], far: int) -> list[tuple[str, str]]:
    """Count every feed by hour and find the gaps in each look-back, which begins so many days ago at most."""
    counted = ", ".join(f'({feed} | project TimeGenerated, Feed = "{feed}")' for feed in feeds)
    names = ", ".join(f'"{feed}"' for feed in feeds)
    return [
        (
            "Hours",
            f"materialize(\n    union {counted}\n    | where TimeGenerated >= bin(ago({SEEN}d), 1h) + 1h\n"
            f"    | summarize Rows = count() by Feed, Hour = bin(TimeGenerated, 1h)\n)",
        ),
        (
            "Expected",
            f"range Hour from bin(ago({far}d), 1h) to bin(now(), 1h) step 1h\n"
            f"    | extend Feed = dynamic([{names}])\n    | mv-expand Feed to typeof(string)\n"
            "    | join kind=leftouter Hours on Feed, Hour\n"
            "    | project Feed, Hour, Rows = coalesce(Rows, 0)\n"
            f"    | join kind=leftouter (Hours | project Feed, Hour = Hour + {_WEEK}d, Before = Rows) on Feed, Hour\n"
            "    | project Feed, Hour, Rows, Before = coalesce(Before, 0)\n"
            "    | join kind=leftouter (Hours | summarize Oldest = min(Hour) by Feed) on Feed\n"
            f"    | project Feed, Hour, Rows, Before, Known = coalesce(Oldest <= Hour - {_WEEK}d, false), Link = 1",
        ),
        (
            "Gaps",
            "materialize(\n    Alone\n    | where not(Old)\n    | distinct From, To\n    | extend Link = 1\n"
            "    | join kind=inner Expected on Link\n    | where Hour >= From and Hour < To\n"
            "    | extend Large = Known and Before >= 50\n"
            "    | summarize Rows = sum(Rows), Before = sum(Before), Count = count(), Unknown = countif(not(Known)),\n"
            "        Hour = min(Hour)\n"
            "        by From, To, Feed, Large, Block = iff(Large, Hour, bin(Hour, 6h))\n"
            "    | where iff(Unknown > 0, Rows == 0 and Count >= 6, 10 * Rows < 8 * Before)\n"
            "    | summarize Feeds = array_sort_asc(make_set(Feed)), First = min(Hour), Last = max(Hour)\n"
            "        by From, To\n)",
        ),
    ]
