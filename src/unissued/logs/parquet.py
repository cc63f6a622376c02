"""Parquet, through DuckDB (extra ``parquet``): in batches, and only the columns that a reader knows."""

from __future__ import annotations

import json
import math
from collections.abc import Collection, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import duckdb

from unissued.logs.decode import UnreadableError, payload
from unissued.logs.opening import UnopenedError
from unissued.logs.rows import Bad, Item, Row
from unissued.logs.tables import TELLING_COLUMNS, without_suffix
from unissued.logs.unpacking import Part, spooled

_BATCH = 500
_SETTINGS: dict[str, str | int | float | list[str]] = {
    "threads": 1,
    "memory_limit": "128MB",
    "preserve_insertion_order": True,
    # Nothing is fetched, whatever a file asks for.
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}
_FILE = "read_parquet(?, hive_partitioning = false)"


def parquet_rows(part: Part, known: Collection[str]) -> Iterator[Item]:
    """The rows of a Parquet file: table columns, or one column of text with the record in it.

    ``known`` are the columns that are read, in small letters. Raises ``UnopenedError`` where DuckDB cannot go on.
    """
    try:
        with spooled(part) as path, duckdb.connect(":memory:", config=_SETTINGS) as engine:
            columns = _columns(engine, path)
            wanted = [name for name in columns if without_suffix(name.strip()).casefold() in known]
            if len({name.strip().casefold() for name in wanted} & TELLING_COLUMNS) >= 2 or "event" in columns:
                yield from _typed(engine, path, {name: columns[name] for name in wanted})
            else:
                yield from _as_text(engine, path, columns)
    except duckdb.Error as error:
        raise UnopenedError(f"a Parquet file that cannot be read (on): {str(error).splitlines()[0][:200]}") from error


def _columns(engine: duckdb.DuckDBPyConnection, path: Path) -> dict[str, str]:
    """The columns with their types."""
    rows = engine.execute(f"DESCRIBE SELECT * FROM {_FILE}", [str(path)]).fetchall()  # noqa: S608 - a constant
    return {str(row[0]): str(row[1]) for row in rows}


def _typed(engine: duckdb.DuckDBPyConnection, path: Path, columns: Mapping[str, str]) -> Iterator[Item]:
    for number, cells in _cells(engine, path, [_selected(name, kind) for name, kind in columns.items()]):
        yield Row(number, dict(zip(columns, map(_plain, cells), strict=True)), "parquet")


def _as_text(engine: duckdb.DuckDBPyConnection, path: Path, columns: Mapping[str, str]) -> Iterator[Item]:
    """One column has the records as JSON; which one, the first row says."""
    texts = [name for name, kind in columns.items() if kind in ("VARCHAR", "BLOB", "JSON")]
    first = next(_cells(engine, path, list(map(_quoted, texts))), None) if texts else None
    holds = (
        [name for name, cell in zip(texts, first[1], strict=True) if _text(cell).lstrip()[:1] == "{"] if first else []
    )
    if not holds:
        raise UnopenedError("binary data: a Parquet file without columns of a log, and without a column of records")
    for number, cells in _cells(engine, path, [_quoted(holds[0])]):
        text = _text(cells[0])
        try:
            yield Row(number, payload(text), "line")
        except UnreadableError as error:
            yield Bad(number, f"{holds[0]} {error}", text)


def _cells(
    engine: duckdb.DuckDBPyConnection, path: Path, selected: Collection[str]
) -> Iterator[tuple[int, tuple[object, ...]]]:
    """The rows with their numbers from 1."""
    answer = engine.execute(f"SELECT {', '.join(selected)} FROM {_FILE}", [str(path)])  # noqa: S608 - quoted names
    number = 0
    while batch := answer.fetchmany(_BATCH):
        for cells in batch:
            number += 1
            yield number, cells


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _selected(name: str, kind: str) -> str:
    """A time with a zone becomes UTC in DuckDB: Python would need another library for it."""
    if kind == "TIMESTAMP WITH TIME ZONE":
        return f"make_timestamp(epoch_us({_quoted(name)}))"
    return _quoted(name)


def _plain(value: object) -> object:
    """A value as JSON would have it."""
    match value:
        case datetime():
            moment = value if value.tzinfo else value.replace(tzinfo=UTC)
            return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
        case Mapping():
            return {str(key): _plain(item) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item) for item in value]
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case float():
            return value if math.isfinite(value) else None
        case bytes():
            return _text(value)
        case date() | timedelta() | UUID():
            return str(value)
        case None | bool() | int() | str():
            return value
        case _:
            return json.dumps(value, default=str)


def _text(value: object) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value if isinstance(value, str) else ""
