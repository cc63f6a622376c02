"""Random rules and random records of their log sources; few values, so that rules and records meet.

Left out is what the specification leaves open: lists in parts of a derived field, mappings where a value should stand,
and expressions over letters that Python's engine and RE2 fold differently.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from random import Random
from typing import Any, TypeAlias

from judge.values import CATALOGUE, sources_of, steps

Case: TypeAlias = "tuple[dict[str, Any], str, list[dict[str, Any]], dict[str, list[str]]]"
"""A definition, the key of a log source, raw records of it, and lists."""

_RECORDS = 12
_ARCHIVE = "59023ab3-013c-4280-b33a-9378b21b0acf"
_REQUEST = "22608a25-1d9b-44b5-b0f2-cb94f06b2d00"

# Raw values of records, by type: what rules ask for in the spellings of products, its neighbours, and what is no value.
_RAW: dict[str, list[Any]] = {
    "text": ["a", "A", "ab", "aB", "b", "ba", "a*", "a?b", "a\\b", "axb", "a\nb", "aéb", "é", "\u212a", "k", " a "]
    + ["True", True, False, 0, 5, 50, -1, "5", "50", "50.0", "1.5", "50126", ";", "Client=;"]
    + ["Client=OWA;a", "client=owa", " Client=REST ; x"],
    "guid": [_ARCHIVE.upper(), f"{{{_ARCHIVE}}}", "x", " X", "{}", '""', _REQUEST.replace("-", ""), f'"{_REQUEST}"']
    + [_REQUEST[:-1]],
    "upn": ["alice@contoso.example", " Alice@Contoso.Example", "BOB@contoso.example\t", "al\u0131ce@contoso.example"]
    + [" "],
    "token": ["AbCd", "abcd", "AbCd==", " AbCd", "Ab+d", "Ab-d", "Ab/d=", "Ab_d", "=", "JYpgIpsdtUSw8suU8GstAA"],
    "int": [0, 1, 2, 5, 50, -1, "0", "5", " 50 ", "50.0", "1.5", 1.5, 50.0, "x", True, "1_0"]
    + ["Regular", "ADMIN", " owner ", "OWAAuth"],
    "bool": [True, False, "True", "false", " TRUE ", 0, 1, "0", "1", 2, "yes"],
    "time": ["2023-05-15T22:00:00", "2023-05-15 22:30:00.123Z", "2023-05-16T00:30:00+02:00", "2023-05-15T22:00"]
    + ["2023-05-15T17:00:00-0500", "2023-06-01T00:00:00 UTC", "1999-12-31T23:59:59Z", "2023-02-30T00:00:00Z", "soon"],
    "ip": ["192.0.2.7", "192.0.2.7:443", "[192.0.2.7]:443", "::ffff:192.0.2.7", "192.0.2.70", "::ffff:c000:207"]
    + ["198.51.100.1, 192.0.2.7", "2001:db8::7", "[2001:DB8::7]:51000", "2001:db8::7%3", "2001:db8:0:7::1", "::1"]
    + ["<null>", "0.0.0.0", "somewhere", "192.0.2.300", "192.0.2"],  # noqa: S104
}
_OPERATIONS = ["Add app role assignment to service principal.", "ADD APP ROLE ASSIGNMENT", "Consent to application"]
_OPERATIONS += ["Update application – Certificates and secrets management ", "add service principal credentials."]
_OPERATIONS += ["Create application", "Delete application", "b"]
_NOTHING: list[Any] = [None, "", []]

# What rules ask for.
_ASKED: dict[str, list[str]] = {
    "text": ["a", "A", "ab", "b", "a*", "*b", "a?b", "?", "*", "a\\*", "a\\?b", "a\\b", "a\\\\*", "\\\\", "*a*b*"]
    + ["true", "5", "50", "50126", "Client=*", "owa", "REST", "-", "é", "\u212a", "k", " a "],
    "guid": [_ARCHIVE, _REQUEST, "x", "59023*", "*00", "X"],
    "upn": ["alice@contoso.example", "bob@contoso.example", "*@contoso.example", "Alice@*"],
    "token": ["AbCd", "abcd", "Ab?d", "Ab-d", "JYpgIpsdtUSw8suU8GstAA", "AbCd=="],
    "time": ["2023-05-15T22*", "2023-05-15T22:00:00Z", "2023-0?-*"],
    "ip": ["192.0.2.7", "2001:DB8::7", "192.0.2.*", "somewhere", "192.0.2.70"],
}
_PARTS = ["a", "B", "*a", "a?", "Client=", "OWA", "59023", "@contoso", "Ab", "cD", "2023-05-15T22", "192.0", "\\*", ":"]
_EXPRESSIONS = ["^a", "b$", "a.b", "^[a-c]+$", "(?:OWA|REST)", "^$", "a|d", "5{1,2}", r"\d+", r"a\\b", "^192", "[^b]$"]
_NETWORKS = ["192.0.2.0/24", "192.0.2.7/32", "192.0.2.64/26", "0.0.0.0/0", "2001:db8::/32", "2001:db8:0:7::/64"]
_NUMBERS = [-1, 0, 1, 2, 5, 50, 275]
_ORDERS = ["|gt", "|gte", "|lt", "|lte"]
_MODIFIERS = ["", "", "", "|cased", "|re", "|re|i", "|contains", "|contains|all", "|contains|cased"]
_MODIFIERS += ["|startswith", "|startswith|cased", "|endswith", "|endswith|cased"]

# The field that a list is about, and the list.
_LISTS = {
    "baseline_mail_apps": ("MailAppKey", ["-|-|OWA", "-|-|-", f"{_ARCHIVE}|-|rest", "*"]),
    "approved_mail_apps": ("ClientAppId", [f"{{{_ARCHIVE.upper()}}}", " x ", "", _REQUEST.replace("-", "")]),
}


def cases(seed: int, count: int) -> Iterator[Case]:
    """Yield random rules, each with a dozen random records of its log source."""
    random = Random(seed)  # noqa: S311
    for _ in range(count):
        source = random.choice(sorted(CATALOGUE["sources"]))
        logsource = _logsource(random, source)
        fields: dict[str, Any] = {}
        for key in sources_of({"logsource": logsource}):
            fields.update(CATALOGUE["sources"][key]["fields"])
        names = random.sample(sorted(fields), k=random.randint(2, 4))
        detection = _detection(random, fields, names)
        records = [_record(random, source, names) for _ in range(_RECORDS)]
        lists = {name: entries for name, (_, entries) in _LISTS.items()}
        yield {"logsource": logsource, "detection": detection}, source, records, lists


def _logsource(random: Random, source: str) -> dict[str, str]:
    """Name a source by itself, or with others as a category."""
    for category, sources in CATALOGUE["categories"].items():
        if source in sources and random.random() < 0.3:
            return {"category": category}
    product, service = source.split("/")
    return {"product": product, "service": service}


def _detection(random: Random, fields: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
    selections = [random.choice(["selection_", "filter_", "x_"]) + letter for letter in "abc"[: random.randint(1, 3)]]
    detection: dict[str, Any] = {name: _selection(random, fields, names) for name in selections}
    detection["condition"] = _condition(random, selections)
    return detection


def _condition(random: Random, names: list[str]) -> str:
    """Join every selection; a name may stand for itself or be one of a pattern."""
    parts = []
    for name in names:
        pattern = random.choice([f"1 of {name}", f"all of {name}", f"1 of {name[:-1]}*", f"all of {name[:-1]}*"])
        parts.append(random.choice(["", "", "not "]) + random.choice([name, name, pattern, f"(not {name})"]))
    if random.random() < 0.2:
        parts.append(random.choice(["1 of them", "not 1 of them", "all of them", "not all of them"]))
    text = parts[0]
    for part in parts[1:]:
        text = f"{text} {random.choice(['and', 'or'])} {part}"
        text = f"({text})" if random.random() < 0.3 else text
    return text


def _selection(random: Random, fields: Mapping[str, Any], names: list[str]) -> Any:
    maps = [dict(_item(random, fields, name) for name in random.sample(names, k=random.randint(1, 2)))]
    if random.random() < 0.2:
        maps.append(dict([_item(random, fields, random.choice(names))]))
    return maps if len(maps) > 1 else maps[0]


def _item(random: Random, fields: Mapping[str, Any], name: str) -> tuple[str, Any]:
    kind = fields[name]["type"]
    if random.random() < 0.1:
        return random.choice([(name, None), (f"{name}|exists", True), (f"{name}|exists", False)])
    if kind == "bool":
        return name, random.choice([True, False])
    if random.random() < 0.1:
        return f"{name}|fieldref", random.choice(sorted(fields))
    for listed, (about, _) in _LISTS.items():
        if name == about and random.random() < 0.4:
            return f"{name}|expand", f"%{listed}%"
    if kind == "ip" and random.random() < 0.4:
        return f"{name}|cidr", _some(random, _NETWORKS)
    if kind == "int" or (kind == "text" and random.random() < 0.25):
        return _number_item(random, name)
    if kind == "text" and random.random() < 0.1:
        return name, random.choice([True, False])
    modifiers = random.choice(_MODIFIERS)
    pool = _EXPRESSIONS if "re" in modifiers else _ASKED[kind]
    if "contains" in modifiers or "with" in modifiers:
        pool = pool + _PARTS
    return name + modifiers, _some(random, pool)


def _number_item(random: Random, name: str) -> tuple[str, Any]:
    if random.random() < 0.5:
        return name, _some(random, _NUMBERS)
    return name + random.choice(_ORDERS), random.choice(_NUMBERS)


def _some(random: Random, pool: list[Any]) -> Any:
    return random.choice(pool) if random.random() < 0.6 else random.sample(pool, k=random.randint(2, 3))


def _record(random: Random, source: str, names: list[str]) -> dict[str, Any]:
    """Make a record with most of the fields that are asked for, or of those that they are derived from."""
    fields = CATALOGUE["sources"][source]["fields"]
    record: dict[str, Any] = {}
    for name, may_be_list in _parts(fields, [name for name in names if name in fields]).items():
        if random.random() < 0.85:
            _put(random, record, steps(name), _raw(random, name, fields[name]["type"], may_be_list=may_be_list))
    return {key: _as_text(random, value) for key, value in record.items()}


def _parts(fields: Mapping[str, Any], names: list[str]) -> dict[str, bool]:
    """Return the fields of the record behind some fields, and whether a list of values may stand there.

    What a derived field with one value is where a part of it has several is not specified.
    """
    found: dict[str, bool] = {}
    for name in names:
        if "derive" in fields[name]:
            is_many = fields[name].get("many", False)
            inner = _parts(fields, fields[name]["from"])
            found.update({part: found.get(part, True) and is_many and inner[part] for part in inner})
        else:
            found.setdefault(name, True)
    return found


def _raw(random: Random, name: str, kind: str, *, may_be_list: bool) -> Any:
    if name in ("Operation", "OperationName") and random.random() < 0.7:
        return random.choice(_OPERATIONS)
    if random.random() < 0.1:
        return random.choice(_NOTHING)
    if may_be_list and random.random() < 0.1:
        return [random.choice([*_RAW[kind], None]) for _ in range(2)]
    return random.choice(_RAW[kind])


def _put(random: Random, into: dict[str, Any], path: list[tuple[str, str | None]], raw: Any) -> None:
    """Put a raw value where a path finds it, now and then beside it."""
    (key, element), rest = path[0], path[1:]
    if element is None:
        if not rest:
            into[key] = raw
        else:
            inner = into.setdefault(key, {})
            if isinstance(inner, dict):
                _put(random, inner, rest, raw)
        return
    elements = into.setdefault(key, [])
    if not rest and not element:
        elements.extend(raw if isinstance(raw, list) else [raw])
        return
    for _ in range(random.choice([1, 1, 2])):
        one: dict[str, Any] = {}
        if element:
            one[random.choice(["Name", "displayName", "key"])] = random.choice([element, element, element, "Other"])
        _put(random, one, rest, raw)
        elements.append(_as_text(random, one))
    random.shuffle(elements)


def _as_text(random: Random, value: Any) -> Any:
    """Write some lists and mappings as JSON text, as exports do, and text within text."""
    if isinstance(value, dict | list):
        for _ in range(random.choice([0, 0, 0, 1, 2, 3, 4])):
            value = json.dumps(value)
    return value
