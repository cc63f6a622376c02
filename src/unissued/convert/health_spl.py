"""The health queries in SPL."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from unissued.convert.health_parts import (
    BACK,
    CARRIED,
    GAP_NOTES,
    JUDGED,
    LOOK,
    SHAPE,
    TOKEN,
    WINDOW,
    Written,
    issuing,
    judging,
    mail,
    required,
)
from unissued.convert.plan import Branch, branches, notes_of
from unissued.convert.spl import event_time, read
from unissued.convert.spl_rule import EXTRACTED, LIMITS, branch_of, feeds_of, multisearch
from unissued.pack import JUDGED_AFTER, Pack, Table

_HOUR, _DAY, _LATE = 3600, 86400, int(JUDGED_AFTER.total_seconds())
_SHAPED = rf'match(Token,"{SHAPE}\z")'
_END_OF_DAYS = f"day=floor((now()-{_LATE})/{_DAY})*{_DAY}-{_DAY}"


def write(pack: Pack, name: str, target: str) -> Written:
    """Write one health query.

    Raises:
        UnsupportedError: the target cannot say it.
    """
    return _WRITERS[name](_Writer(pack, target))


class _Writer:
    """Writes searches, and remembers what was read."""

    def __init__(self, pack: Pack, target: str) -> None:
        self.pack, self.target = pack, target
        self.parts: list[Branch] = []
        self.lists: list[str] = []

    def search(
        self, branch: Branch, keys: Mapping[str, str], back: int, early: tuple[str, ...] = ()
    ) -> tuple[str, list[str]]:
        """Return the first search of a branch and the commands that bring it into canonical columns."""
        self.parts.append(branch)
        reading = read(branch, branch.tables[0], self.pack.catalogue.lists, keys, early=early, show=False)
        self.lists += reading.lists
        return f"earliest=-{back}d {reading.search}", list(reading.stages)

    def reads(self, name: str, keys: Mapping[str, str], back: int) -> tuple[str, list[str]]:
        """Return mail records with canonical keys, and the text ``row`` that tells copies apart."""
        first, stages = self.search(mail(name, self.target, tuple(keys.values())), keys, back)
        # Splunk goes by its own time; what the record says may be a little older.
        row = '."|".'.join(["_time", "Id", *keys])
        return first, [*stages, f"where _time>now()-{(back - 1) * _DAY}", f"eval row={row}"]

    def issued(self, back: int, stages: Sequence[str]) -> list[str]:
        """Return searches of every token id that is explained."""
        searches = []
        for field, branch in issuing(self.pack, self.target):
            first, own = self.search(branch, {"Token": field}, back)
            searches.append(branch_of(first, [*own, "where len(Token)>0", *stages]))
        return searches

    def done(self, lines: Sequence[str], *notes: str) -> Written:
        lists = tuple(dict.fromkeys(self.lists))
        return Written(
            "\n".join(lines), feeds_of(self.parts), lists, (*notes_of(self.parts), EXTRACTED, LIMITS, *notes)
        )


def _alone(first: str, stages: Sequence[str]) -> list[str]:
    return [first, *(f"| {stage}" for stage in stages), "| dedup row"]


def _coverage(of: _Writer) -> Written:
    searches = []
    tables: dict[str, Table] = {}
    for source in of.pack.catalogue.sources.values():
        for table in source.tables_of("splunk"):
            tables[table.name] = table
            parts = [one for one in source.tables.values() if one.category]
            part = 'spath(_raw,"category")' if len(parts) > 1 else f'"{table.name}"'
            label = f'eval Feed="{source.key} ".{part}'
            stages = [*event_time(table), label, "eval Hour=floor(_time/3600)*3600", "fields _time, Feed, Hour"]
            searches.append(branch_of(f"earliest=-{BACK}d index=* {table.where}", stages))
    lines = [
        multisearch(searches),
        "| stats count AS Rows min(_time) AS First max(_time) AS Last by Feed Hour",
        "| stats sum(Rows) AS Rows min(First) AS First max(Last) AS Last count AS Hours by Feed",
        "| eval Empty=floor(Last/3600)-floor(First/3600)+1-Hours",
        '| eval First=strftime(First,"%F %T %z"), Last=strftime(Last,"%F %T %z")',
        "| sort 0 Feed",
        "| table Feed, Rows, First, Last, Hours, Empty",
    ]
    return Written("\n".join(lines), tuple(tables), (), (EXTRACTED, "a feed without any row has no line"))


def _token_id_share(of: _Writer) -> Written:
    first, stages = of.reads("read", {"Kind": "ClientKind", **CARRIED}, BACK + 1)
    lines = [
        *_alone(first, stages),
        "| stats count AS Reads sum(eval(if(len(App)>0,1,0))) AS AppId\n"
        "    sum(eval(if(len(Client)>0,1,0))) AS ClientAppId\n"
        f"    sum(eval(if(len(Session)>0,1,0))) AS Session sum(eval(if({_SHAPED},1,0))) AS TokenId by Kind",
        "| sort 0 Kind",
        "| table Kind, Reads, AppId, ClientAppId, Session, TokenId",
    ]
    return of.done(lines)


def _explained(of: _Writer, back: int) -> list[str]:
    """Return the commands that give mail reads with ``known`` where their token id is explained."""
    first, stages = of.reads("read", {"Key": "MailAppKey", "Token": TOKEN}, back)
    searches = [
        branch_of(first, [*stages, "fields _time, row, Key, Token"]),
        *of.issued(back + 2, ["eval issued=1", "fields _time, Token, issued"]),
    ]
    return [
        multisearch(searches),
        "| eventstats max(issued) AS issued by Token",
        "| where isnotnull(Key)",
        "| dedup row",
        f"| eval id=if({_SHAPED},Token,null()), known=if(isnotnull(id) AND issued=1,id,null())",
    ]


def _explained_share(of: _Writer) -> Written:
    lines = [
        *_explained(of, BACK + 1),
        "| stats count AS Reads dc(id) AS TokenIds dc(known) AS Explained by Key",
        "| sort 0 Key",
        "| table Key, Reads, TokenIds, Explained",
    ]
    return of.done(lines)


def _signin_gap(of: _Writer) -> Written:
    source = required(of.pack, of.target)
    table = source.tables_of("splunk")[0]
    feeds = [source.tables[name].category for name in source.required_tables]
    names = ", ".join(f'"{feed}"' for feed in feeds)
    hours = [
        *event_time(table),
        'eval feed=spath(_raw,"category"), hour=floor(_time/3600)*3600',
        'eval group="hour|".feed."|".hour',
        "fields _time, group, feed, hour",
    ]
    (branch,) = branches(of.pack.rule(JUDGED), of.target, (TOKEN,))
    early = ("eval ingested=_indextime", f"where ingested<=now()-{_LATE}")
    first, stages = of.search(branch, {"Token": TOKEN}, LOOK + 2, early)
    stages += [
        f"where len(Token)>0 AND _time>now()-{(LOOK + 1) * _DAY}",
        'eval judged=_time."|".Id',
        'eval group="key|".Token',
        "fields _time, group, judged",
    ]
    seen = ["eval seen=_time", 'eval group="key|".Token', "fields _time, group, seen"]
    begin, end = f"floor((now()-{LOOK * _DAY})/3600)*3600", f"floor((now()-{_LATE})/3600)*3600"
    window = WINDOW * _HOUR
    moment = 'tonumber(mvindex(split(reads,"|"),0))'
    lines = [
        multisearch(
            [
                branch_of(f"earliest=-{LOOK + 9}d index=* {table.where} category IN ({names})", hours),
                branch_of(first, stages),
                *of.issued(LOOK + 4, seen),
            ]
        ),
        "| stats count AS rows values(judged) AS judged values(seen) AS seen\n"
        "    values(feed) AS feed values(hour) AS hour by group",
        "| where isnotnull(judged) OR isnotnull(hour)",
        '| eval judged=coalesce(judged,"-")',
        "| mvexpand judged",
        '| eval moment=if(judged="-",null(),tonumber(mvindex(split(judged,"|"),0)))',
        f"| eval near=mvmap(seen,if(abs(tonumber(seen)-moment)<={window},1,null()))",
        "| where isnotnull(hour) OR isnull(near)",
        f"| append [| makeresults | eval hour=mvrange({begin},{end},3600),\n"
        f'    feed=split("{"|".join(feeds)}","|"), rows=0, judged="-"\n'
        "    | mvexpand hour | mvexpand feed | fields - _time]",
        "| eventstats min(eval(if(rows>0,hour,null()))) AS oldest by feed",
        '| eval shift=if(isnull(hour),"0",mvappend("0","604800"))',
        "| mvexpand shift",
        '| eval before=if(shift="0",0,rows), rows=if(shift="0",rows,0), hour=tonumber(hour)+tonumber(shift)',
        "| eventstats sum(before) AS before sum(rows) AS rows by feed hour",
        '| eval cell=if(isnull(hour),group."|".judged,feed."|".hour)',
        "| dedup cell",
        f"| where isnull(hour) OR (hour>={begin} AND hour<{end})",
        "| eval known=if(oldest<=hour-604800,1,0)",
        '| eval block=case(isnull(hour),"record",known=1 AND before>=50,feed."|".hour,'
        'true(),feed."|small|".(floor(hour/21600)*21600))',
        "| eventstats sum(rows) AS block_rows sum(before) AS block_before count AS block_hours\n"
        "    sum(eval(1-known)) AS block_unknown by block",
        "| eval read=if(isnull(hour),judged,null())",
        "| eventstats values(read) AS reads",
        "| where isnotnull(hour) AND (isnull(oldest) OR (block_unknown>0 AND block_rows=0 AND block_hours>=6)\n"
        "    OR (block_unknown=0 AND 10*block_rows<8*block_before AND 10*rows<8*before))",
        "| sort 0 feed hour",
        "| streamstats current=f window=1 global=f last(hour) AS previous by feed",
        "| eval new=if(isnull(previous) OR hour-previous>3600,1,0)",
        "| streamstats window=0 sum(new) AS run",
        "| eventstats min(hour) AS First max(hour) AS Last count AS Hours sum(rows) AS Seen sum(before) AS Expected\n"
        "    min(known) AS known by run",
        "| dedup run",
        f"| eval near=mvmap(reads,if(Last>=floor(({moment}-{window})/3600)*3600\n"
        f"    AND First<={moment}+{window},1,null()))",
        "| eval NotEvaluated=coalesce(mvcount(near),0), Expected=if(known=1,Expected,null()), Feed=feed,\n"
        f'    Rules="{judging(of.pack)}"',
        "| sort 0 Feed First",
        '| eval First=strftime(First,"%F %T %z"), Last=strftime(Last,"%F %T %z")',
        "| table Feed, First, Last, Hours, Seen, Expected, NotEvaluated, Rules",
    ]
    return of.done(
        lines,
        *GAP_NOTES,
    )


def _silent(of: _Writer) -> Written:
    first, stages = of.reads("read", {}, BACK + 1)
    end = f"floor((now()-{_LATE})/3600)*3600"
    lines = [
        *_alone(first, stages),
        "| eval hour=floor(_time/3600)*3600",
        "| stats count AS rows by hour",
        '| eval shift=mvappend("0","604800")',
        "| mvexpand shift",
        '| eval before=if(shift="0",0,rows), rows=if(shift="0",rows,0), hour=tonumber(hour)+tonumber(shift)',
        "| stats sum(before) AS before sum(rows) AS rows by hour",
        f"| where rows=0 AND before>0 AND tonumber(hour)+3600<={end}",
        "| eval hour=tonumber(hour)",
        "| sort 0 hour",
        "| streamstats current=f window=1 last(hour) AS previous",
        "| eval new=if(isnull(previous) OR hour-previous>3600,1,0)",
        "| streamstats window=0 sum(new) AS run",
        "| stats min(hour) AS First max(hour) AS Last count AS Hours sum(before) AS Expected by run",
        "| where Hours>=5",
        "| sort 0 First",
        '| eval First=strftime(First,"%F %T %z"), Last=strftime(Last,"%F %T %z")',
        "| table First, Last, Hours, Expected",
    ]
    return of.done(lines)


def _throttled(of: _Writer) -> Written:
    first, stages = of.reads("throttled", {"Mailbox": "MailboxGuid", "Owner": "MailboxOwnerUPN"}, BACK + 1)
    lines = [
        *_alone(first, stages),
        "| stats count AS Throttled min(_time) AS First max(_time) AS Last by Mailbox Owner",
        "| sort 0 Mailbox Owner",
        '| eval First=strftime(First,"%F %T %z"), Last=strftime(Last,"%F %T %z")',
        "| table Mailbox, Owner, Throttled, First, Last",
    ]
    return of.done(lines)


def _token_id_dropped(of: _Writer) -> Written:
    first, stages = of.reads("read", {"Kind": "ClientKind", "Token": TOKEN}, BACK + 4)
    lines = [
        *_alone(first, stages),
        f"| eval {_END_OF_DAYS}, shaped=if({_SHAPED},1,0)",
        f"| eval now=if(_time>=day AND _time<day+{_DAY},1,0), before=if(_time>=day-{BACK * _DAY} AND _time<day,1,0)",
        "| stats sum(now) AS Reads sum(eval(now*shaped)) AS TokenId sum(before) AS ReadsBefore\n"
        "    sum(eval(before*shaped)) AS TokenIdBefore max(day) AS Day by Kind",
        "| where Reads>=20 AND ReadsBefore>=20",
        "| where 100*(TokenIdBefore*Reads-TokenId*ReadsBefore)>20*Reads*ReadsBefore",
        "| sort 0 Kind",
        '| eval Day=strftime(Day,"%F %T %z")',
        "| table Kind, Day, Reads, TokenId, ReadsBefore, TokenIdBefore",
    ]
    return of.done(lines)


def _explained_dropped(of: _Writer) -> Written:
    now, before = f"_time>=day AND _time<day+{_DAY}", f"_time>=day-{(BACK + 1) * _DAY} AND _time<day-{_DAY}"
    lines = [
        *_explained(of, BACK + 5),
        f"| eval {_END_OF_DAYS}",
        f"| eval id_now=if({now},id,null()), known_now=if({now},known,null()),\n"
        f"    id_before=if({before},id,null()), known_before=if({before},known,null())",
        "| stats dc(id_now) AS TokenIds dc(known_now) AS Explained dc(id_before) AS TokenIdsBefore\n"
        "    dc(known_before) AS ExplainedBefore max(day) AS Day by Key",
        "| where TokenIds>=20 AND TokenIdsBefore>=20",
        "| where 100*Explained<95*TokenIds AND 100*ExplainedBefore>=95*TokenIdsBefore",
        "| sort 0 Key",
        '| eval Day=strftime(Day,"%F %T %z")',
        "| table Key, Day, TokenIds, Explained, TokenIdsBefore, ExplainedBefore",
    ]
    return of.done(lines)


_WRITERS = {
    "feed_coverage": _coverage,
    "mail_token_id_share": _token_id_share,
    "mail_explained_share": _explained_share,
    "feed_signin_gap": _signin_gap,
    "feed_mail_audit_silent": _silent,
    "feed_mailbox_throttled": _throttled,
    "feed_token_id_share_dropped": _token_id_dropped,
    "feed_explained_share_dropped": _explained_dropped,
}
