"""Writes docs/windows.md: which share of true bursts sliding windows and full-hour windows miss.

Usage: ``python benchmarks/windows.py [--check]``. It takes some minutes, and is the same at every run.
"""

from __future__ import annotations

import importlib.metadata
import json
import random
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TypeAlias

import numpy as np
import numpy.typing as npt
from sigma.backends.kusto.kusto import KustoBackend
from sigma.backends.splunk.splunk import SplunkBackend
from sigma.collection import SigmaCollection

from simulation import HOUR, MINUTE
from tables import Cell as Shown
from tables import Share, Table, page, write_or_check
from traffic import Traffic
from unissued.convert import convert
from unissued.engines import kusto
from unissued.engines.spl import Reading, Splunk, SplunkEvent, parse
from unissued.evaluate import Given
from unissued.pack import Document, Pack, pack_of
from unissued.record import Record
from unissued.verify.readers import KqlReader, Reader, SplReader

PAGE = Path(__file__).parents[1] / "docs" / "windows.md"
EXECUTED = 200
"""Bursts a cell that are executed."""
MODELLED = 200_000
"""Bursts a cell that are modelled."""
THRESHOLD = 10
LENGTHS = (1, 5, 15, 30, 45, 60)
SIZES = (10, 12, 15, 20)
OTHERS = (3, 5, 20, 50, 100)
READERS: Mapping[str, Callable[[Pack], Reader]] = {
    "sentinel": lambda pack: KqlReader(pack.catalogue, "sentinel"),
    "defender": lambda pack: KqlReader(pack.catalogue, "defender"),
    "splunk, text": lambda pack: SplReader(pack.catalogue, Reading.TEXT),
    "splunk, numbers": lambda pack: SplReader(pack.catalogue, Reading.NUMBERS),
}
STOCK_BIN = "| bin _time span=1h"
"""How pySigma's converter for Splunk writes a window of an hour."""
SAME_AS_EVAL = "| eval _time=floor(_time/3600)*3600"
"""What ``bin`` does; the strict parser of SPL does not know that command."""


@dataclass(frozen=True)
class Cell:
    """A kind of burst: so many records within so many minutes, where ``threshold`` in an hour are too many."""

    size: int
    minutes: int | None
    """None: any length up to an hour."""
    threshold: int = THRESHOLD

    @property
    def length(self) -> str:
        """The length in words."""
        return "0–60 min" if self.minutes is None else f"{self.minutes} min"


CELLS = [Cell(size, minutes) for minutes in (*LENGTHS, None) for size in SIZES]
OTHER_CELLS = [Cell(threshold, None, threshold) for threshold in OTHERS]


# Rules


def documents(threshold: int) -> list[dict[str, object]]:
    """Return a detection and the count of its matches by application in an hour, as rule files say them."""
    head = {"version": "1.0.0", "status": "test", "description": "Counts mail reads.", "level": "low"}
    return [
        {
            **head,
            "title": "Mail Read",
            "name": "mail_read",
            "id": "00000000-0000-4000-8000-000000000001",
            "logsource": {"product": "m365", "service": "exchange"},
            "detection": {"selection": {"Operation": "MailItemsAccessed"}, "condition": "selection"},
        },
        {
            **head,
            "title": "Many Mail Reads",
            "name": "many_mail_reads",
            "id": "00000000-0000-4000-8000-000000000002",
            "correlation": {
                "type": "event_count",
                "rules": ["mail_read"],
                "group-by": ["ClientAppId"],
                "timespan": "1h",
                "condition": {"gte": threshold},
            },
        },
    ]


def pack_for(threshold: int) -> Pack:
    """Return these rules as a pack of ours."""
    return pack_of(Document("benchmark", one, {}) for one in documents(threshold))


def stock_search(threshold: int) -> str:
    """Return what pySigma's own converter for Splunk makes of the same rules."""
    (text,) = SplunkBackend().convert(SigmaCollection.from_dicts(documents(threshold)))  # type: ignore[arg-type]
    return str(text)


def stock_kusto_refuses() -> str:
    """Return what pySigma's own converter for Kusto says of the same rules."""
    try:
        KustoBackend().convert(SigmaCollection.from_dicts(documents(THRESHOLD)))  # type: ignore[arg-type]
    except NotImplementedError as error:
        return str(error)
    raise AssertionError("the stock converter writes correlations now: compare with it")


# Executed


Bursts: TypeAlias = "dict[str, Cell]"
"""Application -> its only burst."""


