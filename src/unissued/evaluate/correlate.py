"""Turns matches into matches: counts, sums, sequences and absences over sliding windows, both ends included."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import groupby, product
from operator import attrgetter, eq, ge, gt, le, lt

from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionNOT,
    CorrelationConditionOR,
    SigmaCorrelationCondition,
    SigmaCorrelationRule,
    SigmaCorrelationType,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)

from unissued.errors import UnsupportedError
from unissued.evaluate.canon import Value, fold
from unissued.evaluate.feeds import Feeds
from unissued.evaluate.judges import JUDGES, Lists
from unissued.evaluate.match import Look, Match, Reason, Unjudged
from unissued.pack.catalogue import Source
from unissued.pack.rule import JUDGED_AFTER, Rule
from unissued.record import Origin

_ALL_NEEDED = (SigmaCorrelationType.TEMPORAL, SigmaCorrelationType.TEMPORAL_ORDERED)
_COMPARE: dict[str, Callable[[float, float], bool]] = {"gt": gt, "gte": ge, "lt": lt, "lte": le, "eq": eq}


@dataclass(frozen=True)
class Surroundings:
    """What a correlation needs to know besides the matches."""

    now: datetime
    feeds: Feeds
    sources: Mapping[str, tuple[Source, ...]]
    """Rule name -> log sources that the rule reads."""
    lists: Lists
    """For judges: what the tenant's lists hold."""


Group = tuple[Value, ...]


def correlate(
    rule: Rule, below: Mapping[str, Sequence[Match]], around: Surroundings
) -> tuple[list[Match], list[Unjudged]]:
    """Correlate the matches of the rules that a correlation names.

    Args:
        rule: the correlation.
        below: rule name -> its matches.
        around: the time of judgement and the health of the feeds.

    Returns:
        Its matches by time, and what could not be judged.
    """
    correlation = rule.correlation()
    names = list(correlation.group_by or ())
    window = timedelta(seconds=correlation.timespan.seconds)
    sources = {name: tuple(map(rule.needing, around.sources[name])) for name in rule.references}
    around = replace(around, sources=sources)
    matches: list[Match] = []
    unjudged = list(_blind(correlation, around))
    for group, members in _groups(rule, correlation, below).items():
        labels = dict(zip(names, group, strict=True))
        if any(_is_excluded(labels, excluded) for excluded in rule.excluded):
            continue
        firings, open_questions = _firings(rule, correlation, members, window, around)
        unjudged.extend(open_questions)
        for chain in _chains(firings, window):
            because = tuple({id(match): match for firing in chain for match in firing.because}.values())
            matches.append(Match(rule.name, chain[0].time, labels, because=because))
    matches.sort(key=lambda match: (match.time, str(sorted(match.group.items()))))
    return matches, merge(unjudged)


def _is_excluded(labels: Mapping[str, Value], excluded: Mapping[str, str]) -> bool:
    return all(fold(str(labels[name])) == fold(value) for name, value in excluded.items())


def merge(unjudged: Sequence[Unjudged]) -> list[Unjudged]:
    """Add up what could not be judged for one and the same reason."""
    merged: dict[tuple[Reason, str], Unjudged] = {}
    for one in unjudged:
        known = merged.get((one.reason, one.detail))
        if known is not None:
            times = sorted(filter(None, (known.first, known.last, one.first, one.last)))
            first, last = (times[0], times[-1]) if times else (None, None)
            records, looks = known.records + one.records, known.looks + one.looks
            one = Unjudged(one.reason, one.detail, records, first, last, looks)
        merged[(one.reason, one.detail)] = one
    return list(merged.values())


@dataclass(frozen=True)
class _Member:
    """A match in a group, and what the correlation calls it."""

    time: datetime
    rule: str
    match: Match


@dataclass(frozen=True)
class _Firing:
    """A moment at which the condition held, and the matches that made it hold."""

    time: datetime
    because: tuple[Match, ...]


def _groups(
    rule: Rule, correlation: SigmaCorrelationRule, below: Mapping[str, Sequence[Match]]
) -> dict[Group, list[_Member]]:
    """Sort matches into groups by key; one without a value for a key belongs to no group.

    A rule that a key leaves out belongs to every group that agrees with the keys which it has.
    """
    keys = list(correlation.group_by or ())
    has = {name: [key for key in keys if has_key(correlation, key, name)] for name in rule.references}
    groups: dict[Group, list[_Member]] = {}
    for below_it in (name for name in rule.references if has[name] == keys):
        for group, member in _members(correlation, below_it, keys, below[below_it]):
            groups.setdefault(group, []).append(member)
    for below_it in (name for name in rule.references if has[name] != keys):
        places = [keys.index(key) for key in has[below_it]]
        agreeing: dict[Group, list[Group]] = {}
        for group in groups:
            agreeing.setdefault(tuple(group[place] for place in places), []).append(group)
        joined: set[Group] = set()
        for part, member in _members(correlation, below_it, has[below_it], below[below_it]):
            for group in agreeing.get(part, ()):
                groups[group].append(member)
                joined.add(group)
        # Every rule is needed, so a group without this one comes to nothing.
        groups = {group: members for group, members in groups.items() if group in joined}
    for members in groups.values():
        members.sort(key=attrgetter("time"))
    return groups


