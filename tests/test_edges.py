"""The edges of the dialect: names, lists, nesting, time spans, keys and categories. The cases lie in ``edges.yml``."""

from __future__ import annotations

import uuid
from pathlib import Path

import pytest

from reproduce import (
    NAME,
    Case,
    check_found,
    check_refused,
    compared,
    document,
    identities,
    load,
    problems,
    record,
    refusal,
    stream_of,
)
from unissued.convert import convert
from unissued.pack import TARGETS, pack_of

CASES = load(Path(__file__).parent / "edges.yml")
DEEPEST = 32
APPS = [str(uuid.uuid5(uuid.NAMESPACE_URL, str(number))) for number in range(600)]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_edge(case: Case) -> None:
    if "refused" in case.data:
        check_refused(case)
    else:
        check_found(case)


# Long lists


def test_a_list_that_a_rule_of_sentinel_cannot_hold_is_refused() -> None:
    rule = document(NAME, {"detection": {"s": {"AppId": APPS}, "condition": "s"}})
    for target in ("sentinel", "defender"):
        said = refusal([rule], NAME, target)
        assert "its query has" in said
        assert "split the rule, or move its values to a list" in said


@pytest.mark.parametrize(("target", "length"), [("sentinel", 200), ("defender", 200), ("splunk", 600)])
def test_a_long_list_is_looked_through_to_its_end(target: str, length: int) -> None:
    pack = pack_of([document(NAME, {"detection": {"s": {"AppId": APPS[:length]}, "condition": "s"}})])
    query = convert(pack, pack.rule(NAME), target)
    assert not problems(query)
    wanted = [APPS[0], APPS[length // 2], APPS[length - 1]]
    records = [record({"AppId": app.upper()}, app, "m365/exchange") for app in (*wanted, str(uuid.UUID(int=1)))]
    for engine, comparison in compared(pack, pack.rule(NAME), query, stream_of(records, {})):
        assert comparison.agrees, engine
        assert identities(comparison.query) == set(wanted), engine


# Deep nesting

NESTED = {
    "parentheses": lambda depth: "(" * depth + "s" + ")" * depth,
    "negations": lambda depth: "not " * depth + "s",
    "negated parentheses": lambda depth: "not (" * depth + "s" + ")" * depth,
    "choices": lambda depth: "s and (s or " * (depth // 2) + "s" + ")" * (depth // 2),
}


@pytest.mark.parametrize("form", NESTED)
@pytest.mark.parametrize("depth", [DEEPEST + 2, 300, 5000])
def test_a_condition_that_is_nested_too_deep_is_refused(form: str, depth: int) -> None:
    condition = NESTED[form](depth * 2 if form == "choices" else depth)
    said = refusal([document(NAME, {"detection": {"s": {"Operation": "x"}, "condition": condition}})], NAME, "sentinel")
    assert "is nested deeper than 32 levels" in said
    assert "split the rule" in said


@pytest.mark.parametrize("form", NESTED)
@pytest.mark.parametrize("target", TARGETS)
def test_a_condition_may_be_nested_as_deep_as_that(form: str, target: str) -> None:
    condition = NESTED[form](DEEPEST)  # an even number of negations
    pack = pack_of([document(NAME, {"detection": {"s": {"Operation": "x"}, "condition": condition}})])
    query = convert(pack, pack.rule(NAME), target)
    assert not problems(query)
    records = [record({"Operation": text}, text, "m365/exchange") for text in ("X", "y")]
    for engine, comparison in compared(pack, pack.rule(NAME), query, stream_of(records, {})):
        assert comparison.agrees, engine
        assert identities(comparison.query) == {"X"}, engine
