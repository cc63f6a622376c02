"""Bare audit records of Exchange: the lines of which an export has millions, judged by their distinct content.

A line is taken only where it is proven to be what earlier ones were (``layout``). Its fields fall into three groups:
content, which many records share; who read, in which mailbox and from where; and what is different in nearly every
record. The first record of each content goes through the readers and the reference's own nodes, the others are
looked up.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from operator import attrgetter
from typing import Any

import msgspec

from unissued.baseline.share import token_ids
from unissued.evaluate import Event, Match
from unissued.evaluate.correlate import keys_of
from unissued.hunt.fast.judging import MAIL, MOST, SESSION, TOKEN, Judge, micros, moment_of
from unissued.hunt.fast.layout import UNSET, Layout
from unissued.hunt.fast.rows import OWN_KEYS, hash_of, pack_head, pack_tail
from unissued.hunt.fast.units import Classes, Units, prefix_of, steps_of
from unissued.logs.decode import is_lost
from unissued.logs.naming import Names, top
from unissued.logs.piecewise import Found, LineBooks
from unissued.logs.tables import STRUCTURED
from unissued.logs.times import parse
from unissued.record import Origin, Record

SHAPE = "A8 bare core records"
CONTEXT, CREATED = "AppAccessContext", "CreationTime"
ISSUED = f"{CONTEXT}.IssuedAtTime"
TOKEN_MADE = "UniqueTokenIdentifier"  # noqa: S105 - a field's name

# Keys by which the readers may take a row for something else than a bare record, in small letters.
_TELLING = frozenset(
    {
        *("auditdata", "raweventdata", "event", "preview", "result", "_raw", "properties", "contenturi", "$table"),
        *("type", "timestamp", "actiontype", "lastrow", "value", "records", "results", "tables", "date (utc)"),
        *("createddatetime", "activitydatetime", "timegenerated", "start_time", "elevationtime", "creationdate"),
        "eventsubmissiontimestamp",
    }
)
_WHO = frozenset(
    {"UserId", "UserKey", "MailboxGuid", "MailboxOwnerUPN", "ClientIPAddress", "ClientIP", "TokenObjectId"}
)
_HANDLED = ("Id", CREATED, "OperationCount", CONTEXT)
_PASSED = ("SessionId", "DeviceId", "ObjectId", "ResourceURL", TOKEN_MADE)
"""Different in nearly every record, and of no meaning for the rules on mail reads."""
_OWN_IN_CONTEXT = ("UniqueTokenId", "AADSessionId", "IssuedAtTime")
_SHARED_IN_CONTEXT = ("ClientAppId", "APIId")

_GUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}").fullmatch
_NIL = "00000000-0000-0000-0000-000000000000"
_SECONDS = {f"{second:02}{zone}": second * 1_000_000 for second in range(60) for zone in ("", "Z")}
_SECOND = 1_000_000
_NEVER, _NOWHERE = moment_of(0), Origin("", 0)
_LONGEST = 1 << 20
"""Lines up to here meet none of the readers' limits on length and number of values."""
_MOST_LEARNED = 300
_MOST_ISSUED = 20_000
_MOST_WAYS = 3_000
_MOST_PLACES = 12_000
"""Users, mailboxes and addresses that are remembered, in all ways of reading together."""


@dataclass(slots=True)
class _Who:
    """What is the same for all records of one user, mailbox and address, read in one way."""

    units: int
    """How the conditions turn out that ask who."""
    tail: bytes
    """The end of their rows."""


@dataclass(slots=True)
class _Way:
    """What is the same for all records with one content."""

    kinds: dict[tuple[object, ...], int] = field(default_factory=dict)
    who: dict[tuple[object, ...], _Who | None] = field(default_factory=dict)


def _is_own(name: str) -> bool:
    """Whether nearly every record has a value of its own for a field."""
    if top(name) == CONTEXT:
        return name.removeprefix(f"{CONTEXT}.") in _OWN_IN_CONTEXT
    return top(name) in _HANDLED or top(name) in _PASSED


