"""A site's queries mean what the evaluator says with the same settings, lie apart from ours, and say what differs."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from conftest import ROOT, read_logs, shipped_pack
from unissued.baseline.lists import read_list
from unissued.cli.group import commands
from unissued.convert import Query, build_site, convert
from unissued.errors import PackError, RuleError
from unissued.evaluate import comparable_lists, evaluate
from unissued.pack import TARGETS, Site, load_site
from unissued.verify import Case, load_cases
from unissued.verify.agreement import Stream, compare
from unissued.verify.shipped import Status, readers_of, validity

SETTINGS = ROOT / "tests" / "site" / "unissued.toml"
CHANGED = {
    "app_consented_then_mail_read",
    "mail_app_not_approved",  # by the list alone
    "mail_app_reads_many_mailboxes",
    "mail_owa_identity_scripted_client",
    "mail_read_by_scripted_agent",  # by the list alone
    "mail_read_by_scripted_client",  # by the list alone
    "mail_read_in_bulk",
    "mail_token_issued_to_another",
    "mail_token_never_issued",
}
# Fixture, how often it fires with our rules, and with the site's.
CASES = {
    "app_consented_then_mail_read/hit_exactly_seven_days": (1, 0),
    "app_consented_then_mail_read/hit_app_only": (1, 1),
    "mail_app_not_approved/miss_approved": (0, 2),  # the site approves another application
    "mail_app_not_approved/hit_newcomer": (1, 1),
    "mail_app_reads_many_mailboxes/miss_nine": (0, 1),
    "mail_app_reads_many_mailboxes/miss_sixty_one_minutes": (0, 1),
    "mail_app_reads_many_mailboxes/hit_ten_in_an_hour": (1, 1),
    "mail_owa_identity_scripted_client/hit_rest_system": (1, 0),
    "mail_read_in_bulk/hit_two_bursts_apart.2": (2, 0),
    "mail_read_in_bulk/hit_spellings_of_keys": (1, 0),
    "mail_read_in_bulk/hit_app_id_only": (1, 1),  # another application of the same user
    "mail_token_issued_to_another/hit_two_tokens.2": (2, 1),
    "mail_token_never_issued/hit_two_tokens.2": (2, 1),
}


@cache
def made() -> tuple[Site, Mapping[tuple[str, str], Query], Mapping[str, frozenset[str]]]:
    """The site, its queries by rule and target, and its lists as they are given."""
    pack = shipped_pack()
    site = load_site(SETTINGS, pack)
    given = {name: read_list(file, pack.catalogue.lists[name]) for name, file in site.lists.items()}
    entries = comparable_lists(pack.catalogue, given)
    built = build_site(pack, site, {name: entries[name] for name in given}, TARGETS)
    return site, {(query.rule, query.target): query for query in built.queries}, given


@cache
def cases() -> Mapping[str, Case]:
    return {case.name: case for case in load_cases(shipped_pack(), ROOT / "fixtures")}


def stream_of(case: Case) -> Stream:
    given = replace(case.given, lists={**case.given.lists, **made()[2]})
    return Stream(read_logs(case.path).records, given)


def assert_agrees(case: Case) -> None:
    site, queries, _ = made()
    rule = site.pack.rule(case.rule)
    run = 0
    for target in TARGETS:
        query = queries.get((case.rule, target))
        for reading, reader in readers_of(target) if query else ():
            assert query is not None
            comparison = compare(reader, site.pack, rule, query, stream_of(case))
            assert comparison.agrees, (case.name, target, reading, comparison.differences())
            run += 1
    assert run >= 2, "a query that nobody runs agrees with nothing"


def fires(site: Site | None, case: Case) -> int:
    pack = site.pack if site else shipped_pack()
    given = case.given if site is None else stream_of(case).given
    return len(evaluate(pack, read_logs(case.path).records, given, [case.rule])[case.rule].matches)


@pytest.mark.parametrize("name", CASES)
def test_the_site_means_the_same_to_the_evaluator_and_to_every_query(name: str) -> None:
    case = cases()[name]
    assert (fires(None, case), fires(made()[0], case)) == CASES[name]
    assert_agrees(case)


@pytest.mark.full
@pytest.mark.parametrize("name", [name for name in cases() if name.partition("/")[0] in CHANGED])
def test_the_site_means_the_same_on_every_fixture(name: str) -> None:
    assert_agrees(cases()[name])


@pytest.mark.parametrize("name", ["mail_token_never_issued/hit_two_tokens.2", "mail_read_in_bulk/hit_app_id_only"])
def test_a_query_without_the_sites_settings_is_noticed(name: str) -> None:
    """Our own query on the site's evaluator: they must differ where the settings matter, and only there."""
    site, queries, _ = made()
    case = cases()[name]
    before, after = CASES[name]
    ours = convert(shipped_pack(), shipped_pack().rule(case.rule), "sentinel")
    assert ours.query != queries[case.rule, "sentinel"].query
    comparison = compare(readers_of("sentinel")[0][1], site.pack, site.pack.rule(case.rule), ours, stream_of(case))
    assert comparison.agrees == (before == after)


