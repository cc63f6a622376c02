"""The fast engine: rows of everything, the reference on what matters.

1. Every record becomes a row on disk: which detections fire on it, its time, and hashes of what correlations group by.
2. Duplicates are removed by their ids; only those that are not equal byte by byte are read again.
3. A sieve for each correlation says which records can be part of a match or an open question.
4. These records, and those on which a detection with a level fires, are read again from their place in the file, and
   the reference judges them. What it has to know of all the others is counted from the rows.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from unissued.evaluate import Beyond, Given, Outcome, comparable_lists, evaluate
from unissued.health import MAIL, HealthFinding, Observed, health_of, throttled_mailboxes
from unissued.hunt.fast.facts import Facts
from unissued.hunt.fast.judging import ISSUERS, Judge, NotFastError, moment_of
from unissued.hunt.fast.parallel import scanning
from unissued.hunt.fast.rows import EXTRA, HELD, Kind, Rows, Store, hash_of
from unissued.hunt.fast.scan import Scanner
from unissued.hunt.fast.settle import Settled, settle
from unissued.hunt.fast.sieve import Sieve
from unissued.logs import DateOrder, Reading, SourceMap
from unissued.logs.merge import Dated, identity
from unissued.logs.naming import Names
from unissued.logs.opening import Stop
from unissued.logs.part import NO_LOG
from unissued.logs.piecewise import LineBooks, WholeError, is_plain_json_lines
from unissued.logs.places import Place, places
from unissued.logs.reading import Desk, Progress, Steps, record_of
from unissued.pack.load import Pack
from unissued.pack.rule import JUDGED_AFTER
from unissued.record import Record

_MOST_FILES = 1 << 16
_NONE = np.zeros(0, np.int64)


@dataclass
class Fast:
    """What the fast engine found out: all that a hunt reports."""

    reading: Reading
    outcomes: dict[str, Outcome]
    health: tuple[HealthFinding, ...]


@dataclass
class Engine:
    """One run over some paths.

    Args:
        pack: the rules.
        sources: where each table keeps each field.
        given: lists; the time of judgement must be left to the stream.
        names: the rules to judge.
        jobs: processes that read.
        date_order: see ``logs.read``.
        stop: asked now and then; from when it says so, nothing more is read.
    """

    pack: Pack
    sources: SourceMap
    given: Given
    names: Sequence[str]
    jobs: int = 1
    date_order: DateOrder | None = None
    stop: Stop | None = None
    reading: Reading = field(default_factory=Reading)
    _books: dict[int, LineBooks] = field(default_factory=dict)
    _held: list[Dated] = field(default_factory=list)

    def __post_init__(self) -> None:
        needed = {below.name for name in self.names for below in self.pack.below(self.pack.rule(name))}
        rules = [self.pack.rules[name] for name in self.pack.rules if name in needed]
        self._correlations = [rule for rule in rules if rule.is_correlation]
        detections = [rule for rule in rules if not rule.is_correlation]
        detections += [self.pack.rule(name) for name in ISSUERS if name not in needed]
        self._lists = comparable_lists(self.pack.catalogue, self.given.lists)
        self._judge = Judge(self.pack, self._lists, detections, self._correlations)
        self._names = Names(self.sources)
        self._blind = {rule.name for rule in detections if self._lacks_a_list(rule.name)}

    def _lacks_a_list(self, name: str) -> bool:
        rule = self.pack.rule(name)
        specs = self.pack.lists_of(rule)
        return any(specs[one].if_empty == "refuse" and not self._lists[one] for one in rule.lists)

    def run(self, paths: Sequence[Path], progress: Progress | None) -> Fast:
        """Read and judge.

        Raises:
            NotFastError: this needs the reference reader.
            LogError: a path does not exist, or a file that was named is no log.
        """
        store = Store()
        try:
            self._read(paths, store, progress)
            settled = settle(store, self._names, self._raw, self._again)
            self._close_books(settled)
            return self._judged(settled, store)
        except WholeError as error:
            raise NotFastError(str(error)) from error
        finally:
            store.close()

    # Reading ----------------------------------------------------------------------------------------------------------

    def _read(self, paths: Sequence[Path], store: Store, progress: Progress | None) -> None:
        found = places(paths)
        if any(not place.problem and not place.path.is_file() for place in found):
            raise NotFastError("a pipe, which can be read only once")
        steps = Steps(progress, sum(place.size for place in found))
        desk = Desk(self._names, self.date_order, None, self.stop, steps, self.reading)
        lines = [place for place in found if is_plain_json_lines(place)]
        by_line = set(map(id, lines))
        # Hashes of what this process reads itself would not fit the others'.
        jobs = self.jobs if len(lines) == len(found) else 1
        with scanning(Scanner(self._judge, self._names, self.sources), lines, jobs, steps, self.stop) as scanned:
            for place in found:
                index = len(self.reading.files)
                if index >= _MOST_FILES:
                    raise NotFastError(f"more than {_MOST_FILES} files")
                if id(place) in by_line and not self.reading.interrupted:
                    self._keep(scanned(place, index, store), place, desk)
                else:
                    desk.read(place)
                    self._hold(desk.dated, store)
                    desk.dated.clear()
        desk.blame(found)

    def _keep(self, books: LineBooks, place: Place, desk: Desk) -> None:
        """Keep the account of a file whose lines can be read again."""
        books.close()
        self._books[books.index] = books
        self.reading.files.append(books.reader.report)
        self.reading.refusals += books.reader.refusals
        self.reading.interrupted |= books.is_interrupted
        if books.reader.report.shape != NO_LOG:
            desk.logs.add(place.given)

    def _hold(self, held: Sequence[Dated], store: Store) -> None:
        """Keep the records of a file that cannot be read again line by line."""
        for dated in held:
            record = record_of(dated, self.reading.files[dated.file].file, self.sources)
            rows = self._judge.rows(record, hash_of(identity(dated)), len(self._held), HELD, dated.file, 0)
            self._held.append(dated)
            for row in rows:
                store.append(row)

    def _raw(self, row: Rows) -> bytes:
        if row["size"] == HELD:
            return b"held %d" % row["place"]
        with self._books[int(row["file"])].place.path.open("rb") as source:
            source.seek(int(row["place"]))
            return source.read(int(row["size"])).removesuffix(b"\n")

    def _again(self, row: Rows) -> Dated:
        if row["size"] == HELD:
            return self._held[int(row["place"])]
        item = int(row["item"]) & ~EXTRA
        return self._books[int(row["file"])].again(self._raw(row) + b"\n", int(row["line"]), item)

    def _close_books(self, settled: Settled) -> None:
        for (file, stays), count in settled.counts().items():
            if stays:
                self.reading.files[file].count.used += count
            else:
                self.reading.files[file].count.duplicates += count
        for merged in settled.notes:
            for index, notes in merged.notes.items():
                self.reading.files[index].notes += notes

    # Judging ----------------------------------------------------------------------------------------------------------

    def _judged(self, settled: Settled, store: Store) -> Fast:
        kinds = list(self._judge.kinds.known)
        facts = Facts(self._judge, kinds, sorted(self._blind), self.given.rows_last_week)
        firing = {rule.name: np.array([rule.name in kind.hits for kind in kinds], bool) for rule in self._judge.rules}
        order = list(self.pack.catalogue.sources)
        source_of = np.array([order.index(kind.source) for kind in kinds], np.int64)
        loud = np.array([self._is_loud(kind) for kind in kinds], bool)
        wanted: list[Rows] = []
        for numbers, rows in settled.chunks():
            facts.count(rows)
            wanted.append(numbers[loud[rows["kind"]] & ((rows["item"] & EXTRA) == 0)])
        sieves = [
            Sieve(rule, self._judge, firing) for rule in self._correlations if self._can_fire(rule.references, facts)
        ]
        for _, rows in settled.chunks() if sieves else ():
            for sieve in sieves:
                sieve.note(rows, source_of)
        for numbers, rows in settled.chunks() if sieves else ():
            for sieve in sieves:
                sieve.take(numbers, rows, source_of)
        looked_at = {sieve.rule.name: np.concatenate([_NONE, *sieve.rows()]) for sieve in sieves}
        records = self._records(store, np.unique(np.concatenate([_NONE, *wanted, *looked_at.values()])))
        concerned = {
            rule.name: frozenset(id(records[number]) for number in looked_at.get(rule.name, _NONE).tolist())
            for rule in self._correlations
        }
        # Several rows can be of one record.
        self.reading.records = list({id(record): record for record in records.values()}.values())
        self.reading.records.sort(
            key=lambda record: (record.time, record.ingested, record.origin.file, record.origin.line)
        )
        return self._concluded(facts, concerned)

    def _is_loud(self, kind: Kind) -> bool:
        """Whether each record of a kind matters by itself."""
        asked = set(self.names) - self._blind
        return kind.is_throttled or bool(kind.hits & asked)

    def _can_fire(self, references: Collection[str], facts: Facts) -> bool:
        """Whether nothing below a correlation is left open, which would leave it open as a whole."""
        return all(
            name not in self._blind and any(source.key in facts.sources for source in self.pack.rule(name).sources)
            for name in references
        )

    def _records(self, store: Store, numbers: Rows) -> dict[int, Record]:
        """Read the records of some rows again, each once."""
        found: dict[int, Record] = {}
        known: dict[tuple[bool, int, int, int], Record] = {}
        for number in numbers.tolist():
            row = store.row(number)
            place = (row["size"] == HELD, int(row["file"]), int(row["place"]), int(row["item"]) & ~EXTRA)
            if place not in known:
                dated = self._again(row)
                known[place] = record_of(dated, self.reading.files[dated.file].file, self.sources)
            found[number] = known[place]
        return found

    def _concluded(self, facts: Facts, concerned: Mapping[str, frozenset[int]]) -> Fast:
        records = self.reading.records
        latest = datetime.now(UTC) if facts.latest is None else moment_of(facts.latest)
        spans = {name: facts.spans.get(name, (0, None, None)) for name in self._blind}
        beyond = Beyond(latest + JUDGED_AFTER, facts.feeds(), spans, concerned)
        outcomes = evaluate(self.pack, records, self.given, self.names, beyond)
        if facts.latest is None:
            return Fast(self.reading, outcomes, ())
        read = {source.key for name in outcomes for source in self.pack.rule(name).sources}
        reads_mail = MAIL in read
        seen = Observed(
            end=latest,
            first_mail=None if facts.first_mail is None else moment_of(facts.first_mail),
            feeds=facts.arrivals(),
            reads=facts.reads if reads_mail else {},
            throttled=throttled_mailboxes(self.pack, records) if reads_mail else {},
            kinds=facts.client_kinds if reads_mail else {},
            keys=facts.keys() if reads_mail else (),
        )
        return Fast(self.reading, outcomes, health_of(self.pack, seen, self.given, outcomes))
