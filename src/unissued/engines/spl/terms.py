"""Search expressions, compiled to tests of a row (Search Reference: search).

Values are compared without regard to case, names of fields with. ``=`` and ``!=`` compare texts: "1" does not match
"1.0". The other operators compare two numbers as numbers, anything else in lexicographical order.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import TypeAlias

from unissued.engines.spl import times
from unissued.engines.spl.conditional import inside, network
from unissued.engines.spl.function import wrong
from unissued.engines.spl.tree import Both, Comparison, Either, Inverse, Term, TimeBound, terms_of
from unissued.engines.spl.values import Reading, Row, Single, comparer, numeric, parsed, singles, text_of

Check: TypeAlias = Callable[[Row], bool]
_CLOCKS = {"earliest": "_time", "latest": "_time", "_index_earliest": "_indextime", "_index_latest": "_indextime"}


def compile_terms(term: Term, reading: Reading, now: float, *, retrieves: bool) -> Check:
    """Compile a search expression.

    Args:
        term: what to compile.
        reading: which reading of the documentation.
        now: when the search was started.
        retrieves: whether it retrieves events: then ``earliest`` alone means "until now".
    """
    check = _compiled(term, reading, now)
    bounds = {inner.name for inner in terms_of(term) if isinstance(inner, TimeBound)}
    if retrieves and "earliest" in bounds and "latest" not in bounds:
        return lambda row: check(row) and (numeric(row.get("_time")) or 0) <= now
    return check


def _compiled(term: Term, reading: Reading, now: float) -> Check:
    match term:
        case Both(terms=terms):
            checks = [_compiled(inner, reading, now) for inner in terms]
            return lambda row: all(check(row) for check in checks)
        case Either(terms=terms):
            checks = [_compiled(inner, reading, now) for inner in terms]
            return lambda row: any(check(row) for check in checks)
        case Inverse(term=inner):
            negated = _compiled(inner, reading, now)
            return lambda row: not negated(row)
        case TimeBound():
            return _bound(term, now)
        case Comparison():
            return _comparison(term, reading)


def _bound(term: TimeBound, now: float) -> Check:
    limit = times.absolute(term.specifier, now)
    if limit is None:
        raise wrong(term.place, f"{term.specifier!r} is not a time")
    clock, least = _CLOCKS[term.name], term.name.endswith("earliest")

    def check(row: Row) -> bool:
        moment = numeric(row.get(clock))
        return moment is not None and (moment >= limit if least else moment < limit)

    return check


def _comparison(term: Comparison, reading: Reading) -> Check:
    if term.operator not in ("=", "!="):
        return _ordering(term, reading)
    matchers = [_matcher(term.field, value, reading) for value in term.values]
    name = term.field
    if term.operator == "=":
        # A field of several values matches when any of them does.
        return lambda row: any(matches(one) for one in singles(row.get(name)) for matches in matchers)
    # The field must be there (Search Manual, Difference between NOT and !=).
    return lambda row: any(not matches(one) for one in singles(row.get(name)) for matches in matchers)


def _matcher(field: str, value: str, reading: Reading) -> Callable[[Single], bool]:
    within = network(value)
    if within is not None:
        return lambda one: inside(text_of(one, reading), within)
    if "*" not in value:
        wanted = value.lower()
        return lambda one: text_of(one, reading).lower() == wanted
    pattern = re.compile(".*".join(map(re.escape, value.split("*"))), re.DOTALL | re.IGNORECASE)
    if field == "index" and not value.startswith("_"):
        # A wildcard does not reach the internal indexes (Search Manual, Retrieve events from indexes).
        return lambda one: pattern.fullmatch(text_of(one, reading)) is not None and not str(one).startswith("_")
    return lambda one: pattern.fullmatch(text_of(one, reading)) is not None


def _ordering(term: Comparison, reading: Reading) -> Check:
    (text,) = term.values
    limit, name = parsed(text), term.field
    as_numbers, as_texts = (comparer(term.operator, kind) for kind in (Reading.NUMBERS, Reading.TEXT))

    def holds(one: Single) -> bool:
        found = numeric(one)
        if limit is not None and found is not None:
            return bool(as_numbers(found, limit))
        return bool(as_texts(text_of(one, reading).lower(), text.lower()))

    return lambda row: any(holds(one) for one in singles(row.get(name)))


def names_index(term: Term) -> bool:
    """Whether a search expression says which index it reads."""
    return any(isinstance(inner, Comparison) and inner.field == "index" for inner in terms_of(term))


def is_internal(fields: Mapping[str, object]) -> bool:
    """Whether an event lies in an internal index, which is only read where it is named."""
    return str(fields.get("index", "")).startswith("_")
