"""The two query languages as readers of a rule: records in the target's own shape go in, rows come out."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from unissued.convert import ROWS, Query
from unissued.engines.kusto import INGESTED, Kusto
from unissued.engines.spl import Reading, Search, Splunk, SplunkEvent, parse
from unissued.evaluate import Given, comparable_lists
from unissued.pack import Catalogue, Source
from unissued.record import Origin, Record, utc_text
from unissued.tables import SplunkRow, Writer, schemas
from unissued.verify.answer import TIME

_TIMES = {"TimeGenerated": TIME, "Timestamp": TIME, "_time": TIME}
_NOTE = ("Unissued", "unissued")
_WEEK = timedelta(days=7)
_LOOK_BACK, _WEEK_BEFORE = (0, 15 * 24), (6 * 24, 15 * 24)
"""Hours before the end that the gate on feeds looks at, and that it compares them with."""
_EVERY_HOUR = 5 * 24


@dataclass(frozen=True)
class Result:
    """What a query returned."""

    columns: tuple[str, ...]
    """Without the ones that only the product needs."""
    rows: tuple[Mapping[str, object], ...]
    notes: tuple[str, ...]
    """What the query says about itself: not evaluated, and why."""


class Reader(ABC):
    """A query language on one target's tables."""

    def __init__(self, catalogue: Catalogue, target: str) -> None:
        self.catalogue = catalogue
        self.target = target
        self.writer = Writer(catalogue)
        self._loaded: tuple[object, object, object] | None = None

    def load(self, records: Sequence[Record], given: Given, fill_until: datetime | None = None) -> None:
        """Replace all tables and lists. Every other record is there twice, as feeds deliver them, unless rows count.

        Args:
            records: the stream.
            given: lists, and the state of the feeds.
            fill_until: fill the feeds that must be complete with empty rows up to then, as far as the case says that
                they are complete.
        """
        if self._loaded and all(
            old is new for old, new in zip(self._loaded, (records, given, fill_until), strict=True)
        ):
            return
        self._loaded = (records, given, fill_until)
        counted = {source.key for source in self.catalogue.sources.values() if source.required_tables and fill_until}
        again = [record for record in records[1::2] if record.source not in counted]
        more = filler(self.catalogue, given, fill_until, records) if fill_until else ()
        self._load([*records, *again, *more])
        self.load_lists({name: self._with_rows(name, given) for name in given.lists})

    def _with_rows(self, name: str, given: Given) -> list[str]:
        """Return a list's entries, and what an export adds to a learned list: the number of its entries."""
        entries = sorted(given.lists[name])
        if not self.catalogue.lists[name].learned:
            return entries
        return [*entries, f"{ROWS}{len(comparable_lists(self.catalogue, given.lists)[name])}"]

    def run(self, query: Query, now: datetime) -> Result:
        """Execute a query at a time.

        Raises:
            UnsupportedError: the engine does not execute it.
        """
        columns, rows = self._run(query.query, now)
        notes = tuple(str(row[name]) for row in rows for name in _NOTE if row.get(name))
        found = [row for row in rows if not any(row.get(name) for name in _NOTE)]
        shown = [name for name in columns if name not in (*_NOTE, "ReportId", "Records", "records")]
        return Result(
            tuple(_TIMES.get(name, name) for name in shown),
            tuple({_TIMES.get(name, name): row.get(name) for name in shown} for row in found),
            notes,
        )

    @abstractmethod
    def _load(self, records: Sequence[Record]) -> None: ...

    @abstractmethod
    def load_lists(self, lists: Mapping[str, Sequence[str]]) -> None:
        """Replace the target's lists: name -> entries, and the row that tells their number."""

    @abstractmethod
    def _run(self, query: str, now: datetime) -> tuple[Sequence[str], Sequence[Mapping[str, object]]]: ...


class KqlReader(Reader):
    """KQL, executed by duckdb-kql."""

    def __init__(self, catalogue: Catalogue, target: str) -> None:
        super().__init__(catalogue, target)
        self._engine = Kusto(schemas(catalogue, target))

    def _load(self, records: Sequence[Record]) -> None:
        tables: dict[str, list[Mapping[str, object]]] = {}
        for record in records:
            for row in self.writer.kusto(record, self.target):
                tables.setdefault(row.table, []).append({**row.values, INGESTED: row.ingested})
        self._engine.load(tables)

    def load_lists(self, lists: Mapping[str, Sequence[str]]) -> None:
        """Replace the watchlists."""
        self._engine.watchlists(
            {f"unissued_{name}": [{"SearchKey": entry} for entry in entries] for name, entries in lists.items()}
        )

    def _run(self, query: str, now: datetime) -> tuple[Sequence[str], Sequence[Mapping[str, object]]]:
        return self._engine.run(query, now)


