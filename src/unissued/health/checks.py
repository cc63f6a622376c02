"""What can be found wrong with a feed. Sigma cannot ask for what is not there, so these are no Sigma rules.

``docs/decisions/0018-feed-findings.md`` says why, ``docs/health.md`` what each means.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from unissued.record import utc_text


@dataclass(frozen=True)
class Check:
    """One kind of health finding."""

    name: str
    level: str
    """As of a Sigma rule."""
    title: str


CHECKS: Mapping[str, Check] = {
    check.name: check
    for check in (
        Check("feed_signin_gap", "low", "Sign-in Feed Has a Gap"),
        Check("feed_mail_audit_silent", "low", "No Mail Read Recorded for Hours"),
        Check("feed_mailbox_throttled", "low", "Mailbox Throttled: Reads Go Unrecorded"),
        Check("feed_token_id_share_dropped", "low", "Fewer Mail Reads Carry a Token Id"),
        Check("feed_explained_share_dropped", "medium", "Fewer Tokens of an Application Are Explained by Sign-ins"),
    )
}


@dataclass(frozen=True)
class HealthFinding:
    """One finding about a feed."""

    check: Check
    subject: str
    """A table, an operation, a mailbox, a client kind or a MailAppKey: log content, so not to be trusted."""
    first: datetime
    last: datetime
    """The last hour concerned, by its beginning."""
    hours: int
    """Hours concerned; between ``first`` and ``last`` nothing else lies."""
    seen: str
    expected: str
    records: int = 0
    """Records that were not evaluated because of it."""
    rules: tuple[str, ...] = ()
    """Rules that could not judge these records."""

    def as_dict(self) -> dict[str, object]:
        """Return the finding as written to JSON."""
        return {
            "kind": "health",
            "schema": 1,
            "check": {"name": self.check.name, "level": self.check.level, "title": self.check.title},
            "subject": self.subject,
            "first": utc_text(self.first),
            "last": utc_text(self.last),
            "hours": self.hours,
            "seen": self.seen,
            "expected": self.expected,
            "records_not_evaluated": self.records,
            "rules": list(self.rules),
        }

    def said(self) -> str:
        """Return the finding in one sentence; the subject is still log content."""
        span = utc_text(self.first)
        if self.hours > 1:
            span += f" to {utc_text(self.last)}"
        concerns = ""
        if self.records:
            concerns = f"; {self.records} records not evaluated by {', '.join(self.rules)}"
        return f"{self.subject}: {self.hours} hours, {span}: {self.seen}, expected {self.expected}{concerns}"
