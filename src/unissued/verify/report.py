"""A verification for people, for scripts, for CI, and as the page that the project shows."""

from __future__ import annotations

import importlib.metadata
import json
from collections.abc import Iterator, Mapping, Sequence

import yaml
from junitparser import Failure, JUnitXml, TestCase, TestSuite
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from unissued import __version__
from unissued.engines import binder, kusto
from unissued.record import Record, utc_text
from unissued.verify.drawn import Disagreement
from unissued.verify.run import RandomPart, Verification
from unissued.verify.shipped import Check, Checked, Status

_MOST = 10
"""Failures that are shown in full."""


def engines() -> dict[str, str]:
    """Return what each language was checked and executed with."""
    pcre = importlib.metadata.version("pcre2")
    lark = importlib.metadata.version("lark")
    return {
        "KQL, parsed and bound": binder.version(),
        "KQL, executed": f"{kusto.version()}, which is not Microsoft's engine",
        "SPL, parsed": f"the project's own strict grammar, lark {lark}",
        "SPL, executed": f"a model of Splunk's manuals, PCRE2 through pcre2 {pcre}: modelled, not run on Splunk",
    }


def as_text(result: Verification) -> RenderableType:
    """Return a table of the shipped queries, what random rules showed, and everything that failed."""
    parts: list[RenderableType] = [_shipped_table(result), Text()]
    parts += [Text(f"not for {one.target}: {one.rule}: {one.refused}") for one in result.shipped if one.refused]
    parts += [Text(f"{what}: {engine}") for what, engine in engines().items()]
    parts += [Text(), *map(Text, _random_lines(result.random))]
    parts += [Text(line, style="red") for line in failures(result)]
    closing = "everything was executed and agrees" if result.agrees else f"{result.problems()} checks do not agree"
    return Group(*parts, Text(closing, style="bold"))


def _shipped_table(result: Verification) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for name in ("rule", "target"):
        table.add_column(name, overflow="fold")
    for name in ("columns", "valid", "on fixtures", "on scenarios"):
        table.add_column(name, justify="right")
    for one in result.shipped:
        if not one.refused:
            style = "" if one.agrees else "red"
            table.add_row(one.rule, one.target, str(len(one.columns)), *_cells(one), style=style)
    return table


def _cells(one: Checked) -> tuple[str, str, str]:
    """Return how many checks of each kind agree, of how many."""
    return (
        f"{one.count('valid', Status.AGREES) + one.count('fresh', Status.AGREES)}/"
        f"{one.count('valid') + one.count('fresh')}",
        f"{one.count('fixture', Status.AGREES)}/{one.count('fixture')}",
        f"{one.count('scenario', Status.AGREES)}/{one.count('scenario')}",
    )


def _random_lines(part: RandomPart) -> Iterator[str]:
    if not part.rules:
        yield "random rules: none asked for"
        return
    executed = ", ".join(f"{count:,} in {target}" for target, count in sorted(part.by_target.items()))
    kinds = ", ".join(f"{count:,} {kind}" for kind, count in part.kinds.most_common())
    yield f"random rules: {part.rules:,} (seed {part.seed}) on 50 records each, executed {executed}; {kinds}"
    yield f"  {part.fired:,} of them matched something; {len(part.disagreements)} disagreements"
    yield f"  {len(part.not_executed)} not executed; the gate refused {part.refused.total():,} others, by kind:"
    for problem, count in sorted(part.refused.items(), key=lambda item: (-item[1], item[0])):
        yield f"    {count:>6,}  {problem}"


def failures(result: Verification) -> Iterator[str]:
    """Yield everything that does not agree, a line each."""
    failed = [(one, check) for one in result.shipped for check in one.checks if check.status is not Status.AGREES]
    for one, check in failed[:_MOST]:
        yield f"{one.rule} in {one.target}, {check.kind} {check.name}: {check.status}"
        yield from (f"    {line}" for line in check.said[:_MOST])
    yield from result.random.not_executed[:_MOST]
    for disagreement in result.random.disagreements[:_MOST]:
        yield from counterexample(disagreement)
    hidden = result.problems() - min(len(failed), _MOST)
    hidden -= min(len(result.random.not_executed), _MOST) + min(len(result.random.disagreements), _MOST)
    if hidden > 0:
        yield f"and {hidden} more"


