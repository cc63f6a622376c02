"""What the Sentinel workbook shows: every query of it is executed on scenarios, and held against other counts."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

import preview_page
import sentinel_preview
from conftest import ROOT, read_logs, shipped_pack
from sentinel_site import WORKBOOK, Part, Workbook, Workspace, alert, alerts
from unissued import package
from unissued.convert import Build
from unissued.coverage.mail import apps_of, kinds_of
from unissued.evaluate import Given, evaluate
from unissued.health import MAIL, throttled_mailboxes
from unissued.record import Record
from unissued.verify import Scenario, load_scenarios
from unissued.verify.readers import filler

S2, S5 = "s2_storm0558_today", "s5_broken_feed"
MAIL_TABLES = ["OfficeActivity", "CloudAppEvents"]
PAIRS = "baseline_mailbox_apps"
DAY = timedelta(days=1)
Rows = Sequence[dict[str, object]]


@cache
def book() -> Workbook:
    return Workbook(WORKBOOK.read_text("utf-8"))


@cache
def scenarios() -> dict[str, Scenario]:
    return {one.name: one for one in load_scenarios(shipped_pack(), ROOT / "fixtures" / "_scenarios")}


def records_of(name: str) -> list[Record]:
    return list(read_logs(scenarios()[name].path).records)


def now_of(name: str) -> datetime:
    now = scenarios()[name].given.now
    assert now is not None
    return now


@cache
def workspace(name: str) -> Workspace:
    """A scenario in a workspace in which the rules ran that the scenario expects something of."""
    scenario = scenarios()[name]
    found = alerts(shipped_pack(), records_of(name), scenario.given, sorted(scenario.must))
    return Workspace(shipped_pack(), records_of(name), scenario.given, list(found))


def plain(value: object) -> object:
    return value.replace(tzinfo=UTC) if isinstance(value, datetime) else value


def shown(name: str, part: str, site: Workspace | None = None, back: timedelta | None = None) -> Rows:
    one = book().part(part)
    _, rows = (site or workspace(name)).run(one.query, now_of(name), back or one.back)
    return [{key: plain(value) for key, value in row.items()} for row in rows]


QUERIES = [part for part in book().parts if part.query]


@pytest.mark.parametrize("name", [S2, S5])
@pytest.mark.parametrize("part", QUERIES, ids=lambda part: part.name)
def test_every_query_is_executed_and_returns_what_is_coloured(name: str, part: Part) -> None:
    names, _ = workspace(name).run(part.query, now_of(name), part.back)
    assert {part.heated, *part.states} <= set(names)


def test_no_parameter_stands_in_a_query() -> None:
    """A workbook puts a parameter's value in the place of its name in braces; these queries use none."""
    for part in QUERIES:
        assert not re.search(r"\{(?:%s)\b" % "|".join(book().choices), part.query), part.name  # noqa: UP031 - braces
    assert set(book().choices) == {"Window"}


def test_a_query_sees_all_that_it_asks_for() -> None:
    for part in QUERIES:
        days = max(int(found) for found in re.findall(r"ago\((\d+)d\)", part.query))
        assert days * DAY <= max(book().choices[part.window] if part.window else [part.back]), part.name


# Who reads


def reads(name: str, given: Given) -> dict[str, tuple[int, str]]:
    """Pair -> reads and state, by what the evaluator says of three rules."""
    rules = ("mail_read", "mail_app_new_to_tenant", "mail_app_new_to_mailbox")
    outcomes = evaluate(shipped_pack(), records_of(name), given, rules)
    pairs: dict[str, Counter[str]] = {
        rule: Counter(str(match.values("MailboxAppKey")[0]).lower() for match in outcomes[rule].matches)
        for rule in rules
    }
    whole, tenant, mailbox = (pairs[rule] for rule in rules)
    return {
        pair: (count, "new to the tenant" if pair in tenant else "new to the mailbox" if pair in mailbox else "known")
        for pair, count in whole.items()
    }


def seen(rows: Rows) -> dict[str, tuple[object, object]]:
    return {f"{row['Application']}|{row['Mailbox']}": (row["Reads"], row["Baseline"]) for row in rows}


@pytest.mark.parametrize("name", [S2, S5])
def test_application_and_mailbox_are_new_or_known_as_the_rules_say(name: str) -> None:
    scenario = scenarios()[name]
    every = sorted(reads(name, scenario.given))
    given = replace(scenario.given, lists={**scenario.given.lists, PAIRS: frozenset(every[::2])})
    wanted = reads(name, given)
    states = Counter(state for _, state in wanted.values())
    assert states["known"] > 1
    assert states["new to the mailbox"] > 1
    assert bool(states["new to the tenant"]) == (name == S2)
    rows = shown(name, "readers", Workspace(shipped_pack(), records_of(name), given))
    assert seen(rows) == wanted
    order = [str(row["Baseline"]) for row in rows]
    assert order == sorted(order, reverse=True)  # what is new comes first


