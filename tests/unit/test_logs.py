"""Reading every export shape, damage included: what becomes a record, and what is said of the rest."""

from __future__ import annotations

import csv
import gzip
import io
import json
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from unissued.errors import LogError
from unissued.logs import Count, DateOrder, FileReport, Reading, SourceMap, SourceTables, read

MAIL_FIELDS = (
    "Id", "Operation", "CreationTime", "RecordType", "Workload", "UserId", "UserType", "LogonType", "AppId",
    "ClientAppId", "ClientIPAddress", "ObjectId", "SessionId", "AppAccessContext.UniqueTokenId",
    "OperationProperties[MailAccessType].Value",
)  # fmt: skip
OFFICE = {
    "Id": "OfficeId",
    "Workload": "OfficeWorkload",
    "LogonType": "Logon_Type",
    "ClientIPAddress": "Client_IPAddress",
    "ObjectId": "OfficeObjectId",
    "CreationTime": "TimeGenerated",
}
SIGNIN_FIELDS = ("Id", "CreatedDateTime", "UniqueTokenIdentifier", "OriginalRequestId", "ResultType", "SessionId")
GRAPH_FIELDS = ("RequestUri", "SignInActivityId", "AppId", "SessionId", "IPAddress")
DIRECTORY_FIELDS = ("Id", "OperationName", "ActivityDateTime", "Result", "TargetResources[].id")
RISK_FIELDS = ("Id", "ActivityDateTime", "RiskEventType", "UserPrincipalName", "IpAddress")
SOURCES = SourceMap(
    {
        "m365/exchange": SourceTables(
            timedelta(minutes=75),
            {
                "OfficeActivity": {name: OFFICE.get(name, name) for name in MAIL_FIELDS},
                "CloudAppEvents": {name: f"RawEventData.{name}" for name in MAIL_FIELDS},
            },
        ),
        "m365/audit": SourceTables(
            timedelta(minutes=75),
            {"CloudAppEvents": {name: f"RawEventData.{name}" for name in (*MAIL_FIELDS[:6], "ObjectId", "ClientIP")}},
        ),
        "azure/signinlogs": SourceTables(timedelta(minutes=5), {"SigninLogs": {name: name for name in SIGNIN_FIELDS}}),
        "azure/auditlogs": SourceTables(timedelta(minutes=5), {"AuditLogs": {name: name for name in DIRECTORY_FIELDS}}),
        "azure/graphactivity": SourceTables(
            timedelta(minutes=5),
            {
                "MicrosoftGraphActivityLogs": {**{name: name for name in GRAPH_FIELDS}, "Id": "RequestId"},
                "GraphAPIAuditEvents": {
                    "Id": "RequestId",
                    "RequestUri": "RequestUri",
                    "SignInActivityId": "UniqueTokenIdentifier",
                    "AppId": "ApplicationId",
                    "IPAddress": "IpAddress",
                },
            },
        ),
        "azure/riskdetection": SourceTables(
            timedelta(minutes=5), {"AADUserRiskEvents": {name: name for name in RISK_FIELDS}}
        ),
    }
)
TOKEN = "cu_XVXyLLUq9SssiIwAgAA"  # noqa: S105 - an invented token id
TIME = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


def guid(number: int) -> str:
    return f"7d0c5f52-91f0-4a54-8b1d-{number:012d}"


def mail(number: int = 1, **changes: object) -> dict[str, object]:
    return {
        "CreationTime": "2026-03-02T09:00:00",
        "Id": guid(number),
        "Operation": "MailItemsAccessed",
        "RecordType": 50,
        "Workload": "Exchange",
        "UserId": "alice@contoso.example",
        "UserType": 0,
        "LogonType": 0,
        "ClientIPAddress": "198.51.100.7",
        "AppAccessContext": {"UniqueTokenId": TOKEN},
        "OperationProperties": [{"Name": "MailAccessType", "Value": "Bind"}],
        **changes,
    }


def signin(number: int = 1, **changes: object) -> dict[str, object]:
    return {
        "Type": "SigninLogs",
        "CreatedDateTime": "2026-03-02T08:50:00Z",
        "Id": guid(number),
        "AppId": "9199bf20-a13f-4107-85dc-02114787ef48",
        "UserPrincipalName": "alice@contoso.example",
        "UniqueTokenIdentifier": TOKEN,
        "ResultType": "0",
        **changes,
    }


def office(number: int = 1, **changes: object) -> dict[str, object]:
    return {
        "TimeGenerated": "2026-03-02T09:00:00Z",
        "OfficeId": guid(number),
        "SourceRecordId": guid(number),
        "Operation": "MailItemsAccessed",
        "RecordType": "50",
        "OfficeWorkload": "Exchange",
        "UserId": "Alice@contoso.example",
        "UserType": "Regular",
        "Logon_Type": "Owner",
        "Client_IPAddress": "198.51.100.7",
        "OperationProperties": '[{"Name": "MailAccessType", "Value": "Bind"}]',
        "Type": "OfficeActivity",
        **changes,
    }


def cloud_app(number: int = 1, raw: object = None, **changes: object) -> dict[str, object]:
    return {
        "Timestamp": "2026-03-02T09:00:00Z",
        "ActionType": "MailItemsAccessed",
        "Application": "Microsoft Exchange Online",
        "ApplicationId": 20893,
        "ReportId": f"1_20893_{guid(number)}",
        "RawEventData": mail(number) if raw is None else raw,
        **changes,
    }


def lines(*records: object) -> str:
    return "".join(json.dumps(record) + "\n" for record in records)


def table(*rows: Mapping[str, object], end: str = "\r\n", delimiter: str = ",") -> str:
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, list(rows[0]), delimiter=delimiter, lineterminator=end)
    writer.writeheader()
    writer.writerows(rows)
    return out.getvalue()


def wrapper(number: int = 1, record: object = None, **changes: object) -> dict[str, object]:
    data = mail(number) if record is None else record
    return {
        "RecordType": "ExchangeItemAggregated",
        "CreationDate": "3/4/2026 9:00:00 AM",
        "UserIds": "alice@contoso.example",
        "Operations": "MailItemsAccessed",
        "AuditData": data if isinstance(data, str) else json.dumps(data),
        "ResultIndex": number,
        "ResultCount": 1,
        "Identity": guid(number),
        **changes,
    }


