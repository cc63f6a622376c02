"""Which result columns name an account, a mailbox, an address, an application or a domain, and what else is shown."""

from __future__ import annotations

import re
from collections.abc import Sequence

from unissued.convert import Query, column
from unissued.pack import Rule

_ACTORS = ("UserId", "user", "UserPrincipalName", "InitiatedBy_user_userPrincipalName")
_TARGETS = ("TargetUser",)
_MAILBOXES = ("MailboxOwnerUPN",)
_ADDRESSES = ("ClientAddress", "ClientIP", "IPAddress", "IpAddress")
_ACTING = ("app", "ActingAppId")
_APPLICATIONS = ("ClientAppId", "AppId", "TargetAppId")
_DOMAINS = ("ChangedDomain", "domain")
_TIMES = ("TimeGenerated", "Timestamp")
_NAMES = {
    "AppAccessContext_IssuedAtTime": "TokenIssuedAt",
    "AppAccessContext_UniqueTokenId": "TokenId",
    "Id": "RecordId",
    "InitiatedBy_app_displayName": "InitiatedByApp",
    "InitiatedBy_user_displayName": "InitiatedByName",
    "InitiatedBy_user_id": "InitiatedById",
    "InitiatedBy_user_userPrincipalName": "InitiatedBy",
    "TargetResources_displayName": "TargetName",
    "Unissued": "NotEvaluated",
    "app": "Application",
    "domain": "Domain",
    "session": "SessionId",
    "token_id": "TokenId",
    "user": "User",
}
"""Column -> how an alert calls it, where the column's own name is too long or says too little."""
_LONGEST = 20


def accounts(query: Query) -> list[str]:
    """Return the columns that hold a user principal name: who acted, and who it was done to."""
    return [*_first(query, _ACTORS), *_first(query, _TARGETS)]


def mailboxes(query: Query) -> list[str]:
    """Return the column that holds the address of a mailbox."""
    return _first(query, _MAILBOXES)


def addresses(query: Query) -> list[str]:
    """Return the column that holds where somebody came from."""
    return _first(query, _ADDRESSES)


def applications(query: Query) -> list[str]:
    """Return the columns that hold an application's Entra id: the one that acted, or else every one that is named."""
    return _first(query, _ACTING) or [name for name in _APPLICATIONS if name in query.columns][:2]


def domains(query: Query) -> list[str]:
    """Return the column that holds a domain of the organisation."""
    return _first(query, _DOMAINS)


def _first(query: Query, names: Sequence[str]) -> list[str]:
    return [name for name in names if name in query.columns][:1]


def details(query: Query) -> dict[str, str]:
    """Return what an alert shows: name there -> column. All that the query returns, but what the product keeps."""
    found = {detail(name): name for name in query.columns if name not in (*_TIMES, "ReportId")}
    return dict(sorted(found.items()))


def detail(name: str) -> str:
    """Return how an alert calls a column: a letter, then letters, digits and underscores, 20 at most."""
    return _NAMES.get(name) or re.sub(r"\W|\A[\d_]+", "", name)[:_LONGEST]


def keys(rule: Rule, query: Query) -> list[str]:
    """Return the columns by which alerts of a rule belong together: the rule's own, or a correlation's."""
    wanted = rule.fold.by if rule.fold else (rule.correlation().group_by or ()) if rule.is_correlation else ()
    return [name for name in map(column, wanted) if name in query.columns]


def subject(rule: Rule, query: Query) -> str:
    """Return the column that tells one alert of a rule from another at a glance; empty if there is none.

    Numbers of mailboxes and tokens tell nobody anything.
    """
    readable = [name for name in keys(rule, query) if name not in ("MailboxGuid", "token_id", "session")]
    known = (*readable, *mailboxes(query), *accounts(query), *domains(query), *applications(query))
    return next(iter(known), "")
