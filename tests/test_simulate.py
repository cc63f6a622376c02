"""The replay as a whole: fresh cases share a tenant, and exactly what must fire comes out, whoever looks."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

import pytest

from conftest import ROOT, read_logs, shipped_pack
from servers import Reply, Request, serving
from unissued.convert import column
from unissued.engines.kusto import INGESTED, Kusto
from unissued.engines.spl import Splunk, SplunkEvent, parse
from unissued.evaluate import Match, evaluate
from unissued.hunt import hunt
from unissued.logs import read, source_map
from unissued.record import Record
from unissued.simulate import sentinel
from unissued.simulate.batch import Batch, Fired, Setting, failure, units_of
from unissued.simulate.folder import files
from unissued.simulate.listing import Listing
from unissued.simulate.plan import Plan, choose, plan
from unissued.simulate.send import Server, send_events
from unissued.simulate.shapes import Shape, hec_events, list_file
from unissued.simulate.splunk import as_command
from unissued.simulate.splunk import run as run_searches
from unissued.simulate.unit import Unit
from unissued.verify import Case, load_cases, load_scenarios
from unissued.verify.answer import TIME, expected, row_of

END = datetime(2026, 11, 25, 10, 30, 17, tzinfo=UTC)
AT = "2026-11-25T10:30:00Z"
SHAPES = [
    Shape.SPLUNK_HEC,  # planning everything takes a while: the other targets have their turn in the long form
    pytest.param(Shape.JSONL, marks=pytest.mark.full),
    pytest.param(Shape.SENTINEL_INGEST, marks=pytest.mark.full),
]


@cache
def planned(shape: Shape) -> Plan:
    """All fixtures and scenarios, planned for a target."""
    pack = shipped_pack()
    setting = Setting(pack, shape.target, END)
    cases = load_cases(pack, ROOT / "fixtures")
    scenarios = load_scenarios(pack, ROOT / "fixtures" / "_scenarios")
    return plan(setting, choose(setting, cases, scenarios), read_logs)


def planned_few(*rules: str, end: datetime = END) -> Plan:
    """The fixtures of some rules, planned for Splunk anew."""
    pack = shipped_pack()
    setting = Setting(pack, "splunk", end)
    return plan(setting, choose(setting, load_cases(pack, ROOT / "fixtures"), [], rules), read_logs)


every_shape = pytest.mark.parametrize("shape", SHAPES)


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


# What can be replayed


ON_ABSENCE = {
    "graph_mail_token_never_issued",
    "mail_app_token_never_issued",
    "mail_session_never_began",
    "mail_token_never_issued",
    "owa_token_minted_unexplained",
}
PENDING = {f"{rule}/unjudged_pending": "one moment" for rule in sorted(ON_ABSENCE)}
LEFT_OUT = {
    Shape.SPLUNK_HEC: {
        **{
            f"{rule}/hit_fp_signin_arrives_after_judgement": "when each record arrived"
            for rule in sorted(ON_ABSENCE - {"mail_token_never_issued", "mail_app_token_never_issued"})
        },
        "mail_app_token_never_issued/hit_fp_very_late_signin": "when each record arrived",
        "mail_token_never_issued/hit_fp_signin_a_minute_after_judgement": "when each record arrived",
        "mail_token_never_issued/hit_fp_very_late_signin": "when each record arrived",
        "mail_token_never_issued/unjudged_feed_filled_later": "when each record arrived",
        # Their first reads lie days back, with a token or in a session that no sign-in names: the rules on absence
        # would match them as well, but their queries do not look at what arrives so late.
        "federation_trust_changed_then_mail_read/hit_reads_are_one_chain": "more than two days late",
        "mail_token_across_users/hit_two_bursts_apart.2": "more than two days late",
        **PENDING,
    },
    Shape.JSONL: PENDING,
}


@pytest.mark.parametrize("shape", SHAPES[:2])
def test_only_what_a_replay_cannot_show_is_left_out_and_says_why(shape: Shape) -> None:
    left = {one.name: one.reason for one in planned(shape).left_out}
    assert left.keys() == LEFT_OUT[shape].keys()
    assert all(word in left[name] for name, word in LEFT_OUT[shape].items())


@pytest.mark.full
def test_in_sentinel_what_needs_the_unified_log_of_the_directory_is_left_out_too() -> None:
    more = {one.name: one.reason for one in planned(Shape.SENTINEL_INGEST).left_out if "log source" in one.reason}
    more |= {one.name: one.reason for one in planned(Shape.SENTINEL_INGEST).left_out if "m365/audit" in one.reason}
    assert "s3_midnight_blizzard" in more
    left = {one.name for one in planned(Shape.SENTINEL_INGEST).left_out}
    assert left == more.keys() | LEFT_OUT[Shape.SPLUNK_HEC].keys()


@every_shape
def test_every_case_is_in_one_batch_or_left_out(shape: Shape) -> None:
    found = planned(shape)
    names = Counter(unit.name for batch in found.batches for unit in batch.units)
    names.update(left.name for left in found.left_out)
    rules = {rule.name for rule in found.batches[0].setting.rules}
    pack = shipped_pack()
    cases = [case.name for case in load_cases(pack, ROOT / "fixtures") if case.rule in rules]
    scenarios = [one.name for one in load_scenarios(pack, ROOT / "fixtures" / "_scenarios")]
    assert names == Counter([*cases, *scenarios])


OTHER_LISTS = {
    "mail_app_new_to_tenant/hit_owa_gains_a_client_id": "other cases' baselines know the application already",
    "mail_app_not_approved/hit_app_id_only": "other cases approve of the application",
    "mail_token_id_missing/miss_not_in_the_list": "other cases list the application",
    "s1_storm0558_2023": "nobody has a permit list there; with another's, its EWS reads lack the permit",
    "s2e_token_absent": "no mailbox has a baseline there; with another's, its applications are new to the mailboxes",
    "s6_session_reused": "as s2e_token_absent",
    "s8_slow_below_thresholds": "as s2e_token_absent",
}
OTHER_FEEDS = {"s5_broken_feed"}
GIVES_A_SECRET = {"app_new_secret_then_mail_read/miss_outlook_on_the_web"}
"""It gives the mail server itself a secret, and every other case reads through the mail server."""


@every_shape
def test_nearly_everything_goes_into_the_first_batch(shape: Shape) -> None:
    """Cases of their own are those that need other feeds or lists, and one that gives the mail server a secret."""
    first, *others = planned(shape).batches
    apart = [unit for batch in others for unit in batch.units]
    named = {unit.name for unit in apart if not unit.name.split("/")[-1].startswith("unjudged_")}
    assert named == {*OTHER_LISTS, *OTHER_FEEDS, *GIVES_A_SECRET}
    assert len(first.units) > 20 * len(apart)


@every_shape
def test_the_lists_alone_keep_these_cases_out_of_the_first_batch(shape: Shape) -> None:
    """Without the records of any other case each does what it must with its own lists, and does not with theirs."""
    first, *others = planned(shape).batches
    setting = first.setting

    def wrong(unit: Unit, lists: Mapping[str, frozenset[str]]) -> str:
        outcomes = setting.judge(setting.arriving(unit.records), lists, measured=False)
        fired = [Fired(name, match, unit.name) for name in outcomes for match in outcomes[name].matches]
        return failure(setting, unit, fired, outcomes)

    for unit in (unit for batch in others for unit in batch.units if unit.name in OTHER_LISTS):
        assert not wrong(unit, unit.lists), unit.name
        assert wrong(unit, Batch(setting, [*first.units, unit]).lists), unit.name


# The proof: in one tenant, each case does what it does alone


def alone(unit: Unit, rule: str, target: str) -> int:
    """How often the rule matches on the fixture as it lies on disk, with its own times, ids, lists and feeds."""
    pack = shipped_pack()
    records = [
        record
        for record in read_logs(unit.source.path).records
        if target not in pack.catalogue.sources[record.source].not_in
    ]
    if isinstance(unit.source, Case) and not pack.rule(rule).is_correlation:
        return sum(len(evaluate(pack, [record], unit.source.given, [rule])[rule].matches) for record in records)
    return len(evaluate(pack, records, unit.source.given, [rule])[rule].matches)


@every_shape
def test_each_case_fires_its_rules_as_often_as_its_fixture_does(shape: Shape) -> None:
    for batch in planned(shape).batches:
        fired = Counter((one.rule, one.unit) for one in batch.fired)
        for unit in batch.units:
            for rule in {*unit.asks, *unit.silent(batch.setting.rules)}:
                assert fired[rule, unit.name] == alone(unit, rule, shape.target), f"{unit.name}: {rule}"


@every_shape
def test_no_match_stands_on_records_of_two_cases(shape: Shape) -> None:
    for batch in planned(shape).batches:
        assert {one.unit for one in batch.fired} <= {unit.name for unit in batch.units}
        assert all(units_of(one.match) == {one.unit} for one in batch.fired)


def said(match: Match) -> tuple[str, str, str]:
    ids = sorted(event.record.id for event in match.events())
    return match.time.isoformat(), str(sorted(match.group.items())), str(ids)


@pytest.mark.full
@pytest.mark.parametrize("shape", Shape)
def test_no_case_changes_what_any_rule_says_about_another(shape: Shape) -> None:
    """All rules, not only a case's own: with the same lists each case alone gives the matches that it gives here."""
    batch = planned(shape).batches[0]
    together: dict[str, set[tuple[str, ...]]] = {unit.name: set() for unit in batch.units}
    for one in batch.fired:
        together[one.unit].add((one.rule, *said(one.match)))
    for unit in batch.units:
        if unit.own_times:
            continue  # years before the feeds that fill this batch, so alone its feeds would count as complete
        outcomes = batch.setting.judge(batch.setting.arriving(unit.records), batch.lists, measured=False)
        apart = {(name, *said(match)) for name in outcomes for match in outcomes[name].matches}
        shown = {rule.name for rule in batch.setting.rules}
        assert together[unit.name] == {one for one in apart if one[0] in shown}, unit.name


