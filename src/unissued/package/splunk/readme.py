"""The app's README: what to install first, what to enable in which order, and what every rule asks for."""

from __future__ import annotations

from collections.abc import Sequence

from unissued.convert import Query
from unissued.pack import Pack
from unissued.package.splunk.macros import SOURCES, filter_name
from unissued.package.splunk.searches import health_stanza, learning_stanza, rule_stanza

_BEGIN = """# Unissued for Microsoft 365

Alerts on mail that is read in Exchange Online with tokens that nobody issued, or by applications that nobody knows
here; reports that learn what is normal and say where the logs have gaps; one dashboard.

Generated from Sigma rules. The searches were executed in a model of Splunk's manuals, never on Splunk. A token without
a sign-in is unexplained, not proven forged.

## Before

- Splunk Enterprise 9.2 or later, or Splunk Cloud Platform; for notable events and risk Enterprise Security.
- The Splunk Add-on for Microsoft Office 365 with the content types Audit.Exchange and Audit.AzureActiveDirectory
  (source type `o365:management:activity`), and the Entra diagnostic logs through the Splunk Add-on for Microsoft Cloud
  Services (source type `azure:monitor:aad`). Workload, Operation and category must be extracted fields.
- Everything is read from the raw JSON record; a forwarder that changes it breaks the searches.

## In this order

1. Settings, Advanced search, Search macros: name your index in {sources}.
2. Open the dashboard. The two panels on feeds must have rows, or nothing below can work.
3. Run the report `{learn}`. Read what it lists. Then run `{keep}`, which puts it into the lookup; the same for
   mailboxes.
4. Fill the lists that people keep, as far as you have them: `| makeresults | eval key="<application id>" | fields key
   | outputlookup append=true unissued_approved_mail_apps`. The panel on lists says which are empty.
5. Enable alerts, a few at a time, from the top of the table below. Without Enterprise Security remove the actions
   notable and risk from an alert when you enable it.
6. What a rule should not tell you goes into its macro, such as `{macro}`: `search NOT UserId="backup@example.com"`.

Changes are kept in `local/`, and lists in the KV store, so an upgrade loses neither.

"""
_RULES = """## Alerts

All are disabled, run every hour, and report what came of records that arrived since the last run. A rule whose lookup
is empty says so in a row instead of results.

| alert | level | reads | lists | looks back |
|---|---|---|---|---|
"""


def readme(pack: Pack, rules: Sequence[Query]) -> str:
    """Write the README.

    Args:
        pack: the rules.
        rules: their searches.
    """
    order = ("critical", "high", "medium", "low", "informational")
    ranked = sorted(rules, key=lambda query: (order.index(pack.rule(query.rule).level), query.rule))
    rows = [
        f"| {rule_stanza(query.rule)} | {pack.rule(query.rule).level} | {', '.join(query.tables)} "
        f"| {', '.join(query.lists) or '-'} | {query.schedule.look_back.total_seconds() / 3600:g} h |\n"
        for query in ranked
    ]
    reports = [
        "\n## Reports\n\nNobody schedules them; the dashboard runs some.\n\n",
        f"- `{learning_stanza('<list>', keep=False)}` shows what would be learned, "
        f"`{learning_stanza('<list>', keep=True)}` keeps it.\n",
        f"- `{health_stanza('<check>')}` say where a feed has gaps and what mail reads carry.\n",
        "\n## Licence\n\nApache-2.0, see LICENSE.\n",
    ]
    head = _BEGIN.format(
        sources=" and ".join(f"`{name}` ({holds})" for name, holds in SOURCES.values()),
        learn=learning_stanza("baseline_mail_apps", keep=False),
        keep=learning_stanza("baseline_mail_apps", keep=True),
        macro=filter_name("mail_app_new_to_tenant"),
    )
    return head + _RULES + "".join([*rows, *reports])
