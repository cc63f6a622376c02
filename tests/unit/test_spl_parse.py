"""The strict SPL parser: what it takes, what it refuses and where, and its syntax tree."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sigma.backends.splunk.splunk import SplunkBackend
from sigma.collection import SigmaCollection

from conftest import ROOT
from unissued.engines.spl import SplError, parse
from unissued.engines.spl.tree import (
    Both,
    Comparison,
    Dedup,
    Either,
    Eval,
    Inverse,
    Operation,
    SearchCommand,
    Sort,
    SortKey,
    StreamStats,
    Where,
)

SEARCHES = sorted(ROOT.joinpath("spl", "searches").glob("*.spl"))

VALID = [
    "index=*",
    "search index=* sourcetype=x",
    'index=* a="b c" (d=1 OR e!=2) NOT f IN ("x", y*, 3)',
    "index=* earliest=-14d@d latest=now _index_earliest=-7h _index_latest=-6h@h",
    "| makeresults count=3",
    "| inputlookup names",
    "| multisearch [search index=a | eval t=1] [search index=b | where x=1 | fields a, b | rename a AS c]",
    "| multisearch [search a=1 | lookup t k AS f OUTPUT v AS w] [search b=1 | mvexpand m] [search c=1 | search d=2]",
    'index=* | eval a=1, b=a+1, \'c d\'="x", e=case(a=1,"y",true(),null()), f=-a, g=(a+1)*2%3',
    'index=* | where NOT a="b" AND (c>1 OR d<=2 XOR e!="f") AND x LIKE "a%" AND y IN ("a","b") AND !isnull(z)',
    'index=* | where in(a,"b") AND like(c,"d%") AND match(e,"^\\d+\\z")',
    "index=* | fields - _raw | fields + a b | fields c, d*",
    'index=* | table _time, "Account ID", a*',
    "index=* | sort 0 -_time, +a | sort 10 b c | sort -num(x) str(y) auto(z) | sort - d",
    "index=* | dedup 3 a b keepempty=true consecutive=t",
    "index=* | stats count, sum(x) AS total dc(y) values(z) AS z count(eval(a=1)) AS hits by k1 k2",
    "index=* | eventstats max(eval(if(a=1,b,null()))) as m BY c, d",
    "index=* | streamstats window=10 global=f current=f count as n min(_time) as t by key",
    "index=* | streamstats count time_window=5m",
    "index=* | streamstats avg(foo) by bar window=5 global=f",
    "index=* | lookup t a AS b, c OUTPUTNEW d, e AS f | mvexpand m limit=5 | rename a AS b, c AS d",
    "index=* | append [| inputlookup t | where len(k)>0 | stats count AS n] | append [search index=b]",
    "``` a comment``` index=* ``` | not a command ``` | eval x=``` between ```1 ``` at the end ```",
    "INDEX=* | STATS COUNT AS n BY host | Table n",
    'index=*\n| eval x="a|b]c"\n| where x="\'"',
]


@pytest.mark.parametrize("text", VALID)
def test_valid_searches_are_taken(text: str) -> None:
    assert parse(text).commands


@pytest.mark.parametrize("path", SEARCHES, ids=lambda path: path.stem)
def test_every_search_of_the_pack_is_taken(path: Path) -> None:
    assert parse(path.read_text("utf-8")).pipeline


# Search, line, column, and what the message says.
BROKEN = [
    ("", 1, 1, "ends too early"),
    ("   \n ", 2, 2, "ends too early"),
    ("``` only a comment ```", 1, 23, "ends too early"),
    ("``` open", 1, 1, "comment is not closed"),
    ('index=* a="b', 1, 11, "quotation mark is not closed"),
    ('index=* | where a="b\\"', 1, 19, "quotation mark is not closed"),
    ("index=* | where 'a=1", 1, 17, "quotation mark is not closed"),
    ("index=* (a=1", 1, 13, "ends too early"),
    ("index=* a=1)", 1, 12, "unexpected )"),
    ("index=* | where (a=1", 1, 21, "ends too early"),
    ("index=* a=1 OR", 1, 15, "ends too early"),
    ("index=* OR OR a=1", 1, 12, "unexpected OR"),
    ("index=* | where a=1 OR", 1, 23, "ends too early"),
    ('index=* | search OR b="true"', 1, 18, "unexpected OR"),
    ("index=* NOT", 1, 12, "ends too early"),
    ("index=* | where NOT", 1, 20, "ends too early"),
    ("index=* | where a AND b=1", 1, 17, "true or false is expected"),
    ("index=* | where foo bar", 1, 21, "unexpected bar"),
    ("index=* | where foo", 1, 17, "true or false is expected"),
    ('index=* | where a="b" c="d"', 1, 23, "unexpected c="),
    ("index=* stats count", 1, 15, "unexpected count"),
    ("index=* error", 1, 14, "ends too early"),
    ("index=* |", 1, 10, "ends too early"),
    ("index=* | | stats count", 1, 11, "unknown command"),
    ("| | stats count", 1, 3, "unknown command"),
    ("index=* || stats count", 1, 10, "unknown command"),
    ("index=* a=b|c", 1, 13, "unknown command"),
    ("index=* | delete", 1, 11, "unknown command"),
    ('index=*\n| eval x=1\n| rex field=b "(?<c>x)"', 3, 3, "unknown command"),
    ('index=* | regex a="x"', 1, 11, "unknown command"),
    ("index=* | inputlookup t", 1, 11, "cannot stand here"),
    ("index=* | where nope(x)=1", 1, 17, "unknown function nope()"),
    ("index=* | where Lower(x)=1", 1, 17, "names of functions are small"),
    ("index=* | where searchmatch(x)", 1, 17, "unknown function"),
    ("index=* | eval x=md5(y)", 1, 18, "unknown function"),
    ("index=* | eval x=if(a=1,2)", 1, 18, "if() takes 3 arguments, not 2"),
    ("index=* | eval x=lower()", 1, 18, "lower() takes 1 argument, not 0"),
    ("index=* | eval x=lower(a,b)", 1, 18, "lower() takes 1 argument, not 2"),
    ('index=* | eval x=case(a=1,"b",true())', 1, 18, "in pairs"),
    ("index=* | eval x=if(a,1,2)", 1, 21, "true or false is expected"),
    ("index=* | eval x=(a=1)", 1, 20, "a value is expected"),
    ("index=* | eval x=true()", 1, 18, "a value is expected"),
    ("index=* | eval x=", 1, 18, "ends too early"),
    ("index=* | eval x", 1, 17, "ends too early"),
    ("index=* | eval x=1,", 1, 20, "ends too early"),
    ('index=* | eval x="a" "b"', 1, 22, 'unexpected "b"'),
    ("index=* | eval x=a.b+1", 1, 21, "unexpected +1"),
    ("index=* | eval x=1+a.b", 1, 21, "unexpected .b"),
    ("index=* | eval x=+a", 1, 18, "needs something to its left"),
    ("index=* | where a=b=c", 1, 20, "unexpected =c"),
    ("index=* | stats dc(A, B)", 1, 21, "unexpected ,"),
    ("index=* | stats nope(a)", 1, 17, "unknown statistical function"),
    ("index=* | stats sum", 1, 17, "sum() needs a field"),
    ("index=* | stats by a", 1, 17, "unknown statistical function"),
    ("index=* | stats count by", 1, 25, "ends too early"),
    ("index=* | stats count(eval(a=1))", 1, 17, "add AS"),
    ("index=* | stats sum(eval(a=1)) AS x", 1, 27, "only count() takes it"),
    ("index=* | stats first(a) AS b first(a) AS c", 1, 31, "cannot have two names"),
    ("index=* | stats count AS a sum(b) AS a", 1, 28, "two results are called a"),
    ("index=* | stats window=5 count", 1, 17, "unknown option window"),
    ("index=* | streamstats window=x count", 1, 23, "window is a number"),
    ("index=* | streamstats window=10001 count", 1, 23, "at most 10000"),
    ("index=* | streamstats global=maybe count", 1, 23, "true or false"),
    ("index=* | streamstats reset_on_change=t count by a", 1, 23, "unknown option"),
    ("index=* | streamstats time_window=5x count", 1, 23, "not a span"),
    ("index=* | streamstats window=1 window=2 count", 1, 32, "given twice"),
    ("index=* | streamstats window=5", 1, 11, "needs a statistical function"),
    ("index=* | sort 0", 1, 17, "ends too early"),
    ("index=* | sort a desc", 1, 18, "reverses the order"),
    ("index=* | sort - a b", 1, 16, "right before its field"),
    ("index=* | sort ip(a)", 1, 16, "cannot order by ip()"),
    ("index=* | dedup", 1, 16, "ends too early"),
    ("index=* | dedup 0 a", 1, 11, "at least one row"),
    ("index=* | dedup keepempty=t", 1, 11, "dedup needs a field"),
    ("index=* | dedup a sortby=b", 1, 19, "unknown option sortby"),
    ("index=* | mvexpand", 1, 19, "ends too early"),
    ("index=* | mvexpand _raw", 1, 20, "internal fields"),
    ("index=* | mvexpand a b", 1, 23, "ends too early"),
    ("index=* | rename a", 1, 19, "ends too early"),
    ("index=* | rename a* AS b*", 1, 19, "unexpected *"),
    ("index=* | lookup t k AS f", 1, 26, "ends too early"),
    ("index=* | lookup t OUTPUT v", 1, 28, "ends too early"),
    ("index=* | append", 1, 17, "ends too early"),
    ("index=* | append [search index=b", 1, 33, "ends too early"),
    ("index=* | append [index=b]", 1, 19, "unexpected index=b"),
    ("index=* | append []", 1, 19, "unexpected ]"),
    ("index=* ]", 1, 9, "unexpected ]"),
    ("| multisearch [search index=a]", 1, 31, "ends too early"),
    ("| multisearch [search a=1] [search b=1 | stats count]", 1, 42, "stats is not allowed in multisearch"),
    ("| multisearch [search a=1] [search b=1 | dedup x]", 1, 42, "dedup is not allowed in multisearch"),
    ("| multisearch [search a=1] [search b=1 | streamstats count]", 1, 42, "streamstats is not allowed"),
    ("| multisearch [search a=1] [| inputlookup t]", 1, 29, "expected: search"),
    ("index=* | multisearch [search a=1] [search b=1]", 1, 11, "cannot stand here"),
    ("index=* earliest=yesterday", 1, 18, "is not a time"),
    ("index=* earliest>-1d", 1, 17, "is set with ="),
    ("index=* NOT earliest=-1d", 1, 13, "cannot be negated"),
    ("index=* | search earliest=-1d", 1, 18, "belongs into the search"),
    ('index=* a="b\\*c"', 1, 11, "cannot escape an asterisk"),
    ("index=* country=IN", 1, 17, "must be in quotation marks"),
    ("index=* a>b*", 1, 11, "a wildcard has no order"),
    ("index=* eventtype=x", 1, 9, "search modifier"),
    ("index=* a in (1)", 1, 11, "unexpected in"),
    ("index=* a=1 or b=2", 1, 16, "unexpected b"),
    ("index=* `macro`", 1, 9, "unexpected `macro`"),
    ('index=* | where match(a,"(")', 1, 25, "regular expression is not valid"),
    ('index=* | eval x=replace(a,"(b)","\\2")', 1, 34, "does not have"),
    ('index=* | eval x=replace(a,"(b)","\\10")', 1, 34, "may mean a group"),
    ('index=* | eval x=spath(_raw,"a..b")', 1, 29, "not a location path"),
    ('index=* | where cidrmatch("10.0.0.0/99",ip)', 1, 27, "not a network"),
    ("index=* | where like(a,b)", 1, 17, "in double quotation marks"),
    ('index=* | where like(a,"b\\%")', 1, 24, "backslash"),
    ('index=* | eval x=strftime(_time,"%c")', 1, 33, "the time variable %c"),
    ('index=* | eval x=strptime(a,"%H:%M")', 1, 29, "without year"),
    ('index=* | eval x=relative_time(now(),"-1mon")', 1, 38, "a relative time"),
    ('index=* | eval x=tonumber("seven")', 1, 27, "is not a number"),
    ("index=* | eval x=tonumber(a,37)", 1, 29, "from 2 to 36"),
    ('index=* | eval x=split(a,"")', 1, 26, "empty text"),
    ("index=* | eval x=mvfilter(a=b)", 1, 18, "one field, and refers to 2"),
    ('index=* | eval x=mvmap("a",1)', 1, 18, "the values of one field"),
    ("index=* | eval x=mvmap(a,b=1)", 1, 27, "a value is expected"),
    ("index=* | eval x=" + "9" * 5000, 1, 18, "unexpected 999"),
    ("index=* | sort " + "9" * 5000 + " a", 1, 16, "unexpected 999"),
    ("| makeresults count=" + "9" * 5000, 1, 15, "count is a number"),
]


@pytest.mark.parametrize(("text", "line", "column", "says"), BROKEN)
def test_broken_searches_are_refused_with_their_place(text: str, line: int, column: int, says: str) -> None:
    with pytest.raises(SplError) as caught:
        parse(text)
    (problem,) = caught.value.problems
    assert problem.where == f"line {line}, column {column}"
    assert says in str(problem)


def test_a_refusal_says_what_was_expected() -> None:
    with pytest.raises(SplError, match=r"expected: \(, NOT, a field"):
        parse("index=* NOT ")
    with pytest.raises(SplError, match=r"\(expected: \)\)"):
        parse("index=* | stats dc(A, B)")


def _condition(text: str) -> object:
    (command,) = parse(text).pipeline
    assert isinstance(command, SearchCommand)
    return command.condition


def test_in_a_search_or_binds_before_and_which_is_understood_between_terms() -> None:
    """Search Reference, search, Boolean expressions: parentheses, NOT, OR, AND."""
    condition = _condition("a=1 b=2 OR c=3 AND NOT d=4")
    assert isinstance(condition, Both)
    first, second, third = condition.terms
    assert isinstance(first, Comparison)
    assert isinstance(second, Either)
    assert isinstance(third, Inverse)
    assert [term.field for term in second.terms if isinstance(term, Comparison)] == ["b", "c"]


def test_in_an_eval_expression_not_binds_first_then_and_or_xor() -> None:
    """Search Reference, where, Boolean expressions."""
    _, command = parse("index=* | where a=1 XOR b=1 OR c=1 AND NOT d=1").pipeline
    assert isinstance(command, Where)
    test = command.test
    assert isinstance(test, Operation)
    assert test.operator == "XOR"
    either = test.operands[1]
    assert isinstance(either, Operation)
    assert either.operator == "OR"
    both = either.operands[1]
    assert isinstance(both, Operation)
    assert both.operator == "AND"
    inverse = both.operands[1]
    assert isinstance(inverse, Operation)
    assert inverse.operator == "NOT"


def test_literals_keep_unknown_escapes() -> None:
    r"""Search Manual, Backslashes: ``\"`` and ``\\`` are known, ``\d`` stays."""
    _, command = parse(r'index=* | eval x="a\"b\\c\d\z"').pipeline
    assert isinstance(command, Eval)
    ((_, constant),) = command.assignments
    assert getattr(constant, "value", None) == r'a"b\c\d\z'


