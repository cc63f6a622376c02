"""A hunt as CSV: a row for every finding, and for everything that says how far the findings can be trusted."""

from __future__ import annotations

from collections.abc import Iterator

from unissued.hunt import Finding
from unissued.hunt.text import lines_of
from unissued.report.cell import line
from unissued.report.facts import Facts
from unissued.report.report import Report
from unissued.report.sums import missing

HEAD = (
    "kind", "level", "rule", "title", "first", "last", "users", "mailboxes", "apps", "addresses", "token_ids",
    "records", "items", "group", "why", "where", "partial", "id",
    "read", "used", "duplicates", "refused", "skipped",
)  # fmt: skip


def as_csv(report: Report) -> Iterator[str]:
    """Yield lines: findings, then what is missing, then a row for each file, last the sum."""
    yield line(HEAD)
    yield from map(_finding, report.hunt.findings)
    for kind, text in missing(report.hunt):
        yield _row(kind=kind, why=text)
    for file in report.hunt.reading.files:
        counts = {name: getattr(file.count, name) for name in HEAD[-5:]}
        yield _row(kind="file", where=file.file, title=file.shape, partial=bool(file.partial), **counts)
    total = {name: getattr(report.hunt.reading.count, name) for name in HEAD[-5:]}
    yield _row(kind="sum", partial=bool(report.hunt.reading.partial), **total)


def _finding(finding: Finding) -> str:
    facts = Facts(finding)
    return _row(
        kind="finding",
        level=finding.rule.level,
        rule=finding.rule.name,
        title=finding.rule.title,
        **{name: "; ".join(facts.texts(name)) for name in ("users", "mailboxes", "addresses", "token_ids")},
        **{name: facts.data.get(name) for name in ("first", "last", "records", "items", "why", "partial", "id")},
        apps="; ".join(facts.applications),
        group="; ".join(facts.about),
        where=lines_of(finding),
    )


def _row(**cells: object) -> str:
    return line(cells.get(name) for name in HEAD)
