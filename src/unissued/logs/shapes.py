"""From a file's text to raw rows: JSON in all its arrangements, and CSV."""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from unissued.logs.decode import Parsed, StrictJson, UnreadableError
from unissued.logs.opening import HEAD, MAX_LINE, Opened
from unissued.logs.tables import TELLING_COLUMNS

Container = Literal["line", "object", "array", "value", "records", "results", "tables", "csv"]
_ENVELOPES: dict[str, Container] = {"value": "value", "records": "records", "results": "results", "tables": "tables"}
_ENVELOPE = re.compile(r'"(?:value|records|results|tables)"\s*:\s*\[', re.IGNORECASE)
# Other formats open with a bracket too, such as [section] and {{ template }}.
_JSON_LINE = re.compile(r"""^[\s\ufeff]*(?:\{\s*["}]|\[\s*[{\]])""", re.MULTILINE)
_BLANK = re.compile(r"[\s\ufeff]*")
_LONE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True)
class Row:
    """A raw row, the line that it begins on, and what held it."""

    line: int
    value: dict[str, object]
    container: Container


@dataclass(frozen=True, slots=True)
class Bad:
    """Something that should have been a row."""

    line: int
    reason: str


@dataclass(frozen=True, slots=True)
class Member:
    """A member beside the rows of an envelope, such as ``@odata.nextLink`` or ``error``."""

    name: str
    value: object


@dataclass(frozen=True, slots=True)
class Cut:
    """The text ended, or could not be followed any further, before its structure was complete."""

    reason: str


@dataclass(frozen=True, slots=True)
class Header:
    """The header of a CSV; ``repeated`` names the columns that occur more than once."""

    columns: tuple[str, ...]
    repeated: tuple[str, ...]


Item = Row | Bad | Member | Cut | Header


def items(opened: Opened) -> Iterator[Item] | None:
    """The content of a file, or None when it is neither JSON nor a CSV."""
    start = opened.head.lstrip("\ufeff \t\r\n")
    if not start:
        return iter(()) if len(opened.head) < HEAD else None
    if start[0] in "{[" and _JSON_LINE.search(start):
        return _json_lines(opened) if _is_line_by_line(start) else _json_document(opened.whole())
    delimiter = _delimiter(_first_line(start))
    return _csv(opened, delimiter) if delimiter else None


# JSON ---------------------------------------------------------------------------------------------------------------


def _is_line_by_line(start: str) -> bool:
    """Whether lines of the file's beginning are objects of their own."""
    lines = start.split("\n")
    if len(lines) > 1:
        lines.pop()  # the last one may be cut by the end of the head
    if not start.startswith("{") or lines[0].rstrip().endswith(("{", "[", ",")):
        return False
    parser = StrictJson()
    return any(_is_whole(parser, line.strip()) for line in lines[:20]) or (len(lines) == 1 and "\n" in start)


def _is_whole(parser: StrictJson, line: str) -> bool:
    if not line.startswith("{"):
        return False
    try:
        parser.parse(line)
    except UnreadableError:
        return False
    return True


def _json_lines(opened: Opened) -> Iterator[Item]:
    parser = StrictJson()
    for number, line in enumerate(opened.lines(), 1):
        if line is None:
            yield Bad(number, f"line longer than {MAX_LINE >> 20} MiB")
        elif line.strip("\ufeff \t\r\n"):
            yield from _line(parser, line, number)


def _line(parser: StrictJson, line: str, number: int) -> Iterator[Item]:
    walk = _Walk(line, parser, number, container="line", resync=False)
    yield from walk.documents()
    if walk.lost and not line.endswith("\n"):
        yield Cut(f"the JSON ends in the middle of line {number}")


def _json_document(text: str) -> Iterator[Item]:
    walk = _Walk(text, StrictJson(), 1, container="object", resync=True)
    yield from walk.documents()
    if walk.lost:
        yield Cut(f"the JSON is cut off or cannot be read on from line {walk.lost}")


