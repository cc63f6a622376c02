"""The Splunk app: what it says, read back from its files, is what the project executes, and so is its dashboard."""

from __future__ import annotations

import gzip
import hashlib
import io
import json
import re
import tarfile
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

import splunk_preview
from conftest import ROOT, read_logs, shipped_pack
from seeded_splunk import MISTAKES, Mistake
from splunk_site import App, Site
from unissued import convert, package
from unissued.convert import LISTS, Build
from unissued.engines.spl import Reading, Row
from unissued.errors import UnsupportedError
from unissued.evaluate import Given, evaluate
from unissued.package.splunk import conf
from unissued.package.splunk.check import problems
from unissued.package.splunk.check_searches import is_cron
from unissued.package.splunk.macros import expanded, with_sources
from unissued.package.splunk.searches import (
    alert,
    health_stanza,
    learning_stanza,
    plain,
    rule_stanza,
    saved_searches,
)
from unissued.verify import load_scenarios

READ = "MailItemsAccessed"
DAY = timedelta(days=1)


@cache
def build() -> Build:
    return convert.build(shipped_pack(), ("splunk",))


@cache
def files() -> Mapping[str, bytes]:
    return package.artefacts("splunk", shipped_pack(), build())


@cache
def app() -> App:
    return App(files())


def body_of(path: str) -> str:
    """A generated search as it lies in spl/searches, without its head."""
    lines = (ROOT / path).read_text("utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("``` ")).rstrip("\n")


# What the files say


def test_the_validators_find_nothing() -> None:
    assert problems(files()) == []


def test_the_searches_come_back_as_they_were_written() -> None:
    written = saved_searches(
        shipped_pack(), sorted(build().queries, key=lambda one: one.rule), build().learning, build().health
    )
    assert app().found.searches == written
    assert len(written) == len(build().queries) + 2 * len(build().learning) + len(build().health)


def test_every_alert_is_to_the_byte_what_is_executed() -> None:
    """Expanded with the macros that ship, an alert is the plain search and ``search *``."""
    shipped = sorted(path.stem for path in (ROOT / "spl" / "searches").glob("*.spl"))
    assert shipped == sorted(query.rule for query in build().queries)
    for name in shipped:
        path = f"spl/searches/{name}.spl"
        assert app().search(rule_stanza(name)) == f"{body_of(path)}\n| search *"
        said = json.loads(app().found.searches[rule_stanza(name)]["action.correlationsearch.annotations"])["unissued"]
        digest = hashlib.sha256(f"{body_of(path)}\n".encode()).hexdigest()
        assert said == [f"{name} {shipped_pack().rule(name).version} {digest}"]


def test_every_report_is_to_the_byte_what_is_executed() -> None:
    for query in build().health:
        assert app().search(health_stanza(query.rule)) == body_of(query.path)
    assert [query.rule for query in build().learning] == list(LISTS)
    for query in build().learning:
        assert app().search(learning_stanza(query.rule, keep=False)) == body_of(query.path)
        kept = app().search(learning_stanza(query.rule, keep=True))
        assert kept == f"{body_of(query.path)}\n| outputlookup unissued_{query.rule}"


@pytest.mark.parametrize(
    "name", ["mail_owa_identity_scripted_client", "mail_app_new_to_tenant", "app_new_secret_then_mail_read"]
)
def test_an_alert_finds_what_the_plain_search_finds(name: str) -> None:
    site, now = site_of("s2_storm0558_today")
    assert not name.startswith("mail") or found_by(site, name, now)
    for reading in Reading:
        whole = site.run(app().search(rule_stanza(name)), now, reading=reading)
        assert whole == site.run(body_of(f"spl/searches/{name}.spl"), now, reading=reading)


def found_by(site: Site, name: str, now: datetime) -> list[Row]:
    """What an alert finds of everything that has arrived, not only in the last hour."""
    return site.run(app().search(rule_stanza(name)).replace("_index_earliest=-65m", "_index_earliest=-9d"), now)


def test_a_site_changes_index_and_filter_and_nothing_else() -> None:
    name = "mail_owa_identity_scripted_client"
    mine = {
        "unissued_m365_audit": {"definition": 'index=o365 sourcetype="o365:management:activity"'},
        f"unissued_{name}_filter": {"definition": 'search NOT UserId="alice@contoso.example"'},
    }
    search = expanded(app().found.searches[rule_stanza(name)]["search"], {**app().found.macros, **mine})
    assert search.startswith("_index_earliest=-65m index=o365 sourcetype")
    site, now = site_of("s2_storm0558_today")
    search = search.replace("_index_earliest=-65m", "_index_earliest=-9d").replace("index=o365", "index=main")
    users = {str(row["UserId"]) for row in found_by(site, name, now)}
    assert "alice@contoso.example" in users
    assert {str(row["UserId"]) for row in site.run(search, now)} == users - {"alice@contoso.example"}


def test_an_index_that_no_macro_stands_for_is_refused() -> None:
    for text in ('index=* sourcetype="other"', "index=main | table x", 'index=* sourcetype="azure:monitor:aad" `m`'):
        with pytest.raises(UnsupportedError):
            with_sources(text)


def test_macros_that_are_not_defined_or_never_end_are_refused() -> None:
    for search in ("`nowhere`", "`a(1)`", "``", "`loop`", "`evaluated`"):
        with pytest.raises(UnsupportedError):
            expanded(search, {"loop": {"definition": "`loop`"}, "evaluated": {"definition": "x", "iseval": "1"}})


def test_texts_of_rules_are_safe_in_every_setting() -> None:
    pack = shipped_pack()
    query = next(one for one in build().queries if one.rule == "mail_app_new_to_tenant")
    rule = pack.rule(query.rule)
    odd = 'A "title"\nof [two] lines, $5 $user$ – C:\\'
    odder = replace(rule, title=odd, definition={**rule.definition, "description": f"{odd}\n\nand {odd}"})
    settings = alert(odder, query)
    assert conf.read(conf.write({"a": settings}), "a") == {"a": settings}
    assert settings["description"].endswith("C:\\.")
    assert re.findall(r"\$(\w*)\$", settings["action.notable.param.rule_title"]) == ["MailboxOwnerUPN"]
    assert "$" not in settings["action.notable.param.rule_description"]
    assert plain("$a$ b") == "a b"


def test_the_same_row_is_silenced_and_never_a_key() -> None:
    pack = shipped_pack()
    for query in build().queries:
        settings = app().found.searches[rule_stanza(query.rule)]
        fields = settings["alert.suppress.fields"].split(",")
        rule = pack.rule(query.rule)
        assert fields == (["_time", *rule.correlation().group_by] if query.schedule.silence else ["Id"])  # type: ignore[misc]
        assert settings["alert.suppress.period"] == f"{query.schedule.look_back.total_seconds():.0f}s"
        assert settings["dispatch.earliest_time"] == f"-{query.schedule.look_back.total_seconds() / 3600:.0f}h"


def test_minutes_are_spread() -> None:
    minutes = [
        settings["cron_schedule"].split()[0]
        for settings in app().found.searches.values()
        if "cron_schedule" in settings
    ]
    assert max(map(minutes.count, minutes)) <= 4


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("17 * * * *", True),
        ("*/5 0-6 1,15 * 1-5", True),
        ("0 0 1 1 7", True),
        ("60 * * * *", False),
        ("5-1 * * * *", False),
        ("* * * *", False),
        ("* * 0 * *", False),
        ("x * * * *", False),
        ("1  * * * *", False),
        ("*/0 * * * *", False),
    ],
)
def test_schedules(text: str, right: bool) -> None:
    assert is_cron(text) == right


def test_the_archive_is_the_same_everywhere() -> None:
    packed = package.tar_gz(files())
    assert packed == package.tar_gz(dict(reversed(list(files().items()))))
    assert packed[:4] == b"\x1f\x8b\x08\x00"  # no name in the head
    assert packed[4:8] == b"\0\0\0\0"  # and no time
    with tarfile.open(fileobj=io.BytesIO(gzip.decompress(packed))) as archive:
        members = archive.getmembers()
    assert [one.name for one in members if one.isfile()] == sorted(files())
    assert {(one.uid, one.gid, one.uname, one.gname, one.mtime) for one in members} == {(0, 0, "", "", 0)}
    assert {one.mode for one in members} == {0o644, 0o755}


# What the dashboard shows


@cache
def site_of(name: str, **lists: frozenset[str]) -> tuple[Site, datetime]:
    """A scenario in a modelled Splunk, and the time at which it is looked at."""
    pack = shipped_pack()
    (scenario,) = [one for one in load_scenarios(pack, ROOT / "fixtures" / "_scenarios") if one.name == name]
    records = read_logs(scenario.path).records
    given = replace(scenario.given, lists={**scenario.given.lists, **lists})
    assert given.now is not None
    return Site(app(), pack, records, given), given.now


def shown(name: str, source: str, over: timedelta | None = None, **lists: frozenset[str]) -> list[Row]:
    """What a data source of the dashboard gives; the same under both readings."""
    site, now = site_of(name, **lists)
    first, other = (site.run(app().asked()[f"ds_{source}"], now, over, reading) for reading in Reading)
    assert first == other
    return first


def test_every_data_source_is_shown_or_goes_on() -> None:
    said = app().dashboard()
    shown_ones = {one["dataSources"]["primary"] for one in said["visualizations"].values() if "dataSources" in one}  # type: ignore[index]
    extended = {one["options"].get("extend") for one in said["dataSources"].values()}  # type: ignore[attr-defined]
    assert set(said["dataSources"]) == shown_ones | (extended - {None})


def test_every_data_source_is_executed() -> None:
    for source in app().asked():
        for reading in Reading:
            site, now = site_of("s5_broken_feed")
            site.run(app().asked()[source], now, DAY, reading)


def test_reads_are_counted_once_and_held_against_the_baseline() -> None:
    """The rule on new applications and the panel agree on what is new; the evaluator says which reads these are."""
    pack = shipped_pack()
    (scenario,) = [
        one for one in load_scenarios(pack, ROOT / "fixtures" / "_scenarios") if one.name == "s2_storm0558_today"
    ]
    records = read_logs(scenario.path).records
    mail = [one for one in records if one.source == "m365/exchange" and one.fields["Operation"] == READ]
    succeeded = [one for one in mail if one.fields["ResultStatus"] in ("Succeeded", "PartiallySucceeded")]
    matches = evaluate(pack, records, scenario.given, ["mail_app_new_to_tenant"])["mail_app_new_to_tenant"].matches
    boxes = {str(event.record.fields["MailboxGuid"]).lower() for match in matches for event in match.events()}
    rows = shown("s2_storm0558_today", "reads")
    assert sum(int(str(row["Reads"])) for row in rows) == len(succeeded) > 40
    new = [row for row in rows if row["Baseline"] == "new to the tenant"]
    assert sum(int(str(row["Reads"])) for row in new) == len(matches) == scenario.must["mail_app_new_to_tenant"]
    assert {row["Box"] for row in new} == boxes
    assert shown("s2_storm0558_today", "reads_total") == [{"Reads": len(succeeded)}]
    assert shown("s2_storm0558_today", "reads_new_applications") == [{"Applications": len({row["Key"] for row in new})}]
    assert len(shown("s2_storm0558_today", "reads_not_normal")) == len(new)
    cells = [
        str(cell)
        for row in shown("s2_storm0558_today", "reads_matrix")
        for name, cell in row.items()
        if name != "Application"
    ]
    assert sum(int(cell.split()[0]) for cell in cells) == len(succeeded)
    assert sum(int(cell.split()[0]) for cell in cells if cell.endswith(" new")) == len(matches)


def test_a_known_application_in_a_new_mailbox() -> None:
    rows = shown("s2_storm0558_today", "reads")
    known = [row for row in rows if row["Baseline"] == "known here"]
    first = f"{known[0]['Key']}|{known[0]['Box']}"
    again = shown("s2_storm0558_today", "reads", baseline_mailbox_apps=frozenset({first}))
    states = [row["Baseline"] for row in again]
    assert states.count("known here") == 1
    assert states.count("new to the mailbox") == len(known) - 1
    assert shown("s2_storm0558_today", "reads_new_pairs", baseline_mailbox_apps=frozenset({first})) == [
        {"Pairs": len(known) - 1}
    ]


def test_without_a_baseline_nothing_is_called_new() -> None:
    rows = shown("s2_storm0558_today", "reads", baseline_mail_apps=frozenset())  # a list of one row: #rows=0
    assert {row["Baseline"] for row in rows} == {"no baseline yet"}
    site, now = site_of("s2_storm0558_today")
    bare = Site(app(), shipped_pack(), [], Given())
    bare.events = site.events
    rows = bare.run(app().asked()["ds_reads"], now)
    assert {row["Baseline"] for row in rows} == {"no baseline yet"}


def test_the_window_of_the_picker_is_kept() -> None:
    assert shown("s2_storm0558_today", "reads_total", timedelta(minutes=1)) == [{"Reads": 0}]


def test_tokens_that_no_sign_in_explains() -> None:
    (row,) = [row for row in shown("s2_storm0558_today", "explained_named") if row["Unexplained"] != 0]
    assert row["Application"] == "Office 365 Exchange Online, rest"
    assert shown("s2_storm0558_today", "explained_total") == [{"Unexplained": 1}]
    usual = shown("s2_storm0558_today", "explained_named", mail_apps_not_explained=frozenset({str(row["Key"])}))
    assert [one["Key"] for one in usual if one["Usually"]] == [row["Key"]]


def test_gaps_are_shown() -> None:
    """As expect.yml of the scenario says; before its first row the feeds are not known, which is a gap as well."""
    rows = shown("s5_broken_feed", "feed_signin_gap")
    (row,) = [row for row in rows if str(row["First"]).startswith("2026-03-03")]
    assert (row["Feed"], row["Hours"], row["NotEvaluated"]) == ("NonInteractiveUserSignInLogs", 3, 5)
    assert (str(row["First"])[11:16], str(row["Last"])[11:16]) == ("06:00", "08:00")


def test_lists_say_whether_they_are_whole() -> None:
    site, now = site_of("s2_storm0558_today")
    site = Site(app(), shipped_pack(), [], Given(lists={"baseline_mail_apps": frozenset({"a|b|c", "d|e|f"})}))
    states = {row["List"]: row["State"] for row in site.run(app().asked()["ds_lists"], now)}
    assert set(states) == set(shipped_pack().catalogue.lists)
    assert states["baseline_mail_apps"] == "filled"
    assert states["partner_tenants"] == "empty, as it may be"
    assert states["approved_mail_apps"] == "empty: rules that ask for it are not evaluated"
    del site.lookups["unissued_baseline_mail_apps"][0]
    (lost,) = [row for row in site.run(app().asked()["ds_lists"], now) if row["List"] == "baseline_mail_apps"]
    assert (lost["Entries"], lost["State"]) == (1, "damaged: it says 2 rows")


def test_findings_and_runs_are_what_the_scheduler_logged() -> None:
    now = datetime.fromisoformat("2026-03-02T18:00:00+00:00")
    names = {"app": "unissued_m365", "savedsearch_name": rule_stanza("mail_read_in_bulk")}
    scheduled = [
        (now - timedelta(hours=1), {**names, "status": "success", "result_count": "2"}),
        (now - timedelta(hours=2), {**names, "status": "success", "result_count": "3"}),
        (now - timedelta(hours=9), {**names, "status": "success", "result_count": "4"}),
        (now - timedelta(hours=10), {**names, "status": "skipped"}),
        (now - timedelta(hours=11), {**names, "status": "success", "result_count": "0"}),
        (now - timedelta(hours=1), {**names, "app": "other", "status": "success", "result_count": "7"}),
        (now - timedelta(hours=1), {**names, "savedsearch_name": "other", "status": "success", "result_count": "7"}),
    ]
    site = Site(app(), shipped_pack(), [], Given(), scheduled)
    for reading in Reading:
        found = site.run(app().asked()["ds_findings"], now, DAY, reading)
        hours = [datetime.fromtimestamp(float(str(row["_time"])), UTC).hour for row in found]
        assert list(zip(hours, [row["mail_read_in_bulk"] for row in found], strict=True)) == [(6, 4), (12, 5)]
        (run,) = site.run(app().asked()["ds_runs"], now, DAY, reading)
        assert (run["Rule"], run["Ran"], run["Skipped"], run["Rows"]) == ("mail_read_in_bulk", 4, 1, 9)
        assert run["Last"] == "2026-03-02 17:00:00 +0000"


@pytest.mark.full
def test_the_preview_is_what_the_dashboard_shows() -> None:
    assert splunk_preview.PAGE.read_text("utf-8") == splunk_preview.text_of()


# Mistakes put in on purpose


def test_there_are_enough_mistakes() -> None:
    assert len({mistake.name for mistake in MISTAKES}) == len(MISTAKES) >= 20


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_mistake_is_noticed_for_its_own_reason(mistake: Mistake) -> None:
    broken = mistake.applied(files())
    assert broken != dict(files())
    said = [str(problem) for problem in problems(broken)]
    assert [line for line in said if re.search(mistake.said, line)], said
