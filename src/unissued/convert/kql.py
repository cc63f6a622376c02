"""One detection in KQL: table, prefilter, canonical columns, derived columns, condition, projection."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from unissued.convert.kusto import KustoCondition, column, quoted
from unissued.convert.plan import Branch, in_order, words_of
from unissued.convert.query import ROWS
from unissued.convert.tree import fields_of
from unissued.errors import UnsupportedError
from unissued.pack import Field, ListSpec, Table
from unissued.pack.path import Step, parse_path

# The canonical forms of evaluate/canon.py. Each is written once into a query that needs it.
_BLANK = r"[ \t\r\n]+"
_FORMS = {
    "guid": (
        "let canon_guid = (v: string) {\n"
        r"    replace_regex(trim(@'[ \t\r\n{}" + '"' + r"]+', tolower(v)),"
        "\n"
        r"        @'^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})$', @'\1-\2-\3-\4-\5')"
        "\n};"
    ),
    "upn": f"let canon_upn = (v: string) {{ trim(@'{_BLANK}', tolower(v)) }};",
    "token": (
        f"let canon_token = (v: string) {{\n"
        f"    replace_string(replace_string(trim_end('=+', trim(@'{_BLANK}', v)), '+', '-'), '/', '_')\n}};"
    ),
    "time": "let canon_time = (v: datetime) { iff(v >= datetime(2000-01-01), v, datetime(null)) };",
    "bool": (
        "let canon_bool = (v: string) {\n"
        f"    case(trim(@'{_BLANK}', tolower(v)) in ('true', '1'), 'true',"
        f" trim(@'{_BLANK}', tolower(v)) in ('false', '0'), 'false', '')\n}};"
    ),
    "ip": (
        "let canon_ip = (v: string) {\n"
        f"    replace_regex(replace_regex(replace_regex(replace_regex(replace_regex(trim(@'{_BLANK}', tolower(v)),\n"
        r"        @'(?s)[,; ].*$', ''),"
        "\n"
        r"        @'^(?:\[?::ffff:)?([0-9]{1,3}(?:\.[0-9]{1,3}){3})(?:%[^\]:]*)?\]?(?::[0-9]*)?$', @'\1'),"
        "\n"
        r"        @'(?s)^\[([^\]%]*).*$', @'\1'), @'(?s)%.*$', ''), @'^(?:<null>|0\.0\.0\.0)$', '')"
        "\n};"
    ),
    "int": r"let canon_int = (v: string) { tolong(extract(@'^(-?[0-9]{1,18})(?:\.0+)?$', 1, v)) };",
    "token_of": (
        "let token_of = (v: string) {\n"
        "    iff(v matches regex '^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$',\n"
        "        trim_end('=+', replace_string(\n"
        "            replace_string(base64_encode_fromguid(toguid(v)), '+', '-'), '/', '_')), '')\n};"
    ),
}
_PLACE = re.compile(r"\{(?:(guid|token_of):)?([^{}]+)\}")
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_ELEMENT_NAMES = {"modifiedproperties": "displayName", "additionaldetails": "key"}


class Definitions:
    """The ``let`` functions and lists that a query needs, each once."""

    def __init__(self, specs: Mapping[str, ListSpec]) -> None:
        self.specs = specs
        self._forms: dict[str, str] = {}
        self._numbers: dict[tuple[tuple[str, int], ...], str] = {}
        self.lists: dict[str, None] = {}

    def use(self, form: str) -> str:
        """Return the name of the function of a canonical form, having asked for its definition."""
        self._forms.setdefault(form, _FORMS[form])
        return form if form == "token_of" else f"canon_{form}"

    def number(self, words: Mapping[str, int]) -> str:
        """Return the name of the function that reads a number, or one of the words for it."""
        plain = self.use("int")
        if not words:
            return plain
        return self._numbers.setdefault(tuple(words.items()), f"{plain}{len(self._numbers) + 1}")

    def text(self) -> str:
        """Return the definitions, lists last."""
        lists = [_given(self.specs[name]) or self._watchlist(name) for name in self.lists]
        numbers = [_number_form(name, words) for words, name in self._numbers.items()]
        return "".join(part + "\n" for part in [*self._forms.values(), *numbers, *lists])

    def _watchlist(self, name: str) -> str:
        key = "tolower(trim(@'[ \\t\\r\\n]+', tostring(SearchKey)))"
        if (kind := self.specs[name].key) in ("guid", "ip"):
            key = f"{self.use(kind)}(tostring(SearchKey))"
        return (
            f"let {name}_rows = materialize(_GetWatchlist('unissued_{name}')\n"
            f"    | project Key = {key} | where isnotempty(Key) | distinct Key);\n"
            f"let {name} = {name}_rows | where Key !startswith '#';\n"
            f"let {name}_fault = toscalar({name}_rows\n"
            f"    | summarize Rows = countif(Key !startswith '#'),\n"
            f"        Said = max(tolong(extract('^{ROWS}([0-9]+)$', 1, Key)))\n"
            f"    | project case({', '.join(_faults(self.specs[name]))}, ''));"
        )

    def watched(self) -> list[ListSpec]:
        """Return the lists that the target keeps, so that they can be damaged."""
        return [self.specs[name] for name in self.lists if self.specs[name].given is None]


def _given(spec: ListSpec) -> str:
    if spec.given is None:
        return ""
    return f"let {spec.name} = datatable(Key: string)[{', '.join(map(quoted, spec.given))}];"


def _faults(spec: ListSpec) -> list[str]:
    """Return pairs of a test and what is wrong with a list that meets it."""
    faults = []
    if spec.if_empty == "refuse":
        faults.append("Rows == 0, 'is empty or missing'")
    if spec.if_empty == "refuse" and spec.learned:
        faults.append(f"isnull(Said), 'has no row {ROWS}N'")
    return [*faults, "isnotnull(Said) and Rows != Said, strcat('has ', Rows, ' of ', Said, ' rows')"]


def _number_form(name: str, words: tuple[tuple[str, int], ...]) -> str:
    cases = ", ".join(f"v =~ {quoted(word)}, {number}" for word, number in words)
    return f"let {name} = (v: string) {{ coalesce(canon_int(v), case({cases}, long(null))) }};"


@dataclass(frozen=True)
class Reading:
    """A pipeline that ends in canonical columns and the rows that meet the condition."""

    text: str
    columns: tuple[str, ...]
    """What it projects, time first."""


def read(
    branch: Branch,
    target: str,
    define: Definitions,
    keys: Mapping[str, str],
    *,
    early: Sequence[str] = (),
    carry: Sequence[str] = (),
    show: bool | Sequence[str] = True,
    identify: bool = True,
) -> Reading:
    """Write the pipeline of one log source up to and including the condition, with the key columns of a correlation.

    Args:
        branch: what to read.
        target: in which target.
        define: collects the definitions that the pipeline needs.
        keys: name of a key in the correlation -> field of this rule.
        early: commands to put right after a table.
        carry: columns that they add.
        show: whether to compute the fields for the analyst, or which.
        identify: whether to compute the record's id.
    """
    source = branch.source
    define.lists.update(dict.fromkeys(branch.lists()))
    shown = (_shown(branch, target, keys) if show else []) if isinstance(show, bool) else list(show)
    condition = KustoCondition(source.fields)
    where = "" if isinstance(branch.condition, bool) else condition.expression(branch.condition)
    identity = [source.id] if identify else []
    needed = in_order(source, dict.fromkeys((*fields_of(branch.condition), *keys.values(), *identity, *shown)))
    needed = [known for known in needed if known.derive or branch.has(known.name)]
    time = branch.tables[0].time[target]
    columns = [time, *carry]
    if target == "defender" and all("ReportId" in table.columns for table in branch.tables):
        columns.append("ReportId")  # a Defender rule must return it
    lines = _table(branch, needed, time, early, carry)
    used = {*shown, *keys.values(), *(name for known in needed for name in known.sources)}
    lines += _columns(branch, needed, define, condition, columns, used)
    lines += _derived(branch, needed, define)
    if where:
        lines.append(f"| where {where}")
    if identify and branch.has(source.id):
        shown = list(dict.fromkeys((source.id, *shown)))
    columns += [column(name) for name in shown if not _is_array(source.fields[name])]
    for key, field in keys.items():
        lines += _key(key, source.fields[field])
    return Reading("\n".join(lines), tuple(dict.fromkeys(columns)))


def _shown(branch: Branch, target: str, keys: Mapping[str, str]) -> list[str]:
    """Return the fields for the analyst, without the ones that the event time and the keys already say."""
    times = {table.time[target] for table in branch.tables}
    fields = branch.source.fields
    known = {name for name in keys.values() if fields[name].type == "token"}
    tables = [table.name for table in branch.tables]
    for name, field in fields.items():
        if field.type == "time" and {field.paths.get(table) for table in tables} <= times:
            known.add(name)
    return [name for name in branch.shown() if name not in known]


def _table(branch: Branch, needed: list[Field], time: str, early: Sequence[str], carry: Sequence[str]) -> list[str]:
    """Begin a pipeline: one table, or the parts of a log source side by side, each with the same few columns."""
    first = branch.tables[0]
    if len(branch.tables) == 1:
        happened = first.event_time
        moved = f"| extend {time} = iff({happened} >= datetime(2000-01-01), {happened}, {time})"
        steps = [*early, *([moved] if happened else []), *([f"| where {first.where}"] if first.where else [])]
        return [first.name, *steps, *_prefilter(branch, first)]
    raw = [known for known in needed if not known.derive]
    parts = []
    for table in branch.tables:
        if table.where or table.time != first.time:
            raise UnsupportedError.at(branch.rule.name, f"{table.name} and {first.name} are not alike")
        columns: dict[str, str] = {}
        for known in raw:
            paths = {known.paths[one.name] for one in branch.tables if branch.has(known.name, one)}
            if len(paths) > 1:
                raise UnsupportedError.at(branch.rule.name, f"{known.name} is called differently in its tables")
            root = parse_path(paths.pop())[0].key
            none = "datetime(null)" if known.type == "time" else '""'
            columns.setdefault(root, root if branch.has(known.name, table) else f"{root} = {none}")
        names = dict.fromkeys([time, *carry, *columns.values()])
        steps = [*early, *_prefilter(branch, table), f"| project {', '.join(names)}"]
        parts.append(f"    ({table.name}\n" + "\n".join(f"        {step}" for step in steps) + ")")
    return ["union isfuzzy=true\n" + ",\n".join(parts)]


def _is_array(known: Field) -> bool:
    return known.many and bool(known.derive)


def _prefilter(branch: Branch, table: Table) -> list[str]:
    found = branch.operations()
    if found is None:
        return []
    field, names = found
    raw = _raw(parse_path(branch.source.fields[field].paths[table.name]))
    whole = [quoted(text) for text, is_open in names if not is_open]
    tests = [f"{raw} in~ ({', '.join(whole)})"] if whole else []
    tests += [f"{raw} startswith {quoted(text)}" for text, is_open in names if is_open]
    return ["| where " + "\n    or ".join(tests)]


def _raw(path: tuple[Step, ...], start: str = "") -> str:
    """Return the text at a path without lists; ``start`` is an expression to begin at instead of a column."""
    if not start and len(path) == 1:
        return f"tostring({path[0].key})" if path[0].key != "Operation" else path[0].key
    head, rest = (start, path) if start else (f"todynamic({path[0].key})", path[1:])
    return f"tostring({head}{''.join(_member(step.key) for step in rest)})"


def _member(key: str) -> str:
    return f".{key}" if _PLAIN.match(key) else f"[{quoted(key)}]"


def _canonical(known: Field, raw: str, define: Definitions, words: Mapping[str, int]) -> str:
    if known.type == "text":
        return raw
    if known.type == "time":
        return f"{define.use('time')}(todatetime({raw.removeprefix('tostring(').removesuffix(')')}))"
    if known.type == "int":
        return f"{define.number(words)}(trim(@'{_BLANK}', {raw}))"
    return f"{define.use(known.type)}({raw})"


def _columns(
    branch: Branch,
    needed: list[Field],
    define: Definitions,
    condition: KustoCondition,
    columns: Sequence[str],
    used: set[str],
) -> list[str]:
    """Write the canonical columns; ``used`` are the fields that are used beyond the condition."""
    paths = {
        known.name: parse_path(known.paths[next(one for one in branch.tables if branch.has(known.name, one)).name])
        for known in needed
        if not known.derive
    }
    plain = [known for known in needed if not known.derive and not known.many]
    listed = [known for known in needed if not known.derive and known.many]
    extends = []
    for known in plain:
        value = _canonical(known, _raw(paths[known.name]), define, words_of(branch, known, used))
        if value != column(known.name):
            extends.append(f"{column(known.name)} = {value}")
    groups: dict[tuple[Step, ...], list[Field]] = {}
    for known in listed:
        if known.type in ("int", "time", "bool"):
            raise UnsupportedError.at(known.name, f"a list of type {known.type} cannot be converted")
        groups.setdefault(_lists_on(paths[known.name]), []).append(known)
    starts = {path: f"List{index}" for index, path in enumerate(groups, 1)}
    extends += [f"{name} = {_raw(_to_list(path))}" for path, name in starts.items()]
    lines = ["| extend\n    " + ",\n    ".join(extends)] if extends else []
    kept = [*columns, *(column(known.name) for known in plain), *starts.values()]
    for path, fields in groups.items():
        kept.remove(starts[path])
        lines += _expanded(path, fields, starts[path], branch, define, condition, kept, used)
    return lines


def _lists_on(path: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return a path up to its last list, without the names of elements."""
    last = max(index for index, step in enumerate(path) if step.element is not None)
    return tuple(Step(step.key, None if step.element is None else "") for step in path[: last + 1])


