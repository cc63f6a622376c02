"""The language of conditions: ``not`` binds closer than ``and``, ``and`` closer than ``or``; parentheses; ``1 of x_*``.

A condition is a nested tuple: ``("name", x)``, ``("1", pattern)``, ``("all", pattern)``, ``("not", tree)``,
``("and", tree, tree)`` or ``("or", tree, tree)``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TypeAlias

Tree: TypeAlias = "tuple[str, str] | tuple[str, Tree] | tuple[str, Tree, Tree]"


def parse(text: str) -> Tree:
    """Parse a condition; raise ValueError where it is none."""
    words = _words(text)
    tree, rest = _either(words)
    if rest:
        raise ValueError(f"{rest[0]!r} is left over in {text!r}")
    return tree


def _words(text: str) -> list[str]:
    return text.replace("(", " ( ").replace(")", " ) ").split()


def _either(words: list[str]) -> tuple[Tree, list[str]]:
    left, rest = _both(words)
    while rest[:1] == ["or"]:
        right, rest = _both(rest[1:])
        left = ("or", left, right)
    return left, rest


def _both(words: list[str]) -> tuple[Tree, list[str]]:
    left, rest = _single(words)
    while rest[:1] == ["and"]:
        right, rest = _single(rest[1:])
        left = ("and", left, right)
    return left, rest


def _single(words: list[str]) -> tuple[Tree, list[str]]:
    if not words:
        raise ValueError("the condition ends too early")
    first, rest = words[0], words[1:]
    if first == "not":
        inner, rest = _single(rest)
        return ("not", inner), rest
    if first == "(":
        inner, rest = _either(rest)
        if rest[:1] != [")"]:
            raise ValueError("a parenthesis is not closed")
        return inner, rest[1:]
    if first in ("1", "all") and rest[:1] == ["of"] and len(rest) > 1:
        return (first, "*" if rest[1] == "them" else rest[1]), rest[2:]
    if first in ("and", "or", "of", ")"):
        raise ValueError(f"{first!r} stands where a name should")
    return ("name", first), rest


def holds(tree: Tree, truth: Mapping[str, bool]) -> bool:
    """Tell whether a condition holds when these names are true or false."""
    match tree:
        case ("name", str(name)):
            return truth[name]
        case ("1", str(pattern)):
            return any(truth[name] for name in truth if fits(pattern, name))
        case ("all", str(pattern)):
            return all(truth[name] for name in truth if fits(pattern, name))
        case ("not", inner):
            return not holds(inner, truth)  # type: ignore[arg-type]
        case ("and", left, right):
            return holds(left, truth) and holds(right, truth)
        case ("or", left, right):
            return holds(left, truth) or holds(right, truth)
    raise ValueError(f"{tree!r} is no condition")


def asked(tree: Tree) -> set[str]:
    """Return the names that a condition asks for: those under an even number of ``not``."""
    return {name for name, wanted in _named(tree, wanted=True) if wanted}


def denied(tree: Tree) -> set[str]:
    """Return the names that a condition denies: those under an odd number of ``not``."""
    return {name for name, wanted in _named(tree, wanted=True) if not wanted}


def _named(tree: Tree, *, wanted: bool) -> Iterator[tuple[str, bool]]:
    match tree:
        case ("name", str(name)):
            yield name, wanted
        case ("not", inner):
            yield from _named(inner, wanted=not wanted)  # type: ignore[arg-type]
        case (_, left, right):
            yield from _named(left, wanted=wanted)
            yield from _named(right, wanted=wanted)
        case _:
            raise ValueError(f"{tree!r} names no rule")


def fits(pattern: str, name: str) -> bool:
    """Tell whether a name is of a pattern in which ``*`` is any text."""
    if not pattern:
        return not name
    if pattern[0] == "*":
        return any(fits(pattern[1:], name[at:]) for at in range(len(name) + 1))
    return name[:1] == pattern[0] and fits(pattern[1:], name[1:])
