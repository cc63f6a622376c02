"""Mail reads and other records of mailboxes, in the raw shape of the unified audit log."""

from __future__ import annotations

from datetime import datetime

from ordinary.apps import EXCHANGE_ID, Client, Kind, Service
from ordinary.log import Log, seconds, token_of
from ordinary.people import Person
from ordinary.signins import Token

TENANT = "0605f9e1-95c8-4a8a-9ec7-b5c3292dffb2"
BACK_END_ADDRESS = "2603:10a6:800:125::13"
_BIND = [{"Name": "MailAccessType", "Value": "Bind"}, {"Name": "IsThrottled", "Value": "False"}]
_BIND_TURNED = [{"Value": "False", "Name": "IsThrottled"}, {"Value": "Bind", "Name": "MailAccessType"}]
_BIND_TODAY = [{"Name": "MailAccessType", "Value": "Bind"}]
_SYNC = [{"Name": "MailAccessType", "Value": "Sync"}, {"Name": "IsThrottled", "Value": "False"}]
_THROTTLED = [{"Name": "MailAccessType", "Value": "Bind"}, {"Name": "IsThrottled", "Value": "True"}]
_FOLDERS = ("\\Inbox", "\\Inbox", "\\Sent Items", "\\Boîte de réception", "\\Inbox\\Projects", "\\Deleted Items")
_WITH_TOKEN = {Kind.WEB: 0.9, Kind.PHONE: 0.998, Kind.GRAPH: 0.6}
"""Share of a client's records that have a token id. Nobody has published one: these are invented."""
_NO_CONTEXT: tuple[object, ...] = (None, {}, {"APIId": ""}, {"APIId": EXCHANGE_ID, "UniqueTokenId": ""})


def _common(time: datetime, person: Person, operation: str, record_type: int) -> dict[str, object]:
    return {
        "CreationTime": seconds(time),
        "Operation": operation,
        "OrganizationId": TENANT,
        "RecordType": record_type,
        "ResultStatus": "Succeeded",
        "UserKey": person.puid,
        "UserType": 0,
        "Workload": "Exchange",
        "UserId": person.upn,
        "ExternalAccess": False,
        "InternalLogonType": 0,
        "LogonType": 0,
        "LogonUserSid": person.sid,
        "MailboxGuid": person.mailbox,
        "MailboxOwnerSid": person.sid,
        "MailboxOwnerUPN": person.upn,
        "OriginatingServer": "AM0PR01MB0001 (15.20.9000.000)\r\n",
    }


def _bundle(log: Log, fields: dict[str, object], most: int) -> None:
    """Add the messages that a record bundles; the items are left out, as their number is what counts."""
    count = 1 if log.rng.random() < 0.6 else log.rng.randint(1, most)
    items = [{"InternetMessageId": f"<{log.rng.getrandbits(40):010X}@contoso.example>"}]
    fields["Folders"] = [{"Path": log.rng.choice(_FOLDERS), "FolderItems": items * count}]
    fields["OperationCount"] = count


def read_by_client(
    log: Log, time: datetime, person: Person, client: Client, token: Token, address: str, mailbox: Person | None = None
) -> None:
    """Add a read of a person's own mailbox, or as a delegate of another one."""
    owner = mailbox or person
    fields = _common(time, owner, "MailItemsAccessed", 50)
    fields |= {"UserKey": person.puid, "UserId": _spelled(log, person), "LogonUserSid": person.sid}
    fields |= {"ClientInfoString": client.info, "ClientIPAddress": address}
    if owner is not person:
        fields |= {"LogonType": 2, "InternalLogonType": 0}
    if client.kind is Kind.DESKTOP:
        fields |= {"RecordType": 2, "ClientIP": address, "OperationProperties": _SYNC}
        fields |= {
            "SessionId": token.session,
            "ClientProcessName": "OUTLOOK.EXE",
            "Item": {"ParentFolder": {"Name": "Projects"}},
        }
        log.mail(time, fields)
        return
    fields["OperationProperties"] = log.rng.choice((_BIND, _BIND, _BIND_TURNED))
    # A third of the older web client's records has neither of the ids.
    if client.app_id and not (client.kind is Kind.WEB_OLD and log.rng.random() < 0.35):
        fields["AppId"] = client.app_id
        if client.client_id:
            fields["ClientAppId"] = client.client_id
    if client.kind in (Kind.WEB_OLD, Kind.PHONE_OLD):
        fields["SessionId"] = token.session
    if client.kind in _WITH_TOKEN:
        _today(log, fields, person, client, token)
    _bundle(log, fields, 11)
    log.mail(time, fields)


