"""Parts of conditions that depend on one group of fields: whoever knows how they turn out knows every verdict."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

from unissued.evaluate import Event, Node
from unissued.pack.catalogue import Source

_MOST_VALUES = 20_000
_COMPARED = re.compile(r"(lt|lte|gt|gte|=) (-?[0-9]{1,15})\Z")
_PREFIX = re.compile(r"= ([^*?\\]+)\*\Z")


@dataclass
class Units:
    """The largest parts of some conditions that ask only for one group of fields.

    Args:
        source: the log source.
        who: fields of the first group; parts that mix it with content are taken apart down to single comparisons.
        alone: groups of fields that are different in nearly every record.
    """

    source: Source
    who: frozenset[str]
    alone: Collection[frozenset[str]]
    mixed: list[Node] = field(default_factory=list)
    """What asks who, alone or together with content."""
    of: dict[frozenset[str], list[Node]] = field(init=False)
    unknown: list[Node] = field(default_factory=list)
    """What mixes groups that are kept apart."""

    def __post_init__(self) -> None:
        self.of = {group: [] for group in self.alone}
        self._own = frozenset().union(*self.alone)

    def base(self, names: Collection[str]) -> frozenset[str]:
        """Return the fields of a record that some fields are made of."""
        found: set[str] = set()
        for name in names:
            known = self.source.fields.get(name)
            if known is not None:
                found |= self.base(known.sources) if known.derive else {name}
        return frozenset(found)

    def add(self, node: Node, own: Callable[[str], bool]) -> None:
        """Take a condition apart; ``own`` tells of which fields nearly every record has a value of its own."""
        base = self.base(node.reads)
        has_own = any(map(own, base))
        if not has_own and not base & self.who:
            return
        if base in self.of:
            self.of[base].append(node)
        elif not has_own and (base <= self.who or not node.parts):
            self.mixed.append(node)
        elif not node.parts:
            self.unknown.append(node)
        else:
            for part in node.parts:
                self.add(part, own)


def leaves(nodes: Collection[Node]) -> Iterator[Node]:
    """Yield the single comparisons."""
    for node in nodes:
        if node.parts:
            yield from leaves(node.parts)
        else:
            yield node


def steps_of(nodes: Collection[Node]) -> list[int] | None:
    """Return the whole numbers at which a comparison can turn out otherwise than for the number before; None if any."""
    found: set[int] = set()
    for node in leaves(nodes):
        says = node.says.removeprefix(node.field).strip()
        compared = _COMPARED.match(says)
        if compared:
            found |= {int(compared[2]), int(compared[2]) + 1}
        elif says not in ("exists", "is missing"):
            return None
    return sorted(found)


def prefix_of(nodes: Collection[Node]) -> int:
    """Return how many characters of a text decide every comparison; a large number where all do."""
    longest = 0
    for node in leaves(nodes):
        found = _PREFIX.match(node.says.removeprefix(node.field).strip())
        longest = max(longest, len(found[1]) if found else 1 << 20)
    return longest


@dataclass
class Classes:
    """How conditions on one field turn out, for each of its values once, and what else depends on the value only."""

    nodes: list[Node]
    more: Callable[[Event], tuple[object, ...]] = lambda _event: ()
    known: dict[object, tuple[Any, ...]] = field(default_factory=dict)
    _numbers: dict[tuple[object, ...], int] = field(default_factory=dict)

    def judge(self, key: object, event: Event) -> tuple[Any, ...]:
        """Judge a value that is not known yet; return a number for how everything turns out, and what else there is.

        The first that ``more`` returns is a part of how it turns out.
        """
        if len(self.known) >= _MOST_VALUES:
            self.known.clear()
        outcome = (*(node.test(event) for node in self.nodes), *self.more(event)[:1])
        found = self.known[key] = (self._numbers.setdefault(outcome, len(self._numbers)), *self.more(event)[1:])
        return found
