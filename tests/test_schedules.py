"""Scheduled runs find what the evaluator finds: late records, late starts, repeated deliveries and all.

The executed part runs the converted queries at every run of their schedules. The model does the same for many more
groups of records, and is held against the queries run by run. ``pytest -m full`` runs both in full.
"""

from __future__ import annotations

import math
import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

import groups
import schedules
import tables
from conftest import shipped_pack
from executed import Executed, Report, described, design_of, execute, fold
from schedules import MOST, OURS, PAGE, SINGLES, THRESHOLDS, own_schedules
from simulation import (
    DELAYS,
    HOUR,
    MINUTE,
    OTHER,
    SIGN_IN,
    Kind,
    Seen,
    chains,
    firings,
    folded,
    silenced,
    with_stragglers,
)
from traffic import START, Traffic, feeds
from unissued.convert import Query, convert
from unissued.convert.correlation import correlation_of
from unissued.engines.spl import Reading
from unissued.errors import UnsupportedError
from unissued.evaluate import Given, evaluate
from unissued.record import Record
from unissued.verify.answer import TIME, Row, row_of
from unissued.verify.readers import KqlReader, Reader, SplReader

SINGLE, MANY = "mail_owa_identity_scripted_client", "mail_app_reads_many_mailboxes"
ORDER, NEVER = "app_new_secret_then_mail_read", "mail_token_never_issued"
SUM, PAIR = "mail_read_in_bulk", "mail_token_issued_to_another"
# For how many hours, how much, and which share of it twice: enough of it, and few runs.
SHORT = {SINGLE: (6, 300, 0.15), MANY: (8, 40, 0.15), ORDER: (4, 60, 0.1), NEVER: (2, 50, 0.05)}
TARGETS = ("sentinel", "defender", "splunk")
CASES = [(rule, target) for rule in SHORT for target in TARGETS if (rule, target) != (NEVER, "defender")]
MANY_STRAGGLERS = with_stragglers(0.03)


@cache
def reader_of(target: str, reading: Reading = Reading.TEXT) -> Reader:
    catalogue = shipped_pack().catalogue
    return SplReader(catalogue, reading) if target == "splunk" else KqlReader(catalogue, target)


@cache
def query_of(rule: str, target: str) -> Query:
    return convert(shipped_pack(), shipped_pack().rule(rule), target)


@cache
def traffic_of(rule: str) -> Traffic:
    hours, amount, again = SHORT[rule]
    return schedules.traffic(rule, hours, amount, MANY_STRAGGLERS, again)


@cache
def executed(rule: str, target: str) -> Executed:
    return execute(reader_of(target), shipped_pack(), query_of(rule, target), traffic_of(rule), chance(rule))


def chance(seed: object) -> random.Random:
    return random.Random(str(seed))  # noqa: S311 - the same at every run


# Executed: what all runs report is what the evaluator finds on everything


@pytest.mark.parametrize(("rule", "target"), CASES)
def test_runs_report_each_match_of_the_evaluator_once(rule: str, target: str) -> None:
    """A sample as small as this one must not miss anything at all: one of it would be more than 0.1 %."""
    one = executed(rule, target)
    assert len(one.chains) >= 25
    assert not one.missed
    assert not one.inexact, "no run said when it began"
    assert not one.beside, "\n".join(map(described, one.beside))
    assert not one.again, "the schedule does not fold every repeat"
    assert target == "defender" or len(one.reports) > len(one.alerts), "hourly runs overlap, so some is repeated"


@pytest.mark.full
@pytest.mark.parametrize("delay", list(DELAYS))
@pytest.mark.parametrize("target", [*TARGETS, "splunk, numbers"])
@pytest.mark.parametrize("rule", list(SHORT))
def test_all_runs_of_some_days_report_each_match_of_the_evaluator(rule: str, target: str, delay: str) -> None:
    if (rule, target) == (NEVER, "defender"):
        pytest.skip("Defender cannot say it")
    name, _, reading = target.partition(", ")
    reader = reader_of(name, Reading.NUMBERS if reading else Reading.TEXT)
    made = schedules.traffic(rule, 72, 4 * SHORT[rule][1], DELAYS[delay])
    one = execute(reader, shipped_pack(), query_of(rule, name), made, chance(delay), every_run=True)
    assert len(one.chains) >= 100
    assert 100 * len(one.missed) <= MOST * len(one.chains)
    assert not one.beside, "\n".join(map(described, one.beside))
    assert one.again <= len(one.chains) / 100, "only long chains, of which a part was there first, are told twice"


