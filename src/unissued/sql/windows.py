"""Correlations as statements: members, firings over sliding windows, chains of firings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unissued.convert.correlation import Correlation, correlation_of
from unissued.errors import UnsupportedError
from unissued.pack import Pack, Rule
from unissued.sql.absence import alone, gate
from unissued.sql.dialect import DuckDB, fold, name, text
from unissued.sql.judges import pair_test
from unissued.sql.query import Setting, guards_of, hits

_UNFOLDED = frozenset({"token", "int", "bool", "guid", "upn", "ip"})
"""Types whose values are keys as they are: letter case counts, or there are no capital letters."""


@dataclass(frozen=True)
class Written:
    """The parts of a correlation's statement."""

    steps: tuple[tuple[str, str], ...]
    """Common table expressions by name, up to ``chains``: the keys, ``first_time`` and ``last_time`` of each match."""
    because: str
    """The query of the records under each match: its keys and ``first_time``, the rule below and ``rid``."""
    unjudged: str = ""
    """The query of what could not be judged; empty where that cannot happen."""

    def matches(self, keys: Sequence[str]) -> str:
        """Return the statement that finds the matches."""
        shown = ", ".join([*map(name, keys), "first_time", "last_time"])
        return f"{self._with()}\nSELECT {shown} FROM chains"

    def records(self) -> str:
        """Return the statement that finds the records under each match."""
        return f"{self._with()}\n{self.because}"

    def questions(self) -> str:
        """Return the statement that says what could not be judged."""
        return f"{self._with()}\n{self.unjudged}" if self.unjudged else ""

    def _with(self) -> str:
        return "WITH " + ",\n".join(f"{step} AS (\n{query}\n)" for step, query in self.steps)


def correlation(setting: Setting, pack: Pack, rule: Rule) -> tuple[Correlation, Written]:
    """Write a correlation.

    Raises:
        UnsupportedError: it says something that has no exact form.
    """
    read = correlation_of(pack, rule)
    _keys_are_of_one_kind(pack, read)
    keys = [name(key) for key in read.keys]
    steps = _all_members(setting, pack, rule, read)
    span = f"m.time BETWEEN c.first_time - {read.seconds} AND c.last_time"
    unjudged = ""
    if read.denied:
        questions = gate(setting, pack, read)
        steps += [*alone(setting, read), *questions.steps]
        unjudged = questions.unjudged
        because = _because(keys, "members_0", span)
    elif read.judge:
        steps += _pairs(setting.dialect, read)
        because = _because_of_pairs(read, keys)
    else:
        every = "\nUNION ALL\n".join(f"SELECT * FROM members_{number}" for number in range(len(read.rules)))
        steps += [("members", every), *_firings(read)]
        because = _because(keys, "members", span)
    steps += _chains(read)
    return read, Written(tuple(steps), because, unjudged)


def _below(read: Correlation) -> tuple[str, ...]:
    return (*read.rules, *read.denied)


def _all_members(setting: Setting, pack: Pack, rule: Rule, read: Correlation) -> list[tuple[str, str]]:
    """Return the steps of all rules' matches, those first that have every key.

    A match of a rule that some keys leave out belongs to every group that agrees with it in its own keys.
    """
    below = {f"members_{number}": name for number, name in enumerate(_below(read))}
    members = {step: _members(setting, pack, rule, read, one) for step, one in below.items()}
    complete = [step for step in members if read.keys_of(below[step]) == read.keys]
    if not complete:
        raise UnsupportedError.at(read.name, "no rule below has every key", "give one of the rules every key")
    keys = ", ".join(map(name, read.keys))
    groups = " UNION ".join(f"SELECT {keys} FROM {step}" for step in complete)
    steps = [(step, members[step]) for step in complete]
    for step, query in members.items():
        if step not in complete:
            own = read.keys_of(below[step])
            same = " AND ".join(f"k.{name(key)} = g.{name(key)}" for key in own)
            every = ", ".join(f"g.{name(key)}" for key in read.keys)
            others = ", ".join(name(column) for column in read.own_names(below[step]) if column not in own)
            shown = f"rule, rid, time, ingested, {every}{', ' if others else ''}{others}"
            steps.append((step, f"SELECT {shown} FROM (\n{query}\n) AS k JOIN (\n{groups}\n) AS g ON {same}"))
    return steps


