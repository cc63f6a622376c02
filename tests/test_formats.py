"""Every form says the same, keeps its own rules, and is not commanded by what stands in it."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sarif_pydantic import Sarif

from conftest import write_mail_sent
from unissued.cli.group import commands
from unissued.formats import FORMS, MOST_MARKDOWN, Check, Level, Remark, Report, in_cell, rendered
from unissued.verify import run as run_module
from unissued.verify.shipped import Check as Differs
from unissued.verify.shipped import Checked, Status

EVIL = "100% ::error::\r\nx, y: </pre></details> | `@all` ]]> \x07\u202e <b>"
BAD = Check("a_rule", "a_rule/hit", (Remark("test", EVIL, "sigma/mail/a, b:é.yml", 41, detail=f"- {EVIL}\n\n+ after"),))
NOTED = Check("a_rule", "a_rule/miss", (Remark("drift", "tuned", level=Level.NOTE),))
GOOD = Check("b_rule", "b_rule/hit")
REPORT = Report("test", (BAD, NOTED, GOOD), {"tuned": 1})


def test_json_holds_everything() -> None:
    body = json.loads(rendered(REPORT, "json"))
    assert (body["schema"], body["command"]) == (1, "test")
    assert body["summary"] == {"checks": 3, "failed": 1, "tuned": 1}
    assert [one["passed"] for one in body["results"]] == [False, True, True]
    remark = body["results"][0]["remarks"][0]
    assert (remark["text"], remark["file"], remark["line"], remark["level"]) == (
        EVIL,
        "sigma/mail/a, b:é.yml",
        41,
        "error",
    )


def test_junit_is_xml_with_one_case_a_check() -> None:
    root = ET.fromstring(rendered(REPORT, "junit"))  # noqa: S314 - we wrote it
    assert [suite.get("name") for suite in root.iter("testsuite")] == ["a_rule", "b_rule"]
    assert [(case.get("name"), len(case.findall("failure"))) for case in root.iter("testcase")] == [
        ("a_rule/hit", 1),
        ("a_rule/miss", 0),
        ("b_rule/hit", 0),
    ]
    assert (root.get("tests"), root.get("failures")) == ("3", "1")
    assert "+ after" in str(next(root.iter("failure")).text)


def test_sarif_is_what_its_schema_says() -> None:
    text = rendered(REPORT, "sarif")
    run = Sarif.model_validate_json(text).runs[0]
    assert [(one.rule_id, str(one.level and one.level.value)) for one in run.results or []] == [
        ("test", "error"),
        ("drift", "note"),
    ]
    first = json.loads(text)["runs"][0]["results"][0]
    place = first["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "sigma/mail/a%2C%20b%3A%C3%A9.yml"
    assert place["region"] == {"startLine": 41}
    moved = Report("test", (Check("a", "b", (Remark("test", EVIL, "sigma/mail/a, b:é.yml", 99),)),))
    assert (
        json.loads(rendered(moved, "sarif"))["runs"][0]["results"][0]["partialFingerprints"]
        == first["partialFingerprints"]
    )


def test_github_takes_one_line_as_one_command() -> None:
    first, second, last = rendered(REPORT, "github").splitlines()
    assert first.startswith("::error file=sigma/mail/a%2C b%3Aé.yml,line=41,title=test::100%25 ::error::%0D%0Ax, y: ")
    assert second == "::notice title=drift::tuned"
    assert last == "unissued test: 3 checks, 1 failed, 1 tuned"
    assert "\x07" not in first


def test_markdown_stays_text_folds_details_and_fits_into_a_comment() -> None:
    text = rendered(REPORT, "markdown")
    assert text.count("<details>") == text.count("</details>") == 1
    assert "@all" not in text.split("<details>")[0]
    assert "| error |" in text
    block = text.split("<pre>\n")[1].split("\n</pre>")[0]
    assert "<" not in block
    assert "\n\n" not in block, "a blank line ends an HTML block"
    many = Report("drift", tuple(Check("s", f"{n}", (Remark("x", "y" * 400, detail="z\n" * 900),)) for n in range(300)))
    long = rendered(many, "markdown")
    assert MOST_MARKDOWN - 3_000 < len(long) < 65_536
    assert re.search(r"And \d+ more, left out", long)
    assert long.count("<details>") == long.count("</details>") > 0


def test_nothing_to_report_is_said() -> None:
    fine = Report("check", (GOOD,))
    assert "Nothing to report." in rendered(fine, "markdown")
    assert rendered(fine, "github") == "unissued check: 1 checks, 0 failed\n"


@pytest.mark.parametrize("text", ["a|b", "`x`", "<script>", "@team", "#1", "[l](http://example.com)", "*a*"])
def test_a_cell_holds_no_markup(text: str) -> None:
    assert not re.search(r"[|`<@\[*]", in_cell(text))


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(commands, [str(arg) for arg in args])


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    (tmp_path / "sigma" / "mail").mkdir(parents=True)
    (tmp_path / "sigma" / "mail" / "a.yml").write_text("title: A\ncolour: red\n", encoding="utf-8")
    return tmp_path


@pytest.mark.parametrize("form", FORMS)
def test_check_says_file_and_line_in_every_form(form: str, broken: Path) -> None:
    done = run("check", "--root", broken, "--format", form)
    assert done.exit_code == 1
    assert "sigma/mail/a.yml" in done.output.replace("&#95;", "_")
    out = broken / "report"
    assert run("check", "--root", broken, "--format", form, "-o", out).exit_code == 1
    assert out.read_text("utf-8") == done.output


def test_an_unknown_format_is_a_usage_error(broken: Path) -> None:
    for verb in ("check", "test", "verify"):
        assert run(verb, "--root", broken, "--format", "xml").exit_code == 2


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with one rule, of which one fixture fails on its second line."""
    return write_mail_sent(tmp_path, {"hit_sent.jsonl": ["Send", "Sent"], "miss_read.jsonl": ["Read"]})


