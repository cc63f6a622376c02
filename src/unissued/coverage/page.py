"""Coverage for people: the same sections for a terminal and as Markdown. All log content is made harmless."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from unissued.coverage.coverage import Coverage
from unissued.coverage.feeds import Feed
from unissued.hunt import visible
from unissued.hunt.markdown import escaped, table
from unissued.record import utc_text

_MOST_ROWS = 20
_FIRST = 3


@dataclass(frozen=True)
class _Section:
    """A heading, remarks and a table; cells and remarks are harmless already."""

    title: str
    remarks: Sequence[str] = ()
    head: Sequence[str] = ()
    rows: Sequence[Sequence[str]] = ()


def as_text(result: Coverage) -> RenderableType:
    """Return the page for a terminal, what to fix first at the end."""
    parts: list[RenderableType] = []
    for section in _sections(result):
        parts.append(Text(section.title, style="bold"))
        parts += [Text(f"  {remark}") for remark in section.remarks]
        if section.rows:
            shown = Table(box=None, pad_edge=True, header_style="dim")
            for name in section.head:
                shown.add_column(name, overflow="fold")
            for row in section.rows[:_MOST_ROWS]:
                shown.add_row(*(Text(cell) for cell in row))
            parts.append(shown)
            if len(section.rows) > _MOST_ROWS:
                parts.append(Text(f"  and {len(section.rows) - _MOST_ROWS} more; JSON has all"))
        parts.append(Text())
    return Group(*parts[:-1])


def as_markdown(result: Coverage) -> str:
    """Return the page as Markdown. Nothing from a log can become a link, markup or another cell."""
    lines = ["# Coverage", ""]
    for section in _sections(result):
        lines += [f"## {escaped(section.title)}", ""]
        lines += [f"- {escaped(remark)}" for remark in section.remarks]
        lines += [""] if section.remarks else []
        if section.rows:
            lines += [*table(section.head, section.rows), ""]
    return "\n".join(lines)


def _sections(result: Coverage) -> Iterator[_Section]:
    yield _read(result)
    yield _Section("Feeds", *_feeds(result.feeds))
    yield _gaps(result)
    yield _reach(result)
    kinds = [
        (visible(name), str(kind.reads), *(_share(part, kind.reads) for part in parts))
        for name, kind in result.kinds.items()
        for parts in [(kind.app_id, kind.client_app_id, kind.session, kind.token_id)]
    ]
    head = ("client kind", "reads", "AppId", "ClientAppId", "session", "token id")
    yield _Section("Mail reads: what they carry", () if kinds else ("none",), head, kinds)
    apps = [
        (visible(key), str(app.reads), str(app.token_ids), _share(app.explained, app.token_ids))
        for key, app in result.apps.items()
    ]
    remarks = ("a token id without a sign-in is unexplained, not proven forged",) if apps else ("none",)
    yield _Section("Token ids explained by sign-ins", remarks, ("MailAppKey", "reads", "token ids", "explained"), apps)
    yield _off(result)
    yield _blind(result)
    yield _fixes(result)


def _read(result: Coverage) -> _Section:
    reading = result.reading
    rows = [(visible(report.file), visible(report.shape), *_counts(report.count)) for report in reading.files]
    rows.append(("sum: read = used + duplicates + refused + skipped", "", *_counts(reading.count)))
    head = ("file", "shape", "read", "used", "duplicates", "refused", "skipped")
    return _Section("What was read", [f"partial: {visible(reason, 500)}" for reason in reading.partial], head, rows)


def _counts(count: object) -> tuple[str, ...]:
    return tuple(str(getattr(count, name)) for name in ("read", "used", "duplicates", "refused", "skipped"))


def _feeds(feeds: Sequence[Feed]) -> tuple[Sequence[str], Sequence[str], list[tuple[str, ...]]]:
    rows: list[tuple[str, ...]] = []
    for feed in feeds:
        late = "not known"
        if feed.latency is not None:
            spans = (feed.latency.median, feed.latency.most, feed.latency.longest)
            late = ", ".join(map(_span, spans))
            late += f" ({feed.latency.records} records)"
        silence = f"{_span(int(feed.silence.total_seconds()))} from {utc_text(feed.silent_since)}"
        name = f"{feed.source} {feed.table}".strip()
        rows.append((visible(name), str(feed.records), utc_text(feed.first), utc_text(feed.last), late, silence))
    head = ("feed", "records", "first", "last", "latency: median, 95 %, most", "longest silence")
    return () if rows else ("none",), head, rows


def _gaps(result: Coverage) -> _Section:
    rows = []
    for feed in result.feeds:
        for gap in feed.gaps:
            expected = "rows in six hours" if gap.expected is None else f"{gap.expected} as a week before"
            name = visible(f"{feed.source} {feed.table}".strip())
            rows.append((name, utc_text(gap.first), utc_text(gap.last), str(gap.hours), str(gap.seen), expected))
    remarks = [f"{one.check.level}: {one.check.name}: {visible(one.said(), 600)}" for one in result.health]
    head = ("feed", "from hour", "to hour", "hours", "rows", "expected")
    return _Section("Gaps and feed health", remarks or () if rows or remarks else ("none found",), head, rows)


def _reach(result: Coverage) -> _Section:
    asked = result.retention
    whole = asked.searchable + asked.retrievable
    said = {True: "reached", False: "not shown by these logs"}
    rows = [
        (one.source, str(one.days) if one.days else "less than a day", said[one.searchable], said[one.retrievable])
        for one in result.reach
    ]
    remarks = (
        "counted back from the last record; what lies in storage and was not given is not seen",
        f"target: {asked.searchable.days} days searchable, {asked.retrievable.days} more retrievable"
        " (M-21-31's figures by default; ask for the ones that bind you)",
    )
    head = ("source", "days", f"searchable {asked.searchable.days}", f"retrievable {whole.days}")
    return _Section("How far back", remarks, head, rows)


def _off(result: Coverage) -> _Section:
    rows = [
        (one.what, visible(one.mailbox) or "all", utc_text(one.since), visible(one.by), visible(one.place))
        for one in result.off
    ]
    remarks = ("as far as records say so; what was switched off before they begin is not seen",)
    return _Section(
        "Not audited", (*remarks, *(() if rows else ("none",))), ("what", "mailbox", "since", "by", "line"), rows
    )


def _blind(result: Coverage) -> _Section:
    rows = [
        (
            one.rule.name,
            one.rule.level,
            f"{one.want.kind} {visible(one.want.name)}",
            "sees nothing" if one.whole else f"{one.records} records not evaluated",
            visible(one.detail),
        )
        for one in result.blind
    ]
    blind = len({one.rule.name for one in result.blind})
    head = ("rule", "level", "lacks", "so it", "seen in")
    return _Section("Blind rules", (f"{blind} of {result.rules} rules",), head, rows)


def _fixes(result: Coverage) -> _Section:
    rows = [
        (str(number), visible(fix.what), visible(fix.why, 500), str(fix.weight))
        for number, fix in enumerate(result.fixes[:_FIRST], 1)
    ]
    remarks = (
        "by what it takes from the rules: critical 16, high 8, medium 4, low 2; twice where a rule sees nothing",
        *(() if rows else ("nothing to fix",)),
    )
    return _Section("Fix first", remarks, ("", "what", "why", "weight"), rows)


def _share(part: int, whole: int) -> str:
    """Write a share in whole percent, rounded down, with its numbers."""
    return f"{100 * part // whole} % ({part})" if whole else "-"


def _span(seconds: int) -> str:
    if abs(seconds) < 120:
        return f"{seconds} s"
    minutes = timedelta(seconds=seconds) // timedelta(minutes=1)
    return f"{minutes} min" if abs(minutes) < 120 else f"{minutes // 60} h {minutes % 60} min"
