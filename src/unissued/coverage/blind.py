"""Which rules are blind, and for want of what."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from unissued.evaluate import Event, Node, Outcome, Reason, comparable_lists, compile_rule
from unissued.pack.load import Pack
from unissued.pack.rule import Rule
from unissued.record import Record

_OPERATIONS = frozenset(("Operation", "OperationName", "RecordType"))


@dataclass(frozen=True, order=True)
class Want:
    """Something that rules lack."""

    kind: str
    """``feed``, ``gap``, ``list`` or ``field``."""
    name: str
    """A source, table, list or field."""


@dataclass(frozen=True)
class Blind:
    """A rule that cannot see, or not everything."""

    rule: Rule
    want: Want
    whole: bool
    """Whether it sees nothing at all; else it could not judge some records."""
    records: int
    detail: str


def blind_rules(
    pack: Pack, records: Sequence[Record], outcomes: Mapping[str, Outcome], lists: Mapping[str, Collection[str]]
) -> tuple[Blind, ...]:
    """Return what the rules that alert lack, by rule and want.

    Args:
        pack: the rules.
        records: what they looked at.
        outcomes: what they said.
        lists: the tenant's lists.
    """
    seen = _Seen(pack, records, lists)
    found: dict[tuple[str, Want], Blind] = {}
    for name, outcome in outcomes.items():
        rule = pack.rule(name)
        if rule.level:
            for one in (*_unjudged(pack, rule, outcome), *seen.fields_lacking(rule)):
                before = found.get((name, one.want))
                more = one if before is None else replace(before, records=before.records + one.records)
                found[name, one.want] = more
    return tuple(found[key] for key in sorted(found))


def _unjudged(pack: Pack, rule: Rule, outcome: Outcome) -> Iterator[Blind]:
    for question in outcome.unjudged:
        match question.reason:
            case Reason.NO_BASELINE | Reason.LIST_MISSING:
                names = [name for below in pack.detections_below(rule) for name in below.lists]
                named = [name for name in names if name in question.detail.split()]
                yield Blind(rule, Want("list", named[0] if named else "?"), True, question.records, question.detail)
            case Reason.FEED_MISSING:
                name = question.detail.removeprefix("no records of ").removeprefix("no rows of ")
                yield Blind(rule, Want("feed", name), True, question.records, question.detail)
            case Reason.FEED_INCOMPLETE:
                name = question.detail.partition(" has gaps")[0]
                yield Blind(rule, Want("gap", name), False, question.records, question.detail)
            case _:
                pass  # too young to be judged: nothing is lacking


class _Seen:
    """Which fields records have, asked rule by rule."""

    def __init__(self, pack: Pack, records: Sequence[Record], lists: Mapping[str, Collection[str]]) -> None:
        self._pack = pack
        self._lists = comparable_lists(pack.catalogue, lists)
        self._events: dict[str, list[Event]] = {}
        for record in records:
            event = Event(record, pack.catalogue.sources[record.source])
            self._events.setdefault(record.source, []).append(event)

    def fields_lacking(self, rule: Rule) -> Iterator[Blind]:
        """Yield the fields without which a rule can never hold, although records of its kind are there.

        Where no record of its kind is there, nothing is known: nobody may have done it.
        """
        for below in self._pack.detections_below(rule):
            node = compile_rule(below, self._lists)
            events = [event for source in below.sources for event in self._events.get(source.key, [])]
            candidates = [event for event in events if _may(node, event, wanted=True)]
            if not candidates:
                continue
            never = sorted(name for name in set(_fields(node)) if not any(event.values(name) for event in candidates))
            if never and not _can(node, never, wanted=True):
                for name in _decisive(node, never):
                    detail = f"no {name} in {len(candidates)} records that {below.name} could match"
                    yield Blind(rule, Want("field", name), True, 0, detail)


def _fields(node: Node) -> Iterator[str]:
    if not node.parts:
        yield node.field
    for part in node.parts:
        yield from _fields(part)


def _may(node: Node, event: Event, *, wanted: bool) -> bool:
    """Tell whether a condition could have a result, as far as the operation of a record decides it."""
    if not node.parts:
        return node.field not in _OPERATIONS or node.test(event) is wanted
    if node.says == "not":
        return _may(node.parts[0], event, wanted=not wanted)
    every = all if (node.says == "and") is wanted else any
    return every(_may(part, event, wanted=wanted) for part in node.parts)


def _can(node: Node, never: Collection[str], *, wanted: bool) -> bool:
    """Tell whether a condition can have a result when some fields are always missing."""
    if not node.parts:
        return node.field not in never or node.says.endswith(" is missing") is wanted
    if node.says == "not":
        return _can(node.parts[0], never, wanted=not wanted)
    every = all if (node.says == "and") is wanted else any
    return every(_can(part, never, wanted=wanted) for part in node.parts)


def _decisive(node: Node, never: Sequence[str]) -> list[str]:
    """Return the fields each of which would be enough to make a condition impossible; all, where none is."""
    alone = [name for name in never if not _can(node, [name], wanted=True)]
    return alone or list(never)
