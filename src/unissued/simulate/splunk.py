"""Asks a Splunk server what it makes of the shipped searches: whether they parse, and what they find of a replay."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from unissued.convert import Query, column, convert
from unissued.errors import UnsupportedError
from unissued.pack import Pack, Rule
from unissued.simulate.batch import Batch
from unissued.simulate.names import GUID
from unissued.simulate.send import Answer, SendError, Server, said
from unissued.verify.answer import TIME, Row, expected, row_of

_PARSER = "/services/search/v2/parser"
_JOBS = "/services/search/v2/jobs"
_MOST = "50000"
_NOTE = "unissued"
_NOT_SHOWN = (_NOTE, "records")


@dataclass(frozen=True)
class Parsed:
    """Whether the server's parser takes a search."""

    rule: str
    problem: str = ""
    """What the server says against it; empty when it parses."""


@dataclass(frozen=True)
class Found:
    """What a search found, beside what it must find."""

    rule: str
    agreeing: int
    missing: tuple[Row, ...]
    """Must be found and is not."""
    unexpected: tuple[Row, ...]
    """Is found on records of the replay and must not be."""
    others: int
    """Rows about records that are not of this replay."""
    notes: tuple[str, ...]
    """What the search says about itself: not evaluated, and why."""
    problem: str = ""
    """Why the search did not run."""

    @property
    def agrees(self) -> bool:
        """Tell whether the search found exactly what it must."""
        return not (self.missing or self.unexpected or self.problem)


def searches(pack: Pack, names: Sequence[str] = ()) -> Iterator[tuple[Rule, Query]]:
    """Yield the shipped searches, of some rules or of all that alert."""
    for rule in pack.rules.values():
        if rule.level and (not names or rule.name in names):
            try:
                yield rule, convert(pack, rule, "splunk")
            except UnsupportedError:
                continue


def as_command(query: Query) -> str:
    """Return a search as the interface wants it: it does not add the command ``search`` in front, as the browser does.

    The file's head is left out, because nothing may stand before that command.
    """
    text = query.query.strip()
    return text if text.startswith("|") else f"search {text}"


def check(server: Server, pack: Pack, names: Sequence[str] = ()) -> Iterator[Parsed]:
    """Yield what the server's parser says of each search. It runs nothing and expands nothing.

    Raises:
        SendError: the server cannot be reached, or refuses the token.
    """
    for rule, query in searches(pack, names):
        fields = {
            "q": as_command(query),
            "output_mode": "json",
            "parse_only": "true",
            "enable_lookups": "false",
            "reload_macros": "false",
        }
        answer = _answered(server, server.form(_PARSER, fields))
        parsed = answer.status == 200 and isinstance(_body(answer), dict)
        problems = _messages(answer) or ([] if parsed else [said(answer)])
        yield Parsed(rule.name, "; ".join(problems))


def run(server: Server, batch: Batch, names: Sequence[str] = ()) -> Iterator[Found]:
    """Run each search over all time and yield what it found beside what it must find.

    Raises:
        SendError: the server cannot be reached, or refuses the token.
    """
    ours = _ids(batch)
    for rule, query in searches(batch.setting.pack, names):
        fields = {
            "search": as_command(query),
            "exec_mode": "oneshot",
            "output_mode": "json",
            "count": "0",
            "max_count": _MOST,
            "earliest_time": "0",
            "latest_time": "now",
        }
        answer = _answered(server, server.form(_JOBS, fields))
        results = _results(answer)
        if isinstance(results, str):
            yield Found(rule.name, 0, (), (), 0, (), results)
        else:
            yield _compared(batch, rule, query, results, ours)


