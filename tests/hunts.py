"""Hunts in made-up input, for tests of reports."""

from __future__ import annotations

from collections.abc import Sequence

from mail_reads import EXCHANGE, pack, read
from unissued.hunt import Hunt, hunt
from unissued.logs import Reading
from unissued.logs.report import Count, FileReport, Refusal
from unissued.record import Record


def reading_of(found: Sequence[Record], text: str = "") -> Reading:
    """What a reader gives back, with a text in every place where a file can put one."""
    count = Count(len(found) + 1, len(found), 0, 1, 0)
    file = FileReport(f"{text}.jsonl", text, count, [text] if text else [], [text], {text: 1})
    return Reading(list(found), [file], [Refusal(f"{text}.jsonl", 3, text)])


def many(number: int) -> Hunt:
    """A hunt with so many findings of one rule, each on one record."""
    found = [read(index / 10_000, app=EXCHANGE, ClientIPAddress=f"192.0.2.{index % 250}") for index in range(number)]
    folded = [
        Record(one.source, {**one.fields, "MailboxGuid": f"g{index}"}, one.time, one.ingested, "", "", one.origin)
        for index, one in enumerate(found)
    ]
    return hunt(pack(), reading_of(folded), {}, only=["mail_owa_identity_scripted_client"])
