"""A new rule says what is to be filled in, passes nothing before that, and everything after it."""

from __future__ import annotations

import re
import uuid
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conftest import read_logs
from unissued.cli.group import commands
from unissued.errors import PackError, RuleError
from unissued.pack import FILL_IN, load_pack
from unissued.skeleton import KINDS, SOURCES, Wish, skeleton, write
from unissued.verify import load_cases, replay_case

NAME = "mail_read_over_pop"
HEAD = ["Mail Read Over POP", "A mailbox was read.", "low", "attack.collection", "attack.t1114.002", "Auditing."]
TAIL = ["Old devices.", "Other protocols.", "Which device is it."]
MADE = uuid.UUID("3f0a4f5e-52a7-4a57-9a53-0a0cf4b1a8d2")


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "sigma").mkdir()
    (tmp_path / "fixtures").mkdir()
    return tmp_path


def run(root: Path, *args: str) -> Result:
    return CliRunner().invoke(commands, [*args, "--root", str(root)])


def make(root: Path, name: str = NAME, kind: str = "detection", source: str = "m365/exchange", *of: str) -> Path:
    made = skeleton(root / "sigma", root / "fixtures", Wish(name, kind, source, of, MADE))
    write(made)
    return next(iter(made))


def fill(path: Path, *values: str) -> None:
    """Write values where the rule asks for them, in order."""
    text = path.read_text("utf-8")
    assert len(re.findall(rf"'{FILL_IN}[^'\n]*'", text)) == len(values)
    for value in values:
        text = re.sub(rf"'{FILL_IN}[^'\n]*'", value, text, count=1)
    path.write_text(text, encoding="utf-8")


def finish(path: Path, name: str, old: str, new: str) -> None:
    path.write_text(path.read_text("utf-8").replace(old, new), encoding="utf-8")
    path.rename(path.with_name(name))


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("source", SOURCES)
def test_what_is_new_passes_nothing_and_names_every_line_to_fill_in(root: Path, kind: str, source: str) -> None:
    path = make(root, NAME, kind, source)
    shown = path.relative_to(root).as_posix()
    open_lines = [n for n, line in enumerate(path.read_text("utf-8").splitlines(), 1) if FILL_IN in line]
    with pytest.raises(RuleError) as caught:
        load_pack(root / "sigma")
    assert [problem.where for problem in caught.value.problems] == [f"{shown}:{line}" for line in open_lines]
    assert all("is still to be filled in" in problem.problem and problem.hint for problem in caught.value.problems)
    for verb in (["check"], ["test"], ["test", NAME], ["build"], ["build", "--check"]):
        done = run(root, *verb)
        assert done.exit_code != 0, verb
    assert not (root / "kql").exists()


@pytest.mark.parametrize("source", SOURCES)
def test_fixtures_are_refused_until_they_are_written_even_if_the_rule_would_match_them(root: Path, source: str) -> None:
    """A rule that matches everything would make the hit fire as it is, and a rule that matches nothing the miss."""
    for condition in ("selection", "not selection"):
        path = make(root, f"rule_{len(condition)}", "detection", source)
        fill(path, *HEAD, "'*'", *TAIL)
        path.write_text(path.read_text("utf-8").replace("condition: selection", f"condition: {condition}"))
        if condition == "not selection":  # the ids of two rules differ
            path.write_text(path.read_text("utf-8").replace(str(MADE), str(uuid.uuid5(MADE, "2"))))
    pack = load_pack(root / "sigma")
    with pytest.raises(RuleError) as caught:
        load_cases(pack, root / "fixtures")
    for name in pack.rules:
        for verdict in ("hit", "miss"):
            where = f"fixtures/{name}/{verdict}_fill_in.jsonl"
            assert f"{where}: the name does not say why (rename it: {verdict}_<why>.jsonl)" in str(caught.value)
            assert f"{where}:1: 'FILL IN' is still to be filled in" in str(caught.value)
    assert run(root, "check").exit_code == 1
    assert run(root, "test").exit_code != 0


