"""What the dashboard asks: searches written from the same catalogue as the rules', and executed in the tests.

Where the data are is said by macros. A search that goes on from another one (``ds.chain``) stands without it.
"""

from __future__ import annotations

from unissued.convert.health_parts import mail
from unissued.convert.spl import read
from unissued.pack import Pack
from unissued.package.splunk.lists import APPLICATIONS, lookup_name
from unissued.package.splunk.macros import with_sources

MAILBOXES = 25
"""Columns of the matrix."""
ROWS = 200
"""Rows of a table."""
_STEP = 6 * 3600
_KEYS = {"Key": "MailAppKey", "Box": "MailboxGuid", "Owner": "MailboxOwnerUPN"}
_ACTING = (
    'eval App=mvindex(split(Key,"|"),0), Client=mvindex(split(Key,"|"),1), Kind=mvindex(split(Key,"|"),2),\n'
    '    acting=if(Client="-",App,Client)',
    f"lookup {APPLICATIONS} app_id AS acting OUTPUT app_name AS Name, app_group AS Group",
    'eval Application=coalesce(Name,if(acting="-","no id",acting)).", ".Kind, Group=coalesce(Group,"")',
)
"""Names whose hands the mail was in: the client application, where the record names one."""
_SCHEDULED = 'index=_internal sourcetype=scheduler app="unissued_m365" savedsearch_name="Unissued - * - Rule"'
_RULE = 'eval Rule=replace(savedsearch_name,"^Unissued - (.*) - Rule\\z","\\1"), rows=tonumber(result_count)'
_LOCAL = '"%F %T %z"'


def reads() -> str:
    """Return the search of mail reads by application and mailbox, each held against what is normal here."""
    branch = mail("read", "splunk", tuple(_KEYS.values()))
    reading = read(branch, branch.tables[0], {}, _KEYS, show=False)
    tenant, mailbox = lookup_name("baseline_mail_apps"), lookup_name("baseline_mailbox_apps")
    stages = [
        *reading.stages,
        'eval Box=if(len(Box)=0,"-",Box), row=_time."|".Id."|".Key."|".Box',
        "dedup row",
        "stats count AS Reads min(_time) AS first max(_time) AS last values(Owner) AS Owner by Key Box",
        f'append [| inputlookup {tenant} | where NOT match(key,"^#") | stats count AS apps]',
        f'append [| inputlookup {mailbox} | where NOT match(key,"^#") | stats count AS pairs]',
        "eventstats max(apps) AS apps max(pairs) AS pairs",
        "where isnotnull(Key)",
        f"lookup {tenant} key AS Key OUTPUT key AS in_tenant",
        'eval box_key=Key."|".Box',
        f"lookup {mailbox} key AS box_key OUTPUT key AS in_mailbox",
        'eval Baseline=case(apps=0,"no baseline yet",isnull(in_tenant),"new to the tenant",\n'
        '    pairs>0 AND isnull(in_mailbox),"new to the mailbox",true(),"known here")',
        *_ACTING,
        f'eval Owner=coalesce(mvindex(Owner,0),""), Mailbox=if(Owner="",Box,Owner), First=strftime(first,{_LOCAL}),\n'
        f"    Last=strftime(last,{_LOCAL})",
        "table Application, Mailbox, Reads, First, Last, Baseline, Group, Key, Box",
        "sort 0 Key Box",
    ]
    return with_sources("\n".join([reading.search, *(f"| {stage}" for stage in stages)]))


def matrix() -> str:
    """Return what makes a matrix of :func:`reads`: applications by the mailboxes with most that is new."""
    return _chain(
        'eval new=if(match(Baseline,"^new"),1,0)',
        "stats sum(Reads) AS Reads max(new) AS new by Application Mailbox",
        "eventstats sum(new) AS news sum(Reads) AS total by Mailbox",
        "sort 0 -news -total Mailbox",
        "streamstats window=0 dc(Mailbox) AS rank",
        f"where rank<={MAILBOXES}",
        'eval cell=Reads.if(new=1," new","")',
        "xyseries Application Mailbox cell",
        "sort 0 Application",
    )


