"""CSV, read so that a stray quote costs its own row."""

from __future__ import annotations

import csv
import re
from collections import deque
from collections.abc import Iterator

from unissued.logs.opening import MAX_LINE, Opened
from unissued.logs.rows import MOST_RAW, Bad, Cut, Header, Item, Row
from unissued.logs.tables import TELLING_COLUMNS

MAX_RECORD = 4 << 20
"""Most characters of a row that goes over several lines: beyond them a quote was left open."""
MAX_LINES = 20_000
"""The same in lines."""

_LONE = re.compile("[\ud800-\udfff]")
_SPREADSHEET_CELL = 32_767


class _OpenQuoteError(Exception):
    """A row goes on for so long that its quote cannot be meant."""


class _Feed:
    """Lines for the csv reader; remembers those of the row that is being read."""

    def __init__(self, lines: Iterator[str | None]) -> None:
        self._lines = lines
        self._again: deque[str] = deque()
        self._spare = 4 * MAX_RECORD
        self._size = 0
        self.number = 0
        self.row: list[str] = []
        self.too_long = False

    def start(self) -> None:
        """Begin a row."""
        self._spare += self._size
        self._size = 0
        self.row = []
        self.too_long = False

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._again.popleft() if self._again else next(self._lines)
        text = "\n" if line is None else line
        self.too_long |= line is None
        self.number += 1
        self._size += len(text)
        self.row.append(text)
        if len(self.row) > 1 and (self._size > MAX_RECORD or len(self.row) > MAX_LINES):
            raise _OpenQuoteError
        return text

    def put_back(self) -> int:
        """Let all lines of the row but the first be read again; how many, none when that would not stay linear."""
        rest = self.row[1:]
        size = self._size - len(self.row[0]) if rest else 0
        if not rest or size > self._spare:
            return 0
        self._spare -= size
        self._again.extendleft(reversed(rest))
        self.number -= len(rest)
        self._size = len(self.row[0])
        return len(rest)

    @property
    def is_open_end(self) -> bool:
        """Whether the last line has no line end."""
        return not self.row[-1].endswith(("\n", "\r"))

    @property
    def raw(self) -> str:
        """The text of the row, or the beginning of it."""
        return "".join(self.row)[:MOST_RAW]


def delimiter_of(header: str) -> str:
    """The character under which the header shows columns of a log, empty when there is none."""
    for delimiter in ",;\t":
        try:
            cells = next(csv.reader([header], delimiter=delimiter))
        except csv.Error:
            continue
        if _telling(map(_column, cells)) >= 2:
            return delimiter
    return ""


def _telling(columns: Iterator[str]) -> int:
    return len({column.casefold() for column in columns} & TELLING_COLUMNS)


def _column(header: str) -> str:
    return _LONE.sub("\ufffd", header).strip("\ufeff \t").removesuffix("[UTC]").strip()


def csv_rows(opened: Opened, delimiter: str) -> Iterator[Item]:
    """The rows of a CSV, or of several with their headers one after the other."""
    csv.field_size_limit(MAX_LINE)
    feed = _Feed(opened.lines())
    for text in feed:
        if text.strip() and not text.startswith("#TYPE"):
            break
    try:
        header = [_column(cell) for cell in next(csv.reader([feed.row[-1].rstrip("\r\n")], delimiter=delimiter))]
    except csv.Error as error:
        yield Bad(feed.number, f"unreadable header: {error}", feed.raw)
        yield Cut("nothing below the header can be read")
        return
    yield _header(header)
    reader = csv.reader(feed, delimiter=delimiter, strict=True)
    while True:
        feed.start()
        line = feed.number + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except (csv.Error, _OpenQuoteError) as error:
            yield from _bad(error, line, feed)
            continue
        if feed.too_long:
            yield Bad(line, f"line longer than {MAX_LINE >> 20} MiB")
            continue
        if not cells:
            continue
        if columns := _columns(cells, header):
            if columns != header:
                header = columns
                yield _header(header)
            continue
        yield from _row(header, cells, line, feed)


def _columns(cells: list[str], header: list[str]) -> list[str]:
    """The columns of another header in the midst of the rows; empty for a row of values."""
    first = _column(cells[0][:80])
    if first != header[0] and first.casefold() not in TELLING_COLUMNS:
        return []
    columns = [_column(cell) for cell in cells]
    is_header = columns == header or (len(cells) > 3 and 2 * _telling(iter(columns)) > len(cells))
    return columns if is_header else []


def _header(columns: list[str]) -> Header:
    return Header(tuple(columns), tuple(dict.fromkeys(name for name in columns if columns.count(name) > 1)))


def _bad(error: csv.Error | _OpenQuoteError, line: int, feed: _Feed) -> Iterator[Item]:
    problem, last = str(error) or "a quote is not closed", feed.number
    again = feed.put_back()
    where = f" (lines {line} to {last})" if last > line and not again else ""
    yield Bad(line, f"no valid CSV: {problem}{where}", feed.row[0][:MOST_RAW] if again else feed.raw)
    if "unexpected end of data" in problem:
        yield Cut("a quote is not closed at the end of the file")
    elif where:
        yield Cut(f"lines {line} to {last} could not be told apart")


def _row(header: list[str], cells: list[str], line: int, feed: _Feed) -> Iterator[Item]:
    if len(cells) > len(header):
        yield Bad(line, f"{len(cells)} cells under {len(header)} headers", feed.raw)
    elif len(cells) < len(header) and feed.is_open_end:
        yield Bad(line, f"{len(cells)} cells under {len(header)} headers", feed.raw)
        yield Cut("the last row is incomplete")
    elif any(_LONE.search(cell) for cell in cells):
        yield Bad(line, "bytes that are not valid UTF-8", feed.raw)
    else:
        value: dict[str, object] = {}
        for name, cell in zip(header, cells, strict=False):
            if not value.get(name):
                value[name] = cell
        if any(len(cell) == _SPREADSHEET_CELL for cell in cells):
            yield Cut(f"a cell of {_SPREADSHEET_CELL} characters, at which a spreadsheet cuts")
        yield Row(line, value, "csv")
