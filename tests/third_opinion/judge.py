"""A third opinion: pySigma 2's SQLite backend on the cases that emit.py writes, in an environment of its own.

``python judge.py < cases.jsonl`` prints how often it says the same, and each case where it does not. It needs what
requirements.lock has, which cannot stand beside the project's own pySigma.
"""

from __future__ import annotations

import json
import re
import sqlite3
import sys
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import yaml
from sigma.backends.sqlite import sqliteBackend
from sigma.collection import SigmaCollection

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400}
Case = dict[str, Any]


def found(case: Case) -> list[list[str]]:
    """Return what the backend's query finds, in the form of the cases."""
    text = "\n---\n".join(yaml.safe_dump(document, sort_keys=False) for document in case["rules"])
    query = sqliteBackend().convert(SigmaCollection.from_yaml(text))[-1]
    cursor = database(case).execute(query)
    names = [column[0] for column in cursor.description]
    rows = [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]
    last = case["rules"][-1]
    return chains(rows, last["correlation"]) if "correlation" in last else sorted([row["record"]] for row in rows)


def database(case: Case) -> sqlite3.Connection:
    """Return the records as the table that the backend reads; text compares without letter case, as Sigma says."""
    made = sqlite3.connect(":memory:")
    made.create_function("REGEXP", 2, matches)
    columns = [*case["types"], "timestamp", "record"]
    numbers = {name for name, kind in case["types"].items() if kind == "int"}
    typed = (f'"{name}" {"INTEGER" if name in numbers else "TEXT COLLATE NOCASE"}' for name in columns)
    made.execute(f"CREATE TABLE logs ({', '.join(typed)})")
    rows = [[record.get(name) for name in columns] for record in case["records"]]
    made.executemany(f"INSERT INTO logs VALUES ({', '.join('?' * len(columns))})", rows)  # noqa: S608 - only marks
    return made


def matches(pattern: str, value: object) -> bool:
    """Search for a regular expression, for SQLite."""
    return value is not None and re.search(pattern, str(value), re.ASCII) is not None


def chains(rows: Sequence[Case], correlation: Case) -> list[list[str]]:
    """Keep the first firing of each chain."""
    span = correlation["timespan"]
    window = timedelta(seconds=int(span[:-1]) * _UNITS[span[-1]])
    firings = sorted(
        (
            datetime.fromtimestamp(float(row["occurrence_time"]), UTC),
            [str(json.loads(row["group_keys"])[key]) for key in correlation["group-by"]],
        )
        for row in rows
    )
    last: dict[tuple[str, ...], datetime] = {}
    kept = []
    for time, keys in firings:
        group = tuple(keys)
        if group not in last or time - last[group] > window:
            kept.append([time.strftime("%Y-%m-%dT%H:%M:%SZ"), *keys])
        last[group] = time
    return sorted(kept)


def main() -> int:
    """Judge every case of the standard input."""
    same = different = 0
    for line in sys.stdin:
        case = json.loads(line)
        says = found(case)
        if says == case["says"]:
            same += 1
            continue
        different += 1
        bodies = [one.get("detection") or one.get("correlation") for one in case["rules"]]
        ours, theirs = (
            [one for one in case["says"] if one not in says],
            [one for one in says if one not in case["says"]],
        )
        sys.stdout.write(
            f"differs: {json.dumps(bodies)}\n    only the evaluator: {ours[:3]}; only SQLite: {theirs[:3]}\n"
        )
    sys.stdout.write(f"{same} rules: the same; {different}: different\n")
    return 1 if different or not same else 0


if __name__ == "__main__":
    sys.exit(main())
