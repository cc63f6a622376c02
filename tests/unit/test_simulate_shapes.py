"""What is written for each target: events, rows, tables, lists."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from conftest import ROOT, read_logs
from unissued.convert import convert
from unissued.pack import Pack
from unissued.simulate import sentinel
from unissued.simulate.batch import Batch, Setting
from unissued.simulate.folder import files
from unissued.simulate.listing import Listing
from unissued.simulate.plan import Plan, choose, plan
from unissued.simulate.shapes import Shape, as_line, hec_events, jsonl_lines, list_file
from unissued.tables import schemas
from unissued.verify import load_scenarios

END = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
S2 = "s2_storm0558_today"


def planned(pack: Pack, shape: Shape) -> Plan:
    setting = Setting(pack, shape.target, END)
    scenarios = load_scenarios(pack, ROOT / "fixtures" / "_scenarios")
    return plan(setting, choose(setting, [], scenarios, (), [S2]), read_logs)


@pytest.fixture(scope="module")
def splunk(pack: Pack) -> Batch:
    return planned(pack, Shape.SPLUNK_HEC).batches[0]


@pytest.fixture(scope="module")
def microsoft(pack: Pack) -> Batch:
    return planned(pack, Shape.SENTINEL_INGEST).batches[0]


# Splunk


def test_events_for_the_collector_have_their_time_case_and_source_type(splunk: Batch) -> None:
    events = [json.loads(line) for line in hec_events(splunk, "replay")]
    assert len(events) == len(splunk.sent)
    mail = [event for event in events if event["sourcetype"] == "o365:management:activity"]
    assert len(mail) == sum(record.source == "m365/exchange" for record in splunk.sent)
    for event in mail:
        said = datetime.fromisoformat(event["event"]["CreationTime"]).replace(tzinfo=UTC)
        assert event["time"] == said.timestamp()
        assert (event["index"], event["source"]) == ("replay", f"unissued-simulate/{S2}")
    signins = [event for event in events if event["sourcetype"] == "azure:monitor:aad"]
    assert {event["event"]["category"] for event in signins} == {
        "SignInLogs",
        "NonInteractiveUserSignInLogs",
        # The rule on applications' tokens waits for these feeds, so a replay fills them.
        "ServicePrincipalSignInLogs",
        "ManagedIdentitySignInLogs",
    }


def test_without_an_index_the_token_s_own_is_used(splunk: Batch) -> None:
    assert all("index" not in json.loads(line) for line in hec_events(splunk))


def test_half_a_surrogate_pair_does_not_break_a_line() -> None:
    assert json.loads(as_line({"a": "\ud800", "b": "–"}).encode("utf-8")) == {"a": "\ud800", "b": "–"}
    assert "–" in as_line({"b": "–"})


# Lists


def cells(text: str) -> list[str]:
    return [row[0] for row in csv.reader(io.StringIO(text))]


KEYS = ["00000003-0000-0000-C000-000000000000|-|REST", "-|-|Outlook, new"]


def test_a_lookup_has_its_head_small_letters_and_says_how_many_rows_it_has(pack: Pack) -> None:
    text = list_file(pack.catalogue, "baseline_mail_apps", KEYS, Shape.SPLUNK_HEC)
    assert cells(text) == ["key", "-|-|outlook, new", "00000003-0000-0000-c000-000000000000|-|rest", "#rows=2"]
    assert "\r" not in text


def test_a_watchlist_has_its_head_and_says_how_many_rows_it_has(pack: Pack) -> None:
    text = list_file(pack.catalogue, "baseline_mail_apps", KEYS, Shape.SENTINEL_INGEST)
    assert cells(text) == ["SearchKey", *sorted(KEYS), "#rows=2"]


def test_spellings_of_one_entry_count_once(pack: Pack) -> None:
    spelled = ["59023AB3-013C-4280-B33A-9378B21B0ACF", "59023ab3-013c-4280-b33a-9378b21b0acf"]
    assert cells(list_file(pack.catalogue, "approved_mail_apps", spelled, Shape.SENTINEL_INGEST))[-1] == "#rows=1"


def test_an_empty_list_is_a_file_that_says_so(pack: Pack) -> None:
    assert cells(list_file(pack.catalogue, "approved_mail_apps", (), Shape.SPLUNK_HEC)) == ["key", "#rows=0"]


def test_a_list_for_hunt_has_the_form_that_hunt_reads(pack: Pack) -> None:
    assert cells(list_file(pack.catalogue, "baseline_mail_apps", KEYS, Shape.JSONL)) == [
        "baseline_mail_apps",
        *sorted(KEYS),
    ]


# Sentinel


def test_custom_tables_have_no_column_name_that_is_reserved(microsoft: Batch) -> None:
    reserved = {"_resourceid", "id", "_subscriptionid", "tenantid", "type", "uniqueid", "title", "timegenerated"}
    for table, columns in sentinel.twins(microsoft).items():
        assert table.endswith("_CL")
        assert not reserved & {column.lower() for column in columns}
        assert all(re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,44}", column) for column in columns)
        assert columns["EventTime"] == "datetime"


def test_a_row_holds_what_microsoft_s_own_table_would(microsoft: Batch) -> None:
    found = sentinel.rows(microsoft)
    twins = sentinel.twins(microsoft)
    mail = sum(record.source == "m365/exchange" for record in microsoft.sent)
    assert (len(found["OfficeActivity_CL"]), len(found["CloudAppEvents_CL"])) == (mail, mail)
    for table, rows in found.items():
        for row in rows:
            assert row.keys() <= twins[table].keys()
            assert datetime.fromisoformat(str(row["EventTime"])).tzinfo is not None
    assert all(isinstance(row["RawEventData"], Mapping) for row in found["CloudAppEvents_CL"])
    assert {row["RecordId"] for row in found["SigninLogs_CL"] if "RecordId" in row} >= {
        record.id for record in microsoft.cases if record.table == "SigninLogs"
    }


def test_a_query_is_unchanged_below_the_names_that_it_reads(pack: Pack, microsoft: Batch) -> None:
    for name, query in microsoft.setting.queries.items():
        text = sentinel.aliased(query, microsoft)
        assert text.endswith(query.text)
        head = text.removesuffix(query.text)
        assert re.findall(r"^let (\w+) = ", head, re.MULTILINE) == list(query.tables)
        assert query.text == convert(pack, pack.rule(name), "sentinel").text


def test_every_name_that_a_custom_table_changes_is_given_back(microsoft: Batch) -> None:
    known = schemas(microsoft.setting.pack.catalogue, "sentinel")
    for query in microsoft.setting.queries.values():
        for table in query.tables:
            (line,) = re.findall(
                rf"^let {table} = {table}_CL \| extend (.*);$", sentinel.aliased(query, microsoft), re.MULTILINE
            )
            given_back = dict(part.split(" = ") for part in line.split(", "))
            columns = sentinel.twins(microsoft)[f"{table}_CL"]
            for column in known[table]:
                assert (given_back[column] if column not in columns else column) in columns


def test_the_template_declares_each_table_as_the_rows_have_it(microsoft: Batch) -> None:
    template = json.loads(sentinel.template(microsoft))
    tables = {
        one["properties"]["schema"]["name"]: one for one in template["resources"] if one["type"].endswith("/tables")
    }
    (rule,) = (one for one in template["resources"] if one["type"] == "Microsoft.Insights/dataCollectionRules")
    streams = rule["properties"]["streamDeclarations"]
    assert set(tables) == set(sentinel.twins(microsoft))
    assert set(streams) == {sentinel.stream(table) for table in tables}
    assert [flow["outputStream"] for flow in rule["properties"]["dataFlows"]] == list(streams)
    for table, columns in sentinel.twins(microsoft).items():
        declared = {one["name"]: one["type"] for one in streams[sentinel.stream(table)]["columns"]}
        assert declared == columns
        made = {one["name"]: one["type"].lower() for one in tables[table]["properties"]["schema"]["columns"]}
        assert made == {"TimeGenerated": "datetime", **columns}
    assert len(rule["dependsOn"]) == len(tables)


def test_rows_are_cut_into_arrays_of_a_limited_size() -> None:
    items = [{"text": "x" * size} for size in (10, 400, 10, 2000, 10)]
    chunks = list(sentinel.chunks(items, 450))
    assert [len(chunk) for chunk in chunks] == [2, 1, 1, 1]
    assert [item for chunk in chunks for item in chunk] == items


# Files


@pytest.mark.parametrize("shape", list(Shape))
def test_a_folder_holds_everything_that_a_target_needs(pack: Pack, shape: Shape) -> None:
    listing = Listing(planned(pack, shape), 1, shape)
    found = dict(files(listing))
    assert json.loads(found["must_fire.json"])["summary"]["to"] == shape
    assert "mail_token_never_issued" in found["must_fire.txt"]
    prefix = "" if shape is Shape.JSONL else "unissued_"
    assert {name for name in found if name.endswith(".csv")} == {
        f"lists/{prefix}{name}.csv" for name in pack.catalogue.lists
    }
    if shape is Shape.SENTINEL_INGEST:
        assert {name for name in found if name.startswith("queries/")} == {
            f"queries/{name}.kql" for name in listing.batch.setting.queries
        }
        arrays = [json.loads(text) for name, text in found.items() if name.startswith("rows/")]
        assert sum(map(len, arrays)) == sum(map(len, sentinel.rows(listing.batch).values()))
    else:
        assert found["events.jsonl"].count("\n") == len(listing.batch.sent)
    if shape is Shape.SPLUNK_HEC:
        assert re.findall(r"^\[(\w+)\]\nfilename = \1\.csv$", found["lists/transforms.conf"], re.MULTILINE) == [
            f"unissued_{name}" for name in sorted(pack.catalogue.lists)
        ]


def test_lines_for_hunt_keep_when_a_record_arrived(pack: Pack) -> None:
    batch = planned(pack, Shape.JSONL).batches[0]
    lines = [json.loads(line) for line in jsonl_lines(batch)]
    arrived = [datetime.fromisoformat(line["ingested"]) for line in lines]
    assert arrived == [record.ingested for record in batch.sent]
    assert len({record.ingested - record.time for record in batch.cases}) > 1