def _to_list(path: tuple[Step, ...]) -> tuple[Step, ...]:
    """Return the beginning of a path up to its first list."""
    first = next(index for index, step in enumerate(path) if step.element is not None)
    return path[: first + 1]


def _expanded(
    path: tuple[Step, ...],
    fields: list[Field],
    start: str,
    branch: Branch,
    define: Definitions,
    condition: KustoCondition,
    kept: list[str],
    smallest: set[str],
) -> list[str]:
    """Write the expansion of one list: per element its values, then per record whether an element meets a test."""
    lines: list[str] = []
    text = start
    behind = list(path[len(_to_list(path)) :])
    # Where there is no list the record stays, with one element that holds nothing.
    nothing = "{}" if any(len(parse_path(one.paths[branch.tables[0].name])) > len(path) for one in fields) else '""'
    while True:
        lines += [
            f"| extend {start} = parse_json({text})",
            f"| mv-expand Element = iff(array_length({start}) > 0, {start}, dynamic([{nothing}]))",
        ]
        if not behind:
            break
        cut = next(index for index, step in enumerate(behind) if step.element is not None) + 1
        text, behind = _raw(tuple(behind[:cut]), "Element"), behind[cut:]
    values = []
    for known in fields:
        full = parse_path(known.paths[branch.tables[0].name])
        last = full[len(path) - 1]
        rest = full[len(path) :]
        raw = _raw(rest[:1], "Element")
        if rest[1:]:  # the value is itself JSON, mostly in a text
            raw = _raw(rest[1:], f"parse_json({raw})")
        value = _canonical(known, raw, define, {})
        if last.element:
            unified = branch.source.key.startswith("m365/")
            name = "Name" if unified else _ELEMENT_NAMES.get(last.key.lower(), "Name")
            value = f'iff(tostring(Element.{name}) == {quoted(last.element)}, {value}, "")'
        values.append(f"{column(known.name)} = {value}")
    lines.append("| extend\n    " + ",\n    ".join(values))
    names = [known.name for known in fields]
    counts = [f"{name} = countif({test})" for (field, test), name in condition.counts.items() if field in names]
    wanted = [column(known.name) for known in fields if known.name in smallest]
    sets = [f"{name} = make_set({name})" for name in wanted]
    lines.append("| summarize\n    " + ",\n    ".join([*counts, *sets]) + f"\n    by {', '.join(dict.fromkeys(kept))}")
    if wanted:
        # The smallest value that is not empty: a set holds the empty one once.
        lines.append("| extend\n    " + ",\n    ".join(f"{name} = array_sort_asc({name})" for name in wanted))
        firsts = [f"{name} = tostring({name}[iff(isempty(tostring({name}[0])), 1, 0)])" for name in wanted]
        lines.append("| extend\n    " + ",\n    ".join(firsts))
    kept += wanted
    kept += [name for (field, _), name in condition.counts.items() if field in names]
    return lines


