"""The engines that execute the statements: DuckDB in this process, and Spark wherever its master is."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Protocol

from unissued.errors import LogError, UnsupportedError
from unissued.record import Record
from unissued.sql import DIALECTS, LISTS, RECORDS, DuckDB

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COLUMNS = ("rid", "source", "time", "ingested", "feed", "record")


class Engine(Protocol):
    """What executes statements."""

    dialect: DuckDB

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""

    def keep(self, name: str, query: str) -> None:
        """Run a query once and keep its rows under a name."""

    def view(self, name: str, query: str) -> None:
        """Give a query a name."""

    def lines(self, name: str, paths: Sequence[str], column: str = "") -> None:
        """Give the lines of files a name: ``rid``, ``file``, ``line`` and ``content``.

        Args:
            name: of the table.
            paths: files or folders, as the engine names them.
            column: where it is given, the files are Parquet, and the records stand in this column as text.

        Raises:
            LogError: a file cannot be read.
        """

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

    def __init__(self, threads: int | None = None) -> None:
        """Open a database in memory; by default it uses every core."""
        try:
            import duckdb
        except ImportError as error:
            raise UnsupportedError.at("--engine duckdb", "DuckDB is missing", "pip install 'unissued[sql]'") from error
        self._error = duckdb.Error
        self._connection = duckdb.connect(":memory:", config={"threads": threads} if threads else {})

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return self._connection.execute(query).fetchall()

    def keep(self, name: str, query: str) -> None:
        """Run a query once and keep its rows under a name."""
        self._drop(name)
        self._connection.execute(f"CREATE TEMP TABLE {name} AS {query}")

    def view(self, name: str, query: str) -> None:
        """Give a query a name."""
        self._drop(name)
        self._connection.execute(f"CREATE TEMP VIEW {name} AS {query}")

    def lines(self, name: str, paths: Sequence[str], column: str = "") -> None:
        """Give the lines of files a name, in the order of the files; the lines of a file are numbered."""
        for path in paths:
            if not Path(path).exists():
                raise LogError.at(path, "no such file or folder", "check the path")
        files = [str(file) for path in paths for file in _files(Path(path))]
        # No control character can stand in JSON, so this one parts no line.
        read = (
            "SELECT filename AS file, content FROM read_csv(?, columns = {'content': 'VARCHAR'}, auto_detect = false, "
            "header = false, delim = chr(31), quote = '', escape = '', null_padding = false, filename = true, "
            "max_line_size = 67108864)"
        )
        if column:
            quoted = column.replace('"', '""')
            text = f'CAST("{quoted}" AS VARCHAR)'
            read = f"SELECT filename AS file, {text} AS content FROM read_parquet(?, filename = true)"
        numbered = f"SELECT row_number() OVER () AS rid, file, content FROM ({read})"
        self._drop(name)
        placed = f"SELECT rid, file, rid - min(rid) OVER (PARTITION BY file) + 1 AS line, content FROM ({numbered})"
        query = f"SELECT * FROM ({placed}) WHERE trim(coalesce(content, '')) <> ''"
        try:
            self._connection.execute(f"CREATE TEMP TABLE {name} AS {query}", [files])
        except self._error as error:
            said = " ".join(str(error).splitlines()[:3])
            hint = "hunt without --engine reads damaged files, and more shapes"
            raise LogError.at(", ".join(paths), f"DuckDB cannot read it: {said}", hint) from error

    def _drop(self, name: str) -> None:
        try:
            self._connection.execute(f"DROP VIEW IF EXISTS {name}")
        except self._error:  # it is a table
            self._connection.execute(f"DROP TABLE IF EXISTS {name}")

    def load(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[object]]) -> None:
        """Make a table of rows."""
        typed = ", ".join(
            f"unnest(CAST(${number} AS {kind}[])) AS {column}"
            for number, (column, kind) in enumerate(columns.items(), 1)
        )
        self._drop(name)
        values = [[row[number] for row in rows] for number in range(len(columns))]
        self._connection.execute(f"CREATE TEMP TABLE {name} AS SELECT {typed}", values)


class SparkEngine:
    """Spark, wherever its master is."""

    dialect = DIALECTS["spark"]

    def __init__(self, master: str = "", settings: Mapping[str, str] | None = None) -> None:
        """Connect; without a master the one of the environment is taken."""
        try:
            from pyspark.sql import SparkSession
        except ImportError as error:
            hint = "pip install 'unissued[spark]'; it also needs Java 17 or later"
            raise UnsupportedError.at("--engine spark", "PySpark is missing", hint) from error
        builder = SparkSession.builder.appName("unissued")
        if master:
            builder = builder.master(master)
        # A record may have a key twice; the last one counts, as everywhere here.
        for name, value in {"spark.sql.variant.allowDuplicateKeys": "true", **(settings or {})}.items():
            builder = builder.config(name, value)
        self._session = builder.getOrCreate()

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        return [tuple(row) for row in self._session.sql(query).collect()]

    def keep(self, name: str, query: str) -> None:
        """Run a query once and keep its rows under a name."""
        self._session.sql(query).persist().createOrReplaceTempView(name)

    def view(self, name: str, query: str) -> None:
        """Give a query a name."""
        self._session.sql(query).createOrReplaceTempView(name)

    def lines(self, name: str, paths: Sequence[str], column: str = "") -> None:
        """Give the lines of files a name; Spark does not number the lines of a file, so ``line`` is 0."""
        from pyspark.errors import PySparkException

        try:
            reader = self._session.read
            files = reader.parquet(*paths) if column else reader.text(list(paths))
            quoted = column.replace("`", "``") or "value"
            columns = (
                "monotonically_increasing_id() AS rid",
                "_metadata.file_path AS file",
                "0L AS line",
                f"CAST(`{quoted}` AS STRING) AS content",
            )
            lines = files.selectExpr(*columns).where("trim(content) <> ''")
            lines.persist().createOrReplaceTempView(name)
        except PySparkException as error:
            raise LogError.at(", ".join(paths), f"Spark cannot read it: {str(error).splitlines()[0]}") from error

    def load(self, name: str, columns: Mapping[str, str], rows: Sequence[Sequence[object]]) -> None:
        """Make a table of rows."""
        kinds = {"BIGINT": "bigint", "VARCHAR": "string"}
        schema = ", ".join(f"{column} {kinds[kind]}" for column, kind in columns.items())
        frame = self._session.createDataFrame([tuple(row) for row in rows], schema)
        frame.localCheckpoint().createOrReplaceTempView(name)  # else Python is asked for the rows at every query


def _files(path: Path) -> list[Path]:
    return sorted(one for one in path.rglob("*") if one.is_file()) if path.is_dir() else [path]


def microseconds(moment: datetime) -> int:
    """Return a time as microseconds since 1970."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


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