class SplReader(Reader):
    """SPL, executed by a model of Splunk's documentation."""

    def __init__(self, catalogue: Catalogue, reading: Reading = Reading.TEXT) -> None:
        super().__init__(catalogue, "splunk")
        self._reading = reading
        self._events: list[SplunkEvent] = []
        self._lookups: dict[str, list[dict[str, str]]] = {}

    def _load(self, records: Sequence[Record]) -> None:
        self._events = [splunk_event(self.writer.splunk(record)) for record in records]

    def load_lists(self, lists: Mapping[str, Sequence[str]]) -> None:
        """Replace the lookups; their keys are in small letters."""
        empty: dict[str, list[dict[str, str]]] = {f"unissued_{name}": [] for name in self.catalogue.lists}
        filled = {
            f"unissued_{name}": [{"key": entry.strip().lower()} for entry in entries] for name, entries in lists.items()
        }
        self._lookups = {**empty, **filled}

    def _run(self, query: str, now: datetime) -> tuple[Sequence[str], Sequence[Mapping[str, object]]]:
        search = _parsed(query)
        visible = [event for event in self._events if event.indextime <= now.timestamp()]
        rows = Splunk(visible, self._lookups, now=now.timestamp(), reading=self._reading).run(search)
        return _table_of(query), [{name: _plain(name, value) for name, value in row.items()} for row in rows]


@lru_cache(maxsize=64)
def _parsed(query: str) -> Search:
    return parse(query)


def _table_of(query: str) -> list[str]:
    """Return the columns that the last command of a search asks for."""
    return [name.strip() for name in query.rsplit("| table ", 1)[1].split(",")]


def _plain(name: str, value: object) -> object:
    if name == "_time":
        return datetime.fromtimestamp(float(str(value)), UTC)
    return value


def splunk_event(row: SplunkRow) -> SplunkEvent:
    """Return a row as an event in an index, its top-level keys extracted."""
    fields = {
        key: value if isinstance(value, str) else json.dumps(value)
        for key, value in row.body.items()
        if isinstance(value, str | int | float | bool)
    }
    fields |= {"index": "main", "sourcetype": row.sourcetype, "host": "forwarder", "source": row.sourcetype}
    raw = json.dumps(row.body, ensure_ascii=False)
    # Splunk keeps the time of indexing in whole seconds.
    return SplunkEvent(raw, row.time.timestamp(), row.ingested.timestamp() // 1, fields)


def filler(catalogue: Catalogue, given: Given, now: datetime, records: Sequence[Record]) -> Iterator[Record]:
    """Yield rows without any content that make feeds as complete as a case says that they are.

    Measured feeds get what lacks of the rows of the week before. Feeds that count as complete get a row in every hour
    or block of hours, and more where the stream has rows a week before, so that none falls short of those.
    """
    there = Counter((record.table, _hour(record.time)) for record in records)
    for source in catalogue.sources.values():
        for table in source.counted_tables:
            for hours in range(*(_WEEK_BEFORE if given.measured else _LOOK_BACK)):
                hour = _hour(now) - timedelta(hours=hours)
                if given.measured:
                    rows = given.rows_last_week.get(table, 0) - there[table, hour]
                else:
                    rows = hours < _EVERY_HOUR or hour.hour % 6 == 0
                    rows += sum(there[table, hour - _WEEK + timedelta(hours=shift)] for shift in range(-6, 7))
                yield from [_empty(source, table, hour + timedelta(minutes=7))] * rows


def _hour(time: datetime) -> datetime:
    return time.replace(minute=0, second=0, microsecond=0)


def _empty(source: Source, table: str, time: datetime) -> Record:
    fields = {"CreatedDateTime": utc_text(time), "TimeGenerated": utc_text(time)}
    return Record(source.key, fields, time, time, "", table, Origin("filler", 0))
