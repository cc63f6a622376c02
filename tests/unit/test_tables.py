"""Records in a target's own shape: the way back of what the readers do with exported rows."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path

import pytest

from conftest import read_logs
from unissued.pack import load_catalogue
from unissued.record import Origin, Record
from unissued.tables import Writer, schemas

CATALOGUE = load_catalogue()
WRITER = Writer(CATALOGUE)
TIME = datetime(2026, 3, 2, 9, tzinfo=UTC)


def record(source: str, table: str = "", **fields: object) -> Record:
    return Record(source, fields, TIME, TIME, str(fields.get("Id", "")), table, Origin("a.jsonl", 1))


def test_mail_record_stands_in_both_tables_of_sentinel_and_in_one_of_defender() -> None:
    mail = record("m365/exchange", Id="i", Operation="MailItemsAccessed", Workload="Exchange", LogonType=0, New="kept")
    office, cloud = WRITER.kusto(mail, "sentinel")
    assert (office.table, cloud.table) == ("OfficeActivity", "CloudAppEvents")
    assert office.values["OfficeId"] == "i"
    assert office.values["Logon_Type"] == "0"
    assert office.values["OfficeWorkload"] == "Exchange"
    assert office.values["TimeGenerated"] == TIME
    assert office.values["UserId"] == ""
    assert "New" not in office.values
    assert cloud.values["ActionType"] == "MailItemsAccessed"
    assert cloud.values["RawEventData"] == mail.fields
    (defender,) = WRITER.kusto(mail, "defender")
    about_the_address = {"IPTags", "IsAnonymousProxy"}
    assert set(defender.values) == {"ActionType", "ReportId", "Timestamp", "RawEventData", *about_the_address}
    assert defender.values["Timestamp"] == TIME


@pytest.mark.parametrize(
    ("table", "sentinel", "defender"),
    [
        ("SigninLogs", "SigninLogs", "EntraIdSignInEvents"),
        ("AADServicePrincipalSignInLogs", "AADServicePrincipalSignInLogs", "EntraIdSpnSignInEvents"),
        ("", "SigninLogs", "EntraIdSignInEvents"),
    ],
)
def test_sign_in_stands_in_the_table_of_its_kind(table: str, sentinel: str, defender: str) -> None:
    signin = record("azure/signinlogs", table, Id="i", ResultType="50126", UniqueTokenIdentifier="t")
    (row,) = WRITER.kusto(signin, "sentinel")
    assert (row.table, row.values["UniqueTokenIdentifier"]) == (sentinel, "t")
    (row,) = WRITER.kusto(signin, "defender")
    assert (row.table, row.values["RequestId"], row.values["ErrorCode"]) == (defender, "i", 50126)


@pytest.mark.parametrize(
    ("raw", "kept"), [(True, True), ("False", False), (1, True), ("0", False), ("", None), (2, None)]
)
def test_truth_value_stands_in_its_column(raw: object, kept: bool | None) -> None:
    mail = record("m365/exchange", "", Id="i", Workload="Exchange", IsAnonymousProxy=raw, IPTags='["Tor"]')
    (row,) = WRITER.kusto(mail, "defender")
    assert row.values["IsAnonymousProxy"] is kept
    assert row.values["IPTags"] == ["Tor"]


def test_directory_records_stand_only_where_the_target_keeps_them() -> None:
    assert WRITER.kusto(record("m365/audit", Workload="AzureActiveDirectory"), "sentinel") == []
    assert WRITER.kusto(record("azure/auditlogs"), "defender") == []
    assert WRITER.kusto(record("azure/riskdetection"), "defender") == []


def test_risk_detection_keeps_the_time_when_its_row_was_written() -> None:
    """The time of the activity has a column of its own, and a query has to look there."""
    risk = record(
        "azure/riskdetection",
        "AADUserRiskEvents",
        ActivityDateTime="2026-03-02T09:00:00Z",
        TimeGenerated="2026-03-02T20:05:00Z",
        RiskEventType="anomalousToken",
    )
    (row,) = WRITER.kusto(risk, "sentinel")
    assert row.table == "AADUserRiskEvents"
    assert row.values["TimeGenerated"] == datetime(2026, 3, 2, 20, 5, tzinfo=UTC)
    assert row.values["ActivityDateTime"] == TIME
    (row,) = WRITER.kusto(record("azure/riskdetection"), "sentinel")
    assert row.values["TimeGenerated"] == TIME
    event = WRITER.splunk(risk)
    assert (event.sourcetype, event.body["category"]) == ("azure:monitor:aad", "UserRiskEvents")
    properties = event.body["properties"]
    assert isinstance(properties, dict)
    assert (properties["riskEventType"], properties["activityDateTime"]) == ("anomalousToken", "2026-03-02T09:00:00Z")


def test_splunk_gets_the_raw_record_or_the_diagnostic_envelope() -> None:
    mail = record("m365/exchange", Id="i", Workload="Exchange", OperationProperties=[{"Name": "n", "Value": "v"}])
    assert WRITER.splunk(mail).body == mail.fields
    signin = WRITER.splunk(record("azure/signinlogs", "ADFSSignInLogs", Id="i", OriginalRequestId="o", ResultType="0"))
    assert signin.sourcetype == "azure:monitor:aad"
    assert signin.body["category"] == "ADFSSignInLogs"
    assert signin.body["resultType"] == "0"
    properties = signin.body["properties"]
    assert isinstance(properties, dict)
    assert (properties["id"], properties["originalRequestId"]) == ("i", "o")


def test_nested_fields_of_the_directory_audit_keep_their_structure() -> None:
    targets = [{"id": "x", "modifiedProperties": []}]
    audit = record("azure/auditlogs", OperationName="Consent to application", TargetResources=targets)
    body = WRITER.splunk(audit).body
    assert body["category"] == "AuditLogs"
    properties = body["properties"]
    assert isinstance(properties, dict)
    assert properties["activityDisplayName"] == "Consent to application"
    assert properties["targetResources"] == targets


def test_values_fit_their_columns() -> None:
    for target in ("sentinel", "defender"):
        for table, columns in schemas(CATALOGUE, target).items():
            assert columns, table
    row = WRITER.kusto(record("azure/auditlogs", ActivityDateTime="nonsense", InitiatedBy='{"user": {}}'), "sentinel")[
        0
    ]
    assert row.values["ActivityDateTime"] is None
    assert row.values["InitiatedBy"] == {"user": {}}
    assert row.values["Result"] == ""


# On real rows


def _rows(path: Path) -> Iterator[dict[str, object]]:
    if path.suffix == ".csv":
        with path.open(encoding="utf-8-sig", newline="") as file:
            yield from csv.DictReader(file)
        return
    for line in path.read_text(encoding="utf-8").splitlines():
        yield json.loads(line)


def _id_of(row: dict[str, object]) -> object:
    raw = row.get("RawEventData")
    if isinstance(raw, str):
        raw = json.loads(raw)
    if isinstance(raw, dict) and raw.get("Id"):
        return raw["Id"]
    return row.get("OfficeId") or row.get("Id") or str(row.get("ReportId"))[-36:]


@pytest.mark.parametrize(
    ("file", "target", "table", "rows"),
    [
        ("otrf-goldensaml/OfficeActivityEvents.json", "sentinel", "OfficeActivity", 1),
        ("otrf-goldensaml/Microsoft365DefenderEvents.json", "defender", "CloudAppEvents", 2),
        ("otrf-goldensaml/AADAuditEvents.json", "sentinel", "AuditLogs", 1),
        ("sentinel-training-lab/office_activity.csv", "sentinel", "OfficeActivity", 13),
        ("msticpy/SigninLogs.ndjson", "sentinel", "SigninLogs", 45),
    ],
)
def test_real_row_comes_back_as_it_was(real_logs: Path, file: str, target: str, table: str, rows: int) -> None:
    """Read as the record that rules see, and written again, a row has the same values in the same columns."""
    original = {_id_of(row): row for row in _rows(real_logs / file)}
    compared = 0
    for one in read_logs(real_logs / file).records:
        for row in WRITER.kusto(one, target):
            if row.table == table:
                compared += 1
                _compare(row.values, original[one.id])
    assert compared >= rows


def _compare(written: Mapping[str, object], was: Mapping[str, object]) -> None:
    for column, value in written.items():
        if column == "RawEventData" and not was.get(column):
            continue  # the record is put together from the other columns then
        if column != "ReportId" and not isinstance(value, datetime):
            there = _plain(was.get(column))
            if column == "RawEventData" and isinstance(there, dict) and isinstance(value, dict):
                # The reader writes the id and the operation into the record where they only stand beside it.
                there = {"Id": value["Id"], "Operation": value["Operation"], **there}
                # So it does with what Defender for Cloud Apps knows about the address, also where that is "no".
                there |= {key: was[key] for key in ("IsAnonymousProxy", "IPTags") if was.get(key) is not None}
                # What PowerShell wrote as @{…} is repaired on the way in.
                there |= {key: value[key] for key, was_there in there.items() if "@{" in str(was_there)}
            assert _plain(value) == there, column


def _plain(value: object) -> object:
    """Text that holds JSON is read: readers take it apart, and white space in it says nothing."""
    if isinstance(value, str) and value[:1] in ("[", "{") and value[-1] in ("]", "}"):
        return json.loads(value)
    return "" if value is None else value


def test_columns_are_those_of_microsofts_reference(real_logs: Path) -> None:
    folder = real_logs.parent / "schemas"
    if not folder.is_dir():
        pytest.skip(f"no table reference at {folder}")
    for target in ("sentinel", "defender"):
        reference = json.loads((folder / f"{target}.json").read_text(encoding="utf-8"))
        for table, columns in schemas(CATALOGUE, target).items():
            for column, kind in columns.items():
                assert reference[table].get(column) == kind, (target, table, column)
