"""Counts, sums and orders over sliding windows in KQL, both ends included, one row per chain of firings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from unissued.convert.correlation import Correlation
from unissued.convert.judges import kql_judge
from unissued.convert.kql import Definitions, read
from unissued.convert.kql_rule import FURTHER_BACK, TIME, arrived, guarded, tables_of, together
from unissued.convert.kusto import quoted
from unissued.convert.plan import Branch, branches, notes_of
from unissued.convert.query import Body, Schedule, on_arrival, span
from unissued.errors import UnsupportedError
from unissued.pack import Pack, Rule

_LONGEST = {"sentinel": timedelta(days=14), "defender": timedelta(days=30)}
"""How far back a rule of a target can look."""


def windows(pack: Pack, correlation: Correlation, target: str) -> Body:
    """Write a correlation whose condition looks at one window."""
    define = Definitions(pack.lists_of(pack.rule(correlation.name)))
    schedule = on_arrival(target, correlation.window, correlation.window)
    _fits(correlation, schedule, target)
    bases = [base(pack.rule(name), correlation, target, define) for name in correlation.rules]
    match correlation.type:
        case "event_count":
            steps = _events(bases, correlation)
        case "temporal" if correlation.judge:
            define.lists.update(dict.fromkeys(correlation.lists))
            steps = _judged(bases, correlation)
        case "value_count" | "temporal":
            steps = _values(bases, correlation)
        case "value_sum":
            steps = _sums(bases, correlation)
        case _:
            steps = _ordered(bases, correlation)
    keys = ", ".join(correlation.keys)
    report = ", ReportId = take_any(ReportId)" if target == "defender" else ""
    end = (
        f"| summarize Fresh = max(Fresh){report} by {keys}, T\n"
        f"| sort by {sorted_by(correlation.keys)}, T asc\n"
        f"| extend Begins = {first_of_chain(correlation)}\n"
        f"| where Begins and Fresh > 0\n"
        f"| project {TIME[target]} = T, {keys}"
    )
    if target == "defender":
        end += ", ReportId"
    parts = [part for one in bases for part in one.parts]
    lets = "".join(f"let {name} = {text};\n" for name, text in steps[:-1])
    return Body(
        guarded(define, f"{steps[-1][1]}\n{end}", target, arrived(schedule), lets),
        tables_of(parts),
        tuple(define.lists),
        schedule,
        (*notes_of(parts), FURTHER_BACK),
    )


def _fits(correlation: Correlation, schedule: Schedule, target: str) -> None:
    """Refuse a window that no run sees as a whole, when a record arrives a day late."""
    needed = timedelta(days=1) + (schedule.arrived or timedelta()) + correlation.window
    if max(needed, schedule.look_back) > _LONGEST[target]:
        problem = f"its window of {correlation.span} does not fit into a look-back of {span(_LONGEST[target])}"
        raise UnsupportedError.at(correlation.name, problem, "a shorter timespan")


@dataclass(frozen=True)
class Base:
    """A rule below a correlation: a pipeline with ``T``, ``Id``, the keys, ``New`` and, where asked, ``V``.

    Its step is not called as the rule alone: that may be a word of KQL, a list, or a function that the query defines.

    ``New`` is 1 for a record that arrived since the last run. A chain is reported by the run in which its first firing
    became possible: when one of the records that it needs is new.
    """

    rule: str
    text: str
    parts: list[Branch]

    @property
    def step(self) -> str:
        """What its pipeline is called in the query."""
        return f"rule_{self.rule}"


def base(rule: Rule, correlation: Correlation, target: str, define: Definitions) -> Base:
    """Write the pipeline of a rule below a correlation."""
    keys = correlation.own_names(rule.name)
    parts = branches(rule, target, tuple(keys.values()))
    texts = []
    for part in parts:
        early = ["| extend Ingested = ingestion_time()"]
        reading = read(part, target, define, keys, early=early, carry=["Ingested"], show=False)
        identity = "Id" if part.has(part.source.id) else 'Id = ""'
        # A record is as old as its first copy.
        kept = ["New = min(tolong(Ingested > ago(arrived)))"]
        if target == "defender":
            kept.append("ReportId = take_any(ReportId)" if "ReportId" in reading.columns else 'ReportId = take_any("")')
        lines = [
            reading.text,
            f"| where {of_groups(correlation)}",
            f"| summarize {', '.join(kept)}\n    by T = bin({TIME[target]}, 1s), {', '.join([identity, *keys])}",
        ]
        texts.append("\n".join(lines))
    return Base(rule.name, texts[0] if len(texts) == 1 else together(texts), parts)


def of_groups(correlation: Correlation) -> str:
    """Return the test that a record belongs to a group, and to none that a site excludes."""
    tests = [f"isnotempty({key})" for key in correlation.keys]
    for entry in correlation.excluded:
        same = " and ".join(f"tolower({key}) == {quoted(value.lower())}" for key, value in entry.items())
        tests.append(f"not({same})")
    return " and ".join(tests)


Steps = list[tuple[str, str]]


def sorted_by(names: Sequence[str]) -> str:
    """Return names for ``sort by``, ascending."""
    return ", ".join(f"{name} asc" for name in names)


def first_of_chain(correlation: Correlation) -> str:
    """Return the test that a row of a set sorted by keys and time does not follow another of its chain."""
    others = " or ".join(f"isempty(prev({key})) or prev({key}) != {key}" for key in correlation.keys)
    return f"{others} or T - prev(T) > {correlation.span}"


def _all(bases: Sequence[Base], value: Mapping[str, str] | None = None) -> Steps:
    """Return the base rules and their union ``Events``; ``value`` adds a column that tells them apart."""
    steps: Steps = [(one.step, one.text) for one in bases]
    if len(bases) == 1 and value is None:
        return [("Events", bases[0].text)]
    parts = [f"({one.step}{f' | extend V = {value[one.rule]}' if value else ''})" for one in bases]
    return [*steps, ("Events", "union " + ", ".join(parts))]


def _events(bases: Sequence[Base], correlation: Correlation) -> Steps:
    steps = _all(bases)
    back = correlation.threshold - 1
    if back == 0:
        return [*steps, ("Firings", "Events\n| extend Fresh = New")]
    same = " and ".join(f"prev({key}, {back}) == {key}" for key in correlation.keys)
    text = (
        f"Events\n| sort by {sorted_by(correlation.keys)}, T asc\n"
        f"| extend Sum = row_cumsum(New)\n"
        f"| extend Enough = {same} and T - prev(T, {back}) <= {correlation.span},\n"
        f"    Fresh = Sum - prev(Sum, {back}) + prev(New, {back})\n"
        f"| where Enough"
    )
    return [*steps, ("Firings", text)]


def _values(bases: Sequence[Base], correlation: Correlation) -> Steps:
    """A value counts from its event until the window has passed it or the same value comes again.

    Every step up has its step down, so a running sum is back at 0 where the next key begins.
    """
    names = {one.rule: f'"{one.rule}"' for one in bases} if correlation.type == "temporal" else None
    steps = _all(bases, names)
    keys = ", ".join(correlation.keys)
    same = " and ".join(f"prev({name}) == {name}" for name in (*correlation.keys, "V"))
    steps.append(
        (
            "Seen",
            f"materialize(\n    Events\n    | sort by {sorted_by([*correlation.keys, 'V'])}, T desc\n"
            f"    | extend Again = iff({same}, prev(T), datetime(null))\n"
            f"    | extend Again = iff(Again - T <= {correlation.span}, Again, datetime(null))\n)",
        )
    )
    report = ", ReportId" if "ReportId" in bases[0].text else ""
    text = (
        "union\n"
        f"    (Seen | project {keys}, T, Step = 1, Change = iff(isempty(V), 0, 1), New{report}),\n"
        f"    (Seen | where isnotempty(V)\n"
        f"        | project {keys}, T = coalesce(Again, T + {correlation.span}),\n"
        f"            Step = iff(isnull(Again), 2, 0), Change = -1, New = tolong(0){report}),\n"
        f"    (Seen | where New > 0\n"
        f"        | project {keys}, T = T + {correlation.span}, Step = 2, Change = 0, New = -New{report})\n"
        f"| sort by {sorted_by(correlation.keys)}, T asc, Step asc\n"
        f"| extend Values = row_cumsum(Change), Fresh = row_cumsum(New)\n"
        f"| where Step == 1 and Values >= {correlation.threshold}"
    )
    return [*steps, ("Firings", text)]


def _judged(bases: Sequence[Base], correlation: Correlation) -> Steps:
    """Bring the records of both rules together and keep the pairs that meet the judge."""
    first, second = bases
    keys = ", ".join(correlation.keys)
    carried = [name for name in correlation.own_names(second.rule) if name not in correlation.keys]
    report = ", ReportId" if "ReportId" in first.text else ""
    text = (
        f"{first.step}\n| join kind=inner (\n"
        f"    {second.step} | project {keys}, Next = T, Later = New, {', '.join(carried)}\n    ) on {keys}\n"
        f"| where Next between ((T - {correlation.span}) .. (T + {correlation.span}))\n"
        f"| where {kql_judge(correlation.judge)}\n"
        f"| project {keys}, T = max_of(T, Next), Fresh = max_of(New, Later){report}"
    )
    return [(first.step, first.text), (second.step, second.text), ("Firings", text)]


def _sums(bases: Sequence[Base], correlation: Correlation) -> Steps:
    """Every step up has its step down here, too."""
    steps = _all(bases)
    keys = ", ".join(correlation.keys)
    report = ", ReportId = take_any(ReportId)" if "ReportId" in bases[0].text else ""
    carried = ", ReportId" if report else ""
    summed = f"V = sum(coalesce(tolong(V), 0)), New = sum(New){report} by {keys}, T"
    steps.append(("Sums", f"materialize(Events | summarize {summed})"))
    text = (
        "union\n"
        f"    (Sums | project {keys}, T, Step = 1, Change = V, New{carried}),\n"
        f"    (Sums | project {keys}, T = T + {correlation.span}, Step = 2, Change = -V, New = -New{carried})\n"
        f"| sort by {sorted_by(correlation.keys)}, T asc, Step asc\n"
        f"| extend Sum = row_cumsum(Change), Fresh = row_cumsum(New)\n"
        f"| where Step == 1 and Sum >= {correlation.threshold}"
    )
    return [*steps, ("Firings", text)]


def _ordered(bases: Sequence[Base], correlation: Correlation) -> Steps:
    """Carry the latest start of every sequence so far from rule to rule."""
    steps: Steps = [(one.step, one.text) for one in bases]
    keys = ", ".join(correlation.keys)
    reported = "ReportId" in bases[0].text
    text = f"{bases[0].step}\n| summarize Fresh = max(New) by {keys}, T\n| extend Start = T"
    for one in bases[1:]:
        following = f"{one.step} | project {keys}, Next = T, New{', Report = ReportId' if reported else ''}"
        text += (
            f"\n| join kind=inner (\n    {following}\n    ) on {keys}\n"
            f"| where Next >= T and Next - Start <= {correlation.span}\n"
            f"| summarize Start = max(Start), Fresh = max(Fresh + New)"
            f"{', ReportId = take_any(Report)' if reported else ''} by {keys}, T = Next"
        )
    return [*steps, ("Firings", text)]
