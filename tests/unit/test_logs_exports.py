"""Every shape of the exports, from files as the collecting tool writes them: alone, in folders, all together."""

from __future__ import annotations

from pathlib import Path

import pytest

from conftest import shipped_pack
from exported import BOTH, CHANGES, EXPORTS, MAILBOX, REQUESTS, SIGNINS, TOKEN, Export
from unissued.logs import Count, Reading, read, source_map


def put(folder: Path, export: Export) -> None:
    for name, content in export.files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def read_all(folder: Path) -> Reading:
    return read([folder], source_map(shipped_pack().catalogue))


@pytest.mark.parametrize("name", EXPORTS)
def test_what_a_tool_writes_is_read_and_accounted_for(name: str, tmp_path: Path) -> None:
    export = EXPORTS[name]
    put(tmp_path, export)
    result = read_all(tmp_path)
    assert {report.shape[:2] for report in result.files} == {export.shape}
    assert result.count == export.count
    assert frozenset(record.id for record in result.records) == export.ids
    assert len(result.partial) == len(export.partial), result.partial
    for said, expected in zip(result.partial, export.partial, strict=True):
        assert expected in said
    for refusal, expected in zip(result.refusals, export.refused, strict=True):
        assert expected in refusal.reason


@pytest.mark.parametrize("name", [name for name, export in EXPORTS.items() if export.ids == BOTH])
def test_a_mail_read_says_the_same_in_every_dress(name: str, tmp_path: Path) -> None:
    put(tmp_path, EXPORTS[name])
    record = read_all(tmp_path).records[0]
    assert (record.source, record.time.minute, record.fields["UserId"]) == ("m365/exchange", 11, MAILBOX)
    assert record.fields["ClientIPAddress"] == "2001:db8::7"
    properties = record.fields["OperationProperties"]
    assert isinstance(properties, list)
    assert properties[0] == {"Name": "MailAccessType", "Value": "Bind"}
    if record.table != "OfficeActivity":
        assert record.fields["AppAccessContext"] == {
            "ClientAppId": "9199bf20-a13f-4107-85dc-02114787ef48",
            "UniqueTokenId": TOKEN,
        }


def test_a_folder_with_the_exports_of_all_tools_holds_each_event_once(tmp_path: Path) -> None:
    """The sign-ins stay one for each feed that the tools name; the Logs blade shows its two reads on other days."""
    for name, export in EXPORTS.items():
        put(tmp_path / name, export)
    result = read_all(tmp_path)
    together = sum((export.count for export in EXPORTS.values()), Count())
    assert result.count.balanced
    assert (result.count.read, result.count.refused, result.count.skipped) == (
        together.read,
        together.refused,
        together.skipped,
    )
    by_source = {
        source: [record.id for record in result.records if record.source == source]
        for source in ("m365/exchange", "azure/auditlogs", "azure/graphactivity", "azure/signinlogs")
    }
    assert sorted(by_source["m365/exchange"]) == sorted([*BOTH, *BOTH])
    assert sorted(by_source["azure/auditlogs"]) == sorted(CHANGES)
    assert sorted(by_source["azure/graphactivity"]) == sorted(REQUESTS)
    assert set(by_source["azure/signinlogs"]) == SIGNINS


def test_csv_files_one_after_the_other_have_headers_that_are_no_rows(tmp_path: Path) -> None:
    first, second, third = (EXPORTS[name].files for name in ("search_csv_new_module", "portal_2026", "old_portal"))
    (tmp_path / "all.csv").write_bytes(
        b"".join(content for files in (first, second, third) for content in files.values())
    )
    result = read_all(tmp_path)
    assert result.count == Count(6, 2, 4, 0, 0)
    assert result.partial == []
