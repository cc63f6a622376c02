"""What is packaged beside the rules is executed, too: the workbook, the hunting queries, what a correlation shows."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections import Counter
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner

from conftest import ROOT, read_logs, shipped_pack
from package_checks import SECURITY_ALERT
from unissued import package
from unissued.cli.group import commands
from unissued.convert import Build, build, convert, workbook
from unissued.engines.kusto import INGESTED, Kusto
from unissued.evaluate import Given, evaluate
from unissued.pack import Pack, load_pack
from unissued.package import release
from unissued.package.sentinel.hunting import HUNTS, files
from unissued.record import Record
from unissued.tables import Writer, schemas
from unissued.verify import Case, load_cases
from unissued.verify.agreement import Stream, compare
from unissued.verify.readers import KqlReader

SCENARIO = ROOT / "fixtures" / "_scenarios" / "s1_storm0558_2023" / "events.jsonl"
LIST = "baseline_mailbox_apps"


@cache
def cases() -> list[Case]:
    return load_cases(shipped_pack(), ROOT / "fixtures")


@cache
def reader() -> KqlReader:
    return KqlReader(shipped_pack().catalogue, "sentinel")


def engine(records: list[Record], listed: list[str], alerts: list[dict[str, object]]) -> Kusto:
    """Sentinel's tables with records, the list of what is normal, and alerts."""
    catalogue = shipped_pack().catalogue
    kusto = Kusto({**schemas(catalogue, "sentinel"), "SecurityAlert": SECURITY_ALERT})
    tables: dict[str, list[dict[str, object]]] = {"SecurityAlert": alerts} if alerts else {}
    for record in records:
        for row in Writer(catalogue).kusto(record, "sentinel"):
            tables.setdefault(row.table, []).append({**row.values, INGESTED: row.ingested})
    kusto.load(tables)
    rows = [*listed, f"#rows={len(listed)}"]
    kusto.watchlists({f"unissued_{LIST}": [{"SearchKey": entry} for entry in rows]})
    return kusto


def test_the_workbook_shows_each_application_and_mailbox_new_or_known() -> None:
    pack = shipped_pack()
    records = list(read_logs(SCENARIO).records)
    now = max(record.ingested for record in records)  # by then everything has arrived
    matches = evaluate(pack, records, Given(), ["mail_read"])["mail_read"].matches
    pairs = Counter(str(match.values("MailboxAppKey")[0]).lower() for match in matches)
    assert len(pairs) > 1
    known = min(pairs)
    _, rows = engine([*records, *records], [known], []).run(workbook.readers(pack), now)
    assert len(rows) == len(pairs)
    shown = {f"{row['Application']}|{row['Mailbox']}".lower(): (row["Reads"], row["Baseline"]) for row in rows}
    assert shown == {pair: (count, "known" if pair == known else "new") for pair, count in pairs.items()}


def test_the_workbook_says_that_the_list_is_damaged_rather_than_that_all_is_new() -> None:
    records = list(read_logs(SCENARIO).records)
    kusto = engine(records, ["a|b|c|d"], [])
    kusto.watchlists({f"unissued_{LIST}": [{"SearchKey": "a|b|c|d"}, {"SearchKey": "#rows=2"}]})
    _, rows = kusto.run(workbook.readers(shipped_pack()), max(record.time for record in records))
    assert {row["Baseline"] for row in rows} == {"list has 1 of 2 rows"}


def test_the_workbook_counts_alerts_of_this_pack_by_rule_and_day() -> None:
    rule = shipped_pack().rule("mail_read_in_bulk")
    now = datetime(2026, 3, 3, 12, tzinfo=UTC)

    def alert(number: int, kind: str, days: int) -> dict[str, object]:
        time = now - timedelta(days=days)
        return {"TimeGenerated": time, "SystemAlertId": f"alert-{number}", "AlertType": kind, INGESTED: time}

    workspace = "0b1c2d3e-0000-4000-8000-000000000001"
    ours, others = f"{workspace}_{rule.id.upper()}", f"{workspace}_0b1c2d3e-0000-4000-8000-000000000002"
    alerts = [alert(1, ours, 0), alert(1, ours, 0), alert(2, ours, 0), alert(3, ours, 1), alert(4, others, 0)]
    _, rows = engine([], [], alerts).run(workbook.alerts(shipped_pack()), now)
    assert [(row["Rule"], row["Alerts"]) for row in rows] == [(rule.name, 1), (rule.name, 2)]


