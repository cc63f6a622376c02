"""One detection in SPL: search, canonical columns, derived columns, lookups, condition.

Every column is text and never null: ``""`` when missing, so that each comparison is true or false. Values come from
``spath`` on the raw record, because automatic extraction ends after 5,000 characters and tears lists apart.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from unissued.convert.kusto import column
from unissued.convert.plan import Branch, in_order, words_of
from unissued.convert.splunk import SplunkCondition, quoted
from unissued.convert.tree import fields_of
from unissued.errors import UnsupportedError
from unissued.pack import Field, ListSpec, Table
from unissued.pack.path import Step, parse_path

_PLACE = re.compile(r"\{(?:(guid|token_of):)?([^{}]+)\}")
_ELEMENT_NAMES = {"modifiedproperties": "displayName", "additionaldetails": "key"}
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
_SECONDS = '_time=floor(coalesce(strptime(substr(event_time,1,19)."+0000","%Y-%m-%dT%H:%M:%S%z"),_time))'
_GUID = r'"^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\z"'


@dataclass(frozen=True)
class Reading:
    """A search that ends in canonical columns and the events that meet the condition."""

    search: str
    """The first search, without a command."""
    stages: tuple[str, ...]
    """The commands after it, without pipes."""
    columns: tuple[str, ...]
    """What it is about: event time ``_time`` first."""
    lists: tuple[str, ...]


def read(
    branch: Branch,
    table: Table,
    specs: Mapping[str, ListSpec],
    keys: Mapping[str, str],
    *,
    terms: str = "",
    early: tuple[str, ...] = (),
    show: bool = True,
) -> Reading:
    """Write the search of one log source up to and including the condition, with the key columns of a correlation.

    Args:
        branch: what to read.
        table: where.
        specs: the lists that rules may ask for.
        keys: name of a key in the correlation -> field of this rule.
        terms: more terms of the first search.
        early: commands to put right after the search.
        show: whether to compute the fields for the analyst.
    """
    source = branch.source
    shown = branch.shown() if show else []
    condition = SplunkCondition(source.fields, specs)
    where = "" if isinstance(branch.condition, bool) else condition.expression(branch.condition)
    needed = in_order(source, dict.fromkeys((*fields_of(branch.condition), *keys.values(), source.id, *shown)))
    used = {*shown, *keys.values(), *(name for known in needed for name in known.sources)}
    stages = [*early, *_columns(branch, needed, table, used), *_derived(needed)]
    for (name, field), hit in condition.lookups.items():
        # What begins with # is no entry but says something about the list, so # alone is on none.
        text = column(field)
        stages.append(f'eval lookup_key=if(len({text})=0 OR substr({text},1,1)="#","#",lower({text}))')
        stages.append(f"lookup unissued_{name} key AS lookup_key OUTPUT key AS {hit}")
    if where:
        stages.append(f"where {where}")
    several = [name for name in shown if source.fields[name].many]
    stages += [
        f'eval {column(name)}=coalesce(mvindex(mvsort({column(name)}),0),"")'
        for name in several
        if name not in keys.values()
    ]
    for key, field in keys.items():
        stages += _key(key, source.fields[field])
    names = [
        column(name) for name in dict.fromkeys((source.id, *shown)) if name not in keys.values() or name not in several
    ]
    columns = tuple(dict.fromkeys(("_time", *names)))
    return Reading(_search(branch, table, terms), tuple(stages), columns, branch.lists())


def _search(branch: Branch, table: Table, terms: str) -> str:
    parts = [terms, "index=*", table.where]
    found = branch.operations()
    if found is not None:
        field, names = found
        path = branch.source.fields[field].paths[table.name]
        # A star cannot be escaped in a search, and deep fields may lie beyond what is extracted by itself.
        if "." not in path and not any(char in text for text, _ in names for char in '*"\\'):
            tests = [f"{path}={quoted(text + ('*' if is_open else ''))}" for text, is_open in names]
            parts.append(f"({' OR '.join(tests)})")
    return " ".join(filter(None, parts))


def form(kind: str, enum: Mapping[str, int], raw: str) -> str:
    """Return an expression for the canonical form of a text (evaluate/canon.py); ``""`` when there is none."""
    blank = r'"^[ \t\r\n]+|[ \t\r\n]+\z",""'
    match kind:
        case "guid":
            bare = rf'replace(lower({raw}),"^[ \t\r\n{{}}\"]+|[ \t\r\n{{}}\"]+\z","")'
            parts = r'"^([0-9a-f]{8})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{4})([0-9a-f]{12})\z","\1-\2-\3-\4-\5"'
            return f"replace({bare},{parts})"
        case "upn":
            return f"replace(lower({raw}),{blank})"
        case "token":
            return rf'replace(replace(replace(replace({raw},{blank}),"=+\z",""),"[+]","-"),"/","_")'
        case "int":
            number = r'"^[ \t\r\n]*(-?)0*([0-9]{1,18})(?:[.]0+)?[ \t\r\n]*\z"'
            words = "".join(f',lower(trim({raw}))={quoted(word)},"{value}"' for word, value in enum.items())
            return rf'case(match({raw},{number}),replace({raw},{number},"\1\2"){words},true(),"")'
        case "bool":
            word = f"lower(trim({raw}))"
            return f'case(in({word},"true","1"),"true",in({word},"false","0"),"false",true(),"")'
        case "time":
            day, clock = r"[2-9][0-9]{3}-[0-9]{2}-[0-9]{2}", r"[0-9]{2}:[0-9]{2}:[0-9]{2}"
            shape = rf'"^[ \t\r\n]*({day})[Tt ]({clock})(?:[.][0-9]*)?(?:[Zz]|[+-]00:00)?[ \t\r\n]*\z"'
            return rf'if(match({raw},{shape}),replace({raw},{shape},"\1T\2Z"),"")'
        case "ip":
            first = rf'replace(replace(lower({raw}),{blank}),"(?s)[,; ].*\z","")'
            four = r'"^(?:\[?::ffff:)?([0-9]{1,3}(?:[.][0-9]{1,3}){3})(?:%[^\]:]*)?\]?(?::[0-9]*)?\z","\1"'
            six = r'"(?s)^\[([^\]%]*).*\z","\1"'
            none = r'"^(?:<null>|0[.]0[.]0[.]0)\z",""'
            return rf'replace(replace(replace(replace({first},{four}),{six}),"(?s)%.*\z",""),{none})'
    return raw


def _spath(place: str, path: str) -> str:
    return f'coalesce(nullif(spath({place},{quoted(path)}),"null"),"")'


def _dotted(steps: tuple[Step, ...]) -> str:
    return ".".join(step.key + ("{}" if step.element is not None else "") for step in steps)


def event_time(table: Table) -> list[str]:
    """Return the commands that set ``_time`` to the event time that the record itself tells, in UTC."""
    raw = _spath("_raw", table.time["splunk"])
    return [f"eval event_time={raw}", f"eval event_time={form('time', {}, 'event_time')},\n    {_SECONDS}"]


def _columns(branch: Branch, needed: list[Field], table: Table, used: set[str]) -> list[str]:
    evals = [f"event_time={_spath('_raw', table.time['splunk'])}"]
    forms = [f"event_time={form('time', {}, 'event_time')}"]
    lists: dict[tuple[Step, ...], str] = {}
    later: list[str] = []
    for known in needed:
        if known.derive:
            continue
        path = parse_path(known.paths[table.name])
        name = column(known.name)
        if not known.many:
            evals.append(f"{name}={_spath('_raw', _dotted(path))}")
            if known.type != "text":
                forms.append(f"{name}={form(known.type, words_of(branch, known, used), name)}")
            continue
        last = max(index for index, step in enumerate(path) if step.element is not None)
        head = tuple(Step(step.key, None if step.element is None else "") for step in path[: last + 1])
        place = lists.setdefault(head, f"list{len(lists) + 1}")
        later += _elements(branch, known, path[last], path[last + 1 :], place)
    evals += [f"{name}={_elements_at(path)}" for path, name in lists.items()]
    forms.append(_SECONDS)
    return ["eval " + ",\n    ".join(evals), "eval " + ",\n    ".join(forms), *later]


def _elements_at(path: tuple[Step, ...]) -> str:
    """Return an expression for the elements of a list, which can also stand there as JSON in a text."""
    first = next(index for index, step in enumerate(path) if step.element is not None)
    whole = _dotted((*path[:first], Step(path[first].key)))
    inside = ".".join(["{}", *filter(None, [_dotted(path[first + 1 :])])])
    return f"coalesce(spath(_raw,{quoted(_dotted(path))}),spath(spath(_raw,{quoted(whole)}),{quoted(inside)}))"


def _elements(branch: Branch, known: Field, step: Step, rest: tuple[Step, ...], place: str) -> list[str]:
    """Return the commands that take a field's values out of the elements of a list, name and value together."""
    name = column(known.name)
    unified = branch.source.key.startswith("m365/")
    key = "Name" if unified else _ELEMENT_NAMES.get(step.key.lower(), "Name")
    value = _spath(place, rest[0].key) if rest else f'coalesce({place},"")'
    deep = rest[1:]
    value = value if deep else form(known.type, known.enum, value)
    if step.element:
        value = f'if({_spath(place, key)}={quoted(step.element)},{value},"")'
    stages = [f"eval {name}=mvmap({place},{value})", f"eval {name}=mvfilter(len({name})>0)"]
    if deep:
        # The value is itself JSON in a text.
        inner = form(known.type, known.enum, _spath(name, _dotted(deep)))
        stages += [f"eval {name}=mvmap({name},{inner})", f"eval {name}=mvfilter(len({name})>0)"]
    return stages


