"""Judges records by the reference's own nodes and makes their rows; the same for every kind of record."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from itertools import islice, product

from sigma.correlations import SigmaCorrelationCondition, SigmaCorrelationType

from unissued.baseline.share import is_mail_read, token_ids
from unissued.evaluate import Event, Match, Node, compile_rule, fold
from unissued.evaluate.correlate import has_key, keys_of, own_name
from unissued.hunt.fast.rows import EXTRA, KEYS, OWN_KEYS, Kind, Kinds, hash_of, pack_head, pack_tail
from unissued.pack.load import Pack
from unissued.pack.rule import Rule
from unissued.record import Record

MAIL = "m365/exchange"
ISSUERS = {"signin_token_issued": "IssuedTokenId", "owa_token_minted": "UniqueTokenIdentifier"}
"""Detections whose records explain a token id, and where it stands (``baseline.share``)."""
TOKEN = "AppAccessContext.UniqueTokenId"  # noqa: S105 - a field's name
SESSION = "AppAccessContext.AADSessionId"
TEMPORAL = (SigmaCorrelationType.TEMPORAL, SigmaCorrelationType.TEMPORAL_ORDERED)
MOST_COMBINATIONS = 64
MOST = 1 << 40
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)

Said = Callable[[Event], tuple[int, int]]


class NotFastError(Exception):
    """The rules, or the input, ask for something that only the reference can do."""


def micros(moment: datetime) -> int:
    """Return a time as whole microseconds since 1970."""
    return (moment - _EPOCH) // _MICROSECOND


def moment_of(value: int) -> datetime:
    """Return the time of so many microseconds."""
    return _EPOCH + int(value) * _MICROSECOND


def what_an_issue_says(event: Event) -> tuple[int, int]:
    """Return who and which application a record is about, twice: by object id and by name.

    Two records that say the same do not meet the judge ``issued_to_another``; 0 stands for nothing that could be the
    same. A mail record says one of the two.
    """
    if event.source.key == MAIL:
        client = _text(event, "AppAccessContext.ClientAppId") or _text(event, "ClientAppId")
        holder, user = _text(event, "TokenObjectId"), _text(event, "UserId")
        return (_same("id", holder, client) if holder else _same("name", user, client)), 0
    app = _text(event, "AppId")
    return _same("id", _text(event, "UserId"), app), _same("name", _text(event, "UserPrincipalName"), app)


SAYS: Mapping[str, Said] = {"issued_to_another": what_an_issue_says}
"""Of a judge: what it compares. Records that say the same need not be shown to it."""


def _text(event: Event, name: str) -> str:
    return fold("".join(map(str, event.values(name)[:1])))


def _same(how: str, one: str, other: str) -> int:
    return hash_of((how, one, other)) if one and other else 0


@dataclass
class Judge:
    """Compiled rules, and which columns the rows of every source have."""

    pack: Pack
    lists: Mapping[str, Collection[str]]
    rules: Sequence[Rule]
    """Detections that are needed, by themselves or below a correlation."""
    correlations: Sequence[Rule]
    kinds: Kinds = field(default_factory=Kinds)
    slots: dict[str, list[str]] = field(init=False)
    """Source -> fields whose values are in the key columns."""
    numbers: dict[str, str] = field(init=False)
    """Source -> field whose value is in the column ``number``."""
    nodes: dict[str, list[tuple[str, Node]]] = field(init=False)

    def __post_init__(self) -> None:
        self.nodes = {key: [] for key in self.pack.catalogue.sources}
        for rule in self.rules:
            node = compile_rule(rule, self.lists)
            for source in rule.sources:
                self.nodes[source.key].append((rule.name, node))
        self.slots = {key: [] for key in self.pack.catalogue.sources}
        self.numbers = {}
        self.slots[MAIL] += [TOKEN, SESSION]
        for name, wanted in ISSUERS.items():
            self._want(name, wanted)
        for rule in self.correlations:
            self._columns(rule)
        judges = {rule.judge for rule in self.correlations if rule.judge}
        if len(judges) > 1 or not judges <= SAYS.keys() or any(len(names) > KEYS for names in self.slots.values()):
            raise NotFastError("correlations that ask for more than a row holds")
        self.said: Said = SAYS[judges.pop()] if judges else lambda _event: (0, 0)

    def _columns(self, rule: Rule) -> None:
        correlation = rule.correlation()
        condition = correlation.condition
        counted = condition.fieldref if isinstance(condition, SigmaCorrelationCondition) else None
        for below in rule.references:
            if self.pack.rule(below).is_correlation:
                raise NotFastError(f"{rule.name} is built on a correlation")
            for key in correlation.group_by or ():
                if has_key(correlation, key, below):
                    self._want(below, own_name(correlation, key, below))
                elif correlation.type not in TEMPORAL:
                    raise NotFastError(f"{rule.name} has a key that leaves a rule out")
            if correlation.type is SigmaCorrelationType.VALUE_SUM and isinstance(counted, str):
                for source in self.pack.rule(below).sources:
                    if self.numbers.setdefault(source.key, counted) != counted:
                        raise NotFastError("sums of several fields")
            elif isinstance(counted, str):
                self._want(below, own_name(correlation, counted, below))

    def _want(self, rule: str, name: str) -> None:
        for source in self.pack.rules[rule].sources if rule in self.pack.rules else ():
            if name not in self.slots[source.key]:
                self.slots[source.key].append(name)

    def event(self, record: Record) -> Event:
        """Return the event of a record."""
        return Event(record, self.pack.catalogue.sources[record.source])

    def kind(self, event: Event) -> int:
        """Judge an event by every rule and return the number of its kind."""
        source = event.source.key
        hits = frozenset(name for name, node in self.nodes[source] if node.test(event))
        is_read = source == MAIL and is_mail_read(event)
        return self.kinds.number(
            Kind(
                source,
                event.record.table,
                hits,
                is_read,
                source == MAIL and _is_throttled(event),
                source == MAIL and bool(token_ids(event)),
                fold(str(event.values("ClientKind")[0])) if is_read else "",
                fold(str(event.values("MailAppKey")[0])) if is_read else "",
            )
        )

    def columns(self, event: Event) -> list[list[int]]:
        """Return for every key column the hashes of its values; ``[0]`` where it has none."""
        match = Match("", event.time, event=event)
        found = [[hash_of(value) for value in keys_of(match, name)] or [0] for name in self.slots[event.source.key]]
        return found + [[0]] * (KEYS - len(found))

    def number(self, event: Event) -> int:
        """Return the value that is summed up, 0 where there is none, -1 for anything negative, at most ``MOST``."""
        name = self.numbers.get(event.source.key)
        total = sum(dict.fromkeys(one for one in event.values(name) if type(one) is int)) if name else 0
        return max(-1, min(total, MOST))

    def rows(self, record: Record, ident: int, place: int, size: int, file: int, item: int) -> Iterator[bytes]:
        """Yield the rows of a record: one, or one for each combination of the values of its key columns."""
        event = self.event(record)
        kind, said, number = self.kind(event), self.said(event), self.number(event)
        times = int(event.time.timestamp()) * 1_000_000, micros(record.ingested)
        columns = self.columns(event)
        for count, keys in enumerate(islice(product(*columns), MOST_COMBINATIONS + 1)):
            if count == MOST_COMBINATIONS or item >= EXTRA:
                raise NotFastError("a record with very many values")
            mark = item | (EXTRA if count else 0)
            own, shared = keys[:OWN_KEYS], keys[OWN_KEYS:]
            head = pack_head(ident, place, size, record.origin.line, file, mark, kind, *times, number, *own)
            yield head + pack_tail(*shared, *said)


def _is_throttled(event: Event) -> bool:
    return "true" in {fold(str(value)) for value in event.values("OperationProperties[IsThrottled].Value")}
