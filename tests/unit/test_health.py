"""Feed health: the cases of the specification, each beside one that differs in one respect."""

from __future__ import annotations

import random
import uuid
from collections.abc import Iterable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from conftest import shipped_pack
from unissued.evaluate import Given, evaluate
from unissued.evaluate.feeds import Feeds
from unissued.health import HealthFinding, gaps_of, health, hours_of
from unissued.record import Origin, Record

DAY = datetime(2026, 3, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)
ONE, TWO = "SigninLogs", "AADNonInteractiveUserSignInLogs"
MAIL = "m365/exchange"
NAMES = ["mail_token_never_issued", "mail_app_new_to_tenant"]


def at(hour: float) -> datetime:
    """Hours after Monday 2026-03-09, negative before."""
    return DAY + timedelta(hours=hour)


def token(number: int) -> str:
    return f"{number:021d}A"


def record(source: str, table: str, hour: float, **fields: object) -> Record:
    moment = at(hour)
    number = uuid.uuid5(uuid.NAMESPACE_URL, f"{table}{hour}{sorted(fields.items())}")
    late = HOUR if source == MAIL else HOUR / 60
    return Record(
        source, {"Id": str(number), **fields}, moment, moment + late, "", table, Origin("a", number.int % 9**9)
    )


def read(hour: float, number: int | None = None, client: str = "Client=OWA;x", **more: object) -> Record:
    fields = {
        "Operation": "MailItemsAccessed",
        "ResultStatus": "Succeeded",
        "UserType": 0,
        "LogonType": 0,
        "AppId": "00000002-0000-0ff1-ce00-000000000000",
        "ClientInfoString": client,
        **({"AppAccessContext": {"UniqueTokenId": token(number)}} if number is not None else {}),
        **more,
    }
    return record("m365/exchange", "", hour, **fields)


def sign_ins(table: str, hours: Iterable[int], rows: int) -> list[Record]:
    return [
        record("azure/signinlogs", table, hour + (row + 0.5) / (rows + 1), UniqueTokenIdentifier=f"{table}{hour}.{row}")
        for hour in hours
        for row in range(rows)
    ]


def issued(hour: float, number: int) -> Record:
    return record("azure/signinlogs", TWO, hour, UniqueTokenIdentifier=token(number))


def found(records: Iterable[Record]) -> list[HealthFinding]:
    stream = sorted(records, key=lambda one: one.time)
    how = Given(measured=True)
    return list(health(shipped_pack(), stream, how, evaluate(shipped_pack(), stream, how, NAMES)))


def said(records: Iterable[Record], check: str) -> list[str]:
    return [one.said() for one in found(records) if one.check.name == check]


TWO_WEEKS = range(-8 * 24, 24)


def steady(rows: int = 60, without: Iterable[int] = (), left: int = 0) -> list[Record]:
    """Make both feeds steady for eight days, and leave only so many rows in some hours of the second."""
    whole = [hour for hour in TWO_WEEKS if hour not in without]
    return [*sign_ins(ONE, TWO_WEEKS, rows), *sign_ins(TWO, whole, rows), *sign_ins(TWO, without, left)]


def test_gap_names_table_hours_rows_and_the_records_that_nobody_judged() -> None:
    records = [*steady(without=[6, 7, 8]), read(9.4, 1), read(9.6, 2), read(23.9)]
    (one,) = [one for one in found(records) if one.check.name == "feed_signin_gap"]
    assert (one.subject, one.first, one.last, one.hours) == (TWO, at(6), at(8), 3)
    assert (one.seen, one.expected) == ("0 rows", "180 rows as a week before")
    assert (one.records, one.rules) == (2, ("mail_token_never_issued",))


def test_gap_that_kept_nothing_from_being_judged_is_named_all_the_same() -> None:
    (one,) = found([*steady(without=[6]), read(2), read(23.9)])
    assert (one.subject, one.hours, one.records, one.rules) == (TWO, 1, 0, ())


