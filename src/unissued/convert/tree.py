"""What a rule's condition comes to in one log source: fields that the source does not have are missing there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from sigma.conditions import ConditionAND, ConditionFieldEqualsValueExpression, ConditionNOT, ConditionOR
from sigma.types import Placeholder, SigmaExists, SigmaFieldReference, SigmaNull, SigmaNumber, SigmaString, SpecialChars

from unissued.errors import UnsupportedError
from unissued.pack import Rule

Leaf = ConditionFieldEqualsValueExpression
Tree = ConditionAND | ConditionOR | ConditionNOT | ConditionFieldEqualsValueExpression


def condition_of(rule: Rule) -> Tree:
    """Return a rule's parsed condition, a fresh one at every call."""
    conditions = rule.detection().detection.parsed_condition
    if len(conditions) != 1:
        raise UnsupportedError.at(rule.name, "has several conditions", "one condition a rule")
    return _checked(conditions[0].parsed)


def _checked(node: object) -> Tree:
    if isinstance(node, ConditionAND | ConditionOR | ConditionNOT | ConditionFieldEqualsValueExpression):
        return node
    raise UnsupportedError.at("condition", f"{type(node).__name__} cannot be converted", "name a field")


def specialise(node: object, has: Callable[[str], bool]) -> Tree | bool:
    """Return the condition with every comparison of an absent field decided; True or False when nothing is left.

    Args:
        node: a parsed condition.
        has: tells whether the log source has a field.
    """
    node = _checked(node)
    match node:
        case ConditionNOT(args=[arg]):
            below = specialise(arg, has)
            return not below if isinstance(below, bool) else ConditionNOT([below])
        case ConditionAND(args=args) | ConditionOR(args=args):
            return _join(type(node), [specialise(arg, has) for arg in args])
        case ConditionFieldEqualsValueExpression(field=field, value=value):
            if has(field) and not (isinstance(value, SigmaFieldReference) and not has(value.field)):
                return node
            return isinstance(value, SigmaNull) or (isinstance(value, SigmaExists) and not value.exists)
    raise UnsupportedError.at("condition", f"{type(node).__name__} cannot be converted")


def _join(kind: type[ConditionAND] | type[ConditionOR], parts: list[Tree | bool]) -> Tree | bool:
    decides = kind is ConditionOR  # one true decides an or, one false an and
    if any(part is decides for part in parts):
        return decides
    rest: list[Tree] = [part for part in parts if not isinstance(part, bool)]
    if not rest:
        return not decides
    return rest[0] if len(rest) == 1 else kind([*rest])


def leaves(node: Tree | bool) -> Iterator[Leaf]:
    """Yield the comparisons of a condition, in their order."""
    match node:
        case ConditionFieldEqualsValueExpression():
            yield node
        case ConditionAND(args=args) | ConditionOR(args=args) | ConditionNOT(args=args):
            for arg in args:
                yield from leaves(_checked(arg))


def fields_of(node: Tree | bool) -> Iterator[str]:
    """Yield the names of the fields that a condition reads."""
    for leaf in leaves(node):
        yield leaf.field
        if isinstance(leaf.value, SigmaFieldReference):
            yield leaf.value.field


def lists_of(node: Tree | bool) -> Iterator[str]:
    """Yield the names of the lists that a condition asks for."""
    for leaf in leaves(node):
        if isinstance(leaf.value, SigmaString):
            yield from (part.name for part in leaf.value.s if isinstance(part, Placeholder))


def without_lists(node: object) -> Tree | bool:
    """Return what a condition comes to where every list is empty; True or False when nothing is left."""
    node = _checked(node)
    match node:
        case ConditionNOT(args=[arg]):
            below = without_lists(arg)
            return not below if isinstance(below, bool) else ConditionNOT([below])
        case ConditionAND(args=args) | ConditionOR(args=args):
            return _join(type(node), [without_lists(arg) for arg in args])
    return False if any(lists_of(node)) else node


def numbers_of(node: Tree | bool, field: str) -> set[int] | None:
    """Return the numbers that a condition asks a field for; None when it asks for something else as well."""
    found: set[int] = set()
    for leaf in leaves(node):
        if isinstance(leaf.value, SigmaFieldReference) and leaf.value.field == field:
            return None
        if leaf.field == field:
            text = str(leaf.value) if isinstance(leaf.value, SigmaNumber | SigmaString) else ""
            if not text.removeprefix("-").isdecimal():
                return None
            found.add(int(text))
    return found


@dataclass(frozen=True)
class Beginning:
    """A value that a field must have, or, when ``open``, begin with."""

    text: str
    open: bool


def necessary(node: Tree | bool, field: str) -> tuple[Beginning, ...] | None:
    """Return values of which a record must have one in a field to meet the condition; None when any will do."""
    match node:
        case ConditionFieldEqualsValueExpression(field=name, value=value) if name == field:
            beginning = _beginning(value)
            return None if beginning is None else (beginning,)
        case ConditionAND(args=args):
            found = [one for arg in args if (one := necessary(_checked(arg), field)) is not None]
            return min(found, key=len) if found else None
        case ConditionOR(args=args):
            parts = [necessary(_checked(arg), field) for arg in args]
            known = [part for part in parts if part is not None]
            return tuple(dict.fromkeys(one for part in known for one in part)) if len(known) == len(parts) else None
    return None


def _beginning(value: object) -> Beginning | None:
    if not isinstance(value, SigmaString):
        return None
    match value.s:
        case [str(text)]:
            return Beginning(text, open=False)
        case [str(text), SpecialChars.WILDCARD_MULTI]:
            return Beginning(text, open=True)
    return None
