"""A hunt as Markdown, for a pull request, a ticket or the summary of a job: below 65,000 characters."""

from __future__ import annotations

from collections.abc import Iterator

from unissued.hunt import Finding
from unissued.hunt.markdown import escaped, table
from unissued.hunt.text import lines_of
from unissued.report.facts import Facts
from unissued.report.naming import name_of
from unissued.report.report import Report
from unissued.report.shown import shown_levels
from unissued.report.sums import missing, plural, some, verdict

_MOST = 60_000
"""Characters before findings are left out; what must be said comes first, and GitHub cuts at 65,536."""
_MOST_ROWS, _MOST_MISSING, _CELL = 20, 100, 300
_SUMS = ("read", "used", "duplicates", "refused", "skipped")


def as_markdown(report: Report) -> Iterator[str]:
    """Yield the text: verdict, rules, what is missing, who read what, and findings as far as there is room."""
    parts = ["\n".join([*_top(report), *_missing(report), *_reads(report), "", "## Findings", ""])]
    size, drawn = len(parts[0]), 0
    for finding in report.hunt.findings:
        text = "\n".join(_finding(finding)) + "\n"
        if size + len(text) > _MOST:
            break
        parts.append(text)
        size, drawn = size + len(text), drawn + 1
    left = len(report.hunt.findings) - drawn
    if left:
        parts.append(f"\n{plural(left, 'more finding')}: `--format csv` and `--format json` have all.\n")
    elif not drawn:
        parts.append("None.\n")
    yield "".join(parts)


def _top(report: Report) -> Iterator[str]:
    count = report.hunt.reading.count
    yield from ("# Hunt", "", escaped(verdict(report.hunt)), "")
    yield from table(_SUMS, [[f"{getattr(count, name):,}" for name in _SUMS]])
    rules = [
        (level.level, one.rule.name, f"{one.number:,}") for level in shown_levels(report.hunt) for one in level.rules
    ]
    if rules:
        yield from ("", *table(("level", "rule", "findings"), rules))


def _missing(report: Report) -> Iterator[str]:
    reasons = list(missing(report.hunt))
    yield from ("", "## What is missing", "")
    for kind, text in reasons[:_MOST_MISSING]:
        yield f"- {kind}: {escaped(text[:_CELL])}"
    if len(reasons) > _MOST_MISSING:
        yield f"- and {len(reasons) - _MOST_MISSING:,} more: `--format json` has all"
    if not reasons:
        yield "Nothing that the records say."


def _reads(report: Report) -> Iterator[str]:
    answers = report.access.answers
    keys = answers.keys(_MOST_ROWS)
    yield from ("", "## Who read mail", "")
    if not keys:
        yield "No record of mail audit says that mail was read."
        return
    head = ("application", "AppId", "ClientAppId", "client", "items", "records", "new", "under a finding")
    yield from table(
        head,
        [
            (
                name_of(key.app, key.client) or "-",
                *(text[:_CELL] or "-" for text in (key.app, key.client, key.kind)),
                f"{key.counts.items:,}{' and Sync' if key.counts.sync else ''}",
                f"{key.counts.records:,}",
                "yes" if key.counts.new else "no" if report.access.has_baseline else "no baseline",
                "yes" if key.counts.marked else "no",
            )
            for key in keys
        ],
    )
    more = answers.sizes()["keys"] - len(keys)
    if more > 0:
        yield f"\nand {more:,} more applications"


def _finding(finding: Finding) -> Iterator[str]:
    facts = Facts(finding)
    records = plural(len(finding.events), "record")
    yield f"- **{facts.level}** {escaped(finding.rule.title)}, {facts.span}, {records}"
    for name in ("users", "mailboxes", "addresses"):
        values = [value[:_CELL] for value in facts.texts(name)]
        if values:
            yield f"  - {name}: {escaped(some(values, 5))}"
    yield f"  - why: {escaped(finding.why[:600])}"
    yield f"  - lines: {escaped(lines_of(finding))}"
