"""The feeds that rules stand on: where one cannot be trusted, and which rules and records that concerns."""

from unissued.health.checks import CHECKS, Check, HealthFinding
from unissued.health.find import health, health_of
from unissued.health.gaps import Gap, gaps_of, hour_of, hours_of
from unissued.health.observed import MAIL, KeyDays, Observed
from unissued.health.shares import Day, throttled_mailboxes

__all__ = [
    "CHECKS",
    "MAIL",
    "Check",
    "Day",
    "Gap",
    "HealthFinding",
    "KeyDays",
    "Observed",
    "gaps_of",
    "health",
    "health_of",
    "hour_of",
    "hours_of",
    "throttled_mailboxes",
]
