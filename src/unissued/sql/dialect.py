"""What differs between the dialects: JSON, and the few functions that a transpiler cannot know.

Everything is written in DuckDB's SQL. Where another dialect needs other functions, its own class names them, and what
is left goes through sqlglot. A field is always a list of texts, so that "any value of the field" can be said.
"""

from __future__ import annotations

import re
from functools import cache

from unissued.convert.regex import exact
from unissued.errors import PackError, UnsupportedError

_KEY = re.compile(r"[A-Za-z_][A-Za-z0-9_@. -]*\Z")
_BRACE = re.compile(r"(?<!\\)\{(?![0-9])")
_FLAGS = re.compile(r"\(\?([ims]+)\)")
_NAMED = re.compile(r"\(\?P<[A-Za-z_]\w*>")
_STRUCTURE = r'^[ \t\n\r\f\x0b]*[\[{"]'


def text(value: str) -> str:
    """Return a text as an SQL literal.

    Raises:
        UnsupportedError: it holds a character that a script of statements could stumble over.
    """
    if any(ord(char) < 32 or ord(char) == 127 for char in value):
        raise UnsupportedError.at(repr(value), "a control character in a value")
    return "'" + value.replace("'", "''") + "'"


def name(value: str) -> str:
    """Return a quoted identifier."""
    return '"' + value.replace('"', '""') + '"'


def each(values: str, body: str) -> str:
    """Return the list of what an expression over ``v`` gives for every value of a list."""
    return f"list_transform({values}, lambda v: {body})"


def keep(values: str, test: str) -> str:
    """Return the values of a list that meet a test over ``v``."""
    return f"list_filter({values}, lambda v: {test})"


def some(values: str, test: str) -> str:
    """Return the test that any value of a list meets a test over ``v``; never null."""
    return f"array_length({keep(values, test)}) > 0"


NONE = "CAST([] AS VARCHAR[])"
"""A field without a value."""
UPPER, LOWER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ", "abcdefghijklmnopqrstuvwxyz"


def fold(value: str) -> str:
    """Return a text in small letters: ASCII only, as the evaluator does it."""
    return f"translate({value}, '{UPPER}', '{LOWER}')"


class DuckDB:
    """DuckDB 1.3 or later; the record is its JSON type."""

    name = "duckdb"

    def parsed(self, value: str) -> str:
        """Return the JSON value that a text holds, null where it holds none."""
        return f"TRY_CAST({value} AS JSON)"

    def below(self, value: str, key: str) -> str:
        """Return the JSON value under a key of an object, null where there is none."""
        return f"json_extract({value}, '$.\"{_plain(key)}\"')"

    def is_text(self, value: str) -> str:
        """Return the test that a JSON value is a text."""
        return f"json_type({value}) = 'VARCHAR'"

    def is_list(self, value: str) -> str:
        """Return the test that a JSON value is a list."""
        return f"json_type({value}) = 'ARRAY'"

    def elements(self, value: str) -> str:
        """Return the elements of a JSON list."""
        return f"json_extract({value}, '$[*]')"

    def string(self, value: str) -> str:
        """Return a JSON text as text."""
        return f"json_extract_string({value}, '$')"

    def written(self, value: str) -> str:
        """Return a JSON value as the evaluator writes it: null for JSON's null, ``True`` and ``False``, 50 for 50.0."""
        return _written(f"json_type({value})", self.string(value))

    def as_text(self, value: str) -> str:
        """Return a JSON value as JSON text."""
        return f"CAST({value} AS VARCHAR)"

    def first(self, values: str) -> str:
        """Return the first value of a list, null where it is empty."""
        return f"{values}[1]"

    def search(self, value: str, pattern: str, flags: str) -> str:
        """Return the test that a regular expression of a rule finds something in a text."""
        return f"regexp_matches({value}, {text(f'(?{flags}){pattern}' if flags else pattern)})"

    def finished(self, statement: str) -> str:
        """Return a statement in the dialect."""
        return statement

    def create(self, table: str, query: str) -> str:
        """Return the statement that runs a query once and keeps its rows under a name."""
        return f"CREATE OR REPLACE TEMP TABLE {table} AS\n{query}"


