"""The query backends of pySigma as they are, on plain rules, and what their output finds when it is executed."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any

from sigma.backends.kusto.kusto import KustoBackend
from sigma.backends.splunk.splunk import SplunkBackend, SplunkDeferredORRegularExpression
from sigma.collection import SigmaCollection
from sigma.exceptions import SigmaError
from sigma.processing.pipeline import ProcessingPipeline

from unissued.engines.binder import Binder
from unissued.engines.kusto import INGESTED, Kusto
from unissued.engines.spl import Reading, SplError, Splunk, SplunkEvent, parse

_COLUMNS = {
    **dict.fromkeys(("A", "B", "C", "IP", "U", "x"), "string"),
    **dict.fromkeys(("Row", "N"), "long"),
    "T": "datetime",
    "R": "dynamic",
}
_BOUND_ONLY = {"Flag": "bool", "where": "string", "from": "string", "2fa": "string"}
_NOW = datetime(2026, 3, 2, 18, tzinfo=UTC)
# What the strict parser does not know is said with what it knows, as the Search Reference explains each command.
_SAID_OTHERWISE = (
    (re.compile(r"\A\*(?=\n|\Z)"), "index=*"),
    (re.compile(r'\| regex (\w+)="(.*)"'), r'| where match(\1,"\2")'),
    (re.compile(r'\| regex (\w+)!="(.*)"'), r'| where NOT match(\1,"\2")'),
    (re.compile(r'\| rex field=(\w+) "\(\?<(\w+)>(.*)\)"'), r'| eval \2=if(match(\1,"\3"),"found",null())'),
    (re.compile(r"\| bin _time span=1h"), "| eval _time=floor(_time/3600)*3600"),
    (re.compile(r'"([\w{}.]+)"(?==")'), r"\1"),
)


def rule(name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """Return a plain rule."""
    head = {"title": name, "name": name, "id": str(uuid.uuid5(uuid.NAMESPACE_URL, name))}
    logsource = {} if "correlation" in body else {"logsource": {"product": "p"}}
    return {**head, **logsource, **body}


def written(
    backend: str,
    rules: Sequence[Mapping[str, Any]],
    pipeline: str = "",
    form: str | None = None,
    *,
    forget: bool = True,
) -> Any:
    """Return what a stock backend writes, or the error that it raises.

    Args:
        backend: ``kusto`` or ``splunk``.
        rules: in the order in which it gets them.
        pipeline: a processing pipeline, as YAML.
        form: an output format.
        forget: make it forget the rules that it has converted before.
    """
    if forget:
        SplunkDeferredORRegularExpression.reset()  # type: ignore[no-untyped-call]
    kinds = {"kusto": KustoBackend, "splunk": SplunkBackend}
    try:
        collection = SigmaCollection.from_dicts([dict(one) for one in rules])
        return kinds[backend](ProcessingPipeline.from_yaml(pipeline) if pipeline else None).convert(collection, form)
    except (SigmaError, NotImplementedError) as error:
        return error


def problems(backend: str, query: str) -> str:
    """Return what the binder and our lint, or the strict parser, say against a query; empty for nothing."""
    if backend == "kusto":
        return "\n".join(_binder().bind(f"T | where {query}").problems)
    try:
        parse(executable(query))
    except SplError as error:
        return str(error)
    return ""


def executable(search: str) -> str:
    """Say a search with the commands that the strict parser knows."""
    for pattern, replacement in _SAID_OTHERWISE:
        search = pattern.sub(replacement, search)
    return search


def found(backend: str, query: str, rows: Sequence[Mapping[str, Any]], key: str = "Row") -> list[str]:
    """Execute a query on rows and return the values of a field of what it finds, by default the rows' numbers.

    SPL is executed in both readings of Splunk's manuals; they must not differ.
    """
    if backend == "kusto":
        return _found_by_kusto(query, rows)
    answers = [_found_by_splunk(query, rows, key, reading) for reading in Reading]
    assert answers[0] == answers[1], f"the readings differ: {query}"
    return answers[0]


@cache
def _binder() -> Binder:
    return Binder({"T": {**_COLUMNS, **_BOUND_ONLY}})


@cache
def _kusto() -> Kusto:
    return Kusto({"T": _COLUMNS})


def _found_by_kusto(query: str, rows: Sequence[Mapping[str, Any]]) -> list[str]:
    empty: dict[str, Any] = dict.fromkeys(_COLUMNS)
    _kusto().load({"T": [{**empty, **row, "Row": number, INGESTED: _NOW} for number, row in enumerate(rows, 1)]})
    _, answer = _kusto().run(f"T | where {query} | project Row", _NOW)
    return sorted(str(row["Row"]) for row in answer)


def _found_by_splunk(query: str, rows: Sequence[Mapping[str, Any]], key: str, reading: Reading) -> list[str]:
    events = []
    for number, row in enumerate(rows, 1):
        time = _moment(str(row.get("at", "09:00:00"))).timestamp()
        fields: dict[str, str | tuple[str, ...]] = {
            name: tuple(map(str, value)) if isinstance(value, list) else str(value)
            for name, value in row.items()
            if value is not None and name != "at"
        }
        events.append(SplunkEvent("{}", time, time + 60, {**fields, "index": "main", "Row": str(number)}))
    run = Splunk(events, {}, now=_NOW.timestamp(), reading=reading).run(parse(executable(query)))
    return sorted(str(row[key]) for row in run)


def _moment(text: str) -> datetime:
    clock = datetime.fromisoformat(f"2026-03-02T{text}").replace(tzinfo=UTC)
    assert clock < _NOW - timedelta(hours=1)
    return clock
