"""Text functions and spath (Search Reference, evaluation functions). Only lower and upper take several values."""

from __future__ import annotations

from collections.abc import Callable

from unissued.engines.spl import documents, regex
from unissued.engines.spl.conditional import check_pattern
from unissued.engines.spl.function import (
    Compiler,
    Function,
    Getter,
    of_texts,
    strictly,
    text_constant,
    text_getter,
    wrong,
)
from unissued.engines.spl.tree import Call
from unissued.engines.spl.values import Row, Value, numeric, pack, single, singles, text_of, undocumented

_BLANKS = " \t"


def _each(apply: Callable[[str], str]) -> Callable[[Compiler, Call], Getter]:
    """Make a function that is applied to each value of a field."""

    def make(compiler: Compiler, call: Call) -> Getter:
        reading = compiler.reading
        return strictly(compiler, call, lambda value: pack(apply(text_of(one, reading)) for one in singles(value)))

    return make


def _replace(compiler: Compiler, call: Call) -> Getter:
    pattern, replacement = text_constant(call, 1), text_constant(call, 2)
    if pattern is None or replacement is None:
        return of_texts(lambda text, form, by: regex.replacer(form, by)(text))(compiler, call)
    subject, change = text_getter(compiler, call, 0), regex.replacer(pattern, replacement)

    def run(row: Row) -> Value | None:
        text = subject(row)
        return None if text is None else change(text)

    return run


def _check_replace(call: Call) -> None:
    check_pattern(1)(call)
    pattern, replacement = text_constant(call, 1), text_constant(call, 2)
    if pattern is None or replacement is None:
        return
    for reference in regex.references(replacement):
        if len(reference) > 1:
            raise wrong(call.arguments[2].place, f"\\{reference} may mean a group or a group and digits")
        if int(reference) > regex.groups(pattern):
            raise wrong(call.arguments[2].place, f"\\{reference} refers to a group that the pattern does not have")


def _substr(compiler: Compiler, call: Call) -> Getter:
    """Indexes follow SQLite: they begin at 1, negative ones count from the end."""
    reading, place = compiler.reading, call.place

    def apply(value: Value, start: Value, length: Value | None = None) -> Value | None:
        text = text_of(single(value, "substr()", place), reading)
        first, count = numeric(start), len(text) if length is None else numeric(length)
        if first is None or count is None:
            return None
        if count < 0:
            raise undocumented("substr() with a negative length", place)
        return _cut(text, int(first), int(count), whole=length is None)

    return strictly(compiler, call, apply)


def _cut(text: str, first: int, count: int, *, whole: bool) -> str:
    if first < 0:
        first += len(text)
        if first < 0:
            count, first = (count if whole else max(count + first, 0)), 0
    elif first > 0:
        first -= 1
    elif not whole and count:
        count -= 1
    return text[first : first + count]


def _spath(compiler: Compiler, call: Call) -> Getter:
    reading, place = compiler.reading, call.place
    path = text_constant(call, 1)
    steps = documents.steps(path) if path is not None else None
    if steps is not None:
        source = text_getter(compiler, call, 0)

        def run(row: Row) -> Value | None:
            text = source(row)
            return None if text is None else documents.extract(text, steps, reading)

        return run

    def apply(value: Value, where: Value) -> Value | None:
        found = documents.steps(text_of(single(where, "spath()", place), reading))
        text = text_of(single(value, "spath()", place), reading)
        return None if found is None else documents.extract(text, found, reading)

    return strictly(compiler, call, apply)


def _check_spath(call: Call) -> None:
    path = text_constant(call, 1)
    if path is not None and documents.steps(path) is None:
        raise wrong(call.arguments[1].place, f"{path!r} is not a location path", "like a.b or a{}.b")


FUNCTIONS: dict[str, Function] = {
    "len": Function(1, 1, of_texts(len)),
    "lower": Function(1, 1, _each(str.lower)),
    "upper": Function(1, 1, _each(str.upper)),
    "trim": Function(1, 2, of_texts(lambda text, what=_BLANKS: text.strip(what))),
    "ltrim": Function(1, 2, of_texts(lambda text, what=_BLANKS: text.lstrip(what))),
    "rtrim": Function(1, 2, of_texts(lambda text, what=_BLANKS: text.rstrip(what))),
    "replace": Function(3, 3, _replace, check=_check_replace),
    "substr": Function(2, 3, _substr),
    "spath": Function(2, 2, _spath, check=_check_spath),
}