def test_commands_are_named_in_order_with_those_of_subsearches() -> None:
    text = "| multisearch [search a=1 | eval b=1] [search c=1] | append [| inputlookup t | stats count] | table a"
    expected = ("multisearch", "search", "eval", "search", "append", "inputlookup", "stats", "table")
    assert parse(text).commands == expected


def test_options_and_defaults() -> None:
    stream = parse("index=* | streamstats count").pipeline[1]
    assert isinstance(stream, StreamStats)
    assert (stream.current, stream.window, stream.shared, stream.seconds) == (True, None, True, None)
    sort = parse("index=* | sort -a +b").pipeline[1]
    assert isinstance(sort, Sort)
    assert (sort.limit, sort.keys) == (10_000, (SortKey("a", True), SortKey("b", False)))
    dedup = parse("index=* | dedup a").pipeline[1]
    assert isinstance(dedup, Dedup)
    assert (dedup.count, dedup.keep_empty, dedup.consecutive) == (1, False, False)


def test_a_search_does_not_change() -> None:
    search = parse("index=* | table a")
    with pytest.raises(AttributeError):
        search.pipeline = ()  # type: ignore[misc]
    assert search == parse("index=*   | table a ```the same```")
    assert search.text == "index=* | table a"


def test_nesting_has_an_end() -> None:
    assert parse("index=* | where " + "(" * 5000 + "a=1" + ")" * 5000)
    for text in (
        "index=* " + "NOT " * 5000 + "a=1",
        "index=* | where " + "NOT " * 5000 + "a=1",
        "index=* | eval x=" + "lower(" * 300 + "x" + ")" * 300,
        "index=* " + "| append [search a=1 " * 300 + "]" * 300,
    ):
        with pytest.raises(SplError, match="nest"):
            parse(text)


