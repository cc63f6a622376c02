"""What rules mean, as text cases: every file of ``conformance/`` is a second specification beside the evaluator.

A case about one record at a time has ``detection``, ``matches`` and ``ignores``. A case about several has ``rules``,
``correlation``, ``events``, ``fires`` (the exact list) and, where needed, ``given`` and ``not_evaluated``; it is judged
in the order of the file, backwards and shuffled, because the order of arrival may not matter.
"""

from __future__ import annotations

import json
import random
import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from unissued.evaluate import Event, Given, Outcome, Verdict, comparable_lists, evaluate, explain
from unissued.pack import Pack, load_catalogue, load_pack, parse_document
from unissued.record import Origin, Record

CASES = Path(__file__).parent / "conformance"
DAY = "2026-03-02"
MAIL = {"product": "m365", "service": "exchange"}
DETECTION_KEYS = {"name", "because", "logsource", "detection", "matches", "ignores", "lists"}
CORRELATION_KEYS = {"name", "because", "rules", "correlation", "events", "fires", "given", "not_evaluated"}
GIVEN_KEYS = {"now", "feeds", "rows_last_week", "lists"}
OWN_KEYS = {"at", "ingested", "source", "table", "repeat"}


@dataclass(frozen=True)
class Case:
    """One case, and the line on which it stands."""

    where: str
    data: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.data["name"])


def load_cases() -> Iterator[Case]:
    for path in sorted(CASES.glob("*.yml")):
        document = parse_document(path.read_text(encoding="utf-8"), f"tests/conformance/{path.name}")
        assert isinstance(document.data, list), f"{path.name} must be a list of cases"
        for index, data in enumerate(document.data):
            yield Case(document.where(index), data)


ALL = list(load_cases())
DETECTIONS = [case for case in ALL if "detection" in case.data]
CORRELATIONS = [case for case in ALL if "correlation" in case.data]


def case_id(case: Case) -> str:
    stem = case.where.partition(".yml")[0].rpartition("/")[2]
    return f"{stem}/{case.name.replace(' ', '_')}"


def moment(text: str) -> datetime:
    """Read a time of day or a whole time; both are UTC."""
    return datetime.fromisoformat(text if "T" in text else f"{DAY}T{text}").replace(tzinfo=UTC)


def write_rules(folder: Path, bodies: Mapping[str, Mapping[str, Any]]) -> Pack:
    """Write rules as files and load them as any pack is loaded, so that lint has its say."""
    sigma = folder / "sigma"
    sigma.mkdir()
    for name, body in bodies.items():
        rule = {
            "title": f"Case {name}",
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://contoso.example/{name}")),
            "name": name,
            "version": "1.0.0",
            "status": "experimental",
            "description": "A case of the conformance tests.",
            **body,
        }
        # JSON is YAML in which nothing is retyped.
        (sigma / f"{name}.yml").write_text(json.dumps(rule, ensure_ascii=False), encoding="utf-8")
    return load_pack(sigma)


def make_record(fields: Mapping[str, Any], source: str, line: int) -> Record:
    at = fields.get("at") or str(fields.get("CreationTime") or "")
    try:
        time = moment(at)
    except ValueError:
        time = moment("09:00:00")
    source = fields.get("source", source)
    ingested = fields.get("ingested")
    return Record(
        source=source,
        fields={name: value for name, value in fields.items() if name not in OWN_KEYS},
        time=time,
        ingested=moment(ingested) if ingested else time + load_catalogue().sources[source].usual_delay,
        id=str(line),
        table=fields.get("table", ""),
        origin=Origin("case.jsonl", line),
    )


def test_cases_are_well_formed() -> None:
    names = [case_id(case) for case in ALL]
    assert len(set(names)) == len(names), sorted(name for name in names if names.count(name) > 1)
    for case in ALL:
        known = DETECTION_KEYS if "detection" in case.data else CORRELATION_KEYS
        assert set(case.data) <= known, case.where
        assert str(case.data["because"]).strip(), case.where
        if "detection" in case.data:
            assert case.data["matches"] or case.data["ignores"], case.where
        else:
            assert {"rules", "events", "fires"} <= set(case.data), case.where
            assert set(case.data.get("given", {})) <= GIVEN_KEYS, case.where


def test_cases_are_many_enough_to_be_a_specification() -> None:
    assert len(DETECTIONS) >= 60
    assert len(CORRELATIONS) >= 40


@pytest.mark.parametrize("case", DETECTIONS, ids=case_id)
def test_detection_means_what_its_case_says(case: Case, tmp_path: Path) -> None:
    logsource = case.data.get("logsource", MAIL)
    pack = write_rules(tmp_path, {"case": {"logsource": logsource, "detection": case.data["detection"]}})
    rule = pack.rules["case"]
    given = Given(lists=case.data.get("lists", {}))
    lists = comparable_lists(pack.catalogue, given.lists)
    wrong = []
    for key, expected in (("matches", Verdict.MATCH), ("ignores", Verdict.NO_MATCH)):
        for line, fields in enumerate(case.data[key], start=1):
            record = make_record(fields, rule.sources[0].key, line)
            if evaluate(pack, [record], given)["case"].verdict is not expected:
                tree = explain(rule, Event(record, pack.catalogue.sources[record.source]), lists)
                wrong.append(f"{key}[{line}] {fields}\n{tree}")
    if wrong:
        pytest.fail("\n".join([case.where, str(case.data["because"]), *wrong]))


def stream_of(case: Case, default: str) -> list[Record]:
    """Make the records of a case; ``repeat: n`` stands for n records of the same second."""
    records: list[Record] = []
    for fields in case.data["events"]:
        for _ in range(fields.get("repeat", 1)):
            records.append(make_record(fields, default, len(records) + 1))
    return records


def fired(outcome: Outcome) -> list[tuple[datetime, dict[str, Any]]]:
    return sorted(((match.time, dict(match.group)) for match in outcome.matches), key=str)


def orders(records: list[Record]) -> Iterator[tuple[str, Sequence[Record]]]:
    yield "in the order of the file", records
    yield "backwards", records[::-1]
    for seed in (1, 2):
        yield f"shuffled with seed {seed}", random.Random(seed).sample(records, len(records))  # noqa: S311


@pytest.mark.parametrize("case", CORRELATIONS, ids=case_id)
def test_correlation_means_what_its_case_says(case: Case, tmp_path: Path) -> None:
    bodies = {
        name: body if "correlation" in body else {"logsource": MAIL, **body}
        for name, body in case.data["rules"].items()
    }
    pack = write_rules(tmp_path, {**bodies, "case": {"correlation": case.data["correlation"]}})
    given = case.data.get("given", {})
    judged_with = Given(
        now=moment(given["now"]) if "now" in given else None,
        lists=given.get("lists", {}),
        measured=given.get("feeds") == "measured",
        rows_last_week=given.get("rows_last_week", {}),
    )
    expected = sorted(((moment(one["at"]), one["group"]) for one in case.data["fires"]), key=str)
    for order, records in orders(stream_of(case, "m365/exchange")):
        outcome = evaluate(pack, records, judged_with)["case"]
        said = f"{case.where}, {order}\n{case.data['because']}"
        assert fired(outcome) == expected, said
        assert sorted(one.reason.value for one in outcome.unjudged) == case.data.get("not_evaluated", []), said
