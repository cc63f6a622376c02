"""Finding the records that tell of one event, whatever export or table each of them came from."""

from __future__ import annotations

import hashlib
import json
import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from unissued.logs.naming import Names, is_empty
from unissued.logs.tables import SIGNIN_TABLES
from unissued.logs.verdict import Draft
from unissued.pack.path import NAME_KEYS, Step, parse_path

_GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
# Entra's directory audit writes Directory_<GUID>_<letters>_<number>: as unique as the GUID in it.
_UNIQUE_ID = re.compile(rf"(?:{_GUID}|\w+_{_GUID}_\w+)", re.IGNORECASE | re.ASCII)
_NIL = "00000000-0000-0000-0000-000000000000"

# The event time is compared as the record's own time, to the second.
_TIMES = frozenset({"CreationTime", "CreatedDateTime", "ActivityDateTime"})
# OfficeActivity writes words where the raw record has numbers.
_ENUMERATIONS = frozenset({"RecordType", "UserType", "LogonType"})

# Only ASCII letters: no look-alike letter may make two contents one.
_SMALL = {ord(letter): letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"}

_FEEDS = frozenset(SIGNIN_TABLES.values())

View = dict[str, tuple[str, ...]]


@dataclass(slots=True)
class Dated:
    """A draft whose time is settled, and where it stood."""

    draft: Draft
    file: int
    """Index of its file."""
    line: int
    time: datetime
    exact: bool
    """Whether the time is the event's own, not that of a wrapper or of the table."""


@dataclass(slots=True)
class Merged:
    """``kept`` tells for each record whether it stays; ``notes`` are the remarks for each file."""

    kept: list[bool]
    notes: dict[int, list[str]]


@dataclass(slots=True)
class _Event:
    """Records that do not contradict one another, and what they say together."""

    view: View
    members: list[int] = field(default_factory=list)
    tables: set[str] = field(default_factory=set)


def merge(records: Sequence[Dated], names: Names) -> Merged:
    """Keep one record of each event: the one that says most (see ``_worth``), of equals the first.

    Records with the same unique id are one event unless they contradict each other in a field of the catalogue.
    An id that covers more than two contradicting contents of one table is redacted and removes nothing. Records
    without a unique id are copies only when everything in them is equal.
    """
    kept = [True] * len(records)
    conflicts: dict[int, int] = defaultdict(int)
    redacted: dict[int, int] = defaultdict(int)
    for group in _by_id(records):
        leaders = _without_copies(records, group, kept)
        if len(leaders) == 1 or not _is_unique_id(records[leaders[0]].draft.id):
            continue
        events = _events(records, leaders, names)
        if events is None:
            _count_files(records, leaders, redacted)
            continue
        if len(events) > 1:
            _count_files(records, leaders, conflicts)
        for event in events:
            best = max(event.members, key=lambda index: _worth(records[index], index, names))
            for index in event.members:
                kept[index] = index == best
    notes: dict[int, list[str]] = defaultdict(list)
    for file, number in sorted(conflicts.items()):
        notes[file].append(f"{number} ids with conflicting content: all kept")
    for file, number in sorted(redacted.items()):
        notes[file].append(f"{number} ids that cover many different contents (redacted?): all kept")
    return Merged(kept, notes)


def _by_id(records: Sequence[Dated]) -> Iterable[list[int]]:
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for index, record in enumerate(records):
        groups[record.draft.source, identity(record)].append(index)
    return (group for group in groups.values() if len(group) > 1)


def identity(record: Dated) -> str:
    """Return what copies of a record have in common: its unique id, else its content."""
    written = record.draft.id
    return written.casefold() if _is_unique_id(written) else _content(record)


def _is_unique_id(written: str) -> bool:
    return _UNIQUE_ID.fullmatch(written) is not None and written != _NIL


def _content(record: Dated) -> str:
    text = json.dumps(record.draft.fields, sort_keys=True, default=str)
    return hashlib.blake2b(f"{record.draft.table}\n{text}".encode(), digest_size=16).hexdigest()


def _without_copies(records: Sequence[Dated], group: Iterable[int], kept: list[bool]) -> list[int]:
    """The first of each content; the others are marked as not kept."""
    first: dict[str, int] = {}
    for index in group:
        content = _content(records[index])
        kept[index] = content not in first
        first.setdefault(content, index)
    return list(first.values())


def _count_files(records: Sequence[Dated], indexes: Iterable[int], counts: dict[int, int]) -> None:
    for file in {records[index].file for index in indexes}:
        counts[file] += 1


def _events(records: Sequence[Dated], indexes: Iterable[int], names: Names) -> list[_Event] | None:
    """Sort records of one id into events; None when one table has more than two of them."""
    events: list[_Event] = []
    for index in indexes:
        record = records[index]
        view = _view(record, names)
        event = next((event for event in events if not _contradict(event.view, view)), None)
        if event is None:
            event = _Event({})
            events.append(event)
        event.view = {**view, **event.view}
        event.members.append(index)
        event.tables.add(record.draft.table)
        if sum(record.draft.table in other.tables for other in events) > 2:
            return None
    return events


def _view(record: Dated, names: Names) -> View:
    """What the record says in the catalogue's fields, brought to one spelling; fields without a value are absent."""
    view: View = {}
    for name in names.fields.get(record.draft.source, ()):
        if name in _TIMES:
            continue
        values = tuple(_spelled(name, value) for value in _values(record.draft.fields, parse_path(name)))
        if values:
            view[name] = values
    # Entra writes a sign-in to one of these feeds only; dropping one would make another feed look incomplete.
    if record.draft.table in _FEEDS:
        view["feed"] = (record.draft.table,)
    if record.exact:
        view["time"] = (str(int(record.time.timestamp())),)
    return view


def _worth(record: Dated, index: int, names: Names) -> tuple[bool, int, int]:
    """A copy with the event's own time is better than one without, then the one that says most, then the first."""
    return record.exact, len(_view(record, names)), -index


def _contradict(one: View, other: View) -> bool:
    return any(not _agree(name, one[name], other[name]) for name in one.keys() & other.keys())


def _agree(name: str, one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    if one == other:
        return True
    words = [values[0].isdigit() for values in (one, other)]
    return name in _ENUMERATIONS and words[0] != words[1]


def _spelled(name: str, value: object) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    text = str(value)
    # Token ids are case-sensitive: two that differ only in case are two tokens.
    return text if "Token" in name else text.translate(_SMALL)


def _values(value: object, steps: tuple[Step, ...]) -> Iterator[object]:
    """The scalars with a value at the end of the path."""
    if not steps:
        for item in value if isinstance(value, list) else [value]:
            if isinstance(item, str | int | float) and not is_empty(item):
                yield item
        return
    step, rest = steps[0], steps[1:]
    child = value.get(step.key) if isinstance(value, Mapping) else None
    if step.element is None:
        yield from _values(child, rest)
    elif isinstance(child, list):
        for element in child:
            if isinstance(element, Mapping) and (not step.element or _called(element) == step.element):
                yield from _values(element, rest)


def _called(element: Mapping[str, object]) -> object:
    return next((element[key] for key in NAME_KEYS if key in element), None)
