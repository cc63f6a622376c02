"""The records of one log source with the fields that rules need, each a list of canonical texts."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence

from unissued.convert.plan import in_order
from unissued.errors import UnsupportedError
from unissued.pack import Field, Source
from unissued.pack.path import NAME_KEYS, Step, parse_path
from unissued.sql.canon import canonical, networked
from unissued.sql.derive import derived
from unissued.sql.dialect import DuckDB, each, keep, name, structured, text

RECORDS = "audit"
"""The view or table that the user gives."""
FRAME = ("rid", "time", "ingested")
"""Columns that every view of a log source has beside the fields."""
NETWORK = "#network"
"""Ends the name of the column that holds a field's addresses as digits."""

Path = tuple[Step, ...]


def view_name(source: Source) -> str:
    """Return what the view of a log source is called."""
    return "unissued_" + re.sub(r"[^a-z0-9]+", "_", source.key)


def view(dialect: DuckDB, source: Source, fields: Iterable[str], networks: Iterable[str]) -> str:
    """Return the query that reads the records of a log source.

    Args:
        dialect: whose JSON functions are used.
        source: the log source.
        fields: names of the fields that the view has to have.
        networks: those of them that are compared with networks.
    """
    wanted = sorted(set(fields))
    known = in_order(source, wanted)
    plain = [one for one in known if not one.derive]
    levels = [
        f"SELECT {', '.join(FRAME)}, {dialect.parsed('record')} AS r FROM {RECORDS} WHERE source = {text(source.key)}"
    ]
    nodes = _nodes([parse_path(one.name) for one in plain])
    columns = {path: f"j{number}" for number, path in enumerate(nodes, 1)}
    for depth in sorted({len(path) for path in nodes}):
        here = [path for path in nodes if len(path) == depth]
        levels.append(_select([f"{_node(dialect, path, columns)} AS {columns[path]}" for path in here], "*"))
    levels.append(_select([f"{_leaf(dialect, one, columns)} AS {name(one.name)}" for one in plain], *FRAME))
    levels += [
        _select([f"{derived(one, [name(part) for part in one.sources])} AS {name(one.name)}"], "*")
        for one in known
        if one.derive
    ]
    shown = [name(one) for one in wanted]
    shown += [f"{networked(name(one))} AS {name(one + NETWORK)}" for one in sorted(set(networks))]
    return _nested([*levels, _select(shown, *FRAME)])


def _select(expressions: Sequence[str], *columns: str) -> str:
    return f"SELECT {', '.join([*columns, *expressions])}"


def _nested(levels: Sequence[str]) -> str:
    """Return levels of selection as common table expressions, each reading from the one before."""
    steps = [
        f"level{number} AS ({level}{f' FROM level{number - 1}' if number else ''})"
        for number, level in enumerate(levels[:-1])
    ]
    return "WITH " + ",\n".join(steps) + f"\n{levels[-1]} FROM level{len(levels) - 2}"


def _nodes(paths: Iterable[Path]) -> list[Path]:
    """Return the inner nodes that paths go through, in a fixed order."""
    found = {path[:depth] for path in paths for depth in range(1, len(path))}
    return sorted(found, key=lambda path: (len(path), [(step.key, str(step.element)) for step in path]))


def _below(dialect: DuckDB, path: Path, columns: Mapping[Path, str]) -> str:
    """Return what lies under the last key of a path."""
    parent = columns[path[:-1]] if len(path) > 1 else "[r]"
    return keep(each(parent, dialect.below("v", path[-1].key)), "v IS NOT NULL")


def _elements(dialect: DuckDB, values: str) -> str:
    """Return values with every list replaced by its elements."""
    body = f"CASE WHEN {dialect.is_list('v')} THEN {dialect.elements('v')} ELSE [v] END"
    return f"flatten({each(values, body)})"


def _node(dialect: DuckDB, path: Path, columns: Mapping[Path, str]) -> str:
    """Return the objects that lie at an inner node."""
    found = structured(dialect, _below(dialect, path, columns))
    element = path[-1].element
    if element is None:
        return found
    found = structured(dialect, _elements(dialect, found))
    return keep(found, _is_named(dialect, element)) if element else found


def _is_named(dialect: DuckDB, element: str) -> str:
    own = f"coalesce({', '.join(dialect.below('v', key) for key in NAME_KEYS)})"
    return f"coalesce({dialect.is_text(own)} AND {dialect.string(own)} = {text(element)}, false)"


def _leaf(dialect: DuckDB, known: Field, columns: Mapping[Path, str]) -> str:
    """Return the canonical values of a field of the record."""
    path = parse_path(known.name)
    found = _below(dialect, path, columns)
    if path[-1].element:
        raise UnsupportedError.at(known.name, "ends with the name of an element", "name what of it is meant")
    if path[-1].element is not None:
        found = _elements(dialect, structured(dialect, found))
    texts = each(_elements(dialect, found), dialect.written("v"))
    return canonical(texts, known.type, known.enum)
