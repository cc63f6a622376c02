"""One part of the input read to its end: its report, its dated drafts, its refusals."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime

from unissued.logs.dating import Moment
from unissued.logs.judging import Judge, Judged
from unissued.logs.merge import Dated
from unissued.logs.naming import Names
from unissued.logs.opening import StoppedError, UnopenedError, open_text
from unissued.logs.refused import RefusedFile
from unissued.logs.report import FileReport, Refusal
from unissued.logs.rows import Bad, Item
from unissued.logs.shapes import items
from unissued.logs.times import DateOrder, parse
from unissued.logs.unpacking import Part
from unissued.logs.verdict import Draft, Refused, Skipped

NO_LOG = "not a log"
MOST_LISTED = 10_000
"""Refusals of one part that are kept one by one; the others are only counted (and written by ``RefusedFile``)."""
MOST_IN_A_ROW = 200_000
"""So many refusals without anything usable between them, and the rest is not looked at."""
INTERRUPTED = "interrupted: not read to the end"


@dataclass(slots=True)
class PartReader:
    """Reads one part."""

    name: str
    index: int
    """Of its report."""
    names: Names
    date_order: DateOrder | None
    refused: RefusedFile | None
    report: FileReport = field(init=False)
    refusals: list[Refusal] = field(default_factory=list)
    dated: list[Dated] = field(default_factory=list)
    judge: Judge = field(init=False)
    waiting: list[tuple[Judged, Draft]] = field(default_factory=list)
    _shapes: Counter[str] = field(default_factory=Counter)
    _notes: Counter[str] = field(default_factory=Counter)
    _skipped: Counter[str] = field(default_factory=Counter)
    _strangers: int = 0
    _in_a_row: int = 0
    _mark: int = 0

    def __post_init__(self) -> None:
        self.report = FileReport(self.name)
        self.judge = Judge(self.name, self.names, self.date_order)
        self._mark = self.refused.mark() if self.refused else 0

    def read(self, part: Part, tick: Callable[[], None]) -> bool:
        """Fill the report, the refusals and the dated drafts; whether the user wants more."""
        wanted = True
        try:
            content = self._content(part)
            if content is None:
                self._close_unknown(part.source.cut)
                return True
            for number, judged in enumerate(self.judge.judged(content)):
                self.take(judged)
                if self._in_a_row == MOST_IN_A_ROW:
                    self.judge.signs.cut(f"{MOST_IN_A_ROW} unusable records in a row: the rest was not read")
                    break
                if number % 1024 == 0:
                    tick()
        except StoppedError:
            self.judge.signs.cut(INTERRUPTED)
            wanted = False
        except UnopenedError as error:
            # What came before is kept: the file is partial, not lost.
            self._fail(str(error))
            if not self.report.count.read and str(error).startswith("binary"):
                self._forget(str(error))
                return True
        if part.source.cut and self.report.count.read:
            self.judge.signs.cut(part.source.cut)
        elif part.source.cut:
            self._fail(part.source.cut)
        self.close()
        return wanted

    def _content(self, part: Part) -> Iterator[Item] | None:
        if not part.is_parquet:
            return items(open_text(part.content, part.source))
        try:
            from unissued.logs.parquet import parquet_rows
        except ImportError as error:
            raise UnopenedError(
                "a Parquet file, for which DuckDB is needed: pip install 'unissued[parquet]'"
            ) from error
        return parquet_rows(part, self.names.known)

    def _fail(self, reason: str) -> None:
        """Something is wrong with the part as a whole, which no count includes."""
        self.judge.signs.cut(reason)
        self._list(Refusal(self.name, 0, reason), "")

    def take(self, judged: Judged) -> None:
        """Count a row, and date it if it is usable."""
        verdict = judged.verdict
        if isinstance(verdict, Refused) and not verdict.known:
            self._strangers += 1
        else:
            self._shapes[verdict.shape] += 1
        match verdict:
            case Draft():
                self._accept(judged, verdict)
            case Skipped():
                self._in_a_row = 0
                self.report.count.read += 1
                self.report.count.skipped += 1
                self._skipped[verdict.kind.strip()[:60]] += 1
            case Refused():
                self._refuse(judged, verdict.reason)

    def _accept(self, judged: Judged, draft: Draft) -> None:
        if draft.ingested is not None and not isinstance(parse(draft.ingested), datetime):
            self._refuse(judged, f"ingested is no time: {draft.ingested[:40]!r}")
            return
        moment = self.judge.dating.at_once(draft)
        if moment is None:
            self.waiting.append((judged, draft))
        else:
            self._date(judged, draft, moment)

    def _date(self, judged: Judged, draft: Draft, moment: Moment | str) -> None:
        if isinstance(moment, str):
            self._refuse(judged, moment)
            return
        self._notes.update((*draft.notes, *moment.notes))
        self._in_a_row = 0
        self.dated.append(Dated(draft, self.index, judged.line, moment.time, moment.is_exact))
        self.report.count.read += 1

    def _refuse(self, judged: Judged, reason: str) -> None:
        self.report.count.read += 1
        self.report.count.refused += 1
        self._in_a_row += 1
        self._list(Refusal(self.name, judged.line, reason), judged)

    def _list(self, refusal: Refusal, judged: Judged | str) -> None:
        if self.refused is not None:
            self.refused.add(refusal, judged if isinstance(judged, str) else _text(judged))
        if len(self.refusals) < MOST_LISTED:
            self.refusals.append(refusal)

    def usable(self, shape: str, number: int) -> None:
        """Count records that somebody else has found to be usable, without remarks."""
        if number:
            self._shapes[shape] += number
            self.report.count.read += number
            self.judge.signs.usable(shape, number)
            self._in_a_row = 0

    def add(self, later: PartReader, lines_before: int) -> None:
        """Add the account of a later stretch of the same part, whose lines were counted from its own beginning."""
        self.report.count += later.report.count
        moved = (replace(one, line=one.line and one.line + lines_before) for one in later.refusals)
        self.refusals = [*self.refusals, *moved][:MOST_LISTED]
        self._shapes += later._shapes
        self._notes += later._notes
        self._skipped += later._skipped
        self._strangers += later._strangers
        self.judge.signs.add(later.judge.signs)

    def close(self) -> None:
        """Date what had to wait for the end, and complete the report."""
        for judged, draft in self.waiting:
            self._date(judged, draft, self.judge.dating.in_the_end(draft))
        if self.waiting:
            self.dated.sort(key=lambda dated: dated.line)
            self.waiting.clear()
        self.refusals.sort(key=lambda refusal: refusal.line)
        self._describe()

    def _close_unknown(self, cut: str) -> None:
        """Nothing shows what the part is; where it was not read to its end, that is no reason to call it no log."""
        self.report.shape = "unread" if cut else NO_LOG
        if cut:
            self._fail(cut)
            self.report.partial.append(cut)

    def _describe(self) -> None:
        report, count, signs = self.report, self.report.count, self.judge.signs
        if not self._shapes and count.refused == self._strangers > 0:
            self._forget(f"{self._strangers} objects, none of a known kind")
            return
        shapes = sorted(shape for shape in self._shapes if shape)
        report.shape = shapes[0] if len(shapes) == 1 else "mixed" if shapes else "empty file"
        report.notes += self.judge.notes
        if report.shape == "mixed":
            report.notes.append("mixed: " + "; ".join(f"{self._shapes[shape]} {shape}" for shape in shapes))
        if count.read and not shapes:
            report.shape = "unreadable"
        report.partial += signs.reasons()
        if count.read == 0 and not report.partial:
            report.partial.append("empty file")
        if count.refused:
            report.partial.append(f"{count.refused} records refused")
        if count.refused > MOST_LISTED:
            report.notes.append(f"only the first {MOST_LISTED} refused records are listed; --refused writes all")
        report.notes += [f"{note}: {number} records" for note, number in sorted(self._notes.items())]
        report.skipped_as = dict(sorted(self._skipped.items()))

    def _forget(self, why: str) -> None:
        """Nothing in the file is a log record: it is some other JSON or CSV, and no evidence is missing."""
        self.report.notes.append(why)
        self.report.shape = NO_LOG
        self.report.count.read = self.report.count.refused = 0
        self.refusals.clear()
        if self.refused is not None:
            self.refused.forget(self._mark)


def _text(judged: Judged) -> str:
    """What was refused: its own text, or what was read of it."""
    return judged.item.raw if isinstance(judged.item, Bad) else json.dumps(judged.item.value, default=str)