class _Walk:
    """Goes through JSON texts that follow one another, element by element, so that damage costs one element."""

    def __init__(self, text: str, parser: StrictJson, line: int, container: Container, *, resync: bool) -> None:
        self._text = text
        self._parser = parser
        self._at = 0
        self._line = line
        self._counted = 0
        self._container = container
        self._resync = resync
        self.lost = 0
        """The line from which on nothing more could be read; 0 when everything was."""

    def documents(self) -> Iterator[Item]:
        """Every row of every document."""
        while self._next() and not self.lost:
            if self._text[self._at] == "[":
                yield from self._elements("array")
            elif self._text[self._at] == "{":
                yield from self._document()
            elif self._text[self._at] == ",":
                self._at += 1  # the inside of an array, without its brackets
            else:
                yield from self._broken("not a JSON object")

    def _next(self) -> str:
        """The next character that is not blank, empty at the end."""
        match = _BLANK.match(self._text, self._at)
        self._at = match.end() if match else self._at
        return self._text[self._at : self._at + 1]

    def _line_here(self) -> int:
        self._line += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._line

    def _document(self) -> Iterator[Item]:
        line = self._line_here()
        try:
            parsed = self._parser.parse(self._text, self._at)
        except UnreadableError as error:
            if _ENVELOPE.search(self._text, self._at, self._at + HEAD):
                yield from self._members()
            else:
                yield from self._broken(str(error))
            return
        if isinstance(parsed.value, dict) and not parsed.flaws and _is_envelope(parsed.value):
            yield from self._members()
            return
        self._at = parsed.end
        yield _row(line, parsed, self._container)

    def _members(self) -> Iterator[Item]:
        """An envelope's members: its rows one by one, everything else as ``Member``."""
        self._at += 1
        while (char := self._next()) != "}":
            if char == ",":
                self._at += 1
                continue
            try:
                key = self._parser.parse(self._text, self._at)
                self._at = key.end
                if not isinstance(key.value, str) or self._next() != ":":
                    raise UnreadableError("no valid JSON: a key is missing")
                self._at += 1
                container = _ENVELOPES.get(key.value.casefold())
                if container and self._next() == "[":
                    yield from self._elements(container)
                    if self.lost:
                        return
                    continue
                self._next()
                value = self._parser.parse(self._text, self._at)
            except UnreadableError as error:
                yield from self._broken(str(error))
                return
            self._at = value.end
            yield Member(key.value, value.value)
        self._at += 1

    def _elements(self, container: Container) -> Iterator[Item]:
        self._at += 1
        while char := self._next():
            if char in ",]":
                self._at += 1
                if char == "]":
                    return
                continue
            line = self._line_here()
            try:
                parsed = self._parser.parse(self._text, self._at)
            except UnreadableError as error:
                yield from self._broken(str(error))
                if self.lost:
                    return
                continue
            self._at = parsed.end
            row = _row(line, parsed, container)
            if container == "tables" and isinstance(row, Row):
                yield from _table_rows(row)
            else:
                yield row
        self.lost = self._line_here()

    def _broken(self, reason: str) -> Iterator[Item]:
        """Give up what begins here, and go on where the next thing begins in the same way at the start of a line."""
        line = self._line_here()
        yield Bad(line, reason)
        start = self._text.rfind("\n", 0, self._at) + 1
        indent = self._text[start : self._at]
        found = -1
        if self._resync and not indent.strip("\ufeff \t"):
            found = self._text.find(f"\n{indent}{{", self._at + 1)
        if found < 0:
            self.lost = line
            self._at = len(self._text)
        else:
            self._at = found + 1


def _row(line: int, parsed: Parsed, container: Container) -> Row | Bad:
    if parsed.flaws:
        return Bad(line, "; ".join(parsed.flaws))
    if not isinstance(parsed.value, dict):
        return Bad(line, "not a JSON object")
    return Row(line, parsed.value, container)


