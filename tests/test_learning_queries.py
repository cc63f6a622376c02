"""The queries that learn inside a SIEM give the list that ``baseline learn`` gives on the same events."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import cache

import pytest

from conftest import ROOT, read_logs, shipped_pack
from unissued.baseline import Baseline, Lesson, learn
from unissued.convert import LISTS, Query, learning
from unissued.engines.binder import Binder
from unissued.engines.spl import Reading
from unissued.evaluate import Given, evaluate
from unissued.pack import TARGETS, Rule
from unissued.record import Origin, Record, utc_text
from unissued.tables import schemas
from unissued.verify.fixtures import load_cases
from unissued.verify.readers import KqlReader, Reader, SplReader

NOW = datetime(2026, 3, 20, 12, 0, tzinfo=UTC)
APP = "59023ab3-013c-4280-b33a-9378b21b0acf"
GRAPH = "00000003-0000-0000-c000-000000000000"
EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"
BROKER = "29d9ed98-a469-4536-ade2-f981bc1d605e"
"""Never normal by itself, and no rule matches it."""
BOXES = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(1, 6)]
READERS: dict[str, Reader] = {
    "sentinel": KqlReader(shipped_pack().catalogue, "sentinel"),
    "defender": KqlReader(shipped_pack().catalogue, "defender"),
    "splunk, text": SplReader(shipped_pack().catalogue, Reading.TEXT),
    "splunk, numbers": SplReader(shipped_pack().catalogue, Reading.NUMBERS),
}


@cache
def query(name: str, target: str) -> Query:
    return learning(shipped_pack(), name, target)


def mail(number: int, time: datetime, **fields: object) -> Record:
    plain: dict[str, object] = {
        "Id": f"00000000-0000-4000-8000-{number:012d}",
        "Workload": "Exchange",
        "Operation": "MailItemsAccessed",
        "ResultStatus": "Succeeded",
        "CreationTime": utc_text(time).removesuffix("Z"),
        "UserId": "alice@contoso.example",
        "AppId": GRAPH,
        "ClientInfoString": "Client=REST;",
        "MailboxGuid": BOXES[0],
        **fields,
    }
    ingested = time if time == NOW else time + timedelta(hours=1)
    return Record("m365/exchange", plain, time, ingested, str(plain["Id"]), "", Origin("a.jsonl", number))


def stream(seed: int) -> list[Record]:
    """Draw the reads of a month and a bit, some of them odd, and a record of another kind that says what time it is."""
    rng = random.Random(seed)  # noqa: S311 - the same in every run
    kinds = ["REST", "rest", "OWA", "owa", "WebServices", "", "*", "=1+1", "a|b", "\u212aind", "OWA\n", " OWA"]
    records = []
    for number in range(rng.randint(20, 120)):
        seconds = rng.choice([rng.randrange(33 * 86400), 86400, 86401, 86399, 30 * 86400, 30 * 86400 + 1, 8 * 86400])
        records.append(
            mail(
                number + 1,
                NOW - timedelta(seconds=seconds),
                AppId=rng.choice([GRAPH, GRAPH.upper(), "{" + EXCHANGE + "}", EXCHANGE, "", "outlook", None]),
                ClientAppId=rng.choice(["", APP, APP, BROKER, BROKER.upper(), "*", None]),
                ClientInfoString=f"Client={rng.choice(kinds[:5] * 3 + kinds)};{rng.choice(['', 'Mozilla/5.0'])}",
                MailboxGuid=rng.choice([*BOXES, BOXES[0].upper(), "", "*", None]),
                ResultStatus=rng.choice(["Succeeded"] * 8 + ["PartiallySucceeded", "Failed", ""]),
                Operation=rng.choice(["MailItemsAccessed"] * 9 + ["Send"]),
                ClientIPAddress=rng.choice(["192.0.2.7"] * 9 + ["195.26.87.219"]),
            )
        )
    # A few pairs are used every day, so that some become normal whatever was drawn.
    records += [
        mail(1000 + day, NOW - timedelta(days=1 + day), ClientAppId=APP, MailboxGuid=BOXES[day % 3])
        for day in range(rng.randint(6, 12))
    ]
    # Others are used every day in some streams: an odd kind of client, no ids, never normal, two reads at once.
    odd = [*kinds[5:], "x" * 64, "x" * 65, "REST/2.0 a_b-c", "\u0130", "-", "*", "a b"]
    strange: list[dict[str, object]] = [
        {"AppId": "", "ClientInfoString": f"Client={kind};"} for kind in rng.sample(odd, 4)
    ]
    daily: list[dict[str, object]] = [
        *strange,
        {"AppId": "", "ClientInfoString": rng.choice(["", "Client=;"])},
        {"ClientAppId": BROKER},
        {"AppId": BROKER.upper()},
        {"AppId": EXCHANGE, "ClientInfoString": "Client=OWA;"},
        {"AppId": EXCHANGE, "ClientInfoString": ""},
        {"ClientAppId": APP, "MailboxGuid": BOXES[4]},
        {"ClientAppId": APP, "MailboxGuid": BOXES[4]},
    ]
    for kind, fields in enumerate(one for one in daily if rng.random() < 0.7):
        records += [mail(2000 + kind * 100 + day, NOW - timedelta(days=day), **fields) for day in range(2, 12)]
    return [*records, mail(9999, NOW, Operation="Send")]


def of_command_line(records: Sequence[Record], now: datetime = NOW) -> Lesson:
    return learn(shipped_pack(), records, since=now - timedelta(days=30))


def entries(lesson: Lesson, name: str) -> set[str]:
    return {entry.lower() for entry in Baseline(tuple(lesson.rows), "").lists()[name]}


def run(reader: Reader, name: str, records: Sequence[Record], now: datetime = NOW) -> list[Mapping[str, object]]:
    reader.load(records, Given())
    found = reader.run(query(name, reader.target), now)
    return [{key.lower().replace("_", ""): value for key, value in row.items()} for row in found.rows]


def listed(rows: Sequence[Mapping[str, object]]) -> set[str]:
    """Return the entries of a result, having held it against the number of rows that it tells."""
    keys = [str(row["key"]) for row in rows]
    (said,) = [key for key in keys if key.startswith("#")]
    found = {key for key in keys if not key.startswith("#")}
    assert said == f"#rows={len(found)}"
    assert len(keys) == len(found) + 1
    return found


@pytest.mark.parametrize("name", LISTS)
@pytest.mark.parametrize("target", TARGETS[:2])
def test_query_binds(name: str, target: str) -> None:
    bound = Binder(schemas(shipped_pack().catalogue, target)).bind(query(name, target).query)
    assert bound.problems == ()
    assert next(iter(bound.columns)) == "Key"


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", LISTS)
def test_list_is_that_of_the_command_line(reader: str, name: str) -> None:
    sizes = []
    for seed in range(12):
        records = stream(seed)
        expected = entries(of_command_line(records), name)
        assert listed(run(READERS[reader], name, records)) == expected, seed
        sizes.append(len(expected))
    # The streams differ, and there is something to find in most.
    assert len(set(sizes)) > 3
    assert sum(size > 0 for size in sizes) > 6


@pytest.mark.parametrize("reader", READERS)
def test_what_stands_beside_an_entry_is_that_of_the_command_line(reader: str) -> None:
    for seed in range(5):
        records = stream(seed)
        lesson = of_command_line(records)
        rows = {row.mail_app_key.lower(): row for row in lesson.rows if not row.mailbox_guid}
        for found in run(READERS[reader], "baseline_mail_apps", records):
            if str(found["key"]).startswith("#"):
                continue
            row = rows[str(found["key"])]
            counts = tuple(int(str(found[name])) for name in ("daysseen", "mailboxes", "reads"))
            assert counts == (row.days_seen, row.mailboxes, row.records)
            assert str(found["firstseen"])[:19].replace(" ", "T") == row.first_seen[:19]
            assert str(found["lastseen"])[:19].replace(" ", "T") == row.last_seen[:19]


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", LISTS)
def test_nothing_to_learn_is_a_list_that_says_so(reader: str, name: str) -> None:
    """The rules' queries do not believe an empty list; on the command line it is an error."""
    assert listed(run(READERS[reader], name, [mail(1, NOW, Operation="Send")])) == set()


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize(("seconds", "known"), [(8 * 86400, True), (8 * 86400 - 1, False)])
def test_age_is_counted_to_the_second(reader: str, seconds: int, known: bool) -> None:
    times = [NOW - timedelta(seconds=seconds), NOW - timedelta(days=3), NOW - timedelta(days=2)]
    records = [*(mail(number, time) for number, time in enumerate(times)), mail(9, NOW, Operation="Send")]
    expected = {f"{GRAPH}|-|rest"} if known else set()
    assert entries(of_command_line(records), "baseline_mail_apps") == expected
    assert listed(run(READERS[reader], "baseline_mail_apps", records)) == expected


