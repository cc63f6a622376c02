"""Directory changes, as Entra's audit or as its twin in the unified audit log, whichever a tenant collects."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from ordinary.log import ENTRA, UNIFIED, Log, seconds
from ordinary.people import Person
from unissued.record import utc_text

_TENANT = "0605f9e1-95c8-4a8a-9ec7-b5c3292dffb2"
_EXCHANGE_ID = "00000002-0000-0ff1-ce00-000000000000"
_GRAPH_ID = "00000003-0000-0000-c000-000000000000"


@dataclass(frozen=True)
class Change:
    """One change: who made what of what. ``properties`` are the new values, ``details`` the additional ones."""

    operation: str
    actor: Person
    target: str
    target_id: str
    properties: Mapping[str, str]
    details: Mapping[str, str]
    object_id: str = ""
    """What the unified audit log calls the object."""
    service_name: str = ""
    """Where Microsoft writes the name of a service beside a person's."""
    succeeded: bool = True


@dataclass(frozen=True)
class Directory:
    """Writes changes; ``entra`` says in which of the two shapes."""

    log: Log
    entra: bool

    def write(self, time: datetime, change: Change) -> None:
        """Add the record of a change."""
        if self.entra:
            self.log.audit(ENTRA, "AuditLogs", time, self._entra(time, change))
        else:
            self.log.audit(UNIFIED, "", time, self._unified(time, change))

    def _entra(self, time: datetime, change: Change) -> dict[str, object]:
        said = utc_text(time)
        modified = [
            # Entra writes values with quotation marks inside the text.
            {"displayName": name, "oldValue": None, "newValue": value if name in _BARE else json.dumps(value)}
            for name, value in change.properties.items()
        ]
        target = {"id": change.target_id, "displayName": change.target, "modifiedProperties": modified}
        if "@" in change.object_id:
            target["userPrincipalName"] = change.object_id
        user = {
            "id": change.actor.object_id,
            "userPrincipalName": change.actor.upn,
            "displayName": change.service_name or None,
        }
        return {
            "TimeGenerated": said,
            "ActivityDateTime": said,
            "Id": f"Directory_{self.log.guid()}_{self.log.rng.getrandbits(20):05X}_{self.log.rng.getrandbits(24)}",
            "OperationName": change.operation.removesuffix("."),
            "Result": "success" if change.succeeded else "failure",
            "Category": "AuditLogs",
            "CorrelationId": self.log.guid(),
            "InitiatedBy": {"user": user},
            "TargetResources": [target],
            "AdditionalDetails": [{"key": key, "value": value} for key, value in change.details.items()],
            "Type": "AuditLogs",
        }

    def _unified(self, time: datetime, change: Change) -> dict[str, object]:
        modified = [
            {"Name": name, "NewValue": value, "OldValue": "[]" if value.startswith("[") else ""}
            for name, value in change.properties.items()
        ]
        return {
            "Id": self.log.guid(),
            "CreationTime": seconds(time),
            "Operation": change.operation,
            "OrganizationId": _TENANT,
            "RecordType": 8,
            "ResultStatus": "Success" if change.succeeded else "Failure",
            "UserKey": f"{change.actor.puid}@contoso.example",
            "UserType": 0,
            "Workload": "AzureActiveDirectory",
            "UserId": change.actor.upn,
            "ObjectId": change.object_id or "Not Available",
            "ExtendedProperties": [{"Name": "additionalDetails", "Value": json.dumps(dict(change.details))}],
            "ModifiedProperties": modified,
        }


_BARE = ("KeyDescription", "ConsentAction.Permissions", "LicenseAssignmentDetail")
"""Properties whose text has its own form."""


def consent(log: Log, actor: Person, app: str, scope: str, *, succeeded: bool = True) -> Change:
    """Return the consent of a person to an application."""
    granted = (
        f"[] => [[Id: {log.guid()}, ClientId: {log.guid()}, PrincipalId: {actor.object_id}, ResourceId: {log.guid()}, "
        f"ConsentType: Principal, Scope: {scope}, CreatedDateTime: , LastModifiedDateTime ]]; "
    )
    properties = {"ConsentContext.IsAdminConsent": "False", "ConsentAction.Permissions": granted}
    return Change("Consent to application.", actor, "App", log.guid(), properties, {"AppId": app}, app, "", succeeded)


def role(log: Log, actor: Person, app: str, value: str, *, exchange: bool = False) -> Change:
    """Return the grant of an application permission."""
    properties = {"AppRole.Id": log.guid(), "AppRole.Value": value, "ServicePrincipal.AppId": app}
    resource = _EXCHANGE_ID if exchange else _GRAPH_ID
    operation = "Add app role assignment to service principal."
    return Change(
        operation,
        actor,
        "Resource",
        log.guid(),
        properties,
        {"AppId": resource},
        f"https://resource.example;{resource}",
    )


