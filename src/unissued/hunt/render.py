"""A hunt as JSON: one object, or one object a line."""

from __future__ import annotations

import json

from unissued import __version__
from unissued.evaluate import Outcome, Unjudged
from unissued.hunt.hunt import Hunt, refused
from unissued.logs import Count
from unissued.record import utc_text


def as_json(result: Hunt) -> str:
    """Return the whole hunt as one JSON object: schema, tool, summary, results, health, not_evaluated."""
    whole = {
        "schema": 1,
        "tool": {"name": "unissued", "version": __version__},
        "summary": _summary(result),
        "results": [finding.as_dict() for finding in result.findings],
        "health": [one.as_dict() for one in result.health] if result.health_told else None,
        "not_evaluated": _not_evaluated(result),
    }
    return json.dumps(whole, indent=2) + "\n"


def as_jsonl(result: Hunt) -> str:
    """Return the hunt as lines with a ``kind``: findings, health, not_evaluated, last one summary."""
    lines = [finding.as_dict() for finding in result.findings]
    lines += [one.as_dict() for one in result.health]
    lines += [{"kind": "not_evaluated", **entry} for entry in _not_evaluated(result)]
    lines.append({"kind": "summary", "tool": {"name": "unissued", "version": __version__}, **_summary(result)})
    return "".join(json.dumps(line) + "\n" for line in lines)


def _summary(result: Hunt) -> dict[str, object]:
    return {
        **_count(result.reading.count),
        "partial": result.reading.partial,
        "refusals": [
            {"file": first.file, "line": first.line, "reason": first.reason, "records": number}
            for first, number in refused(result.reading)
        ],
        "files": [
            {
                "file": report.file,
                "shape": report.shape,
                **_count(report.count),
                "skipped_as": dict(sorted(report.skipped_as.items())),
                "partial": report.partial,
                "notes": report.notes,
            }
            for report in result.reading.files
        ],
        "verdicts": {name: _verdict(outcome) for name, outcome in sorted(result.outcomes.items())},
    }


def _count(count: Count) -> dict[str, int]:
    return {
        "read": count.read,
        "used": count.used,
        "duplicates": count.duplicates,
        "refused": count.refused,
        "skipped": count.skipped,
    }


def _verdict(outcome: Outcome) -> dict[str, object]:
    return {"verdict": str(outcome.verdict), "matches": len(outcome.matches)}


def _not_evaluated(result: Hunt) -> list[dict[str, object]]:
    return [
        {"rule": name, **_unjudged(question)}
        for name, outcome in sorted(result.outcomes.items())
        for question in outcome.unjudged
    ]


def _unjudged(question: Unjudged) -> dict[str, object]:
    found: dict[str, object] = {
        "reason": str(question.reason),
        "detail": question.detail,
        "records": question.records,
        "first": utc_text(question.first) if question.first else None,
        "last": utc_text(question.last) if question.last else None,
    }
    return {name: value for name, value in found.items() if value is not None}