CORRUPTIONS = [
    ("sentinel", "array_length(Days) >= 3", "array_length(Days) > 3"),
    ("sentinel", "FirstSeen <= learned_to - 7d", "FirstSeen <= learned_to - 6d"),
    ("sentinel", "T <= learned_to", "T <= now()"),
    ("sentinel", "TimeGenerated >= learned_from", "TimeGenerated >= learned_from - 1d"),
    ("sentinel", "[A-Za-z0-9 ./_-]{0,63}|-)$", "[^|]*|-)$"),
    ("sentinel", "Key endswith '|owa'", "Key endswith '|rest'"),
    ("defender", "distinct T, Id, Key, Box", "distinct T, Key, Box"),
    ("defender", "Key = tolower(MailAppKey)", "Key = MailAppKey"),
    ("defender", "^(?:[^|]*\\|)?", "^"),
    ("splunk", "days>=3", "days>=4"),
    ("splunk", "first<=learned_to-604800", "first<learned_to-604800"),
    ("splunk", "now()-86400", "now()"),
    ("splunk", "now()-2592000", "now()-2678400"),
    ("splunk", "dedup row", "dedup Key"),
    ("splunk", "Key=lower(MailAppKey)", "Key=MailAppKey"),
    ("splunk", '%|owa"', '%|rest"'),
]


