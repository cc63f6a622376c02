"""The records under findings as events for Timesketch: JSON lines with message, datetime and timestamp_desc."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime

from unissued.evaluate import Event
from unissued.hunt import Finding, visible
from unissued.record import utc_text
from unissued.report.report import Report
from unissued.report.sums import missing, verdict


def as_timesketch(report: Report) -> Iterator[str]:
    """Yield lines: an event for every record of every finding, last the verdict and what is missing."""
    last = datetime.fromtimestamp(0, UTC)
    for finding in report.hunt.findings:
        identity = str(finding.as_dict()["id"])
        for event in finding.events:
            last = max(last, event.time)
            yield json.dumps(_event(finding, identity, event)) + "\n"
    count = report.hunt.reading.count
    yield _note(last, f"unissued: {verdict(report.hunt)}", "Hunt", sums={
        name: getattr(count, name) for name in ("read", "used", "duplicates", "refused", "skipped")
    })  # fmt: skip
    for kind, text in missing(report.hunt):
        yield _note(last, f"unissued: {kind}: {text}", f"Hunt, {kind}")


def _event(finding: Finding, identity: str, event: Event) -> dict[str, object]:
    rule, origin = finding.rule, event.record.origin
    values = {
        "user": event.values("UserId") or event.values("UserPrincipalName"),
        "mailbox": event.values("MailboxOwnerUPN") or event.values("MailboxGuid"),
        "address": event.values("ClientAddress") or event.values("IPAddress"),
        "app": event.values("MailAppKey") or event.values("AppId"),
        "operation": event.values("Operation") or event.values("OperationName"),
        "token_id": event.values("AppAccessContext.UniqueTokenId"),
    }
    known = {name: visible(str(found[0]), 500) for name, found in values.items() if found}
    about = ", ".join(f"{name} {known[name]}" for name in ("mailbox", "app", "address") if name in known)
    return {
        "message": f"[{rule.level or 'base'}] {rule.title}{': ' if about else ''}{about}",
        "datetime": _time(event.time),
        "timestamp_desc": "Record under a finding",
        "tag": ["unissued", rule.level or "base"],
        "rule": rule.name,
        "finding": identity,
        "why": visible(finding.why, 600),
        "source": event.source.key,
        "file": f"{visible(origin.file)}:{origin.line}",
        "record_id": visible(event.record.id),
        "input_partial": finding.partial,
        **known,
    }


def _note(time: datetime, message: str, what: str, **more: object) -> str:
    return json.dumps({"message": message, "datetime": _time(time), "timestamp_desc": what, **more}) + "\n"


def _time(moment: datetime) -> str:
    """Write a time as Timesketch's own examples do."""
    return utc_text(moment).replace("Z", "+00:00")
