"""Runs searches on events: Splunk's documented meaning, modelled, not run on Splunk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unissued.engines.spl import commands
from unissued.engines.spl.expressions import Compiler
from unissued.engines.spl.function import wrong
from unissued.engines.spl.terms import compile_terms, is_internal, names_index
from unissued.engines.spl.tree import (
    Append,
    Command,
    Dedup,
    Eval,
    EventStats,
    Fields,
    InputLookup,
    KeepAll,
    Lookup,
    MakeResults,
    MultiSearch,
    MvExpand,
    Rename,
    Search,
    SearchCommand,
    Sort,
    Stats,
    StreamStats,
    Table,
    Where,
    XySeries,
)
from unissued.engines.spl.values import Reading, Row, number, numeric, pack, single, text_of
from unissued.engines.spl.windows import Stream, set_field

SUBSEARCH_LIMIT = 50_000
"""Rows that append takes from its subsearch (Search Reference: append, maxout)."""
MAX_MATCHES = 100
"""Rows of a table that a lookup takes for one value (transforms.conf, max_matches)."""


@dataclass(frozen=True, slots=True)
class SplunkEvent:
    """An event, as it lies in an index."""

    raw: str
    """``_raw``."""
    time: float
    """``_time``, in seconds since 1970."""
    indextime: float
    """``_indextime``, when it arrived."""
    fields: Mapping[str, str | tuple[str, ...]]
    """index, sourcetype, host, source, and what is extracted by itself."""

    def row(self) -> Row:
        """Return a row of its own for a search to change."""
        row: Row = {name: value for name, value in self.fields.items() if value != ()}
        row["_raw"] = self.raw
        row["_time"] = number(self.time) or 0
        row["_indextime"] = number(self.indextime) or 0
        return row


class Splunk:
    """Events, lookup tables and a clock.

    Args:
        events: in any order; a search gets them newest first.
        lookups: name -> rows, each column -> text.
        now: when searches are started.
        reading: which reading is taken where the documentation leaves two open.
    """

    def __init__(
        self,
        events: Sequence[SplunkEvent],
        lookups: Mapping[str, Sequence[Mapping[str, str]]],
        *,
        now: float,
        reading: Reading = Reading.TEXT,
    ) -> None:
        # Which of two events of one time comes first is open.
        ordered = sorted(events if reading is Reading.TEXT else reversed(events), key=lambda event: -event.time)
        self._events = ordered
        self._lookups = lookups
        self._compiler = Compiler(reading, now)
        self.cuts: list[str] = []
        """Where a limit of Splunk took rows or values away in the last run."""

    @property
    def reading(self) -> Reading:
        """Which reading of the documentation is taken."""
        return self._compiler.reading

    def run(self, search: Search) -> list[Row]:
        """Run a search and return its rows; a field that is null is not in a row.

        Raises:
            SplError: it asks for a lookup table that is not there.
            UnsupportedError: the data bring it to something that the documentation says nothing about.
        """
        self.cuts = []
        return self._pipeline(search)

    def _cut(self, what: str) -> None:
        if what not in self.cuts:
            self.cuts.append(what)

    def _pipeline(self, search: Search) -> list[Row]:
        rows: list[Row] = []
        for command in search.pipeline:
            rows = self._step(command, rows)
        return rows

    def _step(self, command: Command, rows: list[Row]) -> list[Row]:
        compiler, reading = self._compiler, self.reading
        match command:
            case SearchCommand():
                return self._search(command, rows)
            case Where():
                return commands.run_where(command, rows, compiler)
            case Eval():
                return commands.run_eval(command, rows, compiler)
            case Fields():
                return commands.run_fields(command, rows)
            case Table():
                return commands.run_table(command, rows)
            case Rename():
                return commands.run_rename(command, rows)
            case MvExpand():
                return commands.run_mvexpand(command, rows)
            case Dedup():
                return commands.run_dedup(command, rows, reading)
            case Sort():
                return commands.run_sort(command, rows, reading, self._cut)
            case Stats():
                return commands.run_stats(command, rows, compiler, self._cut)
            case EventStats():
                return commands.run_eventstats(command, rows, compiler, self._cut)
            case StreamStats():
                return Stream(command, compiler, self._cut).run(rows)
            case Lookup():
                return self._lookup(command, rows)
            case InputLookup():
                return [self._cells(row) for row in self._table(command.table, command)]
            case MakeResults():
                return [{"_time": number(compiler.now) or 0} for _ in range(command.count)]
            case KeepAll():
                return rows
            case XySeries():
                return commands.run_xyseries(command, rows, reading)
            case Append():
                return self._append(command, rows)
            case MultiSearch():
                return self._multisearch(command)
        raise AssertionError(f"no command: {command}")

    def _search(self, command: SearchCommand, rows: list[Row]) -> list[Row]:
        check = compile_terms(command.condition, self.reading, self._compiler.now, retrieves=command.first)
        if not command.first:
            return [row for row in rows if check(row)]
        anywhere = names_index(command.condition)
        found = (event.row() for event in self._events if anywhere or not is_internal(event.fields))
        return [row for row in found if check(row)]

    def _multisearch(self, command: MultiSearch) -> list[Row]:
        """Run streaming searches; their events come interleaved, newest first.

        By which time is open where a search changes ``_time``: the one in the index, or the new one.
        """
        out: list[tuple[float, Row]] = []
        # The order of ties is open, too.
        for search in command.searches if self.reading is Reading.TEXT else reversed(command.searches):
            first, *others = search.pipeline
            rows = self._step(first, [])
            for row in rows:
                row[commands.ORIGIN] = row["_time"]
            for step in others:
                rows = self._step(step, rows)
            for row in rows:
                origin = numeric(row.pop(commands.ORIGIN)) or 0
                out.append((origin if self.reading is Reading.TEXT else numeric(row.get("_time")) or 0, row))
        out.sort(key=lambda pair: -pair[0])
        return [row for _, row in out]

    def _append(self, command: Append, rows: list[Row]) -> list[Row]:
        """Add the rows of a subsearch, which knows nothing of the rows before."""
        more = self._pipeline(command.search)
        if len(more) > SUBSEARCH_LIMIT:
            self._cut(f"{command.place}: append took {SUBSEARCH_LIMIT} of {len(more)} rows of its subsearch")
            more = more[:SUBSEARCH_LIMIT]
        return [*rows, *more]

    def _table(self, name: str, command: Command) -> Sequence[Mapping[str, str]]:
        if name not in self._lookups:
            raise wrong(command.place, f"there is no lookup table {name}", f"there are: {', '.join(self._lookups)}")
        return self._lookups[name]

    def _cells(self, row: Mapping[str, str]) -> Row:
        """Return a row of a table; whether an empty cell is an empty text or null is open."""
        return {name: cell for name, cell in row.items() if cell or self.reading is Reading.TEXT}

    def _lookup(self, command: Lookup, rows: list[Row]) -> list[Row]:
        """Add columns of the rows of a table that match, letter case included; several matches give several values."""
        columns = [column for column, _ in command.matches]
        index: dict[tuple[str, ...], list[Mapping[str, str]]] = {}
        for entry in self._table(command.table, command):
            index.setdefault(tuple(entry.get(column, "") for column in columns), []).append(entry)
        for row in rows:
            # OUTPUTNEW does not look up where the output fields already exist.
            if command.overwrite or not all(name in row for _, name in command.outputs):
                self._match(command, row, index)
        return rows

    def _match(self, command: Lookup, row: Row, index: Mapping[tuple[str, ...], list[Mapping[str, str]]]) -> None:
        key = []
        for _, name in command.matches:
            value = row.get(name)
            key.append(None if value is None else text_of(single(value, "lookup", command.place), self.reading))
        found = index.get(tuple(text for text in key if text is not None), []) if None not in key else []
        if len(found) > MAX_MATCHES:
            self._cut(f"{command.place}: lookup took {MAX_MATCHES} of {len(found)} matches")
            found = found[:MAX_MATCHES]
        for column, name in command.outputs:
            cells = [cell for entry in found if (cell := self._cells(entry).get(column)) is not None]
            if found:
                set_field(row, name, pack(str(cell) for cell in cells))
            elif command.overwrite and self.reading is Reading.TEXT:
                row.pop(name, None)  # whether OUTPUT clears a field without a match is open
