"""A script as text: to be run statement by statement, from top to bottom."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from unissued.errors import UnsupportedError
from unissued.pack import Pack
from unissued.sql.condition import LISTS
from unissued.sql.dialect import DuckDB, text
from unissued.sql.records import LINES, SORTED, records, sorted_lines
from unissued.sql.script import Script, Statement
from unissued.sql.view import RECORDS


def as_text(
    dialect: DuckDB, pack: Pack, script: Script, lists: Mapping[str, Collection[str]], *, from_lines: bool = True
) -> str:
    """Return all statements of a script.

    Args:
        dialect: that of the script.
        pack: the rules.
        script: the statements.
        lists: entries of the tenant's lists, as rules compare them.
        from_lines: whether the records are made of lines of JSON; otherwise the user has the table of records.
    """
    return "\n".join(_statements(dialect, pack, script, lists, from_lines))


def _statements(
    dialect: DuckDB, pack: Pack, script: Script, lists: Mapping[str, Collection[str]], from_lines: bool
) -> Iterator[str]:
    if from_lines:
        yield f"-- Reads {LINES}: rid (a different number a line), content (one JSON record). See docs/lake.md."
        yield _made(dialect, SORTED, dialect.finished(sorted_lines(dialect, pack.catalogue)))
        yield _made(dialect, RECORDS, dialect.finished(records()))
        yield "-- What was not used of the lines: nothing but this says it."
        yield f"SELECT status, count(*) AS lines FROM {SORTED} GROUP BY status;\n"
    else:
        columns = "rid, source, time (seconds since 1970), ingested (microseconds since 1970), feed, record (JSON)"
        yield f"-- Reads {RECORDS}: {columns}. See docs/lake.md.\n"
    yield "-- The tenant's lists: entries in canonical form, small letters."
    yield _made(dialect, LISTS, dialect.finished(_lists(lists)))
    for name, query in script.views.items():
        yield _made(dialect, name, query)
    for name, why in script.refused.items():
        yield f"-- refused: {name}: {_line(why)}\n"
    for statement in script.statements:
        yield from _rule(statement)


def _made(dialect: DuckDB, name: str, query: str) -> str:
    return f"{dialect.create(name, query)};\n"


def _lists(lists: Mapping[str, Collection[str]]) -> str:
    rows = [(name, entry) for name, entries in sorted(lists.items()) for entry in sorted(entries)]
    for name, entry in rows:
        try:
            text(entry)
        except UnsupportedError as error:
            raise UnsupportedError.at(f"list {name}", f"entry {entry!r} holds a control character") from error
    if not rows:
        return "SELECT CAST('' AS VARCHAR) AS list, CAST('' AS VARCHAR) AS entry WHERE false"
    values = ",\n".join(f"({text(name)}, {text(entry)})" for name, entry in rows)
    return f"SELECT list, entry FROM (VALUES\n{values}) AS l(list, entry)"


def _rule(statement: Statement) -> Iterator[str]:
    rule = statement.rule
    yield f"-- {rule.name} ({rule.level or 'base'}): {_line(rule.title)}\n{statement.matches};\n"
    if statement.unjudged:
        yield f"-- {rule.name}: what could not be judged\n{statement.unjudged};\n"


def _line(said: str) -> str:
    return " ".join(said.split())
