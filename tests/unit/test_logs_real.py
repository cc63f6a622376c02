"""Reading real exports: the numbers that their README and manifest state. The data is never part of the project."""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from unissued.logs import Count, Reading, SourceMap, SourceTables, read

ROOT = Path(__file__).parents[2]
DATA = Path(os.environ.get("UNISSUED_REAL_LOGS", ROOT.parent / "shared" / "data"))

pytestmark = pytest.mark.skipif(
    not (DATA / "MANIFEST.json").is_file(), reason=f"no real logs in {DATA} (set UNISSUED_REAL_LOGS)"
)

MAIL = [
    "Id", "Operation", "CreationTime", "RecordType", "Workload", "ResultStatus", "OrganizationId", "UserId", "UserKey",
    "UserType", "LogonType", "AppId", "ClientAppId", "ClientInfoString", "ClientIPAddress", "ClientIP", "MailboxGuid",
    "MailboxOwnerUPN", "ObjectId", "SessionId", "AppAccessContext.UniqueTokenId",
    "OperationProperties[MailAccessType].Value",
]  # fmt: skip
SIGNIN = ["Id", "CreatedDateTime", "UniqueTokenIdentifier", "OriginalRequestId", "ResultType", "SessionId"]
DIRECTORY = ["Id", "OperationName", "ActivityDateTime", "Result", "CorrelationId", "TargetResources[].id"]
SOURCES = SourceMap(
    {
        "m365/exchange": SourceTables(
            timedelta(minutes=75),
            {"OfficeActivity": {"ClientIPAddress": "Client_IPAddress"}, "raw": {name: name for name in MAIL}},
        ),
        "m365/audit": SourceTables(timedelta(minutes=75), {"raw": {name: name for name in MAIL[:10]}}),
        "azure/signinlogs": SourceTables(timedelta(minutes=5), {"SigninLogs": {name: name for name in SIGNIN}}),
        "azure/auditlogs": SourceTables(timedelta(minutes=5), {"AuditLogs": {name: name for name in DIRECTORY}}),
    }
)


def reading(*names: str) -> Reading:
    return read([DATA / name for name in names], SOURCES)


def mail_reads(result: Reading) -> int:
    return sum(record.fields.get("Operation") == "MailItemsAccessed" for record in result.records)


def manifest() -> dict[str, dict[str, int]]:
    if not (DATA / "MANIFEST.json").is_file():
        return {}
    entries: dict[str, dict[str, int]] = json.loads((DATA / "MANIFEST.json").read_text(encoding="utf-8"))
    return {name: entry for name, entry in entries.items() if not name.startswith("_")}


@pytest.mark.parametrize("name", sorted(manifest()))
def test_every_row_of_the_manifest_is_read_and_accounted_for(name: str) -> None:
    result = reading(name)
    expected = manifest()[name]
    assert result.count.read == expected["records"]
    assert result.count.balanced
    assert len(result.refusals) == result.count.refused
    assert mail_reads(result) == expected["mail_items_accessed_unique"]


@pytest.mark.parametrize(
    ("name", "shape", "count"),
    [
        ("invictus-o365_dataset/auditdata.ndjson", "A8", Count(1006, 569, 263, 0, 174)),
        ("invictus-o365_dataset/search-unifiedauditlog.csv", "A3", Count(1006, 569, 263, 0, 174)),
        ("invictus-o365_dataset/splunk-export.csv", "F1", Count(407, 281, 126, 0, 0)),
        ("invictus-o365_dataset/purview-portal-2023.csv", "A1", Count(726, 569, 0, 0, 157)),
        ("invictus-o365_dataset/purview-portal-2026.csv", "A1", Count(156, 156, 0, 0, 0)),
        ("otrf-goldensaml/OfficeActivityEvents.json", "D4", Count(1, 1, 0, 0, 0)),
        ("otrf-goldensaml/Microsoft365DefenderEvents.json", "D4", Count(9, 2, 0, 0, 7)),
        ("otrf-goldensaml/AADAuditEvents.json", "D4", Count(4, 3, 1, 0, 0)),
        ("msticpy/SigninLogs.ndjson", "D4", Count(86, 45, 41, 0, 0)),
        ("sentinel-training-lab/office_activity.csv", "D1", Count(266, 13, 0, 0, 253)),
        ("sentinel-training-lab/office_activity_inbox_rule.csv", "D1", Count(2, 2, 0, 0, 0)),
        ("sentinel-training-lab/sign-in_adelete.csv", "D1", Count(56, 56, 0, 0, 0)),
        ("sentinel-training-lab/azureActivity_adele.csv", "D1", Count(23, 0, 0, 0, 23)),
        ("sentinel-training-lab/disable_accounts.csv", "D1", Count(4, 0, 0, 4, 0)),
        ("sentinel-training-lab/AuditLogs_Hunting.csv", "D1", Count(5, 0, 0, 5, 0)),
        ("sentinel-training-lab/signinLogs.csv", "D1", Count(1, 0, 0, 1, 0)),
    ],
)
def test_each_file_gives_what_is_known_of_it(name: str, shape: str, count: Count) -> None:
    result = reading(name)
    assert result.files[0].shape.startswith(shape)
    assert result.count == count


def test_five_exports_of_one_log_are_one_log() -> None:
    """726 distinct ids: 569 of Exchange and the directory, 157 of SharePoint, OneDrive and Compliance."""
    result = reading("invictus-o365_dataset")
    assert result.count.used == 569
    assert mail_reads(result) == 156
    assert result.count.balanced
    assert result.refusals == []
    [reason] = result.partial
    assert "search-unifiedauditlog.csv: highest ResultIndex" in reason, "the records are a selection of that export"


def test_the_forged_read_in_two_tables_is_one_event() -> None:
    result = reading("otrf-goldensaml")
    assert mail_reads(result) == 1
    [read_record] = [record for record in result.records if record.fields.get("Operation") == "MailItemsAccessed"]
    assert read_record.fields["ClientAppId"] == "5a95e683-08ad-424e-a441-1d1aec52c02c"
    assert read_record.time == datetime(2021, 8, 2, 13, 32, 7, tzinfo=UTC)
    properties = read_record.fields["OperationProperties"]
    assert isinstance(properties, list)
    assert {"Name": "MailAccessType", "Value": "Bind"} in properties


def test_sentinel_cells_are_read_in_full() -> None:
    result = reading("sentinel-training-lab/office_activity.csv")
    assert result.files[0].skipped_as == {"MicrosoftTeams": 5, "OneDrive": 66, "SharePoint": 182}
    last = result.records[-1]
    assert last.time == datetime(2021, 4, 28, 14, 54, 37, tzinfo=UTC)
    assert last.fields["Workload"] == "Exchange"
    assert last.fields["LogonType"] == "Owner"
    assert last.table == "OfficeActivity"


def test_union_columns_are_folded() -> None:
    result = reading("sentinel-training-lab/sign-in_adelete.csv")
    assert all(isinstance(record.fields["Status"], dict) for record in result.records)
    assert not any("Status_dynamic" in record.fields for record in result.records)


def test_the_whole_folder_has_160_mail_reads() -> None:
    result = reading("")
    assert mail_reads(result) == 160
    assert result.count.balanced
    assert [file.shape for file in result.files if file.file.endswith(("README.md", "MANIFEST.json"))] == [
        "not a log"
    ] * 2