def _derived(needed: list[Field]) -> list[str]:
    by_name = {known.name: known for known in needed}
    stages: list[str] = []
    for known in needed:
        if not known.derive:
            continue
        if not known.spl:
            raise UnsupportedError.at(known.name, "cannot be computed in SPL")
        before: list[str] = []
        expression = _PLACE.sub(lambda found: _placed(found, by_name, before), known.spl)  # noqa: B023
        name = column(known.name)
        stages += [*before, f"eval {name}={expression}"]
        if known.many:
            stages.append(f"eval {name}=mvdedup(mvfilter(len({name})>0))")
    return stages


def _placed(found: re.Match[str], by_name: Mapping[str, Field], before: list[str]) -> str:
    """Return what stands for a field in a template; commands that must come before are added to ``before``."""
    known = by_name[found[2]]
    name = column(known.name)
    if known.many:
        first = f"{name}_first"
        before.append(f'eval {first}=coalesce(mvindex(mvsort({name}),0),"")')
        name = first
    match found[1]:
        case "guid":
            return form("guid", {}, name)
        case "token_of":
            before += _token_of(name)
            return f"token_of_{name}"
    return name


def _token_of(name: str) -> list[str]:
    """Return the commands that write a request id as a token id.

    Its bytes in little-endian field order, three hexadecimal digits at a time, are two characters of base64url.
    """
    turned = r'"^(..)(..)(..)(..)(..)(..)(..)(..)(.{16})\z","\4\3\2\1\6\5\8\7\9"'
    digits = "tonumber(substr(hex,tonumber(at),3),16)"
    two = f"substr(alphabet,floor({digits}/64)+1,1).substr(alphabet,{digits}%64+1,1)"
    return [
        f"eval guid={form('guid', {}, name)}",
        f'eval hex=if(match(guid,{_GUID}),replace(replace(guid,"-",""),{turned})."0",""),\n'
        f'    at=mvrange(1,34,3), alphabet="{_ALPHABET}"',
        f'eval token_of_{name}=if(hex="","",mvjoin(mvmap(at,{two}),""))',
    ]


def _key(key: str, known: Field) -> list[str]:
    name = column(known.name)
    stages = [f"eval {key}={name}"] if known.type == "token" else [f"eval {key}=lower({name})"]
    if known.many:
        stages = [f"eval {key}={name}"]
        if known.type != "token":
            stages = [f"eval {key}=mvdedup(mvmap({name},lower({name})))"]
        stages.append(f"mvexpand {key}")
    return stages