class Desk:
    """Writes files and reads them back."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read(self, content: str | bytes, name: str = "log.txt", *, date_order: DateOrder | None = None) -> Reading:
        """Read a file with this content, and check that its books balance."""
        path = self.folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        result = read([path], SOURCES, date_order=date_order)
        assert result.count.balanced
        assert sum(refusal.line > 0 for refusal in result.refusals) == result.count.refused
        return result

    def only(self, content: str | bytes, name: str = "log.txt") -> FileReport:
        """Read a file with this content; its report."""
        return self.read(content, name).files[0]


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return Desk(tmp_path)


# Shapes -------------------------------------------------------------------------------------------------------------

PORTAL_SIGNIN = {
    "Date (UTC)": "2026-03-02T08:50:00Z",
    "Request ID": guid(1),
    "User agent": "x",
    "Unique token identifier": TOKEN,
    "Application ID ": "9199bf20-a13f-4107-85dc-02114787ef48",
    "Username": "alice@contoso.example",
    "IP address": "198.51.100.7",
    "Sign-in error code": "0",
    "Autonomous system  number": "64500",
}
ENTRA_SIGNIN = {
    "id": guid(1),
    "createdDateTime": "2026-03-02T08:50:00.1234567+00:00",
    "userPrincipalName": "alice@contoso.example",
    "appId": "9199bf20-a13f-4107-85dc-02114787ef48",
    "resourceId": "00000002-0000-0ff1-ce00-000000000000",
    "ipAddress": "198.51.100.7",
    "isInteractive": False,
    "uniqueTokenIdentifier": TOKEN,
    "status": {"errorCode": 0},
}
ENTRA_CHANGE = {
    "id": f"Directory_{guid(1)}_AB12C_34567",
    "category": "ApplicationManagement",
    "activityDisplayName": "Consent to application",
    "activityDateTime": "2026-03-02T09:00:00Z",
    "result": "success",
    "initiatedBy": {"user": {"userPrincipalName": "alice@contoso.example"}},
    "targetResources": [{"id": guid(9)}],
}

ENTRA_RISK = {
    "id": guid(1),
    "requestId": guid(8),
    "riskEventType": "anomalousToken",
    "riskState": "atRisk",
    "activityDateTime": "2026-03-02T09:00:00Z",
    "detectedDateTime": "2026-03-02T20:00:00Z",
    "ipAddress": "203.0.113.9",
    "location": {"countryOrRegion": "NL"},
    "userId": guid(9),
    "userPrincipalName": "alice@contoso.example",
}


def hunting(name: str, properties: object) -> dict[str, object]:
    return {"time": "2026-03-02T09:05:00Z", "category": f"AdvancedHunting-{name}", "properties": properties}


def diagnostic(category: str, properties: object) -> dict[str, object]:
    return {
        "time": "2026-03-02T09:05:00Z",
        "category": category,
        "resultType": "0",
        "tenantId": guid(7),
        "callerIpAddress": "198.51.100.7",
        "properties": properties,
    }


def query_answer(row: Mapping[str, object]) -> dict[str, object]:
    return {"tables": [{"name": "P", "columns": [{"name": name} for name in row], "rows": [list(row.values())]}]}


UNIFIED = "m365/exchange"
SIGNINS = "azure/signinlogs"
SHAPES = {
    "A1 Purview portal CSV": (
        table({"RecordId": guid(1), "CreationDate": "", "RecordType": 50, "AuditData": json.dumps(mail())}),
        UNIFIED,
        "",
    ),
    "A2 old portal CSV": (
        table({"CreationDate": "", "UserIds": "a", "Operations": "b", "AuditData": json.dumps(mail())}, end="\n"),
        UNIFIED,
        "",
    ),
    "A3 Search-UnifiedAuditLog CSV": ("#TYPE Deserialized.Thing\r\n" + table(wrapper()), UNIFIED, ""),
    "A4 Search-UnifiedAuditLog JSON": (json.dumps([wrapper()], indent=4), UNIFIED, ""),
    "A6 Graph audit query": (
        json.dumps(
            {
                "@odata.context": "x",
                "value": [
                    {
                        "id": guid(1),
                        "createdDateTime": "2026-03-02T09:00:00Z",
                        "auditLogRecordType": "exchangeItemAggregated",
                        "auditData": {**mail(), "@odata.type": "x", "AppId": "__NULL__"},
                    }
                ],
            }
        ),
        UNIFIED,
        "",
    ),
    "A7 Management Activity API blob": (json.dumps([mail()]), UNIFIED, ""),
    "A8 bare core records": (lines(mail()), UNIFIED, ""),
    "B1 Entra portal sign-in CSV": (table(PORTAL_SIGNIN), SIGNINS, ""),
    "B2 sign-in JSON": (json.dumps([ENTRA_SIGNIN]), SIGNINS, "AADNonInteractiveUserSignInLogs"),
    "B3 directory audit JSON": (json.dumps({"value": [ENTRA_CHANGE]}), "azure/auditlogs", "AuditLogs"),
    "B5 risk detection JSON": (json.dumps({"value": [ENTRA_RISK]}), "azure/riskdetection", "AADUserRiskEvents"),
    "B4 diagnostic envelope": (
        json.dumps({"records": [diagnostic("ServicePrincipalSignInLogs", ENTRA_SIGNIN)]}),
        SIGNINS,
        "AADServicePrincipalSignInLogs",
    ),
    "D1 Logs blade CSV": (
        "\ufeff"
        + table({f"{name} [UTC]" if name == "TimeGenerated" else name: cell for name, cell in office().items()}),
        UNIFIED,
        "OfficeActivity",
    ),
    "D3 query API JSON": (json.dumps(query_answer(office())), UNIFIED, "OfficeActivity"),
    "D4 table rows as JSON": (lines(office()), UNIFIED, "OfficeActivity"),
    "E1 advanced hunting CSV": (table(cloud_app(raw=json.dumps(mail()))), UNIFIED, "CloudAppEvents"),
    "E2 hunting API JSON": (json.dumps({"Schema": [], "Results": [cloud_app()]}), UNIFIED, "CloudAppEvents"),
    "E3 streamed hunting tables": (lines(hunting("CloudAppEvents", cloud_app())), UNIFIED, "CloudAppEvents"),
    "F1 Splunk CSV": (table({"_raw": json.dumps(mail()), "_time": "1"}), UNIFIED, ""),
    "F2 Splunk JSON": (
        lines(
            {"preview": False, "offset": 0, "result": {"_raw": json.dumps(mail())}}, {"preview": False, "lastrow": True}
        ),
        UNIFIED,
        "",
    ),
    "F3 Splunk HEC events": (
        json.dumps({"time": 1, "sourcetype": "o365:management:activity", "event": mail()}) * 1,
        UNIFIED,
        "",
    ),
    "fixture envelope": (lines({"source": UNIFIED, "event": mail()}), UNIFIED, ""),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_shape_is_named_and_gives_its_record(shape: str, desk: Desk) -> None:
    content, source, feed = SHAPES[shape]
    result = desk.read(content)
    assert result.files[0].shape == shape
    assert result.refusals == []
    assert result.partial == []
    [record] = result.records
    assert (record.source, record.table) == (source, feed)
    if source == UNIFIED:
        assert record.time == TIME
        assert record.id == record.fields["Id"] == guid(1)
        assert record.fields["ClientIPAddress"] == "198.51.100.7"
        assert record.fields["OperationProperties"] == [{"Name": "MailAccessType", "Value": "Bind"}]


@pytest.mark.parametrize("shape", [shape for shape in SHAPES if SHAPES[shape][1] == SIGNINS])
def test_every_sign_in_has_the_names_of_sentinel(shape: str, desk: Desk) -> None:
    [record] = desk.read(SHAPES[shape][0]).records
    fields = record.fields
    assert fields["UniqueTokenIdentifier"] == TOKEN
    assert fields["ResultType"] == "0"
    assert fields["IPAddress"] == "198.51.100.7"
    assert fields["AppId"] == "9199bf20-a13f-4107-85dc-02114787ef48"
    assert record.id == guid(1)
    assert record.time.replace(microsecond=0) == datetime(2026, 3, 2, 8, 50, tzinfo=UTC)
    assert record.ingested == record.time + timedelta(minutes=5)


def test_token_audience_is_told_from_the_resource_of_the_log(desk: Desk) -> None:
    row = diagnostic("SignInLogs", ENTRA_SIGNIN) | {"resourceId": "/tenants/x/providers/Microsoft.aadiam"}
    [record] = desk.read(lines(row)).records
    assert record.fields["ResourceIdentity"] == "00000002-0000-0ff1-ce00-000000000000"
    assert record.table == "SigninLogs"


def test_time_of_emission_is_used_where_the_record_has_none(desk: Desk) -> None:
    inner = {key: value for key, value in ENTRA_SIGNIN.items() if key != "createdDateTime"}
    [record] = desk.read(lines(diagnostic("SignInLogs", inner))).records
    assert record.time == datetime(2026, 3, 2, 9, 5, tzinfo=UTC)


def test_id_and_operation_come_from_the_wrapper_where_the_record_has_none(desk: Desk) -> None:
    bare = {key: value for key, value in mail().items() if key not in ("Id", "Operation")}
    result = desk.read(lines(wrapper(1, bare), cloud_app(2, bare)))
    assert [record.id for record in result.records] == [guid(1), guid(2)]
    assert result.records[1].fields["Operation"] == "MailItemsAccessed"


def test_directory_audit_has_the_names_of_sentinel(desk: Desk) -> None:
    for content in (json.dumps([ENTRA_CHANGE]), lines(diagnostic("AuditLogs", ENTRA_CHANGE))):
        [record] = desk.read(content).records
        assert record.fields["OperationName"] == "Consent to application"
        assert record.fields["ActivityDateTime"] == "2026-03-02T09:00:00Z"
        assert record.fields["Result"] == "success"
        assert record.fields["Category"] == "ApplicationManagement"
        assert record.time == TIME


def test_risk_detection_has_the_names_of_sentinel_in_every_shape(desk: Desk) -> None:
    row = {
        "TimeGenerated": "2026-03-02T20:05:00Z",
        **{key[0].upper() + key[1:]: cell for key, cell in ENTRA_RISK.items()},
    }
    envelope = {**diagnostic("UserRiskEvents", ENTRA_RISK), "time": "3/24/2026 2:42:35 PM"}
    for content in (
        json.dumps([ENTRA_RISK]),
        lines(envelope),
        lines(row),
        table({**row, "Location": "", "Type": "AADUserRiskEvents"}),
    ):
        [record] = desk.read(content).records
        assert (record.source, record.table) == ("azure/riskdetection", "AADUserRiskEvents")
        assert record.fields["RiskEventType"] == "anomalousToken"
        assert record.fields["UserPrincipalName"] == "alice@contoso.example"
        assert record.fields["IpAddress"] == "203.0.113.9"
        assert record.time == TIME


def test_risk_of_a_service_principal_and_an_aggregate_are_no_risk_detections_of_users(desk: Desk) -> None:
    of_an_app = {key: value for key, value in ENTRA_RISK.items() if not key.startswith("user")}
    result = desk.read(
        lines(
            {"TimeGenerated": "2026-03-02T09:00:00Z", "Type": "AADServicePrincipalRiskEvents", **of_an_app},
            {"TimeGenerated": "2026-03-02T09:00:00Z", **of_an_app},
            {"Type": "AADUserRiskEvents", "TimeGenerated": "2026-03-02T09:00:00Z", "count_": 7},
        )
    )
    assert result.records == []
    assert [refusal.reason for refusal in result.refusals][-1] == "an aggregate of AADUserRiskEvents, no event"


@pytest.mark.parametrize(
    ("name", "feed"),
    [
        ("InteractiveSignIns_2026.csv", "SigninLogs"),
        ("NonInteractiveSignIns_2026.csv", "AADNonInteractiveUserSignInLogs"),
        ("ApplicationSignIns_2026.csv", "AADServicePrincipalSignInLogs"),
        ("MSISignIns_2026.csv", "AADManagedIdentitySignInLogs"),
        ("export.csv", ""),
    ],
)
def test_portal_download_names_its_kind_in_the_file_name_only(name: str, feed: str, desk: Desk) -> None:
    assert [record.table for record in desk.read(table(PORTAL_SIGNIN), name).records] == [feed]


def test_column_that_occurs_twice_gives_its_first_value_and_a_note(desk: Desk) -> None:
    content = table(PORTAL_SIGNIN).replace("User agent", "Request ID")
    result = desk.read(content)
    assert result.records[0].id == guid(1)
    assert "Request ID" in result.files[0].notes[0]


@pytest.mark.parametrize(
    ("row", "feed"),
    [
        (signin(), "SigninLogs"),
        (signin(Type="ADFSSignInLogs"), "ADFSSignInLogs"),
        (signin(Type="", Category="ManagedIdentitySignInLogs"), "AADManagedIdentitySignInLogs"),
        (signin(Type="", IsInteractive="True"), "SigninLogs"),
        (
            {**ENTRA_SIGNIN, "isInteractive": None, "signInEventTypes": ["servicePrincipal"]},
            "AADServicePrincipalSignInLogs",
        ),
        ({**ENTRA_SIGNIN, "userPrincipalName": "", "isInteractive": False}, ""),
        ({"UniqueTokenIdentifier": TOKEN, "CreatedDateTime": "2026-03-02T08:50:00Z"}, ""),
    ],
)
def test_feed_of_a_sign_in_is_what_it_says_of_itself(row: dict[str, object], feed: str, desk: Desk) -> None:
    [record] = desk.read(lines(row)).records
    assert (record.source, record.table) == (SIGNINS, feed)


def test_defender_sign_ins_have_the_names_of_sentinel(desk: Desk) -> None:
    row = {"Timestamp": "2026-03-02T08:50:00Z", "RequestId": guid(1), "ApplicationId": guid(2), "ErrorCode": 0}
    [record] = desk.read(lines(hunting("EntraIdSignInEvents", row))).records
    assert record.table == "EntraIdSignInEvents"
    assert record.fields["Id"] == guid(1)
    assert record.fields["ResultType"] == 0


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (json.dumps(json.dumps(mail())), ""),
        ("{'Workload': 'Exchange', 'Operation': 'Send', 'CreationTime': '2026-03-02T09:00:00', 'Flag': True}", ""),
        ("@{Workload=Exchange; Operation=Send; CreationTime=2026-03-02T09:00:00; Id=" + guid(1) + "}", ""),
        (mail(OperationProperties=["@{Value=Bind; Name=MailAccessType}"]), ""),
        ('{"Workload": "Exch', "RawEventData no valid JSON"),
        ("System.Object[]", "export again"),
        (mail(OperationProperties="System.Object[]"), "OperationProperties holds only System.Object[]"),
    ],
)
def test_raw_event_data_in_every_dress(raw: object, reason: str, desk: Desk) -> None:
    result = desk.read(lines(cloud_app(raw=raw)))
    if reason:
        assert reason in result.refusals[0].reason
    else:
        [record] = result.records
        assert record.id == guid(1)
        assert record.time == TIME


def test_lost_content_in_a_field_that_no_rule_needs_is_no_reason_to_refuse(desk: Desk) -> None:
    assert desk.read(lines(mail(Folders="System.Object[]"))).count.used == 1


@pytest.mark.parametrize("said", [True, False, 0, None, ""])
def test_what_defender_says_of_the_address_is_kept_also_where_it_says_no(said: object, desk: Desk) -> None:
    [record] = desk.read(lines(cloud_app(IsAnonymousProxy=said, IPTags=["Tor"]))).records
    assert record.fields["IPTags"] == ["Tor"]
    assert record.fields.get("IsAnonymousProxy", "nothing") == ("nothing" if said in (None, "") else said)


def test_cloud_app_row_without_raw_record_uses_its_columns(desk: Desk) -> None:
    row = cloud_app(raw="", IPAddress="198.51.100.7", UserAgent="Client=REST;;", ObjectId="MailItemsAccessed")
    [record] = desk.read(lines(row)).records
    assert record.fields["Operation"] == "MailItemsAccessed"
    assert record.fields["ClientIPAddress"] == "198.51.100.7"
    assert record.id == guid(1)
    assert "ObjectId" not in record.fields
    assert "ApplicationId" not in record.fields


def test_directory_change_in_cloud_app_events_without_raw_record(desk: Desk) -> None:
    row = cloud_app(raw="", ActionType="Consent to application.", Application="Office 365", ApplicationId=11161)
    [record] = desk.read(lines({**row, "IPAddress": "198.51.100.7"})).records
    assert record.source == "m365/audit"
    assert record.fields["ClientIP"] == "198.51.100.7"


def test_splunk_csv_of_a_csv_uses_the_column_audit_data(desk: Desk) -> None:
    row = {"AuditData": json.dumps(mail()), "Identity": guid(1), "_raw": '"a","b\r\nc"', "_time": "1"}
    report = desk.only(table(row))
    assert (report.shape, report.count.used) == ("F1 Splunk CSV", 1)


def test_splunk_previews_are_skipped_and_a_missing_last_row_is_told(desk: Desk) -> None:
    result = {"_raw": json.dumps(mail())}
    report = desk.only(lines({"preview": True, "result": result}, {"preview": False, "result": result}))
    assert report.count == Count(2, 1, 0, 0, 1)
    assert report.partial == ["Splunk export without lastrow: cut off"]


def test_collector_events_stand_one_after_the_other_and_give_a_time_of_last_resort(desk: Desk) -> None:
    bare = mail(2)
    del bare["CreationTime"]
    events = [{"time": 1772442000, "host": "h", "event": mail(1)}, {"time": 1772442000, "event": json.dumps(bare)}]
    result = desk.read("".join(map(json.dumps, events)))
    assert [record.time for record in result.records] == [TIME, TIME]


# Names and values ---------------------------------------------------------------------------------------------------


def test_office_activity_gets_the_names_of_the_raw_record_and_keeps_its_other_columns(desk: Desk) -> None:
    [record] = desk.read(lines(office(OfficeObjectId="o", Start_Time="2026-03-02T09:10:00Z", UserId_="x"))).records
    fields = record.fields
    assert fields["LogonType"] == "Owner"
    assert fields["Workload"] == "Exchange"
    assert fields["ObjectId"] == "o"
    assert fields["CreationTime"] == "2026-03-02T09:00:00Z"
    assert fields["Start_Time"] == "2026-03-02T09:10:00Z"
    assert not {"OfficeId", "Logon_Type", "TimeGenerated", "OfficeWorkload"} & fields.keys()


def test_values_stay_as_they_are_written(desk: Desk) -> None:
    record = mail(
        UserId=" Alice@Contoso.example ", OriginatingServer="x\r\n", ClientIPAddress="[2001:db8::1]:47114", AppId=""
    )
    [found] = desk.read(lines(record)).records
    assert found.fields == record


def test_keys_are_found_in_any_case_and_with_blanks_around(desk: Desk) -> None:
    shouted = {f" {key.lower()} ": value for key, value in mail().items()}
    [record] = desk.read(lines(shouted)).records
    assert record.fields == mail()


def test_keys_that_differ_only_in_case_are_reported(desk: Desk) -> None:
    result = desk.read(lines(mail(userid="mallory@contoso.example")))
    assert result.records[0].fields["UserId"] == "alice@contoso.example"
    assert "several keys for UserId" in result.files[0].notes[0]


def test_union_suffixes_are_folded_into_the_column(desk: Desk) -> None:
    [record] = desk.read(lines(signin(Status_dynamic=None, Status_string='{"errorCode": 0}', Level_long=4))).records
    assert record.fields["Status"] == {"errorCode": 0}
    assert record.fields["Level"] == 4


def test_union_parts_that_disagree_are_reported(desk: Desk) -> None:
    result = desk.read(lines(signin(Result_s="a", Result_string="b")))
    assert result.records[0].fields["Result"] == "a"
    assert "two values after a union" in result.files[0].notes[0]


# Sorting out --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("row", "kind"),
    [
        (mail(Workload="SharePoint"), "SharePoint"),
        (office(OfficeWorkload="MicrosoftTeams"), "MicrosoftTeams"),
        (diagnostic("ProvisioningLogs", {"appId": "x"}), "ProvisioningLogs"),
        ({"Type": "AADRiskyUsers", "AppId": "x", "ResourceId": "y", "TimeGenerated": ""}, "AADRiskyUsers"),
        ({"Type": "AzureActivity", "TimeGenerated": "2026-03-02T09:00:00Z", "Category": "x"}, "AzureActivity"),
        ({"Timestamp": "2026-03-02T09:00:00Z", "ActionType": "LdapSearch", "RawEventData": None}, "LdapSearch"),
        (cloud_app(raw={"kind": "admin#activity"}, Application="Google Workspace"), "Google Workspace"),
        (hunting("DeviceEvents", {"x": 1}), "DeviceEvents"),
        ({"Type": "EmailEvents", "Timestamp": "2026-03-02T09:00:00Z", "InternetMessageId": "<x>"}, "EmailEvents"),
    ],
)
def test_records_that_no_rule_looks_at_are_skipped_by_kind(row: dict[str, object], kind: str, desk: Desk) -> None:
    report = desk.only(lines(row))
    assert report.skipped_as == {kind: 1}
    assert report.count == Count(1, 0, 0, 0, 1)
    assert report.partial == []


REQUEST = {
    "TimeGenerated": "2026-03-02T09:00:00Z",
    "RequestId": guid(1),
    "RequestUri": "https://graph.microsoft.com/v1.0/me/messages",
    "SignInActivityId": TOKEN,
    "AppId": "030367bd-2ff4-4082-abe9-da68fa31ba57",
    "SessionId": "s",
    "IPAddress": "203.0.113.9",
    "ResponseStatusCode": 200,
}
RAW_REQUEST = {
    "timeGenerated": "2026-03-02T09:00:00Z",
    "requestId": guid(1),
    "requestUri": REQUEST["RequestUri"],
    "signInActivityId": TOKEN,
    "appId": REQUEST["AppId"],
    "C_Sid": "s",
    "ipAddress": "203.0.113.9",
    "responseStatusCode": 200,
}
HUNTED_REQUEST = {
    "Timestamp": "2026-03-02T09:00:00Z",
    "RequestId": guid(1),
    "RequestUri": REQUEST["RequestUri"],
    "UniqueTokenIdentifier": TOKEN,
    "ApplicationId": REQUEST["AppId"],
    "IpAddress": "203.0.113.9",
    "ResponseStatusCode": "200",
}


@pytest.mark.parametrize(
    ("row", "feed", "shape", "lacks"),
    [
        ({**REQUEST, "Type": "MicrosoftGraphActivityLogs"}, "MicrosoftGraphActivityLogs", "D4 table rows as JSON", ()),
        (REQUEST, "MicrosoftGraphActivityLogs", "D4 table rows as JSON", ()),
        (
            diagnostic("MicrosoftGraphActivityLogs", RAW_REQUEST),
            "MicrosoftGraphActivityLogs",
            "C1 Graph activity envelope",
            (),
        ),
        (
            {**HUNTED_REQUEST, "Type": "GraphAPIAuditEvents"},
            "GraphAPIAuditEvents",
            "D4 table rows as JSON",
            ("SessionId",),
        ),
        (HUNTED_REQUEST, "GraphAPIAuditEvents", "D4 table rows as JSON", ("SessionId",)),
        (
            hunting("GraphAPIAuditEvents", HUNTED_REQUEST),
            "GraphAPIAuditEvents",
            "E3 streamed hunting tables",
            ("SessionId",),
        ),
    ],
)
def test_requests_to_graph_are_read_under_one_set_of_names(
    row: dict[str, object], feed: str, shape: str, lacks: tuple[str, ...], desk: Desk
) -> None:
    result = desk.read(lines(row))
    [record] = result.records
    assert (record.source, record.table, record.id) == ("azure/graphactivity", feed, guid(1))
    assert record.time == TIME
    assert result.files[0].shape == shape
    for name in GRAPH_FIELDS:
        assert record.fields.get(name) == (None if name in lacks else REQUEST[name])


def test_a_table_of_graph_without_requests_is_refused_as_an_aggregate(desk: Desk) -> None:
    result = desk.read(lines({"Type": "MicrosoftGraphActivityLogs", "AppId": "x", "TimeGenerated": "", "count_": 5}))
    assert [refusal.reason for refusal in result.refusals] == ["an aggregate of requests to Graph, no event"]


def test_a_csv_of_requests_is_recognised_by_its_columns(desk: Desk) -> None:
    [record] = desk.read(table(REQUEST)).records
    assert (record.source, record.id) == ("azure/graphactivity", guid(1))


@pytest.mark.parametrize(
    ("workload", "record_type", "source"),
    [
        ("exchange", 50, "m365/exchange"),
        ("AzureActiveDirectory", 15, "m365/audit"),
        ("", "ExchangeItem", "m365/exchange"),
        ("", "8", "m365/audit"),
    ],
)
def test_workload_or_else_record_type_tells_the_source(
    workload: str, record_type: object, source: str, desk: Desk
) -> None:
    [record] = desk.read(lines(mail(Workload=workload, RecordType=record_type))).records
    assert record.source == source


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (mail(CreationTime=""), "no usable time"),
        (mail(CreationTime="1601-01-01T00:00:00"), "no usable time"),
        (wrapper(AuditData=""), "AuditData is empty"),
        (wrapper(AuditData="System.Object[]"), "export again"),
        (wrapper(AuditData='{"a": NaN}'), "NaN"),
        ({"contentUri": "https://x.example", "contentType": "Audit.Exchange"}, "without events"),
        ({"Type": "SigninLogs", "IPAddress": "192.0.2.1", "Attempts": 4}, "aggregate"),
        ({"Type": "OfficeActivity", "UserId": "x", "count_": 4}, "aggregate"),
        ({"TimeGenerated": "2026-03-02T09:00:00Z", "count_": 4}, "no record of a known kind"),
        ({"TimeStamp": "2026-03-02T09:00:00Z", "MailAccessType": "Bind", "OperationCount": 3}, "summary"),
    ],
)
def test_what_cannot_be_used_is_refused_with_line_and_reason(row: dict[str, object], reason: str, desk: Desk) -> None:
    result = desk.read(lines(mail(2), row))
    [refusal] = result.refusals
    assert refusal.line == 2
    assert reason in refusal.reason
    assert result.count.used == 1
    assert "1 records refused" in result.files[0].partial


def test_file_can_mix_tables_and_envelopes(desk: Desk) -> None:
    report = desk.only(lines(mail(), {"source": SIGNINS, "event": signin()}, office(3)))
    assert report.shape == "mixed"
    assert report.count.used == 3
    assert "fixture envelope" in report.notes[0]


# Fixture lines ------------------------------------------------------------------------------------------------------


def test_envelope_says_source_and_time_of_arrival(desk: Desk) -> None:
    event = {"CreatedDateTime": "2026-03-02T08:50:00Z", "ResultType": "0"}
    envelope = {"source": SIGNINS, "ingested": "2026-03-02T14:00:00Z", "event": event}
    [record] = desk.read(lines(envelope)).records
    assert record.source == SIGNINS
    assert record.ingested == datetime(2026, 3, 2, 14, 0, tzinfo=UTC)
    assert record.fields == event


@pytest.mark.parametrize(
    ("envelope", "reason"),
    [
        ({"source": UNIFIED, "event": mail(), "note": "x"}, "no key 'note'"),
        ({"source": "m365/exchnge", "event": mail()}, "unknown source"),
        ({"source": ["m365/exchange"], "event": mail()}, "unknown source"),
        ({"source": UNIFIED, "event": "x"}, "no object"),
        ({"source": UNIFIED, "event": wrapper(AuditData="")}, "AuditData is empty"),
        ({"source": UNIFIED, "event": mail(), "ingested": "soon"}, "ingested is no time"),
        ({"source": UNIFIED, "event": mail(), "ingested": 5}, "ingested is no time"),
    ],
)
def test_wrong_envelopes_are_refused(envelope: dict[str, object], reason: str, desk: Desk) -> None:
    result = desk.read(lines(mail(2), envelope))
    assert reason in result.refusals[0].reason


def test_without_envelope_the_usual_delay_is_assumed(desk: Desk) -> None:
    [record] = desk.read(lines(mail())).records
    assert record.ingested - record.time == timedelta(minutes=75)


# Times --------------------------------------------------------------------------------------------------------------


def local(number: int, time: str) -> dict[str, object]:
    return office(number, TimeGenerated=time)


def test_one_day_above_twelve_proves_the_order_of_the_whole_file(desk: Desk) -> None:
    rows = (local(1, "3/4/2026, 9:00:00.000 AM"), local(2, "3/28/2026, 9:00:00.000 AM"))
    result = desk.read(table(*rows))
    assert [record.time.month for record in result.records] == [3, 3]
    assert result.records[0].fields["CreationTime"] == "2026-03-04T09:00:00Z"
    assert "month first, as the file proves: 2 records" in result.files[0].notes[0]


def test_proof_comes_from_skipped_rows_too(desk: Desk) -> None:
    rows = (local(1, "3/4/2026 09:00:00"), {**local(2, "28/4/2026 09:00:00"), "OfficeWorkload": "SharePoint"})
    assert desk.read(table(*rows)).records[0].time == datetime(2026, 4, 3, 9, tzinfo=UTC)


def test_order_that_nothing_proves_is_refused_and_the_option_settles_it(desk: Desk) -> None:
    content = table(local(1, "3/4/2026, 9:00:00.000 AM"))
    refused = desk.read(content)
    assert "give the date order" in refused.refusals[0].reason
    assert desk.read(content, date_order="mdy").records[0].time.month == 3
    assert desk.read(content, date_order="dmy").records[0].time.month == 4


def test_file_that_proves_both_orders_proves_none(desk: Desk) -> None:
    content = table(local(1, "3/28/2026 9:00:00 AM"), local(2, "28/3/2026 9:00:00 AM"))
    result = desk.read(content)
    assert result.count.refused == 2
    assert "both orders" in result.refusals[0].reason
    assert desk.read(content, date_order="mdy").count == Count(2, 1, 0, 1, 0)


def test_proof_outranks_the_option(desk: Desk) -> None:
    content = table(local(1, "3/4/2026 9:00:00 AM"), local(2, "3/28/2026 9:00:00 AM"))
    assert [record.time.month for record in desk.read(content, date_order="dmy").records] == [3, 3]


def test_inner_time_is_preferred_to_the_wrapper(desk: Desk) -> None:
    [record] = desk.read(table(wrapper())).records
    assert record.time == TIME


def test_wrapper_time_is_the_last_resort(desk: Desk) -> None:
    record = mail()
    del record["CreationTime"]
    content = table(wrapper(record=record, CreationDate="3/28/2026 9:00:00 AM"))
    assert desk.read(content).records[0].time == datetime(2026, 3, 28, 9, tzinfo=UTC)


def test_start_time_stands_in_for_a_missing_event_time_and_the_report_says_so(desk: Desk) -> None:
    row = office(Start_Time="2026-03-02T09:10:00Z")
    del row["TimeGenerated"]
    result = desk.read(table(row))
    assert result.records[0].time == datetime(2026, 3, 2, 9, 10, tzinfo=UTC)
    assert "some minutes later" in result.files[0].notes[0]


def test_records_come_sorted_by_time(desk: Desk) -> None:
    result = desk.read(lines(mail(1, CreationTime="2026-03-02T10:00:00"), mail(2), mail(3)))
    assert [record.id for record in result.records] == [guid(2), guid(3), guid(1)]
    assert [record.origin.line for record in result.records] == [2, 3, 1]


# Bytes, lines, arrangements -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("content", [lines(mail()), table(wrapper()), json.dumps([wrapper()], indent=1)])
@pytest.mark.parametrize("packed", [False, True])
def test_encodings_and_gzip_are_recognised_by_content(content: str, encoding: str, packed: bool, desk: Desk) -> None:
    data = content.encode(encoding)
    assert desk.read(gzip.compress(data) if packed else data).count.used == 1


@pytest.mark.parametrize(
    "content",
    [
        "\r\n".join(json.dumps(mail(number)) for number in (1, 2)),
        json.dumps([mail(1), mail(2)], indent=2),
        json.dumps(mail(1), indent=2) + "\n" + json.dumps(mail(2), indent=2),
        json.dumps([mail(1)], indent=2) + json.dumps(mail(2), indent=2),
        json.dumps(mail(1)) + json.dumps(mail(2)),
        json.dumps(mail(1)) + ",\n" + json.dumps(mail(2)) + "\n",
        json.dumps([mail(1)]) + "\n" + json.dumps([mail(2)]) + "\n",
        "\ufeff" + json.dumps(mail(1)) + "\n\n\ufeff" + json.dumps(mail(2)) + "\n",
        "[\n" + json.dumps(mail(1)) + ",\n" + json.dumps(mail(2)) + "\n]\n",
    ],
)
def test_json_in_every_arrangement(content: str, desk: Desk) -> None:
    result = desk.read(content)
    assert [record.id for record in result.records] == [guid(1), guid(2)]
    assert result.partial == []


def test_elements_of_an_array_have_their_own_lines(desk: Desk) -> None:
    content = '{"value": [\n' + json.dumps(wrapper(1)) + ",\n" + json.dumps(wrapper(2)) + "\n]}"
    assert [record.origin.line for record in desk.read(content).records] == [2, 3]


def test_only_line_feeds_end_a_line(desk: Desk) -> None:
    text = json.dumps(mail(UserId="a\u2028b\u0085c\u000bd"), ensure_ascii=False).replace("\\u000b", "\\u000b")
    result = desk.read(text + "\n" + json.dumps(mail(2)) + "\n")
    assert [record.origin.line for record in result.records] == [1, 2]


def test_csv_with_only_carriage_returns_is_read(desk: Desk) -> None:
    assert desk.read(table(wrapper(1), wrapper(2), end="\r")).count.used == 2


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_are_recognised(delimiter: str, desk: Desk) -> None:
    assert desk.read(table(wrapper(), delimiter=delimiter)).count.used == 1


def test_cells_may_hold_line_breaks_and_be_long(desk: Desk) -> None:
    folders = [{"Path": "\\Inbox", "FolderItems": [{"InternetMessageId": "x" * 200_000}]}]
    content = table(wrapper(1, json.dumps(mail(1, Folders=folders), indent=1)), wrapper(2))
    result = desk.read(content)
    assert result.count.used == 2
    assert result.records[1].origin.line == content[: content.index(guid(2))].count("\n") + 1


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("{bad}", "no valid JSON"),
        ('{"a": NaN}', "NaN"),
        ('{"Id": 1, "Id": 2}', "occurs twice"),
        ("[" * 2000, "nested deeper"),
        ("5", "not a JSON object"),
        ("[5]", "not a JSON object"),
        (b'{"Workload": "\xff"}', "not valid UTF-8"),
    ],
)
def test_bad_line_costs_that_line(bad: str | bytes, reason: str, desk: Desk) -> None:
    data = bad if isinstance(bad, bytes) else bad.encode()
    result = desk.read(lines(mail(1)).encode() + data + b"\n" + lines(mail(2)).encode())
    assert result.count == Count(3, 2, 0, 1, 0)
    assert (result.refusals[0].line, reason in result.refusals[0].reason) == (2, True)


def test_first_line_may_be_the_bad_one(desk: Desk) -> None:
    assert desk.read("{bad}\n" + lines(mail())).count == Count(2, 1, 0, 1, 0)


def test_bad_element_of_a_pretty_array_costs_that_element(desk: Desk) -> None:
    text = json.dumps([mail(1), mail(2), mail(3)], indent=2)
    broken = text.replace(f'"Id": "{guid(2)}"', f'"Id": {guid(2)}')
    result = desk.read(broken)
    assert [record.id for record in result.records] == [guid(1), guid(3)]
    assert result.count.refused == 1


def test_row_with_too_many_cells_or_bad_bytes_is_refused(desk: Desk) -> None:
    content = table(wrapper(1), wrapper(2)).encode() + b'"a"' + b",x" * 8 + b"\r\n" + b"\xff,\r\n"
    result = desk.read(content)
    assert result.count == Count(4, 2, 0, 2, 0)
    assert [refusal.reason for refusal in result.refusals] == [
        "9 cells under 8 headers",
        "bytes that are not valid UTF-8",
    ]


def test_unreadable_header_costs_the_rows_and_is_told(desk: Desk) -> None:
    result = desk.read("Identity,CreationDate,Audit\rData\n" + "a,b,c\n" * 3)
    assert result.records == []
    assert "nothing below the header can be read" in result.files[0].partial


def test_header_with_bad_bytes_can_be_shown(desk: Desk) -> None:
    [record] = desk.read(table(wrapper()).encode().replace(b"Identity", b"Identity,\xff\xfe", 1)).records
    json.dumps(dict(record.fields), ensure_ascii=False).encode()


def test_stray_quote_costs_its_own_row_only(desk: Desk) -> None:
    head, *rows = table(wrapper(1), wrapper(2), wrapper(3)).split("\r\n")
    content = "\r\n".join([head, 'x,"y" z,', *rows])
    assert desk.read(content).count == Count(4, 3, 0, 1, 0)


def test_lone_surrogate_is_no_obstacle_to_output(desk: Desk) -> None:
    [record] = desk.read('{"UserId": "a\\ud800", ' + json.dumps(mail())[1:].replace('"UserId"', '"User"')).records
    json.dumps(dict(record.fields), ensure_ascii=False).encode()


# Signs of truncation ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "sign"),
    [
        (json.dumps({"@odata.nextLink": "x", "value": [ENTRA_SIGNIN]}), "nextLink"),
        (json.dumps({"value": [ENTRA_SIGNIN], "@odata.nextLink": "x"}), "nextLink"),
        (json.dumps({**query_answer(office()), "error": {"code": "x"}}), "error"),
        (json.dumps([wrapper(AuditSearchRequestMetadata="@{moreRecordsAvailable=True}")]), "moreRecordsAvailable"),
        (lines(mail()) + json.dumps(mail(2))[:80], "ends in the middle of line 2"),
        (json.dumps([mail(1), mail(2)], indent=1)[:-60], "cut off"),
        (json.dumps([mail(1), mail(2)])[:-1], "cut off"),
        (json.dumps({"value": [wrapper(1), wrapper(2)]})[:-40], "cut off"),
        (table(wrapper(1), wrapper(2)).rsplit(",", 2)[0], "last row is incomplete"),
        (table(wrapper(1)) + 'a,"b', "quote is not closed"),
        (gzip.compress(lines(*map(mail, range(1, 2000))).encode())[:-400], "compressed data ends early"),
    ],
)
def test_sign_of_truncation_makes_the_file_partial_and_keeps_what_was_whole(
    content: str | bytes, sign: str, desk: Desk
) -> None:
    result = desk.read(content)
    assert any(sign in reason for reason in result.partial), result.partial
    assert result.records


@pytest.mark.parametrize(("number", "partial"), [(4999, False), (5000, True), (5001, False), (10000, True)])
def test_search_that_stops_at_a_full_page_is_partial(number: int, partial: bool, desk: Desk) -> None:
    skipped = json.dumps({"Workload": "SharePoint", "Operation": "x"})
    content = "Identity,AuditData\n" + f'x,"{skipped.replace(chr(34), chr(34) * 2)}"\n' * number
    assert bool(desk.only(content).partial) is partial


@pytest.mark.parametrize(("number", "partial"), [(49_999, False), (50_000, True)])
def test_portal_export_with_the_capped_number_of_rows_is_partial(number: int, partial: bool, desk: Desk) -> None:
    content = "CreationDate,UserIds,Operations,AuditData\n" + 'x,x,x,"{""Workload"": ""SharePoint""}"\n' * number
    assert bool(desk.only(content).partial) is partial


@pytest.mark.parametrize(
    ("index", "number", "sign"), [(3, 7, "ResultIndex 3 < ResultCount 7"), (-1, 0, "failed pages")]
)
def test_short_result_count_and_failed_pages_are_partial(index: int, number: int, sign: str, desk: Desk) -> None:
    report = desk.only(table(wrapper(ResultIndex=index, ResultCount=number)))
    assert len(report.partial) == 1
    assert sign in report.partial[0]


@pytest.mark.parametrize(
    "content", ["", "\n \n", "\ufeff", "CreationDate,UserIds,Operations,AuditData\n", "[]", '{"value": []}']
)
def test_nothing_to_read_is_partial(content: str, desk: Desk) -> None:
    report = desk.only(content)
    assert report.partial == ["empty file"]
    assert report.count == Count()


# Duplicates ---------------------------------------------------------------------------------------------------------


def used(desk: Desk, *records: object) -> int:
    return desk.read(lines(*records)).count.used


def test_same_event_in_three_tables_is_used_once_in_its_fullest_form(desk: Desk) -> None:
    result = desk.read(lines(office(), cloud_app(raw=mail(SessionId="s")), wrapper()))
    assert result.count == Count(3, 1, 2, 0, 0)
    assert result.records[0].fields["SessionId"] == "s"


@pytest.mark.parametrize(
    "change",
    [
        {"Folders": [{"Path": "\\Inbox"}]},
        {"UserId": "ALICE@contoso.example"},
        {"RecordType": "50"},
        {"CreationTime": "2026-03-02T09:00:00.4Z"},
        {"UserType": "Regular"},
        {"AppId": ""},
        {
            "OperationProperties": [
                {"Name": "IsThrottled", "Value": "False"},
                {"Name": "MailAccessType", "Value": "Bind"},
            ]
        },
    ],
)
def test_differences_that_mean_nothing_do_not_make_a_second_event(change: dict[str, object], desk: Desk) -> None:
    assert used(desk, mail(), {**mail(), **change}) == 1


@pytest.mark.parametrize(
    "change",
    [
        {"UserId": "bob@contoso.example"},
        {"UserId": "10032004"},
        {"CreationTime": "2026-03-02T09:00:01"},
        {"AppAccessContext": {"UniqueTokenId": TOKEN.swapcase()}},
        {"OperationProperties": [{"Name": "MailAccessType", "Value": "Sync"}]},
        {"RecordType": 2},
    ],
)
def test_same_id_with_contradicting_content_keeps_both(change: dict[str, object], desk: Desk) -> None:
    result = desk.read(lines(mail(), {**mail(), **change}))
    assert result.count.used == 2
    assert result.files[0].notes == ["1 ids with conflicting content: all kept"]


def test_redacted_ids_remove_only_equal_copies(desk: Desk) -> None:
    people = [mail(1, UserId=f"user{number}@contoso.example") for number in range(5)]
    result = desk.read(lines(*people, people[0]))
    assert result.count == Count(6, 5, 1, 0, 0)
    assert "redacted?" in result.files[0].notes[0]


def test_other_ids_are_duplicates_only_when_all_is_equal(desk: Desk) -> None:
    for written in ("1", "", "00000000-0000-0000-0000-000000000000"):
        assert used(desk, mail(Id=written), mail(Id=written)) == 1
        assert used(desk, mail(Id=written), mail(Id=written, Folders=[1])) == 2


def test_one_sign_in_in_two_rows_is_one(desk: Desk) -> None:
    rows = [signin(AuthenticationRequirement=words) for words in ("single", "multi")]
    result = desk.read(lines(*rows))
    assert result.count == Count(2, 1, 1, 0, 0)
    assert result.records[0].fields["AuthenticationRequirement"] == "single"


def test_same_id_in_two_sign_in_feeds_is_no_copy_but_one_of_defender_is(desk: Desk) -> None:
    assert used(desk, signin(), signin(Type="AADNonInteractiveUserSignInLogs")) == 2
    defender = {"Timestamp": "2026-03-02T08:50:00Z", "RequestId": guid(1), "ApplicationId": guid(2), "ErrorCode": 0}
    assert used(desk, signin(), hunting("EntraIdSignInEvents", defender)) == 1


def test_directory_change_doubled_by_a_query_is_one(desk: Desk) -> None:
    rows = [{**ENTRA_CHANGE, "keyEvents": number} for number in range(4)]
    assert used(desk, *rows) == 1


def test_sign_in_and_its_twin_in_the_audit_log_are_two_records(desk: Desk) -> None:
    twin = mail(Operation="UserLoggedIn", RecordType=15, Workload="AzureActiveDirectory")
    assert used(desk, signin(), twin) == 2


def test_copy_with_the_time_of_the_event_is_preferred(desk: Desk) -> None:
    late = office(Start_Time="2026-03-02T09:10:00Z", ObjectId="more", SessionId="than the other")
    del late["TimeGenerated"]
    result = desk.read(lines(late, office()))
    assert result.count.duplicates == 1
    assert result.records[0].time == TIME


def test_redelivered_diagnostic_record_is_a_duplicate(desk: Desk) -> None:
    first = diagnostic("SignInLogs", ENTRA_SIGNIN)
    assert used(desk, first, {**first, "time": "2026-03-02T09:30:00Z"}) == 1


# Files and folders --------------------------------------------------------------------------------------------------


def test_folder_is_read_in_order_with_names_below_it(tmp_path: Path) -> None:
    for name, number in (("b.json", 1), ("z/c.log", 2), ("a/b.txt", 3)):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(lines(mail(number)))
    (tmp_path / "given.yml").write_text("now: 2026-03-02T20:00:00Z\n")
    (tmp_path / "notes.md").write_text("# Notes, with a comma\n")
    (tmp_path / "settings.json").write_text('{"a": 1}')
    (tmp_path / "picture.bin").write_bytes(b"\x00\x01\x02")
    result = read([tmp_path], SOURCES)
    shapes = {Path(report.file).relative_to(tmp_path).as_posix(): report.shape[:2] for report in result.files}
    no_log = dict.fromkeys(["given.yml", "notes.md", "picture.bin", "settings.json"], "no")
    assert shapes == {"b.json": "A8", "a/b.txt": "A8", "z/c.log": "A8"} | no_log
    assert list(shapes) == [*sorted([*no_log, "b.json"]), "a/b.txt", "z/c.log"]
    assert result.count == Count(3, 3, 0, 0, 0)
    assert result.partial == []
    assert [Path(record.origin.file).name for record in result.records] == ["b.txt", "b.json", "c.log"]


def test_copy_in_another_file_counts_as_duplicate_there(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(lines(mail()))
    result = read([tmp_path], SOURCES)
    assert [report.count for report in result.files] == [Count(1, 1, 0, 0, 0), Count(1, 0, 1, 0, 0)]
    assert result.count == Count(2, 1, 1, 0, 0)


@pytest.mark.parametrize(
    "content",
    [
        "# Notes, and more\n",
        "[section]\nid=1\n",
        "{{ template }}\n",
        "<html>a,b</html>",
        '{"a": 1}',
        "a,b\n1,2\n",
        "\x00\x00",
    ],
)
def test_file_that_is_named_and_no_log_is_an_error(content: str, tmp_path: Path) -> None:
    (tmp_path / "x").write_text(content)
    with pytest.raises(LogError, match=r"x: is not a log of a known shape") as caught:
        read([tmp_path / "x"], SOURCES)
    assert caught.value.problems[0].hint


def test_missing_paths_are_named_all_at_once(tmp_path: Path) -> None:
    with pytest.raises(LogError) as caught:
        read([tmp_path / "x", tmp_path / "y"], SOURCES)
    assert [problem.where.rsplit("/", 1)[-1] for problem in caught.value.problems] == ["x", "y"]


def test_empty_folder_is_partial(tmp_path: Path) -> None:
    assert read([tmp_path], SOURCES).partial == [f"{tmp_path.as_posix()}: empty folder"]


@pytest.mark.parametrize(
    ("magic", "words"),
    [
        (b"PK\x03\x04", "zip"),
        (b"\x28\xb5\x2f\xfd", "compressed data"),
        (b"7z\xbc\xaf\x27\x1c", "7z"),
        (b"PAR1", "Parquet"),
        (b"BZh9", "bzip2"),
        (b"\xfd7zXZ\x00", "xz"),
    ],
)
def test_damaged_archives_are_refused_and_do_not_stop_the_others(magic: bytes, words: str, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(magic + b"rest")
    (tmp_path / "b").write_text(lines(mail()))
    result = read([tmp_path], SOURCES)
    assert result.count == Count(1, 1, 0, 0, 0)
    assert words in result.partial[0]
    assert (result.refusals[0].line, words in result.refusals[0].reason) == (0, True)


def test_links_inside_a_folder_are_not_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "a").write_text(lines(mail()))
    (tmp_path / "case").mkdir()
    (tmp_path / "case" / "link").symlink_to(tmp_path / "real" / "a")
    (tmp_path / "case" / "folder").symlink_to(tmp_path / "real")
    assert read([tmp_path / "case"], SOURCES).count.read == 0


def test_progress_ends_with_everything_done(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name).write_text(lines(*map(mail, range(3000))))
    calls: list[tuple[int, int]] = []
    read([tmp_path], SOURCES, progress=lambda done, total: calls.append((done, total)))
    done = [call[0] for call in calls]
    assert done == sorted(done)
    assert calls[-1][0] == calls[-1][1] == sum((tmp_path / name).stat().st_size for name in ("a", "b"))
    assert len(calls) > 4


def test_what_is_read_does_not_depend_on_the_order_of_paths(tmp_path: Path) -> None:
    (tmp_path / "a").write_text(lines(mail(1), mail(2), signin()))
    (tmp_path / "b").write_text(lines(mail(2), mail(3)))
    paths = [tmp_path / "a", tmp_path / "b"]
    keys = [[(record.id, record.source) for record in read(order, SOURCES).records] for order in (paths, paths[::-1])]
    assert keys[0] == keys[1]