def _compared(
    batch: Batch, rule: Rule, query: Query, results: Sequence[Mapping[str, object]], ours: frozenset[str]
) -> Found:
    columns = _columns(rule, query)
    notes = tuple(str(row[_NOTE]) for row in results if row.get(_NOTE))
    rows = {row_of(_plain(row, columns)) for row in results if not row.get(_NOTE)}
    wanted = expected(rule, batch.outcomes[rule.name], columns).rows
    beyond = rows - wanted
    mine = {row for row in beyond if any(text in ours for _, cell in row for text in _parts(cell))}
    return Found(
        rule.name,
        len(rows & wanted),
        tuple(sorted(wanted - rows)),
        tuple(sorted(mine)),
        len(beyond - mine),
        notes,
    )


def _columns(rule: Rule, query: Query) -> tuple[str, ...]:
    """Return the columns to compare: the keys of a rule on absence, else all that the search shows."""
    if rule.is_absence:
        return (TIME, *(column(key) for key in rule.correlation().group_by or ()))
    shown = [name.strip() for name in query.query.rsplit("| table ", 1)[1].split(",")]
    return tuple(TIME if name == "_time" else name for name in shown if name not in _NOT_SHOWN)


def _plain(row: Mapping[str, object], columns: Sequence[str]) -> dict[str, object]:
    return {name: _cell(name, row.get("_time" if name == TIME else name)) for name in columns}


def _cell(name: str, value: object) -> object:
    if isinstance(value, list):  # several values: the evaluator shows the smallest
        value = min(map(str, value), default="")
    if name != TIME or value is None:
        return value
    try:
        return datetime.fromisoformat(str(value)).astimezone(UTC)
    except ValueError:
        return value


def _ids(batch: Batch) -> frozenset[str]:
    """Return every id that the replay has of its own: GUIDs, token ids, and those of the records."""
    found: set[str] = set()
    for unit in batch.units:
        found |= {part for record_id in unit.ids for part in _parts(record_id)}
    for outcome in batch.outcomes.values():
        for match in outcome.matches:
            found.update(part for value in match.group.values() for part in _parts(str(value)))
    for rule in batch.setting.rules:
        for key in rule.correlation().group_by or () if rule.is_correlation else ():
            for below, name in _own_names(rule, key).items():
                for match in batch.outcomes[below].matches:
                    found.update(part for value in match.values(name) for part in _parts(str(value)))
    return frozenset(found)


def _own_names(rule: Rule, key: str) -> dict[str, str]:
    """Return what the rules below a correlation call one of its keys; those that it leaves out are not there."""
    aliases = rule.correlation().aliases
    alias = aliases.aliases.get(key) if aliases else None
    if alias is None:
        return dict.fromkeys(rule.references, key)
    return {reference.reference: name for reference, name in alias.mapping.items()}


def _parts(text: str) -> list[str]:
    return [text, *(found.lower() for found in GUID.findall(text))] if text else []


# What the server says


def _answered(server: Server, answer: Answer) -> Answer:
    if answer.status in (401, 403):
        hint = "give an authentication token of a user who may search"
        raise SendError.at(server.url, f"refuses: {'; '.join(_messages(answer)) or said(answer)}", hint)
    if answer.status == 404:
        raise SendError.at(server.url, "has no such interface", "it is the management port, usually 8089, of 9.0 on")
    return answer


def _messages(answer: Answer) -> list[str]:
    body = _body(answer)
    messages = body.get("messages") if isinstance(body, dict) else None
    return [
        " ".join(str(one.get("text")).split())
        for one in (messages if isinstance(messages, list) else [])
        if isinstance(one, dict) and str(one.get("type")).upper() in ("FATAL", "ERROR")
    ]


def _results(answer: Answer) -> list[Mapping[str, object]] | str:
    problems = _messages(answer)
    if problems:
        return "; ".join(problems)
    body = _body(answer)
    results = body.get("results") if isinstance(body, dict) else None
    if answer.status != 200 or not isinstance(results, list):
        return f"no results: {said(answer)}"
    return [row for row in results if isinstance(row, dict)]


def _body(answer: Answer) -> object:
    try:
        return json.loads(answer.body)
    except ValueError:
        return None
