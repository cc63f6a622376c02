"""JSON in all its arrangements, read through a window that slides over the text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from functools import partial

from unissued.logs.decode import Parsed, StrictJson, UnreadableError
from unissued.logs.opening import HEAD, MAX_LINE, Opened
from unissued.logs.rows import MOST_RAW, Bad, Container, Cut, Item, Member, Row
from unissued.logs.window import Window

_ENVELOPES: dict[str, Container] = {"value": "value", "records": "records", "results": "results", "tables": "tables"}
_ENVELOPE = re.compile(r'"(?:value|records|results|tables)"\s*:\s*\[', re.IGNORECASE)

_PROBE = 1 << 20
"""An envelope longer than this is not looked at as a whole."""
_MAX_WASTED = 32 << 20
"""Characters that may be looked at in vain; with four times what was passed, so that no damage takes quadratic time."""


def json_lines(opened: Opened) -> Iterator[Item]:
    """Objects of a line each; a bad line costs that line."""
    parser = StrictJson()
    for number, line in enumerate(opened.lines(), 1):
        if line is None:
            yield Bad(number, f"line longer than {MAX_LINE >> 20} MiB")
        elif line.strip("\ufeff \t\r\n"):
            yield from json_line(parser, line, number)


def json_line(parser: StrictJson, line: str, number: int) -> Iterator[Item]:
    """What one line holds; ``line`` has its line end, if it has one."""
    walk = _Walk(iter((line,)), parser, number, container="line", resync=False)
    yield from walk.documents()
    if walk.lost and not line.endswith("\n"):
        yield Cut(f"the JSON ends in the middle of line {number}")


def json_documents(opened: Opened) -> Iterator[Item]:
    """Documents one after the other: arrays, objects, envelopes."""
    walk = _Walk(opened.chunks(), StrictJson(), 1, container="object", resync=True)
    yield from walk.documents()
    if walk.lost:
        yield Cut(f"the JSON is cut off or cannot be read on from line {walk.lost}")


class _Walk:
    """Goes through JSON texts that follow one another, element by element, so that damage costs one element."""

    def __init__(
        self, chunks: Iterator[str], parser: StrictJson, line: int, container: Container, *, resync: bool
    ) -> None:
        self._window = Window(chunks, line)
        self._parser = parser
        self._container = container
        self._resync = resync
        self._wasted = 0
        self.lost = 0
        """The line from which on nothing more could be read; 0 when everything was."""

    def documents(self) -> Iterator[Item]:
        """Every row of every document."""
        while (char := self._window.next()) and not self.lost:
            if char == "[":
                yield from self._elements("array")
            elif char == "{":
                yield from self._document()
            elif char == ",":
                self._window.at += 1  # the inside of an array, without its brackets
            else:
                yield from self._broken(UnreadableError("not a JSON object"))

    def _value(self, most: int = MAX_LINE) -> Parsed:
        """The value that begins here, with as much more of the text as it takes, but not more than ``most``."""
        window = self._window
        while True:
            try:
                parsed = self._parser.parse(window.text, window.at)
                if parsed.end < len(window.text) or not window.more():
                    return parsed
            except UnreadableError as error:
                if not error.could_go_on(window.text) or window.ahead() > most or not window.more():
                    raise

    def _document(self) -> Iterator[Item]:
        window = self._window
        line = window.line()
        try:
            parsed = self._value(_PROBE)
        except UnreadableError:
            if _ENVELOPE.search(window.text, window.at, window.at + HEAD):
                yield from self._object(self._envelope)
                return
            try:
                parsed = self._value()
            except UnreadableError as error:
                yield from self._broken(error)
                return
        if isinstance(parsed.value, dict) and not parsed.flaws and _is_envelope(parsed.value):
            yield from self._object(self._envelope)
            return
        yield self._row(line, parsed, self._container)

    def _envelope(self, key: str) -> Iterator[Item] | None:
        container = _ENVELOPES.get(key.casefold())
        return self._elements(container) if container and self._window.next() == "[" else None

    def _object(self, streamed: Callable[[str], Iterator[Item] | None]) -> Iterator[Item]:
        """An object's members: those that are streamed element by element, the others as ``Member``."""
        window = self._window
        window.at += 1
        while (char := window.next()) != "}":
            if char == ",":
                window.at += 1
                continue
            try:
                key = self._key()
                if (elements := streamed(key)) is not None:
                    yield from elements
                    if self.lost:
                        return
                    continue
                window.next()
                value = self._value()
            except UnreadableError as error:
                yield from self._broken(error)
                return
            window.at = value.end
            yield Member(key, value.value)
        window.at += 1

    def _key(self) -> str:
        key = self._value()
        if not isinstance(key.value, str):
            raise UnreadableError("no valid JSON: a key is missing", key.end)
        self._window.at = key.end
        if self._window.next() != ":":
            raise UnreadableError("no valid JSON: a key is missing", self._window.at)
        self._window.at += 1
        return key.value

    def _elements(self, container: Container) -> Iterator[Item]:
        return self._list(self._table if container == "tables" else partial(self._element, container))

    def _list(self, element: Callable[[int], Iterator[Item]]) -> Iterator[Item]:
        """What an array holds; ``element`` reads what begins here, or raises ``UnreadableError``."""
        window = self._window
        window.at += 1
        while char := window.next():
            if char in ",]":
                window.at += 1
                if char == "]":
                    return
                continue
            try:
                yield from element(window.line())
            except UnreadableError as error:
                yield from self._broken(error)
            if self.lost:
                return
        self.lost = window.line()

    def _element(self, container: Container, line: int) -> Iterator[Item]:
        yield self._row(line, self._value(), container)

    def _table(self, line: int) -> Iterator[Item]:
        """One table of a query API answer: its columns, then its rows."""
        if self._window.next() != "{":
            yield self._row(line, self._value(), "tables")
            return
        columns: list[str] = []
        has_rows = False

        def rows(key: str) -> Iterator[Item] | None:
            nonlocal has_rows
            if key.casefold() != "rows" or self._window.next() != "[" or not columns:
                return None
            has_rows = True
            return self._list(partial(self._cells, columns))

        for item in self._object(rows):
            if not isinstance(item, Member):
                yield item
            elif item.name.casefold() == "columns" and isinstance(item.value, list):
                columns += [str(one.get("name", "")) if isinstance(one, dict) else str(one) for one in item.value]
        if not has_rows and not self.lost:
            yield Bad(line, "a table without columns that are followed by rows")

    def _cells(self, columns: list[str], line: int) -> Iterator[Item]:
        parsed = self._value()
        raw = self._passed(parsed)
        if parsed.flaws:
            yield Bad(line, "; ".join(parsed.flaws), raw)
        elif isinstance(parsed.value, list) and len(parsed.value) == len(columns):
            yield Row(line, dict(zip(columns, parsed.value, strict=True)), "tables")
        else:
            yield Bad(line, "a table row that does not fit its columns", raw)

    def _row(self, line: int, parsed: Parsed, container: Container) -> Row | Bad:
        if isinstance(parsed.value, dict) and not parsed.flaws:
            self._window.at = parsed.end
            return Row(line, parsed.value, container)
        return Bad(line, "; ".join(parsed.flaws) or "not a JSON object", self._passed(parsed))

    def _passed(self, parsed: Parsed) -> str:
        """Go behind a value; the beginning of its text."""
        window = self._window
        raw = window.text[window.at : min(parsed.end, window.at + MOST_RAW)]
        window.at = parsed.end
        return raw

    def _broken(self, error: UnreadableError) -> Iterator[Item]:
        """Give up what begins here, and go on where the next thing begins in the same way at the start of a line."""
        window = self._window
        line = window.line()
        raw = window.text[window.at : window.at + MOST_RAW]
        place = window.passed + window.at
        self._wasted += error.looked_at(window.text, window.at)
        indent = window.text[window.text.rfind("\n", 0, window.at) + 1 : window.at]
        goes_on = self._resync and not indent.strip("\ufeff \t") and self._wasted <= _MAX_WASTED + 4 * window.passed
        if not goes_on or not window.skip_to(f"\n{indent}{{"):
            self.lost = line
            window.at = len(window.text)
        yield Bad(line, str(error), raw[: window.passed + window.at - place])


def _is_envelope(value: dict[str, object]) -> bool:
    return any(
        isinstance(inner, list) and all(isinstance(element, dict) for element in inner[:1])
        for key, inner in value.items()
        if key.casefold() in _ENVELOPES
    )
