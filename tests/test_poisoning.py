"""What docs/poisoning.md says is what is learned today."""

from __future__ import annotations

import pytest

from poisoning import INTRUDERS, PAGE, alerts, nightly, normal_from, shipped, tables
from tables import rows_of

BY_NAME = {one.name: one for one in INTRUDERS}


def page_row(name: str) -> list[str]:
    (found,) = [row for row in rows_of(PAGE.read_text("utf-8"), "How he reads") if row[0] == name]
    return found


# First read on day 0 at nine, seven days of age, a day of quarantine: at midnight of day 9 that is over. A third day of
# use counts from the midnight after the next.
@pytest.mark.parametrize(
    ("name", "day", "fired"),
    [("every third day", 9, 3), ("once a week", 16, 3), ("every day, through Graph Explorer", None, 75)],
)
def test_intruder_becomes_normal_when_the_page_says_so(name: str, day: int | None, fired: int) -> None:
    nights = nightly(BY_NAME[name])
    assert normal_from(BY_NAME[name], nights, shipped) == day
    assert alerts(BY_NAME[name], nights) == fired
    assert page_row(name)[1:3] == ["never" if day is None else str(day), str(fired)]


def test_nobody_is_on_the_page_who_is_not_measured() -> None:
    names = [row[0] for row in rows_of(PAGE.read_text("utf-8"), "How he reads")]
    assert names == [one.name for one in INTRUDERS]


@pytest.mark.full
def test_page_is_fresh() -> None:
    assert all(table.markdown() in PAGE.read_text("utf-8") for table in tables())
