"""Which log sources and tables answer a rule in a target, and what is left of its condition there."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from unissued.convert.tree import Tree, condition_of, fields_of, lists_of, necessary, numbers_of, specialise
from unissued.errors import UnsupportedError
from unissued.pack import Field, Rule, Source, Table

# Tables that hold the same records, so that one of them is enough; all others hold parts of their source.
_ALTERNATIVES = ("OfficeActivity", "CloudAppEvents")
_OPERATIONS = ("Operation", "OperationName")


@dataclass(frozen=True)
class Branch:
    """One log source of a rule in one target: the tables to read and the condition on their records."""

    rule: Rule
    source: Source
    tables: tuple[Table, ...]
    condition: Tree | bool
    because: str
    """Why the tables are not the first choice; empty when they are."""
    unread: tuple[str, ...] = ()
    """Why the target does not hold other log sources of the rule."""

    def has(self, name: str, table: Table | None = None) -> bool:
        """Tell whether a table can answer for a field, by default whether any of the branch's can."""
        if name not in self.source.fields:
            return False
        return any(self.source.has(name, one.name) for one in ((table,) if table else self.tables))

    def lists(self) -> tuple[str, ...]:
        """Return the lists that the rule asks for.

        Without a list that must not be empty the whole rule is not evaluated, also where a log source is not asked for
        the field that is looked up.
        """
        return tuple(dict.fromkeys((*lists_of(self.condition), *self.rule.lists)))

    def shown(self) -> list[str]:
        """Return the rule's fields for the analyst, as far as the tables have them."""
        wanted = (*(self.rule.fold.by if self.rule.fold else ()), *self.rule.fields)
        return [name for name in dict.fromkeys(wanted) if self.has(name)]

    def operations(self) -> tuple[str, tuple[tuple[str, bool], ...]] | None:
        """Return the field that names operations, and names (or beginnings of names) of which a record has one."""
        for field in _OPERATIONS:
            known = self.source.fields.get(field)
            if known is not None and (found := necessary(self.condition, field)) is not None:
                return field, tuple((one.text, one.open) for one in found)
        return None


def branches(rule: Rule, target: str, keys: Collection[str] = ()) -> list[Branch]:
    """Return where a detection finds its records in a target.

    Args:
        rule: a detection.
        target: one of the targets.
        keys: fields that a correlation needs of it.

    Raises:
        UnsupportedError: no table of the target can say it; the reasons are in the message.
    """
    found: list[Branch] = []
    elsewhere: list[str] = []
    reasons: list[str] = []
    for source in rule.sources:
        if reason := source.not_in.get(target, ""):
            elsewhere.append(f"does not read {source.key}: {reason}")
            continue
        condition = specialise(condition_of(rule), source.fields.__contains__)
        if condition is False:
            # Who writes a rule for a category means each of its log sources.
            reasons.append(_never(rule, source))
            continue
        wanted = list(dict.fromkeys((*fields_of(condition), *keys)))
        chosen = _choose(rule, source, target, condition, wanted)
        if isinstance(chosen, str):
            reasons.append(chosen)
        else:
            found.append(chosen)
    if reasons or not found:
        # A table that lacks a field must not go missing silently because another log source has it.
        why = "; ".join(dict.fromkeys((*reasons, *elsewhere)))
        hint = "name one log source instead of a category" if len(rule.sources) > 1 else ""
        raise UnsupportedError.at(rule.name, why or f"{target} has no table for it", hint)
    return [replace(branch, unread=tuple(elsewhere)) for branch in found]


def _never(rule: Rule, source: Source) -> str:
    lacking = [name for name in dict.fromkeys(fields_of(condition_of(rule))) if name not in source.fields]
    return f"its condition never holds in {source.key}, which has no field {', '.join(lacking)}"


def notes_of(parts: Sequence[Branch]) -> tuple[str, ...]:
    """Return why tables are not the first choice, and what is not read."""
    reads = [f"reads {part.tables[0].name}: {part.because}" for part in parts if part.because]
    return tuple(dict.fromkeys([*reads, *(note for part in parts for note in part.unread)]))


def words_of(branch: Branch, field: Field, others: Collection[str]) -> Mapping[str, int]:
    """Return the words for numbers that matter in a field: all, or those of the numbers that the condition asks for.

    Args:
        branch: with the condition.
        field: of type ``int``.
        others: fields that are used beyond the condition.
    """
    numbers = None if field.name in others else numbers_of(branch.condition, field.name)
    return {word: number for word, number in field.enum.items() if numbers is None or number in numbers}


def _choose(rule: Rule, source: Source, target: str, condition: Tree | bool, wanted: list[str]) -> Branch | str:
    tables = source.tables_of(target)
    lacks = {table.name: lacking(source, table, wanted) for table in tables}
    able = tuple(table for table in tables if not lacks[table.name])
    if not able:
        return "; ".join(dict.fromkeys(lacks.values())) or f"{source.key} is not in {target}"
    if tables[0].name in _ALTERNATIVES:
        return Branch(rule, source, able[:1], condition, lacks[tables[0].name])
    if len(able) < len(tables):
        return "; ".join(filter(None, lacks.values()))
    return Branch(rule, source, tables, condition, "")


def lacking(source: Source, table: Table, wanted: Iterable[str]) -> str:
    """Return why a table cannot answer for one of some fields, or the empty string if it can for all."""
    for name in wanted:
        if name not in source.fields:
            return f"{source.key} has no field {name}"
        if reason := source.lacking(name, table.name):
            return reason
    return ""


def in_order(source: Source, names: Iterable[str]) -> list[Field]:
    """Return fields together with those that they are derived from, each after the ones that it needs."""
    wanted: dict[str, Field] = {}

    def add(name: str) -> None:
        known = source.fields[name]
        for below in known.sources:
            add(below)
        wanted.setdefault(name, known)

    for name in names:
        add(name)
    return list(wanted.values())