def _is_envelope(value: dict[str, object]) -> bool:
    return any(
        isinstance(inner, list) and all(isinstance(element, dict) for element in inner[:1])
        for key, inner in value.items()
        if key.casefold() in _ENVELOPES
    )


def _table_rows(table: Row) -> Iterator[Item]:
    """The rows of one table of a query API answer."""
    columns, rows = table.value.get("columns"), table.value.get("rows")
    if not isinstance(columns, list) or not isinstance(rows, list):
        yield Bad(table.line, "a table without columns and rows")
        return
    names = [str(column.get("name", "")) if isinstance(column, dict) else str(column) for column in columns]
    for row in rows:
        if isinstance(row, list) and len(row) == len(names):
            yield Row(table.line, dict(zip(names, row, strict=True)), "tables")
        else:
            yield Bad(table.line, "a table row that does not fit its columns")


# CSV ----------------------------------------------------------------------------------------------------------------


class _Feed:
    """Lines for the csv reader; remembers what the reader cannot tell."""

    def __init__(self, lines: Iterator[str | None]) -> None:
        self._lines = lines
        self.too_long = False
        self.last = "\n"

    def __iter__(self) -> Iterator[str]:
        for line in self._lines:
            self.too_long |= line is None
            self.last = "\n" if line is None else line
            yield self.last


def _first_line(start: str) -> str:
    lines = start.replace("\r", "\n").split("\n")
    return next((line for line in lines if line.strip() and not line.startswith("#TYPE")), "")


def _delimiter(header: str) -> str:
    """The character under which the header shows columns of a log, empty when there is none."""
    for delimiter in ",;\t":
        try:
            cells = next(csv.reader([header], delimiter=delimiter))
        except csv.Error:
            continue
        if len({_column(cell).casefold() for cell in cells} & TELLING_COLUMNS) >= 2:
            return delimiter
    return ""


def _column(header: str) -> str:
    return _LONE.sub("\ufffd", header).strip("\ufeff \t").removesuffix("[UTC]").strip()


def _csv(opened: Opened, delimiter: str) -> Iterator[Item]:
    csv.field_size_limit(MAX_LINE)
    feed = _Feed(opened.lines())
    lines = iter(feed)
    skipped = 0
    header: list[str] = []
    for text in lines:
        skipped += 1
        if text.strip() and not text.startswith("#TYPE"):
            try:
                header = [_column(cell) for cell in next(csv.reader([text.rstrip("\r\n")], delimiter=delimiter))]
            except csv.Error as error:
                yield Bad(skipped, f"unreadable header: {error}")
                yield Cut("nothing below the header can be read")
                return
            break
    repeated = tuple(dict.fromkeys(name for name in header if header.count(name) > 1))
    yield Header(tuple(header), repeated)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = skipped + reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield Bad(line, _bad_csv(error, line, skipped + reader.line_num))
            if "unexpected end of data" in str(error):
                yield Cut("a quote is not closed at the end of the file")
            continue
        if cells:
            yield from _csv_row(header, cells, line, feed)


def _bad_csv(error: csv.Error, first: int, last: int) -> str:
    where = f" (lines {first} to {last})" if last > first else ""
    return f"no valid CSV: {error}{where}"


def _csv_row(header: list[str], cells: list[str], line: int, feed: _Feed) -> Iterator[Item]:
    if feed.too_long:
        feed.too_long = False
        yield Bad(line, f"line longer than {MAX_LINE >> 20} MiB")
    elif len(cells) > len(header):
        yield Bad(line, f"{len(cells)} cells under {len(header)} headers")
    elif len(cells) < len(header) and not feed.last.endswith(("\n", "\r")):
        yield Bad(line, f"{len(cells)} cells under {len(header)} headers")
        yield Cut("the last row is incomplete")
    elif any(_LONE.search(cell) for cell in cells):
        yield Bad(line, "bytes that are not valid UTF-8")
    else:
        value: dict[str, object] = {}
        for name, cell in zip(header, cells, strict=False):
            if not value.get(name):
                value[name] = cell
        yield Row(line, value, "csv")
