"""A rule's condition as SQL over lists of canonical texts: every comparison is true or false, never null."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import ip_network

from sigma.conditions import ConditionAND, ConditionFieldEqualsValueExpression, ConditionNOT, ConditionOR
from sigma.types import (
    SigmaBool,
    SigmaCasedString,
    SigmaCIDRExpression,
    SigmaCompareExpression,
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaNumber,
    SigmaRegularExpression,
    SigmaRegularExpressionFlag,
    SigmaString,
    SigmaTimestampPart,
    SpecialChars,
)

from unissued.convert.tree import Tree, leaves
from unissued.convert.value import placeholder_of
from unissued.errors import UnsupportedError
from unissued.pack import Field
from unissued.sql.dialect import DuckDB, fold, name, some, text
from unissued.sql.view import NETWORK

LISTS = "unissued_lists"
"""The view of the tenant's lists: ``list`` and ``entry``, entries in canonical form and small letters."""
_FOLDED = frozenset({"guid", "upn", "ip", "int"})
"""Types whose canonical form has no capital letters."""
_COMPARE = {"LT": "<", "LTE": "<=", "GT": ">", "GTE": ">="}
_FLAGS = {
    SigmaRegularExpressionFlag.IGNORECASE: "i",
    SigmaRegularExpressionFlag.MULTILINE: "m",
    SigmaRegularExpressionFlag.DOTALL: "s",
}
_WILD = {SpecialChars.WILDCARD_MULTI: ".*", SpecialChars.WILDCARD_SINGLE: "."}
_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")
_NUMBER = r"^[ \t\r\n]*(-?[0-9]{1,18})(?:\.0+)?[ \t\r\n]*\z"


class Condition:
    """Writes conditions over the view of one log source, which is called ``e`` in the statement."""

    def __init__(self, dialect: DuckDB, fields: Mapping[str, Field]) -> None:
        self.dialect = dialect
        self.fields = fields

    def expression(self, node: Tree | bool) -> str:
        """Return a condition as an expression.

        Raises:
            UnsupportedError: a comparison has no exact form.
        """
        match node:
            case bool():
                return str(node).lower()
            case ConditionAND(args=args) | ConditionOR(args=args):
                word = " AND " if isinstance(node, ConditionAND) else " OR "
                return f"({word.join(self._part(arg) for arg in args)})"
            case ConditionNOT(args=[arg]):
                return f"(NOT {self._part(arg)})"
            case ConditionFieldEqualsValueExpression(field=field, value=value):
                return f"({self._comparison(self.fields[field], value)})"
        raise UnsupportedError.at("condition", f"{type(node).__name__} has no form in SQL")

    def _part(self, node: object) -> str:
        if isinstance(node, ConditionAND | ConditionOR | ConditionNOT | ConditionFieldEqualsValueExpression):
            return self.expression(node)
        raise UnsupportedError.at("condition", f"{type(node).__name__} has no form in SQL", "name a field")

    def _comparison(self, known: Field, value: object) -> str:
        values = column(known.name)
        match value:
            case SigmaNull():
                return f"array_length({values}) = 0"
            case SigmaExists(exists=wanted):
                return f"array_length({values}) {'>' if wanted else '='} 0"
            case SigmaExpansion(values=parts):
                return " OR ".join(f"({self._comparison(known, part)})" for part in parts)
            case SigmaFieldReference(field=other, starts_with=False, ends_with=False):
                # A lambda may not use the variable of another one in every dialect, so the list is folded outside.
                theirs = f"list_transform({column(other)}, lambda w: {fold('w')})"
                return some(values, f"list_contains({theirs}, {fold('v')})")
            case SigmaString() if list_name := placeholder_of(value):
                listed = f"l.list = {text(list_name)} AND list_contains({folded(values, known.type)}, l.entry)"
                return f"EXISTS (SELECT 1 FROM {LISTS} AS l WHERE {listed})"
            case SigmaCIDRExpression(cidr=cidr):
                if known.type != "ip":
                    raise UnsupportedError.at(known.name, f"has type {known.type} and cannot be compared with networks")
                return some(column(known.name + NETWORK), _inside(cidr))
        return some(values, self._test(known, value))

    def _test(self, known: Field, value: object) -> str:
        """Return the test of one value ``v``."""
        small = "v" if known.type in _FOLDED else fold("v")
        number = (
            "TRY_CAST(v AS BIGINT)" if known.type == "int" else f"TRY_CAST(regexp_extract(v, '{_NUMBER}', 1) AS BIGINT)"
        )
        match value:
            case SigmaTimestampPart():
                pass
            case SigmaNumber(number=wanted):
                return f"coalesce({number} = {_literal(wanted)}, false)"
            case SigmaBool(boolean=wanted):
                return f"{small} = '{str(wanted).lower()}'"
            case SigmaCompareExpression(number=SigmaNumber(number=wanted), op=op) if op.name in _COMPARE:
                return f"coalesce({number} {_COMPARE[op.name]} {_literal(wanted)}, false)"
            case SigmaRegularExpression(regexp=pattern):
                flags = "".join(sorted(_FLAGS[flag] for flag in value.flags))
                return self.dialect.search("v", str(pattern), flags)
            case SigmaCasedString():
                return _text_test("v", value.s)
            case SigmaString():
                return _text_test(small, [_small(part) if isinstance(part, str) else part for part in value.s])
        raise UnsupportedError.at(known.name, f"{type(value).__name__} has no form in SQL")