def _members(setting: Setting, pack: Pack, rule: Rule, read: Correlation, below: str) -> str:
    """Return the query of a rule's matches, once for every group that they belong to."""
    detection = pack.rule(below)
    guards = [guard for one in rule.references for guard in guards_of(setting, pack, pack.rule(one))]
    own = dict(read.own_names(below))
    keys = read.keys_of(below)
    query = hits(setting, detection, own, list(dict.fromkeys(guards)))
    others = [name(column) for column in own if column not in read.keys]
    done: list[str] = []
    for key in keys:
        rest = [name(one) for one in keys if one != key and name(one) not in done]
        shown = ["rid", "time", "ingested", *done, *rest, *others]
        values = _comparable(detection, own[key], name(key))
        query = f"SELECT {', '.join(shown)}, unnest(list_distinct({values})) AS {name(key)} FROM (\n{query}\n) AS h"
        done.append(name(key))
    counted = [f"{_comparable(detection, own['V'], name('V'))} AS {name('V')}"] if "V" in own else others
    shown = [f"{text(below)} AS rule", "rid", "time", "ingested", *done, *counted]
    excluded = "".join(f" AND NOT ({_is(group)})" for group in read.excluded_of(below))
    return f"SELECT {', '.join(shown)} FROM (\n{query}\n) AS k WHERE true{excluded}"


def _comparable(detection: Rule, field: str, values: str) -> str:
    """Return values as keys are compared: in small letters, but for tokens."""
    types = {source.fields[field].type for source in detection.sources if field in source.fields}
    return values if types <= _UNFOLDED else f"list_transform({values}, lambda v: {fold('v')})"


def _is(group: Mapping[str, str]) -> str:
    return " AND ".join(f"{fold(name(key))} = {fold(text(value))}" for key, value in group.items())


def _firings(read: Correlation) -> list[tuple[str, str]]:
    """Return the steps up to ``firings``: keys and times at which the condition holds."""
    keys = ", ".join(map(name, read.keys))
    window = f"PARTITION BY {keys} ORDER BY time"
    sliding = f"OVER ({window} RANGE BETWEEN {read.seconds} PRECEDING AND CURRENT ROW)"
    before = f"OVER ({window} RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW)"
    if read.type == "event_count":
        judged = f"SELECT {keys}, time, count(*) {sliding} AS n FROM members"
    elif read.type == "value_sum":
        # A match without a number adds nothing, but is a moment like any other.
        amounts = (
            f"SELECT {keys}, time, unnest(list_distinct({name('V')})) AS v FROM members "
            f"UNION ALL SELECT {keys}, time, '0' AS v FROM members"
        )
        judged = f"SELECT {keys}, time, sum(CAST(v AS DECIMAL(38, 0))) {sliding} AS n FROM ({amounts}) AS a"
    elif read.type == "value_count":
        return _distinct(read, keys, before)
    elif read.type == "temporal":
        latest = [f"max(CASE WHEN rule = {text(rule)} THEN time END) {before}" for rule in read.rules]
        holds = " AND ".join(f"coalesce({one} >= time - {read.seconds}, false)" for one in latest)
        judged = f"SELECT {keys}, time, CASE WHEN {holds} THEN {read.threshold} ELSE 0 END AS n FROM members"
    else:
        return _ordered(read, keys, before)
    return [("judged", judged), ("firings", f"SELECT DISTINCT {keys}, time FROM judged WHERE n >= {read.threshold}")]


def _distinct(read: Correlation, keys: str, before: str) -> list[tuple[str, str]]:
    """Count different values: each counts from where it was seen until it is seen again or leaves the window."""
    again = f"lead(time) OVER (PARTITION BY {keys}, v ORDER BY time)"
    until = f"least(time + {read.seconds}, coalesce({again}, time + {read.seconds} + 1) - 1) + 1"
    return [
        (
            "seen",
            f"SELECT DISTINCT {keys}, time, v FROM (SELECT {keys}, time, unnest({name('V')}) AS v FROM members) AS s",
        ),
        ("counted", f"SELECT {keys}, time, {until} AS until FROM seen"),
        (
            "changes",
            f"SELECT {keys}, time, 1 AS d, 0 AS moment FROM counted UNION ALL "
            f"SELECT {keys}, until AS time, -1 AS d, 0 AS moment FROM counted UNION ALL "
            f"SELECT {keys}, time, 0 AS d, 1 AS moment FROM members",
        ),
        ("judged", f"SELECT {keys}, time, moment, sum(d) {before} AS n FROM changes"),
        ("firings", f"SELECT DISTINCT {keys}, time FROM judged WHERE moment = 1 AND n >= {read.threshold}"),
    ]