OFTEN = {"array_length(Days) >= 3", "distinct T, Id, Key, Box", "days>=3"}
"""One of each target; the others have their turn in the long form."""


@pytest.mark.parametrize(
    ("target", "old", "new"),
    [pytest.param(*one, marks=() if one[1] in OFTEN else pytest.mark.full) for one in CORRUPTIONS],
)
def test_corruption_is_noticed(target: str, old: str, new: str) -> None:
    """What the tests above ask would go red: a list, or what stands beside an entry, is another one."""
    reader = next(one for one in READERS.values() if one.target == target)
    sound = query("baseline_mail_apps", target)
    assert old in sound.query
    broken = replace(sound, query=sound.query.replace(old, new))
    exact = [mail(number, NOW - timedelta(days=8 - number)) for number in range(3)]
    young = [mail(number, NOW - timedelta(days=7.5 - number)) for number in range(3)]
    now = mail(9, NOW, Operation="Send")
    streams = [[*exact, now], [*young, now], *map(stream, range(12))]
    for records in streams:
        reader.load(records, Given())
        if reader.run(broken, NOW).rows != reader.run(sound, NOW).rows:
            return
    pytest.fail("nobody notices")


# What rules match


def embedded(target: str) -> list[str]:
    said = "records that these rules match teach nothing: "
    (line,) = [line for line in query(LISTS[0], target).text.splitlines() if said in line]
    return line.split(said)[1].removesuffix(" ```").split(", ")


def left(target: str) -> list[str]:
    lines = query(LISTS[0], target).text.splitlines()
    return [line.split("what ")[1].split(" ")[0] for line in lines if "matches teaches here" in line]


def asks_for_mail_reads(rule: Rule) -> bool:
    """Tell whether a detection names mail reads as the operation; another field may well speak of them."""
    detection = rule.definition.get("detection")
    selections = detection.values() if isinstance(detection, Mapping) else ()
    return any(
        "MailItemsAccessed" in str(value)
        for selection in selections
        if isinstance(selection, Mapping)
        for name, value in selection.items()
        if name.split("|")[0] == "Operation"
    )


