"""The learning of ``baseline learn`` as queries, for those who would rather not take logs out of their SIEM.

A query gives the list of what is normal, ready to be kept: an entry a row, and the row that tells their number. What
the pack's plain rules match teaches nothing here either, because their conditions are written into the query.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cache

from sigma.conditions import ConditionAND, ConditionNOT
from sigma.exceptions import SigmaError

from unissued.convert.kql import Definitions
from unissued.convert.kql import read as read_kql
from unissued.convert.kql_rule import TIME, indented
from unissued.convert.kusto import KustoCondition
from unissued.convert.plan import Branch
from unissued.convert.query import ROWS, Query, Schedule, span
from unissued.convert.spl import read as read_spl
from unissued.convert.spl_rule import EXTRACTED, LIMITS
from unissued.convert.splunk import SplunkCondition
from unissued.convert.tree import Tree, condition_of, fields_of, necessary, specialise, without_lists
from unissued.errors import UnsupportedError
from unissued.pack import Pack, Rule, Source, Table, pack_of, parse_document
from unissued.pack.applications import (
    EXCHANGE_ONLINE,
    LEARNED,
    MINIMUM_AGE,
    MINIMUM_DAYS,
    OUTLOOK_ON_THE_WEB,
    QUARANTINE,
    never_automatic,
)
from unissued.pack.lint import placeholders

LISTS = ("baseline_mail_apps", "baseline_mailbox_apps")
"""The lists that a query can build."""
_SOURCE = "m365/exchange"
_OPERATION = "MailItemsAccessed"
_MAIL_READ = f"""
title: Mail Read
id: 3c1bb3a9-6b4b-5d11-9f53-3f0c2f2f7c55
name: learning
version: '1.0.0'
status: experimental
description: A mail read that succeeded.
logsource: {{product: m365, service: exchange}}
detection:
  selection:
    Operation: {_OPERATION}
    ResultStatus: [Succeeded, PartiallySucceeded]
  condition: selection