def secret(log: Log, actor: Person, app: str) -> Change:
    """Return the rotation of an application's secret."""
    key = f"[KeyIdentifier={log.guid()},KeyType=Password,KeyUsage=Verify,DisplayName=rotate]"
    operation = "Update application – Certificates and secrets management "
    return Change(
        operation,
        actor,
        "App",
        log.guid(),
        {"KeyDescription": json.dumps([key])},
        {"AppId": app},
        f"Application_{log.guid()}",
    )


def user_created(actor: Person, person: Person) -> Change:
    """Return the creation of an account."""
    properties = {"AccountEnabled": "[true]", "UserPrincipalName": json.dumps([person.upn])}
    return Change("Add user.", actor, "", person.object_id, properties, {"User-Agent": "EvoSTS"}, person.upn)


def everyday(log: Log, actor: Person, person: Person) -> Change:
    """Return one of the changes that directories are full of."""
    operation, name, value = log.rng.choice(
        (
            ("Update user.", "Department", '["Sales"]'),
            ("Update user.", "LicenseAssignmentDetail", _licence(log)),
            ("Change user license.", "AssignedLicense", "[SkuName=ENTERPRISEPACK]"),
            ("Add member to group.", "Group.DisplayName", "Readers"),
            ("Remove member from group.", "Group.DisplayName", "Readers"),
            ("Update device.", "DeviceOSVersion", "10.0.26100"),
            ("Add app role assignment grant to user.", "AppRole.Value", ""),
            ("Add service principal.", "DisplayName", "Timesheets"),
            ("Update application.", "RequiredResourceAccess", '[{"RequiredAppPermissions":[]}]'),
            ("Update service principal.", "AppAddress", "https://timesheets.example"),
        )
    )
    return Change(operation, actor, person.upn, person.object_id, {name: value}, {"User-Agent": "EvoSTS"}, person.upn)


def _licence(log: Log) -> str:
    return json.dumps([{"SkuId": log.guid(), "DisabledPlans": [log.guid()]}])


def group_by_exchange(log: Log, actor: Person) -> Change:
    """Return the change of a group by Exchange in a person's name, which shows a service's name beside theirs."""
    properties = {"Group.DisplayName": "Project"}
    return Change(
        "Update group.", actor, "Project", log.guid(), properties, {}, "Project", "Office 365 Exchange Online"
    )


def exchange_cmdlet(
    log: Log, time: datetime, actor: str, operation: str, parameters: Mapping[str, str], user_type: int
) -> None:
    """Add the record of an Exchange cmdlet."""
    fields: dict[str, object] = {
        "CreationTime": seconds(time),
        "Operation": operation,
        "OrganizationId": _TENANT,
        "RecordType": 1,
        "ResultStatus": "True",
        "UserKey": actor,
        "UserType": user_type,
        "Workload": "Exchange",
        "ClientIP": "" if user_type == 3 else f"198.51.100.7:{log.rng.randint(1024, 65535)}",
        "ObjectId": "Settings",
        "UserId": actor,
        "AppId": "",
        "ClientAppId": "",
        "ExternalAccess": user_type == 3,
        "OriginatingServer": "AM0PR01MB0001 (15.20.9000.000)",
        "Parameters": [{"Name": name, "Value": value} for name, value in parameters.items()],
    }
    log.mail(time, fields)


def admin_noise(log: Log, start: datetime, actor: Person, count: int) -> None:
    """Add a day's cmdlets: mostly Exchange talking to itself."""
    for _ in range(count):
        time = start + timedelta(seconds=log.rng.randrange(24 * 3600))
        if log.rng.random() < 0.7:
            service = "NT AUTHORITY\\SYSTEM (Microsoft.Exchange.ServiceHost)"
            exchange_cmdlet(log, time, service, "Set-AdminAuditLogConfig", {"AdminAuditLogEnabled": "True"}, 3)
            continue
        operation, parameters = log.rng.choice(
            (
                ("Set-Mailbox", {"Identity": "u001", "AuditEnabled": "True"}),
                ("Set-Mailbox", {"Identity": "u001", "ProhibitSendQuota": "90 GB"}),
                ("Set-MailboxAuditBypassAssociation", {"Identity": "scanner", "AuditBypassEnabled": "False"}),
                ("Add-MailboxPermission", {"Identity": "u001", "AccessRights": "FullAccess"}),
                ("New-InboxRule", {"Name": "Newsletters", "MoveToFolder": "Reading"}),
                ("Set-OrganizationConfig", {"MailTipsAllTipsEnabled": "True"}),
            )
        )
        exchange_cmdlet(log, time, actor.upn, operation, parameters, 2)
