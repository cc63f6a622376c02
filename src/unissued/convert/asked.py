"""What a rule asks of every table that holds its records, and why a table cannot answer."""

from __future__ import annotations

from dataclasses import dataclass

from unissued.convert.plan import lacking
from unissued.convert.tree import condition_of, fields_of, specialise
from unissued.pack import Pack, Rule, Source, Table


@dataclass(frozen=True)
class Asked:
    """A rule, or one that it is built on, asks a table for records."""

    rule: str
    source: Source
    table: Table
    lacks: str
    """Why the table cannot answer; empty if it can."""


def asked_of(pack: Pack, rule: Rule) -> list[Asked]:
    """Return what a rule asks of all tables, base rules first.

    A log source in which a rule's condition can never hold is not asked. A rule that is no Sigma detection names its
    log sources and no fields, so that its tables can answer as far as is known here.
    """
    found: list[Asked] = []
    for below in pack.detections_below(rule):
        keys = _keys(rule, below)
        for source in below.sources:
            wanted: list[str] = list(keys)
            if "detection" in below.definition:
                condition = specialise(condition_of(below), source.fields.__contains__)
                if condition is False:
                    continue
                wanted = list(dict.fromkeys((*fields_of(condition), *keys)))
            tables = source.tables.values()
            found += [Asked(below.name, source, table, lacking(source, table, wanted)) for table in tables]
    return found


def _keys(rule: Rule, below: Rule) -> list[str]:
    """Return the fields that a correlation needs of a rule that it names."""
    if below.name not in rule.references:
        return []
    correlation = rule.correlation()
    aliases = correlation.aliases.aliases if correlation.aliases else {}
    names = list(correlation.group_by or ())
    counted = getattr(correlation.condition, "fieldref", None)
    names += [counted] if isinstance(counted, str) else []
    own = {
        name: {reference.reference: field for reference, field in aliases[name].mapping.items()}
        for name in names
        if name in aliases
    }
    return [own.get(name, {}).get(below.name, name) for name in names if name not in own or below.name in own[name]]
