"""Executes KQL on rows, with duckdb-kql on DuckDB: an engine that is not Microsoft's.

A construct that the engine refuses is "not executed", never a pass. Functions that are right in the product and that
the engine lacks are added to its function table, which is private: hence the exact pin, and the check that each
addition is still needed.
"""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from ipaddress import ip_address, ip_network

import duckdb
import duckdb_kql
import duckdb_kql.translate as translate
from duckdb.func import SPECIAL
from duckdb_kql.translate import TranslationResult
from duckdb_kql.translate.functions import SCALAR_FUNCTIONS, FunctionSpec

from unissued.errors import UnsupportedError

INGESTED = "_ingested"
"""The column that ``ingestion_time()`` reads."""

_TYPES = {
    "string": "VARCHAR",
    "datetime": "TIMESTAMP",
    "dynamic": "JSON",
    "int": "INTEGER",
    "bool": "BOOLEAN",
    "long": "BIGINT",
}
_WATCHLISTS = "_watchlists"
_STORED = (
    f"function _GetWatchlist(name: string) {{ {_WATCHLISTS} | where Alias == name | project SearchKey, Entries }}",
)
# Function -> SQL, its numbers of arguments (none: any), and the page of Kusto's documentation that says what it does.
SHIMS: Mapping[str, tuple[str, tuple[int, ...], str]] = {
    # The rows come in the order of the `sort` before; lag without an order keeps it.
    "prev": ("lag({}) OVER ()", (), "window functions, prev()"),
    "row_cumsum": ("sum({0}) OVER (ROWS UNBOUNDED PRECEDING)", (1,), "window functions, row_cumsum()"),
    "ingestion_time": (f'"{INGESTED}"', (0,), "ingestion_time()"),
    "set_difference": (
        "to_json(list_distinct(list_filter(from_json({0}, '[\"VARCHAR\"]'),"
        " lambda x: NOT list_contains(from_json({1}, '[\"VARCHAR\"]'), x))))",
        (2,),
        "set_difference()",
    ),
    # A GUID's first three groups are stored with the least significant byte first.
    "base64_encode_fromguid": (
        "base64(unhex(regexp_replace(CAST({0} AS VARCHAR),"
        " '^(..)(..)(..)(..)-(..)(..)-(..)(..)-(....)-(.{{12}})$', '\\4\\3\\2\\1\\6\\5\\8\\7\\9' ||"
        " substr(CAST({0} AS VARCHAR), 25, 12))))",
        (1,),
        "base64_encode_fromguid()",
    ),
    "ipv4_is_in_range": ("unissued_in_range({0}, {1}, 4)", (2,), "ipv4_is_in_range()"),
    "ipv6_is_in_range": ("unissued_in_range({0}, {1}, 6)", (2,), "ipv6_is_in_range()"),
}


def version() -> str:
    """Return what executes the queries, for a report."""
    return f"duckdb-kql {importlib.metadata.version('duckdb-kql')} on DuckDB {importlib.metadata.version('duckdb')}"


# Half of what DuckDB plans would be how a timespan is written as text. No query of ours does that: it is an error.
_NO_TEXT = "CAST(CAST('a timespan has no text here' AS INTERVAL) AS VARCHAR)"


def _install() -> None:
    duckdb_kql.set_functions(list(_STORED))
    translate._kql_timespan_text = lambda rendered: _NO_TEXT  # noqa: ARG005
    for name, (template, arities, page) in SHIMS.items():
        known = SCALAR_FUNCTIONS.get(name)
        if known is not None and known.note != page:
            raise UnsupportedError.at("engine", f"knows {name}() by itself now", "take the shim out")
        SCALAR_FUNCTIONS[name] = FunctionSpec(name, "template", template, arities, (), page)


def _in_range(address: str, network: str, family: int) -> bool | None:
    """Null for what cannot be parsed, as in Kusto; IPv4 ranges are asked for IPv4, IPv6 ranges for both."""
    try:
        inside, parsed = ip_network(network, strict=False), ip_address(address)
    except ValueError:
        return None
    if inside.version != family:
        return None
    return parsed in inside if parsed.version == inside.version else None