"""
_FOLDERS = {"sentinel": "kql/sentinel/learn", "defender": "kql/defender/learn", "splunk": "spl/searches/learn"}
_GUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_KEY = rf"^(?:{_GUID}|-)\|(?:{_GUID}|-)\|(?:[A-Za-z0-9][A-Za-z0-9 ./_-]{{0,63}}|-)"
_KEYS = {"Key": "MailAppKey", "Box": "MailboxGuid"}
_SECONDS = {
    name: int(span.total_seconds())
    for name, span in (("learned", LEARNED), ("quarantine", QUARANTINE), ("age", MINIMUM_AGE))
}


@dataclass(frozen=True)
class Excluded:
    """What teaches nothing in a query, and what does although it would not on the command line."""

    conditions: tuple[Tree, ...]
    embedded: tuple[str, ...]
    """Names of the rules whose matches teach nothing."""
    left: tuple[tuple[str, str], ...]
    """Rule -> why its matches do teach."""


def learning(pack: Pack, name: str, target: str) -> Query:
    """Write the query that builds a learned list.

    Args:
        pack: the rules; what they match teaches nothing.
        name: one of :data:`LISTS`.
        target: one of the targets.

    Raises:
        UnsupportedError: there is no such query.
    """
    if name not in LISTS:
        raise UnsupportedError.at(name, "cannot be learned by a query", f"{' or '.join(LISTS)}; others: baseline learn")
    source = pack.catalogue.sources[_SOURCE]
    table = source.tables_of(target)[0]
    excluded = _excluded(pack, source, table)
    rule = _mail_read()
    condition: Tree = condition_of(rule)
    condition = ConditionAND([condition, *(ConditionNOT([one]) for one in excluded.conditions)])
    branch = Branch(rule, source, (table,), condition, "")
    of_mailboxes = name == "baseline_mailbox_apps"
    query = (_spl if target == "splunk" else _kql)(pack, branch, table, target, of_mailboxes)
    return _with_head(pack, name, target, table, excluded, query.strip("\n") + "\n")


@cache
def _mail_read() -> Rule:
    """Return the detection of a successful mail read."""
    return pack_of([parse_document(_MAIL_READ, "learning")]).rule("learning")


def _excluded(pack: Pack, source: Source, table: Table) -> Excluded:
    """Find the rules whose matches must not teach, and those that a query on one table cannot ask."""
    conditions: list[Tree] = []
    embedded: list[str] = []
    left: list[tuple[str, str]] = []
    for rule in sorted(pack.rules.values(), key=lambda one: one.name):
        if not rule.level or not _may_match_mail(pack, rule, source):
            continue
        if rule.is_correlation:
            left.append((rule.name, "is built on other rules"))
        elif "judge" in rule.definition:
            left.append((rule.name, "is judged by more than its condition"))
        elif any(pack.catalogue.lists[name].if_empty == "refuse" for name in _own_lists(rule)):
            # Without its learned list a rule is not evaluated, so it matches nothing while that is being learned.
            learned = any(pack.catalogue.lists[name].learned for name in _own_lists(rule))
            left += [] if learned else [(rule.name, "asks for a list that people keep")]
        else:
            condition = specialise(condition_of(rule), source.fields.__contains__)
            condition = condition if isinstance(condition, bool) else without_lists(condition)
            if isinstance(condition, bool):
                continue
            names = dict.fromkeys(fields_of(condition))
            lacking = next(filter(None, (source.lacking(name, table.name) for name in names)), "")
            if lacking or not _can_be_said(condition, source, table):
                left.append((rule.name, lacking or "its condition cannot be said in this language"))
            else:
                conditions.append(condition)
                embedded.append(rule.name)
    return Excluded(tuple(conditions), tuple(embedded), tuple(left))


def _own_lists(rule: Rule) -> list[str]:
    """Return the lists that a rule asks for by itself; filters only take things out, and their lists may be empty."""
    detection = rule.definition.get("detection")
    selections = detection if isinstance(detection, Mapping) else {}
    return list(placeholders({name: one for name, one in selections.items() if not name.startswith("_filter_")}))


def _can_be_said(condition: Tree, source: Source, table: Table) -> bool:
    try:
        said = SplunkCondition(source.fields, {}) if "splunk" in table.targets else KustoCondition(source.fields)
        said.expression(condition)
    except (SigmaError, NotImplementedError, UnsupportedError):
        return False
    return True


def _may_match_mail(pack: Pack, rule: Rule, source: Source) -> bool:
    """Tell whether a rule can match a mail read, or be built on one."""
    for below in pack.detections_below(rule):
        if source.key not in {one.key for one in below.sources}:
            continue
        condition = specialise(condition_of(below), source.fields.__contains__)
        found = necessary(condition, "Operation")
        if condition is not False and (
            found is None
            or any(
                _OPERATION.lower().startswith(one.text.lower()) if one.open else one.text.lower() == _OPERATION.lower()
                for one in found
            )
        ):
            return True
    return False


def _never() -> str:
    """Return the expression that keys meet, in small letters, which never become normal by themselves."""
    return rf"^(?:[^|]*\|)?(?:{'|'.join(sorted(never_automatic()))})\|"


def _kql(pack: Pack, branch: Branch, table: Table, target: str, of_mailboxes: bool) -> str:
    time = TIME[target]
    define = Definitions(pack.catalogue.lists)
    early = [f"| where {table.time[target]} >= learned_from"]
    reading = read_kql(branch, target, define, _KEYS, early=early, show=False)
    seen = (
        f"{reading.text}\n"
        f"| where MailAppKey matches regex @'{_KEY}$' and Key != '-|-|-'\n"
        f"| extend T = bin({time}, 1s), Box = iff(Box matches regex '^{_GUID}$', Box, '')\n"
        "| where T <= learned_to\n"
        "| distinct T, Id, Key, Box"
    )
    count = (
        "FirstSeen = min(T), LastSeen = max(T), Days = make_set(format_datetime(T, 'yyyy-MM-dd')),\n"
        "        Boxes = make_set(Box), Reads = count()"
    )
    normal = (
        f"Seen\n    | summarize {count}\n        by Key\n"
        f"    | where FirstSeen <= learned_to - {span(MINIMUM_AGE)} and array_length(Days) >= {MINIMUM_DAYS}\n"
        f"    | where not(Key matches regex @'{_never()}')\n"
        f"    | where not(Key startswith '{EXCHANGE_ONLINE}|' and not(Key endswith '|{OUTLOOK_ON_THE_WEB}'))"
    )
    listed = "Normal"
    if of_mailboxes:
        listed = (
            "Seen\n    | where isnotempty(Box)\n    | join kind=inner (Normal | project Key) on Key\n"
            f"    | summarize {count}\n        by Key, Box\n    | extend Key = strcat(Key, '|', Box)"
        )
    return (
        f"let learned_from = ago({span(LEARNED)});\nlet learned_to = ago({span(QUARANTINE)});\n"
        f"{define.text()}"
        f"let Seen = materialize(\n{indented(seen)}\n);\n"
        f"let Normal = {normal};\n"
        f"let Listed = materialize({listed}\n"
        "    | project Key, FirstSeen, LastSeen, DaysSeen = array_length(Days),\n"
        '        Mailboxes = array_length(set_difference(Boxes, dynamic([""]))), Reads\n);\n'
        f"union Listed, (Listed | summarize Entries = count() | project Key = strcat('{ROWS}', Entries))"
    )


def _spl(pack: Pack, branch: Branch, table: Table, target: str, of_mailboxes: bool) -> str:  # noqa: ARG001 - one form
    back = _SECONDS["learned"] // 86400 + 1
    reading = read_spl(branch, table, pack.catalogue.lists, _KEYS, terms=f"earliest=-{back}d", show=False)
    stages = [
        *reading.stages,
        rf'where match(MailAppKey,"{_KEY}\z") AND NOT Key="-|-|-"',
        f"eval learned_from=now()-{_SECONDS['learned']}, learned_to=now()-{_SECONDS['quarantine']}",
        "where _time>=learned_from AND _time<=learned_to",
        'eval row=_time."|".Id."|".Key."|".Box',
        "dedup row",
        rf'eval day=floor(_time/86400), box=if(match(Box,"^{_GUID}\z"),Box,"-")',
        "stats min(_time) AS first_seen max(_time) AS last_seen values(day) AS day count AS reads"
        " max(learned_to) AS learned_to by Key box",
    ]
    normal = [
        f"where first<=learned_to-{_SECONDS['age']} AND days>={MINIMUM_DAYS}",
        f'where NOT match(Key,"{_never()}")',
        f'where NOT (like(Key,"{EXCHANGE_ONLINE}|%") AND NOT like(Key,"%|{OUTLOOK_ON_THE_WEB}"))',
    ]
    if of_mailboxes:
        stages += [
            "eventstats min(first_seen) AS first dc(day) AS days by Key",
            *normal,
            'where NOT box="-"',
            'eval key=Key."|".box, days_seen=mvcount(day), mailboxes=1',
        ]
    else:
        stages += [
            'eval box=if(box="-",null(),box)',
            "stats min(first_seen) AS first max(last_seen) AS last_seen dc(day) AS days dc(box) AS mailboxes"
            " sum(reads) AS reads max(learned_to) AS learned_to by Key",
            *normal,
            "eval key=Key, first_seen=first, days_seen=days",
        ]
    stages += [
        'eval first_seen=strftime(first_seen,"%F %T %z"), last_seen=strftime(last_seen,"%F %T %z")',
        f'append [| makeresults | eval key="{ROWS}" | fields key]',
        "eventstats count AS rows",
        f'eval key=if(key="{ROWS}",key.(rows-1),key)',
        "table key, first_seen, last_seen, days_seen, mailboxes, reads",
    ]
    return "\n".join([reading.search, *(f"| {stage}" for stage in stages)])


def _with_head(pack: Pack, name: str, target: str, table: Table, excluded: Excluded, query: str) -> Query:
    digest = hashlib.sha256(query.encode()).hexdigest()
    keep = (
        f"append | fields key | outputlookup unissued_{name}"
        if target == "splunk"
        else f"keep the result as the watchlist unissued_{name}, search key Key, or fill a table with a summary rule"
    )
    lines = [
        "generated by unissued from sigma/ and the field catalogue: do not edit",
        f"list={name} sha256={digest}",
        f"Learns {pack.catalogue.lists[name].holds}",
        f"needs: {table.name}",
        f"keep: {keep}; a row {ROWS}N says how many others there are, and the rules' queries count",
        f"learns: {LEARNED.days} days that end {span(QUARANTINE)} ago; normal is what was first seen "
        f"{MINIMUM_AGE.days} days before the end and on {MINIMUM_DAYS} days; to freeze the window, write times into "
        "learned_from and learned_to",
        "note: let a person read the list before it is used; what somebody approved or blocked is not known here",
        "note: public clients, applications known from intrusions, and Exchange Online with another client than "
        "Outlook on the web are never listed",
        f"note: records that these rules match teach nothing: {', '.join(excluded.embedded) or 'none'}",
        *(f"note: what {rule} matches teaches here, and not in baseline learn: {why}" for rule, why in excluded.left),
        "note: lists that people keep are empty for this query; baseline learn can be given them",
        "note: hours in which the sign-in logs had a gap are learned from here, and not in baseline learn",
        *([f"note: {EXTRACTED}", f"note: {LIMITS}"] if target == "splunk" else []),
    ]
    wrap = "``` {} ```\n" if target == "splunk" else "// {}\n"
    head = "".join(wrap.format(line) for line in lines)
    path = f"{_FOLDERS[target]}/{name}.{'spl' if target == 'splunk' else 'kql'}"
    schedule = Schedule(timedelta(days=1), LEARNED, None)
    return Query(name, target, path, head + query, query, (table.name,), (), schedule)


def learning_queries(pack: Pack, targets: Sequence[str]) -> list[Query]:
    """Return every learning query for some targets."""
    return [learning(pack, name, target) for name in LISTS for target in targets]
