"""The suite notices bugs put in on purpose (seeded_bugs.py), and the small agreement run that it uses for that."""

from __future__ import annotations

import pytest

from conftest import ROOT
from seeded_bugs import BUGS, Bug, caught_by
from test_agreement import run
from unissued.verify import report


@pytest.mark.parametrize(("number", "seed"), [(40, 3), (260, 4)])
def test_a_small_run_agrees(number: int, seed: int) -> None:
    rules = ("mail_app_reads_many_mailboxes", "app_new_secret_then_mail_read", "mail_app_new_to_tenant")
    verification = run(rules=(*rules, "app_mailbox_role_granted"), random_rules=number, seed=seed, scenarios=False)
    assert not list(report.failures(verification))


def test_there_are_thirty_bugs_in_every_kind_of_room() -> None:
    assert len(BUGS) >= 30
    assert {bug.file.split("/")[0] for bug in BUGS} >= {"evaluate", "convert", "engines"}


def test_every_bug_changes_a_line_that_is_there() -> None:
    lost = [bug.name for bug in BUGS if bug.old not in (ROOT / "src" / "unissued" / bug.file).read_text("utf-8")]
    assert lost == []


@pytest.mark.full
@pytest.mark.parametrize("bug", BUGS, ids=lambda bug: bug.name)
def test_bug_is_noticed(bug: Bug) -> None:
    assert caught_by(bug)