def _members(
    correlation: SigmaCorrelationRule, rule: str, keys: Sequence[str], matches: Sequence[Match]
) -> Iterator[tuple[Group, _Member]]:
    names = [own_name(correlation, key, rule) for key in keys]
    for match in matches:
        for group in product(*(keys_of(match, name) for name in names)):
            yield group, _Member(match.time, rule, match)


def has_key(correlation: SigmaCorrelationRule, key: str, rule: str) -> bool:
    """Tell whether a key does not leave a rule out: an alias names the rules that have it."""
    alias = correlation.aliases.aliases.get(key) if correlation.aliases else None
    return alias is None or any(reference.reference == rule for reference in alias.mapping)


def own_name(correlation: SigmaCorrelationRule, key: str, rule: str) -> str:
    """Return what a rule itself calls a key of the correlation."""
    alias = correlation.aliases.aliases.get(key) if correlation.aliases else None
    mapping = {reference.reference: name for reference, name in alias.mapping.items()} if alias else {}
    return mapping.get(rule, key)


def keys_of(match: Match, name: str) -> list[Value]:
    """Return the values of a field in the form in which correlations group and count them, each once."""
    known = match.event.source.fields.get(name) if match.event else None
    if match.event is None or (known is not None and known.type == "token"):
        return list(dict.fromkeys(match.values(name)))  # the keys of a correlation are folded already
    folded = (fold(value) if isinstance(value, str) else value for value in match.values(name))
    return list(dict.fromkeys(folded))


def _firings(
    rule: Rule, correlation: SigmaCorrelationRule, members: list[_Member], window: timedelta, around: Surroundings
) -> tuple[list[_Firing], list[Unjudged]]:
    condition = correlation.condition
    if isinstance(condition, SigmaExtendedCorrelationCondition):
        return _extended(condition, members, window, around)
    if rule.judge:
        return _judged(rule, members, window, around), []
    if correlation.type in _ALL_NEEDED and not {member.rule for member in members}.issuperset(rule.references):
        return [], []
    holds = _window_test(correlation, list(rule.references))
    firings = [
        _Firing(time, tuple(member.match for member in inside))
        for time, inside in _windows(members, window)
        if holds(inside)
    ]
    return firings, []


def _judged(rule: Rule, members: list[_Member], window: timedelta, around: Surroundings) -> list[_Firing]:
    """Return when the later record of each pair came that lies within a window and meets the rule's judge."""
    first, second = rule.references
    found: dict[datetime, list[Match]] = {}
    for one, other in product(members, members):
        if (one.rule, other.rule) != (first, second) or abs(one.time - other.time) > window:
            continue
        if one.match.event is None or other.match.event is None:
            raise UnsupportedError.at(rule.name, "a judge looks at records of detections")
        if JUDGES[rule.judge](one.match.event, other.match.event, around.lists):
            found.setdefault(max(one.time, other.time), []).extend((one.match, other.match))
    return [_Firing(time, tuple(because)) for time, because in sorted(found.items(), key=lambda item: item[0])]


def _windows(members: list[_Member], window: timedelta) -> Iterator[tuple[datetime, list[_Member]]]:
    """Yield, for every moment at which something happened, what happened in the window that ends there."""
    times = [member.time for member in members]
    end = 0
    for time, together in groupby(members, key=attrgetter("time")):
        end += len(list(together))
        yield time, members[bisect_left(times, time - window) : end]


def _window_test(correlation: SigmaCorrelationRule, order: list[str]) -> Callable[[list[_Member]], bool]:
    """Return the test of one window for the correlation's type; ``order`` are its rules."""
    condition = correlation.condition
    match correlation.type:
        case SigmaCorrelationType.TEMPORAL:
            return lambda inside: {member.rule for member in inside}.issuperset(order)
        case SigmaCorrelationType.TEMPORAL_ORDERED:
            return lambda inside: _in_order(inside, order)
    if not isinstance(condition, SigmaCorrelationCondition):
        raise UnsupportedError.at(str(correlation.name), "has no condition that the evaluator knows")
    compare, count = _COMPARE[condition.op.name.lower()], condition.count
    name = condition.fieldref
    match correlation.type:
        case SigmaCorrelationType.EVENT_COUNT:
            return lambda inside: compare(len(inside), count)
        case SigmaCorrelationType.VALUE_COUNT if isinstance(name, str):
            return lambda inside: compare(len(set(_values(correlation, inside, name))), count)
        case SigmaCorrelationType.VALUE_SUM if isinstance(name, str):
            return lambda inside: compare(sum(_numbers(_values(correlation, inside, name))), count)
    raise UnsupportedError.at(str(correlation.name), f"type {correlation.type} has no meaning here")


