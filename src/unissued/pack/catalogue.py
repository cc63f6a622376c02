"""The field catalogue: what every log source and field is called in every target, read from ``sources.yml``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from difflib import get_close_matches
from functools import cache
from importlib.resources import as_file, files

from unissued.errors import SourceError
from unissued.pack.document import Document, load_document
from unissued.pack.path import is_many, parse_path

TARGETS = ("sentinel", "defender", "splunk")
COLUMN_TYPES = ("string", "datetime", "dynamic", "int", "bool")
TYPES = ("text", "guid", "upn", "token", "int", "bool", "time", "ip")
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}
_SPAN = re.compile(r"([1-9][0-9]{0,8})([smhdw])\Z")
_LONGEST = timedelta(days=366)


def parse_span(text: object) -> timedelta | None:
    """Read a time span such as ``32h``: a whole number and one of s, m, h, d, w, a year at most. None if it is none."""
    found = _SPAN.match(text) if isinstance(text, str) else None
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    return timedelta(seconds=seconds) if 0 < seconds <= _LONGEST.total_seconds() else None


@dataclass(frozen=True)
class Table:
    """Where one target keeps a log source: a Sentinel or Defender table, or a Splunk sourcetype."""

    name: str
    targets: tuple[str, ...]
    where: str
    """Condition in the target's own language that selects the source's records; empty when it holds no others."""
    time: Mapping[str, str]
    """Time column or path, per target."""
    path: str
    category: str = ""
    event_time: str = ""
    """Column of a Kusto table that holds the time of the event, where the time column says when the row was written."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Kusto column -> scalar type, as far as queries may name them; empty for a sourcetype."""

    def schema(self, target: str) -> dict[str, str]:
        """Return the columns of a Kusto table in one target: the time column is called differently in each."""
        others = {column for name, column in self.time.items() if name != target} - {self.time[target]}
        return {column: kind for column, kind in self.columns.items() if column not in others}


@dataclass(frozen=True)
class Field:
    """One field that a rule may use."""

    name: str
    type: str
    enum: Mapping[str, int]
    """Words that stand for numbers, small letters; empty for most fields."""
    many: bool
    """Whether one record can have several values; a comparison holds when it holds for any of them."""
    derive: str
    """Name of the function in ``evaluate.derive`` that computes the field; empty for a field of the record."""
    sources: tuple[str, ...]
    """The fields that a derived field is computed from."""
    kql: str
    spl: str
    paths: Mapping[str, str]
    """Table name -> path there; derived fields have none."""
    absent: Mapping[str, str]
    """Table name -> reason why the table cannot answer for the field, although its records may have it."""
    never: Mapping[str, str]
    """Table name -> reason why records of the table never have the field, so that it is missing there."""


@dataclass(frozen=True)
class Source:
    """A log source: its tables, its fields, and what an absence rule needs of it."""

    key: str
    title: str
    id: str
    """The field that holds the record's id."""
    usual_delay: timedelta
    """Time from event to ingestion where a record does not tell."""
    required_tables: tuple[str, ...]
    """The tables that must be complete for an absence to mean something."""
    may_be_required: tuple[str, ...]
    """Tables that a rule can ask for instead."""
    tables: Mapping[str, Table]
    fields: Mapping[str, Field]
    not_in: Mapping[str, str]
    """Target -> reason why the target does not hold this source."""

    @property
    def counted_tables(self) -> tuple[str, ...]:
        """The tables whose rows some rule counts."""
        return (*self.required_tables, *self.may_be_required)

    def tables_of(self, target: str) -> tuple[Table, ...]:
        """Return the tables in which a target keeps this source, in the order of preference."""
        return tuple(table for table in self.tables.values() if target in table.targets)

    def lacking(self, field_name: str, table: str) -> str:
        """Return why a table cannot answer for a field, or the empty string if it can."""
        known = self.fields[field_name]
        if known.derive:
            return next(filter(None, (self.lacking(name, table) for name in known.sources)), "")
        return known.absent.get(table, "")

    def has(self, field_name: str, table: str) -> bool:
        """Tell whether records of a table can have a field there."""
        known = self.fields[field_name]
        if known.derive:
            return any(self.has(name, table) for name in known.sources)
        return table in known.paths


