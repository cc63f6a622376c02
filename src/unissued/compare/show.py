"""A change for people, for scripts, and as a comment on a pull request."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict

from unissued import __version__
from unissued.compare.change import Change
from unissued.formats import MOST_MARKDOWN, folded, in_cell

_MOST_LINES = 200
"""Of one query's diff that people are shown."""
_MOST_ROWS = 100


def capped(diff: str) -> str:
    """Return a diff with no more lines than people read."""
    lines = diff.splitlines()
    left = len(lines) - _MOST_LINES
    return "\n".join(lines[:_MOST_LINES] + ([f"… {left} more lines"] if left > 0 else [])) + "\n"


def _counts(change: Change) -> str:
    parts = []
    for what, kinds in (
        ("rules", [one.kind for one in change.rules]),
        ("queries", [one.kind for one in change.queries]),
    ):
        said = [f"{kinds.count(kind)} {kind}" for kind in ("added", "removed", "changed") if kind in kinds]
        parts.append(f"{what}: {', '.join(said) or 'none changed'}")
    lost, gained = sum(hit.lost for hit in change.hits), sum(hit.gained for hit in change.hits)
    parts.append(f"hits on {change.cases} fixtures and scenarios: {gained} gained, {lost} lost")
    return "; ".join(parts)


def as_text(change: Change) -> Iterator[str]:
    """Yield lines."""
    yield f"{change.old} -> {change.new}: {_counts(change)}"
    yield from change.notes
    for rule in change.rules:
        versions = _versions(rule.old_version, rule.new_version)
        yield f"{rule.kind}: {rule.rule} {versions} {', '.join(rule.keys)}".rstrip()
    for hit in change.hits:
        yield f"hits: {hit.rule} on {hit.case}: {hit.old} -> {hit.new} ({hit.gained} gained, {hit.lost} lost)"
    for query in change.queries:
        yield from capped(query.diff).splitlines()


def _versions(old: str, new: str) -> str:
    return old if old == new else f"{old or '-'} -> {new or '-'}"


def as_json(change: Change) -> str:
    """Return one object: schema, tool, and the change as it is."""
    body = {"schema": 1, "tool": {"name": "unissued", "version": __version__}, **asdict(change)}
    return json.dumps(body, indent=2, ensure_ascii=True) + "\n"


def as_markdown(change: Change) -> str:
    """Return a comment for a pull request: tables, and the diffs of the queries to unfold, as many as fit."""
    out = f"## What this change does\n\n{_counts(change)}\n"
    if change.is_empty:
        return f"{out}\nNo rule, query or hit changed.\n"
    out += "".join(f"\n{in_cell(note)}\n" for note in change.notes)
    if change.rules:
        rows = [
            (one.kind, one.rule, _versions(one.old_version, one.new_version), ", ".join(one.keys))
            for one in change.rules
        ]
        out += _table(("rule", "name", "version", "what differs"), rows)
    if change.hits:
        out += _table(
            ("rule", "fires on", "matches", "gained, lost"),
            [(one.rule, one.case, f"{one.old} → {one.new}", f"+{one.gained} −{one.lost}") for one in change.hits],
        )
    elif change.replayed:
        out += "\nWhat the changed rules find on the fixtures and scenarios is the same.\n"
    out += "\n"
    for number, query in enumerate(change.queries):
        block = folded(f"{query.kind}: {query.path}", capped(query.diff))
        if len(out) + len(block) > MOST_MARKDOWN:
            left = len(change.queries) - number
            return f"{out}And {left} more queries, left out because a comment holds no more.\n"
        out += block
    return out


def _table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]]) -> str:
    lines = [f"| {' | '.join(head)} |", f"|{'---|' * len(head)}"]
    lines += [f"| {' | '.join(map(in_cell, row))} |" for row in rows[:_MOST_ROWS]]
    left = len(rows) - _MOST_ROWS
    return "\n" + "\n".join(lines) + "\n" + (f"\nAnd {left} more.\n" if left > 0 else "")