def _values(correlation: SigmaCorrelationRule, inside: list[_Member], name: str) -> Iterator[Value]:
    for member in inside:
        yield from keys_of(member.match, own_name(correlation, name, member.rule))


def _numbers(values: Iterator[Value]) -> Iterator[int]:
    return (value for value in values if isinstance(value, int) and not isinstance(value, bool))


def _in_order(inside: list[_Member], order: list[str]) -> bool:
    """Tell whether the window ends with the last rule, and the others precede it in their order.

    Going backwards and taking the latest match of each leaves the most room for the ones before it.
    """
    limit = inside[-1].time
    if not any(member.rule == order[-1] and member.time == limit for member in inside):
        return False
    for rule in reversed(order):
        times = [member.time for member in inside if member.rule == rule and member.time <= limit]
        if not times:
            return False
        limit = times[-1]
    return True


def _chains(firings: list[_Firing], window: timedelta) -> Iterator[list[_Firing]]:
    """Join firings that are at most a window apart: one chain is one match."""
    chain: list[_Firing] = []
    for firing in firings:
        if chain and firing.time - chain[-1].time > window:
            yield chain
            chain = []
        chain.append(firing)
    if chain:
        yield chain


# a and not b


def _extended(
    condition: SigmaExtendedCorrelationCondition, members: list[_Member], window: timedelta, around: Surroundings
) -> tuple[list[_Firing], list[Unjudged]]:
    """Judge a condition in words at every match of a rule that it asks for.

    A rule that it asks for must match in the window before; a rule under ``not`` must not match in the window before
    or after, among what had arrived when the record was judged.
    """
    denied = set(_denied(condition.parsed, negated=False))
    asked = [member for member in members if member.rule not in denied]
    firings: list[_Firing] = []
    unjudged: list[Unjudged] = []
    for member in asked:
        judged_at = max(event.record.ingested for event in member.match.events()) + JUDGED_AFTER
        present = {other.rule for other in asked if timedelta() <= member.time - other.time <= window}
        if denied:
            if judged_at > around.now:
                unjudged.append(_question(Reason.PENDING, "not six hours old", member))
                continue
            present |= {
                other.rule
                for other in members
                if other.rule in denied and abs(member.time - other.time) <= window and _arrived(other, judged_at)
            }
        if not _holds(condition.parsed, present):
            continue
        gap = _gap(denied - present, member.time - window, member.time + window, judged_at, around)
        if gap is not None:
            look = Look(member.time - window, member.time + window, judged_at, _latest(member))
            unjudged.append(replace(_question(*gap, member), looks=(look,)))
        else:
            because = (other.match for other in asked if timedelta() <= member.time - other.time <= window)
            firings.append(_Firing(member.time, tuple(because)))
    return firings, unjudged


def _blind(correlation: SigmaCorrelationRule, around: Surroundings) -> Iterator[Unjudged]:
    """Yield what is missing for good: then even the silence of an absence rule means nothing."""
    condition = correlation.condition
    if isinstance(condition, SigmaExtendedCorrelationCondition):
        for rule in sorted(set(_denied(condition.parsed, negated=False))):
            for source in around.sources[rule]:
                missing = around.feeds.missing(source)
                if missing is not None:
                    yield Unjudged(*missing)


def _denied(node: object, *, negated: bool) -> Iterator[str]:
    """Yield the names of the rules that stand under a ``not``."""
    match node:
        case SigmaRuleReference(reference=name):
            if negated:
                yield name
        case CorrelationConditionNOT(args=[arg]):
            yield from _denied(arg, negated=not negated)
        case CorrelationConditionAND(args=args) | CorrelationConditionOR(args=args):
            for arg in args:
                yield from _denied(arg, negated=negated)


def _holds(node: object, present: set[str]) -> bool:
    match node:
        case SigmaRuleReference(reference=name):
            return name in present
        case CorrelationConditionNOT(args=[arg]):
            return not _holds(arg, present)
        case CorrelationConditionAND(args=args):
            return all(_holds(arg, present) for arg in args)
        case CorrelationConditionOR(args=args):
            return any(_holds(arg, present) for arg in args)
    raise UnsupportedError.at("condition", f"{type(node).__name__} has no meaning here")


def _arrived(member: _Member, by: datetime) -> bool:
    return all(event.record.ingested <= by for event in member.match.events())


def _gap(
    absent: set[str], start: datetime, end: datetime, judged_at: datetime, around: Surroundings
) -> tuple[Reason, str] | None:
    for rule in sorted(absent):
        for source in around.sources[rule]:
            gap = around.feeds.gap(source, start, end, judged_at)
            if gap is not None:
                return gap
    return None


def _latest(member: _Member) -> Origin:
    return member.match.events()[-1].record.origin


def _question(reason: Reason, detail: str, member: _Member) -> Unjudged:
    return Unjudged(reason, detail, 1, member.time, member.time)
