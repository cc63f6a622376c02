"""What a change of rules does: to the rules, to the queries, and to what fires on all fixtures."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from unissued.cli.group import commands
from unissued.errors import PackError

RULE = """title: Mail Sent
id: 3f0a4f5e-52a7-4a57-9a53-0a0cf4b1a8d{number}
name: {name}
version: '{version}'
status: test
description: For a test.
level: low
logsource: {{product: m365, service: exchange}}
detection:
  selection: {{Operation: {operation}}}
  condition: selection
"""
MANY = """title: Much Mail Sent
id: 3f0a4f5e-52a7-4a57-9a53-0a0cf4b1a8d9
name: much_sent
version: '1.0.0'
status: test
description: For a test.
level: low
correlation: {type: event_count, rules: [sent], group-by: [UserId], timespan: 1h, condition: {gte: 2}}
"""


def record(number: int, operation: str) -> str:
    fields = {"Id": f"{number}", "Workload": "Exchange", "Operation": operation, "UserId": "a@contoso.example"}
    return json.dumps({**fields, "CreationTime": f"2026-03-02T09:{number:02}:00"}) + "\n"


def fixtures(root: Path, rule: str, **files: str) -> None:
    folder = root / "fixtures" / rule
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / f"{name}.jsonl").write_text(text, encoding="utf-8")


def rule(root: Path, name: str, number: int, operation: str, version: str = "1.0.0") -> None:
    (root / "sigma").mkdir(parents=True, exist_ok=True)
    text = RULE.format(name=name, number=number, operation=operation, version=version)
    (root / "sigma" / f"{name}.yml").write_text(text, encoding="utf-8")


def query(root: Path, name: str, text: str) -> None:
    path = root / "kql" / "sentinel" / f"{name}.kql"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")


@pytest.fixture
def old(tmp_path: Path) -> Path:
    root = tmp_path / "old"
    rule(root, "sent", 1, "Send")
    rule(root, "gone", 2, "HardDelete")
    (root / "sigma" / "much_sent.yml").write_text(MANY, encoding="utf-8")
    fixtures(root, "sent", hit_sent=record(1, "Send"), miss_as=record(2, "SendAs"))
    fixtures(root, "gone", hit_gone=record(3, "HardDelete"), miss_sent=record(4, "Send"))
    fixtures(root, "much_sent", hit_two=record(5, "Send") + record(6, "Send"), miss_one=record(7, "Send"))
    query(root, "sent", "A\nB\n")
    query(root, "gone", "G\n")
    return root


@pytest.fixture
def new(old: Path, tmp_path: Path) -> Path:
    """A rule is loosened, so that what is built on it changes too; one goes and one comes."""
    root = tmp_path / "new"
    shutil.copytree(old, root)
    rule(root, "sent", 1, "[Send, SendAs]", "1.1.0")
    (root / "sigma" / "gone.yml").unlink()
    shutil.rmtree(root / "fixtures" / "gone")
    rule(root, "come", 3, "SoftDelete")
    fixtures(root, "sent", miss_as=record(2, "Read"), hit_as=record(8, "SendAs") + record(9, "SendAs"))
    fixtures(root, "come", hit_soft=record(10, "SoftDelete"), miss_hard=record(11, "HardDelete"))
    query(root, "sent", "A\nC\n")
    (root / "kql" / "sentinel" / "gone.kql").unlink()
    query(root, "come", "X\n")
    return root


def diff(*args: str | Path) -> Result:
    return CliRunner().invoke(commands, ["diff", *map(str, args)])


def test_rules_queries_and_hits_are_compared_on_the_union_of_fixtures(old: Path, new: Path) -> None:
    done = diff(old, new, "--format", "json")
    assert done.exit_code == 1
    body = json.loads(done.output)
    assert [
        (one["rule"], one["kind"], one["old_version"], one["new_version"], one["keys"]) for one in body["rules"]
    ] == [
        ("come", "added", "", "1.0.0", []),
        ("gone", "removed", "1.0.0", "", []),
        ("sent", "changed", "1.0.0", "1.1.0", ["version", "detection"]),
    ]
    assert [(one["path"], one["kind"]) for one in body["queries"]] == [
        ("kql/sentinel/come.kql", "added"),
        ("kql/sentinel/gone.kql", "removed"),
        ("kql/sentinel/sent.kql", "changed"),
    ]
    assert body["queries"][2]["diff"].splitlines()[2:] == ["@@ -1,2 +1,2 @@", " A", "-B", "+C"]
    assert body["replayed"] == ["come", "gone", "much_sent", "sent"]
    hits = {(one["rule"], one["case"]): (one["old"], one["new"], one["lost"], one["gained"]) for one in body["hits"]}
    assert hits == {
        ("come", "come/hit_soft"): (0, 1, 0, 1),
        ("gone", "gone/hit_gone"): (1, 0, 1, 0),
        ("gone", "come/miss_hard"): (1, 0, 1, 0),
        ("sent", "sent/hit_as"): (0, 2, 0, 2),
        ("much_sent", "sent/hit_as"): (0, 1, 0, 1),
        ("sent", f"sent/miss_as as of {old}"): (0, 1, 0, 1),
    }


def test_the_comment_has_tables_and_folded_diffs(old: Path, new: Path) -> None:
    text = diff(old, new, "--format", "markdown").output
    assert "rules: 1 added, 1 removed, 1 changed; queries: 1 added, 1 removed, 1 changed; hits on 10" in text
    assert "| changed | sent | 1.0.0 -&#62; 1.1.0 | version, detection |" in text.replace("→", "->")
    assert text.count("<details>") == text.count("</details>") == 3
    assert "-B\n+C" in text


def test_a_comment_stays_below_githubs_limit_and_says_what_is_left_out(old: Path, new: Path) -> None:
    for number in range(60):
        query(new, f"long_{number:02}", f"{'x' * 20}\n" * 1000)
    text = diff(old, new, "--format", "markdown").output
    assert len(text) < 65_536
    assert "… 803 more lines" in text
    assert "more queries, left out because a comment holds no more." in text
    assert text.count("<details>") == text.count("</details>")


def test_the_same_tree_twice_is_status_0(old: Path) -> None:
    done = diff(old, old)
    assert done.exit_code == 0
    assert "rules: none changed; queries: none changed" in done.output
    assert "No rule, query or hit changed." in diff(old, old, "--format", "markdown").output


def test_the_same_number_of_other_hits_is_a_change(old: Path, tmp_path: Path) -> None:
    fixtures(
        old, "sent", hit_sent=record(1, "Send"), miss_as=record(2, "SendAs"), gap_both=record(1, "A") + record(2, "B")
    )
    rule(old, "sent", 1, "A")
    new = tmp_path / "new"
    shutil.copytree(old, new)
    rule(new, "sent", 1, "B")
    hits = json.loads(diff(old, new, "--format", "json").output)["hits"]
    assert [(one["old"], one["new"], one["lost"], one["gained"]) for one in hits if one["case"] == "sent/gap_both"] == [
        (1, 1, 1, 1)
    ]


def test_a_tree_without_queries_is_converted_and_the_answer_says_so(old: Path, new: Path) -> None:
    shutil.copytree(new / "sigma", new.parent / "bare" / "sigma")
    shutil.copytree(new / "fixtures", new.parent / "bare" / "fixtures")
    done = diff(old, new.parent / "bare", "--format", "json")
    body = json.loads(done.output)
    assert body["notes"] == [f"{new.parent / 'bare'} has no generated queries: its rules were converted now"]
    assert "kql/defender/come.kql" in {one["path"] for one in body["queries"]}


def git(folder: Path, *args: str) -> None:
    name = ["-c", "user.name=a", "-c", "user.email=a@example.com", "-c", "init.defaultBranch=main"]
    subprocess.run(["git", *name, *args], cwd=folder, check=True, capture_output=True)


@pytest.mark.parametrize("below", ["", "pack"])
def test_revisions_are_unpacked_and_the_work_tree_is_left_alone(
    below: str, old: Path, new: Path, tmp_path: Path
) -> None:
    """Also where the project is a folder of a larger repository."""
    repository = tmp_path / "repository"
    root = repository / below
    shutil.copytree(old, root)
    git(repository, "init")
    git(repository, "add", "-A")
    git(repository, "commit", "-m", "old")
    git(repository, "tag", "v1")
    shutil.rmtree(root / "sigma")
    shutil.rmtree(root / "fixtures")
    shutil.rmtree(root / "kql")
    shutil.copytree(new, root, dirs_exist_ok=True)
    git(repository, "add", "-A")
    git(repository, "commit", "-m", "new")
    (root / "sigma" / "sent.yml").write_text("half an edit", encoding="utf-8")
    named = json.loads(diff("v1", "HEAD", "--root", root, "--format", "json").output)
    folders = json.loads(diff(old, new, "--format", "json").output)
    assert (named["old"], named["new"]) == ("v1", "HEAD")
    for key in ("rules", "queries", "replayed"):
        assert named[key] == folders[key]
    assert len(named["hits"]) == len(folders["hits"])
    assert (root / "sigma" / "sent.yml").read_text("utf-8") == "half an edit"


def test_a_link_out_of_a_revision_is_refused(old: Path) -> None:
    (old / "sigma" / "outside.yml").symlink_to("/etc/hostname")
    git(old, "init")
    git(old, "add", "-A")
    git(old, "commit", "-m", "a link")
    done = diff("HEAD", old, "--root", old)
    assert isinstance(done.exception, PackError)
    assert "cannot be unpacked" in str(done.exception)


@pytest.mark.parametrize(
    ("name", "says"),
    [
        ("no-such-revision", "is neither a folder nor a git revision"),
        ("--output=/tmp/x", "is neither a folder nor a git revision"),
        ("HEAD:sigma", "is neither a folder nor a git revision"),
        ("EMPTY", "is a folder without rules"),
    ],
)
def test_what_is_no_state_of_the_project_is_refused(name: str, says: str, old: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    done = diff("--root", old, "--", old, str(tmp_path / "empty") if name == "EMPTY" else name)
    assert isinstance(done.exception, PackError)
    assert says in str(done.exception)


def test_a_broken_rule_is_named_with_its_state(old: Path, new: Path) -> None:
    (new / "sigma" / "sent.yml").write_text("title: [\n", encoding="utf-8")
    done = diff(old, new)
    assert isinstance(done.exception, PackError)
    assert f"{new}: sigma/sent.yml" in str(done.exception)
