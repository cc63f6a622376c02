"""A record as rules see it: fields by name, every value in canonical form."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from datetime import datetime

from unissued.evaluate.canon import Value, canonical
from unissued.evaluate.derive import DERIVATIONS
from unissued.pack.catalogue import Field, Source
from unissued.pack.path import NAME_KEYS, Step, parse_path
from unissued.record import Record

_MAX_LAYERS = 3


class Event:
    """One record, read through the field catalogue.

    ``values(name)`` is a tuple of canonical values: empty when the field is missing or empty, several when the
    field lies in a list of the record.
    """

    __slots__ = ("_cache", "record", "source")

    def __init__(self, record: Record, source: Source) -> None:
        self.record = record
        self.source = source
        self._cache: dict[str, tuple[Value, ...]] = {}

    @property
    def time(self) -> datetime:
        """Event time, UTC, in whole seconds: mail is recorded without fractions, so others must not count either."""
        return self.record.time.replace(microsecond=0)

    def values(self, name: str) -> tuple[Value, ...]:
        """Return the canonical values of a field; a field that the source does not have is missing."""
        if name not in self._cache:
            known = self.source.fields.get(name)
            self._cache[name] = () if known is None else tuple(self._read(known))
        return self._cache[name]

    def _read(self, known: Field) -> list[Value]:
        if known.derive:
            return DERIVATIONS[known.derive]([self.values(name) for name in known.sources])
        found = (canonical(known.type, known.enum, raw) for raw in resolve(parse_path(known.name), self.record.fields))
        return [value for value in found if value is not None]


def resolve(path: tuple[Step, ...], raw: object) -> Iterator[object]:
    """Yield the raw values at a path of a record, reading JSON that stands inside text on the way."""
    if not path:
        if isinstance(raw, list):
            yield from raw
        else:
            yield raw
        return
    step, rest = path[0], path[1:]
    node = _structure(raw)
    if not isinstance(node, Mapping) or step.key not in node:
        return
    below = node[step.key]
    if step.element is None:
        yield from resolve(rest, below)
        return
    elements = _structure(below)
    for element in elements if isinstance(elements, list) else [elements]:
        if step.element == "" or _name_of(element) == step.element:
            yield from resolve(rest, element)


def _name_of(element: object) -> object:
    node = _structure(element)
    if not isinstance(node, Mapping):
        return None
    return next((node[key] for key in NAME_KEYS if key in node), None)


def _structure(raw: object) -> object:
    """Return an object or list, taken out of JSON text where it stands in one, three layers deep at most."""
    for _ in range(_MAX_LAYERS):
        if not isinstance(raw, str) or raw.lstrip()[:1] not in ("{", "[", '"'):
            break
        try:
            raw = json.loads(raw)
        except (ValueError, RecursionError):
            break
    return raw