def test_without_ids_of_their_own_cases_would_disturb_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the renaming is for: this test falls when it is not needed any more."""
    assert len(planned_few("mail_app_reads_many_mailboxes").batches) == 1
    monkeypatch.setattr("unissued.simulate.unit.Names.text", lambda _, text: text)
    assert len(planned_few("mail_app_reads_many_mailboxes").batches) > 5


# Fresh times and ids


def units(shape: Shape) -> list[Unit]:
    return [unit for batch in planned(shape).batches for unit in batch.units]


@every_shape
def test_each_case_ends_just_before_the_end_or_keeps_its_own_times(shape: Shape) -> None:
    for unit in units(shape):
        last = max(record.time for record in unit.records)
        step = timedelta(hours=6) if unit.source.given.measured else timedelta(minutes=1)
        assert (timedelta() < END - last <= step) is not bool(unit.own_times), unit.name


def test_only_cases_about_dates_keep_their_times() -> None:
    kept = {unit.name for unit in units(Shape.SPLUNK_HEC) if unit.own_times}
    assert {name.split("/")[0] for name in kept} == {"mail_read_from_storm0558_address_in_2023", "s1_storm0558_2023"}
    assert "s1_storm0558_2023" in kept


def test_no_time_of_a_moved_case_stays_behind() -> None:
    """Every time in a record belongs to its clock: what it says of itself lies as far from the event as before."""
    batch = planned(Shape.SPLUNK_HEC).batches[0]
    moved_units = [unit for unit in batch.units if not unit.own_times]
    for unit in moved_units:
        before = {record.origin.line: record for record in read_logs(unit.source.path).records}
        for record in unit.records:
            by = record.time - before[record.origin.line].time
            assert record.ingested - before[record.origin.line].ingested == by
            assert list(times(record.fields)) == [time + by for time in times(before[record.origin.line].fields)]


def times(value: object) -> Iterator[datetime]:
    text = json.dumps(value).replace("\\", "")
    for found in re.findall(r'"(20\d\d-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d)?)(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?"', text):
        yield datetime.fromisoformat(found)


def test_nothing_but_times_ids_and_domains_changes() -> None:
    def masked(record: Record) -> str:
        text = re.sub(
            r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}|[0-9a-fA-F]{32}", "ID", json.dumps(record.fields)
        )
        text = re.sub(r"(?i)-[0-9a-f]{12}(?=\.example)", "", text)
        text = re.sub(r"[A-Za-z0-9_+/-]{21}[AQgw](?![A-Za-z0-9])", "TOKEN", text)
        return re.sub(r"20\d\d-\d\d-\d\d([T ])\d\d:\d\d", r"DAY\1CLOCK", text)

    for batch in planned(Shape.SPLUNK_HEC).batches:
        for unit in batch.units:
            before = {record.origin.line: record for record in read_logs(unit.source.path).records}
            for record in unit.records:
                assert masked(record) == masked(before[record.origin.line])


def test_two_runs_have_no_record_in_common() -> None:
    def ids(end: datetime) -> set[str]:
        units = planned_few("app_new_secret_then_mail_read", end=end).batches[0].units
        return {record_id for unit in units for record_id in unit.ids}

    assert not ids(END) & ids(END + timedelta(minutes=1))


def test_the_same_end_gives_the_same_bytes() -> None:
    one, other = (
        dict(files(Listing(planned_few("app_new_secret_then_mail_read"), 1, Shape.SPLUNK_HEC))) for _ in range(2)
    )
    assert one == other


# The list of what must fire


@every_shape
def test_the_list_says_every_match_and_when_to_look(shape: Shape) -> None:
    for number, batch in enumerate(planned(shape).batches, start=1):
        found = json.loads(Listing(planned(shape), number, shape).as_json())
        assert (found["schema"], found["summary"]["batch"]) == (1, number)
        assert Counter((one["rule"], one["case"], one["time"]) for one in found["results"]) == Counter(
            (one.rule, one.unit, one.match.time.strftime("%Y-%m-%dT%H:%M:%SZ")) for one in batch.fired
        )
        assert found["summary"]["must_fire"] == len(found["results"])
        for one in found["results"]:
            late = one["rule"] in ON_ABSENCE and shape is not Shape.JSONL
            assert one["look_from"] == ("2026-11-25T16:30:17Z" if late else "2026-11-25T10:30:17Z")
            assert one["records"] or one["case"].endswith("/gap_no_record_id"), one
        fired = {(one["rule"], record) for one in found["results"] for record in one["records"]}
        assert not fired & {(one["rule"], record) for one in found["silent"] for record in one["records"]}


def test_the_text_names_every_case_that_must_fire_or_stay_silent() -> None:
    listing = Listing(planned(Shape.SPLUNK_HEC), 1, Shape.SPLUNK_HEC)
    text = listing.as_text()
    for unit in listing.batch.units:
        assert re.search(rf"^  {re.escape(unit.name)}(:|$)", text, re.MULTILINE), unit.name
    assert "LOOK six to seven hours after sending (sent at 2026-11-25T10:30:17Z: from 2026-11-25T16:30:17Z" in text
    for left in planned(Shape.SPLUNK_HEC).left_out:
        assert f"{left.name}: {left.reason}" in text


def test_what_a_run_does_not_look_back_to_is_said() -> None:
    results: list[dict[str, object]] = []
    for number in range(1, len(planned(Shape.SPLUNK_HEC).batches) + 1):
        results += json.loads(Listing(planned(Shape.SPLUNK_HEC), number, Shape.SPLUNK_HEC).as_json())["results"]
    old = {one["case"] for one in results if one["over_all_time"]}
    assert "mail_read_from_storm0558_address/hit_every_month" in old  # months apart, so only the last one is fresh
    assert "s1_storm0558_2023" in old
    assert "s2_storm0558_today" in {one["case"] for one in results} - old


# Whoever looks finds the same


@pytest.mark.full
@pytest.mark.parametrize("place", [0, -1])
def test_hunt_reads_the_lines_back_and_finds_what_must_fire(place: int, tmp_path: Path) -> None:
    pack = shipped_pack()
    number = range(1, len(planned(Shape.JSONL).batches) + 1)[place]
    listing = Listing(planned(Shape.JSONL), number, Shape.JSONL)
    for name, text in files(listing):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text, encoding="utf-8")
    reading = read([tmp_path / "events.jsonl"], source_map(pack.catalogue))
    assert not reading.refusals
    assert reading.count.skipped == 0
    result = hunt(pack, reading, {name: frozenset(entries) for name, entries in listing.batch.lists.items()})
    found = {(name, *said(match)) for name, outcome in result.outcomes.items() for match in outcome.matches}
    assert found == {(one.rule, *said(one.match)) for one in listing.batch.fired}
    assert found


def test_hunt_reads_the_collector_s_events_too(tmp_path: Path) -> None:
    batch = planned(Shape.SPLUNK_HEC).batches[0]
    path = tmp_path / "events.jsonl"
    path.write_text("".join(f"{line}\n" for line in hec_events(batch)), encoding="utf-8")
    reading = read([path], source_map(shipped_pack().catalogue))
    assert not reading.refusals
    assert {record.id for record in reading.records} >= {record.id for record in batch.cases}


def kusto(batch: Batch) -> Kusto:
    """A workspace that has the custom tables of a replay and nothing else, filled at the end."""
    twins = {table: {"TimeGenerated": "datetime", **columns} for table, columns in sentinel.twins(batch).items()}
    engine = Kusto(twins)
    tables: dict[str, list[Mapping[str, object]]] = {}
    for table, rows in sentinel.rows(batch).items():
        empty = dict.fromkeys(twins[table])
        tables[table] = [
            {**empty, **{name: value_of(twins[table][name], cell) for name, cell in row.items()}, **now_columns()}
            for row in rows
        ]
    engine.load(tables)
    catalogue = batch.setting.pack.catalogue
    engine.watchlists(
        {
            f"unissued_{name}": [
                {"SearchKey": line}
                for line in list_file(catalogue, name, batch.lists.get(name, ()), Shape.SENTINEL_INGEST).splitlines()[
                    1:
                ]
            ]
            for name in catalogue.lists
        }
    )
    return engine


def value_of(kind: str, cell: object) -> object:
    return datetime.fromisoformat(str(cell)) if kind == "datetime" else cell


def now_columns() -> dict[str, object]:
    return {"TimeGenerated": END, INGESTED: END}


@pytest.mark.full
@pytest.mark.parametrize("place", [0, 1, 2, -2, -1])
def test_the_queries_find_through_the_custom_tables_what_must_fire(place: int) -> None:
    """Executed by an engine that is not Microsoft's: rows, lists and the names before each query fit together."""
    batch = planned(Shape.SENTINEL_INGEST).batches[place]
    engine = kusto(batch)
    for rule in batch.setting.rules:
        query = batch.setting.queries[rule.name]
        later = timedelta(hours=6, minutes=30) if rule.is_absence else timedelta(minutes=30)
        names, rows = engine.run(sentinel.aliased(query, batch), END + later)
        columns = tuple(TIME if name == "TimeGenerated" else name for name in names)
        columns = tuple(name for name in columns if name not in ("Unissued", "ReportId", "Records"))
        if rule.is_absence:
            columns = (TIME, *(column(key) for key in rule.correlation().group_by or ()))
        found = {
            row_of({name: row.get("TimeGenerated" if name == TIME else name) for name in columns})
            for row in rows
            if not row.get("Unissued")
        }
        assert found == expected(rule, batch.outcomes[rule.name], columns).rows, rule.name


