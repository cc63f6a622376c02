"""A second judge says of every case, fixture and random rule what the evaluator says.

The judge (``tests/judge``) shares no code with the evaluator. ``pytest -m full`` runs the random tests in full.
"""

from __future__ import annotations

import ast
import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from conftest import ROOT, read_logs, shipped_pack
from judge import random_bursts, random_rules
from judge.detect import fires, lacks_list
from judge.stream import Given, Line, Said, judge
from judge.values import sources_of
from judge.windows import Hit, firings, pending
from test_conformance import CORRELATIONS, DETECTIONS, MAIL, Case, case_id, make_record, moment, stream_of, write_rules
from unissued import evaluate
from unissued.evaluate import Outcome, Verdict
from unissued.pack import Pack
from unissued.record import Origin, Record
from unissued.verify import Case as Fixture
from unissued.verify import load_cases
from unissued.verify.draw import Batch, Drawn, draw_batch

FIXTURES = load_cases(shipped_pack(), ROOT / "fixtures")


def as_line(record: Record) -> Line:
    return Line(record.source, record.fields, record.time, record.ingested, record.table)


def as_record(line: Line, number: int) -> Record:
    origin = Origin("random.jsonl", number)
    return Record(line.source, line.fields, line.time, line.ingested, str(number), line.table, origin)


# The cases of the specification


@pytest.mark.parametrize("case", DETECTIONS, ids=case_id)
def test_judge_reads_a_detection_as_its_case_does(case: Case) -> None:
    rule = {"logsource": case.data.get("logsource", MAIL), "detection": case.data["detection"]}
    for key, expected in (("matches", True), ("ignores", False)):
        for number, fields in enumerate(case.data[key], start=1):
            record = make_record(fields, sources_of(rule)[0], number)
            fired = fires(rule, record.source, record.fields, case.data.get("lists", {}))
            assert fired is expected, f"{case.where}, {key}[{number}]: {case.data['because']}"


@pytest.mark.parametrize("case", CORRELATIONS, ids=case_id)
def test_judge_reads_a_correlation_as_its_case_does(case: Case) -> None:
    rules = {
        name: body if "correlation" in body else {"logsource": MAIL, **body}
        for name, body in case.data["rules"].items()
    }
    rules["case"] = {"correlation": case.data["correlation"]}
    given = case.data.get("given", {})
    judged_with = Given(
        now=moment(given["now"]) if "now" in given else None,
        lists=given.get("lists", {}),
        rows_last_week=given.get("rows_last_week", {}) if given.get("feeds") == "measured" else None,
    )
    said = judge(rules, "case", [as_line(record) for record in stream_of(case, "m365/exchange")], judged_with)
    expected = [
        (tuple((name, str(value)) for name, value in one["group"].items()), moment(one["at"]))
        for one in case.data["fires"]
    ]
    assert said.matches == sorted(expected), f"{case.where}: {case.data['because']}"
    assert sorted(said.reasons) == case.data.get("not_evaluated", []), f"{case.where}: {case.data['because']}"


# The fixtures


@pytest.mark.parametrize("case", FIXTURES, ids=lambda case: case.name)
def test_judge_reads_a_fixture_as_its_name_does(case: Fixture, pack: Pack) -> None:
    records = read_logs(case.path).records
    assert records
    rule = pack.rule(case.rule)
    if rule.is_correlation:
        rules = {below.name: below.definition for below in pack.below(rule)}
        rows = case.given.rows_last_week if case.given.measured else None
        given = Given(now=case.given.now, lists=case.given.lists, rows_last_week=rows)
        said = judge(rules, rule.name, [as_line(record) for record in records], given)
        assert len(said.matches) == (case.times if case.verdict == "hit" else 0), said
        assert case.verdict != "unjudged" or said.reasons
        return
    assert lacks_list(rule.definition, case.given.lists) is (case.verdict == "unjudged")
    for record in records if case.verdict != "unjudged" else []:
        fired = fires(rule.definition, record.source, record.fields, case.given.lists)
        assert fired is (case.verdict == "hit"), f"{case.name}:{record.origin.line}"


# Random rules on random records


