"""The product: every shipped query finds what its rule means, and so do random rules.

The default run draws 500 rules, and leaves out what correlates on scenarios, which takes most of the time.
``pytest -m full`` draws 10,000 and leaves nothing out, as ``unissued verify --rules 10000`` does.
"""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from conftest import ROOT, shipped_pack
from unissued.errors import PackError
from unissued.pack import TARGETS
from unissued.verify import load_scenarios, page, report
from unissued.verify.run import RandomPart, Verification, Wanted, verify
from unissued.verify.shipped import Checked, Project

PROJECT = Project(ROOT, ROOT / "fixtures")
PROCESSES = os.cpu_count() or 1


def run(rules: tuple[str, ...] = (), random_rules: int = 0, seed: int = 1, *, scenarios: bool = True) -> Verification:
    return verify(PROJECT, shipped_pack(), Wanted(rules, TARGETS, random_rules, seed, PROCESSES, scenarios=scenarios))


@pytest.fixture(scope="module")
def verification() -> Verification:
    """One run over everything that is shipped, and 500 random rules; it is the slowest thing in the suite."""
    return run(random_rules=500, scenarios=False)


def test_every_shipped_query_is_valid_and_agrees_with_the_evaluator(verification: Verification) -> None:
    assert not list(report.failures(verification))
    queries = [one for one in verification.shipped if not one.refused]
    assert {(one.rule, one.target) for one in queries} == {
        (path.stem, target)
        for target, folder in (("sentinel", "kql/sentinel"), ("defender", "kql/defender"), ("splunk", "spl/searches"))
        for path in (ROOT / folder).iterdir()
        if path.suffix in (".kql", ".spl")
    }
    correlations = {rule.name for rule in shipped_pack().rules.values() if rule.is_correlation}
    assert_all_cases_were_run(queries, but_scenarios_of=correlations)


def assert_all_cases_were_run(queries: Sequence[Checked], but_scenarios_of: Collection[str] = ()) -> None:
    scenarios = len(list((ROOT / "fixtures" / "_scenarios").glob("*/events.jsonl")))
    for one in queries:
        cases = len(list((ROOT / "fixtures" / one.rule).glob("*.jsonl")))
        wanted = (cases, 0 if one.rule in but_scenarios_of else scenarios)
        assert (one.count("fixture"), one.count("scenario")) == wanted, (one.rule, one.target)


def test_random_rules_agree_in_three_readers(verification: Verification) -> None:
    part = verification.random
    assert part.rules >= 500
    assert not part.disagreements
    assert not part.not_executed
    assert part.by_target["splunk"] == part.rules == part.by_target["sentinel"] + part.by_target["defender"]
    # A generator whose rules match nothing would agree about everything.
    assert part.fired > part.rules / 3
    assert {
        "detection",
        "event_count",
        "value_count",
        "value_sum",
        "temporal",
        "temporal_ordered",
        "a and not b",
    } <= set(part.kinds)


def test_the_page_about_agreement_says_what_was_executed(verification: Verification) -> None:
    """Brought up to date by ``unissued verify --format markdown -o docs/agreement.md --keep-random``."""
    text = (ROOT / "docs" / "agreement.md").read_text(encoding="utf-8")
    scenarios = len(load_scenarios(shipped_pack(), ROOT / "fixtures" / "_scenarios"))
    for one in verification.shipped:
        cases = one.count("fixture")
        row = f"{'parses' if one.target == 'splunk' else 'binds'} | {cases} of {cases} | {scenarios} of {scenarios} |"
        said = f"- `{one.rule}` in {one.target}: {one.refused}" if one.refused else ""
        assert (said or f"| `{one.rule}` | {one.target} | {row}") in text
    assert len(re.findall(r"^\| `\w+` \| \w+ \| ", text, re.MULTILINE)) == sum(
        not one.refused for one in verification.shipped
    )
    for what, engine in report.engines().items():
        assert f"| {what} | {engine} |" in text


def test_a_page_keeps_what_it_says_about_random_rules(verification: Verification) -> None:
    old = page.as_markdown(replace(verification, shipped=verification.shipped[:2]))
    assert page.refreshed(old, replace(verification, random=RandomPart(7))) == page.as_markdown(verification)
    with pytest.raises(PackError, match="has no part about the shipped queries"):
        page.refreshed("# Another page", verification)


@pytest.mark.full
def test_every_shipped_query_agrees_on_every_scenario() -> None:
    verification = run()
    assert not list(report.failures(verification))
    assert_all_cases_were_run([one for one in verification.shipped if not one.refused])
    assert page.shipped_part(verification) in (ROOT / "docs" / "agreement.md").read_text(encoding="utf-8")


@pytest.mark.full
def test_ten_thousand_random_rules_agree() -> None:
    verification = run(rules=("owa_token_minted",), random_rules=10_000, seed=2)
    assert not list(report.failures(verification))
    assert verification.random.rules >= 10_000


def test_a_query_that_says_something_else_is_shown_with_the_rows(tmp_path: Path) -> None:
    project = corrupted(tmp_path, "kql/sentinel/owa_token_minted.kql", "RecordType == 275", "RecordType == 276")
    verification = verify(project, shipped_pack(), Wanted(("owa_token_minted",), ("sentinel",), 0, 1, 1))
    assert not verification.agrees
    lines = list(report.failures(verification))
    assert any("only the evaluator finds Id=" in line for line in lines)
    assert any("is not what the build writes" in line for line in lines)


def corrupted(folder: Path, path: str, old: str, new: str) -> Project:
    """Copy what is generated, with one file changed; rules and fixtures stay where they are."""
    for name in ("kql", "spl", "sigma"):
        (folder / name).symlink_to(ROOT / name)
    top = path.split("/", 1)[0]
    (folder / top).unlink()
    for file in (ROOT / top).rglob("*.*"):
        copy = folder / file.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_bytes(file.read_bytes())
    text = (folder / path).read_text(encoding="utf-8")
    assert old in text, f"{path} does not hold {old!r}"
    (folder / path).write_text(text.replace(old, new, 1), encoding="utf-8")
    return Project(folder, ROOT / "fixtures")
