"""What ``baseline export`` writes: every reader takes the list as it is, and no spreadsheet a formula."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from conftest import ROOT, shipped_pack
from mail_reads import APP, GRAPH
from mail_reads import baseline_row as row
from unissued.baseline import FORMS, SUMS, Baseline, Status, exported
from unissued.convert import convert
from unissued.engines.spl import Reading
from unissued.errors import LogError
from unissued.evaluate import Given, Verdict, evaluate
from unissued.pack import Pack, load_documents, pack_of
from unissued.record import Origin, Record
from unissued.verify.readers import KqlReader, Reader, SplReader

NOW = datetime(2026, 3, 2, 12, 0, tzinfo=UTC)
RULE = "mail_app_new_to_tenant"
READERS: dict[str, tuple[str, Reader]] = {
    "sentinel": ("sentinel-watchlist", KqlReader(shipped_pack().catalogue, "sentinel")),
    "splunk, text": ("splunk-lookup", SplReader(shipped_pack().catalogue, Reading.TEXT)),
    "splunk, numbers": ("splunk-lookup", SplReader(shipped_pack().catalogue, Reading.NUMBERS)),
}


# The first key begins with a letter that begins a formula.
KEYS = [("", "", "MSExchangeRPC"), (GRAPH, APP, "REST"), ("", APP, "OutlookService")]
BASELINE = Baseline(
    (
        *(row(*key) for key in KEYS),
        row(
            GRAPH,
            "",
            "WebServices",
            status=Status.APPROVED,
            note='=HYPERLINK("http://192.0.2.1")',
            reviewed_by="+carol",
        ),
        row(GRAPH, APP, "IMAP4", status=Status.BLOCKED),
    ),
    "f" * 64,
)


def mail(number: int, app: str, client: str, kind: str) -> Record:
    fields = {
        "Id": f"00000000-0000-4000-8000-{number:012d}",
        "Workload": "Exchange",
        "Operation": "MailItemsAccessed",
        "ResultStatus": "Succeeded",
        "CreationTime": "2026-03-02T11:00:00",
        "AppId": app,
        "ClientAppId": client,
        "ClientInfoString": f"Client={kind};",
    }
    time = NOW - timedelta(hours=1)
    return Record("m365/exchange", fields, time, NOW - timedelta(minutes=5), fields["Id"], "", Origin("a", number))


RECORDS = [
    *(mail(number, *key) for number, key in enumerate(KEYS)),
    mail(10, GRAPH, "", "WebServices"),
    mail(11, GRAPH, APP, "IMAP4"),
    mail(12, "", "", "IMAP4"),
]
NEW = [RECORDS[-2], RECORDS[-1]]


def cells(text: str) -> list[list[str]]:
    return list(csv.reader(io.StringIO(text, newline="")))


def entries(files: dict[str, str]) -> list[str]:
    return [one[0] for one in cells(files["unissued_baseline_mail_apps.csv"])[1:]]


@pytest.mark.parametrize("name", READERS)
def test_query_reads_what_was_exported(name: str) -> None:
    form, reader = READERS[name]
    files = exported(BASELINE, shipped_pack(), form)
    reader.load(RECORDS, Given())
    found = _run(reader, entries(files))
    assert found[0] == {one.id for one in NEW}
    assert found[1] == ()


@pytest.mark.parametrize("name", READERS)
def test_query_reports_an_export_that_lost_a_row(name: str) -> None:
    form, reader = READERS[name]
    files = exported(BASELINE, shipped_pack(), form)
    reader.load(RECORDS, Given())
    found = _run(reader, entries(files)[1:])
    assert found[0] == set()
    assert [note.endswith("has 3 of 4 rows") for note in found[1]] == [True]


def _run(reader: Reader, listed: Sequence[str]) -> tuple[set[str], tuple[str, ...]]:
    if isinstance(reader, SplReader):
        # The reader would trim and fold; a lookup does not.
        reader._lookups = {"unissued_baseline_mail_apps": [{"key": entry} for entry in listed]}
    else:
        reader.load_lists({"baseline_mail_apps": listed})
    pack = shipped_pack()
    found = reader.run(convert(pack, pack.rule(RULE), reader.target), NOW)
    return {str(one["Id"]) for one in found.rows}, found.notes


@pytest.mark.parametrize("form", ["sentinel-watchlist", "splunk-lookup"])
def test_no_cell_is_a_formula(form: str) -> None:
    """Only a lookup's keys may begin with ``-``; the letters of a key can neither call nor compute anything."""
    files = exported(BASELINE, shipped_pack(), form)
    for name, text in files.items():
        for line in cells(text)[1:] if name.endswith(".csv") else ():
            for index, cell in enumerate(line):
                if index or form == "sentinel-watchlist":
                    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r")), cell
                elif not cell.startswith("#rows="):
                    assert not set(cell) & set("=+@()!'\"\t\r;,"), cell
    said = next(line for line in cells(files["unissued_baseline_mail_apps.csv"]) if line[1] == "approved")
    assert said[3:] == ["'+carol", '\'=HYPERLINK("http://192.0.2.1")']


