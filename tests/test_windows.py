"""Windows slide in all three readers: the same groups at the same first firing, wherever the full hour falls.

The queries are the converted ones, executed. ``pytest -m full`` draws more streams.
"""

from __future__ import annotations

import math
import random
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from functools import cache
from itertools import count

import pytest

import tables
import windows
from conftest import shipped_pack
from simulation import HOUR, MINUTE
from traffic import START
from unissued.convert import Query, convert
from unissued.engines.spl import Reading
from unissued.evaluate import Given, evaluate
from unissued.pack import Document, Pack, pack_of
from unissued.record import Origin, Record, utc_text
from unissued.verify.answer import TIME, text_of
from unissued.verify.readers import KqlReader, Reader, SplReader

READERS: Mapping[str, Reader] = {
    "sentinel": KqlReader(shipped_pack().catalogue, "sentinel"),
    "defender": KqlReader(shipped_pack().catalogue, "defender"),
    "splunk, text": SplReader(shipped_pack().catalogue, Reading.TEXT),
    "splunk, numbers": SplReader(shipped_pack().catalogue, Reading.NUMBERS),
}
COUNTS = ("event_count", "value_count", "value_sum")
SEQUENCES = ("temporal", "temporal_ordered")
FIELDS = {"value_count": {"field": "MailboxGuid"}, "value_sum": {"field": "OperationCount"}}
OPERATIONS = ("MailItemsAccessed", "AttachmentAccess", "Send")
NUMBERS = count(1)
Found = set[tuple[str, str]]
"""Application and time."""


@pytest.fixture(params=READERS)
def reader(request: pytest.FixtureRequest) -> Reader:
    return READERS[request.param]


@cache
def pack_for(kind: str, threshold: int = 10, rules: int = 2) -> Pack:
    """A correlation of a kind over an hour, by application, and the rules below it."""
    head = {"version": "1.0.0", "status": "test", "description": "Windows.", "level": "low"}
    names = [f"operation_{number}" for number in range(rules if kind in SEQUENCES else 1)]
    bases = [
        {
            **head,
            "title": name,
            "name": name,
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, name)),
            "logsource": {"product": "m365", "service": "exchange"},
            "detection": {"selection": {"Operation": OPERATIONS[number]}, "condition": "selection"},
        }
        for number, name in enumerate(names)
    ]
    body: dict[str, object] = {"type": kind, "rules": names, "group-by": ["ClientAppId"], "timespan": "1h"}
    if kind in COUNTS:
        body["condition"] = {"gte": threshold, **FIELDS.get(kind, {})}
    correlation = {**head, "title": kind, "name": "under_test", "id": str(uuid.UUID(int=9, version=4))}
    documents: list[Mapping[str, object]] = [*bases, {**correlation, "correlation": body}]
    return pack_of(Document("test", one, {}) for one in documents)


def query_for(pack: Pack, target: str) -> Query:
    return convert(pack, pack.rule("under_test"), target)


def app(name: object) -> str:
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"https://contoso.example/{name}"))


def record(group: str, second: int, operation: int = 0, mailbox: str = "", amount: int = 1) -> Record:
    time = START + timedelta(seconds=second)
    identity = app(next(NUMBERS))
    fields = {
        "Id": identity,
        "Workload": "Exchange",
        "Operation": OPERATIONS[operation],
        "CreationTime": utc_text(time).removesuffix("Z"),
        "ClientAppId": group,
        "MailboxGuid": mailbox or identity,
        "OperationCount": amount,
    }
    return Record("m365/exchange", fields, time, time, identity, "", Origin("test", 0))


def of_evaluator(pack: Pack, records: Sequence[Record]) -> Found:
    matches = evaluate(pack, records, Given(), ["under_test"])["under_test"].matches
    return {(str(match.group["ClientAppId"]), utc_text(match.time)) for match in matches}


def of_query(reader: Reader, query: Query, records: Sequence[Record]) -> Found:
    """What one run over everything returns; every record is delivered twice, in any order."""
    now = max(one.time for one in records) + timedelta(hours=2)
    just = [replace(one, ingested=now - timedelta(minutes=10)) for one in (*records, *records)]
    reader.load(shuffled(just), Given())
    rows = reader.run(query, now).rows
    found = {(str(row["ClientAppId"]), text_of(row[TIME])) for row in rows}
    assert len(found) == len(rows), "a chain is one row"
    return found


def shuffled(records: Iterable[Record]) -> list[Record]:
    mixed = list(records)
    random.Random(len(mixed)).shuffle(mixed)  # noqa: S311 - the same at every run
    return mixed


# Bursts at the edges


def clock(text: str) -> int:
    hour, minute, second = map(int, text.split(":"))
    return hour * HOUR + minute * MINUTE + second


