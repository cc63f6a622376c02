"""Every known fault of pySigma and its stock backends: it is still there, and here it is refused or does no harm.

The ids are those of the list of faults that the converters were written against: C for pySigma itself, K for the Kusto
backend, S for the Splunk backend, R for correlations. Each has a case of what the stock backend writes, executed where
that shows the fault, and cases of what becomes of it here. The cases lie in ``reproducers/``.
"""

from __future__ import annotations

import re
import subprocess
import sysconfig
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sigma.collection import SigmaCollection
from sigma.exceptions import SigmaBackendError
from sigma.processing.pipeline import ProcessingPipeline

import stock
from conftest import ROOT
from reproduce import (
    NAME,
    Case,
    check_found,
    check_refused,
    compared,
    document,
    firings,
    identities,
    load,
    problems,
    record,
    refusal,
    stream_of,
)
from sigma.backends.unissued import UnissuedKustoBackend, UnissuedSplunkBackend
from unissued.convert import convert
from unissued.convert.pipelines import pipeline
from unissued.convert.received import Received
from unissued.engines.spl import parse
from unissued.pack import TARGETS, Document, pack_of

CASES = load(*sorted((Path(__file__).parent / "reproducers").glob("*.yml")))
STOCK = [case for case in CASES if "stock" in case.data]
REFUSED = [case for case in CASES if "refused" in case.data]
FOUND = [case for case in CASES if {"matches", "fires"} & set(case.data)]
EXPECTED = {
    *(f"C{number}" for number in range(1, 17)),
    *(f"K{number}" for number in range(1, 22)),
    *(f"S{number}" for number in range(1, 19)),
    *(f"R{number}" for number in range(1, 11)),
}
# A list that we build ourselves: no backend is at fault.
OF_OUR_OWN = {"K19"}
BACKENDS = {"sentinel": UnissuedKustoBackend, "defender": UnissuedKustoBackend, "splunk": UnissuedSplunkBackend}
READ = {"detection": {"s": {"Operation": "MailItemsAccessed"}, "condition": "s"}}
COUNT = {"type": "event_count", "rules": ["read"], "group-by": ["UserKey"], "timespan": "1h", "condition": {"gte": 2}}
BURST = [
    {"Operation": "MailItemsAccessed", "UserKey": "u"},
    {"at": "10:00:00", "Operation": "MailItemsAccessed", "UserKey": "u"},
    {"Operation": "MailItemsAccessed", "UserKey": "v"},
]


def named(prefix: str) -> set[str]:
    """Return the ids in the names of the tests below."""
    found = (re.match(rf"test_{prefix}([ckrs]\d+)_", name) for name in globals())
    return {match[1].upper() for match in found if match}


def stock_rules(case: Case) -> list[dict[str, Any]]:
    return [stock.rule(name, body) for name, body in case.bodies().items()]


def collection(*documents: Document) -> SigmaCollection:
    return SigmaCollection.from_dicts([one.data for one in documents])  # type: ignore[misc]  # each is a rule


# The list is whole


def test_every_known_fault_is_here_and_no_other() -> None:
    here = {case.id for case in (*REFUSED, *FOUND)} | named("")
    assert here == EXPECTED
    assert {case.id for case in STOCK} | named("stock_") == EXPECTED - OF_OUR_OWN


def test_cases_are_well_formed() -> None:
    names = [case.name for case in CASES]
    assert len(set(names)) == len(names), sorted(name for name in names if names.count(name) > 1)
    for case in CASES:
        kinds = [case in cases for cases in (STOCK, REFUSED, FOUND)]
        assert sum(kinds) == 1, case.where
    for case in STOCK:
        assert {"gives", "raises"} & set(case.data), case.where
        # What comes out is called a fault only where something shows it, or a sentence says why it is one.
        assert {"raises", "problem", "finds", "because"} & set(case.data), case.where


# The faults are there