@pytest.mark.parametrize("name", HUNTS)
def test_a_hunting_query_finds_what_its_rule_means(name: str) -> None:
    pack = shipped_pack()
    rule = pack.rule(name)
    query = convert(pack, rule, "sentinel")
    document = json.loads(files(pack, Build({}, ()))[name.replace("_", "-")])
    text = document["resources"][0]["properties"]["query"]
    first, rest = text.split("\n", 1)
    assert (first, rest) == ("let arrived = 30d;", query.query.split("\n", 1)[1])
    own = [case for case in cases() if case.rule == name]
    assert {case.verdict for case in own} >= {"hit", "miss"}
    for case in own:
        stream = Stream(list(read_logs(case.path).records), case.given)
        comparison = compare(reader(), pack, rule, replace(query, query=text), stream)
        assert comparison.agrees, (case.path.name, comparison.differences())


def test_a_correlation_that_shows_what_no_record_says_differs() -> None:
    pack = shipped_pack()
    rule = pack.rule("mail_token_across_networks")
    query = convert(pack, rule, "sentinel")
    case = next(case for case in cases() if case.rule == rule.name and case.verdict == "hit")
    stream = Stream(list(read_logs(case.path).records), case.given)
    assert compare(reader(), pack, rule, query, stream).agrees
    said = "UserId = canon_upn(tostring(UserId))"
    assert said in query.query
    forged = replace(query, query=query.query.replace(said, 'UserId = "mallory@example.com"'))
    comparison = compare(reader(), pack, rule, forged, stream)
    assert not comparison.agrees
    assert any("mallory@example.com" in line for line in comparison.differences())


def test_folder_archive_and_sums_hold_the_same_with_the_given_list_in_the_queries(tmp_path: Path) -> None:
    approved = tmp_path / "approved.csv"
    entry = "59023ab3-013c-4280-b33a-9378b21b0acf"
    approved.write_text(f"approved_mail_apps\n{entry}\n")
    option = ["--list", f"approved_mail_apps={approved}"]
    done = CliRunner().invoke(commands, ["package", "--target", "defender", "-o", str(tmp_path / "one"), *option])
    assert done.exit_code == 0, done.output
    sums = (tmp_path / "one" / "SHA256SUMS").read_text().splitlines()
    assert any("unissued-defender-" in line for line in sums)
    for line in sums:
        digest, name = line.split("  ")
        assert hashlib.sha256((tmp_path / "one" / name).read_bytes()).hexdigest() == digest
    (archive,) = (tmp_path / "one").glob("*.zip")
    filled = Pack(shipped_pack().rules, shipped_pack().catalogue.with_lists({"approved_mail_apps": [entry]}))
    again = package.content("defender", filled, build(filled, ("defender",)))
    assert package.archive("defender", again) == archive.read_bytes()
    folder = tmp_path / "one" / "defender"
    there = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    assert there == dict(again)
    with zipfile.ZipFile(archive) as held:
        assert "README.md" in held.namelist()
        body = json.loads(held.read("mail_app_not_approved.detection.json"))
    query = body["queryCondition"]["queryText"]
    assert entry in query
    assert "_GetWatchlist('unissued_approved_mail_apps')" not in query


def test_a_changed_query_has_to_raise_its_version(tmp_path: Path) -> None:
    rule = "sigma/mail/mail_read_throttled.yml"
    place = tmp_path / rule
    place.parent.mkdir(parents=True)
    text = (ROOT / rule).read_text()
    place.write_text(text)

    def now() -> dict[str, release.Released]:
        pack = load_pack(tmp_path / "sigma")
        return release.current(pack, build(pack, only="mail_read_throttled"))

    path = tmp_path / "release.json"
    assert release.read(path) is None
    first = now()
    path.write_text(release.text(first, "0.1.0"))
    assert release.read(path) == first
    assert release.changes(first, now()) == []
    changed = text.replace("'True'", "'Yes'")
    assert changed != text
    place.write_text(changed)
    (problem,) = release.not_raised(first, now())
    assert "SEN020" in problem.problem
    place.write_text(place.read_text().replace("version: '1.0.0'", "version: '1.1.0'"))
    assert release.not_raised(first, now()) == []
    (change,) = release.changes(first, now())
    assert (change.kind, change.rule) == ("update", "mail_read_throttled")
    assert release.changes(first, {})[0].kind == "remove"
    assert release.changes({}, first)[0].kind == "new"
    assert "update: `mail_read_throttled`" in release.notes([change], "0.2.0")
