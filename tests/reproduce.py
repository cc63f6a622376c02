"""Cases about rules and records in YAML, and what the converters, the binder and the engines make of them.

A case about single records has ``detection``, ``matches`` and ``ignores``; one about several has ``rules``,
``correlation``, ``events`` and ``fires``; with ``open`` every reader says that something was not evaluated. A case that
must be refused has ``refused`` and ``instead``: words of the message, what is wrong and what to write. Expected values
are written by hand; readers that agree are not enough.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from unissued.convert import Query, column, convert
from unissued.engines.spl import parse
from unissued.errors import PackError
from unissued.evaluate import Given
from unissued.pack import TARGETS, Document, Pack, Rule, load_catalogue, pack_of, parse_document
from unissued.record import Origin, Record, utc_text
from unissued.verify.agreement import Comparison, Stream, compare
from unissued.verify.answer import TIME, Answer
from unissued.verify.shipped import binder_of, readers_of

MAIL = {"product": "m365", "service": "exchange"}
DAY = "2026-03-02"
NAME = "case"
"""The rule that a case is about."""
_WORKLOADS = {"m365/exchange": "Exchange", "m365/audit": "AzureActiveDirectory"}
_TIMES = {
    "azure/auditlogs": "ActivityDateTime",
    "azure/riskdetection": "ActivityDateTime",
    "azure/signinlogs": "CreatedDateTime",
}
_OWN_KEYS = {"at", "source", "table"}
# What a case says about itself; every other key belongs to the rule that it is about.
_ABOUT = {
    *(
        "id",
        "name",
        "because",
        "rule",
        "rules",
        "order",
        "filter",
        "lists",
        "targets",
        "refused",
        "instead",
        "refused_in",
    ),
    *("matches", "ignores", "events", "fires", "open"),
    *("stock", "format", "pipeline", "gives", "raises", "problem", "rows", "key", "finds", "means", "right"),
}
Body = Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """One case, and the line on which it stands."""

    where: str
    data: Body

    @property
    def id(self) -> str:
        """Row of the document, such as K4; empty for a case that belongs to none."""
        return str(self.data.get("id", ""))

    @property
    def name(self) -> str:
        """What the tests show."""
        words = str(self.data["name"]).replace(" ", "_")
        return f"{self.id}-{words}" if self.id else words

    def documents(self) -> list[Document]:
        """Return the rules of the case as a pack takes them."""
        return [document(name, body) for name, body in self.bodies().items()]

    def bodies(self) -> dict[str, Body]:
        """Return what the case says of each rule, by its name: the ones below, its own, and a filter."""
        found = dict(self.data.get("rules", {}))
        own = {key: value for key, value in self.data.items() if key not in _ABOUT}
        if {"detection", "correlation"} & set(own):
            found[str(self.data.get("rule", NAME))] = own
        if "filter" in self.data:
            found["exclusion"] = {"filter": self.data["filter"]}
        return {name: found[name] for name in self.data.get("order", found)}


def load(*paths: Path) -> list[Case]:
    """Load cases, read as strictly as rules are."""
    found = []
    for path in paths:
        read = parse_document(path.read_text(encoding="utf-8"), f"tests/{path.name}")
        assert isinstance(read.data, list), f"{path.name} must be a list of cases"
        found += [Case(read.where(index), data) for index, data in enumerate(read.data)]
    return found


def document(name: str, body: Body) -> Document:
    """Make a whole rule of what a case says of it."""
    logsource = {} if "correlation" in body else {"logsource": MAIL}
    head = {
        "title": f"Case {name}",
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://contoso.example/{name}")),
        "name": name,
        "version": "1.0.0",
        "status": "experimental",
        "description": "A case of the tests.",
    }
    return Document(f"{name}.yml", {**head, **logsource, **body}, {})


def record(fields: Body, identity: str, default: str) -> Record:
    """Make a record as its product writes it."""
    source = str(fields.get("source", default))
    at = str(fields.get("at", "09:00:00"))
    time = datetime.fromisoformat(at if "T" in at else f"{DAY}T{at}").replace(tzinfo=UTC)
    known = load_catalogue().sources[source]
    said = utc_text(time)
    frame = (
        {"Workload": _WORKLOADS[source], "CreationTime": said.removesuffix("Z")}
        if source in _WORKLOADS
        else {_TIMES[source]: said, "TimeGenerated": said}
    )
    own = {key: value for key, value in fields.items() if key not in _OWN_KEYS}
    content = {**frame, known.id: identity, **own}
    table = str(fields.get("table", ""))
    return Record(source, content, time, time + timedelta(minutes=75), identity, table, Origin("case.jsonl", 1))


def stream_of(records: Sequence[Record], lists: Mapping[str, Sequence[str]]) -> Stream:
    """Return records with what they are judged with."""
    return Stream(records, Given(lists={name: frozenset(entries) for name, entries in lists.items()}))


def refusal(documents: Sequence[Document], name: str, target: str) -> str:
    """Return why a rule cannot be had in a target, or the empty string."""
    try:
        pack = pack_of(documents)
        convert(pack, pack.rule(name), target)
    except PackError as error:
        return str(error)
    return ""


def problems(query: Query) -> Sequence[str]:
    """Return what Microsoft's binder, or the strict parser of SPL, says against a query."""
    if query.target != "splunk":
        return binder_of(query.target).bind(query.query).problems
    try:
        parse(query.query)
    except PackError as error:
        return [str(error)]
    return ()


