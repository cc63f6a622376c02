"""The feeds that rules stand on: where one cannot be trusted, and which rules and records that concerns."""

from unissued.health.checks import CHECKS, Check, HealthFinding
from unissued.health.find import MAIL, health
from unissued.health.gaps import Gap, gaps_of, hour_of, hours_of
from unissued.health.shares import throttled_mailboxes

__all__ = [
    "CHECKS",
    "MAIL",
    "Check",
    "Gap",
    "HealthFinding",
    "gaps_of",
    "health",
    "hour_of",
    "hours_of",
    "throttled_mailboxes",
]