def test_a_failing_fixture_is_reported_with_file_line_and_tree(project: Path) -> None:
    done = run("test", "--root", project, "--format", "json")
    assert done.exit_code == 1
    body = json.loads(done.output)
    assert body["summary"] == {"checks": 2, "failed": 1}
    (remark,) = body["results"][0]["remarks"]
    assert (remark["file"], remark["line"]) == ("fixtures/mail_sent/hit_sent.jsonl", 2)
    assert remark["text"] == "mail_sent/hit_sent: must fire, but is no_match"
    assert remark["detail"].startswith("-")
    github = run("test", "--root", project, "--format", "github").output
    assert "::error file=fixtures/mail_sent/hit_sent.jsonl,line=2,title=test::" in github
    plain = run("test", "--root", project)
    assert "1 passed, 1 failed" in plain.output


def test_a_query_that_differs_is_reported_at_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    wrong = Differs("fixture", "hit_system", Status.DIFFERS, ("only the query finds x",))
    agrees = Differs("valid", "parses", Status.AGREES)
    part = run_module.RandomPart(1, not_executed=["batch 3: not executed"])
    result = run_module.Verification((Checked("owa_token_minted", "splunk", checks=(agrees, wrong)),), part)
    monkeypatch.setattr(run_module, "verify", lambda *_: result)
    done = run("verify", "--format", "github")
    assert done.exit_code == 1
    assert (
        "::error file=spl/searches/owa_token_minted.spl,line=1,title=verify::owa_token_minted in splunk, "
        "fixture hit_system: differs%0Aonly the query finds x\n"
    ) in done.output
    assert "::error title=verify::batch 3: not executed\n" in done.output
    body = Sarif.model_validate_json(run("verify", "--format", "sarif").stdout)
    assert len(body.runs[0].results or []) == 2
