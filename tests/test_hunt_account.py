"""What a hunt says of its input: sums in every format, refused records in a file, and the end that Ctrl-C brings."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

import unissued.cli  # noqa: F401 - hangs the verbs on the group
from conftest import ROOT
from exported import CORES, guid, lines
from unissued.cli.group import commands

BAD = b'{"Workload": "Exchange", "Operation": "x", "CreationTime": "soon"}\n'
FOREIGN = b'{"Workload": "SharePoint", "Operation": "x"}\n'


def hunt(*arguments: str) -> tuple[int, str]:
    done = CliRunner().invoke(commands, ["hunt", "--quiet", "--root", str(ROOT), *arguments])
    return done.exit_code, done.output


@pytest.fixture
def case(tmp_path: Path) -> Path:
    folder = tmp_path / "case"
    folder.mkdir()
    (folder / "a.json").write_bytes(lines(CORES[0], CORES[0]) + BAD + b"{cut\n")
    (folder / "b.json").write_bytes(lines(CORES[0]) + FOREIGN)
    (folder / "c.csv").write_bytes("AuditData,Identity\nSystem.Object[],x\u202ey\n".encode())
    return folder


def test_read_is_used_duplicates_refused_and_skipped_in_every_format(case: Path) -> None:
    rule = ("--rule", "mail_token_never_issued")
    status, text = hunt(str(case), *rule)
    assert status == 3
    cells = next(line for line in text.splitlines() if line.startswith("sum: ")).split()[-5:]
    assert cells == ["7", "1", "2", "3", "1"]
    _, whole = hunt(str(case), "--format", "json", *rule)
    _, last = hunt(str(case), "--format", "jsonl", *rule)
    for summary in (json.loads(whole)["summary"], json.loads(last.splitlines()[-1])):
        names = ("read", "used", "duplicates", "refused", "skipped")
        assert [summary[name] for name in names] == [7, 1, 2, 3, 1]
        per_file = {Path(file["file"]).name: [file[name] for name in names] for file in summary["files"]}
        assert per_file == {"a.json": [4, 1, 1, 2, 0], "b.json": [2, 0, 1, 0, 1], "c.csv": [1, 0, 0, 1, 0]}
        assert all(numbers[0] == sum(numbers[1:]) for numbers in per_file.values())


def test_refused_records_are_written_with_file_line_reason_and_text(case: Path, tmp_path: Path) -> None:
    status, _ = hunt(str(case), "--refused", str(tmp_path / "refused.jsonl"), "--rule", "mail_token_never_issued")
    assert status == 3
    written = [json.loads(line) for line in (tmp_path / "refused.jsonl").read_text("ascii").splitlines()]
    assert [(Path(one["file"]).name, one["line"]) for one in written] == [("a.json", 3), ("a.json", 4), ("c.csv", 2)]
    assert [("no usable time" in one["reason"]) for one in written] == [True, False, False]
    assert json.loads(written[0]["text"]) == json.loads(BAD)
    assert written[1]["text"] == "{cut\n"
    assert json.loads(written[2]["text"]) == {"AuditData": "System.Object[]", "Identity": "x\u202ey"}


def test_refused_records_that_cannot_be_written_end_the_hunt_before_it_begins(case: Path, tmp_path: Path) -> None:
    status, said = hunt(str(case), "--refused", str(tmp_path / "none" / "refused.jsonl"))
    assert status == 1, "of click; the program itself makes it 2"
    assert "refused.jsonl" in said
    assert "sum:" not in said


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="interrupts a child that reads a pipe")
def test_interrupted_hunt_reports_what_was_read_so_far(tmp_path: Path) -> None:
    """The child waits for more of the pipe when the signal comes; the file after the pipe is not read any more."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "later.json").write_bytes(lines(CORES[1]))
    environment = {**os.environ, "PYTHONPATH": str(ROOT / "src")}
    command = [sys.executable, "-m", "unissued", "hunt", str(tmp_path / "pipe"), str(tmp_path / "later.json")]
    command += ["--format", "json", "-o", str(tmp_path / "out.json"), "--refused", str(tmp_path / "refused.jsonl")]
    command += ["--rule", "mail_token_never_issued"]
    with subprocess.Popen(command, env=environment, stderr=subprocess.PIPE, text=True) as child:
        with (tmp_path / "pipe").open("wb", buffering=0) as pipe:
            pipe.write(lines(*({**CORES[0], "Id": guid(number)} for number in range(1000))) + BAD * 3)
            time.sleep(1)
            child.send_signal(signal.SIGINT)
            time.sleep(1)
            assert child.poll() is None, "the signal alone does not end the reading of what is there"
            with contextlib.suppress(BrokenPipeError):
                pipe.write(lines(*({**CORES[0], "Id": guid(number)} for number in range(1000, 2000))))
        _, said = child.communicate(timeout=120)
    assert child.returncode == 130
    assert "interrupted" in said
    summary = json.loads((tmp_path / "out.json").read_text("utf-8"))["summary"]
    read, later = summary["files"]
    assert 0 < summary["used"] < 2000
    assert summary["read"] == sum(summary[name] for name in ("used", "duplicates", "refused", "skipped"))
    assert "interrupted: not read to the end" in read["partial"]
    assert (later["read"], later["partial"]) == (0, ["interrupted: not read to the end"])
    assert len((tmp_path / "refused.jsonl").read_text("utf-8").splitlines()) == summary["refused"]


def test_a_record_inside_an_archive_can_be_explained_under_the_name_that_reports_show(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "case.zip", "w") as archive:
        archive.writestr("a/x.json", lines(CORES[0], CORES[1]))
        archive.writestr("y.json", lines({**CORES[0], "Id": guid(9)}))
    place = f"{tmp_path}/case.zip!a/x.json:1"
    done = CliRunner().invoke(commands, ["explain", "--root", str(ROOT), "mail_owa_identity_scripted_client", place])
    assert done.exit_code == 0, done.output
    assert done.output.splitlines()[0].endswith(f"case.zip!a/x.json:1 m365/exchange {guid(1)}")
    assert guid(9) not in done.output
