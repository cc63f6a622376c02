"""A finding: one or more matches of a rule that an analyst looks at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from sigma.correlations import SigmaCorrelationCondition, SigmaCorrelationType, SigmaExtendedCorrelationCondition

from unissued.evaluate import Event, Match, comparable_lists, compile_rule
from unissued.evaluate.match import events_under
from unissued.evaluate.predicate import Node
from unissued.hunt.mail import item_count
from unissued.pack.load import Pack
from unissued.pack.rule import Fold, Rule
from unissued.record import utc_text

_MOST_BECAUSE = 100
_TOKEN_ID = "AppAccessContext.UniqueTokenId"  # noqa: S105 - a field's name

Lists = Mapping[str, frozenset[str]]


@dataclass(frozen=True)
class Finding:
    """What one rule found, with the matches that it stands on."""

    rule: Rule
    group: Mapping[str, object]
    matches: tuple[Match, ...]
    why: str
    partial: bool
    """Whether the input was incomplete, so that more may have happened than is shown."""

    @cached_property
    def events(self) -> list[Event]:
        """The records under the finding, each once, by time."""
        return events_under(self.matches)

    def as_dict(self) -> dict[str, object]:
        """Return the finding as written to JSON; absent values are left out."""
        events = self.events
        first, last = utc_text(events[0].time), utc_text(events[-1].time)
        group = dict(sorted(self.group.items()))
        key = json.dumps([self.rule.id, group, first], sort_keys=True, ensure_ascii=True)
        found: dict[str, object] = {
            "kind": "finding",
            "schema": 1,
            "id": hashlib.sha256(key.encode("ascii")).hexdigest()[:16],
            "rule": {
                "name": self.rule.name,
                "id": self.rule.id,
                "version": self.rule.version,
                "level": self.rule.level,
                "title": self.rule.title,
            },
            "first": first,
            "last": last,
            "group": group,
            "users": _all(events, "UserId", "UserPrincipalName", "InitiatedBy.user.userPrincipalName"),
            "apps": _apps(events),
            "mailboxes": sorted({owner for event in events for owner in _mailbox(event)}),
            "addresses": _all(events, "ClientAddress", "ClientIP", "IPAddress"),
            "token_ids": _all(events, _TOKEN_ID),
            "records": len(events),
            "items": sum(item_count(event.record.fields) for event in events if event.source.key == "m365/exchange"),
            "why": self.why,
            "partial": self.partial,
            "because": [_origin(match) for match in _origins(self.matches)],
        }
        return {name: value for name, value in found.items() if value not in ([], {}, None)}


def findings(pack: Pack, rule: Rule, matches: Iterable[Match], lists: Lists, *, partial: bool) -> list[Finding]:
    """Fold the matches of a rule into findings, as the rule's ``alert`` says, else one for each match."""
    node = None if rule.is_correlation else compile_rule(rule, comparable_lists(pack.catalogue, lists))
    folded: dict[tuple[object, ...], tuple[dict[str, object], list[Match]]] = {}
    for match in matches:
        group, slot = _key(rule.fold, match)
        folded.setdefault((tuple(sorted(group.items(), key=str)), slot), (group, []))[1].append(match)
    return [
        Finding(rule, group, tuple(members), _why(rule, node, members[0]), partial)
        for group, members in folded.values()
    ]


def _key(fold: Fold | None, match: Match) -> tuple[dict[str, object], int]:
    """Return the group of a match and the number of its time span."""
    if fold is not None:
        values = {name: ", ".join(sorted(map(str, match.values(name)))) for name in fold.by}
        return {name: value for name, value in values.items() if value}, int(
            match.time.timestamp() // fold.per.total_seconds()
        )
    if match.event is None:
        return dict(match.group), int(match.time.timestamp())
    origin = match.event.record.origin
    return {match.event.source.id: match.event.record.id or f"{origin.file}:{origin.line}"}, 0


def _why(rule: Rule, node: Node | None, match: Match) -> str:
    """Say in one sentence what made the rule fire."""
    if node is not None and match.event is not None:
        return "; ".join(dict.fromkeys(_reasons(node, match.event, wanted=True)))
    correlation = rule.correlation()
    condition, span = correlation.condition, correlation.timespan.spec
    match condition:
        case SigmaExtendedCorrelationCondition(expression=expression):
            return f"{expression} within {span}: unexplained by the records at hand, which does not prove forgery"
        case SigmaCorrelationCondition(op=op, count=count, fieldref=field) if op is not None and count:
            what = f"different {field}" if correlation.type is SigmaCorrelationType.VALUE_COUNT else field or "matches"
            return f"{what} of {' and '.join(rule.references)} within {span}: {op.name.lower()} {count}"
    ordered = correlation.type is SigmaCorrelationType.TEMPORAL_ORDERED
    return f"{(', then ' if ordered else ' and ').join(rule.references)} within {span}"


def _reasons(node: Node, event: Event, *, wanted: bool) -> Iterator[str]:
    """Yield the comparisons that decided, in the order of the rule."""
    if node.test(event) is not wanted:
        return
    if not node.parts:
        values = ", ".join(str(value) for value in event.values(node.field)) or "missing"
        yield node.says if wanted else f"not {node.says} ({values})"
    for part in node.parts:
        yield from _reasons(part, event, wanted=not wanted if node.says == "not" else wanted)


def _all(events: Iterable[Event], *names: str) -> list[str]:
    return sorted({str(value) for event in events for name in names for value in event.values(name)})


def _apps(events: Iterable[Event]) -> list[dict[str, str]]:
    apps: set[tuple[tuple[str, str], ...]] = set()
    for event in events:
        if event.source.key == "m365/exchange":
            named = (("app_id", "AppId"), ("client_app_id", "ClientAppId"), ("client_kind", "ClientKind"))
            apps.add(tuple((key, str(event.values(name)[0])) for key, name in named if event.values(name)))
        else:
            apps.update((("app_id", str(value)),) for value in event.values("TargetAppId"))
    return [dict(app) for app in sorted(apps)]


def _mailbox(event: Event) -> list[str]:
    return [str(value) for value in event.values("MailboxOwnerUPN") or event.values("MailboxGuid")]


def _origins(matches: Iterable[Match]) -> list[Match]:
    """Return the detection matches at the bottom, each once, by time, 100 at most."""
    found: dict[tuple[str, int], Match] = {}
    stack = list(matches)
    while stack:
        match = stack.pop()
        if match.event is not None:
            found[(match.rule, id(match.event.record))] = match
        stack.extend(match.because)
    ordered = sorted(found.values(), key=lambda match: (match.time, match.rule, _line(match)))
    return ordered[:_MOST_BECAUSE]


def _line(match: Match) -> tuple[str, int]:
    origin = match.event.record.origin if match.event else None
    return (origin.file, origin.line) if origin else ("", 0)


def _origin(match: Match) -> dict[str, object]:
    file, line = _line(match)
    record_id = match.event.record.id if match.event else ""
    return {"rule": match.rule, "file": file, "line": line, "id": record_id, "time": utc_text(match.time)}
