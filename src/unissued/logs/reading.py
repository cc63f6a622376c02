"""Reading files and folders of exported logs into records."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from unissued.errors import LogError, Problem
from unissued.logs.merge import Dated, merge
from unissued.logs.naming import Names
from unissued.logs.opening import Stop, StoppedError
from unissued.logs.part import INTERRUPTED, NO_LOG, PartReader
from unissued.logs.places import Place, places, shown
from unissued.logs.refused import RefusedFile
from unissued.logs.report import FileReport, Reading, Refusal, SourceMap
from unissued.logs.times import DateOrder, parse
from unissued.logs.unpacking import Part, Unopened, Wrapping, unpack
from unissued.record import Origin, Record

Progress = Callable[[int, int], None]

_EXPECTED = "give an export of docs/exports.md, for example JSON Lines or CSV"


def read(
    paths: Sequence[Path],
    sources: SourceMap,
    *,
    date_order: DateOrder | None = None,
    progress: Progress | None = None,
    refused: RefusedFile | None = None,
    stop: Stop | None = None,
) -> Reading:
    """Read log files, and folders with everything below them, into records.

    Args:
        paths: files and folders. Archives and compressed files are opened, also inside one another.
        sources: where each table keeps each field.
        date_order: the order of day and month for times such as ``3/4/2021`` in files that do not prove it themselves.
        progress: called with the bytes done and in all.
        refused: takes every refused record with its text.
        stop: asked now and then; from when it says so, nothing more is read, and what was read is given back.

    Damage, duplicates and foreign records are counted and explained in the result. ``LogError`` is raised for a path
    that does not exist, and where no log is in any file.
    """
    names = Names(sources)
    found = places(paths)
    desk = Desk(names, date_order, refused, stop, Steps(progress, sum(place.size for place in found)))
    for place in found:
        desk.read(place)
    desk.blame(found)
    _settle(desk.reading, desk.dated, names, sources)
    return desk.reading


def _settle(reading: Reading, dated: list[Dated], names: Names, sources: SourceMap) -> None:
    """Remove duplicates, make the records, and close the books of every file."""
    merged = merge(dated, names)
    for item, stays in zip(dated, merged.kept, strict=True):
        report = reading.files[item.file]
        if stays:
            report.count.used += 1
            reading.records.append(record_of(item, report.file, sources))
        else:
            report.count.duplicates += 1
    for index, notes in merged.notes.items():
        reading.files[index].notes += notes
    reading.records.sort(key=lambda record: (record.time, record.ingested, record.origin.file, record.origin.line))


def record_of(item: Dated, file: str, sources: SourceMap) -> Record:
    """Make the record of a dated draft; one that does not say when it was ingested came after the usual delay."""
    draft = item.draft
    ingested = parse(draft.ingested) if draft.ingested is not None else None
    if not isinstance(ingested, datetime):
        ingested = item.time + sources.sources[draft.source].usual_delay
    return Record(draft.source, draft.fields, item.time, ingested, draft.id, draft.table, Origin(file, item.line))


class Steps:
    """How far reading has come, in bytes of the files on disk; a bar does not go back."""

    def __init__(self, call: Progress | None, total: int) -> None:
        self._call = call
        self._total = total
        self._before = 0
        self._shown = 0

    def within(self, raw: BinaryIO) -> None:
        """Tell where in the file we are; archives begin with their end."""
        if self._call is not None and raw.seekable():
            self.stand(self._before + raw.tell())

    def advance(self, size: int) -> None:
        """Take note of what was read, in this file or with its end."""
        self._before += size
        self.stand(self._before)

    def stand(self, done: int) -> None:
        """Show how much of everything was read."""
        self._shown = max(self._shown, min(done, self._total))
        if self._call is not None:
            self._call(self._shown, self._total)


@dataclass(slots=True)
class Desk:
    """Where the files are read, one after the other."""

    names: Names
    date_order: DateOrder | None
    refused: RefusedFile | None
    stop: Stop | None
    steps: Steps
    reading: Reading = field(default_factory=Reading)
    dated: list[Dated] = field(default_factory=list)
    logs: set[Path] = field(default_factory=set)
    """The paths that the user gave and that hold something to read, or something that should have been."""

    def read(self, place: Place) -> None:
        """Read one file and everything in it."""
        if place.problem:
            self._blank(place, place.name, place.shape, place.problem)
        elif self.reading.interrupted:
            self._blank(place, place.name, "unread", INTERRUPTED)
        else:
            try:
                with place.path.open("rb") as raw:
                    self._file(place, raw)
            except OSError as error:
                self._unread(place, place.name, f"cannot be opened: {error.strerror}")
        self.steps.advance(place.size)

    def _file(self, place: Place, raw: BinaryIO) -> None:
        first = len(self.reading.files)
        try:
            for found in unpack(place.name, raw, place.path, place.size, self.stop):
                match found:
                    case Part():
                        self._part(place, found, raw)
                    case Wrapping():
                        self._wrapping(place, found, self.reading.files[first:])
                    case Unopened():
                        self._unread(place, found.name, found.reason)
                if self.reading.interrupted:
                    break
        except StoppedError:
            self.reading.interrupted = True
        if self.reading.interrupted and len(self.reading.files) == first:
            self._blank(place, place.name, "unread", INTERRUPTED)

    def _part(self, place: Place, part: Part, raw: BinaryIO) -> None:
        reader = PartReader(part.name, len(self.reading.files), self.names, self.date_order, self.refused)

        def tick() -> None:
            self.steps.within(raw)
            if self.stop is not None and self.stop():
                raise StoppedError

        wanted = reader.read(part, tick)
        self.reading.interrupted |= not wanted
        self.reading.files.append(reader.report)
        self.reading.refusals += reader.refusals
        self.dated += reader.dated
        if reader.report.shape != NO_LOG:
            self.logs.add(place.given)

    def _wrapping(self, place: Place, found: Wrapping, inside: list[FileReport]) -> None:
        report = FileReport(found.name, found.kind, notes=found.notes, partial=found.partial)
        report.notes.insert(0, f"{found.members} members")
        if all(one.shape == NO_LOG for one in inside):
            report.partial.append("no log in it")
        self.logs.add(place.given)
        self.reading.files.append(report)

    def _unread(self, place: Place, name: str, reason: str) -> None:
        """A file, or a member of an archive, that may hold records and cannot be read."""
        refusal = Refusal(name, 0, reason)
        self.reading.refusals.append(refusal)
        if self.refused is not None:
            self.refused.add(refusal, "")
        self._blank(place, name, "unread", reason)

    def _blank(self, place: Place, name: str, shape: str, reason: str) -> None:
        self.reading.files.append(FileReport(name, shape, partial=[reason]))
        self.logs.add(place.given)

    def blame(self, found: Sequence[Place]) -> None:
        """Complain about what the user named and what holds no log."""
        by_name = {report.file: report for report in self.reading.files}
        useless = {place.given: place for place in found if place.given not in self.logs}
        named = [place for place in useless.values() if place.is_named]
        if named and not self.logs:
            raise LogError(*(Problem(place.name, _no_log(by_name[place.name]), _EXPECTED) for place in named))
        for place in useless.values():
            if place.is_named:
                by_name[place.name].partial.append("is not a log of a known shape")
            else:
                self.reading.files.append(FileReport(shown(place.given), "folder", partial=["no log in it"]))


def _no_log(report: FileReport) -> str:
    why = f" ({report.notes[0]})" if report.notes else ""
    return f"is not a log of a known shape{why}"