class MailLines:
    """Takes those lines of one file, or of a part of one, that are bare audit records of Exchange."""

    def __init__(self, judge: Judge, names: Names, books: LineBooks, file: int, delay: timedelta) -> None:
        self._judge, self._names, self._books, self._file = judge, names, books, file
        self._delay = delay // timedelta(microseconds=1)
        alone = [frozenset({TOKEN}), frozenset({SESSION}), frozenset({CREATED}), frozenset({ISSUED, CREATED})]
        units = Units(judge.pack.catalogue.sources[MAIL], _WHO, alone)
        for _, node in judge.nodes[MAIL]:
            units.add(node, _is_own)
        self._mixed = units.mixed
        self._tokens = Classes(units.of[alone[0]], lambda event: (bool(token_ids(event)), _key(event, TOKEN)))
        self._sessions = Classes(units.of[alone[1]], lambda event: (True, _key(event, SESSION)))
        self._days = Classes(units.of[alone[2]])
        self._ages = Classes(units.of[alone[3]])
        self._steps = steps_of(self._ages.nodes)
        self._prefix = prefix_of(self._days.nodes)
        self._slots = judge.slots[MAIL]
        own = {name for name in self._slots if any(map(_is_own, units.base([name])))}
        self.usable = (
            not units.unknown
            and self._steps is not None
            and own <= {TOKEN, SESSION, TOKEN_MADE}
            and judge.numbers.get(MAIL, "OperationCount") == "OperationCount"
        )
        """Whether the rules ask for nothing but what is kept apart here."""
        self._layout = Layout(self._names.nested[MAIL] - {CONTEXT})
        self._outcomes: dict[tuple[bool, ...], int] = {}
        self._ways: dict[tuple[object, ...], _Way | None] = {}
        self._places = 0
        self._issued: dict[object, int | None] = {}
        self._minutes: dict[str, int] = {}
        self._learned = 0
        self.take: Callable[[bytes, int, int], bytes | None] = lambda _line, _place, _number: None
        """Return the row of a line without its end, by its place in the file and its number; None for other lines."""

    def learn(self, line: bytes, found: list[Found]) -> None:
        """Look at a line that went down the ordinary path, so that the next of its kind need not."""
        draft = found[0].dated.draft if len(found) == 1 else None
        if draft is None or draft.shape != SHAPE or draft.source != MAIL or self._learned >= _MOST_LEARNED:
            return
        if not self.usable or draft.notes or draft.wrapper_times:
            return
        try:
            row = msgspec.json.decode(line)
            if isinstance(row, dict) and self._is_plain(row):
                self._learned += 1
                self._layout.learn(row)
                self._prepare()
        except (ValueError, KeyError):
            return  # such lines stay on the ordinary path

    def _is_plain(self, row: dict[str, object]) -> bool:
        """Tell whether the readers take every key by its own name and every value for what it is."""
        needed, nested = self._names.needed[MAIL], self._names.nested[MAIL] | STRUCTURED
        spelled = {name.casefold(): name for name in needed}
        for key, value in row.items():
            folded = key.casefold()
            if key != key.strip() or folded in _TELLING or spelled.get(folded, key) != key:
                return False
            if key in nested and not _is_structure(value):
                return False
        return len({key.casefold() for key in row}) == len(row) and {*_HANDLED[:2], "Workload", "Operation"} <= set(row)

    def _prepare(self) -> None:
        """Compile what takes a line of the layout apart."""
        layout, needed = self._layout, self._names.needed[MAIL] | {"Workload", "RecordType"}
        keys = [key for key in layout.keys if key in needed]
        content = [key for key in keys if key not in _WHO and key not in _HANDLED and key not in _PASSED]
        inner = layout.inner(CONTEXT) if CONTEXT in layout.keys else {}
        nested = self._names.nested[MAIL]
        for known in (self._ways, self._tokens.known, self._sessions.known, self._days.known, self._issued):
            known.clear()
        self._places = 0
        self.take = self._compiled(
            layout.decode,
            layout.encode,
            layout.getter([key for key in content if key not in nested]),
            layout.getter([key for key in content if key in nested]),
            layout.getter([key for key in keys if key in _WHO]),
            _getter([layout.attribute(key) if key in layout.keys else "" for key in _HANDLED]),
            layout.getter([key for key in keys if key in _PASSED]),
            _getter([inner.get(name, "") for name in _OWN_IN_CONTEXT]),
            _getter([inner.get(name, "") for name in _SHARED_IN_CONTEXT]),
        )

    def _compiled(
        self,
        decode: Any,
        encode: Any,
        content_of: Any,
        nested_of: Any,
        who_of: Any,
        handled_of: Any,
        passed_of: Any,
        own_of: Any,
        shared_of: Any,
    ) -> Callable[[bytes, int, int], bytes | None]:
        """Return ``take``; everything that it needs for each line is a local name."""
        ways, minutes, issued_at = self._ways, self._minutes, self._issued
        tokens, sessions, days, ages = (one.known for one in (self._tokens, self._sessions, self._days, self._ages))
        steps, prefix, file, delay = self._steps or [], self._prefix, self._file, self._delay
        wants_days, wants_ages = bool(self._days.nodes), bool(self._ages.nodes)
        nothing = (UNSET, UNSET, UNSET)
        bad = (msgspec.DecodeError, UnicodeDecodeError)

        def take(line: bytes, place: int, number: int) -> bytes | None:
            if len(line) > _LONGEST:
                return None
            try:
                parts = decode(line)
            except bad:
                return None
            if encode(parts) != line:
                return None
            ident, created, count, context = handled_of(parts)
            if type(created) is not str or type(ident) is not str or not _GUID(ident) or ident == _NIL:
                return None
            time, second = minutes.get(created[:17]), _SECONDS.get(created[17:])
            if time is None:
                time = self._minute(created)
            if time is None or second is None:
                return None
            time += second
            for value in passed_of(parts):
                if value is not UNSET and (type(value) is not str or value.startswith("System.")):
                    return None
            if count is UNSET:
                count = 0
            elif type(count) is not int:
                return None
            if context is UNSET or context is None:
                token, session, issued = nothing
                content = content_of(parts)
            else:
                token, session, issued = own_of(context)
                content = content_of(parts) + shared_of(context)
            for value in nested_of(parts):
                content += (value if value is UNSET else bytes(value),)
            way = ways.get(content)
            if way is None:
                way = self._way(content, line, number)
                if way is None:
                    return None
            who_key = who_of(parts)
            who = way.who.get(who_key)
            if who is None:
                who = self._place(way, who_key, self._event(line, time, number))
                if who is None:
                    return None
            of_token = tokens.get(token)
            if of_token is None:
                of_token = self._tokens.judge(token, self._said({CONTEXT: {"UniqueTokenId": token}}))
            of_session = sessions.get(session)
            if of_session is None:
                of_session = self._sessions.judge(session, self._said({CONTEXT: {"AADSessionId": session}}))
            of_day: Any = None
            if wants_days:
                of_day = days.get(created[:prefix])
                if of_day is None:
                    of_day = self._days.judge(created[:prefix], self._said({CREATED: created}))
            of_age: Any = None
            if wants_ages:
                step = -1
                if issued is not UNSET:
                    since = issued_at.get(issued, -1)
                    if since == -1:
                        since = self._issue(issued)
                    if since is not None:
                        step = bisect_right(steps, time // _SECOND - since)
                of_age = ages.get(step)
                if of_age is None:
                    aged: dict[str, object] = {CREATED: created, CONTEXT: {"IssuedAtTime": issued}}
                    of_age = self._ages.judge(step, self._said(aged))
            judged = (who.units, of_token[0], of_session[0], of_day, of_age)
            kind = way.kinds.get(judged)
            if kind is None:
                kind = way.kinds[judged] = self._judge.kind(self._event(line, time, number))
            if not 0 <= count <= MOST:
                count = -1 if count < 0 else MOST
            return pack_head(
                hash_of(ident.casefold()), place, len(line) + 1, number, file, 0, kind, time, time + delay, count,
                of_token[1], of_session[1],
            ) + who.tail  # fmt: skip

        return take

    # What is not known yet -------------------------------------------------------------------------------------------

    def _minute(self, created: str) -> int | None:
        """Return the beginning of a time's minute; None for a time that is not written as most are."""
        moment = parse(f"{created[:17]}00") if len(created) in (19, 20) and created[10:11] == "T" else None
        if not isinstance(moment, datetime):
            return None
        if len(self._minutes) >= 5_000:
            self._minutes.clear()
        found = self._minutes[created[:17]] = micros(moment)
        return found

    def _event(self, line: bytes, time: int, number: int) -> Event:
        fields: dict[str, object] = msgspec.json.decode(line)
        moment = moment_of(time)
        origin = Origin(self._books.place.name, number)
        record = Record(MAIL, fields, moment, moment_of(time + self._delay), str(fields["Id"]), "", origin)
        return self._judge.event(record)

    def _said(self, fields: dict[str, object]) -> Event:
        """Return an event that says only this, for conditions that ask for nothing else."""
        inner = fields.get(CONTEXT)
        if isinstance(inner, dict):
            fields[CONTEXT] = {name: value for name, value in inner.items() if value is not UNSET}
        return self._judge.event(Record(MAIL, fields, _NEVER, _NEVER, "", "", _NOWHERE))

    def _way(self, content: tuple[object, ...], line: bytes, number: int) -> _Way | None:
        """Let the readers say what a record with this content is."""
        if content in self._ways:
            return None
        if len(self._ways) >= _MOST_WAYS:
            self._ways.clear()
            self._places = 0
        draft = self._books.draft(line, number)
        plain = (
            draft is not None
            and (draft.shape, draft.source, draft.table) == (SHAPE, MAIL, "")
            and not draft.notes
            and not draft.wrapper_times
            and draft.fields == msgspec.json.decode(line)
        )
        found = self._ways[content] = _Way() if plain else None
        return found

    def _place(self, way: _Way, key: tuple[object, ...], event: Event) -> _Who | None:
        if key in way.who:
            return None
        if self._places >= _MOST_PLACES:
            self._places = 0
            for other in self._ways.values():
                if other is not None:
                    other.who.clear()
        self._places += 1
        columns = self._judge.columns(event)
        if any(map(is_lost, key)) or any(len(column) > 1 for column in columns):
            way.who[key] = None
            return None
        units = tuple(node.test(event) for node in self._mixed)
        found = way.who[key] = _Who(
            self._outcomes.setdefault(units, len(self._outcomes)),
            pack_tail(*(column[0] for column in columns[OWN_KEYS:]), *self._judge.said(event)),
        )
        return found

    def _issue(self, issued: object) -> int | None:
        """Return when a token was issued, in seconds; None where it is not said."""
        if len(self._issued) >= _MOST_ISSUED:
            self._issued.clear()
        second = _SECONDS.get(issued[17:]) if isinstance(issued, str) else None
        minute = self._minute(issued) if isinstance(issued, str) and second is not None else None
        if minute is not None and second is not None:
            found: int | None = (minute + second) // _SECOND
        else:
            values = self._said({CONTEXT: {"IssuedAtTime": issued}}).values(ISSUED)
            moment = datetime.fromisoformat(str(min(values, key=str))) if values else None
            found = micros(moment) // _SECOND if moment else None
        self._issued[issued] = found
        return found


def _is_structure(value: object) -> bool:
    """Whether a reader leaves the value of a structured field as it is: an object, a list of objects, or nothing."""
    if isinstance(value, list):
        return all(isinstance(one, dict) for one in value)
    return value is None or isinstance(value, dict)


def _key(event: Event, name: str) -> int:
    found = keys_of(Match("", event.time, event=event), name)
    return hash_of(found[0]) if found else 0


def _getter(names: list[str]) -> Any:
    """Return what takes attributes, UNSET for each that has no name."""
    if all(names):
        return attrgetter(*names)
    present = [name for name in names if name]
    if not present:
        return lambda _parts: (UNSET,) * len(names)
    places = [present.index(name) if name else len(present) for name in names]
    if len(present) == 1:
        only = attrgetter(present[0])
        return lambda parts: tuple((only(parts), UNSET)[place] for place in places)
    some = attrgetter(*present)
    return lambda parts: tuple((*some(parts), UNSET)[place] for place in places)