@pytest.mark.parametrize("case", STOCK, ids=lambda case: case.name)
def test_stock_backend_has_the_fault(case: Case) -> None:
    made = stock.written(case.data["stock"], stock_rules(case), case.data.get("pipeline", ""), case.data.get("format"))
    if "raises" in case.data:
        assert isinstance(made, Exception), made
        assert case.data["raises"] in str(made)
        return
    assert made == case.data["gives"], case.where
    if "problem" in case.data:
        assert case.data["problem"] in stock.problems(case.data["stock"], made[-1]), case.where
    if "finds" in case.data:
        found = stock.found(case.data["stock"], made[-1], case.data["rows"], case.data.get("key", "Row"))
        assert sorted(set(found)) == case.data["finds"], case.where
        assert (found == sorted(case.data["means"])) is ("right" in case.data), case.where


def test_stock_c9_cuts_fractions() -> None:
    count = {**COUNT, "group-by": ["U"], "condition": {"gte": 1.5}}
    below = {"detection": {"s": {"A": "a"}, "condition": "s"}}
    (made,) = stock.written("splunk", [stock.rule("read", below), stock.rule("burst", {"correlation": count})])
    assert made.endswith("| search event_count >= 1")
    rows = [{"A": "a", "U": "once"}, {"A": "a", "U": "twice"}, {"A": "a", "U": "twice"}]
    assert stock.found("splunk", made, rows, "U") == ["once", "twice"]  # one event is fewer than 1.5


def test_stock_k21_makes_a_text_of_a_dotted_field() -> None:
    expression = "{field} in~ ((_GetWatchlist('{id}') | project SearchKey))"
    listed = f'transformations: [{{id: l, type: query_expression_placeholders, expression: "{expression}"}}]'
    asked = {name: {"s": {f"{name}|expand": "%l%"}, "condition": "s"} for name in ("A", "R.A")}
    made = [stock.written("kusto", [stock.rule("r", {"detection": one})], listed) for one in asked.values()]
    assert made == [
        ["A in~ ((_GetWatchlist('l') | project SearchKey))"],
        ["'R.A' in~ ((_GetWatchlist('l') | project SearchKey))"],
    ]


def test_stock_s14_remembers_the_rules_before() -> None:
    either = [{"A|re": "x"}, {"B|re": "y"}]
    good = stock.rule("good", {"detection": {"s": {"C": "1"}, "r": either, "condition": "s and r"}})
    bad = stock.rule("bad", {"detection": {"s": {"C": "1"}, "r": [*either, {"C|cased": "Z"}], "condition": "s and r"}})
    first = stock.written("splunk", [good])
    assert isinstance(stock.written("splunk", [bad], forget=False), NotImplementedError)
    assert stock.written("splunk", [good], forget=False) != first


# What becomes of them


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.name)
def test_rule_is_refused_with_the_reason(case: Case) -> None:
    check_refused(case)


@pytest.mark.parametrize("case", FOUND, ids=lambda case: case.name)
def test_queries_find_what_the_rule_means(case: Case) -> None:
    check_found(case)


# A site calls two fields alike that are different ones in the catalogue.
SITE = [
    {
        "id": service,
        "type": "field_name_mapping",
        "mapping": {"App_s": field},
        "rule_conditions": [{"type": "logsource", "service": service}],
    }
    for service, field in (("exchange", "ClientAppId"), ("audit", "TargetAppId"))
]
CONSENT = {
    "logsource": {"product": "m365", "service": "audit"},
    "detection": {"s": {"Operation": "Consent to application."}, "condition": "s"},
}
PLAIN_KEY = {"type": "temporal", "rules": ["consent", "read"], "timespan": "1d", "group-by": ["App_s"]}
ALIAS = {**PLAIN_KEY, "group-by": ["app"], "aliases": {"app": {"consent": "App_s", "read": "App_s"}}}