def each(start: str, amount: int, step: int = MINUTE) -> list[int]:
    return [clock(start) + number * step for number in range(amount)]


# When records come, and when chains begin where ten in an hour are too many.
BURSTS: Mapping[str, tuple[list[int], list[str]]] = {
    "split by a full hour": (each("09:55:00", 10), ["10:04:00"]),
    "nine before and nine after a full hour": (each("09:51:00", 18), ["10:00:00"]),
    "nine, and nine more than an hour later": (each("09:00:00", 9) + each("10:08:01", 9), []),
    "from edge to edge": ([clock("09:30:00"), *each("09:50:00", 8), clock("10:30:00")], ["10:30:00"]),
    "a second too long": ([clock("09:30:00"), *each("09:50:00", 8), clock("10:30:01")], []),
    "all at once": (each("10:00:00", 10, 0), ["10:00:00"]),
    "nine": (each("09:55:00", 9), []),
    "one chain": (each("09:00:00", 25, 3 * MINUTE), ["09:27:00"]),
    "an hour between firings": (each("09:00:00", 10, 0) + each("10:00:00", 10, 0), ["09:00:00"]),
    "more than an hour between firings": (
        each("09:00:00", 10, 0) + each("10:00:01", 10, 0),
        ["09:00:00", "10:00:01"],
    ),
    "across midnight": (each("23:55:00", 10), ["1 00:04:00"]),
}


def begins(text: str) -> str:
    days, _, time = text.rpartition(" ")
    return utc_text(START + timedelta(days=int(days or 0), seconds=clock(time)))


def bursts(kind: str) -> tuple[list[Record], Found]:
    records = [record(app(name), second) for name, (seconds, _) in BURSTS.items() for second in seconds]
    found = {(app(name), begins(time)) for name, (_, times) in BURSTS.items() for time in times}
    if kind == "value_count":
        few = [record(app("few"), second, mailbox=app(second % 9)) for second in each("09:00:00", 60)]
        records += few  # sixty reads of nine mailboxes
        again = [record(app("again"), second, mailbox=app(second)) for second in each("09:00:00", 9)]
        again += [record(app("again"), clock("10:00:00"), mailbox=app(clock("09:00:00")))]  # the first once more
        records += [*again, record(app("again"), clock("10:00:30"))]  # and a tenth
        found.add((app("again"), begins("10:00:30")))
    if kind == "value_sum":
        records += [record(app("sum"), clock("09:00:00"), amount=4), record(app("sum"), clock("10:00:00"), amount=6)]
        records += [record(app("less"), clock("09:00:00"), amount=4), record(app("less"), clock("10:00:01"), amount=9)]
        records += [
            record(app("minus"), clock("09:00:00"), amount=12),
            record(app("minus"), clock("09:00:00"), amount=-3),
        ]
        found.add((app("sum"), begins("10:00:00")))
    return records, found


@pytest.mark.parametrize("kind", COUNTS)
def test_bursts_are_found_wherever_the_full_hour_falls(reader: Reader, kind: str) -> None:
    records, expected = bursts(kind)
    pack = pack_for(kind)
    assert of_evaluator(pack, shuffled(records)) == expected
    assert of_query(reader, query_for(pack, reader.target), records) == expected


# Times of the first and the second rule, and when chains begin: in any order, and in this order.
PAIRS: Mapping[str, tuple[str, str, list[str], list[str]]] = {
    "split by a full hour": ("09:59:59", "10:00:01", ["10:00:01"], ["10:00:01"]),
    "from edge to edge": ("09:30:00", "10:30:00", ["10:30:00"], ["10:30:00"]),
    "a second too long": ("09:30:00", "10:30:01", [], []),
    "at once": ("10:00:00", "10:00:00", ["10:00:00"], ["10:00:00"]),
    "backwards": ("10:00:01", "09:59:59", ["10:00:01"], []),
    "around": ("09:50:00 10:10:00", "10:00:00", ["10:00:00"], ["10:00:00"]),
    "one alone": ("10:00:00 10:30:00", "", [], []),
    "one chain": ("09:00:00 10:00:00", "09:30:00 10:30:00 11:00:00", ["09:30:00"], ["09:30:00"]),
    "an hour between firings": ("09:00:00 10:00:00", "09:00:00 10:00:00", ["09:00:00"], ["09:00:00"]),
    "two chains": ("09:00:00 11:00:00", "09:00:00 11:30:00", ["09:00:00", "11:30:00"], ["09:00:00", "11:30:00"]),
}


