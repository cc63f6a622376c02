"""``unissued baseline`` as a user meets it."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest

from test_cli import log, mail_read, run
from unissued.baseline import read_baseline

GRAPH = "00000003-0000-0000-c000-000000000000"
PHONE = "27922004-5251-4030-b22d-91ecd9a37ea4"
KEY = f"{GRAPH}|-|REST"
RARE = f"{GRAPH}|{PHONE}|REST"


def reads(first: int, last: int, **more: object) -> list[dict[str, object]]:
    name = str(more.get("ClientAppId", ""))[:4] or "0000"
    return [
        mail_read(Id=f"{name}0000-0000-4000-8000-{day:012}", CreationTime=f"2026-03-{day:02}T09:00:00", **more)
        for day in range(first, last)
    ]


@pytest.fixture
def learned(tmp_path: Path) -> Path:
    path = log(tmp_path, *reads(1, 21), *reads(3, 5, ClientAppId=PHONE), *reads(5, 7, ClientAppId="*"))
    done = run("baseline", "learn", path, "-o", tmp_path / "baseline.csv")
    assert done.returncode == 0, done.stderr
    assert f"refused: {GRAPH}|*|REST (wildcard) in 2 records" in done.stdout.splitlines()
    return tmp_path / "baseline.csv"


def test_show_names_what_is_normal(learned: Path) -> None:
    lines = run("baseline", "show", learned).stdout.splitlines()
    assert lines[1].startswith("learning")
    assert lines[1].endswith("Microsoft Graph / Outlook Mobile")
    assert lines[2].startswith("established")


def test_review_says_what_comes_first_and_writes_down_what_somebody_says(learned: Path) -> None:
    assert "not normal yet: 3 days of use" in run("baseline", "review", learned).stdout
    old = learned.with_name("old.csv")
    old.write_bytes(learned.read_bytes())
    said = ("--by", "Carol", "--note", "the help desk uses it", "--at", "2026-03-22")
    assert run("baseline", "review", learned, "--approve", RARE, "--block", KEY, *said).returncode == 0
    assert read_baseline(learned).lists()["baseline_mail_apps"] == {RARE}
    done = run("baseline", "diff", old, learned)
    assert done.returncode == 1
    assert [line[0] for line in done.stdout.splitlines()] == ["-", "+", "~"]
    assert run("baseline", "diff", old, old).returncode == 0


@pytest.mark.parametrize(
    ("args", "said"),
    [
        (("--approve", RARE), "--by NAME --note TEXT"),
        (("--approve", "*|*|*", "--by", "Carol", "--note", "x"), "is no key"),
        (("--reset", RARE, "--by", "Carol", "--note", "x"), "nobody has said anything"),
    ],
)
def test_word_without_a_name_or_about_everything_is_refused(learned: Path, args: tuple[str, ...], said: str) -> None:
    before = learned.read_bytes()
    done = run("baseline", "review", learned, *args)
    assert done.returncode == 2
    assert said in done.stderr
    assert learned.read_bytes() == before


def test_word_is_kept_when_learning_goes_on(learned: Path, tmp_path: Path) -> None:
    run("baseline", "review", learned, "--block", KEY, "--by", "Carol", "--note", "no longer ours")
    more = tmp_path / "more"
    more.mkdir()
    path = log(more, *reads(18, 31))
    done = run("baseline", "learn", path, "-o", tmp_path / "next.csv", "--known", learned)
    assert done.returncode == 0, done.stderr
    rows = {(row.mail_app_key, row.mailbox_guid): row for row in read_baseline(tmp_path / "next.csv").rows}
    # Days 1 to 19 were learned before, 20 to 29 now: none twice, and the last day not yet.
    assert (rows[KEY, ""].status, rows[KEY, ""].days_seen) == ("blocked", 29)
    assert rows[RARE, ""].days_seen == 2


@pytest.mark.parametrize("form", ["sentinel-watchlist", "splunk-lookup", "sigma-filter"])
def test_export_writes_files_and_prints_their_hashes(learned: Path, tmp_path: Path, form: str) -> None:
    done = run("baseline", "export", learned, "--to", form, "-o", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    written = {path.name for path in (tmp_path / "out").iterdir()}
    assert written == {line.split("  ")[1] for line in done.stdout.splitlines()} | {"SHA256SUMS"}
    if form != "sigma-filter":
        with (tmp_path / "out" / "unissued_baseline_mail_apps.csv").open(encoding="utf-8", newline="") as file:
            assert [line[0] for line in csv.reader(file)][1:] == [KEY.lower(), "#rows=1"]


def test_hostile_text_is_visible_and_harmless(learned: Path, tmp_path: Path) -> None:
    note = "\x1b[2J\u202egnp.exe\nestablished  999"
    by = "\x1b]0;x\x07"
    assert run("baseline", "review", learned, "--approve", RARE, "--by", by, "--note", note).returncode == 0
    for command in ("show", "review"):
        shown = run("baseline", command, learned).stdout
        assert not {"\x1b", "\u202e", "\x07"} & set(shown)
        assert not any(line.startswith("established  999") for line in shown.splitlines())
    assert "\\x1b[2J\\u202egnp.exe\\x0aestablished" in run("baseline", "show", learned).stdout
    path = log(tmp_path, *reads(1, 21), mail_read(AppId="\x1b[31m\u202e*", CreationTime="2026-03-02T10:00:00"))
    done = run("baseline", "learn", path, "-o", tmp_path / "b.csv")
    assert "refused: \\x1b[31m\\u202e*|-|REST (wildcard) in 1 records" in done.stdout