@dataclass(frozen=True)
class ListSpec:
    """A list that a tenant fills, used in rules as ``|expand`` of ``%name%``."""

    name: str
    key: str
    if_empty: str
    learned: bool
    holds: str
    given: tuple[str, ...] | None = None
    """Entries to write into queries, in canonical form and small letters; None where the target keeps the list."""


@dataclass(frozen=True)
class Catalogue:
    """Everything that ``sources.yml`` says."""

    sources: Mapping[str, Source]
    categories: Mapping[str, tuple[str, ...]]
    lists: Mapping[str, ListSpec]
    enums: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    def with_lists(self, given: Mapping[str, Iterable[str]]) -> Catalogue:
        """Return a catalogue whose lists are written into queries instead of being looked up in the target."""
        filled = {name: replace(self.lists[name], given=tuple(sorted(entries))) for name, entries in given.items()}
        return replace(self, lists={**self.lists, **filled})

    def sources_of(self, logsource: Mapping[str, object]) -> tuple[Source, ...]:
        """Resolve a rule's ``logsource`` to catalogue entries.

        Raises:
            SourceError: the catalogue does not know it.
        """
        category = logsource.get("category")
        key = f"{logsource.get('product')}/{logsource.get('service')}"
        if category is not None:
            keys = self.categories.get(str(category), ())
            known: Iterable[str] = self.categories
            shown = f"category '{category}'"
        else:
            keys = (key,) if key in self.sources else ()
            known, shown = self.sources, f"'{key}'"
        if not keys:
            raise SourceError.at(
                "logsource", f"{shown} is not in the field catalogue", suggest(str(category or key), known)
            )
        return tuple(self.sources[name] for name in keys)


def suggest(word: str, known: Iterable[str]) -> str:
    """Return ``did you mean …?`` for the nearest known word, else what there is to choose from."""
    names = sorted(known)
    near = get_close_matches(word, names, n=1, cutoff=0.6)
    if near:
        return f"did you mean '{near[0]}'?"
    return "known: " + ", ".join(names) if 0 < len(names) <= 12 else ""


@cache
def load_catalogue() -> Catalogue:
    """Load the catalogue that ships with the package.

    Raises:
        SourceError: ``sources.yml`` contradicts itself.
    """
    with as_file(files("unissued.pack") / "sources.yml") as path:
        return _Reader(load_document(path, "sources.yml")).catalogue()


