"""Compiles the condition that pySigma parsed into a tree of predicates over events."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from ipaddress import ip_address, ip_network
from operator import ge, gt, le, lt

import re2
from sigma.conditions import ConditionAND, ConditionFieldEqualsValueExpression, ConditionNOT, ConditionOR
from sigma.types import (
    Placeholder,
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

from unissued.errors import UnsupportedError
from unissued.evaluate.canon import Value, canonical, fold
from unissued.evaluate.event import Event

Test = Callable[[Event], bool]
Lists = Mapping[str, Collection[str]]
"""Entries of the lists that rules ask for, folded to small letters."""


@dataclass(frozen=True)
class Node:
    """One node of a compiled condition: what it says, its test, and the nodes below it."""

    says: str
    test: Test
    parts: tuple[Node, ...] = ()
    field: str = ""
    """The field that a comparison reads; empty for and, or, not."""
    reads: frozenset[str] = frozenset()
    """Every field that the test depends on."""


_REMEMBERED = 20_000
"""Verdicts that a node remembers at most."""


def _node(says: str, test: Test, parts: tuple[Node, ...] = (), *, field: str = "", other: str = "") -> Node:
    """Make a node; one that depends on a single field judges every value once, as logs repeat most values."""
    reads = frozenset({field, other} - {""}).union(*(part.reads for part in parts))
    if len(reads) == 1:
        test = _remembering(test, *reads)
    return Node(says, test, parts, field, reads)


def _remembering(test: Test, field: str) -> Test:
    known: dict[tuple[Value, ...], bool] = {}

    def remembered(event: Event) -> bool:
        values = event.values(field)
        if len(values) == 1 and type(values[0]) is bool:  # True would be found under 1
            return test(event)
        found = known.get(values)
        if found is None:
            if len(known) >= _REMEMBERED:
                known.clear()
            found = known[values] = test(event)
        return found

    return remembered


def compile_condition(condition: object, lists: Lists) -> Node:
    """Compile a parsed Sigma condition.

    A comparison holds when it holds for any value of the field. A missing field has no values, so every comparison
    with it is false, except the ones that ask for its absence.

    Raises:
        UnsupportedError: the condition holds something that has no meaning here.
    """
    match condition:
        case ConditionAND(args=args):
            parts = tuple(compile_condition(arg, lists) for arg in args)
            return _node("and", lambda event: all(part.test(event) for part in parts), parts)
        case ConditionOR(args=args):
            parts = tuple(compile_condition(arg, lists) for arg in args)
            return _node("or", lambda event: any(part.test(event) for part in parts), parts)
        case ConditionNOT(args=[arg]):
            part = compile_condition(arg, lists)
            return _node("not", lambda event: not part.test(event), (part,))
        case ConditionFieldEqualsValueExpression(field=field, value=value):
            return _comparison(field, value, lists)
    raise UnsupportedError.at("condition", f"{type(condition).__name__} has no meaning here", "name a field")


def _comparison(field: str, value: object, lists: Lists) -> Node:
    """Compile one ``field: value``; ``value`` is one of pySigma's value types."""
    match value:
        case SigmaNull():
            return _node(f"{field} is missing", lambda event: not event.values(field), field=field)
        case SigmaExists(exists=wanted):
            says = f"{field} {'exists' if wanted else 'is missing'}"
            return _node(says, lambda event: bool(event.values(field)) is wanted, field=field)
        case SigmaExpansion(values=values):
            parts = tuple(_comparison(field, item, lists) for item in values)
            return _node("or", lambda event: any(part.test(event) for part in parts), parts)
        case SigmaFieldReference(field=other, starts_with=False, ends_with=False):
            return _node(
                f"{field} = {other}",
                lambda event: _share(event.values(field), event.values(other)),
                field=field,
                other=other,
            )
        case SigmaString() if value.contains_placeholder():
            return _membership(field, value, lists)
    says, holds = _value(value)
    return _node(f"{field} {says}", lambda event: any(holds(one) for one in event.values(field)), field=field)


