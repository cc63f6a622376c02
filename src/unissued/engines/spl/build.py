"""Builds the syntax tree from what the grammar finds, bottom up."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from lark import Token, Transformer, v_args

from unissued.engines.spl import times
from unissued.engines.spl.checks import called, deeper, joined, need, operation, place_of, unquoted
from unissued.engines.spl.function import wrong
from unissued.engines.spl.parts import (
    SORT_KINDS,
    Alias,
    By,
    Evaluated,
    Name,
    Option,
    Pair,
    SortPart,
    aggregate_of,
    as_count,
    as_seconds,
    as_truth,
    as_window,
    grouped,
    options_of,
    sort_command,
    sort_part,
)
from unissued.engines.spl.tree import (
    Aggregate,
    Append,
    Both,
    Command,
    Comparison,
    Constant,
    Dedup,
    Either,
    Eval,
    EventStats,
    Expression,
    Fields,
    FieldValue,
    InputLookup,
    Inverse,
    KeepAll,
    Kind,
    Lookup,
    MakeResults,
    MultiSearch,
    MvExpand,
    Rename,
    Search,
    SearchCommand,
    SortKey,
    Stats,
    StreamStats,
    Table,
    Term,
    TimeBound,
    Where,
    XySeries,
    terms_of,
)
from unissued.engines.spl.values import significant

_MAX_SUBSEARCHES = 8
_TIME_BOUNDS = ("earliest", "latest", "_index_earliest", "_index_latest")
_SITE = (
    *("starttime", "endtime", "timeformat", "savedsearch", "savedsplunk"),
    *("eventtype", "eventtypetag", "hosttag", "tag"),
)
"""Search modifiers that depend on what a site has defined, or are deprecated."""
_OPERATOR_WORDS = ("AND", "OR", "NOT", "IN", "AS", "BY", "XOR")


@v_args(inline=True)
class _Builder(Transformer[Token, Search]):
    """Called by the parser bottom up, so nothing here recurses."""

    # Search expressions.

    def quoted_value(self, token: Token) -> Name:
        # A backslash cannot escape an asterisk in a search (Search Manual, Wildcards).
        if re.search(r"(?<!\\)(?:\\\\)*\\\*", token):
            raise wrong(place_of(token), "a backslash cannot escape an asterisk in a search expression")
        return Name(unquoted(token, '"\\|'), place_of(token))

    def bare_value(self, token: Token) -> Name:
        if token in _OPERATOR_WORDS:
            raise wrong(place_of(token), f"the word {token} must be in quotation marks to be a value")
        if "\\" in token:
            raise wrong(place_of(token), "a value with a backslash must be in quotation marks")
        return Name(str(token), place_of(token))

    def comparison_term(self, name: Token, sign: Token, value: Name) -> Term:
        if name in _TIME_BOUNDS:
            return self._bound(name, sign, value)
        if name in _SITE:
            raise wrong(place_of(name), f"the search modifier {name} is not understood here")
        if sign not in ("=", "!=") and "*" in value.text:
            raise wrong(value.place, "a wildcard has no order", "use = or !=")
        return Comparison(str(name), str(sign), (value.text,), place_of(name))

    def _bound(self, name: Token, sign: Token, value: Name) -> TimeBound:
        if sign != "=":
            raise wrong(place_of(sign), f"{name} is set with =")
        if times.absolute(value.text, 0) is None:
            raise wrong(value.place, f"{value.text!r} is not a time", "like -14d, -1d@d, now or seconds")
        return TimeBound(str(name), value.text, place_of(name))

    def in_term(self, name: Token, _: Token, *values: Name) -> Term:
        if name in _TIME_BOUNDS:
            raise wrong(place_of(name), f"{name} is set with =")
        return Comparison(str(name), "=", tuple(value.text for value in values), place_of(name))

    def not_term(self, _: Token, term: Term) -> Term:
        for inner in terms_of(term):
            if isinstance(inner, TimeBound):
                raise wrong(inner.place, f"{inner.name} cannot be negated")
        return Inverse(term, deeper(next(terms_of(term)).place, (term,)))

    def or_terms(self, *parts: Term | Token) -> Term:
        terms = tuple(part for part in parts if not isinstance(part, Token))
        return Either(terms, deeper(next(terms_of(terms[0])).place, terms))

    def all_of(self, *parts: Term | Token) -> Term:
        terms = tuple(part for part in parts if not isinstance(part, Token))
        return Both(terms, deeper(next(terms_of(terms[0])).place, terms))

    # Eval expressions.

    def number(self, token: Token) -> Expression:
        value = float(token) if "." in token else int(token)
        return Constant(value, place_of(token), significant(str(token)))

    def text(self, token: Token) -> Expression:
        return Constant(unquoted(token, '"\\'), place_of(token))

    def field(self, token: Token) -> Expression:
        return FieldValue(str(token), place_of(token))

    def quoted_field(self, token: Token) -> Expression:
        return FieldValue(str(token[1:-1]), place_of(token))

    def arguments(self, *expressions: Expression) -> tuple[Expression, ...]:
        return expressions

    def call(self, name: Token, arguments: tuple[Expression, ...] = ()) -> Expression:
        return called(str(name), place_of(name), arguments)

    def in_operator(self, left: Expression, sign: Token, options: tuple[Expression, ...]) -> Expression:
        return called("in", place_of(sign), (left, *options))

    def like_operator(self, left: Expression, sign: Token, right: Expression) -> Expression:
        return called("like", place_of(sign), (left, right))

    def concatenation(self, *operands: Expression) -> Expression:
        return operation(".", operands, operands[0].place, Kind.VALUE, Kind.VALUE)

    def arithmetic(self, left: Expression, sign: Token, right: Expression) -> Expression:
        return operation(str(sign), (left, right), place_of(sign), Kind.VALUE, Kind.VALUE)

    def negative(self, sign: Token, operand: Expression) -> Expression:
        if sign != "-":
            raise wrong(place_of(sign), "+ needs something to its left")
        return operation("-", (operand,), place_of(sign), Kind.VALUE, Kind.VALUE)

    def compare(self, left: Expression, sign: Token, right: Expression) -> Expression:
        name = "=" if sign == "==" else str(sign)
        return operation(name, (left, right), place_of(sign), Kind.VALUE, Kind.TEST)

    def not_test(self, sign: Token, operand: Expression) -> Expression:
        return operation("NOT", (operand,), place_of(sign), Kind.TEST, Kind.TEST)

    def and_tests(self, *parts: Expression | Token) -> Expression:
        return joined("AND", parts)

    def or_tests(self, *parts: Expression | Token) -> Expression:
        return joined("OR", parts)

    def xor_tests(self, *parts: Expression | Token) -> Expression:
        return joined("XOR", parts)

    def assignment(self, target: Token, expression: Expression) -> tuple[str, Expression]:
        need(expression, Kind.VALUE)
        return str(target[1:-1] if target.startswith("'") else target), expression

    # Names, options and statistics.

    def plain_name(self, token: Token) -> Name:
        return Name(str(token), place_of(token))

    def wild_name(self, token: Token) -> Name:
        return Name(str(token), place_of(token))

    def quoted_name(self, token: Token) -> Name:
        return Name(unquoted(token, '"\\'), place_of(token))

    def names(self, *names: Name) -> tuple[str, ...]:
        return tuple(name.text for name in names)

    def option(self, name: Token, value: Token) -> Option:
        return Option(str(name), str(value), place_of(name))

    def sort_key(self, *parts: Token) -> SortPart:
        return sort_part(parts, SortKey(str(parts[-1]), parts[0] == "-"))

    def typed_sort_key(self, *parts: Token) -> SortPart:
        kind, name = parts[-2:]
        if kind not in SORT_KINDS:
            raise wrong(place_of(kind), f"sort cannot order by {kind}()", f"use one of {', '.join(SORT_KINDS)}")
        return sort_part(parts, SortKey(str(name), parts[0] == "-", SORT_KINDS[kind]))

    def evaluated(self, _: Token, expression: Expression) -> Evaluated:
        return Evaluated(expression)

    def as_name(self, _: Token, name: Name) -> Alias:
        return Alias(name.text)

    def aggregate(self, function: Token, *parts: Name | Evaluated | Alias) -> Aggregate:
        return aggregate_of(function, parts)

    def by(self, _: Token, *items: Name | Option) -> By:
        return By(items)

    def pair(self, column: Token, alias: Alias | None = None) -> Pair:
        return Pair(str(column), alias.name if alias else str(column))

    def renaming(self, old: Name, _: Token, new: Name) -> tuple[str, str]:
        return old.text, new.text

    # Commands.

    def implied_search(self, terms: Term) -> Command:
        place = next(terms_of(terms)).place
        return SearchCommand(place, terms, first=True)

    def first_search(self, word: Token, terms: Term) -> Command:
        return SearchCommand(place_of(word), terms, first=True)

    def later_search(self, word: Token, terms: Term) -> Command:
        for term in terms_of(terms):
            if isinstance(term, TimeBound):
                raise wrong(term.place, f"{term.name} belongs into the search that retrieves the events")
        return SearchCommand(place_of(word), terms, first=False)

    def where(self, word: Token, test: Expression) -> Command:
        need(test, Kind.TEST)
        return Where(place_of(word), test)

    def eval(self, word: Token, *assignments: tuple[str, Expression]) -> Command:
        return Eval(place_of(word), assignments)

    def fields(self, word: Token, *parts: Token | tuple[str, ...]) -> Command:
        (names,) = (part for part in parts if isinstance(part, tuple))
        return Fields(place_of(word), names, keep=parts[0] != "-")

    def table(self, word: Token, names: tuple[str, ...]) -> Command:
        return Table(place_of(word), names)

    def sort(self, word: Token, *parts: Token | SortPart) -> Command:
        return sort_command(word, parts)

    def dedup(self, word: Token, *parts: Token | Name | Option) -> Command:
        place = place_of(word)
        count = next((int(part) for part in parts if isinstance(part, Token)), 1)
        if not count:
            raise wrong(place, "dedup must keep at least one row")
        names = tuple(part.text for part in parts if isinstance(part, Name))
        if not names:
            raise wrong(place, "dedup needs a field")
        options = options_of(parts, {"keepempty": as_truth, "consecutive": as_truth})
        return Dedup(place, names, count, bool(options.get("keepempty")), bool(options.get("consecutive")))

    def stats(self, word: Token, *parts: Aggregate | Option | By) -> Command:
        options_of(parts, {})
        return Stats(place_of(word), *grouped(word, parts))

    def eventstats(self, word: Token, *parts: Aggregate | Option | By) -> Command:
        options_of(parts, {})
        return EventStats(place_of(word), *grouped(word, parts))

    def streamstats(self, word: Token, *parts: Aggregate | Option | By) -> Command:
        known: Mapping[str, Callable[[Option], int]]
        known = {"current": as_truth, "global": as_truth, "window": as_window, "time_window": as_seconds}
        options = options_of(parts, known)
        aggregates, by = grouped(word, parts)
        return StreamStats(
            place_of(word),
            aggregates,
            by,
            current=bool(options.get("current", True)),
            window=options.get("window"),
            shared=bool(options.get("global", True)),
            seconds=options.get("time_window"),
        )

    def lookup(self, word: Token, table: Token, *parts: Pair | Token) -> Command:
        at = next(index for index, part in enumerate(parts) if isinstance(part, Token))
        matches = tuple((part.column, part.field) for part in parts[:at] if isinstance(part, Pair))
        outputs = tuple((part.column, part.field) for part in parts[at:] if isinstance(part, Pair))
        overwrite = str(parts[at]).upper() == "OUTPUT"
        return Lookup(place_of(word), str(table), matches, outputs, overwrite)

    def inputlookup(self, word: Token, table: Token) -> Command:
        return InputLookup(place_of(word), str(table))

    def makeresults(self, word: Token, *options: Option) -> Command:
        return MakeResults(place_of(word), options_of(options, {"count": as_count}).get("count", 1))

    def append(self, word: Token, search: Search) -> Command:
        if search.depth > _MAX_SUBSEARCHES:
            raise wrong(place_of(word), f"subsearches nest at most {_MAX_SUBSEARCHES} deep (max_subsearch_depth)")
        return Append(place_of(word), search)

    def multisearch(self, word: Token, *searches: Search) -> Command:
        for search in searches:
            for command in search.pipeline:
                if not command.streams:
                    raise wrong(
                        command.place,
                        f"{command.name} is not allowed in multisearch",
                        "only distributable streaming commands are",
                    )
        return MultiSearch(place_of(word), searches)

    def mvexpand(self, word: Token, name: Name, limit: Option | None = None) -> Command:
        if name.text.startswith("_"):
            raise wrong(name.place, "mvexpand cannot be applied to internal fields")
        options = options_of([limit] if limit else [], {"limit": as_count})
        return MvExpand(place_of(word), name.text, options.get("limit", 0))

    def rename(self, word: Token, *pairs: tuple[str, str]) -> Command:
        for old, new in pairs:
            if "*" in old or "*" in new:
                raise wrong(place_of(word), "rename with wildcards is not understood here")
        return Rename(place_of(word), pairs)

    def keep_all(self, word: Token, _: Token) -> Command:
        return KeepAll(place_of(word))

    def xyseries(self, word: Token, row: Name, column: Name, cell: Name) -> Command:
        if len({row.text, column.text, cell.text}) < 3:
            raise wrong(place_of(word), "xyseries takes three fields")
        return XySeries(place_of(word), row.text, column.text, cell.text)

    def branch(self, word: Token, terms: Term, *commands: Command) -> Search:
        return Search((SearchCommand(place_of(word), terms, first=True), *commands))

    def subsearch(self, *commands: Command) -> Search:
        inner = [command.search.depth for command in commands if isinstance(command, Append)]
        return Search(commands, depth=1 + max(inner, default=0))

    def start(self, *commands: Command) -> Search:
        return Search(commands)


def builder() -> Transformer[Token, Search]:
    """Return what the parser calls."""
    return _Builder()
