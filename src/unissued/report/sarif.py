"""A hunt as SARIF 2.1.0, for whatever shows results of scanners."""

from __future__ import annotations

import json
from collections.abc import Iterator
from urllib.parse import quote

from unissued import __version__
from unissued.hunt import Finding, visible
from unissued.pack.rule import Rule
from unissued.report.facts import Facts
from unissued.report.report import Report
from unissued.report.sums import equation, missing, plural

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_LEVELS = {"critical": "error", "high": "error", "medium": "warning"}
_MOST_PLACES = 20
_ESCAPED = str.maketrans({"\\": "\\\\", "[": "\\[", "]": "\\]", "{": "{{", "}": "}}"})


def as_sarif(report: Report) -> Iterator[str]:
    """Yield one JSON document: a run with its rules, a result for each finding, a notification for what is missing."""
    hunt = report.hunt
    names = sorted(hunt.outcomes)
    index = {name: number for number, name in enumerate(names)}
    count = hunt.reading.count
    run = {
        "tool": {
            "driver": {
                "name": "unissued",
                "version": __version__,
                "rules": [_rule(report.pack.rule(name)) for name in names],
            }
        },
        "invocations": [
            {
                "executionSuccessful": not hunt.reading.partial,
                "toolExecutionNotifications": [
                    {"level": "warning", "message": {"text": _text(f"{kind}: {text}")}} for kind, text in missing(hunt)
                ],
            }
        ],
        "columnKind": "unicodeCodePoints",
        "properties": {
            name: getattr(count, name) for name in ("read", "used", "duplicates", "refused", "skipped")
        } | {"partial": bool(hunt.reading.partial), "sum": equation(count)},
        "results": [_result(finding, index[finding.rule.name]) for finding in hunt.findings],
    }  # fmt: skip
    yield json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1) + "\n"


def _text(text: str) -> str:
    """Return a text as a message, in which brackets and braces would be links and placeholders."""
    return visible(text, 1_000).translate(_ESCAPED)


def _rule(rule: Rule) -> dict[str, object]:
    triage = rule.definition.get("triage")
    steps = [f"- {step}" for step in triage] if isinstance(triage, list) else []
    return {
        "id": rule.id,
        "name": rule.name,
        "shortDescription": {"text": rule.title},
        "fullDescription": {"text": str(rule.definition.get("description", rule.title))},
        "help": {"text": "\n".join(["Triage:", *steps]) if steps else rule.title},
        "defaultConfiguration": {"level": _LEVELS.get(rule.level, "note")},
        "properties": {"level": rule.level or "base", "version": rule.version},
    }


def _result(finding: Finding, index: int) -> dict[str, object]:
    facts = Facts(finding)
    data = facts.data
    partial = " The input is incomplete." if finding.partial else ""
    about = f"{'; '.join(facts.about)}. {plural(len(finding.events), 'record')}, {facts.span}"
    says = f"{finding.rule.title}: {about}. Why: {finding.why}."
    return {
        "ruleId": finding.rule.id,
        "ruleIndex": index,
        "level": _LEVELS.get(finding.rule.level, "note"),
        "message": {"text": _text(says + partial)},
        "locations": [_place(event.record.origin.file, event.record.origin.line) for event in finding.events[:1]],
        "relatedLocations": [
            {"id": number, **_place(event.record.origin.file, event.record.origin.line)}
            for number, event in enumerate(finding.events[1:_MOST_PLACES])
        ],
        "partialFingerprints": {"unissued/v1": str(data["id"])},
        "properties": {
            name: data[name] for name in ("records", "items", "first", "last", "partial") if name in data
        },
    }  # fmt: skip


def _place(file: str, line: int) -> dict[str, object]:
    place: dict[str, object] = {"artifactLocation": {"uri": quote(file.encode("utf-8", "backslashreplace"))}}
    if line > 0:
        place["region"] = {"startLine": line}
    return {"physicalLocation": place}