def _share(ours: Collection[Value], theirs: Collection[Value]) -> bool:
    return not {fold(str(one)) for one in ours}.isdisjoint(fold(str(one)) for one in theirs)


def _membership(field: str, value: SigmaString, lists: Lists) -> Node:
    name = value.s[0].name if len(value.s) == 1 and isinstance(value.s[0], Placeholder) else ""
    entries = lists.get(name, ())
    says = f"{field} in list {name}"
    return _node(says, lambda event: any(fold(str(one)) in entries for one in event.values(field)), field=field)


def _value(value: object) -> tuple[str, Callable[[Value], bool]]:
    """Return what a comparison says and a test for one canonical value."""
    match value:
        case SigmaTimestampPart():
            pass
        case SigmaNumber(number=number):
            return f"= {number}", lambda one: _number(one) == number
        case SigmaBool(boolean=boolean):
            return f"= {boolean}", lambda one: fold(str(one)) == fold(str(boolean))
        case SigmaCompareExpression(number=SigmaNumber(number=number), op=op):
            return f"{op.name.lower()} {number}", _ordering(op.name, number)
        case SigmaCIDRExpression(cidr=cidr):
            return f"in {cidr}", _inside(cidr)
        case SigmaRegularExpression():
            return f"matches /{value.regexp}/", _regex(value)
        case SigmaCasedString():
            return f"= {value} (cased)", _text_test(value, lambda text: text)
        case SigmaString():
            return f"= {value}", _text_test(value, fold)
    raise UnsupportedError.at("condition", f"{type(value).__name__} has no meaning here")


def _number(one: Value) -> int | None:
    found = canonical("int", {}, one)
    return found if isinstance(found, int) else None


_ORDERINGS: dict[str, Callable[[float, float], bool]] = {"LT": lt, "LTE": le, "GT": gt, "GTE": ge}


def _ordering(op: str, number: float) -> Callable[[Value], bool]:
    test = _ORDERINGS.get(op)
    if test is None:
        raise UnsupportedError.at("condition", f"operator {op.lower()} has no meaning here")
    return lambda one: (found := _number(one)) is not None and test(found, number)


def _inside(cidr: str) -> Callable[[Value], bool]:
    network = ip_network(cidr)

    def holds(one: Value) -> bool:
        try:
            address = ip_address(str(one))
        except ValueError:  # unreadable is outside every range
            return False
        return (getattr(address, "ipv4_mapped", None) or address) in network

    return holds


def _regex(value: SigmaRegularExpression) -> Callable[[Value], bool]:
    flags = "".join(
        letter
        for flag, letter in (
            (SigmaRegularExpressionFlag.IGNORECASE, "i"),
            (SigmaRegularExpressionFlag.MULTILINE, "m"),
            (SigmaRegularExpressionFlag.DOTALL, "s"),
        )
        if flag in value.flags
    )
    pattern = re2.compile(f"(?{flags}){value.regexp}" if flags else str(value.regexp))
    return lambda one: pattern.search(str(one)) is not None


def _text_test(value: SigmaString, fold_text: Callable[[str], str]) -> Callable[[Value], bool]:
    """Return the test of text, in which Sigma's wildcards stand for any text or any one character."""
    if not value.contains_special():
        wanted = fold_text("".join(map(str, value.s)))
        return lambda one: fold_text(str(one)) == wanted
    pattern = re2.compile(_wildcards(value, fold_text))
    return lambda one: pattern.fullmatch(fold_text(str(one))) is not None


def _wildcards(value: SigmaString, fold_text: Callable[[str], str]) -> str:
    """Return an anchored regular expression for text with Sigma's wildcards."""
    parts = []
    for part in value.s:
        if part is SpecialChars.WILDCARD_MULTI:
            parts.append(".*")
        elif part is SpecialChars.WILDCARD_SINGLE:
            parts.append(".")
        elif isinstance(part, str):
            parts.append(re2.escape(fold_text(part)))
    return f"(?s:{''.join(parts)})"