def test_forged_reads_are_new_to_the_tenant_whatever_the_mailbox_list() -> None:
    rows = shown(S2, "readers")
    new = [row for row in rows if row["Baseline"] == "new to the tenant"]
    assert sum(int(str(row["Reads"])) for row in new) == scenarios()[S2].must["mail_app_new_to_tenant"]
    assert {row["Baseline"] for row in rows} == {"new to the tenant", "mailbox list is empty or missing"}


def test_a_damaged_list_is_said_rather_than_that_all_is_new() -> None:
    site = Workspace(shipped_pack(), records_of(S2), Given())
    site.watchlists({"baseline_mail_apps": ["a|b|c", "#rows=2"], PAIRS: ["a|b|c|d", "#rows=1"]})
    assert {row["Baseline"] for row in shown(S2, "readers", site)} == {"tenant list has 1 of 2 rows"}
    keys = sorted({str(row["Application"]) for row in shown(S2, "readers", site)})
    site.watchlists({"baseline_mail_apps": [*keys, f"#rows={len(keys)}"], PAIRS: ["a|b|c|d", "#rows=2"]})
    assert {row["Baseline"] for row in shown(S2, "readers", site)} == {"mailbox list has 1 of 2 rows"}


def test_the_chosen_window_is_kept() -> None:
    now, whole = now_of(S5), 0
    for back in book().choices["Window"]:
        late = [one for one in records_of(S5) if one.time >= now - back]
        found = evaluate(shipped_pack(), late, Given(), ["mail_read"])["mail_read"].matches
        assert sum(int(str(row["Reads"])) for row in shown(S5, "readers", back=back)) == len(found) > 0
        assert len(found) >= whole
        whole = len(found)
    assert len(shown(S5, "readers", back=DAY)) < len(shown(S5, "readers"))


# Tokens


@pytest.mark.parametrize("name", [S2, S5])
def test_unexplained_tokens_are_those_of_coverage_and_usual_ones_come_last(name: str) -> None:
    rows = shown(name, "explained")
    columns = ("Reads", "TokenIds", "Explained", "Unexplained")
    assert {row["Application"]: tuple(row[one] for one in columns) for row in rows} == {
        key: (app.reads, app.token_ids, app.explained, app.token_ids - app.explained)
        for key, app in apps_of(shipped_pack(), records_of(name)).items()
    }
    usual = {entry.lower() for entry in scenarios()[name].given.lists["mail_apps_not_explained"]}
    assert [row["Application"] for row in rows if row["Usually"]] == sorted(usual)
    assert rows[-1]["Usually"] == "never explained here"
    if name == S2:
        assert [row["Application"] for row in rows if row["Unexplained"]] == [rows[0]["Application"]]
        assert str(rows[0]["Application"]).startswith("00000002-0000-0ff1-ce00-000000000000|-|")


# Health


@pytest.mark.parametrize("name", [S2, S5])
def test_feeds_are_counted_as_delivered(name: str) -> None:
    given, now = scenarios()[name].given, now_of(name)
    times: dict[str, list[datetime]] = {}
    records = records_of(name)
    for one in (*records, *filler(shipped_pack().catalogue, given, now, records)):
        if one.time > now - 14 * DAY and one.ingested <= now:
            tables = [one.table] if one.table else MAIL_TABLES if one.source == MAIL else []
            for table in tables:  # a record of the unified audit log that is not mail is in neither
                times.setdefault(f"{one.source} {table}", []).append(one.time)
    found = {str(row["Feed"]): row for row in shown(name, "feed_coverage")}
    assert set(found) == set(times)
    for feed, row in found.items():
        hours = {time.replace(minute=0, second=0, microsecond=0) for time in times[feed]}
        assert (row["Rows"], row["First"], row["Last"]) == (len(times[feed]), min(times[feed]), max(times[feed]))
        assert row["Hours"] == len(hours)
        assert row["Empty"] == (max(hours) - min(hours)) / timedelta(hours=1) + 1 - len(hours)


def test_a_gap_is_the_one_that_the_scenario_expects() -> None:
    (line,) = scenarios()[S5].health or ()
    said = re.fullmatch(
        r"feed_signin_gap: (\w+): (\d+) hours, (\S+) to (\S+): (\d+) rows, expected (\d+) rows as a week before; "
        r"(\d+) records not evaluated by (\w+)",
        line,
    )
    assert said
    # Before its mail the scenario does not say what the feeds held, which is a gap as well.
    start = min(one.time for one in records_of(S5) if one.source == MAIL)
    (row,) = [row for row in shown(S5, "feed_signin_gap") if str(row["First"]) >= str(start)]
    feed, hours, first, last, rows, expected, reads_, rule = said.groups()
    assert [row["Feed"], row["Rules"]] == [feed, rule]
    assert [row["First"], row["Last"]] == [datetime.fromisoformat(first), datetime.fromisoformat(last)]
    counts = [int(str(row[one])) for one in ("Hours", "Seen", "Expected", "NotEvaluated")]
    assert counts == [int(hours), int(rows), int(expected), int(reads_)]
    assert shown(S2, "feed_signin_gap") == []