class _Reader:
    """Reads the catalogue's YAML into its types."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.top = _mapping(document.data, "sources.yml")
        self.enums = {
            name: {str(word): _integer(number, name) for word, number in _mapping(words, name).items()}
            for name, words in _mapping(self.top["enums"], "enums").items()
        }

    def catalogue(self) -> Catalogue:
        sources = {key: self.source(key, _mapping(entry, key)) for key, entry in self.part("sources").items()}
        categories = {name: tuple(_strings(keys, name)) for name, keys in self.part("categories").items()}
        for name, keys in categories.items():
            for key in keys:
                if key not in sources:
                    raise SourceError.at(f"categories.{name}", f"names unknown source '{key}'")
        lists = {name: self.list(name, _mapping(entry, name)) for name, entry in self.part("lists").items()}
        return Catalogue(sources, categories, lists, self.enums)

    def part(self, name: str) -> Mapping[str, object]:
        return _mapping(self.top.get(name), name)

    def list(self, name: str, entry: Mapping[str, object]) -> ListSpec:
        return ListSpec(
            name, str(entry["key"]), str(entry["if_empty"]), entry.get("learned") is True, str(entry["holds"])
        )

    def source(self, key: str, entry: Mapping[str, object]) -> Source:
        tables = {
            name: self.table(name, _mapping(table, name)) for name, table in _mapping(entry["tables"], key).items()
        }
        delay = parse_span(entry["usual_delay"])
        if delay is None:
            raise SourceError.at(f"sources.{key}", f"usual_delay {entry['usual_delay']!r} is no time span")
        fields = {
            name: self.field(name, _mapping(spec, name), tables)
            for name, spec in _mapping(entry["fields"], key).items()
        }
        for known in fields.values():
            for name in known.sources:
                if name not in fields:
                    raise SourceError.at(f"sources.{key}.{known.name}", f"is derived from unknown field '{name}'")
        return Source(
            key=key,
            title=str(entry["title"]),
            id=str(entry["id"]),
            usual_delay=delay,
            required_tables=tuple(_strings(entry.get("required_tables", []), key)),
            may_be_required=tuple(_strings(entry.get("may_be_required", []), key)),
            tables=tables,
            fields=fields,
            not_in={target: str(why) for target, why in _mapping(entry.get("not_in", {}), key).items()},
        )

    def table(self, name: str, entry: Mapping[str, object]) -> Table:
        targets = tuple(_strings(entry["targets"], name))
        time = entry["time"]
        times = {target: str(time) for target in targets} if isinstance(time, str) else _mapping(time, name)
        return Table(
            name=name,
            targets=targets,
            where=str(entry.get("where", "")),
            time={target: str(column) for target, column in times.items()},
            path=str(entry["path"]),
            category=str(entry.get("category", "")),
            event_time=str(entry.get("event_time", "")),
            columns=self.columns(name, _mapping(entry.get("columns", {}), name)),
        )

    def columns(self, table: str, entry: Mapping[str, object]) -> dict[str, str]:
        for kind in entry:
            if kind not in COLUMN_TYPES:
                raise SourceError.at(table, f"has columns of unknown type '{kind}'", suggest(kind, COLUMN_TYPES))
        return {column: kind for kind, columns in entry.items() for column in _strings(columns, table)}

    def field(self, name: str, spec: Mapping[str, object], tables: Mapping[str, Table]) -> Field:
        kind = str(spec["type"])
        if kind not in TYPES:
            raise SourceError.at(name, f"has unknown type '{kind}'", suggest(kind, TYPES))
        unknown = set(spec) - {"type", "enum", "derive", "from", "kql", "spl", "many"} - set(tables)
        if unknown:
            raise SourceError.at(name, f"has unknown key '{min(unknown)}'", suggest(min(unknown), tables))
        derive = str(spec.get("derive", ""))
        paths: dict[str, str] = {}
        absent: dict[str, str] = {}
        never: dict[str, str] = {}
        for table in tables.values() if not derive else ():
            here = spec.get(
                table.name, table.path.replace("{field}", name).replace("{camel}", name[0].lower() + name[1:])
            )
            if isinstance(here, Mapping):
                ((word, reason),) = here.items()
                {"absent": absent, "never": never}[word][table.name] = str(reason)
            else:
                root = parse_path(str(here))[0].key
                if table.columns and root not in table.columns:
                    hint = "list it under columns, or say absent"
                    raise SourceError.at(name, f"table {table.name} has no column {root}", hint)
                paths[table.name] = str(here)
        return Field(
            name=name,
            type=kind,
            enum=self.enums[str(spec["enum"])] if "enum" in spec else {},
            many=spec.get("many") is True or (not derive and is_many(name)),
            derive=derive,
            sources=tuple(_strings(spec.get("from", []), name)),
            kql=str(spec.get("kql", "")),
            spl=str(spec.get("spl", "")),
            paths=paths,
            absent=absent,
            never=never,
        )


def _mapping(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, Mapping):
        raise SourceError.at(where, "must be a mapping")
    return value


def _strings(value: object, where: str) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise SourceError.at(where, "must be a list of names")
    return value


def _integer(value: object, where: str) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise SourceError.at(where, f"{value!r} is no whole number")
    return value
