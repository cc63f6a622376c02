"""Writes docs/poisoning.md: how long a quiet intruder needs to become normal.

Usage: ``python benchmarks/poisoning.py [--check]``. It takes half a minute, and is the same at every run.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from tables import Cell, Table, page, write_or_check
from unissued.baseline import Baseline, Row, is_not_explained, learn, learned_until, remember
from unissued.evaluate import Given, evaluate
from unissued.pack import Pack, load_pack
from unissued.record import Origin, Record, utc_text

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "poisoning.md"
START = datetime(2026, 2, 1, tzinfo=UTC)
"""Midnight before the first read of the intruder, who reads at nine."""
NIGHTS = 75
RULE = "mail_app_new_to_tenant"
GRAPH = "00000003-0000-0000-c000-000000000000"
EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"
OWN = "030367bd-2ff4-4082-abe9-da68fa31ba57"
USUAL = "59023ab3-013c-4280-b33a-9378b21b0acf"
EXPLORER = "de8bc8b5-d9f9-48b1-a8ad-b748da725064"
ADDRESS = "203.0.113.9"
AGES, DAYS = (0, 1, 7, 14), (1, 2, 3, 5)


@dataclass(frozen=True)
class Intruder:
    """Somebody who reads mail with one application, once on each of some days."""

    name: str
    days: Sequence[int]
    """Days with a read, the first one is day 0."""
    app: str = GRAPH
    client: str = OWN
    kind: str = "REST"

    def records(self) -> list[Record]:
        """Return the reads."""
        return [mail(day, self.app, self.client, self.kind) for day in self.days]


@cache
def pack() -> Pack:
    """Return the rules."""
    return load_pack(ROOT / "sigma")


def mail(day: float, app: str, client: str, kind: str, operation: str = "MailItemsAccessed") -> Record:
    """Make a record at nine of a day."""
    time = START + timedelta(days=day, hours=9)
    fields = {
        "Operation": operation,
        "ResultStatus": "Succeeded",
        "AppId": app,
        "ClientAppId": client,
        "ClientInfoString": f"Client={kind};",
        "MailboxGuid": "00000000-0000-4000-8000-000000000001",
        "ClientIPAddress": ADDRESS,
        "CreationTime": utc_text(time),
    }
    return Record("m365/exchange", fields, time, time + timedelta(minutes=75), "", "", Origin("poisoning", 1))


def usual() -> list[Record]:
    """Return what is read in the tenant anyway: one application, every day, since a month before."""
    return [mail(day, GRAPH, USUAL, "REST") for day in range(-30, NIGHTS)]


def nightly(intruder: Intruder, remembered: bool = True) -> list[tuple[Row, ...]]:
    """Return the baseline with which each day begins, day 0 first.

    Args:
        intruder: what is read beside the usual.
        remembered: each night adds to the list of the night before; otherwise 30 days are learned anew.
    """
    everything = [*usual(), *intruder.records()]
    kept: tuple[Row, ...] = ()
    found: list[tuple[Row, ...]] = []
    for night in range(NIGHTS):
        midnight = START + timedelta(days=night)
        # A record at midnight says what time it is.
        now = Record("m365/exchange", {"Operation": "Send"}, midnight, midnight, "", "", Origin("now", 1))
        known = [record for record in everything if record.time < midnight]
        before = learned_until(kept) if remembered else None
        since = before + timedelta(seconds=1) if before else midnight - timedelta(days=30)
        lesson = learn(pack(), [*known, now], since=since)
        kept = tuple(remember(kept, lesson.rows)) if remembered else tuple(lesson.rows)
        found.append(kept)
    return found


def _key(intruder: Intruder) -> str:
    return f"{intruder.app}|{intruder.client or '-'}|{intruder.kind}"


def normal_from(intruder: Intruder, nights: Sequence[tuple[Row, ...]], is_normal: Callable[[Row], bool]) -> int | None:
    """Return the first day on which the intruder is normal; None for never."""
    for night, rows in enumerate(nights):
        if any(row.mail_app_key == _key(intruder) and not row.mailbox_guid and is_normal(row) for row in rows):
            return night
    return None


def shipped(row: Row) -> bool:
    """Tell whether a row is normal as learning is shipped."""
    return bool(Baseline((row,), "").lists()["baseline_mail_apps"])


def alerts(intruder: Intruder, nights: Sequence[tuple[Row, ...]]) -> int:
    """Return on how many days the rule on new applications fires, each day judged with the list of its morning."""
    fired = 0
    for record in intruder.records():
        day = (record.time - START).days
        given = Given(lists=Baseline(nights[day], "").lists())
        fired += bool(evaluate(pack(), [record], given, [RULE])[RULE].matches)
    return fired


EVERY_DAY = range(NIGHTS)
INTRUDERS = (
    Intruder("every day", EVERY_DAY),
    Intruder("every other day", range(0, NIGHTS, 2)),
    Intruder("every third day", range(0, NIGHTS, 3)),
    Intruder("once a week", range(0, NIGHTS, 7)),
    Intruder("every fifteen days", range(0, NIGHTS, 15)),
    Intruder("once a month", range(0, NIGHTS, 30)),
    Intruder("one day and never again", (0,)),
    Intruder("three days, a week of silence, then every day", (0, 1, 2, *range(10, NIGHTS))),
    Intruder("every day, through Graph Explorer", EVERY_DAY, client=EXPLORER),
    Intruder("every day, Outlook on the web's identity with a script", EVERY_DAY, app=EXCHANGE, client=""),
    Intruder("every day, with an application that is normal here", EVERY_DAY, client=USUAL),
)


def tables() -> list[Table]:
    """Measure everything."""
    return [_patterns(), _settings(), _gate()]


def _day(found: int | None) -> Cell:
    return "never" if found is None else found


def _patterns() -> Table:
    rows: list[tuple[Cell, ...]] = []
    for intruder in INTRUDERS:
        kept, anew = nightly(intruder), nightly(intruder, remembered=False)
        days = [normal_from(intruder, nights, shipped) for nights in (kept, anew)]
        reads = len(list(intruder.days))
        rows.append(
            (intruder.name, _day(days[0]), alerts(intruder, kept), _day(days[1]), alerts(intruder, anew), reads)
        )
    return Table(
        "How he reads",
        "Day on which his key is normal, counted from his first read (day 0), and the days on which the rule on new "
        f"applications fires. The list is learned every night, for {NIGHTS} days: with memory (`--known`), and from "
        "the last 30 days alone, as the queries that learn inside a SIEM do. Normal from day 0 on means normal before "
        "he came.",
        ("he reads", "normal, memory", "alerts", "normal, last 30 days", "alerts", "days with reads"),
        tuple(rows),
    )


def _settings() -> Table:
    daily, third = INTRUDERS[0], INTRUDERS[2]
    found = [nightly(daily), nightly(third)]
    rows: list[tuple[Cell, ...]] = []
    for age in AGES:
        for days in DAYS:

            def is_normal(row: Row, age: int = age, days: int = days) -> bool:
                lived = datetime.fromisoformat(row.learned_to) - datetime.fromisoformat(row.first_seen)
                return lived >= timedelta(days=age) and row.days_seen >= days

            days_needed = [
                _day(normal_from(one, nights, is_normal)) for one, nights in zip((daily, third), found, strict=True)
            ]
            rows.append((age, days, *days_needed))
    return Table(
        "What the two numbers do",
        "The same count under other demands on age and days of use. Shipped are 7 and 3. The day of quarantine and the "
        "night of learning are in it, so nobody is normal before day 2.",
        ("age, days", "days of use", "reads every day", "reads every third day"),
        tuple(rows),
    )


def _gate() -> Table:
    rows: list[tuple[Cell, ...]] = []
    for explained in (0, 10, 19, 20, 50, 100, 500, 1000, 5000):
        needed = next(count for count in range(10**6) if is_not_explained(explained + count, explained))
        rows.append((explained, needed))
    return Table(
        "The gate of the rules on issuance",
        "An application whose tokens the sign-in logs explain for less than 95 % of at least 20 is skipped by the rule "
        "on tokens that were never issued. So many unexplained token ids, each of them an alert of that rule until the "
        "list is learned anew, take a pair with so many explained ones out. This is the one way in which records that "
        "a rule matched teach: the rule asks for the very list, which could not be learned otherwise.",
        ("explained token ids of the pair", "unexplained ones needed"),
        tuple(rows),
    )


def text() -> str:
    """Return the page."""
    return page(
        "How long a quiet intruder needs to become normal",
        "Written by `benchmarks/poisoning.py`: do not edit. Simulated: a tenant in which one application reads mail "
        "every day, and an intruder who brings another one and reads one mailbox at nine in the morning. Each night "
        "`baseline learn` learns up to a day before. Nobody reviews anything and no other rule looks at him, which is "
        "his best case: what a rule matches teaches nothing, and who is blocked stays so. The figures are "
        "consequences of the settings, not rates from any tenant.\n\n"
        "What it says: an intruder with an application of his own is normal after nine days at the earliest, and has "
        "caused an alert on each day of use until then. **Whoever lets nine days of alerts pass, or learns the first "
        "list while he is there, has taught the list.** Hence the review of the first list, and a list kept for every "
        "day, so that after an intrusion it can be taken back to the day before. Patience spares him alerts: whoever "
        "reads on three days only, a week or a month apart, causes three before he is normal. Memory is what lets "
        "him wait longer than two weeks in between; without it he never becomes normal, and neither does an honest "
        "application that is as rare: it alerts for ever. An application that is already normal is no poisoning at "
        "all; that blind spot is the rule's own.",
        tables(),
    )


if __name__ == "__main__":
    sys.exit(write_or_check(str(__doc__), PAGE, text))