def test_hours_without_mail_are_shown_where_there_was_mail_a_week_before() -> None:
    assert shown(S2, "feed_mail_audit_silent") == []
    week = [replace(one, time=one.time - 7 * DAY, ingested=one.ingested - 7 * DAY) for one in records_of(S2)]
    mail = [one for one in week if one.source == MAIL]
    rows = shown(S2, "feed_mail_audit_silent", Workspace(shipped_pack(), mail, Given()))
    end = now_of(S2) - timedelta(hours=6)
    hours = sorted({one.time.replace(minute=0, second=0, microsecond=0) + 7 * DAY for one in mail})
    assert hours[-1] - hours[0] == (len(hours) - 1) * timedelta(hours=1)
    assert hours[-1] < end
    (row,) = rows
    assert (row["First"], row["Last"], row["Hours"]) == (hours[0], hours[-1], len(hours))


def test_a_throttled_mailbox_is_shown() -> None:
    assert shown(S2, "feed_mailbox_throttled") == []
    records = records_of(S2)
    at = next(place for place, one in enumerate(records) if one.fields.get("MailboxOwnerUPN") == "bob@contoso.example")
    held = [{"Name": "MailAccessType", "Value": "Bind"}, {"Name": "IsThrottled", "Value": "True"}]
    records[at] = replace(records[at], fields={**records[at].fields, "OperationProperties": held})
    (row,) = shown(S2, "feed_mailbox_throttled", Workspace(shipped_pack(), records, Given()))
    ((owner, times),) = throttled_mailboxes(shipped_pack(), records).items()
    assert (row["Owner"], row["Throttled"], row["First"], row["Last"]) == (owner, 1, times[0], times[0])


@pytest.mark.parametrize("name", [S2, S5])
def test_what_reads_carry_is_what_coverage_counts(name: str) -> None:
    columns = ("Reads", "AppId", "ClientAppId", "Session", "TokenId")
    assert {row["Kind"]: tuple(row[one] for one in columns) for row in shown(name, "mail_token_id_share")} == {
        kind.lower(): (one.reads, one.app_id, one.client_app_id, one.session, one.token_id)
        for kind, one in kinds_of(shipped_pack(), records_of(name)).items()
    }


# Findings


@pytest.mark.parametrize("name", [S2, S5])
def test_alerts_are_as_many_as_the_scenario_expects(name: str) -> None:
    """The table holds no log: its rows are what scheduled rules would have written of the evaluator's matches."""
    found: Counter[object] = Counter()
    for row in shown(name, "alerts"):
        found[row["Rule"]] += int(str(row["Alerts"]))
    assert found == scenarios()[name].must


def test_alerts_of_this_pack_are_counted_once_by_rule_and_day() -> None:
    rule, now = shipped_pack().rule("mail_read_in_bulk"), now_of(S2)
    other = "0b1c2d3e-0000-4000-8000-000000000002"
    rows = [
        *[alert(one, rule.id.upper(), now) for one in ("1", "1", "2")],
        alert("3", rule.id, now - DAY),
        alert("4", other, now),
    ]
    found = shown(S2, "alerts", Workspace(shipped_pack(), [], Given(), rows))
    today = now.replace(hour=0)
    assert [(row["Day"], row["Rule"], row["Alerts"]) for row in found] == [
        (today - DAY, rule.name, 1),
        (today, rule.name, 2),
    ]


# The preview


def test_the_page_runs_nothing_and_escapes_what_a_record_says() -> None:
    evil = "<script>alert(1)</script>\"'{{ 7 * 7 }}"
    chart = preview_page.chart([(evil, {evil: 1})])
    panels = [
        preview_page.Panel(evil, text=evil),
        preview_page.Panel(evil, number=evil),
        preview_page.Panel(evil, chart=chart),
        preview_page.Panel(evil, header=(evil,), rows=((preview_page.Cell(evil),),)),
    ]
    text = preview_page.page("T", "p", "s", [preview_page.Day(evil, evil, now_of(S2), "a day", [panels])])
    assert "<script" not in text
    assert text.count("&lt;script&gt;") >= 10
    assert "49" not in text.split("</style>")[1]
    assert "default-src 'none'" in text


def test_the_picture_is_in_the_repository_and_the_archive_does_not_point_to_it() -> None:
    pages = ROOT / "docs"
    linked = re.findall(r"\]\((preview/[^)]+)\)", (pages / "install-sentinel.md").read_text("utf-8"))
    assert linked == ["preview/sentinel.png", "preview/sentinel.html"]
    assert all((pages / one).is_file() for one in linked)
    assert (pages / linked[0]).stat().st_size < 150_000
    packed = package.content("sentinel", shipped_pack(), Build({}, ()))
    assert b"workbooks/mail_readers.workbook.json" in packed["README.md"]
    assert b"](" not in packed["README.md"]


@pytest.mark.full
def test_the_preview_is_what_the_workbook_shows() -> None:
    assert sentinel_preview.PAGE.read_text("utf-8") == sentinel_preview.text_of()
