"""What Microsoft's binder lets pass in KQL although it is wrong: found on the binder's own syntax tree."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import re2

Found = tuple[int, str]
"""Offset in the query, and the problem."""

_COMPARISONS = frozenset(
    f"{kind}Expression"
    for kind in (
        "Equal", "NotEqual", "EqualTilde", "BangTilde", "LessThan", "LessThanOrEqual", "GreaterThan",
        "GreaterThanOrEqual", "Contains", "ContainsCs", "StartsWith", "StartsWithCs", "EndsWith", "EndsWithCs",
    )
)  # fmt: skip
_ORDERINGS = (
    "LessThanExpression",
    "LessThanOrEqualExpression",
    "GreaterThanExpression",
    "GreaterThanOrEqualExpression",
)
_TERMS = ("HasExpression", "HasCsExpression", "HasAllExpression", "HasAnyExpression", "HasPrefixExpression")
_NUMBERS = frozenset(("int", "long", "real", "decimal"))
_NULL_ON_FAILURE = ("ipv4_is_in_range", "ipv6_is_in_range", "ipv4_is_match", "ipv6_is_match", "ipv4_compare")
_REGEX_ARGUMENTS = {"extract": 0, "extract_all": 0, "replace_regex": 1, "trim": 0, "trim_start": 0, "trim_end": 0}
_NEVER_NULL = ("coalesce", "iff", "case", "isempty", "isnotempty", "isnull", "isnotnull")
_OPTIONS = re2.Options()
_OPTIONS.log_errors = False


def lint(syntax: Any) -> list[Found]:
    """Return what is wrong with a bound query, by place."""
    return sorted(
        {found for node in _walk(syntax) for check in _CHECKS.get(type(node).__name__, ()) for found in check(node)}
    )


def _walk(node: Any) -> Iterator[Any]:
    stack = [node]
    while stack:
        one = stack.pop()
        yield one
        stack.extend(child for index in range(one.ChildCount) if (child := one.GetChild(index)) is not None)


def _kind(node: Any) -> str:
    return str(node.Kind)


def _type(node: Any) -> str:
    result = getattr(node, "ResultType", None)
    return str(result.Name) if result is not None else ""


def _is_literal(node: Any) -> bool:
    return _kind(node).endswith("LiteralExpression")


def _arguments(call: Any) -> list[Any]:
    return [element.GetChild(0) for element in call.ArgumentList.Expressions]


def _name(call: Any) -> str:
    return str(call.Name.SimpleName)


def compares_one_type(node: Any) -> Iterator[Found]:
    """Text compared with a number passes the binder; the engine refuses it or finds nothing."""
    if _kind(node) not in _COMPARISONS:
        return
    types = {_type(node.Left), _type(node.Right)}
    if "string" in types and types & _NUMBERS:
        yield node.TextStart, f"compares text with a number: {node.ToString().strip()}"
    if "dynamic" in types:
        yield node.TextStart, f"compares a dynamic value as it is, without tostring(): {node.ToString().strip()}"
    if _is_literal(node.Left) and _is_literal(node.Right):
        yield node.TextStart, f"compares two literals: {node.ToString().strip()}"


def looks_among_one_type(node: Any) -> Iterator[Found]:
    """The same for ``in``."""
    items = getattr(node.Right, "Expressions", None)
    types = {_type(element.GetChild(0)) for element in items} if items is not None else set()
    own = _type(node.Left)
    if (own == "string" and types & _NUMBERS) or (own in _NUMBERS and "string" in types):
        yield node.TextStart, f"looks for text among numbers: {node.ToString().strip()}"


def asks_only_what_can_be_null_for_null(node: Any) -> Iterator[Found]:
    """Kusto's text is never null."""
    if _name(node) in ("isnull", "isnotnull"):
        for argument in _arguments(node):
            if _type(argument) == "string":
                yield node.TextStart, f"text is never null: {node.ToString().strip()}"


def matched_regexes_compile(node: Any) -> Iterator[Found]:
    """The parser takes any text for a regular expression; the engine refuses what RE2 refuses."""
    if _kind(node) == "MatchesRegexExpression":
        yield from _regex(node.Right)


def given_regexes_compile(node: Any) -> Iterator[Found]:
    """The same for functions that take a regular expression."""
    at = _REGEX_ARGUMENTS.get(_name(node))
    if at is not None:
        yield from _regex(_arguments(node)[at])


def _regex(pattern: Any) -> Iterator[Found]:
    if _kind(pattern) != "StringLiteralExpression":
        return
    text = str(pattern.LiteralValue)
    try:
        re2.compile(text, options=_OPTIONS)
    except re2.error as error:
        reason = error.args[0] if error.args else ""
        shown = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
        yield pattern.TextStart, f"RE2 refuses the regular expression {json.dumps(text)}: {shown}"


def negates_no_null(node: Any) -> Iterator[Found]:
    """``not`` of null is null, and ``where`` drops the row: what is negated must be true or false."""
    if _name(node) == "not":
        for argument in _arguments(node):
            for inner in _nullable(argument):
                yield inner.TextStart, f"can be null under not: {inner.ToString().strip()}"


def _nullable(node: Any) -> Iterator[Any]:
    """Yield the parts of a truth value that are null for a null operand and that nothing makes false."""
    if _kind(node) == "FunctionCallExpression":
        if _name(node) in _NEVER_NULL:
            return
        if _name(node) in _NULL_ON_FAILURE:
            yield node
            return
    if _kind(node) in _ORDERINGS:
        yield node
        return
    for index in range(node.ChildCount):
        child = node.GetChild(index)
        if child is not None:
            yield from _nullable(child)


def joins_say_their_kind(node: Any) -> Iterator[Found]:
    """The default kind keeps one left row a key."""
    if "kind" not in {str(one.Name.SimpleName) for one in node.Parameters}:
        yield node.TextStart, "a join without a kind keeps one left row per key"


def integers_fit(node: Any) -> Iterator[Found]:
    """Digits beyond 64 bits are read as 0 without a word."""
    if _kind(node) in ("LongLiteralExpression", "IntLiteralExpression"):
        digits = node.ToString().strip()
        if digits.isdecimal() and int(digits) >= 2**63:
            yield node.TextStart, f"{digits} does not fit into 64 bits and would be read as 0"


def literals_stand_apart(node: Any) -> Iterator[Found]:
    """Two literals without a comma are one text: an entry of a list would be lost."""
    yield node.TextStart, f"a comma is missing: {node.ToString().strip()}"


def matches_text_not_terms(node: Any) -> Iterator[Found]:
    """Terms have no order, no place and their own idea of a word: no rule means that."""
    if _kind(node) in _TERMS:
        yield node.TextStart, f"matches terms: {node.ToString().strip()}"


_CHECKS: dict[str, tuple[Callable[[Any], Iterator[Found]], ...]] = {
    "BinaryExpression": (compares_one_type, matched_regexes_compile, matches_text_not_terms),
    "HasAllExpression": (matches_text_not_terms,),
    "HasAnyExpression": (matches_text_not_terms,),
    "InExpression": (looks_among_one_type,),
    "FunctionCallExpression": (asks_only_what_can_be_null_for_null, given_regexes_compile, negates_no_null),
    "JoinOperator": (joins_say_their_kind,),
    "LiteralExpression": (integers_fit,),
    "CompoundStringLiteralExpression": (literals_stand_apart,),
}
"""Class of a node -> what is asked of it."""
