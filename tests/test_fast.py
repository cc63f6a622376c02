"""The fast engine finds what the reference finds, byte for byte, and accounts for the same records."""

# ruff: noqa: S311 - chance is drawn from fixed numbers
from __future__ import annotations

import json
import os
import random
from collections.abc import Callable
from pathlib import Path

import pytest

from conftest import ROOT, shipped_pack
from generate import records as mail_reads
from unissued.errors import UnsupportedError
from unissued.hunt import Question, Way, as_json, hunt, search
from unissued.hunt.fast import NotFastError, fast_hunt
from unissued.logs import read, source_map

PACK = shipped_pack()
FIXTURES = ROOT / "fixtures"
SOURCES = source_map(PACK.catalogue)
QUESTION = Question(PACK, {})
GRAPH = "00000003-0000-0000-c000-000000000000"
APPS = [
    ("00000002-0000-0ff1-ce00-000000000000", "9199bf20-a13f-4107-85dc-02114787ef48", "Client=OWA;Action=ViaProxy"),
    (GRAPH, "27922004-5251-4030-b22d-91ecd9a37ea4", "Client=REST;;"),
    (GRAPH, "5d5a6fd0-4be4-4ac2-a7f4-7c2c01e5a0d7", "Client=REST;;"),
]
LISTS = {
    "approved_mail_apps": frozenset({APPS[1][1]}),
    "ews_allowed_apps": frozenset({APPS[1][1]}),
    "baseline_mail_apps": frozenset({f"{APPS[1][0]}|{APPS[1][1]}|REST", f"{APPS[0][0]}|{APPS[0][1]}|OWA"}),
    "baseline_mailbox_apps": frozenset({f"{APPS[1][0]}|{APPS[1][1]}|REST|-"}),
    "mail_apps_with_token_id": frozenset({f"{APPS[1][0]}|{APPS[1][1]}|REST"}),
    "anonymiser_addresses": frozenset({"198.51.100.3"}),
}
Lists = dict[str, frozenset[str]]
Mangle = Callable[[random.Random, str], str]


def both(paths: list[Path], lists: Lists, jobs: int = 1) -> tuple[str, str]:
    """Return what the two engines say."""
    expected = hunt(PACK, read(paths, SOURCES), lists)
    return as_json(fast_hunt(PACK, paths, SOURCES, lists, jobs=jobs)), as_json(expected)


@pytest.mark.parametrize("scenario", sorted(path.name for path in (FIXTURES / "_scenarios").iterdir() if path.is_dir()))
@pytest.mark.parametrize("lists", [{}, LISTS], ids=["no lists", "lists"])
def test_scenarios_give_the_same(scenario: str, lists: Lists) -> None:
    found, expected = both([FIXTURES / "_scenarios" / scenario / "events.jsonl"], lists)
    assert found == expected


def test_all_fixtures_together_give_the_same() -> None:
    rules = sorted(path for path in FIXTURES.iterdir() if path.is_dir() and not path.name.startswith("_"))
    found, expected = both(rules[::4], LISTS)
    assert found == expected


@pytest.mark.full
def test_every_fixture_gives_the_same() -> None:
    for path in sorted(FIXTURES.rglob("*.jsonl")):
        for lists in ({}, LISTS):
            found, expected = both([path], lists)
            assert found == expected, path


# Random records -----------------------------------------------------------------------------------------------------


def _other_value(rng: random.Random, line: str) -> str:
    """Give one field another value, a rare one among them."""
    row = json.loads(line)
    key = rng.choice(sorted(row))
    row[key] = rng.choice((None, "", 0, 1, True, False, "True", "MailItemsAccessed", "Failed", 1.5, [], {}, "x" * 300))
    return json.dumps(row, separators=(",", ":"), ensure_ascii=rng.random() < 0.5)


