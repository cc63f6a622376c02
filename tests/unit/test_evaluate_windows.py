"""Windows of correlations against a judge that is written here, in seconds and loops."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from unissued.evaluate import Given, evaluate
from unissued.pack import Pack, load_pack
from unissued.record import Origin, Record

WINDOW = 10
START = datetime(2026, 3, 2, 8, 59, 50, tzinfo=UTC)
STREAMS = 300


class Seen(NamedTuple):
    """One event of a random stream: second, kind of operation, group, value."""

    second: int
    kind: str
    group: str
    value: str


def rule(name: str, number: int, body: Mapping[str, Any]) -> str:
    head = {"title": name, "name": name, "version": "1.0.0", "status": "test", "description": "Random windows."}
    return json.dumps({**head, "id": f"00000000-0000-4000-8000-00000000000{number}", **body})


def pack_of(folder: Path, correlation: Mapping[str, Any]) -> Pack:
    source = {"product": "m365", "service": "exchange"}
    names: list[str] = correlation["rules"]
    for number, name in enumerate(names):
        detection = {"selection": {"Operation": name}, "condition": "selection"}
        text = rule(name, number, {"logsource": source, "detection": detection})
        (folder / f"{name}.yml").write_text(text, encoding="utf-8")
    body = {"group-by": ["UserKey"], "timespan": f"{WINDOW}s", **correlation}
    (folder / "case.yml").write_text(rule("case", 9, {"correlation": body}), encoding="utf-8")
    return load_pack(folder)


def stream(seed: int) -> list[Seen]:
    chance = random.Random(seed)  # noqa: S311 - streams must be the same in every run
    length = chance.choice((20, 60, 150))
    return [
        Seen(chance.randrange(length), chance.choice("abc"), chance.choice(["u", "v", ""]), chance.choice("pqrs"))
        for _ in range(chance.randrange(1, 25))
    ]


def records_of(events: Iterable[Seen]) -> list[Record]:
    records = []
    for line, one in enumerate(events, start=1):
        time = START + timedelta(seconds=one.second)
        fields = {"Operation": one.kind, "UserKey": one.group, "Workload": one.value, "OperationCount": ord(one.value)}
        records.append(Record("m365/exchange", fields, time, time, str(line), "", Origin("a.jsonl", line)))
    return records


def judged(pack: Pack, events: Iterable[Seen]) -> set[tuple[int, str]]:
    matches = evaluate(pack, records_of(events), Given(), ["case"])["case"].matches
    found = [(int((match.time - START).total_seconds()), str(match.group["UserKey"])) for match in matches]
    assert len(set(found)) == len(found)
    return set(found)


def brute(events: list[Seen], kinds: str, holds: Callable[[list[Seen], int], bool]) -> set[tuple[int, str]]:
    """Ask every second by itself, then keep the seconds that no firing within a window before them leads to."""
    found = set()
    for group in ("u", "v"):
        mine = [one for one in events if one.group == group and one.kind in kinds]
        firings = []
        for second in sorted({one.second for one in mine}):
            inside = [one for one in mine if second - WINDOW <= one.second <= second]
            if holds(inside, second):
                firings.append(second)
        for second in firings:
            if not any(second - WINDOW <= other < second for other in firings):
                found.add((second, group))
    return found


def ordered(kinds: str) -> Callable[[list[Seen], int], bool]:
    """Tell whether one event of each kind can be picked in order, the last of them at the end of the window."""

    def holds(inside: list[Seen], end: int) -> bool:
        ways = {one.second for one in inside if one.kind == kinds[0]}
        for kind in kinds[1:]:
            ways = {one.second for one in inside if one.kind == kind and any(way <= one.second for way in ways)}
        return end in ways

    return holds


CASES: dict[str, tuple[dict[str, Any], str, Callable[[list[Seen], int], bool]]] = {
    "event_count_gte": (
        {"type": "event_count", "rules": ["a"], "condition": {"gte": 3}},
        "a",
        lambda inside, _: len(inside) >= 3,
    ),
    "event_count_gt_of_two_rules": (
        {"type": "event_count", "rules": ["a", "b"], "condition": {"gt": 3}},
        "ab",
        lambda inside, _: len(inside) > 3,
    ),
    "event_count_eq": (
        {"type": "event_count", "rules": ["a"], "condition": {"eq": 2}},
        "a",
        lambda inside, _: len(inside) == 2,
    ),
    "event_count_lte": (
        {"type": "event_count", "rules": ["a"], "condition": {"lte": 1}},
        "a",
        lambda inside, _: len(inside) <= 1,
    ),
    "value_count_gte": (
        {"type": "value_count", "rules": ["a"], "condition": {"field": "Workload", "gte": 3}},
        "a",
        lambda inside, _: len({one.value for one in inside}) >= 3,
    ),
    "value_count_lt_of_two_rules": (
        {"type": "value_count", "rules": ["a", "b"], "condition": {"field": "Workload", "lt": 2}},
        "ab",
        lambda inside, _: len({one.value for one in inside}) < 2,
    ),
    "value_sum_gt": (
        {"type": "value_sum", "rules": ["a"], "condition": {"field": "OperationCount", "gt": 300}},
        "a",
        lambda inside, _: sum(ord(one.value) for one in inside) > 300,
    ),
    "temporal": (
        {"type": "temporal", "rules": ["a", "b", "c"]},
        "abc",
        lambda inside, _: {one.kind for one in inside} == {"a", "b", "c"},
    ),
    "temporal_ordered_of_two": ({"type": "temporal_ordered", "rules": ["a", "b"]}, "ab", ordered("ab")),
    "temporal_ordered_of_three": ({"type": "temporal_ordered", "rules": ["c", "a", "b"]}, "abc", ordered("cab")),
}


@pytest.mark.parametrize("name", CASES)
def test_windows_agree_with_brute_force(name: str, tmp_path: Path) -> None:
    correlation, kinds, holds = CASES[name]
    pack = pack_of(tmp_path, correlation)
    fired = 0
    for seed in range(STREAMS):
        events = stream(seed)
        expected = brute(events, kinds, holds)
        assert judged(pack, events) == expected, f"seed {seed}: {sorted(events)}"
        fired += len(expected)
    assert fired > STREAMS / 20, "too few firings to prove anything"


def test_absence_agrees_with_brute_force(tmp_path: Path) -> None:
    pack = pack_of(tmp_path, {"type": "temporal", "rules": ["a", "b"], "condition": "a and not b"})
    fired = 0
    for seed in range(STREAMS):
        events = stream(seed)
        expected = set()
        for group in ("u", "v"):
            others = [one.second for one in events if one.group == group and one.kind == "b"]
            alone = sorted(
                {
                    one.second
                    for one in events
                    if one.group == group
                    and one.kind == "a"
                    and not any(abs(one.second - other) <= WINDOW for other in others)
                }
            )
            expected |= {
                (second, group) for second in alone if not any(second - WINDOW <= other < second for other in alone)
            }
        assert judged(pack, events) == expected, f"seed {seed}: {sorted(events)}"
        fired += len(expected)
    assert fired > STREAMS / 20
