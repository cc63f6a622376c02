"""Synthetic records for the pack's own rules: example names, documentation addresses, drawn from a fixed number."""

from __future__ import annotations

import base64
import json
import random
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

from simulation import DAY, HOUR, MINUTE, Delay
from unissued.record import Origin, Record, utc_text

START = datetime(2026, 3, 2, tzinfo=UTC)
SIGN_INS = "azure/signinlogs"
_ORIGIN = Origin("synthetic", 0)
_EXCHANGE_ONLINE = "00000002-0000-0ff1-ce00-000000000000"
_KEY = "[KeyIdentifier=4b8b9d9d-6519-5203-8b7f-6580cf285731,KeyType=Password,KeyUsage=Verify,DisplayName=rotate]"


@dataclass
class Traffic:
    """Records in the making.

    Args:
        rng: where the chance comes from.
        delay: how long after its event a record arrives.
        again: which share of the records arrives a second time, one to eight hours after the first.
    """

    rng: random.Random
    delay: Delay
    again: float = 0.15
    firsts: list[Record] = field(default_factory=list)
    """Every record once, as it came first."""
    copies: list[Record] = field(default_factory=list)

    @property
    def everything(self) -> list[Record]:
        """What arrives."""
        return [*self.firsts, *self.copies]

    def guid(self) -> str:
        """Draw an id."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def token(self) -> str:
        """Draw the id of a token."""
        return base64.urlsafe_b64encode(self.rng.randbytes(16)).decode().rstrip("=")

    def add(self, source: str, second: int, fields: Mapping[str, object], table: str = "", late: int = -1) -> Record:
        """Add a record of a second of the traffic; it arrives ``late`` seconds after it, by default as is usual."""
        time = START + timedelta(seconds=second)
        arrived = time + timedelta(seconds=late if late >= 0 else self.delay(self.rng))
        identity = self.guid()
        record = Record(source, {"Id": identity, **fields}, time, arrived, identity, table, _ORIGIN)
        self.firsts.append(record)
        if self.rng.random() < self.again:
            shift = timedelta(seconds=self.rng.randint(HOUR, 8 * HOUR))
            self.copies.append(replace(record, ingested=arrived + shift))
        return record

    def mail(
        self, second: int, app: str, mailbox: str, *, client: str = "Client=REST;", token: str = "", late: int = -1
    ) -> Record:
        """Add a mail read by an application."""
        said = utc_text(START + timedelta(seconds=second)).removesuffix("Z")
        fields: dict[str, object] = {
            "Workload": "Exchange",
            "Operation": "MailItemsAccessed",
            "ResultStatus": "Succeeded",
            "CreationTime": said,
            "AppId": _EXCHANGE_ONLINE,
            "ClientAppId": app,
            "ClientInfoString": client,
            "ClientIPAddress": "198.51.100.7",
            "MailboxGuid": mailbox,
            "UserId": "alice@contoso.example",
            "UserType": 0,
            "LogonType": 0,
        }
        if token:
            fields["AppAccessContext"] = {"UniqueTokenId": token}
        return self.add("m365/exchange", second, fields, late=late)

    def secret(self, second: int, app: str) -> None:
        """Add a new credential of an application, as the directory and as the unified audit log report it."""
        said = utc_text(START + timedelta(seconds=second))
        key = json.dumps([_KEY])
        entra: dict[str, object] = {
            "ActivityDateTime": said,
            "TimeGenerated": said,
            "OperationName": "Add service principal credentials",
            "Result": "success",
            "AdditionalDetails": [{"key": "AppId", "value": app}],
            "TargetResources": [{"modifiedProperties": [{"displayName": "KeyDescription", "newValue": key}]}],
        }
        unified: dict[str, object] = {
            "Workload": "AzureActiveDirectory",
            "Operation": "Add service principal credentials.",
            "ResultStatus": "Success",
            "CreationTime": said.removesuffix("Z"),
            "ExtendedProperties": [{"Name": "additionalDetails", "Value": json.dumps({"AppId": app})}],
            "ModifiedProperties": [{"Name": "KeyDescription", "NewValue": key}],
        }
        self.add("azure/auditlogs", second, entra, "AuditLogs")
        self.add("m365/audit", second, unified)

    def sign_in(self, second: int, token: str, late: int) -> None:
        """Add the sign-in that issued a token."""
        said = utc_text(START + timedelta(seconds=second))
        fields = {"CreatedDateTime": said, "TimeGenerated": said, "UniqueTokenIdentifier": token}
        self.add(SIGN_INS, second, fields, "AADNonInteractiveUserSignInLogs", late)


def scripted_clients(made: Traffic, hours: int, amount: int) -> None:
    """Mail reads in the name of Exchange Online; those of Outlook on the web are no match."""
    for _ in range(amount):
        client = made.rng.choice(("Client=OWA;Action=ViaProxy", "Client=WebServices;", "python-requests/2.32"))
        made.mail(made.rng.randrange(hours * HOUR), "", made.guid(), client=client)


def many_mailboxes(made: Traffic, hours: int, amount: int) -> None:
    """Applications that read mailboxes in bursts: enough of them, just too few, twice the same day, for hours."""
    for number in range(amount):
        app, start = made.guid(), made.rng.randrange(hours * HOUR)
        length = made.rng.randint(10, 60) * MINUTE
        shape = number % 6
        count = 9 if shape == 4 else made.rng.randint(10, 14)
        for _ in range(count):
            made.mail(start + made.rng.randint(0, length), app, made.guid())
        if shape == 5:
            again = start + length + made.rng.randint(2 * HOUR, 5 * HOUR)
            for _ in range(10):
                made.mail(again + made.rng.randint(0, length), app, made.guid())
        if number % 12 == 0:
            boxes = [made.guid() for _ in range(30)]
            for _ in range(40):
                made.mail(start + made.rng.randint(0, 3 * HOUR), app, made.rng.choice(boxes))


def new_secrets(made: Traffic, hours: int, amount: int) -> None:
    """Applications that get credentials and read mail: soon after, a day after, before, never."""
    for _ in range(amount):
        app, start = made.guid(), made.rng.randrange(hours * HOUR)
        made.secret(start, app)
        if made.rng.random() < 0.3:
            made.secret(start + made.rng.randint(HOUR, 30 * HOUR), app)
        for _ in range(made.rng.randint(0, 3)):
            made.mail(start + made.rng.choice((0, DAY, DAY + 1, made.rng.randint(-6 * HOUR, 26 * HOUR))), app, "")


def tokens(made: Traffic, hours: int, amount: int) -> None:
    """Mail read with tokens: never issued, issued, issued by a sign-in whose record comes late or too late."""
    for number in range(amount):
        token, start = made.token(), made.rng.randrange(hours * HOUR)
        reads = [start + made.rng.randint(0, 3 * HOUR) for _ in range(made.rng.choice((1, 1, 1, 2, 4)))]
        for second in reads:
            made.mail(second, "", made.guid(), token=token)
        if number % 2:
            late = made.rng.choice((2 * MINUTE, 30 * MINUTE, made.rng.randint(HOUR, 20 * HOUR)))
            made.sign_in(start - made.rng.randint(0, 28 * HOUR), token, late)


def feeds(until: datetime) -> list[Record]:
    """Return sign-ins without any content, one an hour and table, from two days before the traffic: feeds are alive."""
    found = []
    for table in ("SigninLogs", "AADNonInteractiveUserSignInLogs"):
        time = START - timedelta(days=2)
        while time <= until:
            fields = {"CreatedDateTime": utc_text(time), "TimeGenerated": utc_text(time)}
            found.append(Record(SIGN_INS, fields, time, time, "", table, _ORIGIN))
            time += timedelta(hours=1)
    return found


Make = Callable[[Traffic, int, int], None]
TRAFFIC: Mapping[str, Make] = {
    "mail_owa_identity_scripted_client": scripted_clients,
    "mail_app_reads_many_mailboxes": many_mailboxes,
    "app_new_secret_then_mail_read": new_secrets,
    "mail_token_never_issued": tokens,
}
"""A rule of each kind, and what it has to look at."""
