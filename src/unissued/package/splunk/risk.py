"""What a rule says about whom: risk for Enterprise Security, from the columns that a search returns."""

from __future__ import annotations

import json
from collections.abc import Sequence

from unissued.errors import UnsupportedError
from unissued.pack import Rule

SCORES = {"informational": 10, "low": 30, "medium": 50, "high": 70, "critical": 90}
"""Level -> risk score: the middle of the band that Enterprise Security calls by the same word."""
_OBJECTS = (
    ("user", ("MailboxOwnerUPN",)),
    ("user", ("TargetUser",)),
    ("user", ("UserId", "InitiatedBy_user_userPrincipalName")),
    ("user", ("user",)),
    ("other", ("token_id",)),
    ("other", ("app",)),
    ("other", ("ClientAppId",)),
    ("other", ("domain",)),
)
"""Kind and columns, the best first. Of two columns each belongs to one log source, and a row has one of them."""
_THREATS = {
    "ClientAddress": "ip_address",
    "ClientIP": "ip_address",
    "IPAddress": "ip_address",
    "ClientInfoString": "http_user_agent",
    "UserAgent": "http_user_agent",
    "ChangedDomain": "domain",
    "domain": "domain",
}
"""Column -> what kind of threat object Enterprise Security takes it for."""


def objects(columns: Sequence[str]) -> tuple[str, tuple[str, ...]]:
    """Return the kind of the risk objects of a search, and its columns that hold them.

    Raises:
        UnsupportedError: none of the columns says whom a row is about.
    """
    for kind, names in _OBJECTS:
        found = tuple(name for name in names if name in columns)
        if found:
            return kind, found
    raise UnsupportedError.at("risk", f"no column says whom it is about: {', '.join(columns)}")


def subject(columns: Sequence[str]) -> str:
    """Return the column that names whom a row is about."""
    return objects(columns)[1][0]


def risk(rule: Rule, columns: Sequence[str]) -> dict[str, str]:
    """Return the settings of the risk action."""
    kind, names = objects(columns)
    parts: list[dict[str, object]] = [
        {"risk_object_field": name, "risk_object_type": kind, "risk_score": SCORES[rule.level]} for name in names
    ]
    parts += [
        {"threat_object_field": name, "threat_object_type": threat}
        for name, threat in _THREATS.items()
        if name in columns and name not in names
    ]
    return {
        "action.risk": "1",
        "action.risk.param._risk": json.dumps(parts),
        "action.risk.param._risk_message": f"{rule.title.replace('$', ' ')}: ${names[0]}$",
        "action.risk.param._risk_score": "0",
        "action.risk.param.verbose": "0",
    }