def column(field: str) -> str:
    """Return the column of a field, as statements that call the view ``e`` name it."""
    return f"e.{name(field)}"


def folded(values: str, kind: str) -> str:
    """Return a list of values of a type in small letters."""
    return values if kind in _FOLDED else f"list_transform({values}, lambda v: {fold('v')})"


def networks_of(node: Tree | bool) -> set[str]:
    """Return the fields that a condition compares with networks."""
    found = set()
    for leaf in leaves(node):
        values = leaf.value.values if isinstance(leaf.value, SigmaExpansion) else [leaf.value]
        if any(isinstance(value, SigmaCIDRExpression) for value in values):
            found.add(leaf.field)
    return found


def _small(value: str) -> str:
    return "".join(char.lower() if char.isascii() else char for char in value)


def _literal(number: float) -> str:
    if isinstance(number, float) and not number.is_integer():
        return repr(number)
    if abs(number) >= 10**18:
        raise UnsupportedError.at(str(number), "is no whole number of 18 digits or fewer")
    return str(int(number))


def _text_test(value: str, parts: Sequence[object]) -> str:
    end = r"\z"
    match parts:
        case [] | [""]:
            return "false"  # an empty value is a missing one
        case [str(wanted)]:
            return f"{value} = {text(wanted)}"
        case [SpecialChars.WILDCARD_MULTI]:
            return "true"
        case [str(wanted), SpecialChars.WILDCARD_MULTI]:
            return f"starts_with({value}, {text(wanted)})"
        case [SpecialChars.WILDCARD_MULTI, str(wanted)]:
            return f"ends_with({value}, {text(wanted)})"
        case [SpecialChars.WILDCARD_MULTI, str(wanted), SpecialChars.WILDCARD_MULTI]:
            return f"contains({value}, {text(wanted)})"
    pattern = "".join(
        _WILD[part] if isinstance(part, SpecialChars) else _PUNCTUATION.sub(r"\\\1", str(part)) for part in parts
    )
    return f"regexp_matches({value}, {text('(?s)^' + pattern + end)})"


def _inside(cidr: str) -> str:
    """Return the test that digits lie in a network: its whole digits are a beginning, the next one is one of a few."""
    network = ip_network(cidr)
    digits = f"{int(network.network_address):0{network.max_prefixlen // 4}x}"
    whole, bits = divmod(network.prefixlen, 4)
    tests = [f"length(v) = {len(digits)}"]
    if whole:
        tests.append(f"starts_with(v, '{digits[:whole]}')")
    if bits:
        first = int(digits[whole], 16)
        among = ", ".join(f"'{digit:x}'" for digit in range(first, first + 2 ** (4 - bits)))
        tests.append(f"substr(v, {whole + 1}, 1) IN ({among})")
    return " AND ".join(tests)
