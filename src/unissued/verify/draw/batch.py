"""A batch: some records, and the rules that are judged on them."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from unissued.errors import PackError
from unissued.evaluate import Event, Given
from unissued.pack import Catalogue, Document, Field, Pack, Rule, Source, pack_of
from unissued.record import Record
from unissued.verify.draw.records import FRAME, START, record
from unissued.verify.draw.rules import Definition, Rules
from unissued.verify.draw.values import Pool, pool

_RULES = 25
_FIELDS = 8
_SPANS = (timedelta(minutes=10), timedelta(minutes=30), timedelta(hours=1))


@dataclass(frozen=True)
class Drawn:
    """A rule of a batch in a pack of its own, with the rules below it."""

    pack: Pack
    rule: Rule
    documents: tuple[Definition, ...]


@dataclass
class Batch:
    """Records, lists, and rules in the dialect."""

    records: list[Record]
    given: Given
    drawn: list[Drawn]
    refused: Counter[str] = field(default_factory=Counter)
    """What the gate said of rules that it refused -> how many."""


def draw_batch(catalogue: Catalogue, seed: int, number: int, records: int = 50) -> Batch:
    """Draw a batch.

    Args:
        catalogue: fields and lists.
        seed: the same seed and number give the same batch.
        number: which batch.
        records: how many records it has.
    """
    return _batch(catalogue, random.Random(f"{seed}/{number}"), records)  # noqa: S311 - the same again at every run


def _batch(catalogue: Catalogue, rng: random.Random, records: int) -> Batch:
    sources = rng.sample(list(catalogue.sources.values()), rng.choice((1, 2)))
    if rng.random() < 0.15:
        sources = [catalogue.sources[key] for key in rng.choice(list(catalogue.categories.values()))]
    pools = {source.key: _pools(rng, source) for source in sources}
    found = [
        record(rng, source, pools[source.key], time, line)
        for line, (source, time) in enumerate(
            zip(rng.choices(sources, k=records), _times(rng, records), strict=True), start=1
        )
    ]
    for source in sources:
        pools[source.key] |= _derived(rng, source, pools[source.key], found)
    batch = Batch(found, Given(lists=_lists(rng, catalogue, found)), [])
    maker = Rules(rng, catalogue, pools)
    while len(batch.drawn) < _RULES:
        documents = _documents(rng, maker, rng.choice(sources))
        try:
            made = pack_of(Document("drawn", one, {}) for one in documents)
        except PackError as error:
            batch.refused.update(problem.problem for problem in error.problems)
            continue
        batch.drawn.append(Drawn(made, made.rule(str(documents[-1]["name"])), tuple(documents)))
    return batch


def _documents(rng: random.Random, maker: Rules, source: Source) -> list[Definition]:
    plain = [one.field for one in maker.pools[source.key].values() if not one.field.many and not one.field.derive]
    keys = [known for known in plain if known.type not in ("time", "int")]
    numbers = [known for known in plain if known.type == "int"]
    chance = rng.random()
    if chance < 0.4 and len(keys) > 1 and numbers:
        return maker.correlation(source, keys, numbers)
    if chance > 0.98 and keys:
        return maker.absence(source, keys)
    category = next((name for name, keys in maker.catalogue.categories.items() if set(keys) == set(maker.pools)), "")
    if category and chance > 0.7:
        return [maker.detection(source, category)]
    return [maker.detection(source)]


def _pools(rng: random.Random, source: Source) -> dict[str, Pool]:
    """Draw the fields that records of a batch have, and what they hold; a derived field brings its own fields along."""
    known = [one for one in source.fields.values() if one.name not in FRAME]
    chosen: dict[str, Field] = {}
    for one in rng.sample(known, min(_FIELDS, len(known))):
        chosen |= {below.name: below for below in _under(source, one)}
    return {name: pool(rng, one) for name, one in chosen.items() if name not in FRAME}


def _under(source: Source, known: Field) -> Iterator[Field]:
    """Yield the fields of the record that a field is computed from, or itself."""
    if not known.derive:
        yield known
    for name in known.sources:
        yield from _under(source, source.fields[name])


def _derived(
    rng: random.Random, source: Source, pools: Mapping[str, Pool], records: Sequence[Record]
) -> dict[str, Pool]:
    """Return the derived fields that the pools can feed, with some of the values that they come to."""
    events = [Event(one, source) for one in records if one.source == source.key]
    found: dict[str, Pool] = {}
    for known in source.fields.values():
        if known.derive and {below.name for below in _under(source, known)} <= {*pools, *FRAME}:
            values = sorted({str(value) for event in events for value in event.values(known.name)})
            if values:
                found[known.name] = Pool(known, tuple(rng.sample(values, min(len(values), 3))))
    return found


def _times(rng: random.Random, count: int) -> list[datetime]:
    """Draw times with many ties, and many that are exactly one of the spans apart, or a second more or less.

    Some have fractions of a second, which no window may look at.
    """
    times = [START]
    while len(times) < count:
        shift = rng.choice((timedelta(), *_SPANS)) + timedelta(seconds=rng.choice((0, 0, -1, 1, 600, 1234)))
        times.append(rng.choice(times) + shift)
    rng.shuffle(times)
    return [time + timedelta(microseconds=rng.choice((0, 0, 0, 700_000))) for time in times]


def _lists(rng: random.Random, catalogue: Catalogue, records: list[Record]) -> Mapping[str, frozenset[str]]:
    """Fill the lists with keys that occur, and one that does not."""
    found: dict[str, frozenset[str]] = {}
    for name, spec in catalogue.lists.items():
        fields = {
            "mail_app_key": "MailAppKey",
            "mailbox_app_key": "MailboxAppKey",
            "guid": "ClientAppId",
            "ip": "ClientAddress",
        }
        values = {
            str(value)
            for one in records
            if one.source == "m365/exchange"
            for value in Event(one, catalogue.sources[one.source]).values(fields.get(spec.key, ""))
        }
        entries = rng.sample(sorted(values), min(len(values), 2))
        found[name] = frozenset([*entries, "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee"] if rng.random() < 0.9 else [])
    return found
