"""Reading files and folders of exported logs into records."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from unissued.errors import LogError, Problem
from unissued.logs.completeness import Signs
from unissued.logs.merge import Dated, merge
from unissued.logs.naming import Names
from unissued.logs.opening import Opened, UnopenedError, open_log
from unissued.logs.report import FileReport, Reading, Refusal, SourceMap
from unissued.logs.shapes import Bad, Cut, Header, Item, Member, Row, items
from unissued.logs.sorting import Sorter
from unissued.logs.times import DateOrder, LocalTime, parse
from unissued.logs.verdict import Draft, Refused, Skipped
from unissued.record import Origin, Record

Progress = Callable[[int, int], None]

NO_LOG = "not a log"
_EXPECTED = "give an export of docs/exports.md, for example JSON Lines or CSV"

_EVENT_TIMES = ("CreationTime", "CreatedDateTime", "ActivityDateTime")
_TABLE_TIMES = ("TimeGenerated", "Timestamp")
# Some minutes after the event, but better than losing the record: nothing else is left in such exports.
_LATE_TIMES = ("Start_Time", "ElevationTime")
_DATED_COLUMNS = frozenset(
    name.casefold()
    for name in (*_EVENT_TIMES, *_TABLE_TIMES, *_LATE_TIMES, "CreationDate", "Date (UTC)", "EventSubmissionTimestamp")
)


def read(
    paths: Sequence[Path],
    sources: SourceMap,
    *,
    date_order: DateOrder | None = None,
    progress: Progress | None = None,
) -> Reading:
    """Read log files, and folders with everything below them, into records.

    ``date_order`` is the order of day and month for times such as ``3/4/2021`` in files that do not prove it
    themselves. ``progress`` is called with the bytes done and in all. Damage, duplicates and foreign records are
    counted and explained in the result; ``LogError`` is raised for a path that does not exist and for a file, named
    as such, that is no log.
    """
    names = Names(sources)
    entries = _entries(paths)
    steps = _Progress(progress, sum(entry.size for entry in entries))
    reading = Reading()
    dated: list[Dated] = []
    problems: list[Problem] = []
    for entry in entries:
        file = _File(entry, len(reading.files), names, date_order)
        file.read(steps)
        steps.file_done(entry.size)
        if entry.named and file.report.shape == NO_LOG:
            why = f" ({file.report.notes[0]})" if file.report.notes else ""
            problems.append(Problem(entry.name, f"is not a log of a known shape{why}", _EXPECTED))
        reading.files.append(file.report)
        reading.refusals += file.refusals
        dated += file.dated
    if problems:
        raise LogError(*problems)
    _settle(reading, dated, names, sources)
    return reading


def _settle(reading: Reading, dated: list[Dated], names: Names, sources: SourceMap) -> None:
    """Remove duplicates, make the records, and close the books of every file."""
    merged = merge(dated, names)
    for item, stays in zip(dated, merged.kept, strict=True):
        report = reading.files[item.file]
        if stays:
            report.count.used += 1
            reading.records.append(_record(item, report.file, sources))
        else:
            report.count.duplicates += 1
    for index, notes in merged.notes.items():
        reading.files[index].notes += notes
    reading.records.sort(key=lambda record: (record.time, record.ingested, record.origin.file, record.origin.line))


def _record(item: Dated, file: str, sources: SourceMap) -> Record:
    draft = item.draft
    ingested = parse(draft.ingested) if draft.ingested is not None else None
    if not isinstance(ingested, datetime):
        ingested = item.time + sources.sources[draft.source].usual_delay
    return Record(draft.source, draft.fields, item.time, ingested, draft.id, draft.table, Origin(file, item.line))


# Paths --------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Entry:
    name: str
    """As the user gave it, with the path below a folder added."""
    path: Path
    named: bool
    """Whether the user named this very file."""
    size: int
    problem: str = ""
    """Why there is nothing to read: the folder is empty or closed."""


def _entries(paths: Sequence[Path]) -> list[_Entry]:
    entries: list[_Entry] = []
    problems: list[Problem] = []
    for path in paths:
        if path.is_dir():
            inside = list(_walk(path))
            entries += inside or [_Entry(_shown(path), path, False, 0, problem="empty folder")]
        elif path.exists():
            entries.append(_Entry(_shown(path), path, True, path.stat().st_size))
        else:
            problems.append(Problem(_shown(path), "no such file or folder", "check the path"))
    if problems:
        raise LogError(*problems)
    return entries


def _walk(folder: Path) -> Iterator[_Entry]:
    """Every regular file below the folder, in a fixed order; links are not followed."""
    closed: list[OSError] = []
    for root, folders, files in os.walk(folder, onerror=closed.append):
        folders.sort()
        for name in sorted(files):
            path = Path(root) / name
            if path.is_file() and not path.is_symlink():
                yield _Entry(_shown(path), path, False, path.stat().st_size)
    for error in closed:
        path = Path(str(error.filename))
        yield _Entry(_shown(path), path, False, 0, problem=f"folder cannot be read: {error.strerror}")


def _shown(path: Path) -> str:
    """The path as text that can be written: names that are not UTF-8 keep what is readable of them."""
    return path.as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class _Progress:
    def __init__(self, call: Progress | None, total: int) -> None:
        self._call = call
        self._total = total
        self._done = 0

    def within(self, opened: Opened) -> None:
        if self._call is not None:
            self._call(min(self._done + opened.raw.tell(), self._total), self._total)

    def file_done(self, size: int) -> None:
        self._done += size
        if self._call is not None:
            self._call(self._done, self._total)


# One file -----------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Waiting:
    """A draft with the times that it offers, in the order of trust."""

    draft: Draft
    line: int
    times: list[tuple[str, datetime | LocalTime]]


@dataclass(slots=True)
class _File:
    """Reads one file."""

    entry: _Entry
    index: int
    names: Names
    date_order: DateOrder | None
    report: FileReport = field(init=False)
    refusals: list[Refusal] = field(default_factory=list)
    dated: list[Dated] = field(default_factory=list)
    _waiting: list[_Waiting] = field(default_factory=list)
    _shapes: Counter[str] = field(default_factory=Counter)
    _notes: Counter[str] = field(default_factory=Counter)
    _skipped: Counter[str] = field(default_factory=Counter)
    _proofs: Counter[DateOrder] = field(default_factory=Counter)
    _strangers: int = 0

    def __post_init__(self) -> None:
        self.report = FileReport(self.entry.name)

    def read(self, steps: _Progress) -> None:
        """Fill the report, the refusals and the dated drafts."""
        if self.entry.problem:
            self.report.shape = "folder"
            self.report.partial.append(self.entry.problem)
            return
        try:
            opened = open_log(self.entry.path)
        except UnopenedError as error:
            self._unopened(str(error))
            return
        except OSError as error:
            self._unopened(f"cannot be opened: {error.strerror}")
            return
        with opened.text, opened.raw:
            self._content(opened, steps)

    def _unopened(self, reason: str) -> None:
        """The file as a whole is of no use; archives may hold logs, other binary files do not."""
        if reason.startswith("binary"):
            self.report.shape = NO_LOG
            self.report.notes.append(reason)
            return
        self.report.shape = self.report.shape or "unread"
        self.report.partial.append(reason)
        self.refusals.append(Refusal(self.entry.name, 0, reason))

    def _content(self, opened: Opened, steps: _Progress) -> None:
        signs = Signs()
        try:
            content = items(opened)
            if content is None:
                self.report.shape = NO_LOG
                return
            sorter = Sorter(self.names, self.entry.name)
            for number, item in enumerate(content):
                self._item(item, sorter, signs)
                if number % 1024 == 0:
                    steps.within(opened)
        except (UnopenedError, OSError) as error:
            # What came before is kept: the file is partial, not lost.
            signs.cut(str(error))
            self.refusals.append(Refusal(self.entry.name, 0, str(error)))
        if opened.cut:
            signs.cut(opened.cut)
        self._close(signs)

    def _item(self, item: Item, sorter: Sorter, signs: Signs) -> None:
        match item:
            case Row():
                self._row(item, sorter, signs)
            case Bad():
                self._refuse(item.line, item.reason)
            case Member():
                signs.member(item.name, item.value)
            case Cut():
                signs.cut(item.reason)
            case Header():
                self._header(item)

    def _header(self, header: Header) -> None:
        if header.repeated:
            names = ", ".join(header.repeated)
            self.report.notes.append(f"columns that occur more than once: {names} (the first cell with a value counts)")

    def _row(self, row: Row, sorter: Sorter, signs: Signs) -> None:
        if signs.is_end_mark(row.value):
            return
        self._gather_proof(row)
        verdict = sorter.judge(row)
        if isinstance(verdict, Refused) and not verdict.known:
            self._strangers += 1
        else:
            self._shapes[verdict.shape] += 1
        signs.row(verdict.shape, row.value)
        match verdict:
            case Draft():
                self._accept(verdict, row.line)
            case Skipped():
                self.report.count.read += 1
                self.report.count.skipped += 1
                self._skipped[verdict.kind.strip()[:60]] += 1
            case Refused():
                self._refuse(row.line, verdict.reason)

    def _refuse(self, line: int, reason: str) -> None:
        self.report.count.read += 1
        self.report.count.refused += 1
        self.refusals.append(Refusal(self.entry.name, line, reason))

    def _accept(self, draft: Draft, line: int) -> None:
        if draft.ingested is not None and not isinstance(parse(draft.ingested), datetime):
            self._refuse(line, f"ingested is no time: {draft.ingested[:40]!r}")
            return
        times = _times(draft)
        if not times:
            self._refuse(line, "no usable time; export the time columns too")
            return
        self._notes.update(draft.notes)
        self._waiting.append(_Waiting(draft, line, times))

    def _gather_proof(self, row: Row) -> None:
        for key, value in row.value.items():
            # ISO times, by far the most, have their dash in the fifth place and prove nothing.
            if isinstance(value, str) and value[4:5] != "-" and key.strip().casefold() in _DATED_COLUMNS:
                time = parse(value)
                if isinstance(time, LocalTime) and time.proves:
                    self._proofs[time.proves] += 1

    def _close(self, signs: Signs) -> None:
        order = self._order()
        for waiting in self._waiting:
            self._date(waiting, order)
        self._waiting.clear()
        self.refusals.sort(key=lambda refusal: refusal.line)
        self._describe(signs)

    def _order(self) -> DateOrder | None:
        """Month or day first, if the file proves it and does not contradict itself; else what the user says."""
        if len(self._proofs) == 1:
            return next(iter(self._proofs))
        return self.date_order

    def _date(self, waiting: _Waiting, order: DateOrder | None) -> None:
        for name, time in waiting.times:
            moment = time if isinstance(time, datetime) else time.resolve(order) if order else None
            if moment is None:
                continue
            draft = waiting.draft
            if isinstance(time, LocalTime):
                self._notes[f"times with {'month' if order == 'mdy' else 'day'} first, {self._basis()}"] += 1
                if name in draft.fields:
                    draft.fields[name] = moment.isoformat().replace("+00:00", "Z")
            if name in _LATE_TIMES:
                self._notes[f"no event time: {name} taken, which is some minutes later"] += 1
            # OfficeActivity's TimeGenerated is the event time and was renamed to CreationTime.
            exact = name in _EVENT_TIMES
            self.dated.append(Dated(draft, self.index, waiting.line, moment, exact))
            self.report.count.read += 1
            return
        self._refuse(waiting.line, self._undated(waiting, order))

    def _basis(self) -> str:
        return "as the file proves" if len(self._proofs) == 1 else "as the date order given says"

    def _undated(self, waiting: _Waiting, order: DateOrder | None) -> str:
        text = next(time.text[:40] for _, time in waiting.times if isinstance(time, LocalTime))
        if order:
            return f"no such date: {text!r}"
        why = "the file has both orders" if self._proofs else "nothing in the file proves which"
        return f"month and day of {text!r} can be read two ways and {why}; give the date order"

    def _describe(self, signs: Signs) -> None:
        report, count = self.report, self.report.count
        if not self._shapes and count.refused == self._strangers > 0:
            self._forget()
            return
        shapes = sorted(shape for shape in self._shapes if shape)
        report.shape = shapes[0] if len(shapes) == 1 else "mixed" if shapes else "empty file"
        if report.shape == "mixed":
            report.notes.append("mixed: " + "; ".join(f"{self._shapes[shape]} {shape}" for shape in shapes))
        if count.read == 0:
            report.partial.append("empty file")
        elif not shapes:
            report.shape = "unreadable"
        report.partial += signs.reasons()
        if count.refused:
            report.partial.append(f"{count.refused} records refused")
        report.notes += [f"{note}: {number} records" for note, number in sorted(self._notes.items())]
        report.notes += signs.notes()
        report.skipped_as = dict(sorted(self._skipped.items()))

    def _forget(self) -> None:
        """Nothing in the file is a log record: it is some other JSON or CSV, and no evidence is missing."""
        self.report.notes.append(f"{self._strangers} objects, none of a known kind")
        self.report.shape = NO_LOG
        self.report.count.read = self.report.count.refused = 0
        self.refusals.clear()


def _times(draft: Draft) -> list[tuple[str, datetime | LocalTime]]:
    offered = [(name, draft.fields.get(name)) for name in (*_EVENT_TIMES, *_TABLE_TIMES)]
    offered += [("", value) for value in draft.wrapper_times]
    offered += [(name, draft.fields.get(name)) for name in _LATE_TIMES]
    parsed = ((name, parse(value)) for name, value in offered)
    return [(name, time) for name, time in parsed if time is not None]