def counterexample(found: Disagreement) -> Iterator[str]:
    """Yield a disagreement about a random rule as rule, records, and what each side says."""
    yield f"batch {found.batch}, {found.rule} in {found.target}: the readers disagree"
    for document in found.core.documents:
        said = {key: document[key] for key in ("name", "logsource", "detection", "correlation") if key in document}
        yield from (f"    {line}" for line in yaml.safe_dump(said, sort_keys=False).rstrip().split("\n"))
    yield from (f"    {line}" for line in map(_shown, found.core.records[:_MOST]))
    yield from (f"    {reader}: {verdict}" for reader, verdict in found.verdicts)


def _shown(record: Record) -> str:
    body = json.dumps(record.fields, ensure_ascii=True)
    return f"{record.source} {utc_text(record.time)} {body}"


def as_json(result: Verification) -> str:
    """Return one object: schema, tool, engines, summary, results, random."""
    part = result.random
    body = {
        "schema": 1,
        "tool": {"name": "unissued", "version": __version__},
        "engines": engines(),
        "summary": {
            "agrees": result.agrees,
            "queries": sum(not one.refused for one in result.shipped),
            "refused": sum(bool(one.refused) for one in result.shipped),
            "checks": sum(len(one.checks) for one in result.shipped),
            "random_rules": part.rules,
            "problems": result.problems(),
        },
        "results": [_result(one) for one in result.shipped],
        "random": {
            "seed": part.seed,
            "rules": part.rules,
            "matched": part.fired,
            "by_target": dict(sorted(part.by_target.items())),
            "by_kind": dict(sorted(part.kinds.items())),
            "refused": dict(sorted(part.refused.items())),
            "not_executed": part.not_executed,
            "disagreements": [_disagreement(one) for one in part.disagreements],
        },
    }
    return json.dumps(body, indent=2, ensure_ascii=True) + "\n"


def _result(one: Checked) -> Mapping[str, object]:
    if one.refused:
        return {"rule": one.rule, "target": one.target, "refused": one.refused}
    return {
        "rule": one.rule,
        "target": one.target,
        "columns": dict(one.columns),
        "checks": [
            {"kind": check.kind, "name": check.name, "status": str(check.status), "said": list(check.said)}
            for check in one.checks
        ],
    }


def _disagreement(one: Disagreement) -> Mapping[str, object]:
    return {
        "batch": one.batch,
        "rule": one.rule,
        "target": one.target,
        "said": list(one.said),
        "verdicts": dict(one.verdicts),
        "rules": list(one.core.documents),
        "records": [
            {"source": record.source, "time": utc_text(record.time), "fields": record.fields}
            for record in one.core.records
        ],
    }


def as_junit(result: Verification) -> str:
    """Return JUnit XML: a suite for each query, a case for each check, and one suite for random rules."""
    document = JUnitXml("unissued verify")
    for one in result.shipped:
        if not one.refused:
            document.add_testsuite(_suite(f"{one.rule} in {one.target}", [_case(check) for check in one.checks]))
    if result.random.rules:
        case = TestCase(f"seed {result.random.seed}", "random rules")
        lines = [line for found in result.random.disagreements for line in counterexample(found)]
        lines += result.random.not_executed
        if lines:
            case.result = [_failure(f"{len(lines)} lines", lines)]
        document.add_testsuite(_suite("random rules", [case]))
    written: bytes = document.tostring()  # type: ignore[no-untyped-call]
    return written.decode("utf-8") + "\n"


def _suite(name: str, cases: Sequence[TestCase]) -> TestSuite:
    suite = TestSuite(name)
    for case in cases:
        suite.add_testcase(case)
    return suite


def _case(check: Check) -> TestCase:
    case = TestCase(f"{check.kind} {check.name}", check.kind)
    if check.status is not Status.AGREES:
        case.result = [_failure(str(check.status), check.said)]
    return case


def _failure(message: str, lines: Sequence[str]) -> Failure:
    failure = Failure(message)
    failure.text = "\n".join(lines)
    return failure