def _today(log: Log, fields: dict[str, object], person: Person, client: Client, token: Token) -> None:
    """Add what records of today have."""
    fields |= {"OperationProperties": _BIND_TODAY, "AuthType": "Bearer", "TokenType": "V1AppActAs"}
    fields |= {"TokenObjectId": person.object_id, "TokenTenantId": TENANT}
    if client.kind is Kind.GRAPH:
        agent = log.rng.choice(("NoUserAgent", "Mozilla/5.0"))
        fields["ActorInfoString"] = f"Client=REST;;UserAgent=[{agent}][AppId={client.client_id}];"
    if log.rng.random() >= _WITH_TOKEN[client.kind]:
        context = log.rng.choice(_NO_CONTEXT)
        if context is not None:
            fields["AppAccessContext"] = context
        return
    found = {
        "APIId": client.app_id if log.rng.random() < 0.8 else client.app_id.upper(),
        "ClientAppId": client.client_id,
        "CorrelationId": log.guid(),
        "IssuedAtTime": seconds(token.issued),
        "UniqueTokenId": token.id,
    }
    if client.kind is not Kind.GRAPH:
        found["AADSessionId"] = token.session
    fields["AppAccessContext"] = found


def _spelled(log: Log, person: Person) -> str:
    """Write a name as one of several services does."""
    return person.upn if log.rng.random() < 0.9 else person.upn.capitalize()


def read_by_back_end(log: Log, time: datetime, person: Person, service: Service) -> None:
    """Add a read by one of Microsoft's services. It names the owner, and its token is in nobody's sign-ins."""
    fields = _common(time, person, "MailItemsAccessed", 50)
    fields |= {"AppId": service.app_id, "ClientAppId": service.client_id, "ClientIPAddress": BACK_END_ADDRESS}
    fields |= {"ClientInfoString": "Client=REST;Client=RESTSystem;;", "OperationProperties": _BIND}
    fields["ActorInfoString"] = f"Client=REST;Client=RESTSystem;UserAgent=[NoUserAgent][AppId={service.client_id}];"
    if service.with_token and log.rng.random() < service.with_token:
        fields["AppAccessContext"] = {"UniqueTokenId": token_of(log.request()), "ClientAppId": service.client_id}
    _bundle(log, fields, 3)
    log.mail(time, fields)


def read_by_service(
    log: Log, time: datetime, person: Person, service: Service, token: Token, items: int = 0, *, throttled: bool = False
) -> None:
    """Add a read by an application in its own name: it shows the mailbox as the user."""
    fields = _common(time, person, "MailItemsAccessed", 50)
    fields |= {"UserType": 5, "UserKey": service.client_id, "AppId": service.app_id, "ClientAppId": service.client_id}
    fields |= {"ClientInfoString": service.info, "ClientIPAddress": "2001:db8:ffff::10"}
    fields["OperationProperties"] = _THROTTLED if throttled else _BIND_TODAY
    fields["AppAccessContext"] = {
        "ClientAppId": service.client_id,
        "IssuedAtTime": seconds(token.issued),
        "UniqueTokenId": token.id,
    }
    _bundle(log, fields, 5)
    if items:
        fields["OperationCount"] = items
    log.mail(time, fields)


def failed_read(log: Log, time: datetime, person: Person, client: Client, address: str) -> None:
    """Add a read that was refused."""
    fields = _common(time, person, "MailItemsAccessed", 2 if client.kind is Kind.DESKTOP else 50)
    fields |= {"ResultStatus": "Failed", "ClientInfoString": client.info, "ClientIPAddress": address}
    fields["OperationProperties"] = _SYNC if client.kind is Kind.DESKTOP else _BIND
    if client.app_id:
        fields["AppId"] = client.app_id
    log.mail(time, fields)


def other_operation(log: Log, time: datetime, person: Person, client: Client, address: str) -> None:
    """Add something else that people do with mail."""
    operation = log.rng.choice(("Send", "Create", "Update", "MoveToDeletedItems", "SoftDelete", "HardDelete"))
    fields = _common(time, person, operation, 3 if operation.startswith(("Move", "Soft", "Hard")) else 2)
    fields |= {"ClientInfoString": client.info, "ClientIP": address, "ClientIPAddress": address}
    if client.app_id:
        fields["AppId"] = client.app_id
    if client.client_id:
        fields["ClientAppId"] = client.client_id
    log.mail(time, fields)


def attachment(log: Log, time: datetime, person: Person, service: Service, token: Token) -> None:
    """Add the read of an attachment by an application, which leaves no mail read."""
    fields = _common(time, person, "AttachmentAccess", 50)
    fields |= {"UserType": 5, "UserKey": service.client_id, "AppId": service.app_id, "ClientAppId": service.client_id}
    fields |= {"ClientInfoString": service.info, "ClientIPAddress": "2001:db8:ffff::10"}
    fields["OperationProperties"] = [{"Name": "AttachmentAccessType", "Value": "Bind"}]
    fields["AppAccessContext"] = {"ClientAppId": service.client_id, "UniqueTokenId": token.id}
    fields["Messages"] = [{"Path": "Messages", "MessageItems": [{"SizeInBytes": 2379}]}]
    fields["OperationCount"] = 1
    log.mail(time, fields)
