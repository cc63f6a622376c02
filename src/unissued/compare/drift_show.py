"""Drift for people, for scripts and for CI."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence

from unissued import __version__
from unissued.compare.drift import DRIFTED, Drift, State
from unissued.compare.show import capped
from unissued.formats import Check, Level, Remark, Report


def drift_text(found: Sequence[Drift], partial: Sequence[str]) -> Iterator[str]:
    """Yield lines: every rule that is not the same, the diffs of edited queries, the counts."""
    for one in found:
        if one.state is not State.SAME:
            yield _said(one)
            yield from capped(one.diff).splitlines() if one.diff else ()
    yield from (f"partial: {reason}" for reason in partial)
    yield ", ".join(f"{count} {state}" for state, count in summary(found).items())


def _said(one: Drift) -> str:
    versions = f" (deployed {one.deployed_version or 'unknown'}, pack {one.pack_version or 'none'})"
    fields = f": {', '.join(one.fields)}" if one.fields else ""
    return f"{one.state}: {one.target}: {one.name}{versions}{fields}"


def summary(found: Sequence[Drift]) -> dict[str, int]:
    """Return how many rules there are of each state."""
    return {str(state): sum(one.state is state for one in found) for state in State}


def drift_json(found: Sequence[Drift], partial: Sequence[str]) -> str:
    """Return one object: schema, tool, summary, partial, rules."""
    body = {
        "schema": 1,
        "tool": {"name": "unissued", "version": __version__},
        "summary": summary(found),
        "partial": list(partial),
        "rules": [
            {
                "target": one.target,
                "source": one.file,
                "id": one.id,
                "name": one.name,
                "state": str(one.state),
                "fields": list(one.fields),
                "deployedVersion": one.deployed_version,
                "packVersion": one.pack_version,
                "diff": one.diff,
            }
            for one in found
        ],
    }
    return json.dumps(body, indent=2, ensure_ascii=True) + "\n"


def drift_report(found: Sequence[Drift], partial: Sequence[str], *, require_all: bool) -> Report:
    """Return drift as checks: a rule passes that is the same or tuned; one that is missing if that is allowed."""
    checks = []
    for one in found:
        remarks: tuple[Remark, ...] = ()
        if one.state is not State.SAME:
            bad = one.state in DRIFTED or (require_all and one.state is State.MISSING)
            code = f"drift-{str(one.state).replace(' ', '-')}"
            level = Level.ERROR if bad else Level.NOTE
            remarks = (Remark(code, _said(one), one.file, level=level, detail=capped(one.diff) if one.diff else ""),)
        checks.append(Check(one.target, one.name, remarks))
    checks += [Check("exports", reason, (Remark("drift-partial", reason),)) for reason in partial]
    return Report("drift", tuple(checks), {name: count for name, count in summary(found).items() if count})
