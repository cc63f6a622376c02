"""Every condition of every rule is needed: without it some fixture turns red."""

from __future__ import annotations

import pytest

from conftest import ROOT, shipped_pack
from mutation import Mutant, mutants, survives
from unissued.pack import Pack
from unissued.verify import Case, load_cases

CASES = load_cases(shipped_pack(), ROOT / "fixtures")
MUTANTS = [mutant for rule in shipped_pack().rules.values() for mutant in mutants(rule)]


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return CASES


@pytest.mark.parametrize("rule", shipped_pack().rules)
def test_no_mutant_survives(rule: str, pack: Pack, cases: list[Case]) -> None:
    tried = [mutant for mutant in MUTANTS if mutant.rule == rule]
    assert len(tried) >= 2
    assert [mutant.name for mutant in tried if survives(pack, mutant, cases)] == []


def test_the_unchanged_rules_survive(pack: Pack, cases: list[Case]) -> None:
    """Otherwise every mutant would look killed."""
    for rule in pack.rules.values():
        assert survives(pack, Mutant(rule.name, "nothing", rule.definition), cases), rule.name
