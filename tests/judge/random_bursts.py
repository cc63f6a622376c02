"""Random bursts of records, and correlations of every type to ask about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any

from judge.stream import Line

BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)

_WIDTH = 600
_EXCHANGE = {"product": "m365", "service": "exchange"}
_SIGNIN = {"product": "azure", "service": "signinlogs"}
_TOKEN = "AppAccessContext.UniqueTokenId"  # noqa: S105


@dataclass(frozen=True)
class Burst:
    """Some records within a few windows, a correlation to ask, and the time of judgement."""

    name: str
    lines: list[Line]
    now: datetime | None


def correlations() -> dict[str, dict[str, Any]]:
    """Return rules by name: some detections, and correlations that are built on them or on each other."""
    found = _detections()
    bodies = {"count": _counts(), "order": _orders(), "words": _words(), "absence": _absences()}
    for kind, some in bodies.items():
        for number, body in enumerate(some):
            for keys in (["UserKey"], ["UserKey", "Workload"], [_TOKEN]):
                name = f"{kind}_{number}_by_{len(keys)}_{'token' if _TOKEN in keys else 'text'}"
                found[name] = _correlation({"group-by": keys, **body})
    found.update({f"alias_{number}": _correlation(body) for number, body in enumerate(_aliases())})
    found.update({f"chain_{number}": _correlation(body) for number, body in enumerate(_chains())})
    found.update({f"nested_{number}": _correlation(body) for number, body in enumerate(_nested())})
    return found


def _correlation(body: dict[str, Any]) -> dict[str, Any]:
    return {"correlation": {"timespan": f"{_WIDTH}s", **body}}


def _detections() -> dict[str, dict[str, Any]]:
    found: dict[str, dict[str, Any]] = {
        name: {"logsource": _EXCHANGE, "detection": {"s": {"Operation": name}, "condition": "s"}} for name in "abc"
    }
    found["a_or_b"] = {"logsource": _EXCHANGE, "detection": {"s": {"Operation": ["a", "b"]}, "condition": "s"}}
    found["issued"] = {"logsource": _SIGNIN, "detection": {"s": {"IssuedTokenId|exists": True}, "condition": "s"}}
    return found


def _counts() -> Iterator[dict[str, Any]]:
    for operator in ("gt", "gte", "lt", "lte", "eq"):
        for wanted in range(5):
            for rules in (["a"], ["a", "b"], ["a", "a_or_b"]):
                yield {"type": "event_count", "rules": rules, "condition": {operator: wanted}}
            for name in ("MailboxGuid", "Workload", _TOKEN):
                yield {"type": "value_count", "rules": ["a", "b"], "condition": {operator: wanted, "field": name}}
            summed = {operator: 5 * wanted, "field": "OperationCount"}
            yield {"type": "value_sum", "rules": ["a", "b"], "condition": summed}


def _orders() -> Iterator[dict[str, Any]]:
    for rules in (["a", "b"], ["b", "a"], ["a", "b", "c"], ["c", "a", "b"], ["a", "a_or_b"], ["a_or_b", "b", "a"]):
        for kind in ("temporal", "temporal_ordered"):
            yield {"type": kind, "rules": rules}


def _words() -> Iterator[dict[str, Any]]:
    for words in ("a and (b or c)", "(a or b) and c", "a or b or c", "a and b or c"):
        yield {"type": "temporal", "rules": ["a", "b", "c"], "condition": words}


def _absences() -> Iterator[dict[str, Any]]:
    for words in ("a and not b", "not b and a", "a and not (not b)"):
        yield {"type": "temporal", "rules": ["a", "b"], "condition": words}
    for words in ("a and not b and not c", "a and not (b or c)", "a and not (b and c)", "a and c and not b"):
        yield {"type": "temporal", "rules": ["a", "b", "c"], "condition": words}
    for words in ("(a or c) and not b", "a and not b or c"):
        yield {"type": "temporal", "rules": ["a", "b", "c"], "condition": words}


def _aliases() -> Iterator[dict[str, Any]]:
    tokens = {"aliases": {"token": {"a": _TOKEN, "issued": "IssuedTokenId"}}, "group-by": ["token"]}
    for rules in (["a", "issued"], ["issued", "a"]):
        yield {"type": "temporal", "rules": rules, **tokens}
        yield {"type": "temporal_ordered", "rules": rules, **tokens}
        yield {"type": "temporal", "rules": rules, "condition": "a and not issued", **tokens}
    names = {"who": {"a": "UserKey", "b": "Workload"}, "what": {"a": "Workload", "b": "MailboxGuid"}}
    for operator in ("gte", "eq"):
        counted = {operator: 2, "field": "what"}
        yield {
            "type": "value_count",
            "rules": ["a", "b"],
            "aliases": names,
            "group-by": ["who"],
            "condition": counted,
        }


def _chains() -> Iterator[dict[str, Any]]:
    """Keys that leave rules out, so that each rule is joined to the next by another one."""
    ends = {"who": {"a": "UserKey", "b": "UserKey"}, "what": {"b": "Workload", "c": "Workload"}}
    for rules in (["a", "b", "c"], ["c", "b", "a"], ["b", "a", "c"], ["a", "c", "b"]):
        yield {"type": "temporal_ordered", "rules": rules, "aliases": ends, "group-by": ["who", "what"]}
    inner = {"who": {"a": "UserKey", "c": "UserKey"}}
    yield {"type": "temporal_ordered", "rules": ["a", "b", "c"], "aliases": inner, "group-by": ["Workload", "who"]}


def _nested() -> Iterator[dict[str, Any]]:
    by = {"group-by": ["UserKey"]}
    yield {"type": "event_count", "rules": ["a"], "condition": {"gte": 2}, "timespan": "300s", **by}
    yield {"type": "event_count", "rules": ["nested_0"], "condition": {"gte": 2}, "timespan": f"{2 * _WIDTH}s", **by}
    yield {"type": "temporal", "rules": ["nested_0", "b"], **by}
    yield {"type": "temporal_ordered", "rules": ["nested_0", "b"], **by}
    yield {"type": "temporal_ordered", "rules": ["b", "nested_0"], **by}


def bursts(seed: int, count: int) -> Iterator[Burst]:
    """Yield random bursts: ties, times exactly a window apart and a second beside, duplicates, in any order."""
    random = Random(seed)  # noqa: S311
    kinds: dict[str, list[str]] = {}
    for name, rule in correlations().items():
        if "correlation" in rule:
            kinds.setdefault(name.partition("_")[0], []).append(name)
    for _ in range(count):
        lines = [_line(random) for _ in range(random.randint(0, 10))]
        lines += random.choices(lines, k=random.choice([0, 0, 1, 2])) if lines else []
        random.shuffle(lines)
        now = BEGIN + timedelta(hours=6, seconds=3 * _WIDTH + random.randint(-2, 2)) if random.random() < 0.4 else None
        yield Burst(random.choice(random.choice(list(kinds.values()))), lines, now)


def _line(random: Random) -> Line:
    time = BEGIN + timedelta(seconds=_second(random))
    # Many records arrive together, or six hours after others, to the second.
    arrival = BEGIN + timedelta(hours=random.choice([0, 6, 12]), seconds=3 * _WIDTH + random.choice([0, 0, 0, -1, 1]))
    ingested = max(time, arrival)
    token = random.choice(["AbCd", "AbCd", "abcd", "AbCd==", "JYpgIpsdtUSw8suU8GstAA", "", None])
    if random.random() < 0.25:
        request = random.choice(["22608a25-1d9b-44b5-b0f2-cb94f06b2d00", "x", None])
        signin = {"UniqueTokenIdentifier": token, "Id": request}
        return Line("azure/signinlogs", signin, time, ingested)
    mail = {
        "Operation": random.choice(["a", "a", "b", "b", "c", "d"]),
        "UserKey": random.choice(["u", "u", "u", "U", "v", ["u", "v"], ["u", "U"], "", None]),
        "Workload": random.choice(["u", "x", "X", "y", ["x", "y"], None]),
        "MailboxGuid": random.choice([f"{10:032X}", "{00000000-0000-0000-0000-00000000000a}", "x", None]),
        "OperationCount": random.choice([0, 1, 2, 5, "5", " 10 ", -3, "many", None, [5, 2]]),
        "AppAccessContext": {"UniqueTokenId": token},
    }
    return Line("m365/exchange", mail, time, ingested)


def _second(random: Random) -> int:
    """Return a second within three windows: on a multiple of half a window, a second beside it, or anywhere."""
    if random.random() < 0.7:
        return random.randint(0, 6) * (_WIDTH // 2) + random.choice([0, 0, 0, -1, 1])
    return random.randint(0, 3 * _WIDTH)
