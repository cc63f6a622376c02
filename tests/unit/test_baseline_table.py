"""A baseline as a file: what is written is read again, what would excuse everything is refused."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
from pathlib import Path

import pytest

from mail_reads import APP, BOX, baseline_row
from unissued.baseline import Row, Status, read_baseline, write_baseline
from unissued.baseline.lists import read_list
from unissued.baseline.table import COLUMNS, is_key
from unissued.errors import LogError
from unissued.pack import load_catalogue

OTHER = "27922004-5251-4030-b22d-91ecd9a37ea4"
ROW = baseline_row(
    APP,
    "",
    reviewed_by="Carol",
    reviewed_at="2026-02-21",
    note='said "yes", twice\nand meant it',
    token_ids=20,
    token_ids_explained=19,
    records_with_token_id=12,
)
SECOND = dataclasses.replace(
    ROW, mail_app_key=f"-|{OTHER}|OWA", app_id="", client_app_id=OTHER, client_kind="OWA", status=Status.LEARNING
)


def written(folder: Path, *rows: Row) -> Path:
    path = folder / "baseline.csv"
    write_baseline(path, rows)
    return path


def cells_of(path: Path) -> list[list[str]]:
    return list(csv.reader(io.StringIO(path.read_bytes().decode("utf-8"), newline="")))


def changed(path: Path, column: str, text: str) -> None:
    cells = cells_of(path)
    cells[1][COLUMNS.index(column)] = text
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows(cells)


def message(path: Path) -> str:
    with pytest.raises(LogError) as caught:
        read_baseline(path)
    return str(caught.value)


def test_what_is_written_is_read(tmp_path: Path) -> None:
    path = written(tmp_path, ROW, SECOND, dataclasses.replace(ROW, mailbox_guid=BOX))
    baseline = read_baseline(path)
    assert set(baseline.rows) == {ROW, SECOND, dataclasses.replace(ROW, mailbox_guid=BOX)}
    assert baseline.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


def test_file_is_sorted_and_does_not_depend_on_the_order_of_rows(tmp_path: Path) -> None:
    path = written(tmp_path, ROW, SECOND)
    first = path.read_bytes()
    assert written(tmp_path, SECOND, ROW).read_bytes() == first
    assert b"\r" not in first
    assert [row[0] for row in cells_of(path)] == ["mail_app_key", f"-|{OTHER}|OWA", f"{APP}|-|REST"]


def test_file_that_is_written_and_read_and_written_is_the_same(tmp_path: Path) -> None:
    path = written(tmp_path, ROW, SECOND)
    first = path.read_bytes()
    write_baseline(path, read_baseline(path).rows)
    assert path.read_bytes() == first


def test_write_leaves_nothing_aside(tmp_path: Path) -> None:
    written(tmp_path, ROW)
    assert [path.name for path in tmp_path.iterdir()] == ["baseline.csv"]


@pytest.mark.parametrize(
    "key",
    [
        "",
        " ",
        "-|-|-",
        "*|-|OWA",
        f"{APP}|-|*",
        f"{APP}|-|O?A",
        f"{APP}|-",
        f"{APP}|-|REST|x",
        f"{APP}||REST",
        f"|{APP}|REST",
        f"{APP}|-|",
        f"{APP.upper()}|-|REST",
        "{" + APP + "}|-|REST",
        f"{APP[:-1]}|-|REST",
        "outlook|-|REST",
        f"{APP}|-|RE\nST",
        f"{APP}|-|REST\n",
        f"{APP}|-|\u212aind",
        f"{APP}|-|=1+1",
        f"{APP}|-|" + "x" * 65,
    ],
)
def test_key_that_could_excuse_more_than_itself_is_refused(key: str, tmp_path: Path) -> None:
    assert not is_key(key)
    path = written(tmp_path, ROW)
    changed(path, "mail_app_key", key)
    assert f"{key!r} is no key" in message(path)


@pytest.mark.parametrize(
    "key", [f"{APP}|-|REST", f"-|{APP}|OWA", f"{APP}|{OTHER}|-", "-|-|OWA", f"{APP}|-|Apple-i 1.0/x_"]
)
def test_key_of_identifiers_is_a_key(key: str) -> None:
    assert is_key(key)


@pytest.mark.parametrize(
    ("column", "text", "said"),
    [
        ("app_id", OTHER, "does not agree with its own columns"),
        ("client_kind", "OWA", "does not agree with its own columns"),
        ("mailbox_guid", "all", "mailbox_guid 'all' is no GUID"),
        ("mailbox_guid", "*", "mailbox_guid '*' is no GUID"),
        ("status", "trusted", "unknown status 'trusted'"),
        ("status", "Established", "unknown status 'Established'"),
        ("status", "", "unknown status ''"),
        ("days_seen", "-1", "days_seen '-1' is no whole number"),
        ("records", "", "records '' is no whole number"),
        ("records", "1e3", "records '1e3' is no whole number"),
        ("token_ids", "٣", "token_ids '٣' is no whole number"),
        ("mailboxes", "9" * 5000, "is no whole number"),
        ("first_seen", "yesterday", "first_seen 'yesterday' is no time"),
        ("learned_to", "2026-02-22 09:00", "learned_to '2026-02-22 09:00' is no time"),
    ],
)
def test_broken_cell_is_refused_with_its_line(column: str, text: str, said: str, tmp_path: Path) -> None:
    path = written(tmp_path, dataclasses.replace(ROW, note=""))
    changed(path, column, text)
    found = message(path)
    assert said in found
    assert f"{path}:2: " in found


def test_key_that_stands_twice_is_refused(tmp_path: Path) -> None:
    blocked = dataclasses.replace(ROW, status=Status.BLOCKED)
    assert f"key {ROW.mail_app_key} stands here twice" in message(written(tmp_path, ROW, blocked))


def test_same_key_of_another_mailbox_is_no_duplicate(tmp_path: Path) -> None:
    path = written(tmp_path, ROW, dataclasses.replace(ROW, mailbox_guid=BOX))
    assert len(read_baseline(path).rows) == 2


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"", "is no baseline: column mail_app_key is missing"),
        (b"app,key\n", "is no baseline: column mail_app_key is missing"),
        (b"mail_app_key,app_id\n", "is no baseline: column client_app_id is missing"),
        (",".join(COLUMNS).encode() + b"\na,b\n", "has another number of cells than the head"),
        (",".join(COLUMNS).encode() + b"\n" + b"," * len(COLUMNS) + b"\n", "has another number of cells than the head"),
        (",".join(COLUMNS).encode() + b'\n"a"b,\n', "is no CSV"),
        (b"\xff\xfe", "is not UTF-8"),
    ],
    ids=["empty", "other", "half", "short_row", "long_row", "quotes", "latin"],
)
def test_other_file_is_refused(raw: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "baseline.csv"
    path.write_bytes(raw)
    assert said in message(path)


def test_missing_file_says_what_to_do(tmp_path: Path) -> None:
    assert "unissued baseline learn" in message(tmp_path / "nowhere.csv")


def test_every_broken_row_is_reported_together(tmp_path: Path) -> None:
    path = written(
        tmp_path, dataclasses.replace(ROW, note="", records=-1), dataclasses.replace(SECOND, note="", days_seen=-2)
    )
    found = message(path)
    assert "records '-1'" in found
    assert "days_seen '-2'" in found


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
@pytest.mark.parametrize("column", ["note", "reviewed_by"])
def test_free_text_is_no_formula(column: str, start: str, tmp_path: Path) -> None:
    text = f"{start}HYPERLINK(1)"
    row = dataclasses.replace(ROW, note=text) if column == "note" else dataclasses.replace(ROW, reviewed_by=text)
    path = written(tmp_path, row)
    assert cells_of(path)[1][COLUMNS.index(column)] == f"'{start}HYPERLINK(1)"
    # A second round through the file adds nothing.
    first = path.read_bytes()
    write_baseline(path, read_baseline(path).rows)
    assert path.read_bytes() == first


@pytest.mark.parametrize("note", ["a\rb", "a\r\nb", "a\nb", 'a "b", c', "\u2028", "\x1f"])
def test_free_text_of_any_kind_is_read_as_it_was_written(note: str, tmp_path: Path) -> None:
    row = dataclasses.replace(ROW, note=note)
    assert read_baseline(written(tmp_path, row)).rows == (row,)


def test_lists_hold_normal_keys_of_the_tenant(tmp_path: Path) -> None:
    rows = [
        dataclasses.replace(
            ROW,
            mail_app_key=f"{APP}|-|{kind}",
            client_kind=kind,
            status=status,
            mailbox_guid=box,
            token_ids=ids,
            token_ids_explained=explained,
        )
        for kind, status, box, ids, explained in (
            ("A", Status.ESTABLISHED, "", 20, 19),
            ("B", Status.APPROVED, "", 20, 18),
            ("C", Status.LEARNING, "", 19, 0),
            ("D", Status.BLOCKED, "", 100, 94),
            ("E", Status.ESTABLISHED, BOX, 100, 0),
            ("F", Status.ESTABLISHED, "", 100, 95),
        )
    ]
    lists = read_baseline(written(tmp_path, *rows)).lists()
    assert lists["baseline_mail_apps"] == {f"{APP}|-|{kind}" for kind in "ABF"}
    assert lists["mail_apps_not_explained"] == {f"{APP}|-|{kind}" for kind in "BD"}


# Lists that people fill


@pytest.mark.parametrize("entry", ["", " ", "*", APP.replace("5", "?", 1), "outlook", APP + "0", f"{APP},x"])
def test_list_refuses_what_would_excuse_everything(entry: str, tmp_path: Path) -> None:
    path = tmp_path / "approved.csv"
    path.write_text(f"approved_mail_apps\n{APP}\n{entry or chr(34) * 2}\n", encoding="utf-8")
    with pytest.raises(LogError) as caught:
        read_list(path, load_catalogue().lists["approved_mail_apps"])
    assert f"{path}:3: " in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "sound"),
    [
        (f"{APP}|{APP}", True),
        (f" {APP.upper()}|{APP} ", True),
        (APP, False),
        (f"{APP}|", False),
        (f"{APP}|*", False),
        (f"{APP}|{APP}|{APP}", False),
        (f"{{{APP}}}|{APP}", False),
    ],
)
def test_list_of_pairs_takes_two_whole_identifiers(entry: str, sound: bool, tmp_path: Path) -> None:
    path = tmp_path / "pairs.csv"
    path.write_text(f"on_behalf_of_pairs\n{entry}\n", encoding="utf-8")
    spec = load_catalogue().lists["on_behalf_of_pairs"]
    if sound:
        assert read_list(path, spec) == {entry.strip()}
    else:
        with pytest.raises(LogError, match="is no entry of on_behalf_of_pairs"):
            read_list(path, spec)


def test_list_takes_spellings_of_identifiers(tmp_path: Path) -> None:
    path = tmp_path / "approved.csv"
    path.write_bytes(b"\xef\xbb\xbfapproved_mail_apps\r\n{" + APP.upper().encode() + b"}\r\n")
    assert len(read_list(path, load_catalogue().lists["approved_mail_apps"])) == 1


@pytest.mark.parametrize("head", ["", "approved", "approved_mail_apps,note", "Approved_Mail_Apps"])
def test_list_with_another_head_is_refused(head: str, tmp_path: Path) -> None:
    path = tmp_path / "approved.csv"
    path.write_text(f"{head}\n{APP}\n", encoding="utf-8")
    with pytest.raises(LogError, match="the head is not 'approved_mail_apps'"):
        read_list(path, load_catalogue().lists["approved_mail_apps"])


@pytest.mark.parametrize("entry", ["192.0.2.0/24", "2001:db8::/32", "192.0.2", "tor-exit.example", "192.0.2.300"])
def test_list_of_addresses_takes_no_networks_and_no_names(entry: str, tmp_path: Path) -> None:
    """No record would ever be found by such an entry, and nobody would notice."""
    path = tmp_path / "anonymisers.csv"
    path.write_text(f"anonymiser_addresses\n{entry}\n", encoding="utf-8")
    with pytest.raises(LogError, match=":2: "):
        read_list(path, load_catalogue().lists["anonymiser_addresses"])


def test_list_of_addresses_takes_both_families(tmp_path: Path) -> None:
    path = tmp_path / "anonymisers.csv"
    path.write_text("anonymiser_addresses\n203.0.113.9\n2001:DB8::7\n", encoding="utf-8")
    assert len(read_list(path, load_catalogue().lists["anonymiser_addresses"])) == 2