def _ordered(read: Correlation, keys: str, before: str) -> list[tuple[str, str]]:
    """Carry the latest possible beginning of the sequence from rule to rule."""
    steps: list[tuple[str, str]] = []
    for number, rule in enumerate(read.rules):
        begun = "CAST(NULL AS BIGINT)" if number else "time"
        mine = f"SELECT {keys}, time, 1 AS mine, {begun} AS begun FROM members WHERE rule = {text(rule)}"
        if number:
            earlier = f"SELECT {keys}, time, 0 AS mine, begun FROM order_{number - 1}"
            carried = f"SELECT {keys}, time, mine, max(begun) {before} AS begun FROM ({mine} UNION ALL {earlier}) AS o"
            mine = f"SELECT {keys}, time, mine, begun FROM ({carried}) AS c WHERE mine = 1 AND begun IS NOT NULL"
        steps.append((f"order_{number}", mine))
    last = len(read.rules) - 1
    holds = f"begun >= time - {read.seconds}"
    return [*steps, ("firings", f"SELECT DISTINCT {keys}, time FROM order_{last} WHERE {holds}")]


def _pairs(dialect: DuckDB, read: Correlation) -> list[tuple[str, str]]:
    """Return the pairs of records that meet a judge; they fire when the later one came."""
    shown = ", ".join(f"a.{name(key)}" for key in read.keys)
    same = " AND ".join(f"a.{name(key)} = b.{name(key)}" for key in read.keys)
    near = f"b.time BETWEEN a.time - {read.seconds} AND a.time + {read.seconds}"
    rids = "a.rid AS first_rid, b.rid AS second_rid, greatest(a.time, b.time) AS time"
    both = f"members_0 AS a JOIN members_1 AS b ON {same} AND {near}"
    pairs = f"SELECT {shown}, {rids} FROM {both} WHERE {pair_test(dialect, read.judge)}"
    keys = ", ".join(map(name, read.keys))
    return [("pairs", pairs), ("firings", f"SELECT DISTINCT {keys}, time FROM pairs")]


def _chains(read: Correlation) -> list[tuple[str, str]]:
    keys = ", ".join(map(name, read.keys))
    window = f"OVER (PARTITION BY {keys} ORDER BY time)"
    goes_on = f"CASE WHEN time - lag(time) {window} <= {read.seconds} THEN 0 ELSE 1 END"
    return [
        ("begun", f"SELECT {keys}, time, {goes_on} AS begins FROM firings"),
        ("numbered", f"SELECT {keys}, time, sum(begins) {window} AS chain FROM begun"),
        (
            "chains",
            f"SELECT {keys}, min(time) AS first_time, max(time) AS last_time FROM numbered GROUP BY {keys}, chain",
        ),
    ]


def _because(keys: Sequence[str], members: str, span: str) -> str:
    shown = ", ".join(f"c.{key}" for key in keys)
    same = " AND ".join(f"m.{key} = c.{key}" for key in keys)
    return f"SELECT {shown}, c.first_time, m.rule, m.rid FROM chains AS c JOIN {members} AS m ON {same} AND {span}"


def _because_of_pairs(read: Correlation, keys: Sequence[str]) -> str:
    shown = ", ".join(f"c.{key}" for key in keys)
    same = " AND ".join(f"p.{key} = c.{key}" for key in keys)
    joined = f"FROM chains AS c JOIN pairs AS p ON {same} AND p.time BETWEEN c.first_time AND c.last_time"
    return "\nUNION ALL\n".join(
        f"SELECT {shown}, c.first_time, {text(rule)} AS rule, p.{rid} AS rid {joined}"
        for rule, rid in zip(read.rules, ("first_rid", "second_rid"), strict=True)
    )


def _keys_are_of_one_kind(pack: Pack, read: Correlation) -> None:
    """Refuse a key that is a truth value in one rule and a text in another: these never meet."""
    if read.judge:
        return  # it compares fields of its own
    for key in dict.fromkeys(column for below in _below(read) for column in read.own_names(below)):
        types = {
            source.fields[read.own_names(below)[key]].type
            for below in _below(read)
            if key in read.own_names(below)
            for source in pack.rule(below).sources
            if read.own_names(below)[key] in source.fields
        }
        if "bool" in types and len(types) > 1:
            raise UnsupportedError.at(read.name, f"key '{key}' is a truth value in one rule and a text in another")
