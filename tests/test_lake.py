"""DuckDB finds what the evaluator finds: on every fixture, on every scenario, and for random rules.

The same for Spark is a leg of its own: ``bash .ci/spark``.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from conftest import ROOT, read_logs, shipped_pack
from judge import random_rules
from lake import Bench, Case, compared, fixture_cases, scenario_cases, setting
from test_conformance import make_record
from unissued.cli.group import commands
from unissued.errors import LogError
from unissued.evaluate import Given, comparable_lists, evaluate
from unissued.hunt import hunt
from unissued.lake import DuckDBEngine, Engine, found_records, load_lists, load_records, outcomes, prepare
from unissued.lake import hunt as hunt_there
from unissued.pack import Document, Pack, load_catalogue, pack_of
from unissued.record import Record
from unissued.sql import DIALECTS, Setting, script
from unissued.sql.records import UNKNOWN
from unissued.verify.draw import draw_batch

SCENARIOS = [
    ROOT / "fixtures" / "_scenarios" / name / "events.jsonl"
    for name in ("s1_storm0558_2023", "s2d_token_copied", "s3_midnight_blizzard", "s5_broken_feed")
]


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return fixture_cases(shipped_pack()) + scenario_cases(shipped_pack())


def test_duckdb_agrees_with_the_evaluator_on_every_fixture_and_scenario(cases: list[Case]) -> None:
    bench = Bench(DuckDBEngine(threads=1), cases)  # thousands of small statements
    assert not [line for case in cases for line in bench.differences(case)]
    assert {rule for case in cases for rule in case.rules} == set(shipped_pack().rules)


def test_no_rule_of_the_pack_is_refused_in_duckdb() -> None:
    pack = shipped_pack()
    assert not script(Setting(DIALECTS["duckdb"]), pack, pack.rules.values()).refused


def differences(engine: Engine, pack: Pack, records: Sequence[Record], given: Given) -> tuple[list[str], int]:
    """Return what only one says of all rules of a pack, and how many of these match something."""
    written = script(setting(engine, given), pack, pack.rules.values())
    assert not written.refused
    load_records(engine, records)
    load_lists(engine, comparable_lists(pack.catalogue, given.lists))
    prepare(engine, written)
    found = outcomes(pack, written, found_records(engine, written), dict(enumerate(records)))
    wanted = evaluate(pack, records, given)
    fired = sum(bool(outcome.matches) for outcome in wanted.values())
    return list(compared("drawn", wanted, found, written, records)), fired


def drawn_rules_agree(engine: Engine, batches: range) -> None:
    rules = fired = 0
    for number in batches:
        batch = draw_batch(load_catalogue(), 7, number)
        pack = pack_of(Document("drawn", document, {}) for one in batch.drawn for document in one.documents)
        different, matching = differences(engine, pack, batch.records, batch.given)
        assert not different, f"batch {number}"
        rules, fired = rules + len(pack.rules), fired + matching
    assert fired > rules / 2  # what matches nothing agrees about everything


def test_drawn_rules_agree_correlations_included() -> None:
    drawn_rules_agree(DuckDBEngine(threads=1), range(4))


@pytest.mark.full
def test_many_drawn_rules_agree_correlations_included() -> None:
    drawn_rules_agree(DuckDBEngine(threads=1), range(4, 300))


def odd_values_agree(engine: Engine, seed: int, count: int) -> None:
    documents: list[Mapping[str, object]] = []
    records: list[Record] = []
    lists: Mapping[str, Sequence[str]] = {}
    for number, (definition, source, raw, lists) in enumerate(random_rules.cases(seed, count)):  # noqa: B007
        head = {"name": f"drawn_{number}", "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, str(number))), "title": "drawn"}
        rest = {
            "version": "1.0.0",
            "status": "experimental",
            "description": "drawn",
            "author": "nobody",
            "level": "low",
        }
        documents.append({**head, **rest, "date": "2026-01-01", **definition})
        records += [make_record(one, source, len(records) + line) for line, one in enumerate(raw, 1)]
    pack = pack_of(Document("drawn", one, {}) for one in documents)
    different, fired = differences(
        engine, pack, records, Given(lists={name: set(some) for name, some in lists.items()})
    )
    assert not different
    assert fired > count / 2


def test_odd_values_are_read_as_the_evaluator_reads_them() -> None:
    """JSON inside text, lists where a text should be, addresses of every spelling, times that are none."""
    odd_values_agree(DuckDBEngine(threads=1), 3, 60)


@pytest.mark.full
def test_many_odd_values_are_read_as_the_evaluator_reads_them() -> None:
    for seed in range(10, 40):
        odd_values_agree(DuckDBEngine(threads=1), seed, 400)


@pytest.mark.parametrize("path", SCENARIOS, ids=lambda path: path.parent.name)
def test_a_hunt_by_duckdb_gives_the_same_findings_and_questions(path: Path) -> None:
    pack = shipped_pack()
    only = [
        "mail_token_never_issued",
        "mail_token_issued_to_another",
        "mail_read_in_bulk",
        "app_consented_then_mail_read",
    ]
    only += ["mail_owa_identity_scripted_client", "mail_app_reads_many_mailboxes", "risk_token_anomaly"]
    here = hunt(pack, read_logs(path), {}, only=only)
    there = hunt_there(DuckDBEngine(threads=1), pack, [str(path)], {}, only=only)
    assert [one.as_dict() for one in there.findings] == [one.as_dict() for one in here.findings]
    assert there.reading.count == here.reading.count
    assert {name: one.unjudged for name, one in there.outcomes.items()} == {
        name: one.unjudged for name, one in here.outcomes.items()
    }


def test_what_a_line_is_not_is_counted_with_the_reason(tmp_path: Path) -> None:
    mail = {"Operation": "MailItemsAccessed", "Workload": "Exchange", "CreationTime": "2026-03-02T09:00:00", "Id": "1"}
    lines = [
        json.dumps(mail),
        json.dumps(mail),
        json.dumps({**mail, "Workload": "SharePoint"}),
        json.dumps({**mail, "CreationTime": "3/2/2026"}),
        json.dumps({"Type": "OfficeActivity", "TimeGenerated": "2026-03-02T09:00:00Z"}),
        '{"Operation": "MailItemsAcc',
        json.dumps({"source": "m365/exchanged", "event": mail}),
    ]
    path = tmp_path / "lines.jsonl"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    result = hunt_there(
        DuckDBEngine(threads=1), shipped_pack(), [str(path)], {}, only=["mail_owa_identity_scripted_client"]
    )
    count = result.reading.count
    assert (count.read, count.used, count.duplicates, count.refused, count.skipped) == (7, 1, 1, 4, 1)
    assert {one.reason for one in result.reading.refusals} == {
        "no usable time",
        "no valid JSON",
        "an envelope of another kind",
        UNKNOWN,
    }
    assert result.exit_status == 3


def test_parquet_with_the_record_as_text_is_read_as_its_lines_are(tmp_path: Path) -> None:
    path, there = SCENARIOS[0], tmp_path / "events.parquet"
    lines = path.read_text(encoding="utf-8").splitlines()
    made = f"COPY (SELECT unnest($1) AS \"Audit Data\") TO '{there}' (FORMAT parquet)"
    duckdb.connect().execute(made, [lines])
    only = ["mail_owa_identity_scripted_client", "mail_read_from_storm0558_address"]
    results = [
        hunt_there(DuckDBEngine(threads=1), shipped_pack(), [str(one)], {}, only=only, column=column)
        for one, column in ((path, ""), (there, "Audit Data"))
    ]
    lines_of, rows_of = ([{**one.as_dict(), "because": None} for one in result.findings] for result in results)
    assert lines_of == rows_of
    assert lines_of


def test_what_cannot_be_read_is_named() -> None:
    for path in ("no/such/folder", str(ROOT / "README.md")):
        if path.endswith(".md"):
            result = hunt_there(DuckDBEngine(threads=1), shipped_pack(), [path], {}, only=["mail_read"])
            assert result.reading.count.used == 0
            assert result.exit_status == 3
        else:
            with pytest.raises(LogError, match="no such file or folder"):
                hunt_there(DuckDBEngine(threads=1), shipped_pack(), [path], {}, only=["mail_read"])


def test_the_printed_script_runs_as_it_stands_and_finds_the_same() -> None:
    path = ROOT / "fixtures" / "_scenarios" / "s2d_token_copied" / "events.jsonl"
    name = "mail_token_across_users"
    printed = CliRunner().invoke(commands, ["sql", "--dialect", "duckdb", name])
    assert printed.exit_code == 0, printed.output
    connection = duckdb.connect()
    made = (
        "CREATE TABLE unissued_lines AS SELECT row_number() OVER () AS rid, content FROM "
        "read_csv(?, columns = {'content': 'VARCHAR'}, header = false, delim = chr(31), quote = '', escape = '')"
    )
    connection.execute(made, [str(path)])
    found = []
    for statement in connection.extract_statements(printed.stdout):
        result = connection.execute(statement)
        columns = [column[0] for column in result.description or ()]
        if columns[-2:] == ["first_time", "last_time"] and "reason" not in columns:
            found = result.fetchall()
    wanted = evaluate(shipped_pack(), read_logs(path).records, Given(measured=True), [name])[name]
    assert {(row[0], row[-2]) for row in found} == {
        (match.group["token_id"], int(match.time.timestamp())) for match in wanted.matches
    }
    assert found


def test_every_rule_has_a_form_in_spark() -> None:
    """Whether it is the right form is what ``.ci/spark`` finds out by executing it."""
    pack = shipped_pack()
    assert not script(Setting(DIALECTS["spark"]), pack, pack.rules.values()).refused


def test_an_expression_that_java_reads_otherwise_is_refused_in_spark() -> None:
    head = {"title": "drawn", "version": "1.0.0", "status": "experimental", "description": "drawn", "author": "nobody"}
    rule = {
        **head,
        "name": "drawn",
        "id": str(uuid.uuid5(uuid.NAMESPACE_DNS, "drawn")),
        "level": "low",
        "date": "2026-01-01",
        "logsource": {"product": "m365", "service": "exchange"},
        "detection": {"selection": {"ClientInfoString|re": "Client=(?i:owa)"}, "condition": "selection"},
    }
    pack = pack_of([Document("drawn", rule, {})])
    assert not script(Setting(DIALECTS["duckdb"]), pack, pack.rules.values()).refused
    assert "drawn" in script(Setting(DIALECTS["spark"]), pack, pack.rules.values()).refused