def _other_context(rng: random.Random, line: str) -> str:
    row = json.loads(line)
    key = rng.choice(("UniqueTokenId", "AADSessionId", "IssuedAtTime", "ClientAppId", "APIId"))
    values = (
        "",
        None,
        "short",
        "System.Object[]",
        "2026-03-09T00:00:00Z",
        "2150-01-01T00:00:00",
        7,
        "A" * 22,
        "B" * 48,
    )
    if not isinstance(row.get("AppAccessContext"), dict):
        return line
    row["AppAccessContext"][key] = rng.choice(values)
    return json.dumps(row, separators=(",", ":"))


def _other_user(rng: random.Random, line: str) -> str:
    """Let the token of a record be used by somebody else, from somewhere else, by another kind of application."""
    row = json.loads(line)
    row["UserId"], row["MailboxGuid"] = (
        f"user{rng.randrange(9):05}@contoso.example",
        "00000000-0000-0000-0000-00000000000a",
    )
    row["ClientIPAddress"] = rng.choice(("203.0.113.9", "[2001:db8::1]:443", "198.51.100.3", "40.96.0.1"))
    row["OperationCount"] = rng.choice((1, 900, -5, 10**15, 2**70))
    row["UserType"], row["LogonType"] = rng.choice((0, 2, 5)), rng.choice((0, 1, 2))
    return json.dumps(row, separators=(",", ":"))


def _sign_in(rng: random.Random, line: str) -> str:
    row = json.loads(line)
    context = row["AppAccessContext"]
    own = {
        "Type": rng.choice(("SigninLogs", "AADNonInteractiveUserSignInLogs")),
        "Id": row["Id"],
        "CreatedDateTime": context["IssuedAtTime"] + "Z",
        "TimeGenerated": context["IssuedAtTime"] + "Z",
        "UniqueTokenIdentifier": context["UniqueTokenId"],
        "SessionId": rng.choice((context["AADSessionId"], None)),
        "UserId": rng.choice((row["TokenObjectId"], row["MailboxGuid"])),
        "UserPrincipalName": row["UserId"],
        "AppId": row["ClientAppId"],
        "ResultType": "0",
    }
    return json.dumps(own)


def _as_it_is(_rng: random.Random, line: str) -> str:
    return line


def _in_an_envelope(_rng: random.Random, line: str) -> str:
    return f'{{"source":"m365/exchange","event":{line}}}'


def _byte(rng: random.Random, line: str) -> str:
    """Replace one character."""
    at = rng.randrange(len(line))
    return line[:at] + rng.choice('"{}[],:\\0e9-.\x00\x1f\udcff é\ufeff\t a') + line[at + 1 :]


def _cut(rng: random.Random, line: str) -> str:
    return line[: rng.randrange(len(line))]


def _repeated_key(rng: random.Random, line: str) -> str:
    """Repeat a key: of the record, of its token, or of something that no rule reads."""
    key, value = rng.choice(
        (
            ('{"CreationTime"', '{"Operation":"Other","CreationTime"'),
            ('"SizeInBytes"', '"SizeInBytes":1,"SizeInBytes"'),
            ('"APIId"', '"APIId":"x","APIId"'),
            ('"Version":1', '"Version":1,"Version":1'),
            ('"Name":"IsThrottled"', '"Name":"IsThrottled","Value":"True"'),
            ('"Version":1', '"Version":1e999'),
            ('"Version":1', f'"Version":{"1" * 70}'),
        )
    )
    return line.replace(key, value, 1)


def _escaped_key(_rng: random.Random, line: str) -> str:
    return line.replace('"Operation"', '"Oper\\u0061tion"', 1)


def _spaced(_rng: random.Random, line: str) -> str:
    return json.dumps(json.loads(line))


def _another_record(rng: random.Random, line: str) -> str:
    return line.replace('"Workload":"Exchange"', rng.choice(('"Workload":"SharePoint"', '"Workload":""')))