def test_every_query_of_the_site_is_valid() -> None:
    for (rule, target), query in made()[1].items():
        if rule in CHANGED:
            check, columns = validity(query)
            assert check.status is Status.AGREES, (rule, target, check.said)
            assert columns


def test_only_what_the_site_changed_differs_and_its_head_says_how() -> None:
    _, queries, _ = made()
    pack = shipped_pack()
    assert {rule for rule, _ in queries} == {
        rule.name
        for rule in pack.rules.values()
        if rule.level and rule.name != "owa_token_minted" and any((rule.name, target) in queries for target in TARGETS)
    }
    for (rule, target), query in queries.items():
        ours = convert(pack, pack.rule(rule), target)
        changed = [line for line in query.text.split("\n") if "site: " in line]
        assert (query.text == ours.text) == (rule not in CHANGED) == (not changed), (rule, target)
        digest = hashlib.sha256(query.query.encode()).hexdigest()
        assert f"sha256={digest}" in query.text
    text = queries["mail_app_reads_many_mailboxes", "splunk"].text
    assert "``` site: mail_app_reads_many_mailboxes: threshold gte 9 instead of 10 ```\n" in text
    assert "``` site: mail_app_reads_many_mailboxes: timespan 61m instead of 1h ```\n" in text
    below = "site: mail_read_by_unapproved_app: list approved_mail_apps is the site's own (entries: 1)"
    assert below in text
    assert "without token_id=RUDTKPCS2UE61QYH-WV0AA" in queries["mail_token_never_issued", "sentinel"].text


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(commands, [str(arg) for arg in args])


def tree(folder: Path) -> dict[str, bytes]:
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_the_verb_writes_into_a_folder_of_the_sites_own_and_cleans_up_after_itself(tmp_path: Path) -> None:
    out = tmp_path / "out"
    (out / "kql").mkdir(parents=True)
    (out / "kql" / "mine.kql").write_text("SigninLogs | take 1\n", encoding="utf-8")
    before = {folder: tree(ROOT / folder) for folder in ("kql", "spl")}
    done = run("build", "--site", SETTINGS, "-o", out)
    assert done.exit_code == 0, done.output
    assert "the site changed 9 rules" in done.output
    assert "switched off 1: owa_token_minted" in done.output
    written = tree(out)
    assert "kql/sentinel/mail_token_never_issued.kql" in written
    assert not any("owa_token_minted.kql" in path for path in written)
    switched_off = tmp_path / "site" / "unissued.toml"
    shutil.copytree(SETTINGS.parent, switched_off.parent)
    text = SETTINGS.read_text("utf-8").replace(
        "[rules.mail_read_in_bulk]", "[rules.mail_read_in_bulk]\nenabled = false"
    )
    switched_off.write_text(text, encoding="utf-8")
    stale = run("build", "--site", switched_off, "-o", out, "--check")
    assert stale.exit_code == 1
    assert "0 missing, 0 stale, 3 extra" in stale.output
    assert run("build", "--site", switched_off, "-o", out).exit_code == 0
    gone = {path for path in written if "/mail_read_in_bulk." in path}
    assert len(gone) == 3
    assert tree(out) == {path: text for path, text in written.items() if path not in gone}
    assert (out / "kql" / "mine.kql").is_file()
    assert {folder: tree(ROOT / folder) for folder in ("kql", "spl")} == before


