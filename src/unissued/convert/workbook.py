"""Queries that only a workbook of Sentinel asks: who reads which mailbox, and what the rules reported."""

from __future__ import annotations

from unissued.convert.health_kql import Writer
from unissued.convert.kusto import quoted
from unissued.pack import Pack

BACK = 30
"""Days that the workbook can look back at most; the reader's choice of a time narrows it."""
_LIST = "baseline_mailbox_apps"


def readers(pack: Pack) -> str:
    """Return who read which mailbox: a row for each application and mailbox, new or known by the learned list."""
    of = Writer(pack, "sentinel")
    of.define.lists[_LIST] = None
    keys = {"Application": "MailAppKey", "Pair": "MailboxAppKey", "Mailbox": "MailboxGuid", "Owner": "MailboxOwnerUPN"}
    reads = of.reads("read", keys, BACK)
    main = (
        f"{reads}\n"
        "| summarize Reads = count(), First = min(T), Last = max(T), Owner = take_any(Owner),\n"
        "    Application = take_any(Application) by Pair = tolower(Pair), Mailbox\n"
        f"| extend Baseline = case({_LIST}_fault != '', strcat('list ', {_LIST}_fault),"
        f" Pair in ({_LIST}), 'known', 'new')\n"
        "| project Application, Owner, Mailbox, Baseline, Reads, First, Last\n"
        "| sort by Baseline desc, Reads desc"
    )
    return of.done("", main).query + "\n"


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