def _derived(branch: Branch, needed: list[Field], define: Definitions) -> list[str]:
    def place(found: re.Match[str]) -> str:
        form, name = found[1], found[2]
        if not branch.has(name):
            return '""'
        if form == "guid":
            return f"{define.use('guid')}({column(name)})"
        if form == "token_of":
            return f"{define.use('token_of')}({define.use('guid')}({column(name)}))"
        return column(name)

    lines = []
    for known in needed:
        if known.derive:
            if not known.kql:
                raise UnsupportedError.at(known.name, "cannot be computed in KQL")
            lines.append(f"| extend {column(known.name)} = {_PLACE.sub(place, known.kql)}")
    return lines


def _key(key: str, known: Field) -> list[str]:
    name = column(known.name)
    if _is_array(known):
        return [f"| mv-expand {key} = {name} to typeof(string)"]
    if known.many:
        raise UnsupportedError.at(known.name, "has several values and cannot be a key in KQL")
    if known.type == "token":
        return [f"| extend {key} = {name}"] if key != name else []
    if known.type == "time":
        # Kusto keeps fractions of a second, so what is one key elsewhere would be several here.
        raise UnsupportedError.at(known.name, "is a time and can neither be a key nor be counted in KQL")
    if known.type == "int":
        return [f"| extend {key} = tostring({name})"]
    return [f"| extend {key} = tolower({name})"]
