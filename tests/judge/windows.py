"""When a correlation fires: every moment is looked at with every hit, again and again.

A window of length W ends at a hit and reaches back to T − W, both ends included. Firings of one group at most W apart
are one chain, and a chain is one match, at its first firing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from typing import Any, TypeAlias

from judge import condition
from judge.detect import Lists
from judge.pairs import differ
from judge.values import number

Group: TypeAlias = "tuple[tuple[str, str], ...]"
"""The name and value of every group-by field, in the order of the rule."""


@dataclass(frozen=True)
class Hit:
    """A match of a rule below. ``keys`` are its fields' values as they are compared: each once, as text."""

    time: datetime
    ingested: datetime
    keys: Mapping[str, tuple[str, ...]]


Hits: TypeAlias = "Mapping[str, Sequence[Hit]]"
"""The hits of every rule of the correlation, by rule, in any order."""

Feed: TypeAlias = "Callable[[set[str], datetime, datetime, datetime], str]"
"""Given denied rules, both ends of a window and the time of judgement: why their feeds prove nothing, or ""."""

_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
_PATIENCE = timedelta(hours=6)


def firings(definition: Mapping[str, Any], hits: Hits, now: datetime | None = None) -> list[tuple[Group, datetime]]:
    """Return the matches of a correlation: group and time of the first firing of each chain, sorted.

    ``now`` is the time of judgement, of which only conditions with ``not`` take notice; by default all is judged.
    """
    return Windows(definition, hits, now).matches()


def pending(definition: Mapping[str, Any], hits: Hits, now: datetime) -> list[tuple[Group, datetime]]:
    """Return the hits, group and time, that a condition with ``not`` cannot judge yet."""
    return [(group, time) for group, time, reason in Windows(definition, hits, now).moments() if reason == "pending"]


def is_absence(definition: Mapping[str, Any]) -> bool:
    """Tell whether a correlation denies a rule."""
    words = definition["correlation"].get("condition")
    return isinstance(words, str) and bool(condition.denied(condition.parse(words)))


def span(text: str) -> timedelta:
    """Read a time span such as ``32h``."""
    return timedelta(**{_UNITS[text[-1]]: int(text[:-1])})


