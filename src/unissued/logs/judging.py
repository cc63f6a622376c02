"""One part of the input, item by item, in bounded memory: what each row is, and what the part says of itself.

This is the reader without the merging: ``Judge.judged`` yields one verdict at a time, for whoever streams.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from unissued.logs.completeness import Signs
from unissued.logs.dating import Dating
from unissued.logs.naming import Names
from unissued.logs.rows import Bad, Cut, Header, Item, Member, Row
from unissued.logs.sorting import Sorter
from unissued.logs.times import DateOrder
from unissued.logs.verdict import Refused, Verdict


@dataclass(frozen=True, slots=True)
class Judged:
    """A row, or what should have been one, and what it is. Drafts still need a time (``Dating``)."""

    line: int
    verdict: Verdict
    item: Row | Bad


class Judge:
    """Judges the items of one part and remembers what they say about the whole."""

    def __init__(self, name: str, names: Names, date_order: DateOrder | None = None) -> None:
        self.signs = Signs()
        self.dating = Dating(date_order)
        self.notes: list[str] = []
        self._sorter = Sorter(names, name)

    def judged(self, content: Iterable[Item]) -> Iterator[Judged]:
        """Everything that counts as read."""
        for item in content:
            match item:
                case Row():
                    if not self.signs.is_end_mark(item.value):
                        self.dating.learn(item.value)
                        verdict = self._sorter.judge(item)
                        self.signs.row(verdict.shape, item.value)
                        yield Judged(item.line, verdict, item)
                case Bad():
                    yield Judged(item.line, Refused(item.reason), item)
                case Member():
                    self.signs.member(item.name, item.value)
                case Cut():
                    self.signs.cut(item.reason)
                case Header():
                    self._header(item)

    def _header(self, header: Header) -> None:
        if header.repeated:
            names = ", ".join(header.repeated)
            self.notes.append(f"columns that occur more than once: {names} (the first cell with a value counts)")
