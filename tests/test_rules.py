"""Every fixture does what its name says, and every scenario what it asks for."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import ROOT, shipped_pack
from unissued.logs import Reading
from unissued.pack import Pack
from unissued.verify import Case, Scenario, load_cases, load_scenarios, replay_case, replay_scenario


@pytest.mark.parametrize("case", load_cases(shipped_pack(), ROOT / "fixtures"), ids=lambda case: case.name)
def test_fixture(case: Case, pack: Pack, reading: Callable[[Path], Reading]) -> None:
    replay = replay_case(pack, case, reading(case.path))
    assert not replay.failures, "\n".join(replay.failures)


@pytest.mark.parametrize(
    "scenario", load_scenarios(shipped_pack(), ROOT / "fixtures" / "_scenarios"), ids=lambda scenario: scenario.name
)
def test_scenario(scenario: Scenario, pack: Pack, reading: Callable[[Path], Reading]) -> None:
    replay = replay_scenario(pack, scenario, reading(scenario.path))
    assert not replay.failures, "\n".join(replay.failures)


def test_every_rule_that_alerts_says_what_an_analyst_needs(pack: Pack) -> None:
    for rule in pack.rules.values():
        if rule.level:
            for key in ("falsepositives", "blind_spots", "triage", "needs", "tags"):
                assert rule.definition.get(key), f"{rule.name} has no {key}"


def test_no_rule_claims_that_a_missing_sign_in_proves_forgery(pack: Pack) -> None:
    description = str(pack.rule("mail_token_never_issued").definition["description"])
    assert "unexplained token, not a forged one" in description