class FakeSplunk:
    """Takes events as the collector does, and runs searches on them with the model of Splunk's manuals."""

    def __init__(self, batch: Batch) -> None:
        self.batch = batch
        self.events: list[SplunkEvent] = []
        self.bad: list[str] = []

    def __call__(self, request: Request) -> Reply:
        if request.path == "/services/collector/event":
            self.events += map(_as_splunk_keeps_it, request.body.split("\n"))
            return 200, '{"text":"Success","code":0}'
        sent = request.form["search"]
        rule = next(name for name, query in self.batch.setting.queries.items() if as_command(query) == sent)
        late = timedelta(hours=6) if self.batch.setting.pack.rule(rule).is_absence else timedelta()
        now, search = END + late + timedelta(minutes=30), sent.removeprefix("search ")
        rows = Splunk(self.events, self._lookups(), now=now.timestamp()).run(parse(search))
        return 200, json.dumps({"results": [dict(_as_splunk_shows_it(row)) for row in rows]})

    def _lookups(self) -> dict[str, list[dict[str, str]]]:
        catalogue, lists = self.batch.setting.pack.catalogue, self.batch.lists
        return {
            f"unissued_{name}": [
                {"key": line}
                for line in list_file(catalogue, name, lists.get(name, ()), Shape.SPLUNK_HEC).splitlines()[1:]
            ]
            for name in catalogue.lists
        }


