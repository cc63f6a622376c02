"""Makes expressions for the syntax tree, and refuses those that are grammatical but cannot be right."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from lark import Token

from unissued.engines.spl.function import wrong
from unissued.engines.spl.functions import FUNCTIONS
from unissued.engines.spl.tree import Call, Expression, Kind, Operation, Place, Term

_MAX_DEPTH = 100
"""How deep expressions may nest: far more than anybody writes, and little enough to go through them recursively."""
_ESCAPE = re.compile(r"\\(.)")


def place_of(token: Token) -> Place:
    """Return where a token stands."""
    return Place(token.line or 0, token.column or 0)


def unquoted(text: str, known: str) -> str:
    r"""Return what a text in quotation marks says: known escapes are replaced, unknown ones stay (``\d`` is ``\d``)."""
    body = text[1:-1]
    if "\\" not in body:
        return body
    return _ESCAPE.sub(lambda found: found[1] if found[1] in known else found[0], body)


def need(expression: Expression, kind: Kind) -> None:
    """Refuse an expression of the other kind."""
    if expression.kind is not kind:
        hint = "compare it with something" if kind is Kind.TEST else "put it into if() or case()"
        raise wrong(expression.place, f"this is {expression.kind.value}, and {kind.value} is expected", hint)


def deeper(place: Place, parts: Iterable[Expression | Term]) -> int:
    """Return how deep something is that has these parts, and refuse what is too deep."""
    depth = 1 + max((part.depth for part in parts), default=0)
    if depth > _MAX_DEPTH:
        raise wrong(place, "the expressions are nested too deeply")
    return depth


def operation(sign: str, operands: tuple[Expression, ...], place: Place, takes: Kind, gives: Kind) -> Operation:
    """Make an operation whose operands are of one kind."""
    for operand in operands:
        need(operand, takes)
    return Operation(sign, operands, place, gives, deeper(place, operands))


def called(name: str, place: Place, arguments: tuple[Expression, ...]) -> Expression:
    """Make a call, and refuse unknown functions, wrong numbers of arguments and arguments that cannot be right."""
    known = FUNCTIONS.get(name)
    if known is None:
        hint = f"names of functions are small: {name.lower()}" if name.lower() in FUNCTIONS else ""
        raise wrong(place, f"unknown function {name}()", hint)
    if len(arguments) < known.least or (known.most is not None and len(arguments) > known.most):
        raise wrong(place, f"{name}() takes {_arity(known.least, known.most)}, not {len(arguments)}")
    for index, argument in enumerate(arguments):
        kind = known.takes(index)
        if kind is not None:
            need(argument, kind)
    found = Call(name, arguments, place, known.result, deeper(place, arguments))
    known.check(found)
    return found


def _arity(least: int, most: int | None) -> str:
    if most is None:
        return f"{least} arguments or more"
    count = str(least) if least == most else f"{least} to {most}"
    return f"{count} argument{'' if most == 1 else 's'}"


def joined(sign: str, parts: Sequence[Expression | Token]) -> Expression:
    """Make a chain of tests."""
    operands = tuple(part for part in parts if not isinstance(part, Token))
    return operation(sign, operands, operands[0].place, Kind.TEST, Kind.TEST)