class Kusto:
    """Tables, watchlists and a clock.

    Args:
        schemas: table -> column -> Kusto scalar type.
    """

    def __init__(self, schemas: Mapping[str, Mapping[str, str]]) -> None:
        _install()
        self._schemas = schemas
        self._translated = lru_cache(maxsize=64)(self._translate)
        self._loaded: set[str] = set()
        self._known = {table: [*columns, INGESTED] for table, columns in schemas.items()}
        self._known[_WATCHLISTS] = ["Alias", "SearchKey", "Entries"]
        self._database = duckdb_kql.connect()
        self._database.execute("SET threads = 1")  # rows keep their order
        self._database.create_function(
            "unissued_in_range", _in_range, ["varchar", "varchar", "integer"], "boolean", null_handling=SPECIAL
        )
        self._database.execute(f"CREATE TABLE {_WATCHLISTS} (Alias VARCHAR, SearchKey VARCHAR, Entries VARCHAR)")
        self._database.execute("SET VARIABLE run_time = TIMESTAMP '2000-01-01'")
        for table, columns in schemas.items():
            typed = ", ".join(f'"{column}" {_TYPES[kind]}' for column, kind in columns.items())
            self._database.execute(f'CREATE TABLE "raw {table}" ({typed}, {INGESTED} TIMESTAMP)')
            self._database.execute(
                f'CREATE VIEW "{table}" AS SELECT * FROM "raw {table}" WHERE {INGESTED} <= getvariable(\'run_time\')'
            )

    def load(self, tables: Mapping[str, Sequence[Mapping[str, object]]]) -> None:
        """Replace the rows of all tables; every row has a value for every column and for :data:`INGESTED`."""
        for table in self._loaded - set(tables):
            self._database.execute(f'DELETE FROM "raw {table}"')
        for table, rows in tables.items():
            self._database.execute(f'DELETE FROM "raw {table}"')
            if rows:
                self._insert(table, rows)
        self._loaded = {table for table, rows in tables.items() if rows}

    def _insert(self, table: str, rows: Sequence[Mapping[str, object]]) -> None:
        columns = {**self._schemas[table], INGESTED: "datetime"}
        # One list of JSON texts is many times faster than one statement a row.
        texts = [json.dumps({name: _sql_value(kind, row[name]) for name, kind in columns.items()}) for row in rows]
        shape = json.dumps({name: "VARCHAR" if kind == "dynamic" else _TYPES[kind] for name, kind in columns.items()})
        self._database.execute(
            f'INSERT INTO "raw {table}" BY NAME SELECT unnest(row)'
            f" FROM (SELECT from_json(text, '{shape}') AS row FROM (SELECT unnest($texts) AS text))",
            {"texts": texts},
        )

    def watchlists(self, lists: Mapping[str, Iterable[Mapping[str, str]]]) -> None:
        """Replace all watchlists: alias -> items."""
        self._database.execute(f"DELETE FROM {_WATCHLISTS}")
        items = [(alias, item["SearchKey"], item.get("Entries", "")) for alias, rows in lists.items() for item in rows]
        if items:
            self._database.executemany(f"INSERT INTO {_WATCHLISTS} VALUES (?, ?, ?)", items)

    def run(self, query: str, now: datetime) -> tuple[list[str], list[dict[str, object]]]:
        """Execute a query at a time; it sees what had been ingested by then. Returns its columns and its rows.

        Raises:
            UnsupportedError: the engine refuses the query.
        """
        moment = now.astimezone(UTC)
        try:
            sql = self._translated(query)
            self._database.execute(f"SET VARIABLE run_time = TIMESTAMP '{moment:%Y-%m-%d %H:%M:%S}'")
            clock = {name: moment.replace(tzinfo=None) for name in sql.parameters}  # it has no other parameter
            cursor = self._database.execute(sql, clock)
        except (duckdb_kql.KqlError, duckdb.Error) as error:
            first = str(error).split("\n", 1)[0][:400]
            raise UnsupportedError.at("KQL", f"not executed: {first}") from error
        names = [column[0] for column in cursor.description or ()]
        return names, [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def _translate(self, query: str) -> TranslationResult:
        return duckdb_kql.to_sql(query, schema=self._known, query_now=_ANY_TIME)


_ANY_TIME = datetime(2000, 1, 1, tzinfo=UTC)
"""Makes the translation leave a place for the time of each run."""


def _sql_value(kind: str, value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")
    if kind == "dynamic" and value is not None:
        return json.dumps(value)
    if kind == "string":
        return "" if value is None else value  # text is never null in Kusto
    return value