def disagreements(
    cases: Iterable[tuple[Mapping[str, Any], str, Sequence[Mapping[str, Any]], Mapping[str, list[str]]]],
) -> list[str]:
    """Ask the evaluator and the judge about rules on raw records, and return where they differ.

    Args:
        cases: a detection as it stands in a file (its head may be left out), the key of a log source, raw records of
            it, and the tenant's lists.
    """
    return [text for case in cases for text in _disagreements(*case)]


def _disagreements(
    rule: Mapping[str, Any], source: str, records: Sequence[Mapping[str, Any]], lists: Mapping[str, list[str]]
) -> list[str]:
    lines = [Line(source, fields, random_bursts.BEGIN, random_bursts.BEGIN) for fields in records]
    body = {key: rule[key] for key in ("logsource", "detection")}
    outcome = evaluated(load({"case": body}), "case", lines, evaluate.Given(lists=lists))
    if lacks_list(rule, lists):
        return [] if outcome.verdict is Verdict.NOT_EVALUATED else [f"must not be evaluated: {shown(rule)}"]
    fired = {match.event.record.origin.line for match in outcome.matches if match.event}
    return [
        f"the judge says {number not in fired}, the evaluator {number in fired}: "
        f"{shown(rule['detection'])} on {source} {shown(fields)} with {shown(lists)}"
        for number, fields in enumerate(records)
        if fires(rule, source, fields, lists) is not (number in fired)
    ]


def load(rules: Mapping[str, Mapping[str, Any]]) -> Pack:
    with tempfile.TemporaryDirectory() as folder:
        return write_rules(Path(folder), rules)


def evaluated(pack: Pack, name: str, lines: Sequence[Line], given: evaluate.Given) -> Outcome:
    records = [as_record(line, number) for number, line in enumerate(lines)]
    return evaluate.evaluate(pack, records, given, [name])[name]


def shown(value: object) -> str:
    return json.dumps(value, ensure_ascii=False)


def test_judge_and_evaluator_agree_on_random_records() -> None:
    assert not disagreements(random_rules.cases(seed=1, count=4_000))


@pytest.mark.full
def test_judge_and_evaluator_agree_on_many_random_records() -> None:
    assert not disagreements(random_rules.cases(seed=2, count=50_000))


# The rules and records that the converted queries are asked about as well


def disagreements_on_drawn_rules(seed: int, count: int) -> list[str]:
    """Ask both about the random rules of ``unissued verify``, correlations included, each on 50 records."""
    catalogue = shipped_pack().catalogue
    found: list[str] = []
    asked = number = 0
    while asked < count:
        batch = draw_batch(catalogue, seed, number)
        found += [f"batch {number}: {text}" for drawn in batch.drawn for text in _on_drawn_rule(drawn, batch)]
        asked, number = asked + len(batch.drawn), number + 1
    return found


def _on_drawn_rule(drawn: Drawn, batch: Batch) -> list[str]:
    name, now = drawn.rule.name, max(record.ingested for record in batch.records) + timedelta(hours=6)
    given = evaluate.Given(now=now, lists=batch.given.lists)
    outcome = evaluate.evaluate(drawn.pack, batch.records, given, [name])[name]
    rules = {str(one["name"]): one for one in drawn.documents}
    lists = {key: sorted(entries) for key, entries in batch.given.lists.items()}
    lines = [as_line(record) for record in batch.records]
    if drawn.rule.is_correlation:
        ours, theirs = judge(rules, name, lines, Given(now=now, lists=lists)), as_said(outcome)
        return [] if ours == theirs else [f"judge {ours}, evaluator {theirs}: {shown(drawn.documents)}"]
    if lacks_list(rules[name], lists):
        return [] if outcome.verdict is Verdict.NOT_EVALUATED else [f"must not be evaluated: {shown(rules[name])}"]
    fired = {match.event.record.origin for match in outcome.matches if match.event}
    return [
        f"the judge says {record.origin not in fired}: {shown(rules[name]['detection'])} on {shown(record.fields)}"
        for record in batch.records
        if fires(rules[name], record.source, record.fields, lists) is not (record.origin in fired)
    ]