@pytest.mark.parametrize(("left", "gaps"), [(47, 1), (48, 0), (54, 0)])
def test_hour_of_sixty_rows_needs_forty_eight(left: int, gaps: int) -> None:
    assert len(said([*steady(without=[6], left=left), read(2), read(23.9)], "feed_signin_gap")) == gaps


def test_quiet_night_that_was_quiet_a_week_ago_is_no_gap() -> None:
    quiet = [hour for hour in TWO_WEEKS if hour % 24 not in range(6)]
    records = [*sign_ins(ONE, quiet, 60), *sign_ins(TWO, quiet, 60), read(0.5), read(23.9)]
    assert found(records) == []


def test_required_table_without_any_row_is_a_finding_not_an_empty_result() -> None:
    records = [*sign_ins(ONE, TWO_WEEKS, 60), read(2.5, 1), read(12.5), read(23.9)]
    (one,) = found(records)
    assert (one.subject, one.seen, one.first) == (TWO, "no row at all", at(2))
    assert (one.records, one.rules) == (1, ("mail_token_never_issued",))


def test_rows_that_came_too_late_for_a_read_are_a_gap_of_that_read() -> None:
    late = [replace(one, ingested=at(23)) if at(6) <= one.time < at(7) else one for one in steady()]
    records = [*late, read(9.5, 1), read(23.9)]
    findings = [one for one in found(records) if one.check.name == "feed_signin_gap"]
    assert [(one.subject, one.first, one.hours, one.records) for one in findings] == [
        (ONE, at(6), 1, 1),
        (TWO, at(6), 1, 1),
    ]


def test_rules_that_need_no_sign_in_are_not_told_of_sign_ins() -> None:
    stream = [read(2.5, 1), read(23.9)]
    given = Given(measured=True)
    outcomes = evaluate(shipped_pack(), stream, given, ["mail_app_new_to_tenant"])
    assert health(shipped_pack(), stream, given, outcomes) == ()


@pytest.mark.parametrize("seed", range(30))
def test_gaps_are_those_of_the_gate(seed: int) -> None:
    """The gate of the evaluator finds a gap exactly where this finds an hour."""
    rng = random.Random(seed)  # noqa: S311
    rates = {hour: rng.choice([0, 3, 40, 60]) for hour in range(24)}
    rows = [
        record("azure/signinlogs", TWO, hour + (row + 0.5) / 200)
        for hour in range(-7 * 24, 24)
        for row in range(rates[hour % 24] if hour < 0 or rng.random() < 0.97 else rng.randrange(60))
    ]
    feeds = Feeds([*rows, *sign_ins(ONE, range(-7 * 24, 24), 60)], measured=True, rows_last_week={})
    source = shipped_pack().catalogue.sources["azure/signinlogs"]
    gap = feeds.gap(source, at(0), at(23.5), judged=at(25))
    assert bool(gaps_of(hours_of(one.time for one in rows), at(0), at(24))) == (gap is not None)


def properties(*pairs: tuple[str, str]) -> list[dict[str, str]]:
    return [{"Name": name, "Value": value} for name, value in pairs]


def test_throttled_mailbox_is_unrecorded_for_a_day() -> None:
    throttled = properties(("MailAccessType", "Bind"), ("IsThrottled", "True"))
    records = [read(2.5, OperationProperties=throttled, MailboxOwnerUPN="alice@contoso.example"), read(3)]
    assert said(records, "feed_mailbox_throttled") == [
        "alice@contoso.example: 24 hours, 2026-03-09T02:00:00Z to 2026-03-10T01:00:00Z: 1 records say that it was"
        " throttled, expected every read recorded"
    ]


@pytest.mark.parametrize(
    "pairs",
    [
        (("MailAccessType", "Sync"),),
        (("MailAccessType", "Bind"), ("IsThrottled", "False")),
        (("IsThrottled", "False"), ("Other", "True")),
    ],
    ids=["sync", "not throttled", "true elsewhere"],
)
def test_mailbox_that_was_not_throttled(pairs: tuple[tuple[str, str], ...]) -> None:
    assert said([read(2.5, OperationProperties=properties(*pairs)), read(3)], "feed_mailbox_throttled") == []


