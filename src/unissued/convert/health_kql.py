"""The health queries in KQL."""

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
from unissued.convert.kql import Definitions, read
from unissued.convert.kql_rule import TIME, indented, tables_of
from unissued.convert.plan import Branch, branches, notes_of
from unissued.convert.query import span
from unissued.pack import JUDGED_AFTER, Pack

_LATE = span(JUDGED_AFTER)
_HOURS_END = f"let end = bin(now() - {_LATE}, 1h);\n"
_DAY = f"let day = bin(now() - {_LATE}, 1d) - 1d;\n"


def write(pack: Pack, name: str, target: str) -> Written:
    """Write one health query.

    Raises:
        UnsupportedError: the target cannot say it.
    """
    return _WRITERS[name](Writer(pack, target))


class Writer:
    """Writes for one target, and remembers what was read."""

    def __init__(self, pack: Pack, target: str) -> None:
        self.pack, self.target, self.time = pack, target, TIME[target]
        self.define = Definitions(pack.catalogue.lists)
        self.parts: list[Branch] = []

    def reads(self, name: str, keys: Mapping[str, str], back: int, more: Sequence[str] = ()) -> str:
        """Return mail records with canonical keys, one row each."""
        branch = mail(name, self.target, tuple(keys.values()))
        return self.distinct(branch, keys, [f"| where {self.time} > ago({back}d)", *more])

    def distinct(self, branch: Branch, keys: Mapping[str, str], early: Sequence[str]) -> str:
        """Return the records of a branch with canonical keys, one row each."""
        self.parts.append(branch)
        reading = read(branch, self.target, self.define, keys, early=early, show=False)
        names = ", ".join(dict.fromkeys(["T", "Id", *keys]))
        return f"{reading.text}\n| extend T = bin({self.time}, 1s)\n| distinct {names}"

    def issued(self, back: int) -> str:
        """Return every token id that is explained, and when."""
        texts = ["    (datatable(Token: string, Seen: datetime)[])"]
        for field, branch in issuing(self.pack, self.target):
            self.parts.append(branch)
            early = [f"| where {branch.tables[0].time[self.target]} > ago({back}d)"]
            one = read(branch, self.target, self.define, {"Token": field}, early=early, show=False, identify=False)
            seen = f"| project Token, Seen = bin({self.time}, 1s)\n| distinct Token, Seen"
            text = f"{one.text}\n| where isnotempty(Token)\n{seen}"
            texts.append(f"    (\n{indented(indented(text))}\n    )")
        return "union isfuzzy=true\n" + ",\n".join(texts)

    def done(self, lets: str, main: str, *notes: str) -> Written:
        """Return the whole query, and what was read for it."""
        tables = tables_of(self.parts)
        return Written(
            self.define.text() + lets + main, tables, tuple(self.define.lists), (*notes_of(self.parts), *notes)
        )


def _let(name: str, text: str) -> str:
    return f"let {name} = materialize(\n{indented(text)}\n);\n"


def _coverage(of: Writer) -> Written:
    feeds = []
    tables = []
    for source in of.pack.catalogue.sources.values():
        for table in source.tables_of(of.target):
            where = f" | where {table.where}" if table.where else ""
            feed = f"{source.key} {table.name}"
            feeds.append(
                f'    ({table.name} | where {of.time} > ago({BACK}d){where} | project T = {of.time}, Feed = "{feed}")'
            )
            tables.append(table.name)
    main = (
        "union isfuzzy=true\n    (datatable(T: datetime, Feed: string)[]),\n" + ",\n".join(feeds) + "\n"
        "| summarize Rows = count(), First = min(T), Last = max(T) by Feed, Hour = bin(T, 1h)\n"
        "| summarize Rows = sum(Rows), First = min(First), Last = max(Last), Hours = count() by Feed\n"
        "| extend Empty = (bin(Last, 1h) - bin(First, 1h)) / 1h + 1 - Hours\n"
        "| project Feed, Rows, First, Last, Hours, Empty\n| sort by Feed asc"
    )
    return Written(main, tuple(dict.fromkeys(tables)), (), ("a feed without any row has no line",))


def _token_id_share(of: Writer) -> Written:
    counts = ", ".join(f"{name} = countif(isnotempty({name}))" for name in ("App", "Client", "Session"))
    text = of.reads("read", {"Kind": "ClientKind", **CARRIED}, BACK)
    main = (
        f"Reads\n| summarize Reads = count(), {counts},\n"
        f'    TokenId = countif(Token matches regex "{SHAPE}$") by Kind\n'
        "| project Kind, Reads, AppId = App, ClientAppId = Client, Session, TokenId\n| sort by Kind asc"
    )
    return of.done(_let("Reads", text), main)


