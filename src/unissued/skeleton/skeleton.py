"""Writes a new rule and its fixtures. Nothing of it passes a test before somebody has filled it in."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml

from unissued.errors import Problem, RuleError
from unissued.files import write_whole
from unissued.pack import FILL_IN, GLOBAL_STANZA, NAME, suggest

KINDS = ("detection", "correlation")
SOURCES = (
    "m365/exchange",
    "m365/audit",
    "azure/auditlogs",
    "azure/signinlogs",
    "azure/graphactivity",
    "azure/riskdetection",
)
_IDS = ("Id", "RequestId")
_BEGIN = datetime(2026, 3, 2, 9, tzinfo=UTC)

_HEAD = """\
title: '{fill}: Up to Eight Words'
id: {id}
name: {name}
version: '1.0.0'
status: experimental
description: '{fill}: what happens, and why it matters, in one or two sentences.'
level: '{fill}: informational, low, medium, high or critical; without this line it only feeds correlations.'
tags:
  - '{fill}: a tactic such as attack.collection'
  - '{fill}: a technique such as attack.t1114.002'
needs: '{fill}: what has to be logged, and by which licence.'
"""
_DETECTION = """\
logsource:
  product: {product}
  service: {service}
detection:
  selection:
    {select}: '{fill}: a value; the fields of {source} are in src/unissued/pack/sources.yml.'
  condition: selection
"""
_CORRELATION = """\
correlation:
  type: value_count
  rules:
{rules}
  group-by:
    - '{fill}: the field that is the same in all matches, such as UserId'
  timespan: 1h
  condition:
    field: '{fill}: the field whose distinct values count; or type event_count without this line'
    gte: '{fill}: how many'
"""
_TAIL = """\
falsepositives:
  - '{fill}: what else does this.'
blind_spots:
  - '{fill}: what an intruder does instead.'
triage:
  - '{fill}: the first question.'
"""


@dataclass(frozen=True)
class Wish:
    """What kind of rule somebody wants to write."""

    name: str
    kind: str
    source: str
    """Key of a log source; for a correlation that of the rules below."""
    of: tuple[str, ...]
    """Names of the rules that a correlation is built on."""
    id: uuid.UUID
    """The rule's id; those of the fixtures' records follow from it."""


def skeleton(sigma: Path, fixtures: Path, wish: Wish) -> dict[Path, str]:
    """Return the files of a new rule.

    Args:
        sigma: where rules lie.
        fixtures: where their fixtures lie.
        wish: what is wanted.

    Raises:
        RuleError: with everything that is wrong with the wish, or is there already.
    """
    known = {path.stem: path for path in sorted(sigma.rglob("*.yml"))}
    problems = list(_problems(fixtures, wish, known))
    if problems:
        raise RuleError(*problems)
    folder = "correlation" if wish.kind == "correlation" else _records()[wish.source]["folder"]
    cases = fixtures / wish.name
    count = 1 if wish.kind == "detection" else 2
    return {
        sigma / folder / f"{wish.name}.yml": _rule(wish),
        cases / "hit_fill_in.jsonl": _lines(wish, range(count)),
        cases / "miss_fill_in.jsonl": _lines(wish, range(count, 2 * count)),
    }


def write(made: Mapping[Path, str]) -> None:
    """Write the files of a new rule.

    Raises:
        OSError: one cannot be written.
    """
    for path, text in made.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, text)


def _problems(fixtures: Path, wish: Wish, known: Mapping[str, Path]) -> Iterator[Problem]:
    name = wish.name
    if not NAME.match(name) or name == GLOBAL_STANZA:
        hint = "<source>_<what happens>: small letters, digits and _, a letter first, 64 at most"
        yield Problem(name, "is no name for a rule", hint)
        return
    if name in known:
        yield Problem(name, f"there is a rule or filter of this name: {known[name]}", "choose another name")
    if (fixtures / name).exists():
        yield Problem(name, f"there is a folder {fixtures / name}", "choose another name, or remove it")
    if wish.of and wish.kind != "correlation":
        yield Problem(name, "only a correlation is built on other rules", "--kind correlation")
    for below in wish.of:
        if below not in known:
            yield Problem(below, "no such rule", suggest(below, known))


def _rule(wish: Wish) -> str:
    product, service = wish.source.split("/")
    below = "\n".join(f"    - {name}" for name in wish.of) or f"    - '{FILL_IN}: the name of the rule below'"
    body = _DETECTION if wish.kind == "detection" else _CORRELATION
    return (_HEAD + body + _TAIL).format(
        fill=FILL_IN,
        id=wish.id,
        name=wish.name,
        source=wish.source,
        product=product,
        service=service,
        select=_records()[wish.source]["select"],
        rules=below,
    )


def _lines(wish: Wish, numbers: Iterable[int]) -> str:
    """Return records, each with an id and a time of its own."""
    lines = []
    for number in numbers:
        record = dict(_records()[wish.source]["record"])
        time = _BEGIN + timedelta(minutes=number)
        for key, value in record.items():
            if value == "" and key in _IDS:
                record[key] = str(uuid.uuid5(wish.id, str(number)))
            elif value == "":
                record[key] = time.strftime("%Y-%m-%dT%H:%M:%S" + ("" if key == "CreationTime" else "Z"))
        lines.append(json.dumps(record, ensure_ascii=False))
    return "".join(f"{line}\n" for line in lines)


@cache
def _records() -> dict[str, Any]:
    text = files("unissued.skeleton").joinpath("records.yml").read_text(encoding="utf-8")
    loaded: dict[str, Any] = yaml.safe_load(text)
    return loaded
