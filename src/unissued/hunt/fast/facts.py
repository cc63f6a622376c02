"""What has to be known of all records, counted from the rows that stay: feeds, spans, health."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np

from unissued.evaluate.feeds import Feeds
from unissued.health import Day, KeyDays
from unissued.health.observed import Arrivals
from unissued.hunt.fast.judging import ISSUERS, MAIL, TOKEN, Judge, micros, moment_of
from unissued.hunt.fast.rows import EXTRA, Kind, Rows
from unissued.hunt.fast.runs import Runs, starts_of

Bits = np.ndarray[Any, np.dtype[Any]]
_HOUR, _DAY = 3_600_000_000, 86_400_000_000
_ISSUED = np.uint64(0xFFFFFFFFFFFFFFFF)
_TOKEN = np.dtype([("key", "<u8"), ("use", "<u8")])

Span = tuple[int, datetime | None, datetime | None]


class CountedFeeds(Feeds):
    """Feeds whose rows are sorted arrays: hour -> when its rows were ingested, in microseconds."""

    def __init__(
        self, sources: set[str], rows: Mapping[str, dict[datetime, Bits]], last_week: Mapping[str, int]
    ) -> None:
        super().__init__((), measured=True, rows_last_week=last_week)
        self._sources = sources
        self._rows = dict(rows)  # type: ignore[arg-type]  # only counted, below
        self._hours = {table: sorted(hours) for table, hours in rows.items()}

    def _count(self, table: str, hour: datetime, judged: datetime) -> int:
        arrived: Any = self._rows[table].get(hour)
        return 0 if arrived is None else int(np.searchsorted(arrived, micros(judged), side="right"))


@dataclass
class Facts:
    """Counts over the rows of a stream."""

    judge: Judge
    kinds: Sequence[Kind]
    spanned: Sequence[str]
    """Detections whose hits are only counted."""
    last_week: Mapping[str, int]
    latest: int | None = None
    first_mail: int | None = None
    sources: set[str] = field(default_factory=set)
    spans: dict[str, Span] = field(default_factory=dict)
    reads: Counter[datetime] = field(default_factory=Counter)
    client_kinds: dict[str, dict[datetime, Day]] = field(default_factory=dict)
    _arrived: dict[str, dict[int, list[Bits]]] = field(default_factory=dict)
    _tokens: Runs = field(default_factory=lambda: Runs(_TOKEN))
    _by_key: dict[str, dict[datetime, Day]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        catalogue = self.judge.pack.catalogue
        required = {table for source in catalogue.sources.values() for table in source.counted_tables}
        self._required = [table if table in required else "" for table in (kind.table for kind in self.kinds)]
        self._is_mail = np.array([kind.source == MAIL for kind in self.kinds], bool)
        self._is_read = np.array([kind.is_read for kind in self.kinds], bool)
        self._has_token = np.array([kind.has_token for kind in self.kinds], bool)
        self._apps = {name: number for number, name in enumerate(sorted({kind.mail_app_key for kind in self.kinds}))}
        self._app_of = np.array([self._apps[kind.mail_app_key] for kind in self.kinds], np.uint64)

    def count(self, rows: Rows) -> None:
        """Count rows that stay; further rows of a record only for their keys."""
        self._issued(rows)
        rows = rows[(rows["item"] & EXTRA) == 0]
        if not len(rows):
            return
        self.latest = max(self.latest or 0, int(rows["ingested"].max()))
        kinds = rows["kind"]
        present = np.unique(kinds)
        self.sources |= {self.kinds[kind].source for kind in present}
        mail = rows["time"][self._is_mail[kinds]]
        if len(mail):
            first = int(mail.min())
            self.first_mail = first if self.first_mail is None else min(self.first_mail, first)
        self._feeds(rows, present)
        self._span(rows, present)
        self._mail_reads(rows[self._is_read[kinds]])

    def _feeds(self, rows: Rows, present: Bits) -> None:
        for table in {self._required[kind] for kind in present} - {""}:
            of_table = np.array([name == table for name in self._required])[rows["kind"]]
            hours = rows["time"][of_table] // _HOUR
            arrived = rows["ingested"][of_table]
            found = self._arrived.setdefault(table, {})
            for hour in np.unique(hours):
                found.setdefault(int(hour), []).append(arrived[hours == hour])

    def _span(self, rows: Rows, present: Bits) -> None:
        for name in self.spanned:
            hit = [kind for kind in present if name in self.kinds[kind].hits]
            if hit:
                times = rows["time"][np.isin(rows["kind"], hit)]
                count, first, last = self.spans.get(name, (0, None, None))
                low, high = moment_of(times.min()), moment_of(times.max())
                self.spans[name] = (
                    count + len(times),
                    low if first is None else min(first, low),
                    high if last is None else max(last, high),
                )

    def _mail_reads(self, reads: Rows) -> None:
        for hour, count in zip(*np.unique(reads["time"] // _HOUR, return_counts=True), strict=True):
            self.reads[moment_of(hour * _HOUR)] += int(count)
        days = (reads["time"] // _DAY).astype(np.int64)
        for number in np.unique(reads["kind"]):
            kind, of = self.kinds[number], days[reads["kind"] == number]
            for day, count in zip(*np.unique(of, return_counts=True), strict=True):
                start, found = moment_of(day * _DAY), Day(int(count), int(count) * kind.has_token)
                self.client_kinds.setdefault(kind.client_kind, {}).setdefault(start, Day()).add(found)
                self._by_key.setdefault(kind.mail_app_key, {}).setdefault(start, Day()).add(found)
        slots = self.judge.slots[MAIL]
        with_token = reads[self._has_token[reads["kind"]]]
        entries = np.empty(len(with_token), _TOKEN)
        entries["key"] = with_token["keys"][:, slots.index(TOKEN)]
        entries["use"] = self._app_of[with_token["kind"]] << np.uint64(32) | (with_token["time"] // _DAY).astype(
            np.uint64
        )
        self._tokens.add(np.unique(entries))

    def _issued(self, rows: Rows) -> None:
        for name, field_name in ISSUERS.items():
            fires = np.array([name in kind.hits for kind in self.kinds], bool)[rows["kind"]]
            if not fires.any():
                continue
            for source in self.judge.pack.rule(name).sources:
                keys = rows["keys"][fires, self.judge.slots[source.key].index(field_name)]
                entries = np.empty(len(keys), _TOKEN)
                entries["key"], entries["use"] = keys, _ISSUED
                self._tokens.add(entries)

    # What the reference asks for -------------------------------------------------------------------------------------

    def feeds(self) -> CountedFeeds:
        """Return the feeds of the stream."""
        rows = {
            table: {moment_of(hour * _HOUR): np.sort(np.concatenate(arrived)) for hour, arrived in hours.items()}
            for table, hours in self._arrived.items()
        }
        return CountedFeeds(self.sources, rows, self.last_week)

    def arrivals(self) -> dict[str, Arrivals]:
        """Return the rows of the required feeds for the checks of health."""
        feeds = self.feeds()
        return {table: _arrivals(feeds._rows[table]) for table in self._arrived}  # type: ignore[arg-type]

    def keys(self) -> list[KeyDays]:
        """Return, of the applications of whose token ids some are explained and some are not, the reads by day.

        Of no other application can the share of explained ids have fallen.
        """
        pieces: dict[int, list[tuple[Bits, Bits, Bits]]] = {}
        states = np.zeros((len(self._apps), 2), bool)
        for entries in self._tokens.groups():
            starts = starts_of(entries["key"])
            group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(entries))))
            issued = np.logical_or.reduceat(entries["use"] == _ISSUED, starts)[group]
            used = entries["use"] != _ISSUED
            apps = (entries["use"][used] >> np.uint64(32)).astype(np.int64)
            days = (entries["use"][used] & np.uint64(0xFFFFFFFF)).astype(np.int64)
            tokens, explained = entries["key"][used], issued[used]
            states[apps, explained.astype(np.int64)] = True
            for app in np.unique(apps):
                of = apps == app
                pieces.setdefault(int(app), []).append((days[of], tokens[of], explained[of]))
        self._tokens.close()
        names = {number: name for name, number in self._apps.items()}
        return [self._key(names[app], pieces[app]) for app in sorted(pieces) if states[app].all()]

    def _key(self, name: str, pieces: Sequence[tuple[Bits, Bits, Bits]]) -> KeyDays:
        days = {day: Day(found.reads, found.with_token_id) for day, found in self._by_key[name].items()}
        issued: set[object] = set()
        for numbers, tokens, explained in pieces:
            issued.update(tokens[explained].tolist())
            for number, token in zip(numbers.tolist(), tokens.tolist(), strict=True):
                days[moment_of(number * _DAY)].token_ids.add(token)
        return KeyDays(name, days, frozenset(issued))


def _arrivals(hours: Mapping[datetime, Bits]) -> Arrivals:
    def arrived(by: datetime | None) -> Counter[datetime]:
        limit = None if by is None else micros(by)
        counts = {
            hour: len(rows) if limit is None else int(np.searchsorted(rows, limit, side="right"))
            for hour, rows in hours.items()
        }
        return Counter({hour: count for hour, count in counts.items() if count})

    return arrived
