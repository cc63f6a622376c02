"""Watchlists: a CSV to upload or to edit, and the same list as a deployment."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence

from unissued.convert import ROWS
from unissued.errors import PackError
from unissued.pack import ListSpec, Pack
from unissued.package.sentinel.resources import document, literal, of_sentinel, resource

_KIND = "Microsoft.OperationalInsights/workspaces/providers/Watchlists"
LARGEST = 3_500_000
"""Bytes of a list; inline content has a limit of 3.8 MB."""
SEARCH_KEY = "Key"
_LEARNED = (SEARCH_KEY, "status", "applications", "reviewed_by", "note")
_KEPT = (SEARCH_KEY, "name", "reason", "decided_on")
_COMMENT = "# a key that begins with # is no entry"


def files(pack: Pack) -> dict[str, str]:
    """Return CSV and deployment of every list that a rule asks for; entries are those that the catalogue was given.

    Raises:
        PackError: a list is larger than a watchlist may be.
    """
    asked = {name for rule in pack.rules.values() for name in rule.lists}
    asked |= {name for name, spec in pack.catalogue.lists.items() if spec.given is not None}
    found: dict[str, str] = {}
    for name in sorted(asked):
        spec = pack.catalogue.lists[name]
        table = _table(spec)
        if len(table.encode()) > LARGEST:
            hint = "fill a table with a summary rule instead"
            raise PackError.at(f"list {name}", f"has more than {LARGEST:,} bytes, too many for a watchlist", hint)
        found[f"unissued_{name}.csv"] = table
        found[f"unissued_{name}.json"] = document({}, [_resource(spec, table)])
    return found


def _table(spec: ListSpec) -> str:
    """Write a list with what is needed of it: a learned one says how many rows it has, also when it has none."""
    entries = spec.given or ()
    head = _LEARNED if spec.learned else _KEPT
    last = f"{ROWS}{len(entries)}" if spec.learned or entries else _COMMENT
    out = io.StringIO()
    rows: list[Sequence[str]] = [head, *(_row(_shielded(entry), head) for entry in entries), _row(last, head)]
    csv.writer(out, lineterminator="\n").writerows(rows)
    return out.getvalue()


def _row(key: str, head: Sequence[str]) -> list[str]:
    return [key, *("" for _ in head[1:])]


def _shielded(entry: str) -> str:
    """Put a blank before what a spreadsheet may take for a formula; the queries trim it."""
    return f" {entry}" if entry.startswith(("=", "+", "-", "@", "\t")) else entry


def _resource(spec: ListSpec, table: str) -> dict[str, object]:
    alias = f"unissued_{spec.name}"
    empty = "Without it the rules that ask for it are not evaluated." if spec.if_empty == "refuse" else "May be empty."
    properties = {
        "displayName": f"Unissued: {spec.name.replace('_', ' ')}",
        "watchlistAlias": alias,
        "description": literal(f"{spec.holds[:1].upper()}{spec.holds[1:]}. {empty}"),
        "provider": "unissued",
        "source": f"{alias}.csv",
        "sourceType": "Local",
        "contentType": "text/csv",
        "numberOfLinesToSkip": 0,
        "itemsSearchKey": SEARCH_KEY,
        "rawContent": table,
    }
    return resource(_KIND, of_sentinel(f"'{alias}'"), properties)
