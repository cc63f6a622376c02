"""Counts, sums and orders over sliding windows in KQL, both ends included, one row per chain of firings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from unissued.convert.correlation import Correlation
from unissued.convert.judges import kql_judge
from unissued.convert.kql import Definitions, read
from unissued.convert.kql_rule import FURTHER_BACK, TIME, arrived, guarded, returned, tables_of, together
from unissued.convert.kusto import column, quoted
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
    shown = completing(bases, correlation)
    end = (
        f"| summarize {_with('arg_max', 'Fresh', shown)} by {keys}, T\n"
        f"| sort by {sorted_by(correlation.keys)}, T asc\n"
        f"| extend Begins = {first_of_chain(correlation)}\n"
        f"| where Begins and Fresh > 0\n"
        f"| project {TIME[target]} = T, {', '.join([*correlation.keys, *shown])}"
    )
    parts = [part for one in bases for part in one.parts]
    lets = "".join(f"let {name} = {text};\n" for name, text in steps[:-1])
    return Body(
        guarded(define, f"{steps[-1][1]}\n{end}", target, arrived(schedule), lets),
        tables_of(parts),
        tuple(define.lists),
        schedule,
        (*notes_of(parts), FURTHER_BACK),
        returned(define, [TIME[target], *correlation.keys, *shown]),
    )


def _fits(correlation: Correlation, schedule: Schedule, target: str) -> None:
    """Refuse a window that no run sees as a whole, when a record arrives a day late."""
    needed = timedelta(days=1) + (schedule.arrived or timedelta()) + correlation.window
    if max(needed, schedule.look_back) > _LONGEST[target]:
        problem = f"its window of {correlation.span} does not fit into a look-back of {span(_LONGEST[target])}"
        raise UnsupportedError.at(correlation.name, problem, "a shorter timespan")


@dataclass(frozen=True)
class Base:
    """A rule below a correlation: a pipeline with ``T``, ``Id``, the keys, ``New``, ``shown`` and, where asked, ``V``.

    Its step is not called as the rule alone: that may be a word of KQL, a list, or a function that the query defines.

    ``New`` is 1 for a record that arrived since the last run. A chain is reported by the run in which its first firing
    became possible: when one of the records that it needs is new.
    """

    rule: str
    text: str
    parts: list[Branch]
    shown: tuple[str, ...] = ()
    """Columns of its records for the analyst, and what the target wants of a record."""

    @property
    def step(self) -> str:
        """What its pipeline is called in the query."""
        return f"rule_{self.rule}"


def base(rule: Rule, correlation: Correlation, target: str, define: Definitions) -> Base:
    """Write the pipeline of a rule below a correlation."""
    keys = correlation.own_names(rule.name)
    parts = branches(rule, target, tuple(keys.values()))
    texts = []
    shown: dict[str, None] = {}
    for part in parts:
        early = ["| extend Ingested = ingestion_time()"]
        subjects = _subjects(part, correlation, rule) if rule.name in _completes(correlation) else ()
        reading = read(part, target, define, keys, early=early, carry=["Ingested"], show=subjects)
        identity = "Id" if part.has(part.source.id) else 'Id = ""'
        of_record = [column(name) for name in subjects]
        lacks_report = target == "defender" and "ReportId" not in reading.columns
        if target == "defender":
            of_record.append("ReportId")
        shown |= dict.fromkeys(of_record)
        lines = [
            reading.text,
            f"| where {of_groups(correlation, rule.name)}",
            f"| extend New = tolong(Ingested > ago(arrived)){', ReportId = ' + quoted('') if lacks_report else ''}",
            # A record is as old as its first copy.
            f"| summarize {_with('arg_min', 'New', of_record)}\n"
            f"    by T = bin({TIME[target]}, 1s), {', '.join([identity, *keys])}",
        ]
        texts.append("\n".join(lines))
    return Base(rule.name, texts[0] if len(texts) == 1 else together(texts), parts, tuple(shown))


def _with(function: str, column: str, others: Sequence[str]) -> str:
    """Return the aggregate that keeps the largest or smallest value of a column, and others of the same row."""
    return f"{function}({', '.join([column, *others])})" if others else f"{column} = {function[4:]}({column})"


def _completes(correlation: Correlation) -> tuple[str, ...]:
    """Return the rules of which a record completes a firing: it is the one that the analyst is shown."""
    if correlation.type == "temporal_ordered":
        return correlation.rules[-1:]
    return correlation.rules[:1] if correlation.judge else correlation.rules


def _subjects(branch: Branch, correlation: Correlation, rule: Rule) -> tuple[str, ...]:
    """Return which of a rule's fields for the analyst say who, where from, and by which application.

    What a correlation sorts and joins is kept narrow, so that it does not show all of them.
    """
    fields = branch.source.fields
    names = correlation.own_names(rule.name)
    keys = [names[key] for key in correlation.keys_of(rule.name)]
    taken = {key.lower() for key in (*correlation.keys, *names)}
    return tuple(
        name
        for name in branch.shown()
        if fields[name].type in _SUBJECTS
        and not fields[name].many
        and name not in keys
        and column(name).lower() not in taken
    )


_SUBJECTS = ("upn", "guid", "ip")


def completing(bases: Sequence[Base], correlation: Correlation) -> tuple[str, ...]:
    """Return the columns of the record that completed a firing; the same record's, where a firing has one."""
    return tuple(dict.fromkeys(name for one in bases if one.rule in _completes(correlation) for name in one.shown))


