"""The health queries say in both languages what ``hunt`` and ``coverage`` say on the same records."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from conftest import ROOT, read_logs, shipped_pack
from unissued.convert import HEALTH, Query, health_query
from unissued.coverage import Coverage, Retention, coverage
from unissued.coverage.mail import apps_of
from unissued.engines.binder import Binder
from unissued.engines.spl import Reading, parse
from unissued.errors import UnsupportedError
from unissued.evaluate import Given, evaluate, fold
from unissued.health import HealthFinding, health
from unissued.logs import Reading as Logs
from unissued.pack import TARGETS
from unissued.record import Origin, Record, utc_text
from unissued.tables import schemas
from unissued.verify import load_scenarios
from unissued.verify.readers import KqlReader, Reader, SplReader

ONE, TWO = "SigninLogs", "AADNonInteractiveUserSignInLogs"
MAIL = "m365/exchange"
NOW = datetime(2026, 3, 20, 9, 0, tzinfo=UTC)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)
READERS: dict[str, Reader] = {
    "sentinel": KqlReader(shipped_pack().catalogue, "sentinel"),
    "defender": KqlReader(shipped_pack().catalogue, "defender"),
    "splunk, text": SplReader(shipped_pack().catalogue, Reading.TEXT),
    "splunk, numbers": SplReader(shipped_pack().catalogue, Reading.NUMBERS),
}
NOT_IN_DEFENDER = {"mail_explained_share", "feed_signin_gap", "feed_explained_share_dropped"}
ALL = [(name, reader) for name in HEALTH for reader in READERS if reader != "defender" or name not in NOT_IN_DEFENDER]


def in_readers(name: str) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("reader", [reader for one, reader in ALL if one == name])


@cache
def query(name: str, target: str) -> Query:
    return health_query(shipped_pack(), name, target)


def rows(reader: str, name: str, now: datetime = NOW) -> list[dict[str, object]]:
    """Run a query on what is loaded; times become aware, numbers whole."""
    found = READERS[reader].run(query(name, READERS[reader].target), now)
    assert found.notes == ()
    return [{key: plain(value) for key, value in row.items()} for row in found.rows]


def plain(value: object) -> object:
    if isinstance(value, datetime):
        return value.replace(tzinfo=UTC)
    text = str(value)
    if text.endswith(" +0000"):
        return datetime.strptime(text, "%Y-%m-%d %H:%M:%S %z")
    return int(float(text)) if text.replace(".0", "").isdigit() else value


# Whole files


@pytest.mark.parametrize("name", HEALTH)
@pytest.mark.parametrize("target", TARGETS)
def test_query_binds_or_parses_or_is_refused_with_a_reason(name: str, target: str) -> None:
    if target == "defender" and name in NOT_IN_DEFENDER:
        with pytest.raises(UnsupportedError, match=r"no dependable token id|does not keep SigninLogs"):
            query(name, target)
        return
    text = query(name, target).query
    if target == "splunk":
        assert parse(text).pipeline
    else:
        assert Binder(schemas(shipped_pack().catalogue, target)).bind(text).problems == ()


@pytest.mark.parametrize(("name", "reader"), ALL)
def test_query_on_empty_tables_finds_nothing_wrong_but_the_feeds(name: str, reader: str) -> None:
    READERS[reader].load([], Given())
    assert {row["Feed"] for row in rows(reader, name)} == (
        {"SignInLogs", "NonInteractiveUserSignInLogs"}
        if name == "feed_signin_gap" and "splunk" in reader
        else {ONE, TWO}
        if name == "feed_signin_gap"
        else set()
    )


# S5


def s5() -> tuple[list[Record], Given]:
    """Return the scenario, and rows for the half day between the look-back of the queries and its beginning."""
    folder = ROOT / "fixtures" / "_scenarios"
    (scenario,) = [one for one in load_scenarios(shipped_pack(), folder) if one.name == "s5_broken_feed"]
    start = datetime(2026, 3, 1, 6, 10, tzinfo=UTC)
    early = [
        row(table, start + hour * HOUR, f"early{hour}{n}")
        for hour in range(12)
        for table, n in ((ONE, 0), (TWO, 0), (TWO, 1))
    ]
    return [*early, *read_logs(scenario.path).records], scenario.given


def row(table: str, time: datetime, token: str, late: float = 0.1) -> Record:
    fields = {
        "UniqueTokenIdentifier": token,
        "CreatedDateTime": utc_text(time),
        "Id": "",
        "ResultType": "0",
    }
    return Record("azure/signinlogs", fields, time, time + late * HOUR, "", table, Origin("made", 0))


@in_readers("feed_signin_gap")
def test_broken_feed_is_one_row_with_table_hours_and_five_records(reader: str) -> None:
    records, given = s5()
    assert given.now is not None
    READERS[reader].load(records, given, given.now)
    (found,) = rows(reader, "feed_signin_gap", given.now)
    assert table_of(found["Feed"]) == TWO
    assert found["First"] == datetime(2026, 3, 3, 6, tzinfo=UTC)
    assert found["Last"] == datetime(2026, 3, 3, 8, tzinfo=UTC)
    assert [found[name] for name in ("Hours", "Seen", "Expected", "NotEvaluated")] == [3, 0, 6, 5]
    assert found["Rules"] == "mail_token_never_issued"


def table_of(feed: object) -> str:
    tables = shipped_pack().catalogue.sources["azure/signinlogs"].tables
    return next((table.name for table in tables.values() if table.category == feed), str(feed))


@pytest.mark.parametrize(
    ("reader", "old", "new"),
    [
        ("sentinel", "10 * Rows < 8 * Before", "10 * Rows < 9 * Rows"),
        ("sentinel", "T - 32h", "T - 20h"),
        ("sentinel", "Hour + 7d", "Hour + 20d"),
        ("splunk, text", "10*rows<8*before", "10*rows<9*rows"),
        ("splunk, text", "604800", "1728000"),
    ],
)
def test_damaged_query_says_something_else(reader: str, old: str, new: str) -> None:
    records, given = s5()
    assert given.now is not None
    one = query("feed_signin_gap", READERS[reader].target)
    assert old in one.query
    READERS[reader].load(records, given, given.now)
    right = READERS[reader].run(one, given.now).rows
    assert READERS[reader].run(replace(one, query=one.query.replace(old, new)), given.now).rows != right


# Drawn streams


def token(number: int) -> str:
    return f"{number:021d}A"


def read(rng: random.Random, number: int, time: datetime, ids: Sequence[int]) -> Record:
    fields: dict[str, object] = {
        "Id": f"00000000-0000-4000-8000-{number:012d}",
        "Workload": "Exchange",
        "Operation": rng.choice(["MailItemsAccessed"] * 19 + ["Send"]),
        "ResultStatus": rng.choice(["Succeeded"] * 8 + ["PartiallySucceeded", "Failed"]),
        "RecordType": 50,
        "UserType": 0,
        "LogonType": 0,
        "CreationTime": utc_text(time).removesuffix("Z"),
        "UserId": "alice@contoso.example",
        "AppId": rng.choice(["00000003-0000-0000-c000-000000000000"] * 9 + [""]),
        "ClientAppId": rng.choice(["59023ab3-013c-4280-b33a-9378b21b0acf"] * 9 + [""]),
        "ClientInfoString": rng.choice(["Client=REST;x"] * 6 + ["Client=OWA;y", "client=rest;"]),
        "MailboxGuid": f"00000000-0000-4000-8000-00000000000{number % 3}",
        "MailboxOwnerUPN": rng.choice(["Alice@contoso.example", ""]),
        "OperationProperties": [{"Name": "IsThrottled", "Value": rng.choice(["False"] * 30 + ["True"])}],
    }
    context: dict[str, object] = {}
    if rng.random() < 0.3:
        context["AADSessionId"] = "s"
    if ids:
        context["UniqueTokenId"] = rng.choice([*map(token, ids), *(["odd"] if rng.random() < 0.1 else [])])
    if context:
        fields["AppAccessContext"] = context
    return Record(MAIL, fields, time, time + 75 * timedelta(minutes=1), str(fields["Id"]), "", Origin("made", number))


def drawn(seed: int) -> list[Record]:
    """Draw mail of 18 days, silent now and then, with token ids that mostly are explained, and ever-complete feeds."""
    rng = random.Random(seed)  # noqa: S311 - the same in every run
    start = NOW - 18 * DAY
    silence = rng.randrange(11 * 24, 17 * 24)
    length = rng.choice([0, 3, 4, 5, 6, 9])
    last = [1.0, 0.6, 0.9, 0.2][seed % 4]
    bad = [0.5, 0.0, 0.08, 0.04][seed % 4]
    records: list[Record] = []
    for hour in range(18 * 24 - 2):
        moment = start + hour * HOUR
        day = (NOW - 6 * HOUR).replace(hour=0) - DAY
        if not silence <= hour < silence + length:
            for number in range(rng.choice([0, 1, 3, 5]) if rng.random() < 0.2 else 2):
                one = hour * 10 + number
                carries = rng.random() < (last if day <= moment < day + DAY else 0.9)
                time = moment + timedelta(seconds=rng.randrange(3600))
                records.append(read(rng, one, time, [one] if carries else []))
                if rng.random() >= (bad if day <= moment < day + DAY else 0.01):
                    records.append(row(rng.choice([ONE, TWO]), time - HOUR, token(one)))
        records += [row(table, moment + 20 * timedelta(minutes=1), f"{table}{hour}") for table in (ONE, TWO)]
    return sorted((one for one in records if one.time < NOW), key=lambda one: one.time)


SEEDS = range(2)


@cache
def asked(seed: int) -> tuple[list[Record], Coverage, tuple[HealthFinding, ...]]:
    records = drawn(seed)
    pack, given = shipped_pack(), Given(now=NOW, measured=True)
    outcomes = evaluate(pack, records, given, ["mail_token_never_issued"])
    recent = [one for one in records if one.time > NOW - 14 * DAY]
    covered = coverage(pack, Logs(records=recent), {}, Retention(DAY, DAY))
    return records, covered, health(pack, records, given, outcomes)


def load(reader: str, seed: int) -> tuple[Coverage, tuple[HealthFinding, ...]]:
    records, covered, findings = asked(seed)
    READERS[reader].load(records, GIVEN)
    return covered, findings


GIVEN = Given()


@in_readers("mail_token_id_share")
@pytest.mark.parametrize("seed", SEEDS)
def test_shares_of_ids_are_those_of_coverage(seed: int, reader: str) -> None:
    covered, _ = load(reader, seed)
    wanted: dict[str, list[int]] = {}
    for name, kind in covered.kinds.items():
        counts = [kind.reads, kind.app_id, kind.client_app_id, kind.session, kind.token_id]
        wanted[fold(name)] = [a + b for a, b in zip(counts, wanted.get(fold(name), [0] * 5), strict=True)]
    names = ("Reads", "AppId", "ClientAppId", "Session", "TokenId")
    assert {str(one["Kind"]): [one[name] for name in names] for one in rows(reader, "mail_token_id_share")} == wanted


@in_readers("mail_explained_share")
@pytest.mark.parametrize("seed", SEEDS)
def test_explained_shares_are_those_of_coverage(seed: int, reader: str) -> None:
    load(reader, seed)
    back = {MAIL: 14 * DAY, "azure/signinlogs": 16 * DAY}  # a token of the first day was issued before
    records = [one for one in asked(seed)[0] if one.time > NOW - back[one.source]]
    apps = apps_of(shipped_pack(), records)
    found = {
        str(one["Key"]): (one["Reads"], one["TokenIds"], one["Explained"])
        for one in rows(reader, "mail_explained_share")
    }
    assert found == {key: (app.reads, app.token_ids, app.explained) for key, app in apps.items()}


@in_readers("feed_coverage")
@pytest.mark.parametrize("seed", SEEDS)
def test_feeds_are_those_of_coverage(seed: int, reader: str) -> None:
    """A table holds what is delivered, copies included; first, last and hours are the same."""
    covered, _ = load(reader, seed)
    found = {str(one["Feed"]): one for one in rows(reader, "feed_coverage")}
    for feed in covered.feeds:
        if reader == "defender" and feed.source != MAIL:
            continue
        tables = {
            "sentinel": f"{feed.source} {feed.table or 'OfficeActivity'}",
            "defender": f"{feed.source} CloudAppEvents",
        }
        category = {ONE: "SignInLogs", TWO: "NonInteractiveUserSignInLogs"}.get(feed.table, "o365:management:activity")
        one = found[tables.get(reader, f"{feed.source} {category}")]
        hours = [record for record in asked(seed)[0] if record.time > NOW - 14 * DAY]
        seen = {
            record.time.replace(minute=0, second=0)
            for record in hours
            if (record.source, record.table) == (feed.source, feed.table)
        }
        assert (one["First"], one["Last"]) == (feed.first, feed.last)
        assert one["Hours"] == len(seen)
        span = feed.last.replace(minute=0, second=0) - feed.first.replace(minute=0, second=0)
        assert one["Empty"] == span / HOUR + 1 - len(seen)


@in_readers("feed_mail_audit_silent")
@pytest.mark.parametrize("seed", range(4))
def test_silences_are_those_of_hunt(seed: int, reader: str) -> None:
    _, findings = load(reader, seed)
    wanted = [
        (one.first, one.last, one.hours, f"{expected}")
        for one in findings
        if one.check.name == "feed_mail_audit_silent"
        for expected in [one.expected.split()[0]]
    ]
    found = [
        (one["First"], one["Last"], one["Hours"], str(one["Expected"]))
        for one in rows(reader, "feed_mail_audit_silent")
    ]
    assert found == wanted


@in_readers("feed_mailbox_throttled")
@pytest.mark.parametrize("seed", SEEDS)
def test_throttled_mailboxes_are_those_of_hunt(seed: int, reader: str) -> None:
    records, _, _ = asked(seed)
    load(reader, seed)
    wanted: dict[tuple[str, str], list[datetime]] = {}
    for record in records:
        if record.source == MAIL and record.time > NOW - 14 * DAY and '"True"' in str(record.fields).replace("'", '"'):
            owner = str(record.fields["MailboxOwnerUPN"]).lower()
            wanted.setdefault((str(record.fields["MailboxGuid"]), owner), []).append(record.time)
    found = {
        (str(one["Mailbox"]), str(one["Owner"] or "")): (one["Throttled"], one["First"], one["Last"])
        for one in rows(reader, "feed_mailbox_throttled")
    }
    assert found == {key: (len(times), min(times), max(times)) for key, times in wanted.items()}
    assert wanted


# Query, one thing changed in it for each language, and the stream on which that shows.
DAMAGES = [
    ("feed_coverage", "Hours = count() by Feed\n", "Hours = sum(Rows) by Feed\n", "+1-Hours", "-Hours", 0),
    ("mail_token_id_share", "{21}", "{20}", "if(len(App)>0,1,0)", "if(len(App)>=0,1,0)", 0),
    ("mail_explained_share", "countif(isnotnull(Known)) by", "count() by", "id) AND issued=1", "id)", 0),
    ("feed_mail_audit_silent", "Hours >= 5", "Hours > 5", "Hours>=5", "Hours>5", 0),
    ("feed_mailbox_throttled", '== "IsThrottled"', '== "MailAccessType"', '")="IsThrottled"', '")="x"', 0),
    ("feed_token_id_share_dropped", "Reads >= 20", "Reads >= 200", ">20*Reads", ">90*Reads", 1),
    ("feed_explained_share_dropped", "100 * Explained <", "0 * Explained >", "Before>=95", "Before>=100", 0),
]


@pytest.mark.parametrize("reader", ["sentinel", pytest.param("splunk, text", marks=pytest.mark.full)])
@pytest.mark.parametrize(("name", "old_kql", "new_kql", "old_spl", "new_spl", "seed"), DAMAGES)
def test_damaged_measure_says_something_else(
    reader: str, name: str, old_kql: str, new_kql: str, old_spl: str, new_spl: str, seed: int
) -> None:
    old, new = (old_spl, new_spl) if "splunk" in reader else (old_kql, new_kql)
    one = query(name, READERS[reader].target)
    assert old in one.query
    load(reader, seed)
    right = READERS[reader].run(one, NOW).rows
    assert READERS[reader].run(replace(one, query=one.query.replace(old, new)), NOW).rows != right


def test_every_health_query_is_damaged() -> None:
    assert {*(one[0] for one in DAMAGES), "feed_signin_gap"} == set(HEALTH)


@pytest.mark.parametrize(
    ("name", "seen", "before", "subject"),
    [
        ("feed_token_id_share_dropped", ("TokenId", "Reads"), ("TokenIdBefore", "ReadsBefore"), "Kind"),
        ("feed_explained_share_dropped", ("Explained", "TokenIds"), ("ExplainedBefore", "TokenIdsBefore"), "Key"),
    ],
)
@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("seed", range(4))
def test_shares_that_fell_are_those_of_hunt(
    seed: int, reader: str, name: str, seen: tuple[str, str], before: tuple[str, str], subject: str
) -> None:
    if (name, reader) not in ALL:
        return
    _, findings = load(reader, seed)
    day = (NOW - 6 * HOUR).replace(hour=0) - DAY
    wanted = {
        one.subject: (one.seen.split(" ")[0:3:2], one.expected.split(" ")[0:3:2])
        for one in findings
        if one.check.name == name and one.last == day + 23 * HOUR
    }
    found = {
        str(one[subject]): ([str(one[part]) for part in seen], [str(one[part]) for part in before])
        for one in rows(reader, name)
    }
    assert set(found) == set(wanted)
    for one in findings:
        if one.check.name == name and one.first == day:
            assert found[one.subject] == wanted[one.subject]


def test_drawn_streams_have_something_to_find() -> None:
    """Else the comparisons above would compare nothing with nothing."""
    names = {one.check.name for seed in range(4) for one in asked(seed)[2]}
    assert names >= {"feed_mail_audit_silent", "feed_token_id_share_dropped", "feed_explained_share_dropped"}


# Gaps, drawn


def feeds(seed: int) -> list[Record]:
    """Draw two feeds of 13 days with holes and thin hours, a mail read an hour, and a token that nothing explains."""
    rng = random.Random(seed)  # noqa: S311 - the same in every run
    rate = {ONE: rng.choice([1, 2]), TWO: 50 if seed == 0 else 3}
    start = NOW - 13 * DAY
    records = []
    for table in (ONE, TWO):
        hole, length = rng.randrange(9 * 24 + 3, 12 * 24), rng.choice([0, 1, 3, 6, 7, 13])
        for hour in range(13 * 24):
            count = 0 if hole <= hour < hole + length else rate[table]
            count = max(0, count - rng.choice([1, 13])) if rng.random() < 0.04 else count
            records += [
                row(table, start + (hour + (number + 0.5) / 70) * HOUR, f"{table}{hour}.{number}")
                for number in range(count)
            ]
    quiet = random.Random(0)  # noqa: S311 - the same in every run
    for number, hour in enumerate(range(9 * 24, 13 * 24, 7)):
        made = read(quiet, number, start + (hour + 0.5) * HOUR, [number])
        context = {"UniqueTokenId": token(number)}
        fields = {
            **made.fields,
            "Operation": "MailItemsAccessed",
            "ResultStatus": "Succeeded",
            "AppAccessContext": context,
        }
        records.append(replace(made, fields=fields))
    return sorted(records, key=lambda one: one.time)


@in_readers("feed_signin_gap")
@pytest.mark.parametrize("seed", range(3))
def test_gaps_are_those_of_hunt(seed: int, reader: str) -> None:
    records = feeds(seed)
    given = Given(now=NOW, measured=True)
    outcomes = evaluate(shipped_pack(), records, given, ["mail_token_never_issued"])
    # What had arrived when a rule had to judge is not asked for by the query.
    later = {name: replace(one, unjudged=()) for name, one in outcomes.items()}
    wanted = [
        (one.subject, one.first, one.last, one.hours, one.seen.split(" ")[0], one.expected.split(" ")[0])
        for one in health(shipped_pack(), records, given, later)
        if one.check.name == "feed_signin_gap"
    ]
    READERS[reader].load(records, given, NOW)
    found = rows(reader, "feed_signin_gap")
    assert sorted(
        (table_of(one["Feed"]), one["First"], one["Last"], one["Hours"], str(one["Seen"]), str(one["Expected"]))
        for one in found
    ) == sorted(wanted)
    reads = [one.time for one in records if one.source == MAIL and one.ingested <= NOW - 6 * HOUR]
    for one in found:
        first, last = one["First"], one["Last"]
        assert isinstance(first, datetime)
        assert isinstance(last, datetime)
        touched = [
            time
            for time in reads
            if last >= (time - 32 * HOUR).replace(minute=0, second=0) and first <= time + 32 * HOUR
        ]
        assert one["NotEvaluated"] == len(touched)
