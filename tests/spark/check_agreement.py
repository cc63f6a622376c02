"""Spark finds what the evaluator finds. Run by ``bash .ci/spark``, in an environment that has PySpark.

``UNISSUED_SPARK_CASES`` takes a part of the fixtures: every n-th; by default all.
"""

from __future__ import annotations

import os

import pytest

from conftest import ROOT, read_logs, shipped_pack
from lake import Bench, Case, fixture_cases, scenario_cases
from test_lake import drawn_rules_agree, odd_values_agree
from unissued.hunt import hunt
from unissued.lake import SparkEngine
from unissued.lake import hunt as hunt_there
from unissued.sql import DIALECTS, Setting, script

STEP = int(os.environ.get("UNISSUED_SPARK_CASES", "1"))
SMALL = {
    "spark.driver.memory": "2g",
    "spark.log.level": "ERROR",
    # Thousands of small statements: compiling them costs more than running them.
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.shuffle.partitions": "1",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


@pytest.fixture(scope="module")
def engine() -> SparkEngine:
    return SparkEngine("local[2]", SMALL)


@pytest.fixture(scope="module")
def cases() -> list[Case]:
    return [*scenario_cases(shipped_pack()), *fixture_cases(shipped_pack())[::STEP]]


@pytest.fixture(scope="module")
def bench(engine: SparkEngine, cases: list[Case]) -> Bench:
    return Bench(engine, cases)


def test_spark_agrees_with_the_evaluator_on_every_fixture_and_scenario(bench: Bench, cases: list[Case]) -> None:
    found = []
    for number, case in enumerate(cases, 1):
        found += list(bench.differences(case))
        print(f"{number}/{len(cases)} {case.name}: {len(found)} differences so far", flush=True)  # noqa: T201
    assert not found
    assert script(Setting(DIALECTS["spark"]), shipped_pack(), shipped_pack().rules.values()).refused == {}


def test_random_rules_and_odd_values_agree(engine: SparkEngine) -> None:
    drawn_rules_agree(engine, range(1))
    odd_values_agree(engine, 3, 40)


@pytest.mark.parametrize("scenario", ["s1_storm0558_2023", "s5_broken_feed"])
def test_a_hunt_on_spark_finds_the_same(engine: SparkEngine, scenario: str) -> None:
    """But for the numbers of lines, which Spark does not tell, and how it writes the name of a file."""
    path = ROOT / "fixtures" / "_scenarios" / scenario / "events.jsonl"
    pack = shipped_pack()
    only = [rule.name for rule in pack.rules.values() if rule.level]
    here, there = hunt(pack, read_logs(path), {}, only=only), hunt_there(engine, pack, [str(path)], {}, only=only)
    drop = ("because",)
    wanted, found = (
        [{key: value for key, value in one.as_dict().items() if key not in drop} for one in result.findings]
        for result in (here, there)
    )
    assert found == wanted
    assert there.reading.count == here.reading.count
