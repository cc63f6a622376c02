"""The gate: was a feed complete for the whole time in which a record could have been?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from unissued.evaluate import Reason
from unissued.evaluate.feeds import Feeds
from unissued.pack import load_catalogue
from unissued.record import Origin, Record

SIGNINS = load_catalogue().sources["azure/signinlogs"]
MAIL = load_catalogue().sources["m365/exchange"]
ONE, TWO = "SigninLogs", "AADNonInteractiveUserSignInLogs"
DAY = datetime(2026, 3, 2, tzinfo=UTC)
WEEK = timedelta(days=7)


def at(hour: float) -> datetime:
    return DAY + timedelta(hours=hour)


def rows(table: str, counts: Mapping[int, int], source: str = "azure/signinlogs") -> list[Record]:
    """Make so many rows in each hour of 2 March 2026; negative hours are of the days before."""
    return [
        Record(source, {}, moment, moment, "", table, Origin("a.jsonl", 1))
        for hour, count in counts.items()
        for moment in [at(hour) + timedelta(minutes=30)] * count
    ]


def gap(
    records: Iterable[Record], start: float, end: float, last_week: Mapping[str, int] | None = None
) -> tuple[Reason, str] | None:
    feeds = Feeds(list(records), measured=True, rows_last_week=last_week or {})
    return feeds.gap(SIGNINS, at(start), at(end), judged=at(end))


def both(counts: Mapping[int, int]) -> list[Record]:
    return rows(ONE, counts) + rows(TWO, counts)


WITHIN = dict.fromkeys(range(8, 14), 100)
RATE = {ONE: 100, TWO: 100}


@pytest.mark.parametrize(("count", "complete"), [(100, True), (80, True), (79, False), (0, False)])
def test_hour_needs_four_fifths_of_last_week(count: int, complete: bool) -> None:
    records = both(WITHIN | {10: count})
    assert (gap(records, 8, 14, RATE) is None) is complete


@pytest.mark.parametrize("expected", range(50, 500, 5))
def test_exactly_four_fifths_is_complete_for_every_size(expected: int) -> None:
    enough = expected * 4 // 5
    rate = {ONE: expected, TWO: 50}
    assert gap(rows(ONE, {10: enough}) + rows(TWO, {10: 50}), 10, 11, rate) is None
    assert gap(rows(ONE, {10: enough - 1}) + rows(TWO, {10: 50}), 10, 11, rate) is not None


def test_gap_names_table_and_hour() -> None:
    records = rows(ONE, WITHIN) + rows(TWO, WITHIN | {10: 5})
    assert gap(records, 8, 14, RATE) == (Reason.FEED_INCOMPLETE, f"{TWO} has gaps, the first at 2026-03-02T10:00Z")


def test_other_feed_does_not_fill_a_gap() -> None:
    records = rows(ONE, WITHIN | {10: 1000}) + rows(TWO, WITHIN | {10: 0})
    assert gap(records, 8, 14, RATE) is not None


def test_missing_required_table_is_missing_and_not_incomplete() -> None:
    found = gap(rows(ONE, WITHIN), 8, 14, RATE)
    assert found == (Reason.FEED_MISSING, f"no rows of {TWO}")


def test_source_without_any_record_is_missing() -> None:
    feeds = Feeds(rows("OfficeActivity", {9: 1}, "m365/exchange"), measured=True, rows_last_week={})
    assert feeds.gap(SIGNINS, at(8), at(14), at(20)) == (Reason.FEED_MISSING, "no records of azure/signinlogs")
    assert feeds.lacks([SIGNINS])
    assert not feeds.lacks([MAIL])
    assert not feeds.lacks([SIGNINS, MAIL])


def test_unmeasured_feed_is_complete() -> None:
    feeds = Feeds([], measured=False, rows_last_week=RATE)
    assert feeds.gap(SIGNINS, at(8), at(14), at(20)) is None
    assert not feeds.lacks([SIGNINS])


def test_source_without_required_tables_needs_only_records() -> None:
    feeds = Feeds(rows("OfficeActivity", {9: 1}, "m365/exchange"), measured=True, rows_last_week={})
    assert feeds.gap(MAIL, at(0), at(24), at(30)) is None


def test_small_hours_are_pooled_to_six() -> None:
    rate = {ONE: 10, TWO: 10}
    assert gap(both({6: 48}), 6, 12, rate) is None
    assert gap(both({6: 24, 11: 24}), 6, 12, rate) is None
    assert gap(both({6: 47}), 6, 12, rate) is not None


def test_fifty_rows_are_judged_by_the_hour_and_forty_nine_are_pooled() -> None:
    assert gap(both({6: 300}), 6, 12, {ONE: 50, TWO: 50}) is not None
    assert gap(both({6: 300}), 6, 12, {ONE: 49, TWO: 49}) is None


def test_quiet_night_is_complete() -> None:
    last_week = both({hour - 7 * 24: 100 for hour in (-8, *range(6, 24))})
    this_week = both(dict.fromkeys(range(6, 24), 100))
    assert gap(last_week + this_week, 0, 24) is None


def test_night_that_was_not_quiet_a_week_ago_is_a_gap() -> None:
    last_week = both({hour - 7 * 24: 100 for hour in range(-1, 24)})
    this_week = both({hour: 100 for hour in range(24) if hour != 3})
    found = gap(last_week + this_week, 0, 24)
    assert found is not None
    assert found[1].endswith("2026-03-02T03:00Z")


def test_same_hour_a_week_ago_is_compared_and_not_the_mean() -> None:
    busy = {hour - 7 * 24: 1000 if hour == 9 else 100 for hour in range(-1, 14)}
    assert gap(both(busy) + both(dict.fromkeys(range(8, 14), 100)), 8, 14) is not None
    assert gap(both(busy) + both({hour: 800 if hour == 9 else 80 for hour in range(8, 14)}), 8, 14) is None


def test_without_a_reference_week_six_empty_hours_are_a_gap() -> None:
    assert gap(both({0: 1, 13: 1}), 6, 12) is not None
    assert gap(both({0: 1, 8: 1}), 6, 12) is None
    assert gap(both({0: 1}), 8, 12) is None


def test_hours_that_have_not_ended_are_not_judged() -> None:
    assert gap(both(WITHIN), 8, 14.5, RATE) is None
    assert gap(both(WITHIN), 8, 15, RATE) is not None


def test_hour_in_which_the_window_begins_is_judged() -> None:
    assert gap(both(WITHIN), 7.9, 14, RATE) is not None
    assert gap(both(WITHIN), 8.1, 14, RATE) is None


def test_hour_in_which_the_window_ends_is_judged_once_it_is_over() -> None:
    feeds = Feeds(both(WITHIN), measured=True, rows_last_week=RATE)
    assert feeds.gap(SIGNINS, at(8), at(14.5), at(14.9)) is None
    assert feeds.gap(SIGNINS, at(8), at(14.5), at(15)) is not None
    assert feeds.gap(SIGNINS, at(8), at(13.9), at(20)) is None


def test_rows_that_arrive_after_the_judgement_complete_nothing() -> None:
    late = [replace(record, ingested=at(20)) for record in both({10: 100})]
    feeds = Feeds(both({hour: 100 for hour in WITHIN if hour != 10}) + late, measured=True, rows_last_week=RATE)
    assert feeds.gap(SIGNINS, at(8), at(13.9), at(19.9)) is not None
    assert feeds.gap(SIGNINS, at(8), at(13.9), at(20)) is None


@pytest.mark.parametrize(("first", "complete"), [(-7 * 24 + 1, False), (-7 * 24, True)])
def test_a_week_before_that_lies_two_weeks_back_is_not_asked(first: int, complete: bool) -> None:
    """No rule of Sentinel sees further back, so the evaluator must not either."""
    hours = {first: 0, **dict.fromkeys(range(first + 1, 0), 100)}
    feeds = Feeds(both(hours), measured=True, rows_last_week=RATE)
    found = feeds.gap(SIGNINS, at(first), at(-1), judged=at(0))
    assert (found is None) is complete


def test_rows_of_more_than_two_weeks_ago_say_nothing_about_last_week() -> None:
    old = {-14 * 24 - 1: 100, -14 * 24: 100}
    few = dict.fromkeys(range(-7 * 24 + 1, 1), 1)
    assert Feeds(both(old | few), measured=True, rows_last_week={}).gap(SIGNINS, at(-6), at(-1), at(0)) is None
    seen = {-14 * 24 + 1: 100}
    assert Feeds(both(seen | few), measured=True, rows_last_week={}).gap(SIGNINS, at(-7 * 24 + 1), at(-1), at(0))