# The same queries on other schedules miss what the table says: the judge above can turn red


def missed_with(query: Query) -> float:
    """The share that a query misses."""
    made = schedules.traffic(query.rule, 3, 20, MANY_STRAGGLERS)
    one = execute(reader_of(query.target), shipped_pack(), query, made, chance(query.rule))
    return len(one.missed) / len(one.chains)


@pytest.mark.parametrize("target", ["sentinel", "splunk"])
def test_a_look_back_as_long_as_the_interval_misses_everything_that_takes_an_hour(target: str) -> None:
    query = query_of(MANY, target)
    short = replace(query.schedule, look_back=query.schedule.every)
    assert missed_with(replace(query, schedule=short)) > 0.9


def test_counting_what_has_just_arrived_misses_bursts() -> None:
    query = query_of(MANY, "sentinel")
    ingested = "| extend Ingested = ingestion_time()"
    assert query.query.count(ingested) == 1
    filtered = query.query.replace(ingested, f"{ingested}\n| where Ingested > ago(arrived)")
    assert missed_with(replace(query, query=filtered)) > 0.2


# The model and the queries


def groups_of(rule: str, target: str) -> dict[Row, list[Seen]]:
    """The matches below a correlation in the model's terms, by key; a record is as old as its first copy."""
    pack = shipped_pack()
    correlation = correlation_of(pack, pack.rule(rule))
    records = [one for one in traffic_of(rule).firsts if target not in pack.catalogue.sources[one.source].not_in]
    outcomes = evaluate(pack, records, Given(), correlation.rules)
    numbers: dict[str, int] = {}
    found: dict[Row, list[Seen]] = {}
    for number, name in enumerate(correlation.rules):
        own = correlation.own_names(name)
        for match in outcomes[name].matches:
            assert match.event is not None
            key = row_of({shown: match.event.values(own[shown])[0] for shown in correlation.keys})
            value = number
            if "V" in own:
                value = numbers.setdefault(str(match.event.values(own["V"])[0]), len(numbers))
            record = match.event.record
            found.setdefault(key, []).append(Seen(seconds(record.time), seconds(record.ingested), value))
    return found


def seconds(moment: datetime) -> int:
    return int(moment.timestamp())


@pytest.mark.parametrize(("rule", "target"), [case for case in CASES if case[0] in (MANY, ORDER)])
def test_model_reports_what_the_query_reports_in_the_same_run(rule: str, target: str) -> None:
    one, query = executed(rule, target), query_of(rule, target)
    kind, design = schedules.kind_of(shipped_pack(), rule), design_of(query.schedule)
    modelled: dict[tuple[Row, int], int] = {}
    for key, records in groups_of(rule, target).items():
        for run in map(seconds, one.runs):
            for time in design.report(kind, records, run):
                modelled.setdefault((key, time), run)
    first: dict[tuple[Row, int], int] = {}
    for report in one.reports:
        first.setdefault((report.keys, seconds(report.time)), seconds(report.run))
    assert first == modelled


@pytest.mark.parametrize("seed", range(20))
def test_a_chain_of_the_model_is_one_of_brute_force(seed: int) -> None:
    rng = chance(seed)
    kind = Kind("value_count", 10, 3)
    records = [Seen(rng.randrange(60), 0, rng.randrange(5)) for _ in range(rng.randrange(40))]
    holds = [
        len({one.value for one in records if second - 10 <= one.time <= second}) >= 3
        and any(one.time == second for one in records)
        for second in range(60)
    ]
    moments = [second for second in range(60) if holds[second]]
    begins = [second for second in moments if not any(holds[max(0, second - 10) : second])]
    assert firings(kind, records) == moments
    assert [first for first, _ in chains(moments, 10)] == begins


def as_records(rule: str, group: Sequence[Seen], rng: random.Random) -> list[Record]:
    """Write a group of the model as reads of one application, or as reads with one token and its sign-in."""
    made = Traffic(rng, lambda _: 0, again=0)
    token, app, begin = made.token(), made.guid(), seconds(START)
    for one in group:
        user = "bob@contoso.example" if rule == PAIR and one.value & OTHER else "alice@contoso.example"
        if rule == PAIR and one.value & SIGN_IN:
            fields = {"UniqueTokenIdentifier": token, "UserPrincipalName": user}
            made.add("azure/signinlogs", one.time - begin, fields, "SigninLogs")
        else:
            mail = made.mail(one.time - begin, app if rule == SUM else "", made.guid(), token=token)
            count = {"OperationCount": one.value} if rule == SUM else {}
            made.firsts[-1] = replace(mail, fields={**mail.fields, "UserId": user, **count})
    return made.firsts


