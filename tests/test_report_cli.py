"""Reports from the command line: files beside each other, whole or not at all."""

from __future__ import annotations

from pathlib import Path

from test_cli import S1, log, mail_read, run


def test_a_page_has_its_list_of_items_beside_it(tmp_path: Path) -> None:
    done = run("hunt", S1 / "events.jsonl", "--format", "html", "-o", tmp_path / "page.html", "--quiet")
    assert (done.returncode, done.stdout, done.stderr) == (1, "", "")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["page.html", "page.items.csv"]
    lines = (tmp_path / "page.items.csv").read_text("utf-8").splitlines()
    text = (tmp_path / "page.html").read_text("utf-8")
    assert f"All {len(lines) - 1:,} lines are in" in text
    assert "page.items.csv" in text


def test_the_list_of_items_goes_with_any_format_and_never_over_the_report(tmp_path: Path) -> None:
    path = log(tmp_path, mail_read())
    done = run("hunt", path, "--format", "sarif", "--items", tmp_path / "items.csv")
    assert '"version": "2.1.0"' in done.stdout
    assert len((tmp_path / "items.csv").read_text("utf-8").splitlines()) == 2
    done = run("hunt", path, "--format", "csv", "--items", tmp_path / "x.csv", "-o", tmp_path / "x.csv")
    assert done.returncode == 2
    assert "give each a file of its own" in done.stderr
    assert not (tmp_path / "x.csv").exists()
