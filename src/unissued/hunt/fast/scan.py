"""Reads a file of JSON Lines, or a part of one, and makes a row of every usable record."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import BinaryIO

from unissued.hunt.fast.judging import MAIL, Judge
from unissued.hunt.fast.mail import SHAPE, MailLines
from unissued.hunt.fast.rows import hash_of
from unissued.logs.merge import identity
from unissued.logs.naming import Names
from unissued.logs.opening import MAX_LINE, StoppedError
from unissued.logs.piecewise import LineBooks
from unissued.logs.places import Place
from unissued.logs.reading import record_of
from unissued.logs.report import SourceMap

BLOCK = 128 << 10
_LONGEST = 4 * MAX_LINE
"""Bytes of a line that is longer than any that is read, whatever its letters are."""


@dataclass
class Part:
    """A stretch of a file: the lines that begin in it."""

    place: Place
    file: int
    """Index of the file's report."""
    start: int
    end: int


@dataclass
class Scanner:
    """What every file is read with."""

    judge: Judge
    names: Names
    sources: SourceMap

    def scan(self, part: Part, emit: Callable[[bytes], object], tick: Callable[[int], None]) -> tuple[LineBooks, int]:
        """Read a part.

        Args:
            part: what to read.
            emit: takes rows.
            tick: takes the number of bytes read since the last time; raises ``StoppedError`` when no more is wanted.

        Returns:
            The part's account and its number of lines.
        """
        books = LineBooks(part.place, part.file, self.names)
        delay = self.sources.sources[MAIL].usual_delay
        mail = MailLines(self.judge, self.names, books, part.file, delay)
        number = 0
        with part.place.path.open("rb", buffering=0) as source:
            for offset, lines, ended in _blocks(source, part.start, part.end):
                emit(b"".join(self._rows(books, mail, lines, (offset, number, part.file), ended=ended)))
                number += len(lines)
                try:
                    tick(sum(map(len, lines)) + len(lines))
                except StoppedError:
                    books.interrupt()
                    break
        return books, number

    def _rows(
        self, books: LineBooks, mail: MailLines, lines: list[bytes], start: tuple[int, int, int], *, ended: bool
    ) -> list[bytes]:
        """Read some lines: those that are known are taken at once, the others go the ordinary way."""
        offset, number, file = start
        rows: list[bytes] = []
        taken, take = 0, mail.take
        for line in lines:
            number += 1
            row = take(line, offset, number)
            if row is not None:
                rows.append(row)
                taken += 1
            else:
                raw = line + b"\n" if ended else line
                rows += self._ordinary(books, mail, raw, offset, number, file)
                take = mail.take
            offset += len(line) + 1
        books.reader.usable(SHAPE, taken)
        return rows

    def _ordinary(
        self, books: LineBooks, mail: MailLines, raw: bytes, offset: int, number: int, file: int
    ) -> list[bytes]:
        found = books.line(raw, number)
        rows: list[bytes] = []
        for one in found:
            record = record_of(one.dated, books.place.name, self.sources)
            rows += self.judge.rows(record, hash_of(identity(one.dated)), offset, len(raw), file, one.item)
        if len(found) == 1:
            mail.learn(raw.rstrip(b"\n"), found)
        return rows


def _blocks(source: BinaryIO | object, start: int, end: int) -> Iterator[tuple[int, list[bytes], bool]]:
    """Yield lines in pieces: the offset of the first, the lines without their end, whether all of them had one.

    Of a line that is too long only the beginning is given, which is too long as well.
    """
    read, seek = source.read, source.seek  # type: ignore[union-attr]
    offset = seek(max(0, start - 1))
    rest: list[bytes] = []
    length = 0
    if start and not _skip_line(read, seek):
        return
    offset = seek(0, 1) if start else 0
    while data := read(BLOCK):
        last = data.rfind(b"\n")
        if last < 0:
            length += len(data)
            if length <= _LONGEST:
                rest.append(data)
            continue
        whole = b"".join((*rest, data[:last]))
        lines = whole.split(b"\n")
        dropped = max(0, length - sum(map(len, rest)))
        if dropped:
            # The line that was too long is given by itself: its offset counts what was left out.
            yield offset, lines[:1], True
            offset += len(lines[0]) + 1 + dropped
            del lines[0]
        first, stop = offset, False
        size = sum(map(len, lines)) + len(lines)
        if offset + size > end:
            lines, stop = _before(lines, offset, end)
        if lines:
            yield first, lines, True
        if stop:
            return
        offset += size
        rest, length = [data[last + 1 :]], len(data) - last - 1
    final = b"".join(rest)
    if final and offset < end:
        yield offset, [final], False


def _before(lines: list[bytes], offset: int, end: int) -> tuple[list[bytes], bool]:
    """Return the lines that begin before an offset, and whether that was not all."""
    for count, line in enumerate(lines):
        if offset >= end:
            return lines[:count], True
        offset += len(line) + 1
    return lines, False


def _skip_line(read: Callable[[int], bytes], seek: Callable[..., int]) -> bool:
    """Go to the beginning of the next line; whether there is one."""
    while data := read(BLOCK):
        found = data.find(b"\n")
        if found >= 0:
            seek(found + 1 - len(data), 1)
            return True
    return False