@pytest.mark.parametrize("target", ["defender", "splunk"])
@pytest.mark.parametrize("body", [PLAIN_KEY, ALIAS], ids=["plain", "alias"])
def test_c6_keys_are_mapped_for_each_log_source(body: dict[str, Any], target: str) -> None:
    rules = collection(document("consent", CONSENT), document("read", READ), document(NAME, {"correlation": body}))
    rules.resolve_rule_references()
    received = Received(rules, ProcessingPipeline.from_dict({"transformations": SITE}) + pipeline(target))
    checked = received.checked(rules[NAME])
    rule = checked.pack.rule(NAME)
    app, other = "59023ab3-013c-4280-b33a-9378b21b0acf", "27922004-5251-4030-b22d-91ecd9a37ea4"
    stream = stream_of(
        [
            # What a consent is given to is its object; in both records the field of the other one holds something else.
            record({"Operation": "Consent to application.", "ObjectId": app, "ClientAppId": other}, "1", "m365/audit"),
            record({"at": "10:00:00", **BURST[0], "ClientAppId": other, "ObjectId": app}, "2", "m365/exchange"),
            record({"at": "11:00:00", **BURST[0], "ClientAppId": app}, "3", "m365/exchange"),
        ],
        {},
    )
    query = convert(checked.pack, rule, target)
    for engine, comparison in compared(checked.pack, rule, query, stream):
        assert comparison.agrees, (engine, comparison.differences())
        assert firings(comparison.query) == {("11:00:00", app)}, (engine, query.query)


@pytest.mark.parametrize("target", TARGETS)
def test_c12_order_of_the_rules_does_not_matter(target: str) -> None:
    count, other = {"correlation": COUNT}, {"detection": {"s": {"Operation": "Send"}, "condition": "s"}}
    documents = [document(NAME, count), document("unrelated", other), document("read", READ)]
    made = []
    for order in (documents, documents[::-1]):
        pack = pack_of(order)
        made.append(convert(pack, pack.rule(NAME), target))
    assert made[0] == made[1]
    backend = BACKENDS[target](pipeline(target))
    queries = backend.convert(collection(*documents), "query")
    assert f"{queries[0]}\n" == made[0].query  # what nobody refers to comes out, in the order of the rules
    assert len(queries) == 2
    stream = stream_of([record(fields, str(number), "m365/exchange") for number, fields in enumerate(BURST)], {})
    pack = pack_of(documents)
    for engine, comparison in compared(pack, pack.rule(NAME), made[0], stream):
        assert comparison.agrees, engine
        assert firings(comparison.query) == {("10:00:00", "u")}, engine


# A list that we write: a comma that is missing joins two entries.

ENTRIES = [
    f"Client={name};Action={number}" for number, name in enumerate(("OWA", "REST", "POP3/IMAP4", 'say "x"', "a\\"))
]


def test_k19_a_missing_comma_is_found() -> None:
    assert "a comma is missing" in stock.problems("kusto", 'A in~ ("a" "b")')
    assert stock.problems("kusto", 'A in~ ("a", "b")') == ""


@pytest.mark.parametrize("target", TARGETS)
def test_k19_every_entry_of_a_list_is_in_the_query(target: str) -> None:
    pack = pack_of([document(NAME, {"detection": {"s": {"ClientInfoString": ENTRIES}, "condition": "s"}})])
    query = convert(pack, pack.rule(NAME), target)
    assert not problems(query)
    wanted = [entry.lower() for entry in ENTRIES] if target == "splunk" else ENTRIES
    literals = re.findall(r'"((?:[^"\\]|\\.)*)"', query.query.rpartition("where")[2])
    assert [re.sub(r"\\(.)", r"\1", literal) for literal in literals[: len(ENTRIES)]] == wanted
    joined = [first + second for first, second in pairwise(ENTRIES)]
    records = [
        record({"ClientInfoString": text.upper()}, text, "m365/exchange")
        for text in (*ENTRIES, *joined, ", ".join(ENTRIES))
    ]
    for engine, comparison in compared(pack, pack.rule(NAME), query, stream_of(records, {})):
        assert comparison.agrees, engine
        assert identities(comparison.query) == set(ENTRIES), engine


