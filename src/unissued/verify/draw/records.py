"""Random records of every log source, in the raw spellings that exports use."""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from unissued.pack import Source
from unissued.pack.path import NAME_KEYS, Step, parse_path
from unissued.record import Origin, Record, utc_text
from unissued.verify.draw.values import Pool, spelt

START = datetime(2026, 3, 2, 8, tzinfo=UTC)
_WORKLOADS = {"m365/exchange": "Exchange", "m365/audit": "AzureActiveDirectory"}
FRAME = frozenset(("Id", "Workload", "CreationTime", "CreatedDateTime", "ActivityDateTime", "TimeGenerated"))
"""What every record has a value of its own in: what selects it in a table, its id and its time."""
_NOTHING = (None, "", "absent")


def record(rng: random.Random, source: Source, pools: Mapping[str, Pool], time: datetime, line: int) -> Record:
    """Draw one record: every field of the pools has one of its values, or none. ``line`` tells it from others."""
    fields: dict[str, object] = {}
    table = rng.choice([name for name, one in source.tables.items() if one.category] or [""])
    for name, pool in pools.items():
        if pool.field.derive or (table and not source.has(name, table)):
            continue
        if rng.random() < 0.2:
            nothing = rng.choice(_NOTHING)
            if nothing == "absent" or len(parse_path(name)) > 1:
                continue
            value: object = nothing
        else:
            value = spelt(rng, pool.field, rng.choice(pool.values))
        _put(rng, fields, parse_path(name), value)
    identity = str(uuid.UUID(int=rng.getrandbits(128), version=4))
    if not table or source.has(source.id, table):
        fields[source.id] = identity
    fields |= _frame(source, time)
    arrived = time + timedelta(minutes=rng.choice((1, 75, 75, 300)))
    return Record(source.key, fields, time, arrived, identity, table, Origin("drawn", line))


def _frame(source: Source, time: datetime) -> dict[str, object]:
    """Return what every record of a source has: what selects it in a table, and its time."""
    said = utc_text(time)
    workload = _WORKLOADS.get(source.key)
    if workload:
        return {"Workload": workload, "CreationTime": said.removesuffix("Z")}
    own = {
        "azure/auditlogs": "ActivityDateTime",
        "azure/riskdetection": "ActivityDateTime",
        "azure/signinlogs": "CreatedDateTime",
    }.get(source.key)
    return {**({own: said} if own else {}), "TimeGenerated": said}


def _put(rng: random.Random, node: dict[str, object], path: tuple[Step, ...], value: object) -> None:
    """Write a value at a path; elements of lists get company, so that name and value must be found together."""
    step, rest = path[0], path[1:]
    if step.element is None:
        if not rest:
            node[step.key] = value
            return
        below = node.setdefault(step.key, {})
        if isinstance(below, dict):
            _put(rng, below, rest, value)
        return
    elements = node.setdefault(step.key, [])
    if not isinstance(elements, list):
        return
    if not rest:
        elements.insert(rng.randint(0, len(elements)), value)
        return
    _put_inside(rng, _element(rng, elements, step), rest, value)


def _element(rng: random.Random, elements: list[object], step: Step) -> dict[str, object]:
    key = _name_key(step.key)
    if step.element == "":
        if elements and rng.random() < 0.5:
            found = rng.choice(elements)
            if isinstance(found, dict):
                return found
        made: dict[str, object] = {}
    else:
        made = {key: step.element}
        if rng.random() < 0.5:
            elements.append(
                {key: rng.choice(("Other", "IsThrottled", "AppRole.Value")), "Value": "True", "NewValue": "x"}
            )
    elements.insert(rng.randint(0, len(elements)), made)
    return made


def _name_key(key: str) -> str:
    by_key = {"modifiedProperties": "displayName", "AdditionalDetails": "key"}
    return by_key.get(key, NAME_KEYS[0])


def _put_inside(rng: random.Random, element: dict[str, object], rest: tuple[Step, ...], value: object) -> None:
    """Write below an element; what lies deeper than its value stands there as JSON in a text, as products write it."""
    if len(rest) > 1 and rest[0].element is None:
        inner: dict[str, object] = {}
        _put(rng, inner, rest[1:], value)
        element[rest[0].key] = json.dumps(inner)
        return
    _put(rng, element, rest, value)
