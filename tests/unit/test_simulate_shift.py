"""Moving times: all by the same minutes, each spelled as it was."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from unissued.simulate.shift import BLOCK, MINUTE, moved, shift_to

BY = timedelta(days=268, hours=1, minutes=30)


@pytest.mark.parametrize(
    ("written", "wanted"),
    [
        ("2026-03-02T09:00:00", "2026-11-25T10:30:00"),
        ("2026-03-02T09:00:07.1234567Z", "2026-11-25T10:30:07.1234567Z"),
        ("2026-03-02 09:00", "2026-11-25 10:30"),
        ("2026-03-02t09:00:00z", "2026-11-25t10:30:00z"),
        ("2026-03-02T09:00:00+02:00", "2026-11-25T10:30:00+02:00"),
        (" 2026-03-02T09:00:00 UTC ", " 2026-11-25T10:30:00 UTC "),
        ('{"IssuedAtTime":"2026-03-02T08:45:00","x":1}', '{"IssuedAtTime":"2026-11-25T10:15:00","x":1}'),
        ('[{\\"t\\":\\"2026-03-02T09:00:00Z\\"}]', '[{\\"t\\":\\"2026-11-25T10:30:00Z\\"}]'),
    ],
)
def test_a_time_is_moved_and_keeps_its_spelling(written: str, wanted: str) -> None:
    assert moved(written, BY) == wanted


@pytest.mark.parametrize(
    "text",
    [
        "1601-01-01T00:00:00Z",
        "0001-01-01T00:00:00",
        "2026-03-02",
        "2026-13-02T09:00:00",
        "since 2026-03-02T09:00:00",
        "2026-03-02T09:00:00Z!",
        '{"text":"since 2026-03-02T09:00:00"}',
        "9999-12-31T23:59:59Z",
        "",
    ],
)
def test_what_is_no_time_as_a_whole_or_means_none_stays(text: str) -> None:
    assert moved(text, BY) == text


@pytest.mark.parametrize("step", [MINUTE, BLOCK])
@pytest.mark.parametrize("end", ["2026-11-25T10:30:00+00:00", "2026-11-25T10:30:17+00:00", "2020-01-01T00:00:00+00:00"])
def test_the_last_event_lies_before_the_end_by_less_than_a_step(step: timedelta, end: str) -> None:
    last, until = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC), datetime.fromisoformat(end)
    by = shift_to(last, until, step)
    assert timedelta() < until - (last + by) <= step
    assert not by % step


def test_feeds_keep_their_blocks() -> None:
    last = datetime(2026, 3, 2, 9, 0, 0, tzinfo=UTC)
    later = last + shift_to(last, datetime(2026, 11, 25, 10, 30, tzinfo=UTC), BLOCK)
    assert (later.hour % 6, later.minute) == (last.hour % 6, last.minute)