class Spark(DuckDB):
    """Spark 4 or later, which has the type VARIANT."""

    name = "spark"

    def parsed(self, value: str) -> str:
        """As for DuckDB."""
        return f"try_parse_json({value})"

    def below(self, value: str, key: str) -> str:
        """As for DuckDB."""
        return f"try_variant_get({value}, '$[\"{_plain(key)}\"]', 'variant')"

    def is_text(self, value: str) -> str:
        """As for DuckDB."""
        return f"schema_of_variant({value}) = 'STRING'"

    def is_list(self, value: str) -> str:
        """As for DuckDB."""
        return f"starts_with(schema_of_variant({value}), 'ARRAY')"

    def elements(self, value: str) -> str:
        """As for DuckDB."""
        return f"CAST({value} AS VARIANT[])"

    def string(self, value: str) -> str:
        """As for DuckDB."""
        return f"CAST({value} AS VARCHAR)"

    def written(self, value: str) -> str:
        """As for DuckDB."""
        return _written(f"schema_of_variant({value})", self.string(value))

    def as_text(self, value: str) -> str:
        """As for DuckDB."""
        return f"to_json({value})"

    def first(self, values: str) -> str:
        """As for DuckDB."""
        return f"get({values}, 0)"

    def search(self, value: str, pattern: str, flags: str) -> str:
        r"""As for DuckDB, for what Java's engine reads as RE2 does.

        Java's ``i`` knows ASCII only; RE2's also takes the Kelvin sign for a k and the long s for an s. Java's ``d``
        makes ``\n`` the only end of a line.
        """
        if inline := _FLAGS.match(pattern):
            pattern, flags = pattern[inline.end() :], "".join(sorted({*flags, *inline[1]}))
        if "m" in flags:
            raise UnsupportedError.at(pattern, "a regular expression over several lines", "values have one line")
        java = _NAMED.sub("(", exact(pattern, r"\z"))
        if _BRACE.search(java):
            raise UnsupportedError.at(f"re: {pattern}", "holds a brace that Java's engine reads as a quantifier")
        if "(?" in java.replace("(?:", ""):
            raise UnsupportedError.at(f"re: {pattern}", "holds flags inside the expression", "give them to re")
        subject = f"translate({value}, '\u212a\u017f', 'ks')" if "i" in flags else value
        return f"regexp_matches({subject}, {text(f'(?d{flags}){java}')})"

    def finished(self, statement: str) -> str:
        """Transpile a statement."""
        return _transpiled(statement)

    def create(self, table: str, query: str) -> str:
        """As for DuckDB; the rows that do not fit into memory lie on disk."""
        return f"CACHE TABLE {table} OPTIONS ('storageLevel' 'MEMORY_AND_DISK') AS\n{query}"


DIALECTS: dict[str, DuckDB] = {dialect.name: dialect for dialect in (DuckDB(), Spark())}
"""The dialects in which statements are executed by the tests; no other is offered."""


@cache
def _transpiled(statement: str) -> str:
    try:
        import sqlglot
        from sqlglot.errors import ErrorLevel, SqlglotError
    except ImportError as error:
        raise PackError.at("spark", "sqlglot is missing", "pip install 'unissued[sql]'") from error
    try:
        return sqlglot.transpile(
            statement, read="duckdb", write="spark", pretty=True, unsupported_level=ErrorLevel.RAISE
        )[0]
    except SqlglotError as error:
        raise UnsupportedError.at("spark", f"sqlglot refuses the statement: {error}") from error


def _written(kind: str, plain: str) -> str:
    truth = f"CASE {plain} WHEN 'true' THEN 'True' ELSE 'False' END"
    whole = f"regexp_replace({plain}, '\\.0+\\z', '')"
    return f"CASE {kind} WHEN 'BOOLEAN' THEN {truth} WHEN 'DOUBLE' THEN {whole} ELSE {plain} END"


def structured(dialect: DuckDB, values: str) -> str:
    """Return JSON values with JSON inside text read, three layers deep at most."""
    inner = dialect.string("v")
    body = (
        f"CASE WHEN {dialect.is_text('v')} AND regexp_matches({inner}, '{_STRUCTURE}') "
        f"THEN coalesce({dialect.parsed(inner)}, v) ELSE v END"
    )
    return each(each(each(values, body), body), body)


def _plain(key: str) -> str:
    if not _KEY.match(key):
        raise UnsupportedError.at(key, "is no key that a path can name")
    return key
