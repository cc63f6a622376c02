"""Files of JSON Lines for a reader that takes most lines itself: the books stay here, as for any other file."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

from unissued.errors import LogError, Problem
from unissued.logs.completeness import Signs
from unissued.logs.decode import StrictJson
from unissued.logs.merge import Dated, _content, _is_unique_id
from unissued.logs.naming import Names
from unissued.logs.opening import MAX_LINE, UnopenedError, open_log
from unissued.logs.reading import _EXPECTED, NO_LOG, _entries, _Entry, _File, _Progress, _record
from unissued.logs.report import Count, FileReport, Reading, Refusal
from unissued.logs.shapes import _JSON_LINE, Bad, Item, Row, _is_line_by_line, _line
from unissued.logs.sorting import Sorter
from unissued.logs.times import LocalTime
from unissued.logs.verdict import Draft

Place = _Entry
"""A file to read: its name as the user gave it, its path and its size."""
places = _entries
to_record = _record


class Steps(_Progress):
    """Tells how far reading has come, in bytes."""

    def advance(self, count: int) -> None:
        """Take note of so many bytes of the file that is being read."""
        self._within = getattr(self, "_within", 0) + count
        self.stand(self._done + self._within)

    def stand(self, done: int) -> None:
        """Show so many bytes."""
        if self._call is not None:
            self._call(min(done, self._total), self._total)

    def file_done(self, size: int) -> None:
        """Take note of the end of a file."""
        self._within = 0
        super().file_done(size)


class UndatedError(Exception):
    """A line has a time whose day and month only the whole file can tell apart."""


@dataclass(frozen=True, slots=True)
class Found:
    """A usable record in a line, and the how manieth item of the line it is, from 0."""

    dated: Dated
    item: int


def is_plain_json_lines(place: Place) -> bool:
    """Tell whether a file is JSON Lines in UTF-8, neither compressed nor with the line ends of an old Mac."""
    if place.problem:
        return False
    try:
        opened = open_log(place.path)
    except (UnopenedError, OSError):
        return False
    with opened.text, opened.raw:
        start = opened.head.lstrip("\ufeff \t\r\n")
        in_utf8 = not opened.packed and opened.text.encoding == "utf-8-sig"
        has_lines = "\n" in opened.head or "\r" not in opened.head
        return in_utf8 and has_lines and start[:1] == "{" and bool(_JSON_LINE.search(start)) and _is_line_by_line(start)


@dataclass(frozen=True, slots=True)
class Totals:
    """What was counted in a part of a file."""

    count: Count
    refusals: list[Refusal]
    shapes: Counter[str]
    notes: Counter[str]
    skipped: Counter[str]
    strangers: int
    signs: Signs


@dataclass(slots=True)
class LineBooks:
    """The account of one file, or of a part of one, that is read line by line."""

    place: Place
    index: int
    names: Names
    _file: _File = field(init=False)
    _signs: Signs = field(default_factory=Signs)
    _sorter: Sorter = field(init=False)
    _parser: StrictJson = field(default_factory=StrictJson)

    def __post_init__(self) -> None:
        self._file = _File(self.place, self.index, self.names, None)
        self._sorter = Sorter(self.names, self.place.name)

    def line(self, raw: bytes, number: int) -> list[Found]:
        """Read a line, with its line end, as any file is read; return what can be used of it.

        Raises:
            UndatedError: the file has to be read as a whole.
        """
        found: list[Found] = []
        file = self._file
        for place, item in enumerate(self._items(raw, number)):
            file._item(item, self._sorter, self._signs)
            for waiting in file._waiting:
                if any(isinstance(time, LocalTime) for _, time in waiting.times):
                    raise UndatedError
                file._date(waiting, None)
            file._waiting.clear()
            found += [Found(dated, place) for dated in file.dated]
            file.dated.clear()
        return found

    def _items(self, raw: bytes, number: int) -> Iterator[Item]:
        text = raw.decode("utf-8", "surrogateescape")
        if len(text) > MAX_LINE:
            return iter((Bad(number, f"line longer than {MAX_LINE >> 20} MiB"),))
        return _line(self._parser, text, number) if text.strip("\ufeff \t\r\n") else iter(())

    def again(self, raw: bytes, number: int, item: int) -> Dated:
        """Read a usable record once more, without counting it."""
        row = next(found for place, found in enumerate(self._items(raw, number)) if place == item)
        draft = self._sorter.judge(row) if isinstance(row, Row) else None
        if not isinstance(draft, Draft):
            raise LogError.at(self.place.name, f"line {number} has changed since it was read", "read the file again")
        reader = _File(self.place, self.index, self.names, None)
        reader._accept(draft, number)
        reader._date(reader._waiting[0], None)
        return reader.dated[0]

    def draft(self, raw: bytes, number: int) -> Draft | None:
        """Return what a line with one record is, without counting it; None where it is not usable."""
        items = list(self._items(raw, number))
        found = self._sorter.judge(items[0]) if len(items) == 1 and isinstance(items[0], Row) else None
        return found if isinstance(found, Draft) else None

    def know(self, shape: str, records: int) -> None:
        """Count records that somebody else has found to be usable, without remarks."""
        if not records:
            return
        self._file._shapes[shape] += records
        self._file.report.count.read += records
        self._signs._rows[shape] += records

    def totals(self) -> Totals:
        """Return what was counted, for another process to add up."""
        file = self._file
        return Totals(
            file.report.count, file.refusals, file._shapes, file._notes, file._skipped, file._strangers, self._signs
        )

    def add(self, later: Totals, lines_before: int) -> None:
        """Add the account of a later part of the same file."""
        ours, signs, theirs = self._file, self._signs, later.signs
        ours.report.count += later.count
        ours.refusals += [replace(one, line=one.line and one.line + lines_before) for one in later.refusals]
        ours._shapes += later.shapes
        ours._notes += later.notes
        ours._skipped += later.skipped
        ours._strangers += later.strangers
        signs._rows += theirs._rows
        signs._reasons |= theirs._reasons
        signs._highest_index = max(signs._highest_index, theirs._highest_index)
        signs._highest_count = max(signs._highest_count, theirs._highest_count)
        signs._failed_pages += theirs._failed_pages
        signs._streamed |= theirs._streamed
        signs._saw_last_row |= theirs._saw_last_row

    def close(self) -> tuple[FileReport, list[Refusal]]:
        """Return the report and the refusals."""
        self._file._close(self._signs)
        return self._file.report, self._file.refusals


def identity(dated: Dated) -> str:
    """Return what copies of a record have in common: its unique id, else its content."""
    written = dated.draft.id
    return written.casefold() if _is_unique_id(written) else _content(dated)


def read_whole(place: Place, index: int, names: Names, steps: Steps) -> tuple[FileReport, list[Refusal], list[Dated]]:
    """Read a file of any other kind into memory."""
    file = _File(place, index, names, None)
    file.read(steps)
    return file.report, file.refusals, file.dated


def complaint(place: Place, report: FileReport) -> Problem | None:
    """Return what is to be said about a file that was named and is no log."""
    if not place.named or report.shape != NO_LOG:
        return None
    why = f" ({report.notes[0]})" if report.notes else ""
    return Problem(place.name, f"is not a log of a known shape{why}", _EXPECTED)


def merged_notes(reading: Reading, notes: dict[int, list[str]]) -> None:
    """Add the remarks of a merge to the reports."""
    for index, said in sorted(notes.items()):
        reading.files[index].notes += said
