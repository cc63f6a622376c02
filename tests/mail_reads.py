"""Mail reads, sign-ins and other records for tests of the baseline, made by the day, and rows of one."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from unissued.baseline import Row, Status
from unissued.pack import Pack, load_pack
from unissued.record import Origin, Record

SIGMA = Path(__file__).parents[1] / "sigma"
START = datetime(2026, 2, 1, 9, 0, tzinfo=UTC)
APP = "59023ab3-013c-4280-b33a-9378b21b0acf"
GRAPH = "00000003-0000-0000-c000-000000000000"
EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"
RULES = (
    "mail_app_new_to_tenant",
    "mail_app_reads_many_mailboxes",
    "mail_owa_identity_scripted_client",
    "mail_token_from_consumer_tenant",
    "mail_token_never_issued",
)
BOX = "00000000-0000-4000-8000-000000000001"
OTHER_BOX = "00000000-0000-4000-8000-000000000002"


@cache
def whole_pack() -> Pack:
    """All rules of the project."""
    return load_pack(SIGMA)


@cache
def pack() -> Pack:
    """A few rules that stand for all, so that a new rule on the applications of a test changes no expectation."""
    whole = whole_pack()
    names = {below.name for name in RULES for below in whole.below(whole.rule(name))}
    return Pack({name: rule for name, rule in whole.rules.items() if name in names}, whole.catalogue)


def read(
    day: float,
    app: str = APP,
    client: str = "",
    kind: str = "REST",
    box: str = BOX,
    token: str = "",
    **more: object,
) -> Record:
    """Make one mail read, so many days after the start."""
    fields: dict[str, object] = {
        "Operation": "MailItemsAccessed",
        "ResultStatus": "Succeeded",
        "UserId": "alice@contoso.example",
        "UserType": 0,
        "LogonType": 0,
        "MailboxGuid": box,
        "AppId": app,
        "ClientAppId": client,
        "ClientInfoString": f"Client={kind};" if kind else "",
        "AppAccessContext": {"UniqueTokenId": token},
        "ClientIPAddress": "192.0.2.7",
        **more,
    }
    return mail(day, fields)


def mail(day: float, fields: Mapping[str, object], source: str = "m365/exchange") -> Record:
    time = START + timedelta(days=day)
    return Record(source, fields, time, time + timedelta(hours=1), "", "OfficeActivity", Origin("a.jsonl", 1))


def sign_in(day: float, token: str) -> Record:
    return mail(day, {"UniqueTokenIdentifier": token}, "azure/signinlogs")


def send(day: float) -> Record:
    """Make a record that is no mail read; the last record of a stream starts the quarantine."""
    return mail(day, {"Operation": "Send", "ResultStatus": "Succeeded"})


def feeds() -> list[Record]:
    """Sign-in logs without a gap: a row of each table that must be complete for every hour."""
    rows = []
    for table in ("SigninLogs", "AADNonInteractiveUserSignInLogs"):
        rows += [dataclasses.replace(sign_in(hour / 24, "F" * 21 + "A"), table=table) for hour in range(-48, 24 * 31)]
    return rows


def baseline_row(app: str = GRAPH, client: str = APP, kind: str = "REST", **more: object) -> Row:
    """Return a row of a combination that has been normal for three weeks, with some cells changed."""
    cells: dict[str, object] = {
        "mail_app_key": f"{app or '-'}|{client or '-'}|{kind}",
        "app_id": app,
        "client_app_id": client,
        "client_kind": kind,
        "mailbox_guid": "",
        "first_seen": "2026-02-01T09:00:00Z",
        "last_seen": "2026-02-20T09:00:00Z",
        "days_seen": 5,
        "mailboxes": 2,
        "records": 12,
        "status": Status.ESTABLISHED,
        "learned_from": "2026-02-01T09:00:00Z",
        "learned_to": "2026-02-22T09:00:00Z",
    }
    return Row(**{**cells, **more})  # type: ignore[arg-type]
