"""Cuts a rule and its records down while two readers still disagree about them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from unissued.errors import PackError
from unissued.pack import Document, Pack, Rule, pack_of
from unissued.record import Record
from unissued.verify.agreement import Stream
from unissued.verify.draw import FRAME, Drawn

_MOST = 400
"""Attempts; a counterexample need not be the smallest, only small."""

Definition = dict[str, object]
Differs = Callable[[Pack, Rule, Stream], bool]


@dataclass(frozen=True)
class Core:
    """A small counterexample."""

    documents: tuple[Definition, ...]
    """The rule's document, last, and those of the rules below it."""
    records: tuple[Record, ...]


def shrink(drawn: Drawn, stream: Stream, differs: Differs) -> Core:
    """Return a smaller rule and fewer, smaller records of which ``differs`` is still true."""
    shrinker = _Shrinker(stream, differs)
    records = shrinker.records(drawn.documents, list(stream.records))
    documents = shrinker.documents(drawn.documents, records)
    return Core(documents, tuple(shrinker.fields(documents, shrinker.records(documents, records))))


class _Shrinker:
    def __init__(self, stream: Stream, differs: Differs) -> None:
        self._stream = stream
        self._differs = differs
        self._left = _MOST

    def _still(self, documents: Sequence[Definition], records: Sequence[Record]) -> bool:
        if self._left <= 0:
            return False
        self._left -= 1
        try:
            pack = pack_of(Document("drawn", one, {}) for one in documents)
        except PackError:
            return False
        given = replace(self._stream.given, now=self._stream.now)
        return self._differs(pack, pack.rule(str(documents[-1]["name"])), Stream(records, given))

    def records(self, documents: Sequence[Definition], records: list[Record]) -> list[Record]:
        """Leave out halves, then quarters, down to single records."""
        size = len(records) // 2
        while size >= 1:
            at = 0
            while at < len(records):
                fewer = records[:at] + records[at + size :]
                if fewer and self._still(documents, fewer):
                    records = fewer
                else:
                    at += size
            size //= 2
        return records

    def documents(self, documents: tuple[Definition, ...], records: Sequence[Record]) -> tuple[Definition, ...]:
        """Leave out selections, items and values as long as one can be left out."""
        smaller = True
        while smaller:
            smaller = False
            for candidate in _smaller(documents):
                if self._still(candidate, records):
                    documents, smaller = candidate, True
                    break
        return documents

    def fields(self, documents: Sequence[Definition], records: list[Record]) -> list[Record]:
        """Leave out fields of records, but for those without which a target would not keep the record there."""
        for index, record in enumerate(records):
            for name in sorted(record.fields.keys() - FRAME):
                kept = {key: value for key, value in records[index].fields.items() if key != name}
                fewer = [*records[:index], replace(records[index], fields=kept), *records[index + 1 :]]
                if self._still(documents, fewer):
                    records = fewer
        return records


def _smaller(documents: tuple[Definition, ...]) -> Iterator[tuple[Definition, ...]]:
    for index, document in enumerate(documents):
        if isinstance(document.get("detection"), dict):
            for body in _smaller_detections(document["detection"]):  # type: ignore[arg-type]
                yield (*documents[:index], {**document, "detection": body}, *documents[index + 1 :])


def _smaller_detections(body: Mapping[str, object]) -> Iterator[Definition]:
    selections = {name: one for name, one in body.items() if name != "condition"}
    for name, selection in selections.items():
        if body["condition"] != name or len(selections) > 1:
            yield {name: selection, "condition": name}
            yield {name: selection, "condition": f"not {name}"}
        for less in _smaller_selections(selection):
            yield {**copy.deepcopy(dict(body)), name: less}


def _smaller_selections(selection: object) -> Iterator[object]:
    if isinstance(selection, list):
        yield from selection
        return
    assert isinstance(selection, dict)  # noqa: S101 - the gate takes nothing else
    for item, value in selection.items():
        if len(selection) > 1:
            yield {item: value}
        if isinstance(value, list) and len(value) > 1:
            for one in value:
                yield {**selection, item: one}
