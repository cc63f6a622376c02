"""Damaged exports cost what is damaged and nothing else, and the script that says so can fail."""

from __future__ import annotations

from pathlib import Path

import pytest

import fuzz_logs
from unissued.logs import Count, FileReport, Reading, Refusal


def test_damaged_exports_neither_crash_nor_hang_and_every_sum_balances() -> None:
    found = fuzz_logs.fuzz(range(300), seed=1)
    assert sum(found.values()) == 300
    assert found["partial"] > 100
    assert found["whole"] > 20


@pytest.mark.full
def test_ten_thousand_damaged_exports() -> None:
    assert sum(fuzz_logs.fuzz(range(10_000), seed=2).values()) == 10_000


def test_variants_are_the_same_every_time() -> None:
    assert fuzz_logs.variant(1, 7) == fuzz_logs.variant(1, 7) != fuzz_logs.variant(1, 8)


@pytest.mark.parametrize(
    "reading",
    [
        Reading(files=[FileReport("x", count=Count(2, 0, 0, 1, 0), partial=["y"])]),
        Reading(files=[FileReport("x", count=Count(1, 1, 0, 0, 0))]),
        Reading(files=[FileReport("x", count=Count(1, 0, 0, 1, 0), partial=["y"])]),
        Reading(files=[FileReport("x", count=Count(1, 0, 0, 1, 0))], refusals=[Refusal("x", 1, "z")]),
    ],
)
def test_the_check_notices_a_reader_that_loses_something(reading: Reading) -> None:
    with pytest.raises(AssertionError):
        fuzz_logs._balance(reading, 1)


def test_a_crash_names_the_variant(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_content: bytes, _folder: Path) -> str:
        raise RecursionError

    monkeypatch.setattr(fuzz_logs, "check", broken)
    with pytest.raises(AssertionError, match="variant 0 of seed 5"):
        fuzz_logs.fuzz(range(1), seed=5)