def drawn(cells: Iterable[Cell], count: int, seed: str) -> tuple[list[Record], Bursts]:
    """Draw bursts, each of an application of its own, that begin anywhere in an hour."""
    made = Traffic(random.Random(seed), lambda _: 0, again=0)
    bursts: Bursts = {}
    for cell in cells:
        for _ in range(count):
            app = made.guid()
            bursts[app] = cell
            length = made.rng.randint(0, HOUR) if cell.minutes is None else cell.minutes * MINUTE
            start = 24 * HOUR + made.rng.randrange(HOUR)
            for _ in range(cell.size):
                made.mail(start + made.rng.randint(0, length), app, "")
    return made.firsts, bursts


def around_the_hour(count: int) -> tuple[list[Record], Bursts]:
    """Draw bursts of somebody who knows the full hour: nine records before it and nine after it, in 20 minutes."""
    made = Traffic(random.Random("full hour"), lambda _: 0, again=0)
    bursts: Bursts = {}
    for number in range(count):
        app, hour = made.guid(), (24 + number % 24) * HOUR
        bursts[app] = Cell(2 * (THRESHOLD - 1), 20)
        for _ in range(THRESHOLD - 1):
            made.mail(hour - made.rng.randint(1, 10 * MINUTE), app, "")
            made.mail(hour + made.rng.randrange(10 * MINUTE), app, "")
    return made.firsts, bursts


def ours(pack: Pack, reader: Reader, records: Sequence[Record]) -> set[str]:
    """Return the applications that our converted query finds in one run over everything."""
    query = convert(pack, pack.rule("many_mail_reads"), reader.target)
    now = max(record.time for record in records) + timedelta(hours=1)
    just = [replace(record, ingested=now - timedelta(minutes=5)) for record in records]
    reader.load(just, Given())
    return {str(row["ClientAppId"]) for row in reader.run(query, now).rows}


def stock(threshold: int, records: Sequence[Record]) -> set[str]:
    """Return the applications that pySigma's own search finds; every record is there once."""
    text = stock_search(threshold)
    assert text.count(STOCK_BIN) == 1
    search = parse(text.replace(STOCK_BIN, SAME_AS_EVAL))
    now = max(record.time for record in records).timestamp() + HOUR
    rows = Splunk([_event(record) for record in records], {}, now=now).run(search)
    return {str(row["ClientAppId"]) for row in rows}


def _event(record: Record) -> SplunkEvent:
    fields = {name: value for name, value in record.fields.items() if isinstance(value, str)}
    fields |= {"index": "main", "sourcetype": "o365:management:activity"}
    time = record.time.timestamp()
    return SplunkEvent(json.dumps(record.fields), time, time, fields)


def missed(found: set[str], bursts: Bursts) -> dict[Cell, Share]:
    """Return which share of the bursts of each cell was not found."""
    assert found <= set(bursts)
    shares: dict[Cell, Share] = {}
    for app, cell in bursts.items():
        known = shares.get(cell, Share(0, 0))
        shares[cell] = Share(known.part + (app not in found), known.of + 1)
    return shares


def executed(cells: Sequence[Cell], count: int) -> dict[str, dict[Cell, Share]]:
    """Execute our queries and the stock search on bursts of cells with one threshold."""
    threshold = cells[0].threshold
    records, bursts = drawn(cells, count, f"bursts {threshold}")
    pack = pack_for(threshold)
    shares = {name: missed(ours(pack, make(pack), records), bursts) for name, make in READERS.items()}
    return {**shares, "stock": missed(stock(threshold, records), bursts)}


# Modelled

Times: TypeAlias = "npt.NDArray[np.float64]"


def modelled_bursts(cell: Cell, count: int) -> Times:
    """Draw the minutes of the records of many bursts; a row is a burst."""
    rng = np.random.default_rng([cell.size, cell.minutes or 0, cell.threshold])
    length = rng.random((count, 1)) * 60 if cell.minutes is None else cell.minutes
    return rng.random((count, 1)) * 60 + rng.random((count, cell.size)) * length


def missed_by_bins(times: Times, threshold: int, hop: int) -> Share:
    """Return which bursts no window of an hour holds, where a window begins every ``hop`` minutes."""
    caught = np.zeros(len(times), dtype=bool)
    for begin in range(hop - 60, 120, hop):
        caught |= ((times >= begin) & (times < begin + 60)).sum(axis=1) >= threshold
    return Share(int((~caught).sum()), len(times))


