"""Generated files: what they say, that they are always the same, and how they reach the disk."""

from __future__ import annotations

import base64
import hashlib
import os
import re
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

from unissued.convert import Build, Query, build, convert, differences, write
from unissued.convert import build as convert_all
from unissued.errors import UnsupportedError
from unissued.pack import TARGETS, Pack, load_pack

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def rules() -> Pack:
    return load_pack(ROOT / "sigma")


@pytest.fixture(scope="module")
def queries(rules: Pack) -> list[Query]:
    found = []
    for rule in rules.rules.values():
        for target in TARGETS:
            try:
                found.append(convert(rules, rule, target))
            except UnsupportedError:
                continue
    return found


ON_ABSENCE = {
    "graph_mail_token_never_issued",
    "mail_app_token_never_issued",
    "mail_session_never_began",
    "mail_token_never_issued",
    "owa_token_minted_unexplained",
}


def test_every_rule_has_a_query_or_a_reason(rules: Pack) -> None:
    made = build(rules)
    alerting = [rule for rule in rules.rules.values() if rule.level]
    reasons = {(one.rule, one.target): one.reason for one in made.refused if not one.rule.startswith("health/")}
    others = {
        "mail_token_issued_to_another": "no dependable token id",
        "directory_actor_token_used": "no Entra audit table",
        "federation_trust_changed_then_mail_read": "as a number",
        "risk_token_then_mail_read": "no table of risk detections",
    }
    unsaid = ("mail_read_from_tagged_address", "splunk")
    assert reasons.keys() == {(name, "defender") for name in ON_ABSENCE | others.keys()} | {unsaid}
    assert "does not say whether its address" in reasons[unsaid]
    assert all("event time" in reasons[name, "defender"] for name in ON_ABSENCE)
    assert all(said in reasons[name, "defender"] for name, said in others.items())
    assert len(made.queries) + len(reasons) == len(alerting) * len(TARGETS)
    assert {query.path for query in made.queries} <= set(made.files)
    assert list(made.files) == sorted(made.files)
    assert {(one.rule, one.target) for one in made.queries} == {
        (rule.name, target) for rule in alerting for target in TARGETS
    } - reasons.keys()


def test_heads_tell_the_truth(queries: list[Query]) -> None:
    for query in queries:
        head = query.text.removesuffix(query.query)
        assert head + query.query == query.text
        assert hashlib.sha256(query.query.encode()).hexdigest() in head
        assert f"rule={query.rule} id=" in head
        mark = r"``` [^`]+ ```" if query.target == "splunk" else "// .*"
        assert all(re.fullmatch(mark, line) for line in head.splitlines())
        for name in query.lists:
            assert f"unissued_{name}" in head
            assert f"unissued_{name}" in query.query
        assert set(re.findall(r"unissued_(\w+)", query.query)) == set(query.lists)
        for table in query.tables:
            assert table in query.query
        assert query.text.endswith("\n")
        assert not query.text.endswith("\n\n")
        assert "\r" not in query.text
        assert all(line == line.rstrip() for line in query.text.splitlines())


def test_kql_fits_into_a_rule_and_has_none_of_the_known_traps(queries: list[Query]) -> None:
    for query in queries:
        if query.target == "splunk":
            continue
        assert len(query.query) <= 9_500
        for trap in ("has_all", "!=~", "!in", "!contains", "mv-apply", 'startswith ""', "in~ ()", "externaldata"):
            assert trap not in query.query, (query.rule, trap)
        assert not re.search(r"\| join (?!kind=)", query.query)
        for name in re.findall(r"isnull\((\w+)\)", query.query):
            assert name in ("Again", "Said"), (query.rule, name)  # a time and a number
        assert query.query.count("(") == query.query.count(")") or "canon_ip" in query.query


def test_spl_has_none_of_the_known_traps(queries: list[Query]) -> None:
    for query in queries:
        if query.target != "splunk":
            continue
        assert "!=" not in query.query
        assert "$" not in query.query
        assert "`" not in query.query
        assert not re.search(r"\| sort (?!0 )", query.query)
        assert not re.search(r"\| (join|transaction|map|regex|rex|rename)\b", query.query)
        # Typed comparison everywhere: after the first search of a branch no other one.
        for line in query.query.splitlines():
            if re.match(r"\s*\| search", line):
                pytest.fail(line)
        quotes = re.sub(r"\\.", "", query.query)
        assert quotes.count('"') % 2 == 0