def test_s13_the_words_of_a_search_mean_something_else_after_where() -> None:
    """Our conditions stand after where, with parentheses."""
    rows = [{"A": "1", "B": "2"}, {"A": "1", "C": "3"}, {"A": "1"}, {"C": "3"}]
    search = 'A="1" B="2" OR C="3"'
    assert stock.found("splunk", search, rows) == ["1", "2"]
    assert stock.found("splunk", f"index=* | where {search.replace(' B', ' AND B')}", rows) == ["1", "2", "4"]


@pytest.mark.parametrize("target", TARGETS)
def test_s14_a_query_does_not_depend_on_the_rules_before(target: str) -> None:
    either = [{"ClientInfoString|re": "x"}, {"ResultStatus|re": "y"}]
    good = document("good", {"detection": {"s": {"UserKey": "1"}, "r": either, "condition": "s and r"}})
    bad = document(
        "bad", {"detection": {"s": {"UserKey": "1"}, "r": [*either, {"Operation": 5}], "condition": "s and r"}}
    )
    pack = pack_of([good, bad])
    first = convert(pack, pack.rule("good"), target)
    assert "compared with a number" in refusal([good, bad], "bad", target)
    assert convert(pack, pack.rule("good"), target) == first
    backend = BACKENDS[target](pipeline(target))
    backend.collect_errors = True
    assert backend.convert(collection(bad, good), "query") == [first.query.removesuffix("\n")]


# Files of saved searches are not an output of the backends: S8, S9, S16, R7.


@pytest.mark.parametrize("row", ["S8", "S9", "S16", "R7"])
def test_no_file_of_saved_searches_is_written(row: str) -> None:
    assert any(case.id == row and case.data.get("format") == "savedsearches" for case in STOCK)
    for target, kind in BACKENDS.items():
        assert set(kind.formats) == {"default", "query"}
        with pytest.raises(SigmaBackendError, match="no format 'savedsearches'"):
            kind(pipeline(target)).convert(collection(document(NAME, READ)), "savedsearches")


def test_sigma_cli_offers_no_file_of_saved_searches() -> None:
    command = [str(Path(sysconfig.get_path("scripts")) / "sigma"), "list", "formats", "unissued_splunk"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True)
    assert re.findall(r"^\| (\w+)", done.stdout, re.MULTILINE) == ["Format", "default", "query"]


def test_s8_a_rule_is_called_by_its_name_and_not_by_its_title() -> None:
    pack = pack_of([document(NAME, {**READ, "title": "default"})])
    other = pack_of([document(NAME, READ)])
    query, plain = (convert(one, one.rule(NAME), "splunk") for one in (pack, other))
    assert (query.path, query.query) == (plain.path, plain.query)
    assert query.path == f"spl/searches/{NAME}.spl"


def test_s9_a_backslash_at_the_end_of_a_text_swallows_nothing() -> None:
    ends = {"title": "ends with \\", "description": "ends with \\"}
    for target in TARGETS:
        pack, other = pack_of([document(NAME, {**READ, **ends})]), pack_of([document(NAME, READ)])
        query, plain = (convert(one, one.rule(NAME), target) for one in (pack, other))
        assert query.query == plain.query
        assert not problems(query)
        assert query.text.count("\n") == plain.text.count("\n")


@pytest.mark.parametrize("target", TARGETS)
def test_r7_the_rule_below_is_whole_where_it_is_asked_for(target: str) -> None:
    rules = collection(document("read", READ), document(NAME, {"correlation": {**COUNT, "generate": True}}))
    made = BACKENDS[target](pipeline(target)).convert(rules, "query")
    pack = pack_of([document("read", READ), document(NAME, {"correlation": COUNT})])
    assert [f"{one}\n" for one in made] == [convert(pack, pack.rule(name), target).query for name in ("read", NAME)]
    if target == "splunk":
        assert all(parse(one).pipeline for one in made)
        assert all(re.search(r"\n\| table _time, \w+\Z", one) for one in made)
