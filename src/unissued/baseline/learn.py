"""Learns from logs which applications normally read mail, in a way that an intruder cannot easily teach."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache

from unissued.baseline.share import Share, explained_shares, is_mail_read, token_ids
from unissued.baseline.table import Row, Status, is_guid, key_fault
from unissued.errors import LogError
from unissued.evaluate import Event, Given, Reason, evaluate, fold
from unissued.evaluate.feeds import Feeds
from unissued.pack.applications import (
    EXCHANGE_ONLINE,
    MINIMUM_AGE,
    MINIMUM_DAYS,
    OUTLOOK_ON_THE_WEB,
    QUARANTINE,
    never_automatic,
)
from unissued.pack.load import Pack
from unissued.pack.rule import JUDGED_AFTER, Rule
from unissued.record import Record, utc_text


@dataclass
class Lesson:
    """What was learned, and what taught nothing.

    ``read = taught + matched + young + blind + keyless + not mail``.
    """

    rows: list[Row] = field(default_factory=list)
    read: int = 0
    taught: int = 0
    matched: int = 0
    """Records that a rule matched."""
    young: int = 0
    """Records of the last 24 hours, or after the window."""
    blind: int = 0
    """Records with a token id of an hour in which the sign-in logs had a gap, so that no rule could judge them."""
    keyless: int = 0
    """Records whose key is blank or no identifier."""
    not_mail: int = 0
    """Records that are no mail read of the window."""
    refused: dict[str, int] = field(default_factory=dict)
    """Key, or mailbox, as the records had it, and why it was refused -> in how many records."""


@dataclass
class _Tally:
    """What taught about one key."""

    times: list[datetime] = field(default_factory=list)
    mailboxes: set[str] = field(default_factory=set)
    share: Share = field(default_factory=Share)

    def add(self, event: Event, mailboxes: Collection[str], issued: Collection[str]) -> None:
        self.times.append(event.time)
        self.mailboxes.update(mailboxes)
        self.share.add(event, issued)


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
    matched, suspicious = _matched(pack, records, lists or {})
    gaps = _Gaps(pack, records)
    lesson = Lesson(read=len(records))
    refused: Counter[str] = Counter()
    taught: list[tuple[Event, str]] = []
    asked: list[Record] = []
    spelt: dict[str, str] = {}
    for record in records:
        event = Event(record, source) if record.source == source.key else None
        if event is None or not is_mail_read(event):
            lesson.not_mail += 1
            asked.append(record)
        elif since is not None and event.time < since:
            lesson.not_mail += 1
        elif event.time > end or (until is not None and event.time >= until):
            lesson.young += 1
        elif fault := key_fault(key := str(event.values("MailAppKey")[0])):
            lesson.keyless += 1
            refused[f"{key} ({fault})"] += 1
        else:
            if id(record) not in suspicious:
                asked.append(record)
                spelt[fold(key)] = min(spelt.get(fold(key), key), key)
            if id(record) in matched:
                lesson.matched += 1
            elif gaps.hold(event):
                lesson.blind += 1
            else:
                lesson.taught += 1
                taught.append((event, key))
    shares = {key: share for key, share in explained_shares(pack, asked).items() if not key_fault(key)}
    tallies = _tallies(taught, {token for share in shares.values() for token in share.explained}, refused)
    lesson.refused = dict(sorted(refused.items()))
    if not tallies:
        raise LogError.at("baseline", "there is no mail read to learn from", "give older logs, or a later --until")
    start = since or min(event.time for event, _ in taught)
    # A key that taught nothing has a row, too: its tokens count, and a person may want to approve it.
    places = tallies.keys() | {(key, "") for key in shares}
    lesson.rows = [
        _row(spelt[key], mailbox, tallies.get((key, mailbox), _Tally()), shares[key], start, end)
        for key, mailbox in sorted(places)
    ]
    return lesson


def _tallies(
    taught: Sequence[tuple[Event, str]], issued: Collection[str], refused: Counter[str]
) -> dict[tuple[str, str], _Tally]:
    """Count by key in small letters and mailbox; the mailbox is empty for the tenant as a whole."""
    tallies: dict[tuple[str, str], _Tally] = {}
    for event, key in taught:
        mailboxes = list(map(str, event.values("MailboxGuid")))
        refused.update(f"{mailbox} (no mailbox id)" for mailbox in mailboxes if not is_guid(mailbox))
        known = [mailbox for mailbox in mailboxes if is_guid(mailbox)]
        for mailbox in ("", *known):
            tally = tallies.setdefault((fold(key), mailbox), _Tally())
            tally.add(event, known, issued)
    return tallies


def _end(records: Sequence[Record], until: datetime | None) -> datetime:
    """Return the end of the window: a record that claims to come from the future does not move it."""
    now = datetime.now(UTC)
    last = max((record.time for record in records if record.time <= now), default=now)
    return min(until or last, last - QUARANTINE)


def _matched(pack: Pack, records: Sequence[Record], lists: Mapping[str, Collection[str]]) -> tuple[set[int], set[int]]:
    """Return the records that a rule matched while no learned list holds anything, by identity.

    Rules that cannot say anything without a baseline match nothing then. The second set leaves out the rules that ask
    for a learned list at all: what they match may teach that very list, or it could never be learned.
    """
    alerting = [rule for rule in pack.rules.values() if rule.level]
    kept = {name: entries for name, entries in lists.items() if not pack.catalogue.lists[name].learned}
    outcomes = evaluate(pack, records, Given(lists=kept, measured=True), [rule.name for rule in alerting])

    def under(rules: Sequence[Rule]) -> set[int]:
        matches = (match for rule in rules for match in outcomes[rule.name].matches)
        return {id(event.record) for match in matches for event in match.events()}

    return under(alerting), under([rule for rule in alerting if not asks_for_learned(pack, rule)])


def asks_for_learned(pack: Pack, rule: Rule) -> bool:
    """Tell whether a rule, or one that it is built on, asks for a learned list."""
    return any(pack.catalogue.lists[name].learned for below in pack.below(rule) for name in below.lists)


class _Gaps:
    """Tells in which hours the sign-in logs had a gap; logs without any sign-ins have none."""

    def __init__(self, pack: Pack, records: Sequence[Record]) -> None:
        self._source = pack.catalogue.sources["azure/signinlogs"]
        self._feeds = Feeds(records, measured=True, rows_last_week={})
        self._in_gap = cache(self._ask)

    def hold(self, event: Event) -> bool:
        """Tell whether a mail read has a token id and lay in a gap when the rules had to judge it."""
        judged = event.record.ingested + JUDGED_AFTER
        return bool(token_ids(event)) and self._in_gap(event.time.replace(minute=0, second=0), judged)

    def _ask(self, hour: datetime, judged: datetime) -> bool:
        found = self._feeds.gap(self._source, hour, hour + timedelta(minutes=59), judged)
        return found is not None and found[0] is Reason.FEED_INCOMPLETE


def _row(key: str, mailbox: str, tally: _Tally, share: Share, start: datetime, end: datetime) -> Row:
    app, client, kind = key.split("|")
    days = {time.date() for time in tally.times}
    # What the gate of the tenant asks is asked of all reads that no rule of another kind matched.
    asked = tally.share if mailbox else share
    row = Row(
        mail_app_key=key,
        app_id="" if app == "-" else app,
        client_app_id="" if client == "-" else client,
        client_kind=kind,
        mailbox_guid=mailbox,
        first_seen=utc_text(min(tally.times)) if tally.times else "",
        last_seen=utc_text(max(tally.times)) if tally.times else "",
        days_seen=len(days),
        mailboxes=len(tally.mailboxes),
        records=len(tally.times),
        status=Status.LEARNING,
        token_ids=len(asked.token_ids),
        token_ids_explained=len(asked.explained),
        records_with_token_id=tally.share.with_token_id,
        learned_from=utc_text(start),
        learned_to=utc_text(end),
    )
    return replace(row, status=status_of(row))


def status_of(row: Row) -> Status:
    """Return how far a key is trusted that nobody has reviewed."""
    if not row.first_seen or not _may_be_automatic(row):
        return Status.LEARNING
    age = datetime.fromisoformat(row.learned_to) - datetime.fromisoformat(row.first_seen)
    return Status.ESTABLISHED if age >= MINIMUM_AGE and row.days_seen >= MINIMUM_DAYS else Status.LEARNING


def _may_be_automatic(row: Row) -> bool:
    if {row.app_id, row.client_app_id} & never_automatic():
        return False
    return row.app_id != EXCHANGE_ONLINE or fold(row.client_kind) == OUTLOOK_ON_THE_WEB