def _stock(detection: str) -> list[str]:
    rule = f"title: x\nstatus: test\nlogsource:\n  product: m365\ndetection:\n  sel:\n{detection}\n  condition: sel\n"
    return [str(query) for query in SplunkBackend().convert(SigmaCollection.from_yaml(rule))]


def test_defects_of_the_stock_backend_are_refused() -> None:
    """Two regexes become no query at all; one in an OR leaves a dangling OR; a quote is cut out of its value."""
    assert "".join(_stock("    A|re: x\n    B|re: y")) == ""
    with pytest.raises(SplError, match="ends too early"):
        parse("")
    (dangling,) = _stock("    - A: '1'\n    - B|re: x")
    with pytest.raises(SplError, match="unknown command"):
        parse(dangling)
    without_regex = re.sub(r"\n\| rex [^\n]*", "", dangling)
    with pytest.raises(SplError, match="line 3, column 10: unexpected OR"):
        parse(without_regex)
    (cut,) = _stock("    A: 'a\"b'\n    B|re:\n      - x\n      - y")
    with pytest.raises(SplError, match="line 1, column 3: a quotation mark is not closed"):
        parse(cut)


_PIECES = st.sampled_from(
    [
        *("index=*", "search", "|", "where", "eval", "stats", "count", "by", "AS", "sort", "0", "-_time", "dedup", "a"),
        *("=", "(", ")", "[", "]", '"', "'", '"b"', "'c'", ",", ".", "+", "-", "*", "NOT", "AND", "OR", "IN", "LIKE"),
        *("lower(", "mvfilter(", "case(", "multisearch", "append", "lookup", "OUTPUT", "fields", "```", "\\", "\n"),
        *("earliest=-1d", "spath(_raw,", "eval(", "true()", "1.5", "window=", "!", "!=", "{}", "\x00", "é", "table"),
    ]
)


def _answer(text: str) -> str:
    try:
        parse(text)
    except SplError as error:
        return str(error)
    return "taken"


@settings(max_examples=400, deadline=None)
@given(st.one_of(st.lists(_PIECES, max_size=25).map(" ".join), st.lists(_PIECES, max_size=25).map("".join), st.text()))
def test_whatever_is_given_is_taken_or_refused(text: str) -> None:
    assert re.match(r"line \d+, column \d+: |taken", _answer(text))


@settings(max_examples=200, deadline=None)
@given(st.sampled_from(SEARCHES), st.integers(0, 20_000), st.integers(0, 12), st.text(max_size=3))
def test_a_damaged_search_is_taken_or_refused(path: Path, at: int, length: int, put: str) -> None:
    text = path.read_text("utf-8")
    at %= len(text)
    assert re.match(r"line \d+, column \d+: |taken", _answer(text[:at] + put + text[at + length :]))
