"""What the template and the ARM resource of an analytics rule both say."""

from __future__ import annotations

from unissued.convert import FAULT, Query
from unissued.pack import Rule
from unissued.package import columns
from unissued.package.said import text_of

_LONGEST_TITLE = 256


def entity_mappings(query: Query) -> list[dict[str, object]]:
    """Return the entities of an alert, each from a column that the query returns; at most five.

    Applications are mapped by name: ``CloudApplication.AppId`` is a number of Defender for Cloud Apps, not an Entra id.
    """
    found = [
        *(("Account", "FullName", name) for name in columns.accounts(query)),
        *(("Mailbox", "MailboxPrimaryAddress", name) for name in columns.mailboxes(query)),
        *(("IP", "Address", name) for name in columns.addresses(query)),
        *(("CloudApplication", "Name", name) for name in columns.applications(query)),
        *(("DNS", "DomainName", name) for name in columns.domains(query)),
    ]
    return [
        {"entityType": kind, "fieldMappings": [{"identifier": identifier, "columnName": name}]}
        for kind, identifier, name in found[:5]
    ]


def alert_details(rule: Rule, query: Query) -> dict[str, str]:
    """Return how an alert is called, and what it says; a row that says why nothing was evaluated shows that."""
    name = columns.subject(rule, query)
    said = {"alertDisplayNameFormat": f"{rule.title}: {{{{{name}}}}}"[:_LONGEST_TITLE]} if name else {}
    if FAULT in query.columns:
        said["alertDescriptionFormat"] = f"{text_of(rule, 'description')} {{{{{FAULT}}}}}"
    return said