@pytest.mark.parametrize("kind", SEQUENCES)
def test_sequences_are_found_wherever_the_full_hour_falls(reader: Reader, kind: str) -> None:
    records, expected = [], set()
    for name, (*sides, any_order, this_order) in PAIRS.items():
        for operation, times in enumerate(sides):
            records += [record(app(name), clock(time), operation) for time in str(times).split()]
        expected |= {(app(name), begins(time)) for time in (any_order if kind == "temporal" else this_order)}
    pack = pack_for(kind)
    assert of_evaluator(pack, shuffled(records)) == expected
    assert of_query(reader, query_for(pack, reader.target), records) == expected


# Random streams


def streams(seed: int, groups: int) -> list[Record]:
    """Few values, many ties, many times that are an hour apart to the second."""
    rng = random.Random(seed)  # noqa: S311 - the same at every run
    records = []
    for number in range(groups):
        group, hours = app((seed, number)), rng.choice((1, 2, 4, 9))
        for _ in range(rng.randint(1, 6 * hours)):
            second = rng.choice((rng.randrange(hours * HOUR), rng.randrange(2 * hours) * HOUR // 2))
            second += rng.choice((0, 0, 0, -1, 1))
            amount = rng.choice((-2, 0, 1, 1, 3))
            records.append(record(group, HOUR + second, rng.randrange(3), app(rng.randrange(5)), amount))
    return records


def assert_chains_agree(reader: Reader, kind: str, records: Sequence[Record]) -> None:
    pack = pack_for(kind, 3, 3)
    expected = of_evaluator(pack, records)
    assert len(expected) > len(records) / 100, "streams in which nothing happens would agree whatever is asked"
    assert of_query(reader, query_for(pack, reader.target), records) == expected


@pytest.mark.parametrize("kind", [*COUNTS, *SEQUENCES])
def test_chains_of_random_streams_begin_at_the_same_time(reader: Reader, kind: str) -> None:
    assert_chains_agree(reader, kind, streams(1, 120))


@pytest.mark.full
@pytest.mark.parametrize("seed", range(2, 12))
@pytest.mark.parametrize("kind", [*COUNTS, *SEQUENCES])
def test_chains_of_many_random_streams_begin_at_the_same_time(reader: Reader, kind: str, seed: int) -> None:
    assert_chains_agree(reader, kind, streams(seed, 600))


# Queries that are wrong by a second, or by one, are found out

BROKEN = [
    ("event_count", "sentinel", "T - prev(T, 2) <= 1h", "T - prev(T, 2) < 1h"),
    ("event_count", "sentinel", "prev(T, 2)", "prev(T, 1)"),
    ("event_count", "sentinel", "prev(ClientAppId, 2) == ClientAppId and ", ""),
    ("event_count", "defender", "T - prev(T) > 1h", "T - prev(T) >= 1h"),
    ("event_count", "defender", "by T = bin(Timestamp, 1s), Id", "by T = bin(Timestamp, 1h), Id"),
    ("event_count", "splunk, text", "_time-start<=3600", "_time-start<3600"),
    ("event_count", "splunk, text", "_time-before>3600", "_time-before>=3600"),
    ("event_count", "splunk, text", "| dedup row", ""),
    ("value_count", "sentinel", "Again - T <= 1h", "Again - T < 1h"),
    ("value_count", "sentinel", "Step = iff(isnull(Again), 2, 0)", "Step = 0"),
    ("value_count", "splunk, numbers", "again-_time<=3600", "again-_time<3600"),
    ("value_sum", "sentinel", "T = T + 1h, Step = 2", "T = T + 1h, Step = 0"),
    ("value_sum", "splunk, text", '_time=if(step="1",_time,_time+3600)', '_time=if(step="1",_time,_time+3599)'),
    ("temporal", "defender", "Values >= 3", "Values >= 2"),
    ("temporal_ordered", "sentinel", "Next - Start <= 1h", "Next - Start < 1h"),
    ("temporal_ordered", "sentinel", "Next >= T", "Next > T"),
    ("temporal_ordered", "splunk, numbers", "| sort 0 _time, rule", "| sort 0 _time, -rule"),
    ("temporal_ordered", "splunk, numbers", "_time-start3<=3600", "_time-start3<3600"),
]


@pytest.mark.parametrize(("kind", "name", "right", "wrong"), BROKEN)
def test_a_broken_query_is_found_out(kind: str, name: str, right: str, wrong: str) -> None:
    reader, pack, records = READERS[name], pack_for(kind, 3, 3), streams(1, 120)
    query = query_for(pack, reader.target)
    assert right in query.query
    broken = replace(query, query=query.query.replace(right, wrong))
    try:
        found = of_query(reader, broken, records)
    except AssertionError:  # a row twice
        return
    assert found != of_evaluator(pack, records)


# The measurement


def test_our_queries_find_every_burst_and_the_stock_search_does_not() -> None:
    shares = windows.executed([windows.Cell(10, 60), windows.Cell(10, 30), windows.Cell(20, 60)], 40)
    for name in windows.READERS:
        assert not any(share.part for share in shares[name].values()), name
    by_size = {(cell.size, cell.minutes): share.percent for cell, share in shares["stock"].items()}
    assert by_size[10, 60] > 60
    assert 20 < by_size[10, 30] < 65
    assert by_size[20, 60] == 0, "nineteen of twenty are in one of two hours, or ten in each"


def test_the_stock_search_never_sees_who_knows_the_full_hour() -> None:
    assert windows.timed_table(10).rows == ((*(tables.Share(0, 10) for _ in READERS), tables.Share(10, 10)),)


def test_the_stock_search_is_the_one_that_is_measured() -> None:
    text = windows.stock_search(10)
    assert windows.STOCK_BIN in text
    assert "stats count as event_count by _time ClientAppId" in text
    assert "does not support correlation" in windows.stock_kusto_refuses()


# What the measurements say that the design of the windows rests on, in percent: length, records, and the share missed
# by windows of an hour that begin every hour, every 30 and every 15 minutes.
SAID = [
    (1, 10, 1.4, 0, 0), (5, 10, 6.9, 0, 0), (15, 10, 20.3, 0, 0), (30, 10, 41.1, 0, 0), (45, 10, 61.4, 23.9, 0),
    (60, 10, 81.8, 63.9, 36.1), (None, 10, 40.8, 13.0, 3.0), (1, 12, 0.9, 0, 0), (15, 12, 13.5, 0, 0),
    (30, 12, 27.0, 0, 0), (45, 12, 40.4, 1.7, 0), (60, 12, 53.7, 15.0, 1.0), (None, 12, 27.0, 2.0, 0.04),
    (30, 15, 12.5, None, None), (60, 15, 25.0, None, None), (None, 15, 12.5, None, None), (60, 20, 0, None, None),
    (None, 20, 0, None, None),
]  # fmt: skip
AMOUNT = 5_000


@pytest.mark.parametrize(("minutes", "size", "hour", "half", "quarter"), SAID)
def test_windows_of_an_hour_miss_what_was_measured(
    minutes: int | None, size: int, hour: float, half: float | None, quarter: float | None
) -> None:
    times = windows.modelled_bursts(windows.Cell(size, minutes), AMOUNT)
    assert windows.missed_by_sliding(times, 10).part == 0
    for hop, said in ((60, hour), (30, half), (15, quarter)):
        assert said is None or agree(windows.missed_by_bins(times, 10, hop).percent, said, AMOUNT)


@pytest.mark.parametrize(("threshold", "said"), [(3, 25.3), (5, 33.1), (20, 45.5), (50, 48.0), (100, 49.3)])
def test_windows_of_an_hour_miss_bursts_at_any_threshold(threshold: int, said: float) -> None:
    times = windows.modelled_bursts(windows.Cell(threshold, None, threshold), AMOUNT)
    assert agree(windows.missed_by_bins(times, threshold, 60).percent, said, AMOUNT)


def agree(measured: float, said: float, of: int) -> bool:
    """Tell whether a share in percent lies within four standard errors of another, and a tenth of rounding."""
    return abs(measured - said) <= 400 * math.sqrt(said / 100 * (1 - said / 100) / of) + 0.1


def test_page_says_what_is_measured() -> None:
    text = windows.PAGE.read_text(encoding="utf-8")
    ours = slice(2, 2 + len(READERS))
    rows = tables.rows_of(text, "Ten in an hour")
    assert [(row[0], row[1]) for row in rows] == [(cell.length, str(cell.size)) for cell in windows.CELLS]
    for row, cell in zip(rows, windows.CELLS, strict=True):
        assert set(row[ours]) == {"0"}
        times = windows.modelled_bursts(cell, AMOUNT)
        modelled = [windows.missed_by_bins(times, cell.threshold, hop).percent for hop in (60, 30, 15)]
        assert all(agree(one, float(said), AMOUNT) for one, said in zip(modelled, row[7:10], strict=True)), row
        assert agree(float(row[6]), float(row[7]), windows.EXECUTED), "what was executed is what was modelled"
    others = tables.rows_of(text, "Other thresholds")
    assert [row[0] for row in others] == [str(threshold) for threshold in windows.OTHERS]
    assert all(set(row[1 : 1 + len(READERS)]) == {"0"} for row in others)


@pytest.mark.full
def test_page_is_fresh() -> None:
    assert windows.written() == windows.PAGE.read_text(encoding="utf-8")