def compared(pack: Pack, rule: Rule, query: Query, stream: Stream) -> Iterator[tuple[str, Comparison]]:
    """Yield what every engine of the query's target finds beside the evaluator; Splunk has two readings."""
    for reading, reader in readers_of(query.target):
        yield f"{query.target} {reading}".strip(), compare(reader, pack, rule, query, stream)


def identities(answer: Answer) -> set[str]:
    """Return the ids of the records that a detection found."""
    return {dict(row)["Id"] for row in answer.rows}


def firings(answer: Answer) -> set[tuple[str, ...]]:
    """Return time of day and group of what a correlation found; the group's keys in the order of their names."""
    found = set()
    for row in answer.rows:
        values = dict(row)
        time = values.pop(TIME).removeprefix(f"{DAY}T").removesuffix("Z")
        found.add((time, *(values[key] for key in sorted(values))))
    return found


def firing(one: Body) -> tuple[str, ...]:
    """Return an expected firing in the same form."""
    group = {column(str(key)): str(value) for key, value in one["group"].items()}
    return (str(one["at"]), *(group[key] for key in sorted(group)))


def held(target: str, source: str) -> bool:
    """Tell whether a target holds a log source at all."""
    return target not in load_catalogue().sources[source].not_in


def check_refused(case: Case) -> None:
    """Fail unless every target refuses the case's rule, and says what is wrong and what to write instead."""
    name = str(case.data.get("rule", NAME))
    for target in case.data.get("targets", TARGETS):
        said = refusal(case.documents(), name, target)
        assert said, f"{case.where}: {target} takes it"
        for words in (case.data["refused"], case.data["instead"]):
            assert str(words) in said, f"{case.where}: {target} says: {said}"


def check_found(case: Case) -> None:
    """Fail unless every engine finds on the case's records exactly what the case says by hand."""
    pack = pack_of(case.documents())
    rule = pack.rule(str(case.data.get("rule", NAME)))
    default = "m365/exchange" if rule.is_correlation else rule.sources[0].key
    stream = stream_of(_records(case, default), case.data.get("lists", {}))
    executed = 0
    for target in TARGETS:
        reason = case.data.get("refused_in", {}).get(target)
        if reason:
            assert str(reason) in refusal(case.documents(), rule.name, target), f"{case.where}: {target}"
            continue
        query = convert(pack, rule, target)
        assert not problems(query), f"{case.where}: {target}: {problems(query)}\n{query.query}"
        for engine, comparison in compared(pack, rule, query, stream):
            said = f"{case.where}, {engine}: {comparison.differences()}\n{query.query}"
            assert comparison.agrees, said
            assert comparison.query.open is case.data.get("open", False), said
            found = firings(comparison.query) if rule.is_correlation else identities(comparison.query)
            assert found == _expected(case, target, default), said
            executed += 1
    assert executed, f"{case.where}: no engine executed it"


def _records(case: Case, default: str) -> list[Record]:
    if "events" in case.data:
        return [record(fields, f"event {number}", default) for number, fields in enumerate(case.data["events"], 1)]
    return [
        record(fields, f"{key} {number}", default)
        for key in ("matches", "ignores")
        for number, fields in enumerate(case.data[key], 1)
    ]


def _expected(case: Case, target: str, default: str) -> set[Any]:
    if "fires" in case.data:
        return {firing(one) for one in case.data["fires"] if target in one.get("only", TARGETS)}
    return {
        f"matches {number}"
        for number, fields in enumerate(case.data["matches"], 1)
        if held(target, str(fields.get("source", default)))
    }