def not_normal() -> str:
    """Return what keeps of :func:`reads` what is not known here, the newest to the tenant first."""
    return _chain(
        'where NOT Baseline="known here"',
        'eval order=case(Baseline="new to the tenant",1,Baseline="new to the mailbox",2,true(),3)',
        f"sort {ROWS} order -Reads Application Mailbox",
        "table Application, Mailbox, Reads, First, Last, Baseline, Group, Key, Box",
    )


def total() -> str:
    """Return what counts the mail reads of :func:`reads`."""
    return _chain("stats sum(Reads) AS Reads", "eval Reads=coalesce(Reads,0)")


def new_applications() -> str:
    """Return what counts the applications of :func:`reads` that are new to the tenant."""
    return _chain('where Baseline="new to the tenant"', "stats dc(Key) AS Applications")


def new_pairs() -> str:
    """Return what counts pairs of a known application and a mailbox that are new."""
    return _chain('where Baseline="new to the mailbox"', "stats count AS Pairs")


def explained() -> str:
    """Return what adds names to the report on tokens that sign-ins explain, the least explained first."""
    usual = lookup_name("mail_apps_not_explained")
    return _chain(
        f"lookup {usual} key AS Key OUTPUT key AS usual",
        *_ACTING,
        'eval Unexplained=TokenIds-Explained, Usually=if(isnull(usual),"","never explained here")',
        "sort 0 -Unexplained Application",
        "table Application, Reads, TokenIds, Explained, Unexplained, Usually, Group, Key",
    )


def unexplained() -> str:
    """Return what counts the token ids that no sign-in explains."""
    return _chain("stats sum(eval(TokenIds-Explained)) AS Unexplained", "eval Unexplained=coalesce(Unexplained,0)")


def findings() -> str:
    """Return the search of rows that rules returned, by rule and six hours, as the scheduler logged them."""
    return "\n| ".join(
        [
            f'{_SCHEDULED} status="success"',
            f"{_RULE}, _time=floor(_time/{_STEP})*{_STEP}",
            "where rows>0",
            "stats sum(rows) AS rows by _time Rule",
            "xyseries _time Rule rows",
            "sort 0 _time",
        ]
    )


def runs() -> str:
    """Return the search of how often each rule ran, what was left out, and what it returned last."""
    return "\n| ".join(
        [
            _SCHEDULED,
            _RULE,
            'stats sum(eval(if(status="success",1,0))) AS Ran\n'
            '    sum(eval(if(in(status,"skipped","deferred"),1,0))) AS Skipped\n'
            "    sum(rows) AS Rows max(_time) AS last by Rule",
            f"eval Last=strftime(last,{_LOCAL}), Rows=coalesce(Rows,0)",
            "sort 0 -Rows Rule",
            "table Rule, Ran, Skipped, Rows, Last",
        ]
    )


def lists(pack: Pack) -> str:
    """Return the search of how many entries every list has, and whether it lost rows."""
    counted = [_counted(name) for name in pack.catalogue.lists]
    refuses = [f'"{name}"' for name, spec in pack.catalogue.lists.items() if spec.if_empty == "refuse"]
    return "\n| ".join(
        [
            counted[0],
            *(f"append [{one}]" for one in counted[1:]),
            "eval Entries=coalesce(Entries,0)",
            'eval State=case(isnotnull(Says) AND NOT Says=Entries,"damaged: it says ".Says." rows",\n'
            f'    Entries>0,"filled",in(List,{",".join(refuses)}),\n'
            '    "empty: rules that ask for it are not evaluated",true(),"empty, as it may be")',
            "sort 0 List",
            "table List, Entries, State",
        ]
    )


def _counted(name: str) -> str:
    return (
        f'| inputlookup {lookup_name(name)} | eval entry=if(match(key,"^#"),0,1),'
        ' said=if(match(key,"^#rows=[0-9]+\\z"),tonumber(substr(key,7)),null())'
        f' | stats sum(entry) AS Entries max(said) AS Says | eval List="{name}"'
    )


def _chain(*stages: str) -> str:
    return "\n".join(f"| {stage}" for stage in stages)
