"""The command line as a user meets it: exit statuses, streams, formats."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from shutil import copy

import pytest

from conftest import ROOT

S1 = ROOT / "fixtures" / "_scenarios" / "s1_storm0558_2023"
READ = {"Operation": "MailItemsAccessed", "ResultStatus": "Succeeded", "RecordType": 50, "Workload": "Exchange"}


def run(*args: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "unissued", *map(str, args)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, **environment},
    )


def mail_read(**fields: object) -> dict[str, object]:
    return {
        **READ,
        "Id": "a3a6d6ff-6b5f-4b39-8d0a-2f9e8d1f4c11",
        "CreationTime": "2026-03-02T09:00:00",
        "UserId": "alice@contoso.example",
        "MailboxGuid": "408f5d7c-0ed7-410a-802f-62c34e522a78",
        "AppId": "00000003-0000-0000-c000-000000000000",
        "ClientInfoString": "Client=REST;;",
        **fields,
    }


def log(folder: Path, *records: dict[str, object]) -> Path:
    path = folder / "log.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


def test_the_readme_hunt_finds_what_the_scenario_asks_for() -> None:
    done = run("hunt", S1 / "events.jsonl", "--baseline", S1 / "baseline.csv", "--format", "json")
    assert done.returncode == 1
    result = json.loads(done.stdout)
    assert {finding["rule"]["name"] for finding in result["results"]} == {
        "mail_owa_identity_scripted_client",
        "mail_app_new_to_tenant",
        "mail_read_from_storm0558_address",
        "mail_read_from_storm0558_address_in_2023",
        "mail_read_by_scripted_client",  # somebody else's script, that night
    }
    summary = result["summary"]
    assert summary["read"] == sum(summary[key] for key in ("used", "duplicates", "refused", "skipped")) > 0


def test_findings_have_the_documented_form() -> None:
    done = run("hunt", S1 / "events.jsonl", "--rule", "mail_owa_identity_scripted_client", "--format", "jsonl")
    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert [line["kind"] for line in lines] == ["finding"] * 3 + ["summary"]
    first = lines[0]
    assert {"id", "rule", "first", "last", "group", "users", "apps", "mailboxes", "addresses", "records", "why"} <= set(
        first
    )
    assert len(first["id"]) == 16
    assert first["because"][0]["file"].endswith("events.jsonl")


def test_a_rule_without_baseline_says_so_and_leaves_the_status_at_0(tmp_path: Path) -> None:
    done = run("hunt", log(tmp_path, mail_read()), "--rule", "mail_app_new_to_tenant", "--format", "json")
    assert done.returncode == 0
    assert [
        (entry["rule"], entry["reason"], entry["records"]) for entry in json.loads(done.stdout)["not_evaluated"]
    ] == [("mail_app_new_to_tenant", "no_baseline", 1)]


def test_incomplete_input_without_findings_gives_3(tmp_path: Path) -> None:
    path = log(tmp_path, mail_read())
    path.write_text(path.read_text("utf-8") + '{"Operation": "MailItems', encoding="utf-8")
    done = run("hunt", path)
    assert done.returncode == 3
    assert "refused" in done.stdout
    assert "input partial" in done.stdout


def test_incomplete_input_with_findings_gives_1_and_says_partial(tmp_path: Path) -> None:
    path = log(tmp_path, mail_read(AppId="00000002-0000-0ff1-ce00-000000000000"))
    path.write_text(path.read_text("utf-8") + "no json\n", encoding="utf-8")
    done = run("hunt", path, "--format", "json")
    assert done.returncode == 1
    assert all(finding["partial"] for finding in json.loads(done.stdout)["results"])


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["hunt"], "PATHS"),
        (["hunt", "no/such/file"], "no/such/file"),
        (["hunt", str(S1), "--since", "yesterday"], "is no time"),
        (["hunt", str(S1), "--rule", "mail_token_never_isued"], "did you mean 'mail_token_never_issued'"),
        (["hunt", str(S1), "--format", "xml"], "xml"),
        (["hunt", str(S1), "--baseline", "no/such.csv"], "no/such.csv"),
        (["hunt", str(S1), "--list", "friends=x.csv"], "friends"),
        (["convert", "mail_token_never_issued"], "--target"),
        (["frobnicate"], "frobnicate"),
    ],
)
def test_wrong_usage_gives_2_with_a_reason_and_no_traceback(args: list[str], says: str) -> None:
    done = run(*args)
    assert done.returncode == 2
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""


def test_feed_that_lacks_rows_gives_3_and_is_named_without_its_control_characters(tmp_path: Path) -> None:
    throttled = [{"Name": "IsThrottled", "Value": "True"}]
    path = log(tmp_path, mail_read(OperationProperties=throttled, MailboxOwnerUPN="a\x1b[2Jlice@contoso.example"))
    quiet = ("hunt", path, "--rule", "mail_token_never_issued")
    done = run(*quiet)
    assert done.returncode == 3
    assert "feed_mailbox_throttled  feed health" in done.stdout
    assert "a\\x1b[2jlice@contoso.example" in done.stdout
    assert "\x1b" not in done.stdout
    lines = [json.loads(line) for line in run(*quiet, "--format", "jsonl").stdout.splitlines()]
    assert [(line["check"]["name"], line["subject"]) for line in lines if line["kind"] == "health"] == [
        ("feed_signin_gap", "SigninLogs"),
        ("feed_signin_gap", "AADNonInteractiveUserSignInLogs"),
        ("feed_mailbox_throttled", "a\x1b[2jlice@contoso.example"),
    ]
    assert json.loads(run(*quiet, "--format", "json", "--since", "2030-01-01").stdout)["health"] == []


def test_coverage_gives_1_where_something_is_blind_and_takes_its_targets(tmp_path: Path) -> None:
    path = log(tmp_path, mail_read())
    done = run("coverage", path, "--retention-searchable", "0d", "--retention-retrievable", "30d", "--format", "json")
    assert done.returncode == 1
    result = json.loads(done.stdout)
    (mail,) = [one for one in result["retention"]["sources"] if one["source"] == "m365/exchange"]
    assert (mail["searchable"], mail["retrievable"]) == (True, False)
    assert result["rules"] > len({one["rule"] for one in result["blind"]}) > 0
    page = tmp_path / "coverage.md"
    assert run("coverage", path, "--format", "markdown", "-o", page).returncode == 1
    assert page.read_text("utf-8").startswith("# Coverage\n")
    assert "Fix first" in run("coverage", path).stdout
    wrong = run("coverage", path, "--retention-searchable", "a year")
    assert (wrong.returncode, "is no span" in wrong.stderr) == (2, True)


def test_coverage_of_complete_logs_gives_0(tmp_path: Path) -> None:
    """The pack is one of a few rules: no scenario has the logs and lists of all."""
    folder = S1.parent / "s5_broken_feed"
    (tmp_path / "sigma").mkdir()
    for rule in ("mail/mail_owa_identity_scripted_client", "mail/owa_token_minted", "identity/signin_token_issued"):
        copy(ROOT / "sigma" / f"{rule}.yml", tmp_path / "sigma")
    given = ("--baseline", folder / "baseline.csv", "--root", tmp_path)
    assert run("coverage", folder / "events.jsonl", *given).returncode == 0
    cut = tmp_path / "cut.jsonl"
    cut.write_bytes((folder / "events.jsonl").read_bytes() + b"no json")
    assert run("coverage", cut, *given).returncode == 3


def test_since_and_until_bound_the_findings_not_the_input() -> None:
    args = ("hunt", S1 / "events.jsonl", "--rule", "mail_read_from_storm0558_address", "--format", "json")
    whole = json.loads(run(*args).stdout)
    none = json.loads(run(*args, "--since", "2023-06-13").stdout)
    assert len(whole["results"]) == 3
    assert none["results"] == []
    assert none["summary"]["used"] == whole["summary"]["used"]


def test_log_content_cannot_command_the_terminal(tmp_path: Path) -> None:
    hostile = mail_read(
        AppId="00000002-0000-0ff1-ce00-000000000000",
        ClientInfoString="Client=\x1b[2J\x1b]0;owned\x07REST\u202egnp",
        UserId="[bold red]alice[/]@contoso.example",
    )
    done = run("hunt", log(tmp_path, hostile))
    assert done.returncode == 1
    assert not set(done.stdout) & {"\x1b", "\x07", "\u202e"}
    assert "\\x1b[2J" in done.stdout
    assert "[bold red]alice[/]@contoso.example" in done.stdout


def test_half_a_surrogate_in_a_record_does_not_break_the_report(tmp_path: Path) -> None:
    path = log(tmp_path, mail_read(AppId="00000002-0000-0ff1-ce00-000000000000", ClientInfoString="Client=\ud800REST"))
    for form in ("text", "json", "jsonl"):
        assert run("hunt", path, "--format", form).returncode == 1


def test_an_output_file_is_written_whole_and_stdout_stays_empty(tmp_path: Path) -> None:
    done = run("hunt", S1 / "events.jsonl", "--format", "json", "-o", tmp_path / "findings.json")
    assert done.stdout == ""
    assert json.loads((tmp_path / "findings.json").read_text("utf-8"))["schema"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["findings.json"]


def test_a_baseline_learned_from_logs_makes_the_same_logs_quiet(tmp_path: Path) -> None:
    days = [
        mail_read(Id=f"00000000-0000-4000-8000-{day:012}", CreationTime=f"2026-03-{day:02}T09:00:00")
        for day in range(1, 21)
    ]
    path, learned = log(tmp_path, *days), tmp_path / "baseline.csv"
    assert run("baseline", "learn", path, "-o", learned).returncode == 0
    quiet = run("hunt", path, "--baseline", learned, "--rule", "mail_app_new_to_tenant", "--format", "json")
    assert quiet.returncode == 0
    assert json.loads(quiet.stdout)["not_evaluated"] == []
    other = tmp_path / "other"
    other.mkdir()
    newcomer = mail_read(ClientAppId="030367bd-2ff4-4082-abe9-da68fa31ba57")
    assert run("hunt", log(other, newcomer), "--baseline", learned).returncode == 1


def test_a_list_takes_approved_applications_out(tmp_path: Path) -> None:
    app = "030367bd-2ff4-4082-abe9-da68fa31ba57"
    reads = [
        mail_read(
            Id=f"00000000-0000-4000-8000-{number:012}",
            MailboxGuid=f"00000000-0000-4000-9000-{number:012}",
            CreationTime=f"2026-03-02T09:{number:02}:00",
            ClientAppId=app,
        )
        for number in range(10)
    ]
    path, approved = log(tmp_path, *reads), tmp_path / "approved.csv"
    args = ("hunt", path, "--rule", "mail_app_reads_many_mailboxes")
    assert run(*args).returncode == 1
    approved.write_text(f"approved_mail_apps\n{{{app.upper()}}}\n", encoding="utf-8")
    assert run(*args, "--list", f"approved_mail_apps={approved}").returncode == 0
    approved.write_text("approved_mail_apps\n*\n", encoding="utf-8")
    refused = run(*args, "--list", f"approved_mail_apps={approved}")
    assert refused.returncode == 2
    assert "'*' is no entry" in refused.stderr


def test_explain_shows_every_comparison_with_the_value_that_it_met() -> None:
    done = run("explain", "mail_owa_identity_scripted_client", f"{S1 / 'events.jsonl'}:8")
    assert done.returncode == 0
    assert "+ mail_owa_identity_scripted_client" in done.stdout
    assert "+ AppId = 00000002-0000-0ff1-ce00-000000000000" in done.stdout
    assert "- ClientInfoString = Client=OWA*    <- 'Client=REST;Client=RESTSystem;;'" in done.stdout


def test_check_and_list_and_test_agree_on_the_pack() -> None:
    assert run("check").returncode == 0
    listed = run("list")
    assert "mail_token_from_consumer_tenant" in listed.stdout
    tested = run("test", "mail_token_from_consumer_tenant")
    assert tested.returncode == 0
    assert " passed, 0 failed" in tested.stdout


def test_check_shows_every_problem_of_a_broken_pack(tmp_path: Path) -> None:
    folder = tmp_path / "sigma"
    folder.mkdir()
    (folder / "a.yml").write_text("title: A\n", encoding="utf-8")
    (folder / "b.yml").write_text("title: [\n", encoding="utf-8")
    done = run("check", "--root", tmp_path)
    assert done.returncode == 1
    assert "sigma/a.yml" in done.stderr
    assert "sigma/b.yml" in done.stderr
    assert "Traceback" not in done.stderr


def test_a_closed_pipe_ends_quietly() -> None:
    command = f"'{sys.executable}' -m unissued hunt '{S1 / 'events.jsonl'}' --format jsonl | true"
    done = subprocess.run(["bash", "-c", command], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stderr == ""
