"""What the evaluator answers: matches that can be explained down to their log lines, and verdicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from unissued.evaluate.canon import Value
from unissued.evaluate.event import Event
from unissued.record import Origin


@dataclass(frozen=True)
class Match:
    """A rule fired. A detection fires on one event, a correlation on the matches that it was built from."""

    rule: str
    time: datetime
    """Of a detection the event's time; of a correlation the first moment at which its condition held."""
    group: Mapping[str, Value] = field(default_factory=dict)
    """Of a correlation the group-by fields and their values."""
    event: Event | None = None
    because: tuple[Match, ...] = ()

    def events(self) -> list[Event]:
        """Return the events under this match, each once, by time."""
        return events_under([self])

    def values(self, name: str) -> tuple[Value, ...]:
        """Return the values of a field: of the event, or of the group for a correlation."""
        if self.event is not None:
            return self.event.values(name)
        return (self.group[name],) if name in self.group else ()


def events_under(matches: Iterable[Match]) -> list[Event]:
    """Return the events under matches, each once, by time."""
    seen: dict[int, Event] = {}
    stack = list(matches)
    while stack:
        match = stack.pop()
        if match.event is not None:
            seen[id(match.event.record)] = match.event
        stack.extend(match.because)
    return sorted(seen.values(), key=lambda event: (event.time, event.record.origin.file, event.record.origin.line))


class Verdict(StrEnum):
    """What can be said about a rule and a stream of records."""

    MATCH = "match"
    NO_MATCH = "no_match"
    NOT_EVALUATED = "not_evaluated"


class Reason(StrEnum):
    """Why a rule, or some records, could not be judged."""

    NO_BASELINE = "no_baseline"
    LIST_MISSING = "list_missing"
    FEED_MISSING = "feed_missing"
    FEED_INCOMPLETE = "feed_incomplete"
    PENDING = "pending"


@dataclass(frozen=True)
class Look:
    """Where company of one record could have been: a feed has to be complete from ``start`` to ``end``."""

    start: datetime
    end: datetime
    judged: datetime
    """Rows that arrived later do not count."""
    record: Origin


@dataclass(frozen=True)
class Unjudged:
    """Something that was not evaluated: why, how many records it concerns, and their time span."""

    reason: Reason
    detail: str
    records: int = 0
    first: datetime | None = None
    last: datetime | None = None
    looks: tuple[Look, ...] = field(default=(), compare=False, repr=False)
    """Of records that a feed kept from being judged: what the feed should have covered."""


@dataclass(frozen=True)
class Outcome:
    """Everything that one rule says about a stream."""

    rule: str
    matches: tuple[Match, ...] = ()
    unjudged: tuple[Unjudged, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """A match outweighs what could not be judged, which outweighs silence."""
        if self.matches:
            return Verdict.MATCH
        return Verdict.NOT_EVALUATED if self.unjudged else Verdict.NO_MATCH
