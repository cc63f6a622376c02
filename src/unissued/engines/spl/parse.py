"""The parser: strict, so that what it accepts means what it seems to mean."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import cast

from lark import Lark, Token, UnexpectedCharacters, UnexpectedInput, UnexpectedToken

from unissued.engines.spl.build import builder
from unissued.engines.spl.checks import place_of
from unissued.engines.spl.function import wrong
from unissued.engines.spl.tree import Place, Search, SplError

_COMMANDS = {
    *("SEARCH", "WHERE", "EVAL", "FIELDS", "TABLE", "SORT", "DEDUP", "STATS", "EVENTSTATS", "STREAMSTATS", "LOOKUP"),
    *("APPEND", "MVEXPAND", "RENAME", "MAKERESULTS", "INPUTLOOKUP", "MULTISEARCH", "XYSERIES"),
}
_NAMES = {
    **{command: command.lower() for command in _COMMANDS},
    **{f"{word}_TERM": word for word in ("AND", "OR", "NOT", "IN")},
    **dict.fromkeys(("AND", "OR", "XOR", "NOT", "IN", "LIKE", "AS", "BY", "OUTPUT", "OUTPUTNEW")),
    "BANG": "!",
    "OPERATOR": "= != < <= > >=",
    "COMPARE": "a comparison",
    "SIGN": "+ or -",
    "TIMES": "* / %",
    "EVERYTHING": "*",
    "COUNT": "a number",
    "NUMBER": "a number",
    "NAME": "a field",
    "QUOTED_NAME": "a field in single quotation marks",
    "FIELD": "a field",
    "WILD": "a field",
    "OPTION_VALUE": "a value",
    "STRING": "a text in double quotation marks",
    "BARE": "a value",
    "EVAL_FUNCTION": "eval(",
    "VBAR": "|",
    "LSQB": "[",
    "RSQB": "]",
    "LPAR": "(",
    "RPAR": ")",
    "COMMA": ",",
    "DOT": ".",
    "EQUAL": "=",
    "$END": "the end",
}

_QUOTED = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"' r"|'[^'\n]+'")


@cache
def _parser() -> Lark:
    return Lark.open(
        str(Path(__file__).with_name("grammar.lark")),
        parser="lalr",
        lexer="contextual",
        transformer=builder(),
        maybe_placeholders=False,
    )


def parse(text: str) -> Search:
    """Parse a search.

    Raises:
        SplError: it is not written in the subset of SPL that is understood; says line, column and what was expected.
    """
    try:
        found = cast("Search", _parser().parse(text))
    except UnexpectedInput as error:
        raise _explained(text, error) from None
    return replace(found, text=text)


def _explained(text: str, error: UnexpectedInput) -> SplError:
    if isinstance(error, UnexpectedToken):
        if error.token.type == "$END":
            return wrong(_end(text), "the search ends too early", _expected(error.accepts or error.expected))
        return _unexpected(text, error.token, error.accepts or error.expected)
    if isinstance(error, UnexpectedCharacters):
        place = Place(error.line, error.column)
        found = text[error.pos_in_stream or 0 :]
        return _unreadable(place, found, error.allowed or ())
    return wrong(Place(1, 1), str(error))


def _end(text: str) -> Place:
    lines = text.split("\n")
    return Place(len(lines), len(lines[-1]) + 1)


def _unexpected(text: str, token: Token, accepted: Iterable[str]) -> SplError:
    return _unreadable(place_of(token), text[token.start_pos or 0 :], accepted)


def _unreadable(place: Place, found: str, accepted: Iterable[str]) -> SplError:
    names = set(accepted)
    word = found.split(maxsplit=1)[0] if found.split() else found
    if found.startswith("```"):
        return wrong(place, "a comment is not closed", "expected: ```")
    if found[:1] in ("'", '"') and not _QUOTED.match(found):
        return wrong(place, f"a quotation mark is not closed: {found.split(chr(10), 1)[0][:40]}", _expected(names))
    if names <= _COMMANDS:
        return wrong(place, f"unknown command, or one that cannot stand here: {word[:40]}", _expected(names))
    return wrong(place, f"unexpected {word[:40]}", _expected(names))


def _expected(names: Iterable[str]) -> str:
    shown = sorted({_NAMES.get(name) or name for name in names if name != "COMMENT"})
    return f"expected: {', '.join(shown)}"
