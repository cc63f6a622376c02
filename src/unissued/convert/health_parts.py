"""What the health queries of both languages are made of: the rules they read by, and their numbers."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from unissued.convert.correlation import correlation_of
from unissued.convert.plan import Branch, branches
from unissued.errors import UnsupportedError
from unissued.pack import Pack, Rule, Source, pack_of, parse_document

BACK = 14
"""Days that the plain measures look back."""
LOOK = 4
"""Days in which gaps are looked for."""
WINDOW = 32
"""Hours before or after a mail read in which a sign-in explains it, as in mail_token_never_issued."""
SHAPE = "^[A-Za-z0-9_-]{21}[AQgw]"
"""A well-formed token id; without the anchor at the end, which the languages write differently."""
TOKEN = "AppAccessContext.UniqueTokenId"  # noqa: S105 - a field's name
CARRIED = {"App": "AppId", "Client": "ClientAppId", "Session": "AppAccessContext.AADSessionId", "Token": TOKEN}
ISSUED = {"signin_token_issued": "IssuedTokenId", "owa_token_minted": "UniqueTokenIdentifier"}
"""Rule that explains token ids -> the field that holds them."""
JUDGED = "mail_read_with_token"
GAP_NOTES = (
    "NotEvaluated counts mail reads that mail_token_never_issued does not judge because of the gap",
    "Expected is empty where no week before is known",
    "rows that have arrived by now count; the rule asks what had arrived six hours after a read",
)

_READ = """
title: Mail Read
id: 5f0e2a54-0a4d-5bd1-9d3e-6f2f6cf0a1b7
name: health_{name}
version: '1.0.0'
status: experimental
description: Records that a health query counts.
logsource: {{product: m365, service: exchange}}
detection:
  selection:
    {selection}
  condition: selection
"""
_SELECTIONS = {
    "read": "Operation: MailItemsAccessed\n    ResultStatus: [Succeeded, PartiallySucceeded]",
    "throttled": "OperationProperties[IsThrottled].Value: 'True'",
}


@dataclass(frozen=True)
class Written:
    """A query before it gets its head."""

    query: str
    tables: tuple[str, ...]
    lists: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


@cache
def rule_of(name: str) -> Rule:
    """Return the detection of mail reads (``read``) or of throttled records (``throttled``)."""
    text = _READ.format(name=name, selection=_SELECTIONS[name])
    return pack_of([parse_document(text, f"health/{name}")]).rule(f"health_{name}")


def mail(name: str, target: str, fields: tuple[str, ...]) -> Branch:
    """Return where a target keeps what :func:`rule_of` selects."""
    (branch,) = branches(rule_of(name), target, fields)
    return branch


def issuing(pack: Pack, target: str) -> list[tuple[str, Branch]]:
    """Return what explains token ids in a target: the field, and where it is.

    Raises:
        UnsupportedError: the target's sign-ins have no token ids.
    """
    found = []
    for name, field in ISSUED.items():
        found += [(field, branch) for branch in branches(pack.rule(name), target, (field,))]
    return found


def required(pack: Pack, target: str) -> Source:
    """Return the log source whose tables have to be complete.

    Raises:
        UnsupportedError: the target does not keep these tables apart.
    """
    source = next(one for one in pack.catalogue.sources.values() if one.required_tables)
    lacking = [name for name in source.required_tables if target not in source.tables[name].targets]
    if lacking and target != "splunk":
        there = ", ".join(table.name for table in source.tables_of(target))
        raise UnsupportedError.at("feeds", f"{target} does not keep {' and '.join(lacking)} apart (it has {there})")
    return source


def judging(pack: Pack) -> str:
    """Return the names of the rules that do not evaluate the mail reads which a query counts.

    They ask what the query asks: a mail read with a token id, and none of what explains one. A rule on other records,
    or on both a read and its sign-in, leaves none of these reads open.
    """
    names = []
    for rule in pack.rules.values():
        if rule.level and rule.is_correlation and {JUDGED, *ISSUED} == set(rule.references):
            correlation = correlation_of(pack, rule)
            if correlation.rules == (JUDGED,) and set(correlation.denied) == ISSUED.keys():
                names.append(rule.name)
    return ", ".join(sorted(names))
