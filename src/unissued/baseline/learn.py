"""Learns from logs which applications normally read mail, in a way that an intruder cannot easily teach."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from unissued.baseline.table import Row, Status, is_key
from unissued.errors import LogError
from unissued.evaluate import Event, Given, Match, evaluate
from unissued.pack.load import Pack
from unissued.record import Record, utc_text

MINIMUM_AGE = timedelta(days=7)
MINIMUM_DAYS = 3
QUARANTINE = timedelta(hours=24)
"""The youngest records teach nothing: rules may not have judged them yet."""

_EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"
# Public clients that anyone can use without registering anything: a person must approve them.
NEVER_AUTOMATIC = frozenset(
    (
        "de8bc8b5-d9f9-48b1-a8ad-b748da725064",  # Graph Explorer
        "14d82eec-204b-4c2f-b7e8-296a70dab67e",  # Microsoft Graph Command Line Tools
        "1b730954-1685-4b74-9bfd-dac224a7b894",  # Azure Active Directory PowerShell
        "04b07795-8ddb-461a-bbee-02f9e1bf7b46",  # Microsoft Azure CLI
        "1950a258-227b-4e31-a9cf-717495945fc2",  # Microsoft Azure PowerShell
    )
)
# Applications that were abused in mail intrusions: listed publicly, none malicious by itself.
KNOWN_FROM_INTRUSIONS = frozenset(
    (
        "e9a7fea1-1cc0-4cd9-a31b-9137ca5deedd",  # eM Client
        "ff8d92dc-3d82-41d6-bcbd-b9174d163620",  # PerfectData Software
        "a245e8c0-b53c-4b67-9b45-751d1dff8e6b",  # Newsletter Software Supermailer
        "a43e5392-f48b-46a4-a0f1-098b5eeb4757",  # CloudSponge
        "b15665d9-eda6-4092-8539-0eec376afd59",  # rclone
        "4761b959-9780-4c2d-87a3-512b4638f767",  # rclone
        "77468577-4f6e-40e7-b745-11d3d0c28095",  # Fastmail
        "179d5108-412b-4c95-8e34-06786784ab39",  # PostBox
        "caffae8c-0882-4c81-9a27-d1803af53a40",  # SigParser
        "946c777c-bc85-489e-b034-392389ae23d6",  # Spike
        "497ac034-5120-4c1a-929a-0351f5c09918",  # ZoomInfo Communitiez Login
        "858d7e42-35f0-44b7-9033-df309239a47f",  # Zoominfo Login
    )
)


@dataclass
class Lesson:
    """What was learned, and what taught nothing: ``read = taught + matched + young + keyless + not mail``."""

    rows: list[Row] = field(default_factory=list)
    read: int = 0
    taught: int = 0
    matched: int = 0
    """Records that a rule matched."""
    young: int = 0
    """Records of the last 24 hours, or after the window."""
    keyless: int = 0
    """Records whose key is blank or no identifier."""
    not_mail: int = 0
    """Records that are no mail read."""


@dataclass
class _Tally:
    """Counts of one key."""

    times: list[datetime] = field(default_factory=list)
    mailboxes: set[str] = field(default_factory=set)
    token_ids: set[str] = field(default_factory=set)
    with_token_id: int = 0

    def add(self, event: Event) -> None:
        self.times.append(event.time)
        self.mailboxes.update(map(str, event.values("MailboxGuid")))
        token_ids = set(map(str, event.values("AppAccessContext.UniqueTokenId")))
        self.token_ids |= token_ids
        self.with_token_id += bool(token_ids)


def learn(
    pack: Pack,
    records: Sequence[Record],
    since: datetime | None = None,
    until: datetime | None = None,
    lists: Mapping[str, Collection[str]] | None = None,
) -> Lesson:
    """Learn a baseline from records.

    Args:
        pack: the rules; a record that one of them matches teaches nothing, baseline rules excepted.
        records: everything that was read, sign-ins included.
        since: start of the learning window, inclusive; by default the first mail read.
        until: end of the learning window, exclusive; by default a day before the last record.
        lists: the lists that people keep; without them a rule may match what somebody has approved.

    Raises:
        LogError: there is no mail read to learn from.
    """
    source = pack.catalogue.sources["m365/exchange"]
    end = _end(records, until)
    suspicious = _matched(pack, records, lists or {})
    explained = _explained(pack, records)
    lesson = Lesson(read=len(records))
    keys: dict[tuple[str, str], _Tally] = {}
    for record in records:
        event = Event(record, source) if record.source == source.key else None
        if event is None or not _is_mail_read(event) or (since is not None and event.time < since):
            lesson.not_mail += 1
        elif event.time > end or (until is not None and event.time >= until):
            lesson.young += 1
        elif id(record) in suspicious:
            lesson.matched += 1
        elif not is_key(key := str(event.values("MailAppKey")[0])):
            lesson.keyless += 1
        else:
            lesson.taught += 1
            for mailbox in ("", *map(str, event.values("MailboxGuid"))):
                keys.setdefault((key, mailbox), _Tally()).add(event)
    if not keys:
        raise LogError.at("baseline", "there is no mail read to learn from", "give older logs, or a later --until")
    start = since or min(time for tally in keys.values() for time in tally.times)
    lesson.rows = [_row(key, mailbox, tally, explained, start, end) for (key, mailbox), tally in sorted(keys.items())]
    return lesson


def _end(records: Sequence[Record], until: datetime | None) -> datetime:
    """Return the end of the window: a record that claims to come from the future does not move it."""
    now = datetime.now(UTC)
    last = max((record.time for record in records if record.time <= now), default=now)
    return min(until or last, last - QUARANTINE)


def _is_mail_read(event: Event) -> bool:
    return event.values("Operation") == ("MailItemsAccessed",) and bool(
        {"Succeeded", "PartiallySucceeded"} & set(event.values("ResultStatus"))
    )


def _matched(pack: Pack, records: Sequence[Record], lists: Mapping[str, Collection[str]]) -> set[int]:
    """Return the records that a rule other than the baseline rules matched, by identity."""
    rules = [
        rule.name
        for rule in pack.rules.values()
        if rule.level and not any(pack.catalogue.lists[name].learned for name in rule.lists)
    ]
    outcomes = evaluate(pack, records, Given(lists=lists, measured=True), rules)
    matches = (match for name in rules for match in outcomes[name].matches)
    return {id(event.record) for match in matches for event in match.events()}


def _explained(pack: Pack, records: Sequence[Record]) -> set[str]:
    """Return the token ids that a sign-in or Outlook on the web explains."""
    outcomes = evaluate(pack, records, Given(), ["signin_token_issued", "owa_token_minted"])
    return {
        *_values(outcomes["signin_token_issued"].matches, "IssuedTokenId"),
        *_values(outcomes["owa_token_minted"].matches, "UniqueTokenIdentifier"),
    }


def _values(matches: Iterable[Match], name: str) -> Iterable[str]:
    return (str(value) for match in matches for value in match.values(name))


def _row(key: str, mailbox: str, tally: _Tally, explained: set[str], start: datetime, end: datetime) -> Row:
    app, client, kind = key.split("|")
    days = {time.date() for time in tally.times}
    first = min(tally.times)
    trusted = end - first >= MINIMUM_AGE and len(days) >= MINIMUM_DAYS and _may_be_automatic(app, client, kind)
    return Row(
        mail_app_key=key,
        app_id="" if app == "-" else app,
        client_app_id="" if client == "-" else client,
        client_kind=kind,
        mailbox_guid=mailbox,
        first_seen=utc_text(first),
        last_seen=utc_text(max(tally.times)),
        days_seen=len(days),
        mailboxes=len(tally.mailboxes),
        records=len(tally.times),
        status=Status.ESTABLISHED if trusted else Status.LEARNING,
        token_ids=len(tally.token_ids),
        token_ids_explained=len(tally.token_ids & explained),
        records_with_token_id=tally.with_token_id,
        learned_from=utc_text(start),
        learned_to=utc_text(end),
    )


def _may_be_automatic(app: str, client: str, kind: str) -> bool:
    if {app, client} & (NEVER_AUTOMATIC | KNOWN_FROM_INTRUSIONS):
        return False
    return app != _EXCHANGE or kind.lower() == "owa"
