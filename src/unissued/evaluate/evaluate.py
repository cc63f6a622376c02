"""The reference: what every rule of a pack says about a stream of records."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from unissued.evaluate.canon import canonical, fold
from unissued.evaluate.correlate import Surroundings, correlate
from unissued.evaluate.event import Event
from unissued.evaluate.feeds import Feeds
from unissued.evaluate.match import Match, Outcome, Reason, Unjudged
from unissued.evaluate.predicate import Node, compile_condition
from unissued.pack.catalogue import Catalogue, ListSpec
from unissued.pack.load import Pack
from unissued.pack.rule import JUDGED_AFTER, Rule
from unissued.record import Record


@dataclass(frozen=True)
class Given:
    """What a stream is judged with.

    ``now`` is the time of judgement; by default six hours after the last record was ingested, so that everything
    has been judged. ``lists`` are the tenant's lists by name. ``measured`` runs the gate on feed health, otherwise
    every feed counts as complete. ``rows_last_week`` are rows an hour by table.
    """

    now: datetime | None = None
    lists: Mapping[str, Collection[str]] = field(default_factory=dict)
    measured: bool = False
    rows_last_week: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True)
class Beyond:
    """What is known of a stream of which only some records are at hand: those that matter to some rule."""

    now: datetime
    """The time of judgement."""
    feeds: Feeds
    spans: Mapping[str, tuple[int, datetime | None, datetime | None]]
    """Detection -> how many records it fires on, and the times of the first and the last."""
    concerned: Mapping[str, frozenset[int]]
    """Correlation -> ``id`` of every record in a window in which it fires or leaves something open.

    It must not look at others: of those, the company that explains them may be missing."""


def list_entries(spec: ListSpec, entries: Collection[str]) -> frozenset[str]:
    """Return a list's entries in the form in which rules compare them; empty entries are no entries."""
    if spec.key in ("mail_app_key", "mailbox_app_key", "pair"):
        stripped = (entry.strip(" \t\r\n") for entry in entries)
        return frozenset(fold(entry) for entry in stripped if entry)
    found = (canonical(spec.key, {}, entry) for entry in entries)
    return frozenset(fold(str(entry)) for entry in found if entry is not None)


def comparable_lists(catalogue: Catalogue, given: Mapping[str, Collection[str]]) -> dict[str, frozenset[str]]:
    """Return every list of the catalogue as :func:`list_entries` does; one that is not given is empty."""
    return {name: list_entries(spec, given.get(name, ())) for name, spec in catalogue.lists.items()}


def compile_rule(rule: Rule, lists: Mapping[str, Collection[str]]) -> Node:
    """Compile a detection; ``lists`` as :func:`comparable_lists` returns them."""
    return compile_condition(rule.detection().detection.parsed_condition[0].parsed, lists)


def evaluate(
    pack: Pack,
    records: Sequence[Record],
    given: Given,
    only: Collection[str] | None = None,
    beyond: Beyond | None = None,
) -> dict[str, Outcome]:
    """Judge a stream of records, sorted by time and free of duplicates.

    Args:
        pack: the rules.
        records: the stream; order does not matter to the result.
        given: time of judgement, lists and the state of the feeds.
        only: names of the rules to judge; by default all. The rules below them are judged too.
        beyond: where ``records`` are only those of the stream that matter, what is known of all of them.

    Returns:
        Rule name -> what it says, base rules first.
    """
    wanted = pack.rules if only is None else only
    needed = {below.name for name in wanted for below in pack.below(pack.rule(name))}
    rules = [rule for name, rule in pack.rules.items() if name in needed]
    lists = comparable_lists(pack.catalogue, given.lists)
    events: dict[str, list[Event]] = {key: [] for key in pack.catalogue.sources}
    for record in records:
        events[record.source].append(Event(record, pack.catalogue.sources[record.source]))
    latest = max((record.ingested for record in records), default=datetime.now(UTC))
    around = Surroundings(
        now=beyond.now if beyond else given.now or latest + JUDGED_AFTER,
        feeds=beyond.feeds if beyond else Feeds(records, measured=given.measured, rows_last_week=given.rows_last_week),
        sources={rule.name: rule.sources for rule in pack.rules.values()},
        lists=lists,
    )
    outcomes: dict[str, Outcome] = {}
    for rule in rules:
        if rule.is_correlation:
            outcomes[rule.name] = _correlation(rule, outcomes, around, beyond)
        else:
            outcomes[rule.name] = _detection(pack, rule, events, lists, around.feeds, beyond)
    return outcomes


def _detection(
    pack: Pack,
    rule: Rule,
    events: Mapping[str, list[Event]],
    lists: Mapping[str, Collection[str]],
    feeds: Feeds,
    beyond: Beyond | None,
) -> Outcome:
    if feeds.lacks(rule.sources):
        keys = " or ".join(source.key for source in rule.sources)
        return Outcome(rule.name, unjudged=(Unjudged(Reason.FEED_MISSING, f"no records of {keys}"),))
    node = compile_rule(rule, lists)
    hits = [event for source in rule.sources for event in events[source.key] if node.test(event)]
    hits.sort(key=lambda event: event.time)
    specs = pack.lists_of(rule)
    for name in rule.lists:
        spec = specs[name]
        if spec.if_empty == "refuse" and not lists[name]:
            reason = Reason.NO_BASELINE if spec.learned else Reason.LIST_MISSING
            span = beyond.spans[rule.name] if beyond else _span(hits)
            return Outcome(rule.name, unjudged=(Unjudged(reason, f"list {name} is missing or empty", *span),))
    return Outcome(rule.name, tuple(Match(rule.name, event.time, event=event) for event in hits))


def _span(hits: Sequence[Event]) -> tuple[int, datetime | None, datetime | None]:
    """Return how many records a rule without its list would fire on, and the first and the last time."""
    times = [event.time for event in hits]
    return len(hits), times[0] if times else None, times[-1] if times else None


def _correlation(rule: Rule, outcomes: Mapping[str, Outcome], around: Surroundings, beyond: Beyond | None) -> Outcome:
    blind = [question for name in rule.references for question in outcomes[name].unjudged]
    if blind:
        return Outcome(rule.name, unjudged=tuple(dict.fromkeys(blind)))
    below: dict[str, Sequence[Match]] = {name: outcomes[name].matches for name in rule.references}
    if beyond is not None:
        concerned = beyond.concerned[rule.name]
        below = {
            name: [match for match in matches if match.event and id(match.event.record) in concerned]
            for name, matches in below.items()
        }
    matches, unjudged = correlate(rule, below, around)
    return Outcome(rule.name, tuple(matches), tuple(unjudged))
