"""The files of a batch: what to send, the lists, what must fire."""

from __future__ import annotations

import json
from collections.abc import Iterator

from unissued.simulate.listing import Listing
from unissued.simulate.send import INGESTION_BYTES
from unissued.simulate.sentinel import aliased, chunks, rows, template
from unissued.simulate.shapes import Shape, hec_events, jsonl_lines, list_file


def events(listing: Listing, index: str = "") -> Iterator[str]:
    """Yield a batch line by line: events for Splunk's collector, or logs for ``hunt``."""
    return hec_events(listing.batch, index) if listing.shape is Shape.SPLUNK_HEC else jsonl_lines(listing.batch)


def files(listing: Listing, index: str = "") -> Iterator[tuple[str, str]]:
    """Yield the path below the folder and the text of every file."""
    yield "must_fire.txt", listing.as_text()
    yield "must_fire.json", listing.as_json()
    if listing.shape is Shape.SENTINEL_INGEST:
        yield from _sentinel(listing)
    else:
        yield "events.jsonl", "".join(f"{line}\n" for line in events(listing, index))
    yield from _lists(listing)


def _lists(listing: Listing) -> Iterator[tuple[str, str]]:
    """Yield every list of the catalogue, empty ones too: a search needs its lookup, a query its watchlist."""
    batch = listing.batch
    catalogue = batch.setting.pack.catalogue
    prefix = "" if listing.shape is Shape.JSONL else "unissued_"
    for name in sorted(catalogue.lists):
        text = list_file(catalogue, name, batch.lists.get(name, ()), listing.shape)
        yield f"lists/{prefix}{name}.csv", text
    if listing.shape is Shape.SPLUNK_HEC:
        stanzas = (f"[unissued_{name}]\nfilename = unissued_{name}.csv\n" for name in sorted(catalogue.lists))
        yield "lists/transforms.conf", "\n".join(stanzas)


def _sentinel(listing: Listing) -> Iterator[tuple[str, str]]:
    batch = listing.batch
    for table, items in rows(batch).items():
        for number, chunk in enumerate(chunks(items, INGESTION_BYTES), start=1):
            yield f"rows/{table}.{number}.json", json.dumps(chunk, separators=(",", ":")) + "\n"
    yield "workspace.json", template(batch)
    for name, query in batch.setting.queries.items():
        yield f"queries/{name}.kql", aliased(query, batch)