def _as_splunk_keeps_it(line: str) -> SplunkEvent:
    sent = json.loads(line)
    body = sent["event"]
    flat = {key: value for key, value in body.items() if isinstance(value, str | int | float | bool)}
    fields = {key: value if isinstance(value, str) else json.dumps(value) for key, value in flat.items()}
    fields |= {"index": "main", **{key: sent[key] for key in ("sourcetype", "host", "source")}}
    return SplunkEvent(json.dumps(body, ensure_ascii=False), sent["time"], END.timestamp(), fields)


def _as_splunk_shows_it(row: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    for name, value in row.items():
        if value is not None:
            yield name, datetime.fromtimestamp(float(str(value)), UTC).isoformat() if name == "_time" else value


def test_what_is_sent_to_splunk_is_found_by_the_searches_that_are_run_there() -> None:
    """Modelled, not run on Splunk: events, lookups, commands and the comparison fit together."""
    batch = planned(Shape.SPLUNK_HEC).batches[0]
    fake_splunk = FakeSplunk(batch)
    with serving(fake_splunk) as fake:
        outcome = send_events(Server(fake.url, "Splunk", "secret"), list(hec_events(batch)))
        assert (outcome.accepted, outcome.refused) == (len(batch.sent), 0)
        found = list(run_searches(Server(fake.url, "Bearer", "secret"), batch))
    assert {one.rule for one in found} == {rule.name for rule in batch.setting.rules}
    for one in found:
        assert one.agrees, (one.rule, one.missing[:2], one.unexpected[:2], one.problem)
        assert one.agreeing == len(expected_rows(batch, one.rule))
    assert sum(one.agreeing for one in found) == len(batch.fired)


def expected_rows(batch: Batch, rule: str) -> list[object]:
    return [one for one in batch.fired if one.rule == rule]


# The command line


def simulate(*args: str | Path, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "unissued", "simulate", *map(str, args)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
        env={**os.environ, "no_proxy": "*", **environment},
    )


FEW = ("--rule", "owa_token_minted", "--end", AT)


def test_the_list_goes_to_stdout_and_nothing_is_written_or_sent() -> None:
    done = simulate("--to", "splunk-hec", *FEW)
    assert done.returncode == 0
    assert done.stdout.startswith("Synthetic records: for a test tenant or a test index only.\n")
    assert "owa_token_minted/hit_minted" in done.stdout
    assert "nothing was written or sent" in done.stderr


def test_the_list_for_scripts_is_one_object() -> None:
    found = json.loads(simulate("--to", "sentinel-ingest", *FEW, "--format", "json").stdout)
    assert (found["schema"], found["summary"]["end"], found["summary"]["batch"]) == (1, AT, 1)


def test_two_calls_with_the_same_end_write_the_same_bytes(tmp_path: Path) -> None:
    for name in ("one", "other"):
        assert simulate("--to", "splunk-hec", *FEW, "-o", tmp_path / name).returncode == 0
    one, other = (sorted((tmp_path / name).rglob("*.*")) for name in ("one", "other"))
    assert [path.read_bytes() for path in one] == [path.read_bytes() for path in other]
    assert len(one) > 5


def test_without_an_end_the_last_event_is_new(tmp_path: Path) -> None:
    before = datetime.now(UTC)
    simulate("--to", "jsonl", "--rule", "owa_token_minted", "-o", tmp_path / "events.jsonl")
    reading = read([tmp_path / "events.jsonl"], source_map(shipped_pack().catalogue))
    last = max(record.time for record in reading.records if record.source == "m365/exchange")
    assert timedelta(minutes=-1) < last - before < timedelta(minutes=3)


def test_a_folder_that_holds_something_is_not_mixed_with(tmp_path: Path) -> None:
    (tmp_path / "old.json").touch()
    done = simulate("--to", "jsonl", *FEW, "-o", tmp_path)
    assert (done.returncode, list(tmp_path.iterdir())) == (2, [tmp_path / "old.json"])
    assert "not an empty folder" in done.stderr


def test_events_are_sent_with_the_token_of_the_environment() -> None:
    with serving(lambda _: (200, '{"text":"Success","code":0}')) as fake:
        done = simulate("--to", "splunk-hec", *FEW, "--url", fake.url, "--token-env", "HEC", HEC="s3cret")
    assert done.returncode == 0, done.stderr
    sent = [line for request in fake.requests for line in request.body.split("\n")]
    assert re.search(rf"sent {len(sent)}: {len(sent)} accepted, 0 refused", done.stderr)
    assert {request.headers["Authorization"] for request in fake.requests} == {"Splunk s3cret"}
    assert "s3cret" not in done.stdout + done.stderr


def test_refused_events_are_status_1_and_shown_without_power_over_the_terminal(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("s3cret\n", encoding="utf-8")

    def judge(request: Request) -> Reply:
        bad = any('"source":"unissued-simulate/owa_token_minted/hit_minted"' in one for one in request.body.split("\n"))
        return (400, '{"text":"no \\u001b[31mgood","code":6}') if bad else (200, '{"text":"Success","code":0}')

    with serving(judge) as fake:
        done = simulate("--to", "splunk-hec", *FEW, "--url", fake.url, "--token-file", token)
    assert done.returncode == 1
    assert re.search(r"sent \d+: \d+ accepted, [1-9]\d* refused", done.stderr)
    assert "\x1b" not in done.stderr
    assert "no \\x1b[31mgood" in done.stderr


def test_rows_are_sent_with_a_bearer_token() -> None:
    with serving(lambda _: (204, "")) as fake:
        url = f"{fake.url}/dataCollectionRules/dcr-0"
        done = simulate("--to", "sentinel-ingest", *FEW, "--url", url, "--token-env", "BEARER", BEARER="s3cret")
    assert done.returncode == 0, done.stderr
    assert {request.path.split("?")[0] for request in fake.requests} >= {
        "/dataCollectionRules/dcr-0/streams/Custom-OfficeActivity_CL",
        "/dataCollectionRules/dcr-0/streams/Custom-SigninLogs_CL",
    }
    assert {request.headers["Authorization"] for request in fake.requests} == {"Bearer s3cret"}


@pytest.mark.parametrize(
    ("args", "says"),
    [
        ((), "--to is missing"),
        (("--to", "splunk-hec", "--url", "https://splunk.example"), "--url needs a token"),
        (("--to", "splunk-hec", "--token-env", "PATH"), "a token needs --url"),
        (("--to", "jsonl", "--url", "https://splunk.example", "--token-env", "PATH"), "leave --url out"),
        (("--to", "jsonl", "--index", "main"), "--index is for"),
        (("--to", "sentinel-ingest", "--check-spl"), "leave --to out"),
        (("--check-spl",), "--url needs a token"),
        (("--check-spl", "--run", "--url", "https://splunk.example", "--token-env", "PATH"), "--end"),
        (("--to", "splunk-hec", "--run", "--end", AT), "--run needs --check-spl"),
        (("--to", "splunk-hec", "--url", "http://splunk.example", "--token-env", "HEC"), "in the clear"),
        (("--to", "splunk-hec", "--rule", "mail_read_by_app"), "base rule.*app_new_secret_then_mail_read"),
        (("--to", "splunk-hec", "--rule", "owa_token_mintd"), "did you mean 'owa_token_minted'"),
        (("--to", "splunk-hec", "--scenario", "s9"), "no such scenario"),
        (("--to", "splunk-hec", *FEW, "--batch", "7"), "there are 1 batches"),
        (("--to", "sentinel-ingest", *FEW, "-o", "rows.jsonl"), "one file a table"),
        (("--to", "splunk-hec", "--end", "yesterday"), "is no time"),
    ],
)
def test_what_does_not_go_together_is_refused_with_status_2(args: tuple[str, ...], says: str) -> None:
    done = simulate(*args, HEC="s3cret")
    assert done.returncode == 2
    assert re.search(says, done.stderr), done.stderr
    assert "Traceback" not in done.stderr


def test_a_token_given_in_place_of_its_variable_s_name_is_not_repeated() -> None:
    done = simulate("--to", "splunk-hec", *FEW, "--url", "https://splunk.example", "--token-env", "s3cret-token")
    assert done.returncode == 2
    assert "s3cret" not in done.stdout + done.stderr


def test_searches_that_do_not_parse_are_status_1() -> None:
    def parser(request: Request) -> Reply:
        good = "275" in request.form["q"]
        return (200, "{}") if good else (400, '{"messages":[{"type":"FATAL","text":"unbalanced\\u001b"}]}')

    args = ("--check-spl", "--token-env", "REST")
    with serving(parser) as fake:
        good = simulate(*args, "--rule", "owa_token_minted", "--url", fake.url, REST="s3cret")
        bad = simulate(*args, "--url", fake.url, REST="s3cret")
    assert (good.returncode, good.stdout) == (0, "owa_token_minted: parses\n1 searches, 0 do not parse\n")
    assert bad.returncode == 1
    assert "mail_app_new_to_tenant: does not parse: unbalanced\\x1b" in bad.stdout


@pytest.mark.parametrize("spoil", [False, True])
def test_searches_are_run_and_compared_from_the_command_line(spoil: bool) -> None:
    (batch,) = planned_few("owa_token_minted").batches
    fake_splunk = FakeSplunk(batch)
    fake_splunk.events = [_as_splunk_keeps_it(line) for line in hec_events(batch)]
    if spoil:
        fake_splunk.events = [event for event in fake_splunk.events if '"RecordType": 275' not in event.raw]

    def answer(request: Request) -> Reply:
        return (200, "{}") if request.path.endswith("/parser") else fake_splunk(request)

    with serving(answer) as fake:
        args = ("--check-spl", "--run", *FEW[:2], "--end", "2026-11-25T10:30:17Z")
        done = simulate(*args, "--url", fake.url, "--token-env", "REST", REST="s3cret")
    assert done.returncode == int(spoil), done.stderr
    assert f"owa_token_minted: {'differs' if spoil else 'agrees'}" in done.stdout
    assert ("missing: " in done.stdout) is spoil
    assert "LOOK within an hour after sending" in done.stderr
