"""Queries that only a workbook of Sentinel asks: who reads mail, whose tokens are unexplained, what rules reported."""

from __future__ import annotations

from unissued.convert.health_kql import Writer
from unissued.convert.kusto import quoted
from unissued.pack import Pack

BACK = 30
"""Days that the workbook can look back at most; the reader's choice of a time narrows it."""
SECURITY_ALERT = {"TimeGenerated": "datetime", "SystemAlertId": "string", "AlertType": "string"}
"""What is asked of the table of alerts, which holds no log source of ours."""
_APPS, _PAIRS, _NOT_EXPLAINED = "baseline_mail_apps", "baseline_mailbox_apps", "mail_apps_not_explained"


def readers(pack: Pack) -> str:
    """Return who read which mailbox: a row for each application and mailbox, new or known by the learned lists."""
    of = Writer(pack, "sentinel")
    of.define.lists |= dict.fromkeys((_APPS, _PAIRS))
    keys = {"Application": "MailAppKey", "Pair": "MailboxAppKey", "Mailbox": "MailboxGuid", "Owner": "MailboxOwnerUPN"}
    reads = of.reads("read", keys, BACK)
    main = (
        f"{reads}\n"
        "| summarize Reads = count(), First = min(T), Last = max(T), Owner = take_any(Owner),\n"
        "    Application = take_any(Application) by Pair = tolower(Pair), Mailbox\n"
        "| extend Baseline = case(\n"
        f"    {_APPS}_fault != '', strcat('tenant list ', {_APPS}_fault),\n"
        f"    not(Application in ({_APPS})), 'new to the tenant',\n"
        f"    {_PAIRS}_fault != '', strcat('mailbox list ', {_PAIRS}_fault),\n"
        f"    Pair in ({_PAIRS}), 'known',\n"
        "    'new to the mailbox')\n"
        "| project Application, Owner, Mailbox, Baseline, Reads, First, Last\n"
        "| sort by Baseline desc, Reads desc, Application asc, Mailbox asc"
    )
    return of.done("", main).query + "\n"


def explained(pack: Pack, query: str) -> str:
    """Return the health query on explained token ids with what is unexplained first, and unusually so."""
    of = Writer(pack, "sentinel")
    of.define.lists[_NOT_EXPLAINED] = None
    more = (
        "| extend Unexplained = TokenIds - Explained,\n"
        f"    Usually = iff(Key in ({_NOT_EXPLAINED}), 'never explained here', '')\n"
        "| project Application = Key, Reads, TokenIds, Explained, Unexplained, Usually\n"
        "| sort by Usually asc, Unexplained desc, Application asc\n"
    )
    return of.define.text() + query + more


def alerts(pack: Pack) -> str:
    """Return how many alerts each of the pack's rules raised a day."""
    rows = ",\n    ".join(
        f"{quoted(rule.id)}, {quoted(rule.name)}"
        for rule in sorted(pack.rules.values(), key=lambda one: one.name)
        if rule.level
    )
    return (
        f"let Rules = datatable(RuleId: string, Rule: string)[\n    {rows}\n];\n"
        "SecurityAlert\n"
        f"| where TimeGenerated > ago({BACK}d)\n"
        '| extend RuleId = tolower(extract("[0-9A-Fa-f-]{36}$", 0, AlertType))\n'
        "| join kind=inner Rules on RuleId\n"
        "| summarize Alerts = dcount(SystemAlertId) by Day = bin(TimeGenerated, 1d), Rule\n"
        "| sort by Day asc, Rule asc\n"
    )
