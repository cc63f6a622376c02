"""The canonical form of values, by the types of the field catalogue, over lists of texts."""

from __future__ import annotations

from collections.abc import Mapping

from unissued.sql.dialect import each, fold, keep, text

_BLANK = r"[ \t\r\n]"
FORM_OF_TIME = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}(:[0-9]{2})?([.,][0-9]*)?"
    r"[ \t\n\r\f\x0b]*([Zz]|[Uu][Tt][Cc]|[+-][0-9]{2}:?[0-9]{2})?\z"
)
"""What a time looks like, as a regular expression; whether there is such a day is another question."""
_ZONE = r"([+-][0-9]{2}:?[0-9]{2})\z"
_IPV4 = r"^(?:\[?::ffff:)?([0-9]{1,3}(?:\.[0-9]{1,3}){3})(?:%[^\]:]*)?\]?(?::[0-9]*)?\z"
_OCTET = "(25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_DOTTED = rf"{_OCTET}(\.{_OCTET}){{3}}"
_GROUPS = "[0-9a-f]{1,4}(:[0-9a-f]{1,4})*"
_YEAR_2000, _YEAR_10000 = 946684800, 253402300800


def canonical(values: str, kind: str, enum: Mapping[str, int]) -> str:
    """Return a list of texts in the canonical form of a type; what cannot be read as it is left out.

    Args:
        values: the expression of a list of texts, which may hold nulls.
        kind: a type of the field catalogue.
        enum: words that stand for numbers, for type ``int``.
    """
    if kind == "text":
        found = values
    elif kind == "int":
        found = each(each(values, stripped("v")), _whole(enum))
    elif kind == "bool":
        words = "WHEN 'true' THEN 'True' WHEN '1' THEN 'True' WHEN 'false' THEN 'False' WHEN '0' THEN 'False'"
        found = each(values, f"CASE {fold(stripped('v'))} {words} END")
    elif kind == "guid":
        found = guid(values)
    elif kind == "upn":
        found = each(values, fold(stripped("v")))
    elif kind == "token":
        bare = f"regexp_replace({stripped('v')}, '=+\\z', '')"
        found = each(values, f"translate({bare}, '+/', '-_')")
    elif kind == "time":
        found = each(each(each(values, stripped("v")), _seconds()), _written())
    else:
        found = _address(values)
    return keep(found, "v <> ''")


def stripped(value: str) -> str:
    """Return a text without white space around it."""
    return f"regexp_replace({value}, '^{_BLANK}+|{_BLANK}+\\z', '', 'g')"


def _whole(enum: Mapping[str, int]) -> str:
    number = "CAST(TRY_CAST(regexp_replace(v, '\\.0+\\z', '') AS BIGINT) AS VARCHAR)"
    words = "".join(f" WHEN {fold('v')} = {text(word)} THEN '{number}'" for word, number in sorted(enum.items()))
    return f"CASE WHEN regexp_matches(v, '^-?[0-9]{{1,18}}(\\.0+)?\\z') THEN {number}{words} END"


def guid(values: str) -> str:
    """Return a list of texts as GUIDs: small letters with dashes."""
    around = r'[ \t\r\n{}"]'
    bare = each(values, fold(f"regexp_replace(v, '^{around}+|{around}+\\z', '', 'g')"))
    parts = ((1, 8), (9, 4), (13, 4), (17, 4), (21, 12))
    dashed = " || '-' || ".join(f"substr(v, {start}, {length})" for start, length in parts)
    return each(bare, f"CASE WHEN regexp_matches(v, '^[0-9a-f]{{32}}\\z') THEN {dashed} ELSE v END")


def _number(value: str) -> str:
    return f"TRY_CAST({value} AS BIGINT)"


def days(value: str) -> str:
    """Return the days from 1970 to the date that a text begins with, null where there is no such date."""
    return f"date_diff('day', DATE '1970-01-01', TRY_CAST(substr({value}, 1, 10) AS DATE))"


def seconds_of(value: str) -> str:
    """Return the seconds since 1970 of a time in canonical form."""
    clock = "".join(
        f" + {_number(f'substr({value}, {at}, 2)')} * {unit}" for at, unit in ((12, 3600), (15, 60), (18, 1))
    )
    return f"({days(value)} * 86400{clock})"


