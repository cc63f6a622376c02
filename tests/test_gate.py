"""The gate is tested by switching it off: what it refuses does harm when it is let through.

One check at a time is silenced. The rule then goes through our converters, or through the stock backend where ours
refuse it once more, and what comes out finds something else than the rule says, or cannot be read at all. Where all
readers follow pySigma into the same error, only what is written here by hand shows it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

import stock
from reproduce import NAME, Body, compared, document, firings, identities, record, refusal, stream_of
from unissued.convert import convert
from unissued.engines.spl import SplError, parse
from unissued.errors import UnsupportedError
from unissued.pack import TARGETS, Document, Pack, pack_of
from unissued.pack.document import Place
from unissued.pack.lint import Linter
from unissued.verify.shipped import binder_of

LetThrough = Callable[[str, Sequence[Document]], Pack]


@pytest.fixture
def let_through(monkeypatch: pytest.MonkeyPatch) -> LetThrough:
    """Return a function that checks that a rule is refused, and brings it in with the check switched off."""

    def switch_off(words: str, documents: Sequence[Document]) -> Pack:
        assert words in refusal(documents, NAME, "splunk")
        report = Linter.report

        def quiet(linter: Linter, place: Place, problem: str, hint: str = "") -> None:
            if words not in problem:
                report(linter, place, problem, hint)

        monkeypatch.setattr(Linter, "report", quiet)
        return pack_of(documents)

    return switch_off


def detection(selection: object, condition: str = "s", **more: object) -> list[Document]:
    return [document(NAME, {"detection": {"s": selection, **more, "condition": condition}})]


def counted(**changes: object) -> list[Document]:
    body = {"type": "event_count", "rules": ["a"], "group-by": ["UserKey"], "timespan": "1h", "condition": {"gte": 2}}
    below = document("a", {"detection": {"s": {"Operation": "x"}, "condition": "s"}})
    return [below, document(NAME, {"correlation": {**body, **changes}})]


def answers(pack: Pack, *records: Body) -> list[set[Any]]:
    """Return what every engine of every target finds, once they agree; records are called by their number."""
    stream = stream_of([record(one, str(number), "m365/exchange") for number, one in enumerate(records, 1)], {})
    rule = pack.rule(NAME)
    found: list[set[Any]] = []
    for target in TARGETS:
        for engine, comparison in compared(pack, rule, convert(pack, rule, target), stream):
            assert comparison.agrees, engine
            found.append(firings(comparison.query) if rule.is_correlation else identities(comparison.query))
    assert len(found) == 4  # two Kusto targets, two readings of Splunk's manuals
    return found


def from_stock(backend: str, body: Body, *below: dict[str, Any]) -> str:
    """Return the last query that a stock backend writes."""
    made = stock.written(backend, [*below, stock.rule(NAME, body)])
    assert isinstance(made, list), made
    return str(made[-1])


# What our converters would say wrong


def test_without_c1_a_name_is_cut_at_its_operator(let_through: LetThrough) -> None:
    selections = {"notebook": {"UserKey": "n"}, "ebook": {"ResultStatus": "e"}}
    documents = detection({"Operation": "x"}, "s and (notebook or not ebook)", **selections)
    pack = let_through("selection name 'notebook' is not allowed", documents)
    wrong = answers(
        pack, {"Operation": "x", "UserKey": "n", "ResultStatus": "e"}, {"Operation": "x"}, {"ResultStatus": "e"}
    )
    assert wrong == [{"2"}] * 4  # the first is a notebook


def test_without_c3_an_empty_list_finds_what_is_missing(let_through: LetThrough) -> None:
    pack = let_through("the list of values is empty", detection({"ClientInfoString": []}))
    assert answers(pack, {"ClientInfoString": "x"}, {"Operation": "x"}) == [{"2"}] * 4  # nothing is in an empty list


def test_without_c9_a_fraction_is_cut_off(let_through: LetThrough) -> None:
    pack = let_through("threshold 1.5 is no whole number", counted(condition={"gte": 1.5}))
    assert answers(pack, {"Operation": "x", "UserKey": "u"}) == [{("09:00:00", "u")}] * 4  # one is less than 1.5


def test_without_c11_a_hyphen_is_a_minus(let_through: LetThrough) -> None:
    bodies = {name: {"detection": {"s": {"Operation": name}, "condition": "s"}} for name in ("rule-a", "b")}
    both = {"type": "temporal", "rules": [*bodies], "group-by": ["UserKey"], "timespan": "1h"}
    documents = [*(document(*one) for one in bodies.items()), document(NAME, {"correlation": both})]
    pack = let_through("name 'rule-a' is not of the form", documents)
    assert binder_of("sentinel").bind(convert(pack, pack.rule(NAME), "sentinel").query).problems


def test_without_c13_a_filter_is_not_applied(let_through: LetThrough) -> None:
    misspelt = document("f", {"filter": {"rules": ["casse"], "ok": {"UserKey": "svc"}, "condition": "not ok"}})
    pack = let_through("names unknown rule 'casse'", [*detection({"Operation": "x"}), misspelt])
    wrong = answers(pack, {"Operation": "x", "UserKey": "svc"}, {"Operation": "x"})
    assert wrong == [{"1", "2"}] * 4  # the first is to be taken out


def test_without_c14_a_filter_is_turned_round(let_through: LetThrough) -> None:
    included = document("f", {"filter": {"rules": [NAME], "ok": {"UserKey": "svc"}, "condition": "ok"}})
    pack = let_through("a filter has one selection and excludes it", [*detection({"Operation": "x"}), included])
    wrong = answers(pack, {"Operation": "x", "UserKey": "svc"}, {"Operation": "x"})
    assert wrong == [{"2"}] * 4  # as it is written, it keeps the first


def test_without_k1_an_unknown_field_is_missing(let_through: LetThrough) -> None:
    pack = let_through("unknown field 'RawEventData.AppId'", detection({"RawEventData.AppId": "x"}, "not s"))
    wrong = answers(pack, {"RawEventData": {"AppId": "x"}}, {"Operation": "x"})
    assert wrong == [{"1", "2"}] * 4  # the first is to be taken out


def test_without_the_check_of_empty_values_nothing_is_found(let_through: LetThrough) -> None:
    pack = let_through("the value is empty", detection({"ClientInfoString": ""}))
    assert answers(pack, {"ClientInfoString": ""}, {"ClientInfoString": "x"}) == [set()] * 4  # the first is empty


@pytest.mark.parametrize("title", ["x\n| take 0", "x\r| take 0", "x\u2028| take 0"])
def test_without_s8_a_title_is_a_line_of_its_own(title: str, let_through: LetThrough) -> None:
    documents = [document(NAME, {"title": title, "detection": {"s": {"Operation": "x"}, "condition": "s"}})]
    pack = let_through("the title holds a character that is unsafe", documents)
    assert binder_of("sentinel").bind(convert(pack, pack.rule(NAME), "sentinel").text).problems


def test_without_s8_a_title_ends_the_comment(let_through: LetThrough) -> None:
    title = {"title": "x ``` index=* | delete"}
    documents = [document(NAME, {**title, "detection": {"s": {"Operation": "x"}, "condition": "s"}})]
    pack = let_through("the title holds a character that is unsafe", documents)
    with pytest.raises(SplError, match="unknown command"):
        parse(convert(pack, pack.rule(NAME), "splunk").text)


def test_without_the_check_of_nesting_engines_give_up(let_through: LetThrough) -> None:
    pack = let_through("is nested deeper than 32 levels", detection({"Operation": "x"}, "not " * 100 + "s"))
    with pytest.raises(SplError, match="nested too deeply"):
        parse(convert(pack, pack.rule(NAME), "splunk").query)
    query = convert(pack, pack.rule(NAME), "sentinel")
    with pytest.raises(RecursionError):
        list(compared(pack, pack.rule(NAME), query, stream_of([record({"Operation": "x"}, "1", "m365/exchange")], {})))


def test_without_the_check_of_lists_there_is_none(let_through: LetThrough) -> None:
    pack = let_through("unknown list 'nobody_has_it'", detection({"ClientAppId|expand": "%nobody_has_it%"}))
    for target in TARGETS:
        with pytest.raises(KeyError, match="nobody_has_it"):
            convert(pack, pack.rule(NAME), target)


# What our converters refuse once more, or can say, and the stock backends write


def twice_refused(pack: Pack) -> bool:
    """Tell whether our converters refuse a rule in every target by themselves."""
    refused = 0
    for target in TARGETS:
        try:
            convert(pack, pack.rule(NAME), target)
        except UnsupportedError:
            refused += 1
    assert refused in (0, len(TARGETS))
    return refused > 0


# Id, check, rule, the same for the stock backend, its target, what is wrong with the output, whether ours refuse it.
UNREADABLE: list[tuple[str, str, Body, Body, str, str, bool]] = [
    ("C5", "modifier 'minute' is refused", {"CreationTime|minute": [3]}, {"T|minute": [3, 4]}, "kusto", "KS107", True),
    ("K2", "unknown field", {"x' =~ 'x' or '1": "v"}, {"x' =~ 'x' or '1": "v"}, "kusto", "compares two literals", True),
    ("K3", "null inside a list", {"ResultStatus": ["x", None]}, {"A": ["x", None]}, "kusto", "never null", False),
    ("K6", "modifier 'all' without", {"UserKey|all": ["x", "y"]}, {"A|all": ["x", "y"]}, "kusto", "terms", False),
    ("K11", "the value holds", {"ResultStatus": "a\nb"}, {"A": "a\nb"}, "kusto", "KS001", True),
    ("K12", "is too large", {"UserType": 2**70}, {"N": 2**70}, "kusto", "would be read as 0", True),
    ("K15", "a keyword without", {"|re": "a | take 5"}, {"|re": "a | take 5"}, "kusto", "KS142", True),
    ("K17", "RE2 refuses", {"UserKey|re": "(?=x)y"}, {"A|re": "(?=x)y"}, "kusto", "RE2 refuses", True),
    ("S6", "a keyword without", {"|re": "a | delete"}, {"|re": "a | delete"}, "splunk", "unexpected |", True),
    ("S10", "unknown field", {'x" OR y="1': "v"}, {'x" OR y="1': "v"}, "splunk", "unexpected", True),
]


@pytest.mark.parametrize(
    ("words", "ours", "theirs", "backend", "problem", "again"),
    [row[1:] for row in UNREADABLE],
    ids=[row[0] for row in UNREADABLE],
)
def test_without_the_gate_the_stock_backend_writes_what_is_wrong(
    words: str, ours: Body, theirs: Body, backend: str, problem: str, again: bool, let_through: LetThrough
) -> None:
    pack = let_through(words, detection(ours))
    assert twice_refused(pack) is again
    query = from_stock(backend, {"detection": {"s": theirs, "condition": "s"}})
    assert problem in stock.problems(backend, query)


def test_without_c2_an_exclusion_is_lost(let_through: LetThrough) -> None:
    condition = "s and not 1 of filter_*"
    pack = let_through("'filter_*' matches no selection", detection({"Operation": "x"}, condition))
    assert twice_refused(pack)
    query = from_stock("splunk", {"detection": {"s": {"A": "x"}, "condition": condition}})
    assert stock.found("splunk", query, [{"A": "x"}]) == ["1"]


def test_without_c4_an_event_counts_twice(let_through: LetThrough) -> None:
    either = {"x": {"Operation": "1"}, "y": {"UserKey": "2"}, "condition": ["x", "y"]}
    pack = let_through("has several conditions", [document(NAME, {"detection": either})])
    assert twice_refused(pack)
    theirs = {"x": {"A": "1"}, "y": {"B": "2"}, "condition": ["x", "y"]}
    count = {"type": "event_count", "rules": ["a"], "group-by": ["U"], "timespan": "1h", "condition": {"gte": 2}}
    query = from_stock("splunk", {"correlation": count}, stock.rule("a", {"detection": theirs}))
    assert stock.found("splunk", query, [{"A": "1", "B": "2", "U": "once"}], "U") == ["once"]