def _explained_share(of: Writer) -> Written:
    text = of.reads("read", {"Key": "MailAppKey", "Token": TOKEN}, BACK)
    lets = _let("Reads", text) + _let("Issued", f"{of.issued(BACK + 2)}\n| distinct Token")
    main = (
        "Reads\n| summarize Reads = count() by Key\n"
        "| join kind=leftouter (\n"
        f'    Reads\n    | where Token matches regex "{SHAPE}$"\n    | distinct Key, Token\n'
        "    | join kind=leftouter (Issued | extend Known = 1) on Token\n"
        "    | summarize TokenIds = count(), Explained = countif(isnotnull(Known)) by Key\n"
        "    ) on Key\n"
        "| project Key, Reads, TokenIds = coalesce(TokenIds, 0), Explained = coalesce(Explained, 0)\n| sort by Key asc"
    )
    return of.done(lets, main)


def _signin_gap(of: Writer) -> Written:
    source = required(of.pack, of.target)
    feeds = source.required_tables
    names = ", ".join(f'"{feed}"' for feed in feeds)
    counted = ",\n        ".join(f'({feed} | project {of.time}, Feed = "{feed}")' for feed in feeds)
    (branch,) = branches(of.pack.rule(JUDGED), of.target, (TOKEN,))
    early = [f"| where ingestion_time() <= ago({_LATE}) and {of.time} > ago({LOOK + 1}d)"]
    judged = f"{of.distinct(branch, {'Token': TOKEN}, early)}\n| where isnotempty(Token)"
    lets = _HOURS_END + _let("Judged", judged) + f"let Issued = {of.issued(LOOK + 3)};\n"
    lets += _let(
        "Alone",
        "Judged\n| join kind=leftanti (\n    Judged | distinct Token, T\n    | join kind=inner Issued on Token\n"
        f"    | where Seen between ((T - {WINDOW}h) .. (T + {WINDOW}h))\n    | distinct Token, T\n    ) on Token, T\n"
        "| extend Link = 1",
    )
    lets += _let(
        "Hours",
        f"union isfuzzy=true\n        (datatable({of.time}: datetime, Feed: string)[]),\n        {counted}\n"
        f"| where {of.time} > ago({LOOK + 8}d)\n| summarize Rows = count() by Feed, Hour = bin({of.time}, 1h)",
    )
    lets += _let(
        "Gaps",
        f"range Hour from bin(ago({LOOK}d), 1h) to end - 1h step 1h\n"
        f"| extend Feed = dynamic([{names}])\n| mv-expand Feed to typeof(string)\n"
        "| join kind=leftouter Hours on Feed, Hour\n| project Feed, Hour, Rows = coalesce(Rows, 0)\n"
        "| join kind=leftouter (Hours | project Feed, Hour = Hour + 7d, Before = Rows) on Feed, Hour\n"
        "| project Feed, Hour, Rows, Before = coalesce(Before, 0)\n"
        "| join kind=leftouter (Hours | summarize Oldest = min(Hour) by Feed) on Feed\n"
        "| project Feed, Hour, Rows, Before, Oldest, Known = coalesce(Oldest <= Hour - 7d, false)\n"
        "| extend Block = iff(Known and Before >= 50, Hour, bin(Hour, 6h)), Large = Known and Before >= 50",
    )
    lets += _let(
        "Blocks",
        "Gaps\n| summarize BlockRows = sum(Rows), BlockBefore = sum(Before), Count = count(),\n"
        "    Unknown = countif(not(Known)) by Feed, Large, Block",
    )
    main = (
        "Gaps\n| join kind=inner Blocks on Feed, Large, Block\n"
        "| where isnull(Oldest) or iff(Unknown > 0, BlockRows == 0 and Count >= 6,\n"
        "    10 * BlockRows < 8 * BlockBefore and 10 * Rows < 8 * Before)\n"
        "| sort by Feed asc, Hour asc\n"
        "| extend New = iff(isempty(prev(Feed)) or prev(Feed) != Feed or Hour - prev(Hour) > 1h, 1, 0)\n"
        "| extend Run = row_cumsum(New)\n"
        "| summarize First = min(Hour), Last = max(Hour), Hours = count(), Seen = sum(Rows), Expected = sum(Before),\n"
        "    Comparable = countif(not(Known)) == 0 by Feed, Run\n"
        "| extend Link = 1\n"
        f"| join kind=leftouter Alone on Link\n"
        f"| extend Near = coalesce(Last >= bin(T - {WINDOW}h, 1h) and First <= T + {WINDOW}h, false)\n"
        "| summarize NotEvaluated = countif(Near) by Feed, First, Last, Hours, Seen, Expected, Comparable\n"
        f"| project Feed, First, Last, Hours, Seen, Expected = iff(Comparable, Expected, long(null)), NotEvaluated,\n"
        f'    Rules = "{judging(of.pack)}"\n| sort by Feed asc, First asc'
    )
    return of.done(
        lets,
        main,
        *GAP_NOTES,
    )