@pytest.mark.parametrize("form", FORMS)
def test_hashes_are_those_of_the_files_and_order_does_not_matter(form: str) -> None:
    files = exported(BASELINE, shipped_pack(), form)
    sums = {line.split("  ")[1]: line.split("  ")[0] for line in files.pop(SUMS).splitlines()}
    assert sums == {name: hashlib.sha256(text.encode()).hexdigest() for name, text in files.items()}
    again = exported(Baseline(BASELINE.rows[::-1], BASELINE.sha256), shipped_pack(), form)
    assert {name: text for name, text in again.items() if name != SUMS} == files


def test_every_learned_list_is_exported_and_an_empty_one_says_so() -> None:
    files = exported(Baseline((), ""), shipped_pack(), "splunk-lookup")
    learned = {f"unissued_{name}.csv" for name, spec in shipped_pack().catalogue.lists.items() if spec.learned}
    assert set(files) - {SUMS} == learned
    assert entries(files) == ["#rows=0"]


def test_watchlist_that_is_too_large_for_an_upload_is_refused() -> None:
    many = tuple(
        row(f"{number:08x}-0000-4000-8000-000000000000", APP, "REST", note="x" * 200) for number in range(12_000)
    )
    with pytest.raises(LogError, match=r"baseline_mail_apps\.csv: has more than 3,500,000 bytes"):
        exported(Baseline(many, ""), shipped_pack(), "sentinel-watchlist")
    assert exported(Baseline(many, ""), shipped_pack(), "splunk-lookup")


def test_sigma_filter_takes_the_learned_keys_out(tmp_path: Path) -> None:
    """Loaded beside a rule that knows no list, the filter alone takes away what is normal."""
    files = exported(BASELINE, shipped_pack(), "sigma-filter")
    path = tmp_path / "learned_baseline_mail_apps.yml"
    path.write_text(files[path.name], encoding="utf-8")
    rule = tmp_path / f"{RULE}.yml"
    text = (ROOT / "sigma" / "mail" / rule.name).read_text(encoding="utf-8")
    head, tail = text.split("  filter_normal:\n")
    rest = tail.split("  condition: selection and not filter_normal\n")[1]
    rule.write_text(f"{head}  condition: selection\n{rest}", encoding="utf-8")
    pack = _pack(rule, path)
    outcome = evaluate(pack, RECORDS, Given(), [RULE])[RULE]
    assert outcome.verdict is Verdict.MATCH
    assert {match.event.record.id for match in outcome.matches if match.event} == {one.id for one in NEW}
    assert len(evaluate(_pack(rule), RECORDS, Given(), [RULE])[RULE].matches) == len(RECORDS)


def _pack(*paths: Path) -> Pack:
    return pack_of([one for path in paths for one in load_documents(path, f"sigma/{path.name}")])
