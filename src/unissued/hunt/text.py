"""A hunt for people: blocks that read well in a narrow terminal and survive grep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from unissued.evaluate import Unjudged
from unissued.health import HealthFinding
from unissued.hunt.finding import Finding
from unissued.hunt.hunt import Hunt, refused
from unissued.hunt.visible import visible
from unissued.logs import Count
from unissued.record import utc_text

_STYLE = {
    "critical": "bold white on red",
    "high": "bold red",
    "medium": "yellow",
    "low": "cyan",
    "informational": "dim",
}
_MOST_LISTED = 5
_MOST_LINES = 20


def as_text(result: Hunt) -> RenderableType:
    """Return everything a person needs of a hunt, findings last, so that they stay on the screen."""
    parts: list[RenderableType] = [_files(result), Text()]
    parts += [Text(line, style="yellow") for line in _unused(result)]
    parts += [*_not_evaluated(result), Text()]
    for one in result.health:
        parts += [*_health(one), Text()]
    for finding in result.findings:
        parts += [*_block(finding), Text()]
    parts.append(Text(_closing(result), style="bold"))
    return Group(*parts)


def _files(result: Hunt) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    table.add_column("file", overflow="fold")
    table.add_column("shape", overflow="fold")
    for name in ("read", "used", "duplicates", "refused", "skipped"):
        table.add_column(name, justify="right")
    for report in result.reading.files:
        table.add_row(visible(report.file), visible(report.shape), *_cells(report.count))
    table.add_row("sum: read = used + duplicates + refused + skipped", "", *_cells(result.reading.count), style="bold")
    return table


def _cells(count: Count) -> tuple[str, ...]:
    return tuple(f"{number:,}" for number in (count.read, count.used, count.duplicates, count.refused, count.skipped))


def _unused(result: Hunt) -> Iterator[str]:
    for report in result.reading.files:
        kinds = ", ".join(f"{visible(kind)} {number:,}" for kind, number in sorted(report.skipped_as.items()))
        if kinds:
            yield f"skipped: {visible(report.file)}: {kinds}"
    for refusal, number in refused(result.reading):
        more = f" and {number - 1} more" if number > 1 else ""
        yield f"refused: {visible(refusal.file)}:{refusal.line}{more}: {visible(refusal.reason, 500)}"
    for report in result.reading.files:
        yield from (f"note: {visible(report.file)}: {visible(note, 500)}" for note in report.notes)
    yield from (f"partial: {visible(reason, 500)}" for reason in result.reading.partial)


def _not_evaluated(result: Hunt) -> Iterator[Text]:
    for name, outcome in sorted(result.outcomes.items()):
        for question in outcome.unjudged:
            yield Text(
                f"not evaluated: {name}: {question.reason}: {visible(question.detail)}{_extent(question)}", style="dim"
            )


def _extent(question: Unjudged) -> str:
    if not question.records or question.first is None or question.last is None:
        return ""
    return f" ({question.records} records, {utc_text(question.first)} to {utc_text(question.last)})"


def _health(finding: HealthFinding) -> Iterator[RenderableType]:
    level = finding.check.level
    yield Text.assemble(
        (f"{level.upper():<8}", _STYLE.get(level, "")), " ", (finding.check.name, "bold"), "  feed health"
    )
    yield Text(f"         {finding.check.title}", style="italic")
    yield Text(f"         {visible(finding.said(), 600)}")


def _block(finding: Finding) -> Iterator[RenderableType]:
    data = finding.as_dict()
    level = finding.rule.level or "base"
    span = str(data["first"]) if data["first"] == data["last"] else f"{data['first']} to {data['last']}"
    head = Text.assemble(
        (f"{level.upper():<8}", _STYLE.get(level, "")), " ", (finding.rule.name, "bold"), f"  {span}  ", _volume(data)
    )
    yield head
    yield Text(f"         {finding.rule.title}", style="italic")
    rows = Table(box=None, show_header=False, pad_edge=False, padding=(0, 1, 0, 0))
    rows.add_column(width=17, justify="right", style="dim")
    rows.add_column(overflow="fold")
    for label, value in _rows(finding, data):
        rows.add_row(label, Text(value))
    yield rows


def _volume(data: Mapping[str, object]) -> str:
    items = f", {data['items']} items" if data.get("items") else ""
    return f"({data['records']} records{items}{', input partial' if data['partial'] else ''})"


def _rows(finding: Finding, data: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    for label, key in (("who", "users"), ("mailbox", "mailboxes"), ("address", "addresses"), ("token", "token_ids")):
        values = data.get(key)
        if isinstance(values, list):
            yield label, _some(map(str, values))
    apps = data.get("apps")
    if isinstance(apps, list):
        yield "app", _some(_app(app) for app in apps)
    yield "group", ", ".join(f"{name} = {visible(str(value))}" for name, value in finding.group.items())
    yield "why", visible(finding.why, 600)
    yield "lines", lines_of(finding)


def lines_of(finding: Finding) -> str:
    """Return where the records of a finding stand, harmless: each file named once, the first 20 lines."""
    files: dict[str, list[str]] = {}
    events = finding.events
    for event in events[:_MOST_LINES]:
        files.setdefault(event.record.origin.file, []).append(str(event.record.origin.line))
    more = len(events) - _MOST_LINES
    shown = "; ".join(f"{visible(file)}:{','.join(lines)}" for file, lines in files.items())
    return f"{shown} and {more} more" if more > 0 else shown


def _app(app: Mapping[str, str]) -> str:
    return "|".join(app.get(key, "-") for key in ("app_id", "client_app_id", "client_kind"))


def _some(values: Iterable[str]) -> str:
    shown = [visible(value) for value in values]
    more = len(shown) - _MOST_LISTED
    return ", ".join(shown[:_MOST_LISTED]) + (f" and {more} more" if more > 0 else "")


def _closing(result: Hunt) -> str:
    by_level: dict[str, int] = {}
    for finding in result.findings:
        by_level[finding.rule.level or "base"] = by_level.get(finding.rule.level or "base", 0) + 1
    blind = sum(1 for outcome in result.outcomes.values() if outcome.unjudged)
    found = ", ".join(f"{number} {level}" for level, number in by_level.items()) or "none"
    state = "partial" if result.reading.partial else "complete"
    feeds = (
        f"feed health: {len(result.health) or 'nothing'} to report" if result.health_told else "feed health: not told"
    )
    rules = f"rules with something not evaluated: {blind} of {len(result.outcomes)}"
    return f"findings: {found}; {feeds}; {rules}; input {state}"