MANGLED: tuple[Mangle, ...] = (
    _byte, _byte, _byte, _cut, _repeated_key, _repeated_key, _escaped_key, _spaced, _another_record, _other_value,
)  # fmt: skip
SOUND: tuple[Mangle, ...] = (
    *(_as_it_is,) * 12, _other_value, _other_context, _other_context, _other_user, _sign_in, _sign_in, _in_an_envelope,
)  # fmt: skip


def _write(path: Path, rng: random.Random, number: int, ways: tuple[Mangle, ...], copies: float = 0.05) -> None:
    """Write records, some of them again: as they are, or differently, at any later place."""
    lines = [rng.choice(ways)(rng, line) for line in mail_reads(rng, number, 40, APPS)]
    lines += [
        rng.choice((_as_it_is, _other_context, _spaced))(rng, line) for line in _sound(lines) if rng.random() < copies
    ]
    moved = [line for line in lines if rng.random() < 0.1]
    lines = [line for line in lines if line not in set(moved)] + moved
    with path.open("w", encoding="utf-8", errors="surrogateescape", newline="\n") as target:
        for line in lines:
            target.write(line + "\n")


def _sound(lines: list[str]) -> list[str]:
    return [line for line in lines if line.startswith('{"CreationTime"') and line.endswith("}")]


@pytest.mark.parametrize("seed", range(4))
def test_random_records_give_the_same(tmp_path: Path, seed: int) -> None:
    rng = random.Random(seed)
    path = tmp_path / "mail.ndjson"
    _write(path, rng, 500, SOUND)
    found, expected = both([path], LISTS if seed % 2 else {})
    assert found == expected


@pytest.mark.full
def test_a_million_random_records_give_the_same(tmp_path: Path) -> None:
    for seed in range(200):
        path = tmp_path / f"{seed}.ndjson"
        _write(path, random.Random(1_000 + seed), 5_000, SOUND)
        found, expected = both([path], LISTS if seed % 2 else {}, jobs=1 + seed % 2)
        assert found == expected, seed
        path.unlink()


@pytest.mark.parametrize("seed", range(3))
def test_mangled_lines_are_accounted_for_in_the_same_way(tmp_path: Path, seed: int) -> None:
    path = tmp_path / "mail.ndjson"

    def mangle(rng: random.Random, line: str) -> str:
        try:
            return rng.choice(MANGLED)(rng, line) if rng.random() < 0.3 else line
        except ValueError:
            return line

    _write(path, random.Random(seed), 500, (mangle,), copies=0)
    found, expected = both([path], {})
    assert found == expected
    assert json.loads(found)["summary"]["refused"] > 50


def test_two_processes_give_the_same_as_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unissued.hunt.fast.parallel.LEAST", 100_000)
    rng = random.Random(9)
    paths = [tmp_path / f"{name}.ndjson" for name in "ab"]
    for path in paths:
        _write(path, rng, 300, (*SOUND, _byte))
    found, expected = both(paths, LISTS, jobs=2)
    assert found == expected


def test_the_same_file_twice_is_all_duplicates(tmp_path: Path) -> None:
    first, second = tmp_path / "a.ndjson", tmp_path / "b.ndjson"
    _write(first, random.Random(1), 300, SOUND)
    second.write_bytes(first.read_bytes())
    found, expected = both([first, second], {})
    assert found == expected


def test_other_files_are_held_beside_lines(tmp_path: Path) -> None:
    _write(tmp_path / "a.ndjson", random.Random(2), 100, SOUND)
    rows = [json.loads(line) for line in mail_reads(random.Random(2), 20, 40, APPS)]
    (tmp_path / "b.json").write_text(json.dumps(rows), encoding="utf-8")
    found, expected = both([tmp_path], {})
    assert found == expected


def test_runs_on_disk_give_the_same_as_in_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "mail.ndjson"
    _write(path, random.Random(3), 600, SOUND)
    found, expected = both([path], LISTS)
    monkeypatch.setattr("unissued.hunt.fast.runs.BUDGET", 64)
    monkeypatch.setattr("unissued.hunt.fast.rows.CHUNK", 128)
    spilled, _ = both([path], LISTS)
    assert spilled == found == expected