def test_operations_are_filtered_first(rules: Pack) -> None:
    query = convert(rules, rules.rule("mail_owa_identity_scripted_client"), "sentinel").query
    lines = query[query.index("OfficeActivity") :].splitlines()
    assert query.startswith("let arrived = 65m;\n")
    assert lines[:4] == [
        "OfficeActivity",
        "| where ingestion_time() > ago(arrived)",
        '| where OfficeWorkload =~ "Exchange"',
        '| where Operation in~ ("MailItemsAccessed")',
    ]
    search = convert(rules, rules.rule("mail_owa_identity_scripted_client"), "splunk").query
    head = '_index_earliest=-65m index=* sourcetype="o365:management:activity" Workload="Exchange" (Operation="Mail'
    assert search.startswith(head)


def test_each_log_source_gets_its_own_part_of_the_condition(rules: Pack) -> None:
    rule = rules.rule("app_mailbox_role_granted")
    sentinel = convert(rules, rule, "sentinel")
    assert sentinel.tables == ("AuditLogs",)
    assert "ResultStatus" not in sentinel.query
    defender = convert(rules, rule, "defender")
    assert defender.tables == ("CloudAppEvents",)
    assert "OperationName" not in defender.query
    splunk = convert(rules, rule, "splunk")
    assert splunk.tables == ("o365:management:activity", "azure:monitor:aad")
    assert splunk.query.count("search _index_earliest=-65m index=*") == 2


def test_a_list_that_must_not_be_empty_is_guarded(rules: Pack) -> None:
    rule = rules.rule("mail_app_new_to_tenant")
    text = convert(rules, rule, "sentinel").query
    assert "| where baseline_mail_apps_fault == ''" in text
    assert '"not evaluated: watchlist unissued_baseline_mail_apps ", baseline_mail_apps_fault' in text
    search = convert(rules, rule, "splunk").query
    assert "append [| inputlookup unissued_baseline_mail_apps " in search
    assert 'isnotnull(Id) AND listed="ok"' in search or 'isnotnull(row) AND listed="ok"' in search


def test_a_list_that_may_be_empty_keeps_nothing_back(rules: Pack) -> None:
    query = convert(rules, rules.rule("mail_app_reads_many_mailboxes"), "sentinel").query
    assert '"watchlist unissued_approved_mail_apps ", approved_mail_apps_fault' in query
    assert "where approved_mail_apps_fault == ''" not in query


def test_a_field_that_a_table_lacks_moves_the_rule_to_another_table(rules: Pack) -> None:
    query = convert(rules, rules.rule("mail_token_from_consumer_tenant"), "sentinel")
    assert query.tables == ("CloudAppEvents",)
    assert "// note: reads CloudAppEvents: OfficeActivity has no column TokenTenantId" in query.text


def test_required_feeds_are_named_and_gated(rules: Pack) -> None:
    query = convert(rules, rules.rule("mail_token_never_issued"), "sentinel").query
    gate = query[query.index("let Hours") : query.index("let Expected")]
    assert "isfuzzy" not in gate
    assert "SigninLogs" in gate
    assert "AADNonInteractiveUserSignInLogs" in gate
    assert "10 * Rows < 8 * Before" in query
    search = convert(rules, rules.rule("mail_token_never_issued"), "splunk").query
    assert "10*block_rows<8*block_before" in search
    assert 'category IN ("SignInLogs", "NonInteractiveUserSignInLogs")' in search


def test_defender_rows_carry_what_a_defender_rule_must_return(queries: list[Query]) -> None:
    for query in queries:
        if query.target == "defender" and query.rule != "signin_token_issued":
            assert "ReportId" in query.query
            assert "Timestamp" in query.query


