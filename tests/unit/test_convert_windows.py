"""Sliding windows: the algorithms of the templates against brute force, and the templates themselves."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

from unissued.convert import build, convert
from unissued.convert.correlation import correlation_of
from unissued.errors import UnsupportedError
from unissued.pack import Pack, load_pack

ROOT = Path(__file__).parents[2]
WINDOW = 100


class Event(NamedTuple):
    """What the templates see of a match."""

    key: str
    time: int
    value: str
    number: int


def stream(rng: random.Random) -> list[Event]:
    """Few keys, few values, many ties and many times that are exactly a window apart."""
    events = []
    for _ in range(rng.choice([0, 5, 15, 40])):
        time = rng.choice([rng.randrange(0, 800), rng.randrange(0, 16) * 50])
        events.append(Event(rng.choice("kl"), time, rng.choice(["", "a", "b", "c", "d"]), rng.choice([-2, 0, 1, 1, 3])))
    return events


def windows(events: Sequence[Event]) -> list[tuple[int, list[Event]]]:
    times = sorted({event.time for event in events})
    return [(time, [event for event in events if time - WINDOW <= event.time <= time]) for time in times]


def moments_with_values(events: Sequence[Event], threshold: int) -> set[tuple[str, int]]:
    """The marker algorithm of value_count, as both languages write it."""
    rows: list[tuple[str, int, int, int]] = []
    again: dict[tuple[str, str], int] = {}
    for event in sorted(events, key=lambda event: -event.time):
        following = again.get((event.key, event.value))
        again[event.key, event.value] = event.time
        rows.append((event.key, event.time, 1, 1 if event.value else 0))
        if event.value and following is not None and following - event.time <= WINDOW:
            rows.append((event.key, following, 0, -1))
        elif event.value:
            rows.append((event.key, event.time + WINDOW, 2, -1))
    found = set()
    sums: dict[str, int] = {}
    for key, time, step, change in sorted(rows, key=lambda row: row[1:3]):
        sums[key] = sums.get(key, 0) + change
        if step == 1 and sums[key] >= threshold:
            found.add((key, time))
    return found


def moments_with_sum(events: Sequence[Event], threshold: int) -> set[tuple[str, int]]:
    totals: dict[tuple[str, int], int] = {}
    for event in events:
        totals[event.key, event.time] = totals.get((event.key, event.time), 0) + event.number
    rows = [(key, time, 1, total) for (key, time), total in totals.items()]
    rows += [(key, time + WINDOW, 2, -total) for (key, time), total in totals.items()]
    found, sums = set(), dict.fromkeys("kl", 0)
    for key, time, step, change in sorted(rows, key=lambda row: row[1:3]):
        sums[key] += change
        if step == 1 and sums[key] >= threshold:
            found.add((key, time))
    return found


def moments_in_order(events: Sequence[Event], order: str) -> set[tuple[str, int]]:
    """The carried start of SPL: one pass by time and rule."""
    found = set()
    latest: dict[tuple[str, int], int] = {}
    for event in sorted(events, key=lambda event: (event.time, order.find(event.value))):
        number = order.find(event.value) if event.value else -1
        if number < 0:
            continue
        start = event.time if number == 0 else latest.get((event.key, number - 1))
        if start is None:
            continue
        latest[event.key, number] = max(start, latest.get((event.key, number), start))
        if number == len(order) - 1 and event.time - start <= WINDOW:
            found.add((event.key, event.time))
    return found


def in_order(inside: Sequence[Event], order: str, end: int) -> bool:
    if not any(event.time == end and event.value == order[-1] for event in inside):
        return False
    limit = end
    for value in reversed(order):
        times = [event.time for event in inside if event.value == value and event.time <= limit]
        if not times:
            return False
        limit = max(times)
    return True


@pytest.mark.parametrize("seed", range(300))
def test_algorithms_find_the_moments_that_brute_force_finds(seed: int) -> None:
    rng = random.Random(seed)  # noqa: S311 - the same streams at every run
    events = stream(rng)
    rng.shuffle(events)
    threshold = rng.choice([1, 2, 3])
    values, sums, orders = set(), set(), set()
    for key in "kl":
        for time, inside in windows([event for event in events if event.key == key]):
            if len({event.value for event in inside if event.value}) >= threshold:
                values.add((key, time))
            if sum(event.number for event in inside) >= threshold:
                sums.add((key, time))
            if in_order(inside, "abc", time):
                orders.add((key, time))
    assert moments_with_values(events, threshold) == values
    assert moments_with_sum(events, threshold) == sums
    assert moments_in_order(events, "abc") == orders


HEAD = """title: Test {name}
id: {id}
name: {name}
version: '1.0.0'
status: experimental
description: a rule of the tests
level: low
author: tests
license: Apache-2.0
date: 2026-11-23
needs: mail audit
"""
DETECTION = (
    HEAD.replace("level: low\n", "")
    + """logsource:
  product: m365
  service: exchange
