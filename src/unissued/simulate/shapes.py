"""A batch as text: events for Splunk's collector, rows for Microsoft's ingestion, logs for ``hunt``, and the lists."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator
from enum import StrEnum

from unissued.convert import ROWS
from unissued.evaluate import comparable_lists
from unissued.pack import Catalogue
from unissued.simulate.batch import Batch
from unissued.tables import Writer

SENDER = "unissued-simulate"


class Shape(StrEnum):
    """Whom a batch is written for."""

    SPLUNK_HEC = "splunk-hec"
    SENTINEL_INGEST = "sentinel-ingest"
    JSONL = "jsonl"

    @property
    def target(self) -> str:
        """The target of the catalogue; none for logs that ``hunt`` reads."""
        return {Shape.SPLUNK_HEC: "splunk", Shape.SENTINEL_INGEST: "sentinel"}.get(self, "")


def hec_events(batch: Batch, index: str = "") -> Iterator[str]:
    """Yield a batch as events of Splunk's HTTP Event Collector; ``source`` says the case."""
    writer = Writer(batch.setting.pack.catalogue)
    for record in batch.sent:
        row = writer.splunk(record)
        event: dict[str, object] = {
            "time": round(row.time.timestamp(), 3),
            "host": SENDER,
            "source": f"{SENDER}/{record.origin.file}",
            "sourcetype": row.sourcetype,
        }
        if index:
            event["index"] = index
        yield as_line({**event, "event": row.body})


def jsonl_lines(batch: Batch) -> Iterator[str]:
    """Yield a batch as the envelopes that fixtures use, with the times of arrival."""
    for record in batch.sent:
        ingested = record.ingested.isoformat().replace("+00:00", "Z")
        yield as_line({"source": record.source, "ingested": ingested, "event": dict(record.fields)})


def as_line(value: object) -> str:
    """Return JSON in one line, in plain UTF-8 where the text allows it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:  # JSON can spell half a surrogate pair, UTF-8 cannot
        return json.dumps(value, separators=(",", ":"))
    return text


def list_file(catalogue: Catalogue, name: str, entries: Iterable[str], shape: Shape) -> str:
    """Return a list as the CSV of a watchlist, of a Splunk lookup, or of ``hunt --list``."""
    cells = sorted(set(entries))
    if shape is Shape.JSONL:
        return _csv([name, *cells])
    count = len(comparable_lists(catalogue, {name: cells})[name])
    if shape is Shape.SPLUNK_HEC:
        return _csv(["key", *sorted({entry.strip().lower() for entry in cells}), f"{ROWS}{count}"])
    return _csv(["SearchKey", *cells, f"{ROWS}{count}"])


def _csv(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\n").writerows([cell] for cell in cells)
    return out.getvalue()