@pytest.mark.parametrize("source", SOURCES)
def test_its_records_are_of_the_log_source_that_was_asked_for(root: Path, source: str, tmp_path: Path) -> None:
    path = make(root, NAME, "correlation", source)
    assert path.parent.name == "correlation"
    for case in sorted((root / "fixtures" / NAME).iterdir()):
        text = case.read_text("utf-8").replace(FILL_IN, "something")
        (tmp_path / case.name).write_text(text, encoding="utf-8")
        found = read_logs(tmp_path / case.name)
        assert [record.source for record in found.records] == [source, source], found.refusals
        assert len({record.time for record in found.records}) == len({record.id for record in found.records}) == 2


def test_a_filled_in_detection_passes_and_is_built(root: Path) -> None:
    path = make(root)
    fill(path, *HEAD, "MailItemsAccessed\n    ClientInfoString|startswith: Client=POP3/IMAP4", *TAIL)
    folder = root / "fixtures" / NAME
    finish(folder / "hit_fill_in.jsonl", "hit_pop.jsonl", "Client=REST;;", "Client=POP3/IMAP4;Protocol=POP3")
    finish(folder / "miss_fill_in.jsonl", "miss_other_client.jsonl", FILL_IN, "MailItemsAccessed")
    assert run(root, "test").exit_code != 0, "the hit still says FILL IN"
    finish(folder / "hit_pop.jsonl", "hit_pop.jsonl", FILL_IN, "MailItemsAccessed")
    assert "1 rules, 2 fixtures, 0 scenarios: no problems" in run(root, "check").output
    assert "2 passed, 0 failed" in run(root, "test").output
    assert run(root, "build", "--only", NAME).exit_code == 0
    assert (root / "kql" / "sentinel" / f"{NAME}.kql").is_file()


def test_a_filled_in_correlation_passes(root: Path) -> None:
    below = make(root, "mail_read_once")
    below.write_text(below.read_text("utf-8").replace(str(MADE), str(uuid.uuid5(MADE, "below"))), encoding="utf-8")
    fill(below, *HEAD, "MailItemsAccessed", *TAIL)
    path = make(root, "mail_read_twice", "correlation", "m365/exchange", "mail_read_once")
    fill(path, *HEAD, "UserId", "MailboxGuid", "2", *TAIL)
    for name in ("mail_read_once", "mail_read_twice"):
        folder = root / "fixtures" / name
        finish(folder / "hit_fill_in.jsonl", "hit_read.jsonl", FILL_IN, "MailItemsAccessed")
        finish(folder / "miss_fill_in.jsonl", "miss_sent.jsonl", FILL_IN, "Send")
    hit = root / "fixtures" / "mail_read_twice" / "hit_read.jsonl"
    hit.write_text(hit.read_text("utf-8").replace("408f5d7c", "518f5d7c", 1), encoding="utf-8")
    pack = load_pack(root / "sigma")
    cases = load_cases(pack, root / "fixtures")
    assert {case.rule for case in cases} == {"mail_read_once", "mail_read_twice"}
    assert [replay_case(pack, case, read_logs(case.path)).failures for case in cases] == [()] * 4


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (["Mail"], "is no name for a rule"),
        (["../mail"], "is no name for a rule"),
        (["default"], "is no name for a rule"),
        (["a" * 65], "is no name for a rule"),
        (["there"], "there is a rule or filter of this name"),
        (["only_fixtures"], "there is a folder"),
        (["x", "--of", "there"], "only a correlation is built on other rules"),
        (["x", "--kind", "correlation", "--of", "ther"], "no such rule (did you mean 'there'?)"),
    ],
)
def test_a_name_that_is_taken_or_no_name_is_refused(root: Path, args: list[str], says: str) -> None:
    make(root, "there")
    (root / "fixtures" / "only_fixtures").mkdir()
    before = sorted(root.rglob("*"))
    done = run(root, "new", *args)
    assert isinstance(done.exception, PackError)
    assert says in str(done.exception)
    assert sorted(root.rglob("*")) == before


def test_the_verb_says_what_it_wrote_and_what_to_do(root: Path) -> None:
    done = run(root, "new", NAME)
    assert done.exit_code == 0
    assert f"sigma/mail/{NAME}.yml" in done.output
    assert f"pytest -k {NAME}" in done.output
    assert run(root, "check").output.count("is still to be filled in") == 10
