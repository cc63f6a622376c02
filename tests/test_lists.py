"""A list that a query asks for: what it takes out, and what the query says when the list is not what it should be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from conftest import ROOT, read_logs, shipped_pack
from unissued.convert import convert
from unissued.engines.spl import Reading
from unissued.pack import Pack
from unissued.verify.agreement import Stream
from unissued.verify.fixtures import load_cases
from unissued.verify.readers import KqlReader, Reader, Result, SplReader

BASELINE, APPROVED = "mail_app_new_to_tenant", "mail_app_reads_many_mailboxes"
READERS: dict[str, Reader] = {
    "sentinel": KqlReader(shipped_pack().catalogue, "sentinel"),
    "defender": KqlReader(shipped_pack().catalogue, "defender"),
    "splunk, text": SplReader(shipped_pack().catalogue, Reading.TEXT),
    "splunk, numbers": SplReader(shipped_pack().catalogue, Reading.NUMBERS),
}
KNOWN = "00000003-0000-0000-c000-000000000000|3c8e478f-21ca-493a-b87c-c7366d664d54|rest"


@pytest.fixture(params=READERS)
def reader(request: pytest.FixtureRequest) -> Reader:
    return READERS[request.param]


def run(reader: Reader, rule: str, stem: str, name: str, entries: Sequence[str], pack: Pack | None = None) -> Result:
    """Run a rule's query on one of its fixtures while a list has just these entries."""
    pack = pack or shipped_pack()
    case = next(one for one in load_cases(pack, ROOT / "fixtures") if one.rule == rule and one.path.stem == stem)
    stream = Stream(read_logs(case.path).records, case.given)
    reader.load(stream.arrived, replace(stream.unmeasured))
    reader.load_lists({name: entries})
    return reader.run(convert(pack, pack.rule(rule), reader.target), stream.now)


def key_of(reader: Reader, stem: str) -> str:
    found = run(reader, BASELINE, stem, "baseline_mail_apps", ["x|y|z", "#rows=1"])
    return str(found.rows[0]["MailAppKey"])


def test_an_entry_takes_its_records_out(reader: Reader) -> None:
    key = key_of(reader, "hit_app_id_only")
    assert run(reader, BASELINE, "hit_app_id_only", "baseline_mail_apps", ["x|y|z", "#rows=1"]).rows
    spelt = key.upper() if reader.target != "splunk" else key.lower()  # a lookup holds small letters
    assert not run(reader, BASELINE, "hit_app_id_only", "baseline_mail_apps", [spelt, "#rows=1"]).rows


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ([], "is empty"),
        (["#rows=0"], "is empty"),
        (["#rows=3"], "is empty"),
        (["x|y|z"], "has no row #rows=N"),
        (["x|y|z", "#rows=2"], "has 1 of 2 rows"),
        (["x|y|z", "p|q|r", "#rows=1"], "has 2 of 1 rows"),
        (["x|y|z", "x|y|z", "#rows=2"], "has 1 of 2 rows"),
        (["x|y|z", "#rows=many"], "has no row #rows=N"),
    ],
)
def test_a_damaged_baseline_is_an_alert_of_its_own(reader: Reader, entries: list[str], said: str) -> None:
    """Results would be everything or nothing, so there are none; silence would look like a clean day."""
    found = run(reader, BASELINE, "hit_app_id_only", "baseline_mail_apps", entries)
    assert not found.rows
    assert len(found.notes) == 1
    assert found.notes[0].startswith("not evaluated: ")
    assert "unissued_baseline_mail_apps" in found.notes[0]
    assert said in found.notes[0]


def test_a_whole_baseline_says_nothing_about_itself(reader: Reader) -> None:
    assert run(reader, BASELINE, "hit_app_id_only", "baseline_mail_apps", ["x|y|z", "#rows=1"]).notes == ()


def test_the_row_about_the_list_excuses_no_record(reader: Reader) -> None:
    """An application cannot get onto the list by calling itself as the row that tells the number of rows."""
    pack = shipped_pack()
    case = next(one for one in load_cases(pack, ROOT / "fixtures") if one.path.stem == "hit_unapproved")
    stream = Stream(read_logs(case.path).records, case.given)
    sly = [replace(one, fields={**one.fields, "ClientAppId": "#rows=1"}) for one in stream.arrived]
    reader.load(sly, stream.unmeasured)
    reader.load_lists({"approved_mail_apps": ["aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", "#rows=1"]})
    query = convert(pack, pack.rule("mail_read_by_unapproved_app"), reader.target)
    assert {row["ClientAppId"] for row in reader.run(query, stream.now).rows} == {"#rows=1"}


@pytest.mark.parametrize("entries", [[], ["aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"]])
def test_a_list_of_people_needs_no_number_of_rows(reader: Reader, entries: list[str]) -> None:
    found = run(reader, APPROVED, "hit_ten_in_an_hour", "approved_mail_apps", entries)
    assert len(found.rows) == 1
    assert found.notes == ()


def test_a_list_that_may_be_empty_warns_when_damaged_and_keeps_its_results(reader: Reader) -> None:
    entries = ["aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee", "#rows=4"]
    found = run(reader, APPROVED, "hit_ten_in_an_hour", "approved_mail_apps", entries)
    assert len(found.rows) == 1
    assert [note.endswith("unissued_approved_mail_apps has 1 of 4 rows") for note in found.notes] == [True]


def test_a_plain_list_is_written_into_the_query(reader: Reader) -> None:
    """It needs neither watchlist nor lookup, so nothing about it can be damaged."""
    key = key_of(reader, "hit_app_id_only")
    for entries, expected in ((["x|y|z"], 1), ([key.lower()], 0)):
        pack = shipped_pack()
        filled = Pack(pack.rules, pack.catalogue.with_lists({"baseline_mail_apps": entries}))
        found = run(reader, BASELINE, "hit_app_id_only", "baseline_mail_apps", [], filled)
        assert (len(found.rows), found.notes) == (expected, ())
        text = convert(filled, filled.rule(BASELINE), reader.target).query
        assert "_GetWatchlist" not in text
        assert "lookup" not in text


@pytest.mark.parametrize("entries", [[], ["#rows=0"]])
def test_a_rule_that_asks_for_a_list_itself_is_not_evaluated_without_it(reader: Reader, entries: list[str]) -> None:
    """The same list as a filter may be empty: there it only takes things out."""
    found = run(reader, "mail_app_not_approved", "hit_newcomer", "approved_mail_apps", entries)
    assert not found.rows
    assert [note.startswith("not evaluated: ") for note in found.notes] == [True]
    filtered = run(reader, "mail_read_by_scripted_client", "hit_ews_python", "approved_mail_apps", entries)
    assert len(filtered.rows) == 1
    assert filtered.notes == ()