@pytest.mark.parametrize("place", [".", "docs/site", "link"])
def test_our_own_folders_are_refused(place: str, tmp_path: Path) -> None:
    out = ROOT / place
    if place == "link":
        out = tmp_path / "out"
        out.mkdir()
        (out / "kql").symlink_to(ROOT / "kql")
    before = tree(ROOT / "kql")
    done = run("build", "--site", SETTINGS, "-o", out)
    assert done.exit_code == 2
    assert "is the project's own: name another folder" in done.output
    assert tree(ROOT / "kql") == before


def test_a_list_that_is_too_long_for_a_query_is_looked_up_and_the_head_says_so(tmp_path: Path) -> None:
    pack = shipped_pack()
    path = tmp_path / "unissued.toml"
    path.write_text("", encoding="utf-8")
    entries = [f"{number:08x}-0000-4000-8000-000000000000" for number in range(1000)]
    built = build_site(pack, load_site(path, pack), {"approved_mail_apps": entries}, TARGETS)
    query = next(one for one in built.queries if (one.rule, one.target) == ("mail_app_not_approved", "sentinel"))
    assert "put its file into unissued_approved_mail_apps" in query.text
    assert query.query == convert(pack, pack.rule("mail_app_not_approved"), "sentinel").query


def test_a_setting_that_a_target_cannot_say_is_refused_with_the_rule_and_the_target(tmp_path: Path) -> None:
    path = tmp_path / "unissued.toml"
    path.write_text(
        '[rules.mail_token_never_issued]\ntimespan = "20d"\n[rules.mail_app_reads_many_mailboxes]\nthreshold = 20000\n',
        encoding="utf-8",
    )
    done = run("build", "--site", path, "-o", tmp_path / "out")
    assert isinstance(done.exception, RuleError)
    said = [str(problem) for problem in done.exception.problems]
    assert [line.split(": ")[1] for line in said] == [
        *["rules.mail_app_reads_many_mailboxes"] * 3,
        *["rules.mail_token_never_issued"] * 2,
    ]
    assert all(line.startswith(f"{path}: ") and "cannot say it any more" in line for line in said)
    assert not (tmp_path / "out").exists()


def test_all_problems_of_a_settings_file_are_shown_at_once_and_nothing_is_written(tmp_path: Path) -> None:
    path = tmp_path / "unissued.toml"
    path.write_text(
        """
[rules.nobody]
[rules.mail_read]
enabled = false
[rules.owa_token_minted]
exclude = [{Nothing = "a"}, {UserId = "a`b"}]
[lists]
approved_mail_apps = "lists/gone.csv"
friends = "x.csv"
""",
        encoding="utf-8",
    )
    done = run("build", "--site", path, "-o", tmp_path / "out")
    assert isinstance(done.exception, PackError)
    said = str(done.exception)
    for expected in (
        "rules.nobody: unknown rule 'nobody'",
        "rules.mail_read: alerts nobody, so it cannot be enabled or not",
        "rules.owa_token_minted: unknown field 'Nothing'",
        "rules.owa_token_minted: UserId holds '`'",
        f"lists.approved_mail_apps: there is no file {tmp_path}/lists/gone.csv",
        "lists.friends: unknown list 'friends'",
    ):
        assert expected in said
    assert len(done.exception.problems) == 6
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize(
    "args", [["--site", "x.toml"], ["-o", "out"], ["--site", "x", "-o", "y", "--only", "mail_read"]]
)
def test_half_an_order_is_a_usage_error(args: list[str]) -> None:
    done = run("build", *args)
    assert done.exit_code == 2
    assert "--site goes with -o DIR" in done.output