def test_a_day_that_only_the_whole_file_can_read_is_left_to_the_reference(tmp_path: Path) -> None:
    line = next(mail_reads(random.Random(4), 1, 40, APPS))
    path = tmp_path / "mail.ndjson"
    path.write_text(line.replace("2026-03-02T00:00:00", "3/4/2026 09:00:00", 1) + "\n", encoding="utf-8")
    with pytest.raises(NotFastError, match="day and month"):
        fast_hunt(PACK, [path], SOURCES, {})


def test_an_ambiguous_day_is_read_by_the_reference_when_the_engine_is_chosen(tmp_path: Path) -> None:
    line = next(mail_reads(random.Random(4), 1, 40, APPS))
    path = tmp_path / "mail.ndjson"
    path.write_text(line.replace("2026-03-02T00:00:00", "3/4/2026 09:00:00", 1) + "\n", encoding="utf-8")
    assert search(QUESTION, [path], Way(date_order="dmy")).reading.count.used == 1
    with pytest.raises(UnsupportedError, match="day and month"):
        search(QUESTION, [path], Way("fast", date_order="dmy"))


def test_who_read_what_is_counted_by_the_reference(tmp_path: Path) -> None:
    path = tmp_path / "mail.ndjson"
    _write(path, random.Random(5), 100, (_as_it_is,), copies=0)
    assert len(search(QUESTION, [path], Way(every_record=True)).reading.records) == 100
    assert len(search(QUESTION, [path], Way("fast")).reading.records) < 100
    with pytest.raises(UnsupportedError, match="--items"):
        search(QUESTION, [path], Way("fast", every_record=True))


@pytest.mark.parametrize("jobs", [1, 2])
def test_after_a_stop_what_was_read_is_reported_as_partial(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, jobs: int
) -> None:
    monkeypatch.setattr("unissued.hunt.fast.parallel.LEAST", 100_000)
    monkeypatch.setattr("unissued.hunt.fast.scan.BLOCK", 4_096)
    paths = [tmp_path / f"{name}.ndjson" for name in "ab"]
    for path in paths:
        _write(path, random.Random(6), 300, (_as_it_is,), copies=0)
    reading = search(QUESTION, paths, Way("fast", jobs=jobs), stop=lambda: True).reading
    assert reading.interrupted
    assert reading.count.balanced
    assert reading.count.read < 600
    assert [report.partial for report in reading.files] == [["interrupted: not read to the end"]] * 2


def test_a_worker_that_dies_leaves_the_work_to_the_reference(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("unissued.hunt.fast.parallel.LEAST", 1_000)
    monkeypatch.setattr("unissued.hunt.fast.parallel._scan", _die)
    path = tmp_path / "mail.ndjson"
    _write(path, random.Random(7), 50, (_as_it_is,), copies=0)
    told: list[str] = []
    assert search(QUESTION, [path], Way(jobs=2), tell=told.append).reading.count.used == 50
    assert "the reference reads everything again" in told[0]


def _die(_part: object) -> None:
    os._exit(1)


def test_a_consent_of_a_new_user_is_found_among_others(tmp_path: Path) -> None:
    """The order's keys each leave a rule out; records of other users and applications stand around."""
    lines: list[str] = []
    for name in ("app_consented_by_new_user_then_mail_read", "app_granted_by_app_then_mail_read"):
        for path in sorted((FIXTURES / name).rglob("*.jsonl")):
            lines += path.read_text("utf-8").splitlines()
    lines += list(mail_reads(random.Random(8), 200, 40, APPS))
    path = tmp_path / "all.ndjson"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    found, expected = both([path], {})
    assert found == expected
    verdicts = json.loads(expected)["summary"]["verdicts"]
    for name in ("app_consented_by_new_user_then_mail_read", "app_granted_by_app_then_mail_read"):
        assert verdicts[name]["verdict"] == "match"
