"""DuckDB finds what the evaluator finds: on every fixture, on every scenario, and for random rules.

The same for Spark is a leg of its own: ``bash .ci/spark``.
"""

from __future__ import annotations

import pytest

from conftest import shipped_pack
from lake import Bench, Case, compared, fixture_cases, scenario_cases, setting
from unissued.evaluate import comparable_lists, evaluate
from unissued.lake import DuckDBEngine, load_lists, load_records, outcomes, prepare
from unissued.pack import Document, load_catalogue, pack_of
from unissued.sql import DIALECTS, Setting, script
from unissued.verify.draw import draw_batch


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return fixture_cases(shipped_pack()) + scenario_cases(shipped_pack())


@pytest.fixture(scope="module")
def bench(cases: list[Case]) -> Bench:
    return Bench(DuckDBEngine(threads=1), cases)  # thousands of small statements


def test_duckdb_agrees_with_the_evaluator_on_every_fixture_and_scenario(bench: Bench, cases: list[Case]) -> None:
    assert not [line for case in cases for line in bench.differences(case)]
    rules = {rule for case in cases for rule in case.rules}
    assert rules == set(shipped_pack().rules)


def test_no_rule_of_the_pack_is_refused_in_duckdb() -> None:
    pack = shipped_pack()
    assert not script(Setting(DIALECTS["duckdb"]), pack, pack.rules.values()).refused
