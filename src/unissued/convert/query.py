"""A generated query file: the query, and the head that says what it is, what it needs and what it cannot do."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from datetime import timedelta

from unissued.errors import UnsupportedError
from unissued.pack import JUDGED_AFTER, ListSpec, Pack, Rule

_LIMIT = 9_500
"""Characters; Sentinel takes 10,000 in a rule."""
_LIMIT_OF_A_SITE = 9_900
"""What a site excludes may use what we keep free."""
_FOLDERS = {"sentinel": ("kql/sentinel", "kql"), "defender": ("kql/defender", "kql"), "splunk": ("spl/searches", "spl")}


@dataclass(frozen=True)
class Schedule:
    """When a target runs a query, and what of its look-back a run reports."""

    every: timedelta
    look_back: timedelta
    """How old an event may be, by event time; the target applies it."""
    arrived: timedelta | None
    """A run reports what records bring about that arrived since; None: the query sets times of its own."""
    silence: timedelta | None = None
    """Alerts of a group whose events lie at most so far apart are one; None where the record's id tells them apart."""

    def said(self) -> str:
        """Return the schedule in words."""
        if self.arrived is None:
            ages = f"{_minutes(JUDGED_UNTIL)} to {_minutes(JUDGED_AFTER)} minutes ago"
            times = f"the query sets its own times: records that arrived {ages}"
        else:
            times = f"a run reports what came of records that arrived in the last {_minutes(self.arrived)} minutes"
        known = "Id is the alert's identity"
        if self.silence is not None:
            known = (
                "keys and time are the alert's identity, and alerts of the same keys whose times lie at most "
                f"{span(self.silence)} apart are one (silencing a key by the clock would lose others)"
            )
        return f"every {span(self.every)}, over the last {span(self.look_back)} of event time; {times}; {known}"


def _minutes(duration: timedelta) -> int:
    return int(duration.total_seconds() // 60)


def span(duration: timedelta) -> str:
    """Write a duration as KQL and Sigma do: a whole number and d, h, m or s."""
    seconds = int(duration.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60)):
        if seconds % size == 0:
            return f"{seconds // size}{unit}"
    return f"{seconds}s"


_OVERLAP = timedelta(minutes=5)
"""Sentinel starts a run up to five minutes after its time."""
_LATEST = timedelta(hours=26)
"""A record that arrives a day late is seen by the run after its arrival."""
JUDGED_UNTIL = JUDGED_AFTER + timedelta(hours=1) + _OVERLAP
"""Between a run on time and a late one lie more than an hour; rather some records are judged twice than any never."""


def look_back(window: timedelta) -> int:
    """Return how many days an absence rule looks back for company: the window, and two days for late records."""
    return math.ceil(window / timedelta(days=1)) + 2


SEEN = 14
"""Days that a rule can see at most; the gate on feeds counts rows as far back."""


def on_arrival(target: str, window: timedelta = timedelta(), silence: timedelta | None = None) -> Schedule:
    """Return the schedule of a rule that is judged as records arrive.

    Defender ties the look-back to the frequency: every hour it would be four hours, too short for late records.
    """
    every = timedelta(hours=12 if target == "defender" else 1)
    look_back = timedelta(hours=48) if target == "defender" else _LATEST + window
    if target == "defender" and timedelta(hours=24) + every + _OVERLAP + window > look_back:
        every, look_back = timedelta(days=1), timedelta(days=30)
    return Schedule(every, look_back, every + _OVERLAP, silence)


@dataclass(frozen=True)
class Query:
    """One rule in one target."""

    rule: str
    target: str
    path: str
    """Where the file belongs, below the repository."""
    text: str
    """The whole file."""
    query: str
    """The query without the head."""
    tables: tuple[str, ...]
    lists: tuple[str, ...]
    schedule: Schedule
    notes: tuple[str, ...] = ()
    """What somebody who runs it should know."""
    columns: tuple[str, ...] = ()
    """What a KQL query returns, time first; of a search, and of what is no rule, not said."""


@dataclass(frozen=True)
class Body:
    """A query before it gets its head."""

    query: str
    tables: tuple[str, ...]
    lists: tuple[str, ...]
    schedule: Schedule
    notes: tuple[str, ...]
    columns: tuple[str, ...] = ()


def path_of(rule: str, target: str) -> str:
    """Return the path of a rule's file."""
    folder, ending = _FOLDERS[target]
    return f"{folder}/{rule}.{ending}"


def with_head(pack: Pack, rule: Rule, target: str, body: Body) -> Query:
    """Put the head on a query.

    Raises:
        UnsupportedError: the query is longer than the target takes.
    """
    query = body.query.strip("\n") + "\n"
    by_site = [f"site: {below.name}: {said}" for below in pack.below(rule) for said in below.changed]
    limit = _LIMIT_OF_A_SITE if by_site else _LIMIT
    if target != "splunk" and len(query) > limit:
        problem = f"its query has {len(query)} characters, more than {limit}"
        raise UnsupportedError.at(rule.name, problem, "split the rule, or move its values to a list")
    digest = hashlib.sha256(query.encode()).hexdigest()
    lines = [
        f"generated by unissued from {rule.path}: do not edit",
        f"rule={rule.name} id={rule.id} version={rule.version} sha256={digest}",
        rule.title,
        f"needs: {', '.join(body.tables)}",
    ]
    lines += by_site
    specs = pack.lists_of(rule)
    lines += [f"list: {_list_line(specs[name], target)}" for name in body.lists]
    lines.append(f"schedule: {body.schedule.said()}")
    lines += [f"note: {note}" for note in body.notes]
    if target == "splunk":
        head = "".join(f"``` {line} ```\n" for line in lines)
    else:
        head = "".join(f"// {line}\n" for line in lines)
    return Query(
        rule.name,
        target,
        path_of(rule.name, target),
        head + query,
        query,
        body.tables,
        body.lists,
        body.schedule,
        body.notes,
        body.columns,
    )


def _list_line(spec: ListSpec, target: str) -> str:
    if spec.given is not None:
        return f"{spec.name}, written into the query ({len(spec.given)} entries): {spec.holds}"
    place = "a lookup that exists, column key in small letters" if target == "splunk" else "watchlist, column SearchKey"
    rows = f"one row {ROWS}N says how many others there are"
    counted = rows if spec.learned else f"may have a row: {rows}"
    empty = "without it the rule is not evaluated" if spec.if_empty == "refuse" else "may be empty"
    return f"unissued_{spec.name} ({place}; {counted}): {spec.holds}; {empty}"


ROWS = "#rows="
"""Begins the entry of a list that tells the number of its other entries."""