@pytest.mark.parametrize("rule", [SUM, PAIR])
def test_model_of_sums_and_of_judges_is_the_evaluator(rule: str) -> None:
    """The groups that are drawn, and such as lack a record, begin to fire when the evaluator says."""
    pack, rng = shipped_pack(), chance(rule)
    kind = schedules.kind_of(pack, rule)
    found = []
    for number in range(80):
        group = groups.of_kind(kind)(rng, HOUR, DELAYS["no delay"])[number % 2 :]
        outcome = evaluate(pack, as_records(rule, group, rng), Given(), [rule])[rule]
        expected = [first for first, _ in chains(firings(kind, group), kind.window)]
        assert [seconds(match.time) for match in outcome.matches] == expected
        found.append(len(expected))
    assert 0 in found
    assert found.count(0) < 70


# Single cases


def rows_at(query: Query, made: Traffic, runs: Sequence[timedelta]) -> list[list[datetime]]:
    """What each run reports: the times of its rows."""
    reader = reader_of(query.target)
    records = made.everything
    if query.schedule.arrived is None:
        records += feeds(START + max(runs))
    given, found = Given(), []
    for run in (START + run for run in runs):
        inside = [one for one in records if one.time >= run - query.schedule.look_back]
        reader.load(inside, given)
        times = [row[TIME] for row in reader.run(query, run).rows]
        found.append(sorted(time.replace(tzinfo=UTC) for time in times if isinstance(time, datetime)))
    return found


def bursting(arrivals: Sequence[int], again: Mapping[int, int] | None = None) -> Traffic:
    """One application that reads a mailbox a minute from 01:00 on; they arrive after so many minutes."""
    made = Traffic(chance("burst"), lambda _: 0, again=0)
    app = made.guid()
    for number, late in enumerate(arrivals):
        record = made.mail(HOUR + number * MINUTE, app, made.guid(), late=late * MINUTE)
        if again and number in again:
            made.copies.append(replace(record, ingested=record.time + timedelta(minutes=again[number])))
    return made


TENTH = START + timedelta(hours=1, minutes=9)


def hours(*numbers: float) -> list[timedelta]:
    return [timedelta(hours=number) for number in numbers]


@pytest.mark.parametrize("target", ["sentinel", "splunk"])
def test_the_run_after_the_record_that_was_lacking_reports_the_burst(target: str) -> None:
    late = bursting([75] * 4 + [20 * 60] + [75] * 5)  # it arrives at 21:04
    assert rows_at(query_of(MANY, target), late, hours(3, 20, 21, 22, 23)) == [[], [], [], [TENTH], []]


@pytest.mark.parametrize("target", ["sentinel", "splunk"])
def test_what_arrives_between_two_runs_is_new_in_the_second_however_late_it_starts(target: str) -> None:
    just = bursting([75] * 9 + [111])  # the tenth arrives at 03:00
    query = query_of(MANY, target)
    second = timedelta(seconds=1)
    assert rows_at(query, just, [timedelta(hours=3) - second, timedelta(hours=4, minutes=5) - second]) == [[], [TENTH]]
    assert rows_at(query, just, [timedelta(hours=3), timedelta(hours=4, minutes=4)]) == [[TENTH], [TENTH]]
    assert rows_at(query, just, [timedelta(hours=4, minutes=5)]) == [[]]


@pytest.mark.parametrize("target", TARGETS)
def test_second_copies_that_come_later_are_no_news(target: str) -> None:
    twice = bursting([75] * 10, again=dict.fromkeys(range(10), 40 * 60))
    runs = hours(12, 24, 36, 48) if target == "defender" else hours(2, 3, 4, 40, 41, 42, 43)
    found = rows_at(query_of(MANY, target), twice, runs)
    assert [row for rows in found for row in rows] == [TENTH]


@pytest.mark.parametrize("target", ["sentinel", "splunk"])
def test_an_earlier_beginning_is_reported_and_folded(target: str) -> None:
    """Eleven records, of which the second comes a day late: the tenth firing was there, the ninth minute is new."""
    made = bursting([75, 23 * 60] + [75] * 9)
    eleventh = TENTH + timedelta(minutes=1)
    found = rows_at(query_of(MANY, target), made, hours(3, 24, 25))
    assert found == [[eleventh], [], [TENTH]]
    reports = [Report(START + run, rows[0], ()) for run, rows in zip(hours(3, 25), (found[0], found[2]), strict=True)]
    assert len(fold(reports, timedelta(hours=1))) == 1