def missed_by_sliding(times: Times, threshold: int) -> Share:
    """Return which bursts never have so many records in a window of an hour that ends with one of them."""
    ordered = np.sort(times, axis=1)
    spread = ordered[:, threshold - 1 :] - ordered[:, : times.shape[1] - threshold + 1]
    return Share(int((spread > 60).all(axis=1).sum()), len(times))


# The page


def bursts_table(count: int, modelled: int) -> Table:
    """Return what is missed at our usual threshold."""
    shares = executed(CELLS, count)
    rows: list[tuple[Shown, ...]] = []
    for cell in CELLS:
        times = modelled_bursts(cell, modelled)
        rows.append(
            (
                cell.length,
                cell.size,
                *(shares[name][cell] for name in READERS),
                shares["stock"][cell],
                *(missed_by_bins(times, cell.threshold, hop) for hop in (60, 30, 15)),
                missed_by_sliding(times, cell.threshold),
            )
        )
    return Table(
        "Ten in an hour",
        f"Percent of bursts missed, by their length and number of records, where {THRESHOLD} records in an hour are "
        f"too many: every burst here should be found. Executed: {count} bursts a cell, all in one table. Modelled: "
        f"{modelled:,} bursts a cell.",
        ("length", "records", *_HEADER),
        tuple(rows),
    )


def others_table(count: int, modelled: int) -> Table:
    """Return what is missed at other thresholds."""
    rows: list[tuple[Shown, ...]] = []
    for cell in OTHER_CELLS:
        shares = executed([cell], count)
        times = modelled_bursts(cell, modelled)
        rows.append(
            (
                cell.threshold,
                *(shares[name][cell] for name in (*READERS, "stock")),
                *(missed_by_bins(times, cell.threshold, hop) for hop in (60, 30, 15)),
                missed_by_sliding(times, cell.threshold),
            )
        )
    return Table(
        "Other thresholds",
        "Percent of bursts missed that have just as many records as are too many, of any length up to an hour. "
        f"Executed: {count} bursts a row. Modelled: {modelled:,}.",
        ("threshold", *_HEADER),
        tuple(rows),
    )


def timed_table(count: int) -> Table:
    """Return what is missed of bursts that are timed."""
    records, bursts = around_the_hour(count)
    pack = pack_for(THRESHOLD)
    found = [ours(pack, make(pack), records) for make in READERS.values()]
    found.append(stock(THRESHOLD, records))
    ((*shares,),) = [tuple(missed(one, bursts)[cell] for one in found) for cell in set(bursts.values())]
    return Table(
        "Who knows the full hour",
        f"Percent of bursts missed that have nine records in the ten minutes before a full hour and nine in the ten "
        f"minutes after it. Executed: {count} bursts.",
        (*READERS, _STOCK),
        (tuple(shares),),
    )


_STOCK = "pySigma's search"
_HEADER = (*READERS, _STOCK, "1 h windows", "every 30 min", "every 15 min", "sliding")


def tables_of(count: int, modelled: int) -> list[Table]:
    """Return all tables."""
    return [bursts_table(count, modelled), others_table(count, modelled), timed_table(count)]


def written() -> str:
    """Return the page."""
    stock_lines = "\n".join(line for line in stock_search(THRESHOLD).split("\n") if line)
    versions = ", ".join(
        f"{name} {importlib.metadata.version(name)}"
        for name in ("pysigma", "pysigma-backend-splunk", "pysigma-backend-kusto", "numpy")
    )
    text = (
        "Written by `benchmarks/windows.py`: do not edit. A window ends at a record and reaches back an hour, both "
        "ends included. Full-hour windows split bursts; how often is measured here, beside our queries.\n\n"
        "Executed are our converted queries for Sentinel, for Defender and for Splunk (in the two readings that "
        "Splunk's manuals leave open), and the search that pySigma's own converter for Splunk writes for the same "
        "rule:\n\n"
        f"```spl\n{stock_lines}\n```\n\n"
        f"Our strict parser of SPL does not know `bin`, so that one command is executed as `{SAME_AS_EVAL[2:]}`. "
        f"pySigma's own converter for Kusto refuses such a rule: {stock_kusto_refuses()} Modelled are windows of an "
        "hour that begin every hour, every 30 and every 15 minutes, and sliding ones.\n\n"
        f"KQL: {kusto.version()}. SPL: a model of Splunk's manuals. {versions}."
    )
    return page("What windows miss", text, tables_of(EXECUTED, MODELLED))


if __name__ == "__main__":
    sys.exit(write_or_check(str(__doc__), PAGE, written))