def test_judge_and_evaluator_agree_on_the_rules_that_queries_are_asked_about() -> None:
    assert not disagreements_on_drawn_rules(seed=1, count=1_000)


@pytest.mark.full
def test_judge_and_evaluator_agree_on_many_rules_that_queries_are_asked_about() -> None:
    assert not disagreements_on_drawn_rules(seed=2, count=20_000)


# Random bursts


def disagreements_over_time(bursts: Iterable[random_bursts.Burst]) -> list[str]:
    """Ask the evaluator and the judge about bursts of records, and return where they differ."""
    rules = random_bursts.correlations()
    pack = load(rules)
    found: list[str] = []
    for burst in bursts:
        ours = judge(rules, burst.name, burst.lines, Given(now=burst.now))
        theirs = as_said(evaluated(pack, burst.name, burst.lines, evaluate.Given(now=burst.now)))
        if ours != theirs:
            records = sorted((str(line.time), str(line.ingested), shown(line.fields)) for line in burst.lines)
            asked = f"{shown(rules[burst.name])} at {burst.now}"
            found.append("\n".join([asked, *map(str, records), f"judge: {ours}", f"evaluator: {theirs}"]))
    return found


def as_said(outcome: Outcome) -> Said:
    """Bring an outcome into the judge's form; that a burst has no record of a source is not what is asked."""
    matches = [
        (tuple((name, str(value)) for name, value in match.group.items()), match.time) for match in outcome.matches
    ]
    reasons = {one.reason.value for one in outcome.unjudged} - {"feed_missing"}
    return Said(sorted(matches), reasons)


def test_judge_and_evaluator_agree_on_random_bursts() -> None:
    assert not disagreements_over_time(random_bursts.bursts(seed=1, count=5_000))


@pytest.mark.full
def test_judge_and_evaluator_agree_on_many_random_bursts() -> None:
    assert not disagreements_over_time(random_bursts.bursts(seed=2, count=100_000))


def test_random_rules_and_bursts_are_worth_asking() -> None:
    """Rules that always or never fire would agree whatever they mean."""
    answers = [
        fires(rule, source, fields, lists)
        for rule, source, records, lists in random_rules.cases(seed=3, count=300)
        for fields in records
    ]
    assert 0.2 < sum(answers) / len(answers) < 0.8
    rules = random_bursts.correlations()
    said = [
        judge(rules, burst.name, burst.lines, Given(now=burst.now))
        for burst in random_bursts.bursts(seed=3, count=1_000)
    ]
    assert sum(bool(one.matches) for one in said) > 200
    assert sum(len(one.matches) > 1 for one in said) > 50
    assert sum("pending" in one.reasons for one in said) > 20


# The judge by itself


def at(second: int) -> datetime:
    return random_bursts.BEGIN.replace(minute=second // 60, second=second % 60)


def test_firings_are_told_from_hits_alone() -> None:
    rule = {"correlation": {"type": "event_count", "group-by": ["k"], "timespan": "10s", "condition": {"gte": 2}}}
    hits = {"a": [Hit(at(second), at(second), {"k": ("x", "y")}) for second in (0, 10, 15, 26, 36)]}
    assert firings(rule, hits) == [((("k", key),), at(second)) for key in "xy" for second in (10, 36)]


def test_what_cannot_be_judged_yet_is_told_from_hits_alone() -> None:
    rule = {
        "correlation": {
            "type": "temporal",
            "rules": ["a", "b"],
            "group-by": ["k"],
            "timespan": "10s",
            "condition": "a and not b",
        }
    }
    hits = {"a": [Hit(at(0), at(0), {"k": ("x",)}), Hit(at(1), at(30), {"k": ("x",)})], "b": []}
    now = at(29).replace(hour=at(29).hour + 6)
    assert firings(rule, hits, now) == [((("k", "x"),), at(0))]
    assert pending(rule, hits, now) == [((("k", "x"),), at(1))]


@pytest.mark.parametrize("path", sorted((ROOT / "tests" / "judge").glob("*.py")), ids=lambda path: path.name)
def test_judge_shares_no_code(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert not {name.split(".")[0] for name in names} & {"unissued", "sigma", "re2", "conftest"}
