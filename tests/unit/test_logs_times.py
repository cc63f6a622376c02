"""Times as exports write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from unissued.logs.times import LocalTime, from_epoch, parse

MOMENT = datetime(2026, 3, 11, 8, 14, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "2026-03-11T08:14:00",
        "2026-03-11T08:14:00Z",
        "2026-03-11t08:14:00z",
        "2026-03-11T08:14Z",
        "2026-03-11 08:14:00",
        "2026-03-11T08:14:00.0000000Z ",
        "2026-03-11T09:14:00.0000000+01:00",
        "2026-03-11T02:44:00-0530",
        "2026-03-11 08:14:00 UTC",
    ],
)
def test_iso_times_without_a_zone_are_utc_and_offsets_count(text: str) -> None:
    assert parse(text) == MOMENT


def test_seventh_decimal_is_cut_and_not_rounded() -> None:
    assert parse("2026-03-11T08:13:59.9999999Z") == datetime(2026, 3, 11, 8, 13, 59, 999999, tzinfo=UTC)


@pytest.mark.parametrize(
    "value",
    [
        "1601-01-01T00:00:00",
        "0001-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "2026-02-30T00:00:00Z",
        "2026-03-11",
        "2026-03-11T08:14:00+99:00",
        "soon",
        "",
        None,
        1_773_216_840,
        "٢٠٢٦-03-11T08:14:00Z",
    ],
)
def test_placeholders_and_other_values_are_no_time(value: object) -> None:
    assert parse(value) is None


@pytest.mark.parametrize(
    ("text", "proof"),
    [
        ("3/11/2026 8:14:00 AM", None),
        ("3/28/2026, 8:14:00.000 AM", "mdy"),
        ("28/03/2026 08:14:00", "dmy"),
        ("13/1/2026 08:14:00", "dmy"),
        ("12/1/2026 08:14:00", None),
        ("1/13/2026 08:14:00", "mdy"),
        ("1/12/2026 08:14:00", None),
        ("28.03.2026 08:14:00", "dmy"),
        ("03-11-2026 08:14", None),
    ],
)
def test_order_is_proven_only_by_a_number_above_twelve(text: str, proof: str | None) -> None:
    time = parse(text)
    assert isinstance(time, LocalTime)
    assert time.proves == proof


def test_local_time_resolves_by_the_order_given() -> None:
    time = parse("3/11/2026 8:14:00 PM")
    assert isinstance(time, LocalTime)
    assert time.resolve("mdy") == datetime(2026, 3, 11, 20, 14, tzinfo=UTC)
    assert time.resolve("dmy") == datetime(2026, 11, 3, 20, 14, tzinfo=UTC)


@pytest.mark.parametrize(("text", "hour"), [("4/4/2026 12:00:00 AM", 0), ("4/4/2026 12:00:00 PM", 12)])
def test_equal_numbers_need_no_order_and_twelve_is_midnight_or_noon(text: str, hour: int) -> None:
    assert parse(text) == datetime(2026, 4, 4, hour, tzinfo=UTC)


def test_impossible_local_times_do_not_resolve() -> None:
    time = parse("31/31/2026 08:14:00")
    assert time is None
    impossible = parse("3/31/2026 25:14:00")
    assert isinstance(impossible, LocalTime)
    assert impossible.resolve("mdy") is None
    assert parse("3/11/2026 13:00:00 PM") is None


@pytest.mark.parametrize(("value", "expected"), [(1773216840, MOMENT), ("1773216840.0", MOMENT)])
def test_epoch_seconds_as_number_or_text(value: object, expected: datetime) -> None:
    assert from_epoch(value) == expected


@pytest.mark.parametrize("value", ["1e400", "nan", True, None, [], -1, "x"])
def test_other_values_are_no_epoch(value: object) -> None:
    assert from_epoch(value) is None
