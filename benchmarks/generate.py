"""Writes an export of mail reads as large as asked for: an ordinary tenant, day by day, and a few who do not belong.

Records have the shape and the size of today's records of Exchange (about 2.4 KB): docs/exports.md A8. Names are
examples, addresses those of documentation, ids drawn from a fixed number, so that the same arguments give the same
bytes. Beside the export lie the lists that the tenant's people would have filled.
"""

from __future__ import annotations

import argparse
import base64
import json
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

START = datetime(2026, 3, 2, tzinfo=UTC)
TENANT = "0605f9e1-95c8-4a8a-9ec7-b5c3292dffb2"
EXCHANGE_ONLINE = "00000002-0000-0ff1-ce00-000000000000"
GRAPH = "00000003-0000-0000-c000-000000000000"
TOKEN_LIVES = 3600
READS_A_DAY = 200
"""Of one person."""
STRANGER = 20_000
"""One record in so many is a read by an application that nobody knows."""


@dataclass(frozen=True)
class Person:
    """A mailbox and who owns it."""

    upn: str
    key: str
    sid: str
    mailbox: str
    object_id: str
    address: str
    server: str
    app: tuple[str, str, str]
    """Application, client application, client: what this person reads mail with."""


def guid(rng: random.Random) -> str:
    """Draw an id."""
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def text(rng: random.Random, size: int) -> str:
    """Draw bytes, written in base64."""
    return base64.urlsafe_b64encode(rng.randbytes(size)).decode("ascii").rstrip("=")


def people(rng: random.Random, number: int, apps: list[tuple[str, str, str]]) -> list[Person]:
    """Draw the people of the tenant."""
    return [
        Person(
            upn=f"user{index:05}@contoso.example",
            key=f"1003200{index:09X}",
            sid=f"S-1-5-21-1004336348-1177238915-682003330-{4000 + index}",
            mailbox=guid(rng),
            object_id=guid(rng),
            address=f"198.51.100.{index % 250 + 1}",
            server=f"AM{index % 9 + 1}PR01MB{7000 + index % 400}",
            app=rng.choice(apps),
        )
        for index in range(number)
    ]


def records(rng: random.Random, number: int, mailboxes: int, apps: list[tuple[str, str, str]]) -> Iterator[str]:
    """Yield records as lines without their end, by time."""
    tenant = people(rng, mailboxes, apps)
    tokens: dict[str, tuple[int, str, str]] = {}
    each = 86_400 / (mailboxes * READS_A_DAY)
    for index in range(number):
        second = int(index * each)
        person = rng.choice(tenant)
        app = person.app
        if rng.randrange(STRANGER) == 0:
            app = (GRAPH, guid(rng), "Client=REST;;")
        issued, token, session = tokens.get(person.upn, (-TOKEN_LIVES, "", ""))
        if second - issued >= TOKEN_LIVES:
            issued, token = second, text(rng, 16)
            session = session or guid(rng)
            tokens[person.upn] = issued, token, session
        yield _record(rng, second, person, app, issued, token, session)


def _record(
    rng: random.Random, second: int, person: Person, app: tuple[str, str, str], issued: int, token: str, session: str
) -> str:
    created, since = ((START + timedelta(seconds=one)).strftime("%Y-%m-%dT%H:%M:%S") for one in (second, issued))
    count = rng.choice((1, 1, 1, 2, 3, 6))
    items = ",".join(
        f'{{"ClientRequestId":"{guid(rng)}","Id":"RgAAAAD{text(rng, 48)}","ImmutableId":"LgAAAAB{text(rng, 60)}",'
        f'"InternetMessageId":"<{text(rng, 18)}@{person.server}.eurprd01.prod.exchangelabs.com>",'
        f'"SizeInBytes":{rng.randint(2000, 90000)}}}'
        for _ in range(count)
    )
    return (
        f'{{"CreationTime":"{created}","Id":"{guid(rng)}","Operation":"MailItemsAccessed","OrganizationId":"{TENANT}",'
        f'"RecordType":50,"ResultStatus":"Succeeded","UserKey":"{person.key}","UserType":0,"Version":1,'
        f'"Workload":"Exchange","UserId":"{person.upn}","AppId":"{app[0]}","ClientAppId":"{app[1]}",'
        f'"ClientIPAddress":"{person.address}","ClientInfoString":"{app[2]}","ExternalAccess":false,'
        f'"InternalLogonType":0,"LogonType":0,"LogonUserSid":"{person.sid}","MailboxGuid":"{person.mailbox}",'
        f'"MailboxOwnerSid":"{person.sid}","MailboxOwnerUPN":"{person.upn}","OperationProperties":'
        '[{"Name":"MailAccessType","Value":"Bind"},{"Name":"IsThrottled","Value":"False"}],'
        f'"OrganizationName":"contoso.example","OriginatingServer":"{person.server} (15.20.6477.021)\\r\\n",'
        f'"TokenObjectId":"{person.object_id}","TokenTenantId":"{TENANT}","AuthType":"Bearer",'
        f'"TokenType":"V1AppActAs","AppAccessContext":{{"AADSessionId":"{session}","APIId":"{app[0]}",'
        f'"ClientAppId":"{app[1]}","CorrelationId":"{guid(rng)}","IssuedAtTime":"{since}","UniqueTokenId":"{token}"}},'
        f'"Folders":[{{"FolderItems":[{items}],"Id":"LgAAAACr{text(rng, 42)}","Path":"\\\\Inbox"}}],'
        f'"OperationCount":{count}}}'
    )


def write(path: Path, number: int, mailboxes: int = 2_000, seed: int = 5) -> dict[str, Path]:
    """Write an export and the tenant's lists; return the lists' files by name."""
    rng = random.Random(seed)
    web = (EXCHANGE_ONLINE, EXCHANGE_ONLINE, "Client=OWA;Action=ViaProxy")
    apps = [web, web, *((GRAPH, guid(rng), "Client=REST;;") for _ in range(6))]
    with path.open("w", encoding="ascii", newline="\n") as target:
        for line in records(rng, number, mailboxes, apps):
            target.write(line + "\n")
    clients = sorted({app[1] for app in apps})
    keys = sorted({f"{app[0]}|{app[1]}|{app[2].split(';')[0].removeprefix('Client=')}" for app in apps})
    lists = {
        "approved_mail_apps": clients,
        "baseline_mail_apps": keys,
        "mail_apps_with_token_id": keys,
        "ews_allowed_apps": clients,
        "anonymiser_addresses": ["192.0.2.255"],
    }
    files = {name: path.with_name(f"{path.stem}.{name}.csv") for name in lists}
    for name, entries in lists.items():
        files[name].write_text("\n".join([name, *entries]) + "\n", encoding="ascii")
    return files


def main() -> None:
    """Write one export."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("path", type=Path)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--mailboxes", type=int, default=2_000)
    parser.add_argument("--seed", type=int, default=5)
    given = parser.parse_args()
    files = write(given.path, given.records, given.mailboxes, given.seed)
    print(json.dumps({name: str(file) for name, file in files.items()}, indent=2))


if __name__ == "__main__":
    main()