class Windows:
    """One correlation over some hits."""

    def __init__(
        self,
        definition: Mapping[str, Any],
        hits: Hits,
        now: datetime | None = None,
        feed: Feed | None = None,
        lists: Lists | None = None,
    ) -> None:
        self.definition = definition
        self.body: Mapping[str, Any] = definition["correlation"]
        self.hits = hits
        self.now = now
        self.feed = feed
        self.lists = lists or {}
        self.width = span(self.body["timespan"])

    def matches(self) -> list[tuple[Group, datetime]]:
        """Return one match for every chain of firings."""
        found: dict[Group, set[datetime]] = {}
        for group, time, reason in self.moments():
            if not reason:
                found.setdefault(group, set()).add(time)
        return sorted((group, time) for group, times in found.items() for time in self._first_of_chains(times))

    def _first_of_chains(self, times: set[datetime]) -> list[datetime]:
        return [time for time in times if not any(time - self.width <= other < time for other in times)]

    def moments(self) -> Iterator[tuple[Group, datetime, str]]:
        """Yield every firing with an empty reason, and with its reason what could not be judged."""
        for group in self._groups():
            members = {rule: [hit for hit in self.hits[rule] if self._belongs(rule, hit, group)] for rule in self.hits}
            if is_absence(self.definition):
                yield from self._absences(group, members)
            elif "judge" in self.definition:
                yield from ((group, time, "") for time in self._pairs(members))
            else:
                for time in {hit.time for found in members.values() for hit in found}:
                    if self._holds(members, time):
                        yield group, time, ""

    # Groups

    def _groups(self) -> set[Group]:
        """Return the groups of the rules that have every key; the others are asked which of them they belong to."""
        names = self.body["group-by"]
        return {
            tuple(zip(names, chosen, strict=True))
            for rule, found in self.hits.items()
            if all(self._has(rule, name) for name in names)
            for hit in found
            for chosen in product(*(self._values(rule, hit, name) for name in names))
        }

    def _has(self, rule: str, name: str) -> bool:
        return rule in self.body.get("aliases", {}).get(name, self.hits)

    def _belongs(self, rule: str, hit: Hit, group: Group) -> bool:
        return all(value in self._values(rule, hit, name) for name, value in group if self._has(rule, name))

    def _values(self, rule: str, hit: Hit, name: str) -> tuple[str, ...]:
        aliases = self.body.get("aliases", {})
        return hit.keys.get(aliases[name][rule] if name in aliases else name, ())

    # What holds at a moment

    def _holds(self, members: Hits, time: datetime) -> bool:
        window = {
            rule: [hit for hit in found if time - self.width <= hit.time <= time] for rule, found in members.items()
        }
        match self.body["type"]:
            case "event_count":
                return self._compares(sum(len(found) for found in window.values()))
            case "value_count":
                return self._compares(len(set(self._counted(window))))
            case "value_sum":
                return self._compares(sum(number(value) or 0 for value in self._counted(window)))
            case "temporal_ordered":
                return self._is_in_order(window, self.body["rules"], time)
            case _:
                return self._meets_words({rule for rule, found in window.items() if found})

    def _counted(self, window: Hits) -> list[str]:
        name = self.body["condition"]["field"]
        return [value for rule, found in window.items() for hit in found for value in self._values(rule, hit, name)]

    def _compares(self, count: int) -> bool:
        ((operator, wanted),) = ((key, value) for key, value in self.body["condition"].items() if key != "field")
        answers: dict[str, bool] = {
            "gt": count > wanted,
            "gte": count >= wanted,
            "lt": count < wanted,
            "lte": count <= wanted,
            "eq": count == wanted,
        }
        return answers[operator]

    def _is_in_order(self, window: Hits, rules: Sequence[str], latest: datetime) -> bool:
        """Try every hit of the last rule at the last moment, before it every hit of the rule before, and so on."""
        if any(hit.time == latest for hit in window[rules[-1]]):
            return self._is_preceded(window, rules[:-1], latest)
        return False

    def _is_preceded(self, window: Hits, rules: Sequence[str], latest: datetime) -> bool:
        if not rules:
            return True
        return any(hit.time <= latest and self._is_preceded(window, rules[:-1], hit.time) for hit in window[rules[-1]])

    def _meets_words(self, there: set[str]) -> bool:
        words = self.body.get("condition")
        if words is None:
            return there == set(self.body["rules"])
        return condition.holds(condition.parse(words), {rule: rule in there for rule in self.body["rules"]})

    def _pairs(self, members: Hits) -> Iterator[datetime]:
        """Yield the later time of every two records at most a window apart that the rule's judge tells apart."""
        first, second = (members[rule] for rule in self.body["rules"])
        for one, other in product(first, second):
            near = max(one.time, other.time) - min(one.time, other.time) <= self.width
            if near and differ(self.definition["judge"], one.keys, other.keys, self.lists):
                yield max(one.time, other.time)

    # Absence

    def _absences(self, group: Group, members: Hits) -> Iterator[tuple[Group, datetime, str]]:
        """Judge every hit of a rule that is asked for, six hours after it was ingested."""
        tree = condition.parse(self.body["condition"])
        for rule in condition.asked(tree):
            for hit in members[rule]:
                judged = hit.ingested + _PATIENCE
                if self.now is not None and self.now < judged:
                    yield group, hit.time, "pending"
                elif self._meets_words(self._there(members, hit, judged)):
                    yield group, hit.time, self._trust(hit.time, judged)

    def _there(self, members: Hits, judged: Hit, deadline: datetime) -> set[str]:
        """Return the rules with a hit in the window, which ends at the judged hit.

        For what is denied it goes on behind the hit, and only what had arrived by the time of judgement counts.
        """
        denied = condition.denied(condition.parse(self.body["condition"]))
        earliest, latest = judged.time - self.width, judged.time + self.width
        return {
            rule
            for rule, found in members.items()
            for hit in found
            if earliest <= hit.time <= (latest if rule in denied else judged.time)
            and (rule not in denied or hit.ingested <= deadline)
        }

    def _trust(self, time: datetime, judged: datetime) -> str:
        if self.feed is None:
            return ""
        rules = condition.denied(condition.parse(self.body["condition"]))
        return self.feed(rules, time - self.width, time + self.width, judged)
