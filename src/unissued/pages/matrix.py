"""Every rule beside every place in which its records can be, and why it does not run where it does not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from unissued.convert import Asked, Build, Query, asked_of
from unissued.pack import Pack, Rule
from unissued.pages.kind import alerting, lists_of
from unissued.pages.markdown import Markdown, code, joined, link
from unissued.pages.rule_page import PRODUCTS


@dataclass(frozen=True)
class Column:
    """A part of the tables of one or more targets."""

    title: str
    targets: tuple[str, ...]
    only: str = ""
    """The one table that it is about; empty for all of the targets that have no column of their own."""

    def holds(self, table: str) -> bool:
        """Tell whether a table belongs here."""
        return table == self.only if self.only else table not in _OWN


COLUMNS = (
    Column("OfficeActivity", ("sentinel",), "OfficeActivity"),
    Column("CloudAppEvents", ("sentinel", "defender"), "CloudAppEvents"),
    Column("Sentinel's Entra tables", ("sentinel",)),
    Column("Defender's sign-in tables", ("defender",)),
    Column("Splunk", ("splunk",)),
)
_OWN = frozenset(column.only for column in COLUMNS if column.only)
_NOTHING = Markdown("–")
_SPARE = Markdown("not needed")


class _Reasons:
    """Numbers reasons in the order in which they come up."""

    def __init__(self) -> None:
        self.texts: dict[str, int] = {}

    def no(self, reason: str, product: str = "") -> Markdown:
        number = self.texts.setdefault(reason, len(self.texts) + 1)
        return Markdown(f"{product + ': ' if product else ''}no ([{number}](#why-not))")


def values(pack: Pack, build: Build) -> dict[str, object]:
    """Return what the template of the matrix prints."""
    reasons = _Reasons()
    rows = [(rule, [*_row(pack, build, rule, reasons), _offline(pack, rule)]) for rule in alerting(pack)]
    return {
        "columns": [*(column.title for column in COLUMNS), "offline"],
        "rows": rows,
        "reasons": list(reasons.texts),
        "base": [rule for rule in pack.rules.values() if not rule.level],
    }


def _row(pack: Pack, build: Build, rule: Rule, reasons: _Reasons) -> list[Markdown]:
    asked = asked_of(pack, rule)
    return [_cell(build, rule, column, asked, reasons) for column in COLUMNS]


def _cell(build: Build, rule: Rule, column: Column, asked: Iterable[Asked], reasons: _Reasons) -> Markdown:
    parts = [_part(build, rule, column, target, asked, reasons) for target in column.targets]
    said = [part for part in dict.fromkeys(parts) if part]
    told = [part for part in said if part != _SPARE]
    return joined(told or said or [_NOTHING], "; ")


def _part(
    build: Build, rule: Rule, column: Column, target: str, asked: Iterable[Asked], reasons: _Reasons
) -> Markdown | None:
    """Return what one target does with the tables of a column; None when the rule asks nothing there."""
    here = [one for one in asked if target in one.table.targets and column.holds(one.table.name)]
    product = PRODUCTS[target] if len(column.targets) > 1 else ""
    query = next((one for one in build.queries if one.rule == rule.name and one.target == target), None)
    refused = next((one.reason for one in build.refused if one.rule == rule.name and one.target == target), "")
    lacks = "; ".join(dict.fromkeys(one.lacks for one in here if one.lacks))
    if query is not None:
        read = [table for table in query.tables if column.holds(table)]
        if read:
            return Markdown(f"{link(product or 'query', f'../{query.path}')}{_named(read, column)}")
        lacks = lacks or _noted(query, here)
        return (reasons.no(lacks, product) if lacks else _SPARE) if here else None
    if here or not column.only:
        # A target that refuses says so, even where it has no table for the rule.
        return reasons.no(refused, product) if refused else None
    return None


def _noted(query: Query, here: Iterable[Asked]) -> str:
    """Return what a query's notes say about tables that it does not read: a judge asks for more than a condition."""
    tables = {one.table.name for one in here}
    reasons = (note.partition(": ")[2] for note in query.notes if note.startswith("reads "))
    return "; ".join(reason for reason in reasons if reason.partition(" ")[0] in tables)


def _named(tables: list[str], column: Column) -> str:
    return "" if column.only else f": {joined(map(code, tables))}"


def _offline(pack: Pack, rule: Rule) -> Markdown:
    needed = [code(spec.name) for spec in lists_of(pack, rule) if spec.if_empty == "refuse"]
    return Markdown(f"yes, with {joined(needed)}") if needed else Markdown("yes")
