"""How judges are written: tests of a record ``a`` of the first rule and a record ``b`` of the second.

The columns are lists of canonical values, in the order of ``pack.judges``; a judge looks at the first of each.
"""

from __future__ import annotations

from unissued.errors import UnsupportedError
from unissued.sql.condition import LISTS
from unissued.sql.dialect import DuckDB, fold, name


def pair_test(dialect: DuckDB, judge: str) -> str:
    """Return the condition of a judge.

    Raises:
        UnsupportedError: nobody has written it in SQL.
    """
    if judge != "issued_to_another":
        raise UnsupportedError.at(judge, "this judge has no form in SQL")

    def said(side: str, column: str) -> str:
        return fold(f"coalesce({dialect.first(f'{side}.{name(column)}')}, '')")

    holder, mail_user = said("a", "First1"), said("a", "First2")
    client = f"coalesce(nullif({said('a', 'First3')}, ''), {said('a', 'First4')})"
    user_id, user, issued_to = said("b", "Second1"), said("b", "Second2"), said("b", "Second3")
    pair = f"{issued_to} || '|' || {client}"
    listed = f"EXISTS (SELECT 1 FROM {LISTS} AS l WHERE l.list = 'on_behalf_of_pairs' AND l.entry = {pair})"
    return (
        f"(({_differ(holder, user_id)}) OR ({holder} = '' AND {_differ(mail_user, user)}) "
        f"OR ({_differ(client, issued_to)} AND NOT {listed}))"
    )


def _differ(one: str, other: str) -> str:
    return f"{one} <> '' AND {other} <> '' AND {one} <> {other}"