@pytest.mark.parametrize("target", ["sentinel", "splunk"])
def test_a_chain_that_the_look_back_cuts_does_not_begin_again(target: str) -> None:
    made = bursting([75] * 30)
    app = str(made.firsts[0].fields["ClientAppId"])
    for number in range(45):  # a burst every hour, so one chain of two days
        for minute in range(10):
            made.mail((2 + number) * HOUR + minute * MINUTE, app, made.guid())
    found = rows_at(query_of(MANY, target), made, hours(3, 27, 30, 31.5, 40, 47))
    assert found == [[TENTH], [], [], [], [], []]


@pytest.mark.parametrize("target", ["sentinel", "splunk"])
def test_an_absence_is_judged_however_late_runs_start(target: str) -> None:
    """The read is six hours old one second after a run on time; the next one starts five minutes late."""
    made = Traffic(chance("token"), lambda _: 75 * MINUTE, again=0)
    read = made.mail(HOUR, "", made.guid(), token=made.token())
    on_time = read.ingested + timedelta(hours=6, seconds=-1) - START
    late = on_time + timedelta(hours=1, minutes=5)
    assert rows_at(query_of(NEVER, target), made, [on_time, late]) == [[], [read.time]]


@pytest.mark.parametrize("target", ["sentinel", "splunk"])
def test_an_absence_that_two_runs_judge_is_one_alert(target: str) -> None:
    made = Traffic(chance("token"), lambda _: 75 * MINUTE, again=0)
    read = made.mail(HOUR, "", made.guid(), token=made.token())
    first = read.ingested + timedelta(hours=6) - START
    runs = [first, first + timedelta(hours=1, minutes=4), first + timedelta(hours=1, minutes=6)]
    found = rows_at(query_of(NEVER, target), made, runs)
    assert found == [[read.time], [read.time], []]
    reports = [Report(START + run, time, ()) for run, times in zip(runs, found, strict=True) for time in times]
    assert len(fold(reports, timedelta(hours=32))) == 1


# Modelled: many more


AMOUNT = 1_000


