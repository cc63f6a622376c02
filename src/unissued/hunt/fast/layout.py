"""Learns what the lines of a file look like, and proves that a further line is exactly such a line.

A line is decoded into the learned types and encoded again. Only where the same bytes come out is it taken: then it is
valid JSON without repeated, escaped or unknown keys, without numbers out of range and without bytes that are no UTF-8,
and everything that the strict parser would find in it has been found. Any other line goes down the ordinary path.
"""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from operator import attrgetter
from typing import Annotated, Any

import msgspec

MOST_KEYS = 200
MOST_LAYOUTS = 2_000
"""Layouts that a process makes at most; after that lines of unknown ones go down the ordinary path."""
_decoders: dict[object, tuple[type[msgspec.Struct], Any]] = {}
"""Every layout that was made, by what it is made of. None is ever given up: msgspec 0.22 crashes over collected types.

Files of one kind have the same layouts, so that there are few.
"""
_WHOLE = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
_SCALARS: dict[type, Any] = {str: str, bool: bool, int: _WHOLE, float: float, type(None): None}
UNSET = msgspec.UNSET


class UnlearnableError(ValueError):
    """A value whose keys contradict the order that was learned, or that is too large."""


@dataclass
class Shape:
    """What has been seen in one place: kinds of scalars, keys of objects in their order, elements of lists."""

    scalars: set[type] = field(default_factory=set)
    members: dict[str, Shape] | None = None
    elements: Shape | None = None
    holds_list: bool = False

    def learn(self, value: object, depth: int = 0) -> None:
        """Widen the shape so that the value fits."""
        if depth > 16:
            raise UnlearnableError
        if isinstance(value, dict):
            self._learn_keys(list(value))
            for key, inner in value.items():
                assert self.members is not None  # noqa: S101 - _learn_keys made it
                self.members[key].learn(inner, depth + 1)
        elif isinstance(value, list):
            self.holds_list = True
            for inner in value:
                self.elements = self.elements or Shape()
                self.elements.learn(inner, depth + 1)
        else:
            self.scalars.add(type(value))

        kinds = len(self.scalars - {type(None)}) + self.holds_list + (self.members is not None)
        if kinds > 1:
            raise UnlearnableError  # as keys of a dictionary 1, 1.0 and true would be one

    def _learn_keys(self, keys: Sequence[str]) -> None:
        known = list(self.members or ())
        places = [known.index(key) for key in keys if key in known]
        if places != sorted(places) or len(known) + len(keys) > MOST_KEYS:
            raise UnlearnableError
        # A new key comes right after the one that precedes it here.
        at = 0
        for key in keys:
            if key in known:
                at = known.index(key) + 1
            else:
                known.insert(at, key)
                at += 1
        members = self.members or {}
        self.members = {key: members.get(key) or Shape() for key in known}

    def key(self) -> object:
        """Return what the shape is made of: equal for shapes that make the same type."""
        members = None if self.members is None else tuple((name, one.key()) for name, one in self.members.items())
        return frozenset(self.scalars), members, self.elements.key() if self.elements else None, self.holds_list

    def type(self) -> Any:
        """Return the type for msgspec: frozen, so that values can be compared and remembered."""
        kinds: list[Any] = [_SCALARS[kind] for kind in sorted(self.scalars, key=str)]
        if self.members is not None:
            kinds.append(_struct(self.members))
        if self.holds_list:
            kinds.append(tuple.__class_getitem__((self.elements.type() if self.elements else None, ...)))
        found = kinds[0] if kinds else None
        for kind in kinds[1:]:
            found = found | kind
        return found


def _struct(members: Mapping[str, Shape], left: frozenset[str] = frozenset()) -> type[msgspec.Struct]:
    names = {f"f{number}": key for number, key in enumerate(members)}
    fields = [
        (name, (msgspec.Raw if key in left else members[key].type()) | msgspec.UnsetType, UNSET)
        for name, key in names.items()
    ]
    return msgspec.defstruct(
        "Line", fields, rename=names, forbid_unknown_fields=True, omit_defaults=True, frozen=True, gc=False
    )


@contextmanager
def _without_collection() -> Iterator[None]:
    """Keep the garbage collector away: msgspec 0.22 crashes where it looks at a type that is only half made."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def _decoder(shape: Shape, left: frozenset[str]) -> Any:
    key = left, shape.key()
    if key not in _decoders:
        if len(_decoders) >= MOST_LAYOUTS:
            raise UnlearnableError
        with _without_collection():
            struct = _struct(shape.members or {}, left)
            _decoders[key] = struct, msgspec.json.Decoder(struct)
    return _decoders[key][1]


class Layout:
    """Lines with one order of keys."""

    def __init__(self, left: frozenset[str] = frozenset()) -> None:
        """Begin; ``left`` are keys whose values are left as they are written, for whoever reads them to prove."""
        self._left = left
        self._shape = Shape()
        self._encode = msgspec.json.Encoder().encode
        self._decode: Any = None
        self.keys: tuple[str, ...] = ()

    def learn(self, row: Mapping[str, object]) -> None:
        """Widen the layout by a line."""
        widened = deepcopy(self._shape)
        widened.learn(row)
        self._decode = _decoder(widened, self._left).decode
        self._shape = widened
        self.keys = tuple(widened.members or ())

    @property
    def decode(self) -> Any:
        """Decode bytes; raises ``msgspec.DecodeError`` or ``UnicodeDecodeError``. Proven only by encoding again."""
        return self._decode

    @property
    def encode(self) -> Any:
        """Encode what was decoded."""
        return self._encode

    def attribute(self, key: str) -> str:
        """Return the attribute that holds a key of the line."""
        return f"f{self.keys.index(key)}"

    def inner(self, key: str) -> dict[str, str]:
        """Return the keys of the object below a key and their attributes."""
        members = (self._shape.members or {}).get(key, Shape()).members or {}
        return {name: f"f{number}" for number, name in enumerate(members)}

    def getter(self, keys: Sequence[str]) -> Any:
        """Return what takes the values of several keys out of a decoded line, always as a tuple."""
        names = [self.attribute(key) for key in keys]
        if not names:
            return lambda _line: ()
        if len(names) == 1:
            only = attrgetter(names[0])
            return lambda line: (only(line),)
        return attrgetter(*names)
