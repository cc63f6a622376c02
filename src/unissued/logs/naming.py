"""Bringing a row's keys to the names that rules use, without touching its values."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from unissued.logs.decode import same_value
from unissued.logs.report import SourceMap
from unissued.logs.tables import KNOWN_COLUMNS, SPELLINGS, without_suffix


class Names:
    """The catalogue's names, arranged for looking keys up without case."""

    def __init__(self, sources: SourceMap) -> None:
        self._columns: dict[tuple[str, str], dict[str, str]] = {}
        self._spelling: dict[str, dict[str, str]] = {
            source: {name.casefold(): name for name in names} for source, names in SPELLINGS.items()
        }
        self.fields: dict[str, tuple[str, ...]] = {}
        """Catalogue fields of each source, sorted."""
        self.needed: dict[str, frozenset[str]] = {}
        """Top-level keys that the catalogue's fields of a source begin with."""
        self.nested: dict[str, frozenset[str]] = {}
        """Those of them whose fields lie deeper."""
        self.known: frozenset[str] = KNOWN_COLUMNS
        """All column names, in small letters, by which a row is recognised or that become fields."""
        for source, known in sources.sources.items():
            fields = sorted({name for columns in known.tables.values() for name in columns})
            self.fields[source] = tuple(fields)
            self.needed[source] = frozenset(map(top, fields))
            self.nested[source] = frozenset(top(name) for name in fields if top(name) != name)
            self._spelling.setdefault(source, {}).update((top(name).casefold(), top(name)) for name in fields)
            for table, columns in known.tables.items():
                self._columns[source, table] = {
                    path.casefold(): name
                    for name, path in columns.items()
                    if top(name) == name and top(path) == path and path != name
                }
                self.known |= {top(path).casefold() for path in columns.values()}
            self.known |= self._spelling[source].keys()

    def rename(
        self, source: str, row: Mapping[str, object], table: str = "", columns: Mapping[str, str] | None = None
    ) -> tuple[dict[str, object], list[str]]:
        """The row under the catalogue's names, and the keys that collided on the way.

        ``columns`` are renames for this kind of row (keys in small letters); the catalogue's own renames for
        ``table`` come first. Keys that nobody knows keep their own spelling, trimmed.
        """
        known = {**(columns or {}), **self._columns.get((source, table), {})}
        spelling = self._spelling.get(source, {})
        found: dict[str, object] = {}
        collisions: list[str] = []
        for key, value in row.items():
            own = key.strip()
            folded = own.casefold()
            name = known.get(folded) or spelling.get(folded) or own
            if name not in found or is_empty(found[name]):
                found[name] = value
            elif not is_empty(value) and not same_value(found[name], value):
                collisions.append(name)
                if own != name:
                    found.setdefault(own, value)
        return found, collisions


def top(name: str) -> str:
    """The top-level key that a field name or path begins with."""
    return name.split(".", 1)[0].split("[", 1)[0]


def is_empty(value: object) -> bool:
    """Whether a value says nothing: null or the empty string."""
    return value is None or value == ""


def folded(row: Mapping[str, object]) -> dict[str, object]:
    """The row with trimmed keys in small letters; of keys that become equal the first with a value counts."""
    found: dict[str, object] = {}
    for key, value in row.items():
        name = key.strip().casefold()
        if name not in found or is_empty(found[name]):
            found[name] = value
    return found


def without_suffixes(row: Mapping[str, object]) -> tuple[dict[str, object], list[str]]:
    """Undo what a union over tables did to column names, and name the columns whose parts disagree.

    ``Status_dynamic`` and ``Status_string`` become ``Status``, with the first value that says anything.
    """
    found: dict[str, object] = {}
    conflicts: list[str] = []
    for key in _plain_first(row):
        value, base = row[key], without_suffix(key.strip())
        if base == key or base not in found or is_empty(found[base]):
            found[base] = value
        elif not is_empty(value):
            found[key] = value
            conflicts.append(base)
    return found, conflicts


def _plain_first(row: Mapping[str, object]) -> Iterable[str]:
    return sorted(row, key=lambda key: without_suffix(key.strip()) != key)
