"""What is generated is the same bytes everywhere, fresh in the tree, and shown before it changes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT
from unissued.errors import UnsupportedError
from unissued.pack import TARGETS, Pack


def build(root: Path, *args: str, cwd: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, str(ROOT / "build.py"), "--root", str(root), *args],
        cwd=cwd or ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, **environment},
    )


def tree(root: Path) -> dict[str, bytes]:
    return {
        path.relative_to(root).as_posix(): path.read_bytes()
        for folder in ("kql", "spl", "pipelines", "docs")
        for path in sorted((root / folder).rglob("*"))
        if path.is_file()
    }


def sources(root: Path, target: Path) -> None:
    """Copy what a build reads."""
    for folder in ("sigma", "fixtures"):
        shutil.copytree(root / folder, target / folder)


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("project")
    sources(ROOT, root)
    assert build(root).returncode == 0
    return root


def test_the_tree_is_fresh() -> None:
    done = build(ROOT, "--check")
    assert done.returncode == 0, done.stdout
    assert "0 missing, 0 stale, 0 extra" in done.stdout


def test_another_folder_locale_time_zone_and_hash_seed_give_the_same_bytes(copy: Path, tmp_path: Path) -> None:
    other = tmp_path / "elsewhere"
    sources(copy, other)
    done = build(other, cwd=tmp_path, PYTHONHASHSEED="4711", TZ="Pacific/Chatham", LC_ALL="C", LANG="tr_TR.UTF-8")
    assert done.returncode == 0, done.stderr
    assert tree(other) == tree(copy)
    again = build(other, cwd=tmp_path, PYTHONHASHSEED="0")
    assert again.returncode == 0
    assert tree(other) == tree(copy)


def test_the_committed_files_are_those_bytes(copy: Path) -> None:
    for path, content in tree(copy).items():
        assert (ROOT / path).read_bytes() == content, path


def test_a_stale_tree_is_shown_as_a_diff_and_left_alone(copy: Path, tmp_path: Path) -> None:
    root = tmp_path / "stale"
    shutil.copytree(copy, root)
    query = root / "kql" / "sentinel" / "mail_owa_identity_scripted_client.kql"
    query.write_text(query.read_text("utf-8").replace("startswith", "contains"), encoding="utf-8")
    (root / "spl" / "searches" / "app_mailbox_role_granted.spl").unlink()
    before = tree(root)
    done = build(root, "--check")
    assert done.returncode == 1
    assert "1 missing, 1 stale, 0 extra" in done.stdout
    assert "--- a/kql/sentinel/mail_owa_identity_scripted_client.kql" in done.stdout
    assert re.search(r"^-.*contains \"Client=OWA\"", done.stdout, re.MULTILINE)
    assert re.search(r"^\+.*startswith \"Client=OWA\"", done.stdout, re.MULTILINE)
    assert tree(root) == before


def test_only_one_rule_and_one_target_can_be_built(copy: Path, tmp_path: Path) -> None:
    root = tmp_path / "one"
    shutil.copytree(copy / "sigma", root / "sigma")
    assert build(root, "--only", "mail_owa_identity_scripted_client", "--target", "splunk").returncode == 0
    assert [path for path in tree(root) if not path.startswith("docs/")] == [
        "spl/searches/mail_owa_identity_scripted_client.spl"
    ]
    wrong = build(root, "--only", "mail_owa_identity_scripted_clint")
    assert wrong.returncode == 2
    assert "did you mean 'mail_owa_identity_scripted_client'" in wrong.stderr


def test_every_rule_that_alerts_has_a_query_or_a_reason_for_every_target(pack: Pack) -> None:
    from unissued.convert import build as convert_all

    made = convert_all(pack)
    refused = {(one.rule, one.target): one.reason for one in made.refused}
    for rule in pack.rules.values():
        for target in TARGETS if rule.level else ():
            folder = {"sentinel": "kql/sentinel", "defender": "kql/defender", "splunk": "spl/searches"}[target]
            suffix = "spl" if target == "splunk" else "kql"
            assert (f"{folder}/{rule.name}.{suffix}" in made.files) != bool(refused.get((rule.name, target)))


def test_pages_go_stale_with_rules_and_fixtures_and_leave_with_them(copy: Path, tmp_path: Path) -> None:
    root = tmp_path / "stale"
    shutil.copytree(copy, root)
    rule = root / "sigma" / "mail" / "owa_token_minted.yml"
    rule.write_text(rule.read_text("utf-8").replace("Look for a sign-in", "Look for the sign-in"), encoding="utf-8")
    fixtures = root / "fixtures" / "mail_read_by_app"
    (fixtures / "hit_reads.jsonl").rename(fixtures / "hit_reads_again.jsonl")
    left = root / "docs" / "rules" / "a_rule_of_yesterday.md"
    left.write_text("# It was here\n", encoding="utf-8")
    done = build(root, "--check")
    assert done.returncode == 1
    stale = set(re.findall(r"^--- a/(\S+)", done.stdout, re.MULTILINE)) - {left.relative_to(root).as_posix()}
    assert f"0 missing, {len(stale)} stale, 1 extra" in done.stdout
    pages = {path for path in stale if path.startswith("docs/")}
    assert pages == {"docs/rules/owa_token_minted.md", "docs/rules/mail_read_by_app.md"}
    # What a package says of a rule in words goes stale, too; queries do not.
    assert {"kql/sentinel/owa_token_minted.yaml", "kql/defender/owa_token_minted.detection.json"} <= stale
    assert not [path for path in stale if path.endswith((".kql", ".spl"))]
    assert "+- Look for the sign-in with the same token id" in done.stdout
    assert "[reads again](../../fixtures/mail_read_by_app/hit_reads_again.jsonl)" in done.stdout
    assert build(root).returncode == 0
    assert not left.exists()
    assert "0 missing, 0 stale, 0 extra" in build(root, "--check").stdout


def test_a_field_that_no_table_of_a_target_has_is_refused_with_the_reason(pack: Pack) -> None:
    """The consumer-tenant rule needs a field that OfficeActivity lacks: Sentinel must read CloudAppEvents."""
    from unissued.convert import convert

    query = convert(pack, pack.rule("mail_token_from_consumer_tenant"), "sentinel")
    assert query.tables == ("CloudAppEvents",)
    assert "OfficeActivity has no column TokenTenantId" in query.text
    with pytest.raises(UnsupportedError):
        convert(pack, pack.rule("signin_token_issued"), "nonsense")