LAST_WEEK = [read(hour + minute / 10 - 7 * 24) for hour in range(24) for minute in range(3)]


def mail_of(hours: Iterable[int]) -> list[Record]:
    return [*LAST_WEEK, *(read(hour + 0.5) for hour in hours)]


def test_five_hours_without_a_mail_read_that_had_some_a_week_ago() -> None:
    assert said(mail_of(range(5, 24)), "feed_mail_audit_silent") == [
        "MailItemsAccessed: 5 hours, 2026-03-09T00:00:00Z to 2026-03-09T04:00:00Z: no mail read, expected 15 as a week"
        " before"
    ]


@pytest.mark.parametrize(
    "records",
    [
        mail_of(range(4, 24)),
        [one for one in mail_of(range(5, 24)) if not at(2 - 7 * 24) <= one.time < at(3 - 7 * 24)],
        [*mail_of(range(5, 24)), read(3.2, client="Client=OutlookService;x")],
    ],
    ids=["four hours", "one of them was empty a week ago", "one read of another client"],
)
def test_shorter_silence_of_the_mail_audit_is_none(records: list[Record]) -> None:
    assert said(records, "feed_mail_audit_silent") == []


def reads_of_days(shares: dict[int, int], client: str = "Client=REST;x") -> list[Record]:
    """Make 40 reads a day; so many of them have a token id of their own, which a sign-in explains."""
    made = []
    for day, share in shares.items():
        for number in range(40):
            one = day * 100 + 10_000 + number
            made.append(read(day * 24 + number / 2, one if number < share else None, client))
            made += [issued(day * 24 + number / 2, one)] if number < share else []
    return [*made, read(30)]


def test_share_of_token_ids_that_falls_by_more_than_twenty_points() -> None:
    records = reads_of_days(dict.fromkeys(range(-14, 0), 40) | {0: 31})
    assert said(records, "feed_token_id_share_dropped") == [
        "rest: 24 hours, 2026-03-09T00:00:00Z to 2026-03-09T23:00:00Z: 31 of 40 with a token id,"
        " expected 560 of 560 as in the 14 days before"
    ]


@pytest.mark.parametrize(
    "shares",
    [
        dict.fromkeys(range(-14, 0), 40) | {0: 32},
        dict.fromkeys(range(-20, -14), 40) | {0: 0},
        dict.fromkeys(range(-14, 0), 10) | {0: 2},
    ],
    ids=["twenty points", "more than 14 days ago", "twenty points of a small share"],
)
def test_share_of_token_ids_that_does_not_fall_so_far(shares: dict[int, int]) -> None:
    assert said(reads_of_days(shares), "feed_token_id_share_dropped") == []


def flood(unexplained: int, before: range = range(-15, -1)) -> list[Record]:
    """Make a good application, and reads on one day with tokens that nothing explains."""
    bad = [read(number / 3, 900_000 + number, "Client=REST;x") for number in range(unexplained)]
    return [*reads_of_days(dict.fromkeys([*before, 0], 30)), *bad]


def test_explained_share_that_falls_below_nineteen_in_twenty() -> None:
    (one,) = [one for one in found(flood(2)) if one.check.name == "feed_explained_share_dropped"]
    assert one.subject == "00000002-0000-0ff1-ce00-000000000000|-|rest"
    assert (one.seen, one.check.level) == ("30 of 32 explained by sign-ins", "medium")
    assert one.expected == "420 of 420 as in the 14 days before"


@pytest.mark.parametrize(
    "records",
    [flood(1), flood(2, range(-1, 0)), [one for one in flood(40) if one.time >= at(0) or one.source == MAIL]],
    ids=["thirty of thirty-one", "history of one day that is too near", "never was explained"],
)
def test_explained_share_that_did_not_fall(records: list[Record]) -> None:
    assert said(records, "feed_explained_share_dropped") == []