def _seconds() -> str:
    """Return seconds since 1970 as text, of a time as records write it; null where it is none."""
    second = "CASE WHEN substr(v, 17, 1) = ':' THEN substr(v, 18, 2) ELSE '00' END"
    hour, minute, second = (_number(part) for part in ("substr(v, 12, 2)", "substr(v, 15, 2)", second))
    zone = f"regexp_extract(v, '{_ZONE}', 1)"
    away = f"({_number(f'substr({zone}, 2, 2)')} * 3600 + {_number(f'''substr({zone}, length({zone}) - 1, 2)''')} * 60)"
    offset = f"CASE substr({zone}, 1, 1) WHEN '+' THEN {away} WHEN '-' THEN -{away} ELSE 0 END"
    valid = (
        f"regexp_matches(v, '{FORM_OF_TIME}') AND {hour} <= 23 AND {minute} <= 59 AND {second} <= 59 "
        f"AND coalesce({away}, 0) < 86400"
    )
    moment = f"{days('v')} * 86400 + {hour} * 3600 + {minute} * 60 + {second} - ({offset})"
    return f"CASE WHEN {valid} THEN {moment} END"


def _written() -> str:
    """Return seconds since 1970 as text; nothing before 2000, where exports write that there is no time."""
    day = "CAST(DATE '1970-01-01' + CAST(v // 86400 AS INTEGER) AS VARCHAR)"
    clock = " || ':' || ".join(
        f"lpad(CAST({part} AS VARCHAR), 2, '0')" for part in ("((v % 86400) // 3600)", "((v % 3600) // 60)", "(v % 60)")
    )
    return f"CASE WHEN v >= {_YEAR_2000} AND v < {_YEAR_10000} THEN {day} || 'T' || {clock} || 'Z' END"


def _address(values: str) -> str:
    first = each(each(values, fold(stripped("v"))), "regexp_extract(v, '^([^,; ]*)', 1)")
    bare = (
        f"CASE WHEN regexp_matches(v, '{_IPV4}') THEN regexp_extract(v, '{_IPV4}', 1) "
        "WHEN starts_with(v, '[') THEN regexp_extract(v, '^\\[([^\\]%]*)', 1) ELSE regexp_extract(v, '^([^%]*)', 1) END"
    )
    return keep(each(first, bare), "v NOT IN ('<null>', '0.0.0.0')")


def _hex(number: str) -> str:
    digits = "'0123456789abcdef'"
    return f"substr({digits}, {number} // 16 + 1, 1) || substr({digits}, {number} % 16 + 1, 1)"


def _joined(parts: str) -> str:
    return f"array_to_string({parts}, '')"


def _octets(dotted: str) -> str:
    """Return a dotted address as eight hexadecimal digits."""
    return _joined(f"list_transform(string_split({dotted}, '.'), lambda o: {_hex(_number('o'))})")


def _digits(groups: str) -> str:
    """Return groups of an address of version 6 as hexadecimal digits."""
    return _joined(
        f"list_transform(list_filter(string_split({groups}, ':'), lambda g: g <> ''), lambda g: lpad(g, 4, '0'))"
    )


def networked(values: str) -> str:
    """Return addresses as hexadecimal digits: eight of version 4, also where it is mapped, else 32.

    A network is then a beginning. What is no address is left out.
    """
    tail = f"regexp_extract(v, '({_DOTTED})\\z', 1)"
    octets = _octets(tail)
    plain = (
        f"CASE WHEN regexp_matches(v, '^{_DOTTED}\\z') THEN '=' || {_octets('v')} "
        f"WHEN regexp_matches(v, '^[0-9a-f:]*:{_DOTTED}\\z') THEN regexp_extract(v, '^([0-9a-f:]*:)', 1) "
        f"|| substr({octets}, 1, 4) || ':' || substr({octets}, 5, 4) ELSE v END"
    )
    left, right = (_digits(f"regexp_extract(v, '{half}', 1)") for half in ("^([0-9a-f:]*)::", "::([0-9a-f:]*)\\z"))
    expanded = (
        "CASE WHEN starts_with(v, '=') THEN v "
        f"WHEN regexp_matches(v, '^[0-9a-f]{{1,4}}(:[0-9a-f]{{1,4}}){{7}}\\z') THEN '=' || {_digits('v')} "
        f"WHEN regexp_matches(v, '^({_GROUPS})?::({_GROUPS})?\\z') AND length({left}) + length({right}) <= 28 "
        f"THEN '=' || {left} || repeat('0', 32 - length({left}) - length({right})) || {right} ELSE '' END"
    )
    mapped = "=" + "0" * 20 + "ffff"
    bare = f"CASE WHEN starts_with(v, '{mapped}') THEN substr(v, 26, 8) ELSE substr(v, 2) END"
    return keep(each(each(each(values, plain), expanded), bare), "v <> ''")