@pytest.mark.parametrize("delay", list(DELAYS))
def test_no_schedule_of_ours_misses_more_than_a_thousandth(delay: str) -> None:
    own = own_schedules(shipped_pack())
    assert {name for one in own for name in one.rules} == {
        rule.name for rule in shipped_pack().rules.values() if rule.level
    }
    for one in own:
        if one.kind.name == "absence":
            assert schedules.never_judged(OURS, delay, AMOUNT).percent <= MOST
            continue
        total = schedules.tally(groups.of_kind(one.kind), design_of(one.schedule), one.kind, delay, AMOUNT)
        assert total.share.percent <= MOST, one
        assert not total.beside, one
        # Only of a chain that is longer than the look-back a part can be told again.
        long = design_of(one.schedule).look_back < 2 * one.kind.window
        assert total.chains <= total.alerts <= total.chains + (total.chains // 100 if long else 0), one


def test_every_target_that_can_say_a_rule_has_a_schedule_in_the_table() -> None:
    own = own_schedules(shipped_pack())
    for rule in shipped_pack().rules.values():
        for target in TARGETS if rule.level else ():
            try:
                schedule = convert(shipped_pack(), rule, target).schedule
            except UnsupportedError:
                continue
            assert any(rule.name in one.rules and target in one.targets and schedule == one.schedule for one in own)


# What the measurements say that the design of the schedules rests on, in percent.
SAID: Sequence[tuple[str, str, float, float]] = [
    ("a", "no delay", 10, 46), ("a", "2 min", 12, 48), ("a", "median 20 min, p95 90 min", 74, 95),
    ("a", "60–90 min", 100, 100), ("b", "no delay", 0, 0), ("b", "2 min", 0, 0),
    ("b", "median 20 min, p95 90 min", 5, 13), ("b", "60–90 min", 43, 75), ("c", "no delay", 0, 0),
    ("c", "2 min", 0, 0), ("c", "median 20 min, p95 90 min", 0, 0), ("c", "60–90 min", 0, 0),
    ("c", "60–90 min, 1 % 4–24 h", 0, 0.1), ("d", "no delay", 10, 46), ("d", "2 min", 8, 45),
    ("d", "median 20 min, p95 90 min", 57, 78), ("d", "60–90 min", 27, 49), ("e", "no delay", 0, 0),
    ("e", "2 min", 0, 0), ("e", "median 20 min, p95 90 min", 0, 0), ("e", "60–90 min", 0, 0),
]  # fmt: skip
SAID_OF_SINGLES: Sequence[tuple[str, str, float]] = [
    ("1 h / 1 h", "2 min", 3.4), ("1 h / 1 h", "median 20 min, p95 90 min", 42.4), ("1 h / 1 h", "60–90 min", 100),
    ("1 h / 2 h", "2 min", 0), ("1 h / 2 h", "median 20 min, p95 90 min", 5.7), ("1 h / 2 h", "60–90 min", 25.2),
    ("1 h / 2 h", "60–90 min, 1 % 4–24 h", 25.8), ("1 h / 4 h", "median 20 min, p95 90 min", 0.5),
    ("1 h / 4 h", "60–90 min", 0), ("1 h / 4 h", "60–90 min, 1 % 4–24 h", 1.0), ("5 min / 5 min", "2 min", 40.2),
    ("5 min / 5 min", "median 20 min, p95 90 min", 98.1), ("5 min / 1 h", "2 min", 0),
    ("5 min / 1 h", "median 20 min, p95 90 min", 12.4), ("5 min / 1 h", "60–90 min", 100),
]  # fmt: skip


def agree(measured: float, said: float, of: int) -> bool:
    """Tell whether a share in percent lies within four standard errors of another, and half a percent of rounding."""
    error = 100 * math.sqrt(said / 100 * (1 - said / 100) / of)
    return abs(measured - said) <= 4 * error + 0.5


@pytest.mark.parametrize(("design", "delay", "least", "most"), SAID)
def test_simpler_designs_of_thresholds_miss_bursts(design: str, delay: str, least: float, most: float) -> None:
    ((_, known),) = [item for item in THRESHOLDS.items() if item[0].startswith(f"{design}.")]
    for minutes, said in ((10, least), (50, most)):
        total = schedules.tally(groups.burst_of(12, minutes), known, Kind("event_count", HOUR, 10), delay, AMOUNT)
        assert agree(total.share.percent, said, AMOUNT), f"{minutes} minutes: {total.share.percent} %"


@pytest.mark.parametrize(("design", "delay", "said"), SAID_OF_SINGLES)
def test_simpler_designs_miss_single_records(design: str, delay: str, said: float) -> None:
    ((_, known),) = [item for item in SINGLES.items() if item[0].startswith(design)]
    total = schedules.tally(groups.single, known, Kind("single"), delay, 2 * AMOUNT)
    assert agree(total.share.percent, said, 2 * AMOUNT)


def test_silence_by_the_clock_loses_the_second_of_two_bursts() -> None:
    (daily,) = [one for one in own_schedules(shipped_pack()) if MANY in one.rules and one.targets == ("defender",)]
    design = design_of(daily.schedule)
    by_clock, by_event = (
        schedules.tally(groups.two_bursts, design, daily.kind, "60–90 min", AMOUNT, fold).share.percent
        for fold in (silenced, folded)
    )
    assert by_clock > 20
    assert by_event == 0


# The page


def test_page_says_what_the_model_says() -> None:
    """With fewer groups, so within the error of sampling; the full test writes the page again."""
    text = PAGE.read_text(encoding="utf-8")
    small = 400
    for table in schedules.modelled(shipped_pack(), small):
        rows = tables.rows_of(text, table.title)
        assert len(rows) == len(table.rows), table.title
        for said, row in zip(rows, table.rows, strict=True):
            for cell, now in zip(said, row, strict=True):
                if isinstance(now, tables.Share | tables.Range):
                    of = now.of if isinstance(now, tables.Share) else now.shares[0].of
                    pairs = zip(ends(str(now)), ends(cell), strict=True)
                    assert all(agree(one, other, of) for one, other in pairs), f"{table.title}: {said}"
                elif "→" not in str(now):
                    assert cell == str(now), table.title


def ends(cell: str) -> tuple[float, float]:
    """The least and the most of a cell."""
    found = list(tables.numbers(cell))
    return found[0], found[-1]


def test_page_shows_that_nothing_is_missed() -> None:
    text = PAGE.read_text(encoding="utf-8")
    assert all(float(cell) <= MOST for row in tables.rows_of(text, "Our schedules") for cell in row[7:])
    rows = tables.rows_of(text, "Executed")
    assert {row[0] for row in rows} == {f"`{rule}`" for rule in SHORT}
    assert all(row[6:8] == ["0", "0"] for row in rows)


@pytest.mark.full
def test_page_is_fresh() -> None:
    assert schedules.written(shipped_pack()) == PAGE.read_text(encoding="utf-8")