def token_of(guid: str) -> str:
    """The SPL of {token_of:}, step by step."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    pairs = re.sub(r"^(..)(..)(..)(..)(..)(..)(..)(..)(.{16})\Z", r"\4\3\2\1\6\5\8\7\9", guid.replace("-", ""))
    digits = [int((pairs + "0")[at - 1 : at + 2], 16) for at in range(1, 34, 3)]
    return "".join(alphabet[number // 64] + alphabet[number % 64] for number in digits)


def test_request_ids_are_written_as_token_ids_digit_by_digit() -> None:
    for number in range(200):
        guid = uuid.UUID(int=uuid.uuid5(uuid.NAMESPACE_OID, str(number)).int)
        assert token_of(str(guid)) == base64.urlsafe_b64encode(guid.bytes_le).decode().rstrip("=")
    assert token_of("926d47ad-1297-47d9-bad5-0607fb0bf400") == "rUdtkpcS2Ue61QYH-wv0AA"


PROGRAM = """
import hashlib, sys
from pathlib import Path
from unissued.convert import build
from unissued.pack import load_pack
made = build(load_pack(Path(sys.argv[1])))
print(hashlib.sha256(repr(sorted(made.files.items())).encode()).hexdigest(), made.refused)
"""


def test_the_same_rules_give_the_same_bytes_everywhere(tmp_path: Path) -> None:
    seen = set()
    for seed, folder in (("0", ROOT), ("1", tmp_path), ("4711", tmp_path)):
        environment = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT / "src"), "TZ": "Asia/Tokyo"}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, str(ROOT / "sigma")],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        seen.add(done.stdout)
    assert len(seen) == 1


def test_conversion_leaves_nothing_behind(rules: Pack) -> None:
    """S14, C12: neither order nor history matter."""
    expected = build(rules).files
    for rule in reversed(list(rules.rules.values())):
        for target in reversed(TARGETS):
            try:
                query = convert(rules, rule, target)
            except UnsupportedError:
                continue
            if rule.level:
                assert expected[query.path] == query.text
    assert build(rules).files == expected


@pytest.fixture
def made(rules: Pack) -> Build:
    return convert_all(rules)


def test_written_files_are_not_different(made: Build, tmp_path: Path) -> None:
    first = differences(made, tmp_path, complete=True)
    assert (first.missing, first.stale, first.extra) == (len(made.files), 0, 0)
    assert write(made, tmp_path, complete=True) == sorted(made.files)
    assert write(made, tmp_path, complete=True) == []
    after = differences(made, tmp_path, complete=True)
    assert (after.missing, after.stale, after.extra, after.diff) == (0, 0, 0, "")
    assert not list(tmp_path.rglob(".*"))


def test_differences_are_shown_and_left_alone(made: Build, tmp_path: Path) -> None:
    write(made, tmp_path, complete=True)
    stale = tmp_path / "kql/sentinel/owa_token_minted.kql"
    stale.write_text(stale.read_text() + "| take 5")
    (tmp_path / "spl/searches/owa_token_minted.spl").unlink()
    (tmp_path / "kql/sentinel/old_rule.kql").write_text("old\n")
    (tmp_path / "kql/README.md").write_text("not ours\n")
    found = differences(made, tmp_path, complete=True)
    assert (found.missing, found.stale, found.extra) == (1, 1, 1)
    assert "--- a/kql/sentinel/owa_token_minted.kql\n+++ b/kql/sentinel/owa_token_minted.kql" in found.diff
    assert "-| take 5\n\\ No newline at end of file" in found.diff
    assert "--- a/kql/sentinel/old_rule.kql\n+++ /dev/null" in found.diff
    assert "--- /dev/null\n+++ b/spl/searches/owa_token_minted.spl" in found.diff
    assert differences(made, tmp_path, complete=False).extra == 0
    assert (tmp_path / "kql/sentinel/old_rule.kql").exists()


def test_left_over_files_go_only_when_the_build_is_complete(rules: Pack, made: Build, tmp_path: Path) -> None:
    write(made, tmp_path, complete=True)
    extra = tmp_path / "spl/searches/old_rule.spl"
    extra.write_text("old\n")
    one = build(rules, ("splunk",), "owa_token_minted")
    assert list(one.files) == ["spl/searches/owa_token_minted.spl"]
    assert write(one, tmp_path) == []
    assert extra.exists()
    assert write(made, tmp_path, complete=True) == ["spl/searches/old_rule.spl"]
    assert not extra.exists()
    assert (tmp_path / "kql/sentinel/owa_token_minted.kql").exists()


def test_a_file_is_written_whole_or_not_at_all(made: Build, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write(made, tmp_path, complete=True)
    path = tmp_path / "pipelines/unissued_splunk.yml"
    path.write_text("before\n")
    there = sorted(one.name for one in path.parent.iterdir())

    def broken(*_: object) -> Path:
        raise OSError("the disk is full")

    monkeypatch.setattr(Path, "replace", broken)
    with pytest.raises(OSError, match="disk is full"):
        write(made, tmp_path)
    assert path.read_text() == "before\n"
    assert sorted(one.name for one in path.parent.iterdir()) == there


def test_rules_that_only_feed_others_are_not_written(rules: Pack) -> None:
    assert not build(rules, only="mail_read_by_app").files
    assert convert(rules, rules.rule("mail_read_by_app"), "sentinel").path == "kql/sentinel/mail_read_by_app.kql"


def test_unknown_targets_and_rules_are_refused(rules: Pack) -> None:
    with pytest.raises(UnsupportedError, match="no target"):
        convert(rules, rules.rule("owa_token_minted"), "elastic")


def test_a_query_that_no_rule_can_hold_is_refused(rules: Pack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unissued.convert.query._LIMIT", 100)
    with pytest.raises(UnsupportedError, match="characters"):
        convert(rules, rules.rule("owa_token_minted"), "sentinel")
    assert convert(rules, rules.rule("owa_token_minted"), "splunk")
