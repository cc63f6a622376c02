"""The engines that execute the statements: DuckDB in this process, and Spark wherever its master is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from unissued.errors import UnsupportedError
from unissued.record import Record
from unissued.sql import DIALECTS, LISTS, RECORDS, DuckDB

if TYPE_CHECKING:
    from datetime import datetime

COLUMNS = ("rid", "source", "time", "ingested", "feed", "record")


class Engine(Protocol):
    """What executes statements."""

    dialect: DuckDB

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""

    def keep(self, name: str, query: str) -> None:
        """Run a query once and keep its rows under a name."""

    def load(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[object]]) -> None:
        """Make a table of rows.

        Args:
            name: of the table.
            columns: name -> ``BIGINT`` or ``VARCHAR``.
            rows: their values.
        """


class DuckDBEngine:
    """DuckDB in this process."""

    dialect = DIALECTS["duckdb"]

    def __init__(self) -> None:
        try:
            import duckdb
        except ImportError as error:
            raise UnsupportedError.at("--engine duckdb", "DuckDB is missing", "pip install 'unissued[sql]'") from error
        self._connection = duckdb.connect(":memory:")

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self._connection.execute(query).fetchall()

    def keep(self, name: str, query: str) -> None:
        """Run a query once and keep its rows under a name."""
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS {query}")

    def load(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[object]]) -> None:
        """Make a table of rows."""
        typed = ", ".join(f"unnest(CAST(${number} AS {kind}[])) AS {column}" for number, (column, kind) in enumerate(columns.items(), 1))
        values = [[row[number] for row in rows] for number in range(len(columns))]
        self._connection.execute(f"CREATE OR REPLACE TEMP TABLE {name} AS SELECT {typed}", values)


def microseconds(moment: datetime) -> int:
    """Return a time as microseconds since 1970."""
    from datetime import UTC, datetime, timedelta

    return (moment - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)


def load_records(engine: Engine, records: Sequence[Record]) -> None:
    """Load records into the table that statements read; ``rid`` is the number of the record."""
    rows = [
        (
            number,
            record.source,
            microseconds(record.time) // 1_000_000,
            microseconds(record.ingested),
            record.table,
            json.dumps(record.fields, ensure_ascii=False, default=str),
        )
        for number, record in enumerate(records)
    ]
    kinds = ("BIGINT", "VARCHAR", "BIGINT", "BIGINT", "VARCHAR", "VARCHAR")
    engine.load(RECORDS, dict(zip(COLUMNS, kinds, strict=True)), rows)


def load_lists(engine: Engine, lists: Mapping[str, Iterable[str]]) -> None:
    """Load the tenant's lists, their entries as rules compare them."""
    rows = [(name, entry) for name, entries in sorted(lists.items()) for entry in sorted(entries)]
    engine.load(LISTS, {"list": "VARCHAR", "entry": "VARCHAR"}, rows)