@pytest.mark.parametrize("target", TARGETS)
def test_every_rule_that_can_match_mail_is_embedded_or_named(target: str) -> None:
    pack = shipped_pack()
    alerting = {rule.name for rule in pack.rules.values() if rule.level}
    reads_mail = {name for name in alerting if any(map(asks_for_mail_reads, pack.below(pack.rule(name))))}
    assert len(reads_mail) > 10
    learned = {
        name
        for name in reads_mail
        if not pack.rule(name).is_correlation
        and any(pack.catalogue.lists[one].learned for one in pack.rule(name).lists)
    }
    assert reads_mail - learned <= {*embedded(target), *left(target)} <= alerting
    assert not set(embedded(target)) & set(left(target))
    # It speaks of mail reads, but matches changes of what a mailbox audits.
    assert "audit_mail_items_accessed_removed" not in {*embedded(target), *left(target)}


@pytest.mark.parametrize("reader", READERS)
def test_what_an_embedded_rule_matches_teaches_nothing(reader: str) -> None:
    pack, target = shipped_pack(), READERS[reader].target
    tried = set()
    for rule in embedded(target):
        cases = [
            case for case in load_cases(pack, ROOT / "fixtures") if case.rule == rule and case.path.stem[:3] == "hit"
        ]
        hits = [one for case in cases for one in read_logs(case.path).records if one.source == "m365/exchange"]
        for hit in [one for one in hits if one.fields.get("Operation") == "MailItemsAccessed"][:2]:
            start = hit.time.replace(hour=12, minute=0, second=0, microsecond=0)
            end = start + timedelta(days=11)
            copies = [_moved(hit, number, start + timedelta(days=number)) for number in range(9)]
            usual = [mail(number + 100, start + timedelta(days=number)) for number in range(9)]
            if len(evaluate(pack, copies, Given(), [rule])[rule].matches) < len(copies):
                continue  # a rule on a time: moved, its record is another one
            last = replace(mail(999, end, Operation="Send"), ingested=end)
            records = [*copies, *usual, last]
            expected = entries(of_command_line(records, end), "baseline_mail_apps")
            assert f"{GRAPH}|-|rest" in expected
            assert listed(run(READERS[reader], "baseline_mail_apps", records, end)) == expected
            tried.add(rule)
    assert len(tried) >= 3


def _moved(record: Record, number: int, time: datetime) -> Record:
    new = f"00000000-0000-4000-9000-{number:012d}"
    fields = {**record.fields, "Id": new, "CreationTime": utc_text(time).removesuffix("Z")}
    return replace(record, fields=fields, id=new, time=time, ingested=time + timedelta(hours=1))


@pytest.mark.parametrize("reader", READERS)
def test_what_a_correlation_matches_teaches_in_the_query_and_the_head_says_so(reader: str) -> None:
    """The documented difference: the command line knows that these reads were a burst over ten mailboxes."""
    boxes = [f"00000000-0000-4000-8000-0000000001{number:02d}" for number in range(10)]
    burst = [
        mail(
            day * 100 + number,
            NOW - timedelta(days=day, minutes=number),
            ClientAppId="030367bd-2ff4-4082-abe9-da68fa31ba57",
            MailboxGuid=box,
        )
        for day in range(2, 12)
        for number, box in enumerate(boxes)
    ]
    usual = [mail(5000 + day, NOW - timedelta(days=day)) for day in range(2, 12)]
    records = [*burst, *usual, mail(9999, NOW, Operation="Send")]
    known, odd = f"{GRAPH}|-|rest", f"{GRAPH}|030367bd-2ff4-4082-abe9-da68fa31ba57|rest"
    assert entries(of_command_line(records), "baseline_mail_apps") == {known}
    assert listed(run(READERS[reader], "baseline_mail_apps", records)) == {known, odd}
    assert "mail_app_reads_many_mailboxes" in left(READERS[reader].target)