detection:
  selection:
    Operation: {operation}
  condition: selection
"""
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sigma")
    for index, name in enumerate(("op_a", "op_b", "op_c")):
        text = DETECTION.format(name=name, operation=name.title(), id=f"00000000-0000-4000-8000-00000000000{index}")
        (root / f"{name}.yml").write_text(text)
    return root


def with_correlation(folder: Path, body: str) -> Pack:
    head = HEAD.format(name="under_test", id="00000000-0000-4000-8000-0000000000ff")
    (folder / "under_test.yml").write_text(f"{head}correlation:\n{body}")
    try:
        return load_pack(folder)
    finally:
        (folder / "under_test.yml").unlink()


def body(kind: str, rules: str, condition: str = "", group: str = "ClientAppId", span: str = "10m") -> str:
    names = "".join(f"    - {rule}\n" for rule in rules.split())
    keys = "".join(f"    - {key}\n" for key in group.split())
    shown = f"  condition:\n{condition}" if condition.startswith("    ") else condition
    return f"  type: {kind}\n  rules:\n{names}  group-by:\n{keys}  timespan: {span}\n{shown}"


def test_event_count_looks_back_by_events(folder: Path) -> None:
    pack = with_correlation(folder, body("event_count", "op_a", "    gte: 10\n", "ClientAppId UserId", "90m"))
    rule = pack.rule("under_test")
    text = convert(pack, rule, "sentinel").query
    assert "sort by ClientAppId asc, UserId asc, T asc" in text
    assert "prev(ClientAppId, 9) == ClientAppId and prev(UserId, 9) == UserId and T - prev(T, 9) <= 90m" in text
    search = convert(pack, rule, "splunk").query
    counted = "streamstats window=10 global=f count AS events min(_time) AS start sum(new) AS fresh by ClientAppId "
    assert counted + "UserId" in search
    assert "where events=10 AND _time-start<=5400" in search


def test_gt_is_one_more(folder: Path) -> None:
    pack = with_correlation(folder, body("event_count", "op_a", "    gt: 10\n"))
    assert correlation_of(pack, pack.rule("under_test")).threshold == 11


@pytest.mark.parametrize("condition", ["lt: 5", "lte: 5", "eq: 5", "gte: 0", "eq: 0", "gte: 10001"])
def test_thresholds_without_an_exact_form_are_refused(folder: Path, condition: str) -> None:
    pack = with_correlation(folder, body("event_count", "op_a", f"    {condition}\n"))
    made = build(pack, only="under_test")
    assert not made.files
    assert [one.target for one in made.refused] == ["sentinel", "defender", "splunk"]
    assert all("threshold" in one.reason for one in made.refused)


def test_keys_do_not_collide_with_the_templates(folder: Path) -> None:
    pack = with_correlation(
        folder,
        body("event_count", "op_a", "    gte: 2\n", "T") + "  aliases:\n    T:\n      op_a: ClientAppId\n",
    )
    with pytest.raises(UnsupportedError, match="name that queries use"):
        convert(pack, pack.rule("under_test"), "sentinel")


def test_sums_need_numbers(folder: Path) -> None:
    pack = with_correlation(folder, body("value_sum", "op_a", "    field: UserId\n    gte: 2\n"))
    with pytest.raises(UnsupportedError, match="no number"):
        convert(pack, pack.rule("under_test"), "splunk")


@pytest.mark.parametrize(
    "condition",
    [
        "op_a or op_b",
        "op_a and op_b",
        "not op_a and not op_b",
        "op_a and not (op_b or op_c)",
        "op_a and op_b and not op_c",
    ],
)
def test_other_conditions_in_words_are_refused(folder: Path, condition: str) -> None:
    rules = "op_a op_b op_c" if "op_c" in condition else "op_a op_b"
    pack = with_correlation(folder, body("temporal", rules, f"  condition: {condition}\n"))
    with pytest.raises(UnsupportedError, match="a and not b"):
        convert(pack, pack.rule("under_test"), "sentinel")


def test_absence_without_required_feeds_has_no_gate(folder: Path) -> None:
    pack = with_correlation(folder, body("temporal", "op_a op_b", "  condition: op_a and not op_b\n"))
    rule = pack.rule("under_test")
    text = convert(pack, rule, "sentinel").query
    assert "Gaps" not in text
    assert "join kind=leftanti" in text
    assert "Ingested > ago(425m) and Ingested <= ago(6h)" in text
    search = convert(pack, rule, "splunk").query
    assert "eval gaps=null()" in search
    assert "ingested>now()-25500 AND ingested<=now()-21600" in search


def test_absence_over_more_than_twelve_days_is_refused(folder: Path) -> None:
    pack = with_correlation(folder, body("temporal", "op_a op_b", "  condition: op_a and not op_b\n", span="13d"))
    for target in ("sentinel", "splunk"):
        with pytest.raises(UnsupportedError, match="look-back"):
            convert(pack, pack.rule("under_test"), target)


def test_temporal_counts_the_rules_that_matched(folder: Path) -> None:
    pack = with_correlation(folder, body("temporal", "op_a op_b op_c"))
    rule = pack.rule("under_test")
    text = convert(pack, rule, "sentinel").query
    assert '(rule_op_a | extend V = "op_a"), (rule_op_b | extend V = "op_b")' in text
    assert "Values >= 3" in text
    assert '| eval V="rule".rule' in convert(pack, rule, "splunk").query


def test_joins_have_a_kind_and_no_subsearch_carries_events(folder: Path) -> None:
    pack = with_correlation(folder, body("temporal_ordered", "op_a op_b op_c"))
    rule = pack.rule("under_test")
    text = convert(pack, rule, "defender").query
    assert text.count("join kind=inner") == text.count("| join") == 2
    search = convert(pack, rule, "splunk").query
    assert "append" not in search
    assert "join" not in search
    assert search.count("search index=*") == 3
    assert "streamstats window=0 max(start2) AS latest2 by ClientAppId" in search


def test_one_key_of_two_names_is_written_by_each_rule_itself() -> None:
    """C6, R2: no mapping can pick the other rule's column."""
    pack = load_pack(ROOT / "sigma")
    rule = pack.rule("app_new_secret_then_mail_read")
    text = convert(pack, rule, "sentinel").query
    assert "| extend app = tolower(TargetAppId)" in text
    assert "| extend app = tolower(ActingAppId)" in text
    search = convert(pack, rule, "splunk").query
    assert search.count("| eval app=lower(TargetAppId)") == 2
    assert search.count("| eval app=lower(ActingAppId)") == 1


def test_token_ids_keep_their_case() -> None:
    pack = load_pack(ROOT / "sigma")
    rule = pack.rule("mail_token_never_issued")
    text = convert(pack, rule, "sentinel").query
    assert "token_id = AppAccessContext_UniqueTokenId" in text
    assert "tolower(AppAccessContext" not in text
    assert "lower(AppAccessContext" not in convert(pack, rule, "splunk").query