def of_groups(correlation: Correlation, rule: str) -> str:
    """Return the test that a record of a rule belongs to a group, and to none that a site excludes."""
    tests = [f"isnotempty({key})" for key in correlation.keys_of(rule)]
    for entry in correlation.excluded_of(rule):
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
    shown = "".join(f", {name}" for name in completing(bases, correlation))
    text = (
        "union\n"
        f"    (Seen | project {keys}, T, Step = 1, Change = iff(isempty(V), 0, 1), New{shown}),\n"
        f"    (Seen | where isnotempty(V)\n"
        f"        | project {keys}, T = coalesce(Again, T + {correlation.span}),\n"
        f"            Step = iff(isnull(Again), 2, 0), Change = -1, New = tolong(0)),\n"
        f"    (Seen | where New > 0\n"
        f"        | project {keys}, T = T + {correlation.span}, Step = 2, Change = 0, New = -New)\n"
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
    shown = "".join(f", {name}" for name in first.shown)
    text = (
        f"{first.step}\n| join kind=inner (\n"
        f"    {second.step} | project {keys}, Next = T, Later = New, {', '.join(carried)}\n    ) on {keys}\n"
        f"| where Next between ((T - {correlation.span}) .. (T + {correlation.span}))\n"
        f"| where {kql_judge(correlation.judge)}\n"
        f"| project {keys}, T = max_of(T, Next), Fresh = max_of(New, Later){shown}"
    )
    return [(first.step, first.text), (second.step, second.text), ("Firings", text)]


def _sums(bases: Sequence[Base], correlation: Correlation) -> Steps:
    """Every step up has its step down here, too."""
    steps = _all(bases)
    keys = ", ".join(correlation.keys)
    names = completing(bases, correlation)
    shown = "".join(f", {name}" for name in names)
    # Of the largest of the records that came in the same second.
    largest = f", {_with('arg_max', 'Single', names)}" if names else ""
    summed = f"V = sum(Single), New = sum(New){largest} by {keys}, T"
    steps.append(("Sums", f"materialize(Events | extend Single = coalesce(tolong(V), 0) | summarize {summed})"))
    text = (
        "union\n"
        f"    (Sums | project {keys}, T, Step = 1, Change = V, New{shown}),\n"
        f"    (Sums | project {keys}, T = T + {correlation.span}, Step = 2, Change = -V, New = -New)\n"
        f"| sort by {sorted_by(correlation.keys)}, T asc, Step asc\n"
        f"| extend Sum = row_cumsum(Change), Fresh = row_cumsum(New)\n"
        f"| where Step == 1 and Sum >= {correlation.threshold}"
    )
    return [*steps, ("Firings", text)]


def _ordered(bases: Sequence[Base], correlation: Correlation) -> Steps:
    """Carry the latest start of every sequence so far from rule to rule.

    A rule is joined by the keys that it has in common with those before it, and brings its other keys along.
    """
    steps: Steps = [(one.step, one.text) for one in bases]
    known = correlation.keys_of(bases[0].rule)
    text = f"{bases[0].step}\n| summarize Fresh = max(New) by {', '.join(known)}, T\n| extend Start = T"
    for one in bases[1:]:
        own = correlation.keys_of(one.rule)
        common = [key for key in own if key in known]
        known = tuple(key for key in correlation.keys if key in known or key in own)
        # Of the rules before the last one nothing is shown, so no two columns are called the same.
        shown = completing([one], correlation)
        following = f"{one.step} | project {', '.join([*own, 'Next = T', 'New', *shown])}"
        text += (
            f"\n| join kind=inner (\n    {following}\n    ) on {', '.join(common)}\n"
            f"| where Next >= T and Next - Start <= {correlation.span}\n"
            f"| extend Fresh = Fresh + New\n"
            f"| summarize Start = max(Start), {_with('arg_max', 'Fresh', shown)} by {', '.join(known)}, T = Next"
        )
    return [*steps, ("Firings", text)]
