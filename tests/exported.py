"""Files as the collecting tools write them, with invented content: two mail reads, two sign-ins, and so on."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal

from unissued.logs import Count

MAILBOX = "alice@contoso.example"
TOKEN = "cu_XVXyLLUq9SssiIwAgAA"  # noqa: S105 - an invented token id
APP = "9199bf20-a13f-4107-85dc-02114787ef48"
TENANT = "7d0c5f52-91f0-4a54-8b1d-000000000777"


def guid(number: int) -> str:
    return f"7d0c5f52-91f0-4a54-8b1d-{number:012d}"


@dataclass(frozen=True)
class Export:
    """What one tool leaves behind."""

    shape: str
    files: Mapping[str, bytes]
    count: Count
    ids: frozenset[str] = frozenset()
    partial: tuple[str, ...] = ()
    """A word of each reason to be partial."""
    refused: tuple[str, ...] = field(default=())
    """A word of each refusal."""


def core(number: int) -> dict[str, object]:
    """A mail read as the audit log keeps it."""
    return {
        "CreationTime": f"2026-03-11T08:1{number}:00",
        "Id": guid(number),
        "Operation": "MailItemsAccessed",
        "OrganizationId": TENANT,
        "RecordType": 50,
        "ResultStatus": "Succeeded",
        "UserKey": "10032004A1B2C3D4",
        "UserType": 0,
        "Version": 1,
        "Workload": "Exchange",
        "UserId": MAILBOX,
        "AppId": "00000003-0000-0000-c000-000000000000",
        "ClientAppId": APP,
        "ClientIPAddress": "2001:db8::7",
        "ClientInfoString": "Client=REST;Client=RESTSystem;;",
        "ExternalAccess": False,
        "LogonType": 0,
        "MailboxGuid": guid(500),
        "MailboxOwnerUPN": MAILBOX,
        "SessionId": guid(600),
        "AppAccessContext": {"ClientAppId": APP, "UniqueTokenId": TOKEN},
        "OperationProperties": [{"Name": "MailAccessType", "Value": "Bind"}, {"Name": "IsThrottled", "Value": "False"}],
        "Folders": [
            {"FolderItems": [{"InternetMessageId": f"<{number}@mail.example>", "SizeInBytes": 100}], "Path": "\\Inbox"}
        ],
        "OperationCount": 1,
    }


CORES = (core(1), core(2))
COMPACT = tuple(json.dumps(one, separators=(",", ":")) for one in CORES)
BOTH = frozenset((guid(1), guid(2)))
USED = Count(2, 2, 0, 0, 0)


def rows(*records: Mapping[str, object], quoting: Literal[0, 1] = csv.QUOTE_MINIMAL, end: str = "\r\n") -> str:
    out = io.StringIO(newline="")
    writer = csv.writer(out, quoting=quoting, lineterminator=end)
    writer.writerow(records[0])
    writer.writerows(record.values() for record in records)
    return out.getvalue()


def lines(*records: object) -> bytes:
    return "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records).encode()


def _search(number: int) -> dict[str, object]:
    """A row of Search-UnifiedAuditLog, in a culture with the day first."""
    return {
        "PSComputerName": "outlook.office365.com",
        "RunspaceId": guid(900),
        "PSShowComputerName": "False",
        "RecordType": "ExchangeItemAggregated",
        "CreationDate": f"11/03/2026 08:1{number}:00",
        "UserIds": MAILBOX,
        "Operations": "MailItemsAccessed",
        "AuditData": COMPACT[number - 1],
        "ResultIndex": str(number),
        "ResultCount": "2",
        "Identity": guid(number),
        "IsValid": "True",
        "ObjectState": "Unchanged",
    }


def _portal(number: int, date: str, **more: str) -> dict[str, object]:
    return {
        "RecordId": guid(number),
        "CreationDate": date,
        "RecordType": 50,
        "Operation": "MailItemsAccessed",
        "UserId": MAILBOX,
        "AuditData": COMPACT[number - 1],
        **more,
    }


def _graph_query(number: int) -> dict[str, object]:
    return {
        "id": guid(number),
        "createdDateTime": f"2026-03-11T08:1{number}:00Z",
        "auditLogRecordType": "exchangeItemAggregated",
        "operation": "MailItemsAccessed",
        "organizationId": TENANT,
        "userType": "Regular",
        "userId": "10032004A1B2C3D4",
        "service": "Exchange",
        "objectId": None,
        "userPrincipalName": MAILBOX,
        "clientIp": None,
        "administrativeUnits": [""],
        "auditData": {
            "@odata.type": "#microsoft.graph.security.defaultAuditData",
            "RecordType@odata.type": "#Int64",
            **core(number),
            "CreationTime": f"2026-03-11T08:1{number}:00Z",
        },
    }


def _graph_row(number: int) -> dict[str, object]:
    record = _graph_query(number)
    return record | {"administrativeUnits": "", "auditData": json.dumps(record["auditData"], indent=2)}


def _flattened(number: int) -> dict[str, object]:
    return {key: "System.Object[]" if isinstance(value, list) else value for key, value in core(number).items()}


def signin(number: int) -> dict[str, object]:
    """A sign-in as Microsoft Graph gives it."""
    return {
        "id": guid(10 + number),
        "createdDateTime": f"2026-03-11T07:4{number}:21.7974412+00:00",
        "userDisplayName": "Alice",
        "userPrincipalName": MAILBOX,
        "userId": guid(700),
        "appId": APP,
        "appDisplayName": "One Outlook Web",
        "ipAddress": "198.51.100.7",
        "clientAppUsed": "Browser",
        "correlationId": guid(800 + number),
        "conditionalAccessStatus": "notApplied",
        "isInteractive": False,
        "resourceId": "00000002-0000-0ff1-ce00-000000000000",
        "uniqueTokenIdentifier": TOKEN,
        "status": {"errorCode": 0, "failureReason": "Other."},
    }


SIGNINS = frozenset((guid(11), guid(12)))
_B1_COLUMNS = [
    "Date (UTC)",
    "Request ID",
    "User agent",
    "Correlation ID",
    "User ID",
    "User",
    "Username",
    "User type",
    "Cross tenant access type",
    "Incoming token type",
    "Authentication Protocol",
    "Unique token identifier",
    "Original transfer method",
    "Client credential type",
    "Token Protection - Sign In Session",
    "Token Protection - Sign In Session StatusCode",
    "Application",
    "Application ID ",
    "App owner tenant ID",
    "Resource",
    "Resource ID ",
    "Resource tenant ID",
    "Resource owner tenant ID",
    "Home tenant ID",
    "Home tenant name",
    "IP address",
    "Location",
    "Status",
    "Sign-in error code",
    "Failure reason",
    "Client app",
    "Device ID",
    "Browser",
    "Operating System",
    "Compliant",
    "Managed",
    "Join Type",
    "Multifactor authentication result",
    "Multifactor authentication auth method",
    "Multifactor authentication auth detail",
    "Authentication requirement",
    "Sign-in identifier",
    "Session ID",
    "IP address (seen by resource)",
    "Through Global Secure Access",
    "Global Secure Access IP address",
    "Autonomous system  number",
    "Flagged for review",
    "Token issuer type",
    "Incoming token type",
    "Token issuer name",
    "Latency",
    "Conditional Access",
    "Managed Identity type",
    "Associated Resource Id",
    "Federated Token Id",
    "Federated Token Issuer",
]
_APPLICATION_COLUMNS = [
    "Date (UTC)",
    "Request ID",
    "Correlation ID",
    "Service principal ID",
    "Service principal name",
    "Credential key ID",
    "Credential thumbprint",
    "Application",
    "Application ID ",
    "App owner tenant ID",
    "Resource",
    "Resource ID ",
    "Resource tenant ID",
    "Resource owner tenant ID",
    "Home tenant ID",
    "Home tenant name",
    "IP address",
    "Location",
    "Status",
    "Sign-in error code",
    "Failure reason",
    "Conditional Access",
]


def _portal_signins(columns: Sequence[str]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    writer.writerow(columns)
    for number in (1, 2):
        said = {
            "Date (UTC)": f"2026-03-11T07:4{number}:21Z",
            "Request ID": guid(10 + number),
            "Username": MAILBOX,
            "Unique token identifier": TOKEN,
            "Application ID ": APP,
            "IP address": "198.51.100.7",
            "Location": "Zagreb, Zagreb, HR",
            "Status": "Success",
            "Sign-in error code": "0",
            "Service principal ID": guid(701),
        }
        writer.writerow([said.get(column, "") for column in columns])
    return out.getvalue().encode()


def _change(number: int) -> dict[str, object]:
    return {
        "id": f"Directory_{guid(20 + number)}_AB12C_34567",
        "category": "ApplicationManagement",
        "correlationId": guid(800),
        "result": "success",
        "resultReason": "",
        "activityDisplayName": "Consent to application",
        "activityDateTime": f"2026-03-11T06:0{number}:00.1234567Z",
        "loggedByService": "Core Directory",
        "operationType": "Assign",
        "initiatedBy": {"app": None, "user": {"userPrincipalName": MAILBOX}},
        "targetResources": [{"id": guid(701), "displayName": "Mail reader", "modifiedProperties": []}],
        "additionalDetails": [{"key": "AppId", "value": APP}],
    }


CHANGES = frozenset(str(_change(number)["id"]) for number in (1, 2))


def _envelope(category: str, properties: Mapping[str, object]) -> dict[str, object]:
    return {
        "time": "2026-03-11T07:46:55.9144897Z",
        "resourceId": f"/tenants/{TENANT}/providers/Microsoft.aadiam",
        "operationName": "Sign-in activity",
        "category": category,
        "resultType": "0",
        "tenantId": TENANT,
        "callerIpAddress": "198.51.100.7",
        "Level": 4,
        "properties": properties,
    }


def _request(number: int) -> dict[str, object]:
    return {
        "timeGenerated": f"2026-03-11T08:0{number}:00.5Z",
        "requestId": guid(30 + number),
        "requestUri": "https://graph.example/v1.0/me/messages",
        "signInActivityId": TOKEN,
        "appId": APP,
        "responseStatusCode": 200,
        "ipAddress": "198.51.100.7",
    }


REQUESTS = frozenset((guid(31), guid(32)))


def office(number: int) -> dict[str, object]:
    """A row of OfficeActivity, its dynamics as text."""
    return {
        "TenantId": TENANT,
        "TimeGenerated": f"2026-03-11T08:1{number}:00Z",
        "RecordType": "50",
        "Operation": "MailItemsAccessed",
        "OfficeWorkload": "Exchange",
        "OfficeId": guid(number),
        "UserId": MAILBOX,
        "UserType": "Regular",
        "Logon_Type": "Owner",
        "Client_IPAddress": "2001:db8::7",
        "MailboxGuid": guid(500),
        "OperationProperties": json.dumps(CORES[number - 1]["OperationProperties"], indent=2).replace("\n", "\r\n"),
        "Type": "OfficeActivity",
    }


def _blade(number: int) -> dict[str, object]:
    row = {f"{key} [UTC]" if key == "TimeGenerated" else key: value for key, value in office(number).items()}
    return row | {"TimeGenerated [UTC]": f"3/{20 + number}/2026, 8:1{number}:00.000 AM"}


def hunted(number: int, *, as_text: bool) -> dict[str, object]:
    """A row of CloudAppEvents."""
    return {
        "Timestamp": f"2026-03-11T08:1{number}:00Z",
        "ActionType": "MailItemsAccessed",
        "Application": "Microsoft Exchange Online",
        "ApplicationId": 20893,
        "AccountDisplayName": "Alice",
        "IPAddress": "2001:db8::7",
        "ReportId": f"1_20893_{guid(number)}",
        "RawEventData": COMPACT[number - 1] if as_text else core(number),
    }


def _query_answer(records: Sequence[Mapping[str, object]]) -> dict[str, object]:
    columns = [{"name": name, "type": "string"} for name in records[0]]
    return {"tables": [{"name": "PrimaryResult", "columns": columns, "rows": [list(one.values()) for one in records]}]}


def _splunk_csv_of_csv() -> bytes:
    found = []
    for number in (1, 2):
        raw = rows(_search(number)).split("\r\n", 1)[1].rstrip("\r\n").replace("},", "},\r\n", 1)
        found.append(
            {
                "AuditData": COMPACT[number - 1],
                "Identity": guid(number),
                "_raw": raw,
                "_time": "1773216000",
                "__mv_x": "",
            }
        )
    return rows(*found, quoting=csv.QUOTE_ALL, end="\n").encode()


_pages = json.dumps([{**_search(1), "AuditData": core(1)}], indent=4) + "\r\n"
_pages += json.dumps({**_search(2), "AuditData": core(2)}, indent=4) + "\r\n"
_signin_rows = [
    {"Type": "SigninLogs", "TimeGenerated": f"2026-03-11T07:5{number}:00Z"}
    | {key[0].upper() + key[1:]: value for key, value in signin(number).items() if key != "resourceId"}
    for number in (1, 2)
]
_old_signins = rows(
    {
        "CreatedDateTime": "2021-03-11T07:45:21Z", "UserPrincipalName": MAILBOX, "UserDisplayName": "Alice",
        "AppDisplayName": "OWA", "IPAddress": "198.51.100.7", "City": "Zagreb", "Country": "HR", "Status": "Success",
    }
)  # fmt: skip
_sessions = {
    "TimeStamp": "2026-03-11T08:11:00", "User": MAILBOX, "Action": "MailItemsAccessed", "SessionId": guid(600),
    "ClientIP": "2001:db8::7", "MailAccessType": "Bind", "IsThrottled": "False", "OperationCount": "1",
}  # fmt: skip
_messages = {
    "Timestamp": "2026-03-11T08:11:00", "User": MAILBOX, "IP Address": "2001:db8::7", "SessionId": guid(600),
    "InternetMessageId": "<1@mail.example>", "Size": "100", "Folder": "\\Inbox",
}  # fmt: skip
_listed = {
    "contentType": "Audit.Exchange", "contentId": "x", "contentUri": "https://manage.example/x",
    "contentCreated": "2026-03-11T09:00:00Z", "contentExpiration": "2026-03-18T09:00:00Z",
}  # fmt: skip


EXPORTS: dict[str, Export] = {
    "portal_2022": Export(
        "A1", {"AuditLog.csv": rows(*(_portal(n, f"3/11/2026 8:1{n}:00 AM") for n in (1, 2))).encode()}, USED, BOTH
    ),
    "portal_2026": Export(
        "A1",
        {
            "7d0c.csv": rows(
                *(
                    _portal(
                        n, f"2026-03-11T08:1{n}:00.0000000Z ", AssociatedAdminUnits="", AssociatedAdminUnitsNames=""
                    )
                    for n in (1, 2)
                )
            ).encode("utf-8-sig")
        },
        USED,
        BOTH,
    ),
    "old_portal": Export(
        "A2",
        {
            "AuditLog_2019.csv": rows(
                *(
                    {
                        "CreationDate": f"2026-03-11T08:1{n}:00.0000000Z",
                        "UserIds": MAILBOX,
                        "Operations": "MailItemsAccessed",
                        "AuditData": COMPACT[n - 1],
                    }
                    for n in (1, 2)
                ),
                end="\n",
            ).encode()
        },
        USED,
        BOTH,
    ),
    "search_csv": Export(
        "A3",
        {
            "ual.csv": b"#TYPE Deserialized.Microsoft.Exchange.Data.ApplicationLogic.UnifiedAuditLogEvent\r\n"
            + rows(_search(1), _search(2), quoting=csv.QUOTE_ALL).encode()
        },
        USED,
        BOTH,
    ),
    "search_csv_new_module": Export(
        "A3",
        {
            "ual.csv": rows(
                *(dict(sorted(list(_search(n).items())[3:], reverse=True)) for n in (1, 2)), quoting=csv.QUOTE_ALL
            ).encode("utf-8-sig")
        },
        USED,
        BOTH,
    ),
    "search_json": Export("A4", {"ual.json": json.dumps([_search(1), _search(2)], indent=4).encode()}, USED, BOTH),
    "search_json_one_row_windows_powershell": Export(
        "A4",
        {"ual.json": json.dumps({**_search(1), "ResultCount": "1"}, indent=4).replace("\n", "\r\n").encode("utf-16")},
        Count(1, 1, 0, 0, 0),
        frozenset((guid(1),)),
    ),
    "extractor_pages": Export("A4", {"UAL-20260311-20260312.json": _pages.encode()}, USED, BOTH),
    "extractor_lines": Export("A4", {"UAL-20260311-20260312.jsonl": lines(_search(1), _search(2))}, USED, BOTH),
    "extractor_sof_elk": Export("A8", {"UAL-SOF-ELK.json": lines(*CORES)}, USED, BOTH),
    "extractor_windows_that_overlap": Export(
        "A3",
        {
            "UAL-1.csv": rows(_search(1), _search(2)).encode(),
            "UAL-2.csv": rows(_search(2)).encode(),
            "Merged/UAL-Combined.csv": (rows(_search(1), _search(2)) + rows(_search(2))).encode(),
        },
        Count(6, 2, 4, 0, 0),
        BOTH,
    ),
    "extractor_flattened": Export(
        "A5",
        {"UAL-AuditDataOnly.csv": rows(_flattened(1), _flattened(2)).encode()},
        Count(2, 0, 0, 2, 0),
        partial=("refused",),
        refused=("export again as JSON",) * 2,
    ),
    "extractor_graph_csv": Export("A6", {"UALGraph.csv": rows(_graph_row(1), _graph_row(2)).encode()}, USED, BOTH),
    "extractor_sessions": Export(
        "A5", {"Sessions.csv": rows(_sessions).encode()}, Count(1, 0, 0, 1, 0), frozenset(), ("refused",), ("summary",)
    ),
    "extractor_message_ids": Export(
        "A5",
        {"MessageIDs.csv": rows(_messages).encode()},
        Count(1, 0, 0, 1, 0),
        frozenset(),
        ("refused",),
        ("summary",),
    ),
    "graph_query": Export(
        "A6",
        {
            "page1.json": json.dumps(
                {"@odata.context": "x", "value": [_graph_query(1)], "@odata.nextLink": "https://graph.example/?$skip=1"}
            ).encode(),
            "page2.json": json.dumps({"@odata.context": "x", "value": [_graph_query(2)]}, indent=2).encode(),
        },
        USED,
        BOTH,
        ("page1.json: @odata.nextLink",),
    ),
    "management_api": Export("A7", {"blob.json": json.dumps(CORES).encode()}, USED, BOTH),
    "management_api_list": Export(
        "A7", {"list.json": json.dumps([_listed]).encode()}, Count(1, 0, 0, 1, 0), frozenset(), ("refused",), ("blobs",)
    ),
    "hawk": Export("A7", {f"MailItemsAccessed_{MAILBOX}.json": json.dumps(CORES, indent=2).encode()}, USED, BOTH),
    "bare_lines": Export("A8", {"ual_1_2.json": lines(*CORES)}, USED, BOTH),
    "portal_signins": Export("B1", {"NonInteractiveSignIns_1.csv": _portal_signins(_B1_COLUMNS)}, USED, SIGNINS),
    "portal_application_signins": Export(
        "B1", {"ApplicationSignIns_1.csv": _portal_signins(_APPLICATION_COLUMNS)}, USED, SIGNINS
    ),
    "portal_signin_details": Export(
        "B1",
        {
            "InteractiveSignIns_AuthDetails_1.csv": rows(
                {"Request ID": guid(1), "Date (UTC)": "2026-03-11T07:41:21Z"}
            ).encode()
        },
        Count(1, 0, 0, 0, 1),
    ),
    "portal_signins_older_form": Export(
        "B1", {"s.csv": _old_signins.encode()}, Count(1, 0, 0, 1, 0), frozenset(), ("refused",), ("without ids",)
    ),
    "signins_portal_json": Export("B2", {"s.json": json.dumps([signin(1), signin(2)]).encode()}, USED, SIGNINS),
    "signins_graph_pages": Export(
        "B2", {"s.json": b"".join(json.dumps({"value": [signin(n)]}, indent=1).encode() for n in (1, 2))}, USED, SIGNINS
    ),
    "directory_audit": Export(
        "B3", {"a.json": json.dumps({"value": [_change(1), _change(2)]}).encode()}, USED, CHANGES
    ),
    "event_hub": Export(
        "B4",
        {
            "batch.json": json.dumps(
                {"records": [_envelope("NonInteractiveUserSignInLogs", signin(n)) for n in (1, 2)]}
            ).encode()
        },
        USED,
        SIGNINS,
    ),
    "storage_blob": Export(
        "B4",
        {
            "insights-logs-auditlogs/y=2026/m=03/d=11/h=08/m=00/PT1H.json": lines(
                *(_envelope("AuditLogs", _change(n)) for n in (1, 2, 2))
            )
        },
        Count(3, 2, 1, 0, 0),
        CHANGES,
    ),
    "graph_activity": Export(
        "C1",
        {"PT1H.json": lines(*(_envelope("MicrosoftGraphActivityLogs", _request(n)) for n in (1, 2)))},
        USED,
        REQUESTS,
    ),
    "logs_blade": Export("D1", {"query_data.csv": rows(_blade(1), _blade(2)).encode("utf-8-sig")}, USED, BOTH),
    "data_export": Export(
        "D4",
        {
            "am-officeactivity/WorkspaceResourceId=x/y=2026/m=03/d=11/h=08/m=00/PT1H.json": lines(office(1)),
            "am-officeactivity/WorkspaceResourceId=x/y=2026/m=03/d=11/h=09/m=00/PT1H.json": lines(office(2)),
        },
        USED,
        BOTH,
    ),
    "query_api": Export("D3", {"answer.json": json.dumps(_query_answer([office(1), office(2)])).encode()}, USED, BOTH),
    "query_api_stopped": Export(
        "D3",
        {
            "answer.json": json.dumps(
                {**_query_answer([office(1), office(2)]), "error": {"code": "PartialError"}}
            ).encode()
        },
        USED,
        BOTH,
        ("error beside the rows",),
    ),
    "table_rows": Export("D4", {"SigninLogs.json": lines(*_signin_rows)}, USED, SIGNINS),
    "hunting_csv": Export("E1", {"q.csv": rows(*(hunted(n, as_text=True) for n in (1, 2))).encode()}, USED, BOTH),
    "hunting_api": Export(
        "E2",
        {
            "q.json": json.dumps(
                {"schema": [{"name": "Timestamp"}], "results": [hunted(n, as_text=False) for n in (1, 2)]}
            ).encode()
        },
        USED,
        BOTH,
    ),
    "hunting_api_old": Export(
        "E2",
        {
            "q.json": json.dumps(
                {"Stats": {}, "Schema": [], "Results": [hunted(n, as_text=True) for n in (1, 2)]}
            ).encode()
        },
        USED,
        BOTH,
    ),
    "streaming": Export(
        "E3",
        {
            "PT1H.json": lines(
                *(
                    {
                        "time": "2026-03-11T08:20:00Z",
                        "tenantId": TENANT,
                        "operationName": "Publish",
                        "category": "AdvancedHunting-CloudAppEvents",
                        "properties": hunted(n, as_text=False),
                    }
                    for n in (1, 2)
                )
            )
        },
        USED,
        BOTH,
    ),
    "splunk_csv": Export(
        "F1",
        {
            "export.csv": rows(
                *({"Operation": "x", "_raw": COMPACT[n - 1], "_time": "1773216000"} for n in (1, 2))
            ).encode()
        },
        USED,
        BOTH,
    ),
    "splunk_csv_of_csv": Export("F1", {"export.csv": _splunk_csv_of_csv()}, USED, BOTH),
    "splunk_json": Export(
        "F2",
        {
            "export.json": lines(
                {"preview": False, "offset": 0, "result": {"_raw": COMPACT[0]}},
                {"preview": False, "offset": 1, "lastrow": True, "result": {"_raw": COMPACT[1]}},
            )
        },
        USED,
        BOTH,
    ),
    "collector": Export(
        "F3",
        {
            "hec.json": b"".join(
                json.dumps({"time": 1773216000, "sourcetype": "o365:management:activity", "event": one}).encode()
                for one in CORES
            )
        },
        USED,
        BOTH,
    ),
}