def _silent(of: Writer) -> Written:
    text = f"{of.reads('read', {}, 2 * 7)}\n| summarize Rows = count() by Hour = bin(T, 1h)"
    main = (
        "Hours\n| project Hour = Hour + 7d, Expected = Rows\n| where Hour + 1h <= end\n"
        "| join kind=leftanti Hours on Hour\n| sort by Hour asc\n"
        "| extend New = iff(isnull(prev(Hour)) or Hour - prev(Hour) > 1h, 1, 0)\n"
        "| extend Run = row_cumsum(New)\n"
        "| summarize First = min(Hour), Last = max(Hour), Hours = count(), Expected = sum(Expected) by Run\n"
        "| where Hours >= 5\n| project First, Last, Hours, Expected\n| sort by First asc"
    )
    return of.done(_HOURS_END + _let("Hours", text), main)


def _throttled(of: Writer) -> Written:
    text = of.reads("throttled", {"Mailbox": "MailboxGuid", "Owner": "MailboxOwnerUPN"}, BACK)
    main = (
        "Throttled\n| summarize Throttled = count(), First = min(T), Last = max(T) by Mailbox, Owner\n"
        "| sort by Mailbox asc, Owner asc"
    )
    return of.done(_let("Throttled", text), main)


def _token_id_dropped(of: Writer) -> Written:
    text = of.reads("read", {"Kind": "ClientKind", "Token": TOKEN}, BACK + 3)
    shaped = f'Token matches regex "{SHAPE}$"'
    now, before = "T >= day and T < day + 1d", f"T >= day - {BACK}d and T < day"
    main = (
        f"Reads\n| summarize Reads = countif({now}), TokenId = countif({now} and {shaped}),\n"
        f"    ReadsBefore = countif({before}), TokenIdBefore = countif({before} and {shaped}) by Kind\n"
        "| where Reads >= 20 and ReadsBefore >= 20\n"
        "| where 100 * (TokenIdBefore * Reads - TokenId * ReadsBefore) > 20 * Reads * ReadsBefore\n"
        "| project Kind, Day = day, Reads, TokenId, ReadsBefore, TokenIdBefore\n| sort by Kind asc"
    )
    return of.done(_DAY + _let("Reads", text), main)


def _explained_dropped(of: Writer) -> Written:
    text = of.reads("read", {"Key": "MailAppKey", "Token": TOKEN}, BACK + 4)
    lets = _DAY + _let("Reads", text) + _let("Issued", f"{of.issued(BACK + 4)}\n| distinct Token")
    main = (
        f'Reads\n| where Token matches regex "{SHAPE}$"\n'
        '| extend Period = case(T >= day and T < day + 1d, "now",\n'
        f'    T >= day - {BACK + 1}d and T < day - 1d, "before", "")\n'
        "| distinct Key, Token, Period\n"
        "| join kind=leftouter (Issued | extend Known = 1) on Token\n"
        '| summarize TokenIds = countif(Period == "now"),\n'
        '    Explained = countif(Period == "now" and isnotnull(Known)),\n'
        '    TokenIdsBefore = countif(Period == "before"),\n'
        '    ExplainedBefore = countif(Period == "before" and isnotnull(Known)) by Key\n'
        "| where TokenIds >= 20 and TokenIdsBefore >= 20\n"
        "| where 100 * Explained < 95 * TokenIds and 100 * ExplainedBefore >= 95 * TokenIdsBefore\n"
        "| project Key, Day = day, TokenIds, Explained, TokenIdsBefore, ExplainedBefore\n| sort by Key asc"
    )
    return of.done(lets, main)


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
