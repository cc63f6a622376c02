"""Files of JSON Lines for a reader that takes most lines itself: the books stay here, as for any other file."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice

from unissued.errors import LogError
from unissued.logs.decode import StrictJson
from unissued.logs.documents import json_line
from unissued.logs.judging import Judge, Judged
from unissued.logs.merge import Dated
from unissued.logs.naming import Names
from unissued.logs.opening import HEAD, MAX_LINE, Budget, Source, UnopenedError, is_too_long, open_text
from unissued.logs.part import INTERRUPTED, MOST_IN_A_ROW, PartReader
from unissued.logs.places import Place
from unissued.logs.rows import Bad, Item
from unissued.logs.shapes import is_json_lines
from unissued.logs.verdict import Draft


class WholeError(Exception):
    """The file has to be read as a whole; the message says what for."""


@dataclass(frozen=True, slots=True)
class Found:
    """A usable record in a line, and the how manieth of the line it is, from 0."""

    dated: Dated
    item: int


def is_plain_json_lines(place: Place) -> bool:
    """Tell whether a file is JSON Lines in UTF-8, neither compressed nor with the line ends of an old Mac."""
    if place.problem or not place.path.is_file():
        return False
    try:
        with place.path.open("rb") as raw:
            source = Source(raw, Budget(place.size))
            content: io.BufferedReader = io.BufferedReader(source, HEAD)
            if content.peek(HEAD).lstrip(b"\xef\xbb\xbf \t\r\n")[:1] != b"{":
                return False  # containers do not begin so
            opened = open_text(content, source)
            return opened.content is content and is_json_lines(opened.head)
    except (UnopenedError, OSError):
        return False


@dataclass(slots=True)
class LineBooks:
    """The account of one file, or of a stretch of one, that is read line by line."""

    place: Place
    index: int
    """Of the file's report."""
    names: Names
    reader: PartReader = field(init=False)
    is_interrupted: bool = False
    """Whether the user wanted no more."""
    _aside: Judge = field(init=False)
    """For looking at lines without counting them."""
    _parser: StrictJson = field(default_factory=StrictJson)

    def __post_init__(self) -> None:
        self.reader = PartReader(self.place.name, self.index, self.names, None, None)
        self._aside = Judge(self.place.name, self.names)

    def line(self, raw: bytes, number: int) -> list[Found]:
        """Read a line, with its line end, as any file is read; return what can be used of it.

        Raises:
            WholeError: the file has to be read as a whole.
        """
        found: list[Found] = []
        reader = self.reader
        for place, judged in enumerate(reader.judge.judged(self._items(raw, number))):
            reader.take(judged)
            found += [Found(dated, place) for dated in reader.dated]
            reader.dated.clear()
        self._check()
        return found

    def _check(self) -> None:
        if self.reader.waiting:
            raise WholeError("times whose day and month the whole file has to prove")
        if self.reader.report.count.refused >= MOST_IN_A_ROW:
            raise WholeError("very many records that are refused")

    def _items(self, raw: bytes, number: int) -> Iterator[Item]:
        if is_too_long(raw):
            return iter((Bad(number, f"line longer than {MAX_LINE >> 20} MiB"),))
        text = raw.decode("utf-8", "surrogateescape")
        return json_line(self._parser, text, number) if text.strip("\ufeff \t\r\n") else iter(())

    def again(self, raw: bytes, number: int, item: int) -> Dated:
        """Read a usable record once more, without counting it."""
        for judged in islice(self._looked_at(raw, number), item, item + 1):
            reader = PartReader(self.place.name, self.index, self.names, None, None)
            reader.take(judged)
            if reader.dated:
                return reader.dated[0]
        raise LogError.at(self.place.name, f"line {number} has changed since it was read", "read the file again")

    def draft(self, raw: bytes, number: int) -> Draft | None:
        """Return what a line with one record is, without counting it; None where it is not usable."""
        found = list(self._looked_at(raw, number))
        return found[0].verdict if len(found) == 1 and isinstance(found[0].verdict, Draft) else None

    def _looked_at(self, raw: bytes, number: int) -> Iterator[Judged]:
        return self._aside.judged(self._items(raw, number))

    def interrupt(self) -> None:
        """Take note that the user wants no more: the file was not read to its end."""
        self.is_interrupted = True
        self.reader.judge.signs.cut(INTERRUPTED)

    def add(self, later: PartReader, lines_before: int) -> None:
        """Add the account of a later stretch of the same file."""
        self.reader.add(later, lines_before)
        self._check()

    def close(self) -> None:
        """Complete the report."""
        self._check()
        self.reader.close()
