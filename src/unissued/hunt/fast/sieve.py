"""Finds the records that a correlation has to look at: those in whose windows it may fire, or leave something open.

Every test here is weaker than the correlation itself, so it never says what fires; the reference says that, of what is
left. Columns hold hashes, and hashes that happen to be equal only leave more to look at.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sigma.correlations import (
    CorrelationConditionAND,
    CorrelationConditionNOT,
    SigmaCorrelationCondition,
    SigmaCorrelationRule,
    SigmaCorrelationType,
    SigmaExtendedCorrelationCondition,
    SigmaRuleReference,
)

from unissued.evaluate.correlate import has_key, own_name
from unissued.hunt.fast.judging import MOST, TEMPORAL, Judge
from unissued.hunt.fast.rows import Rows
from unissued.hunt.fast.runs import Runs, starts_of
from unissued.pack.rule import JUDGED_AFTER, Rule

_ENTRY = np.dtype(
    [
        ("key", "<u8"),
        ("row", "<i8"),
        ("time", "<i8"),
        ("ingested", "<i8"),
        ("value", "<u8"),
        ("number", "<i8"),
        ("said", "<u8"),
        ("said_too", "<u8"),
        ("below", "<i8"),
    ]
)
_BITS = 20
_JUDGED_AFTER = JUDGED_AFTER.total_seconds() * 1_000_000

Bits = np.ndarray[Any, np.dtype[Any]]
Test = Callable[[Rows, Bits], Bits]
"""Tells of sorted entries, and where each key begins, which keys have to be looked at."""


@dataclass
class Sieve:
    """One correlation."""

    rule: Rule
    judge: Judge
    firing: Mapping[str, Bits]
    """Detection -> which kinds it fires on, by number."""
    _runs: Runs = field(default_factory=lambda: Runs(_ENTRY))
    _seen: list[Bits] = field(init=False)
    """Rule -> marks of the keys with which it matches, by the last bits of their hashes."""
    _asked: dict[int, Bits] = field(init=False)
    """Rule that a key leaves out -> marks of the keys with which the rules match that have every key."""

    def __post_init__(self) -> None:
        self._correlation: SigmaCorrelationRule = self.rule.correlation()
        self._window = int(self._correlation.timespan.seconds) * 1_000_000
        names = self.rule.references
        self._keys = list(self._correlation.group_by or ())
        self._has = [[key for key in self._keys if has_key(self._correlation, key, name)] for name in names]
        self._shared = [key for key in self._keys if all(key in has for has in self._has)]
        self._seen = [_no_marks() for _ in names]
        self._asked = {below: _no_marks() for below, has in enumerate(self._has) if has != self._keys}
        self._denied = [index for index, name in enumerate(self.rule.references) if name in _denied(self._correlation)]
        self._extended = isinstance(self._correlation.condition, SigmaExtendedCorrelationCondition)
        self._by_window = not self._extended and not self.rule.judge
        self._test = self._chosen()

    # What is looked at ------------------------------------------------------------------------------------------------

    def note(self, rows: Rows, source_of: Bits) -> None:
        """Take note of the keys of each rule, before any entry is kept."""
        for below, has in enumerate(self._has):
            _mark(self._seen[below], self._hashes(rows, source_of, below, has)[0])
            for partial, marks in self._asked.items() if has == self._keys else ():
                _mark(marks, self._hashes(rows, source_of, below, self._has[partial])[0])

    def take(self, numbers: Bits, rows: Rows, source_of: Bits) -> None:
        """Keep the entries whose key has what the correlation asks for."""
        common = self._common()
        for below, has in enumerate(self._has):
            keys, places = self._hashes(rows, source_of, below, has)
            if self._asked:
                keys, places = self._agreeing(rows, source_of, below)
            elif common is not None:
                known = _marked(common, keys)
                keys, places = keys[known], places[known]
            self._runs.add(self._entries(numbers, rows, source_of, below, keys, places))

    def _agreeing(self, rows: Rows, source_of: Bits, below: int) -> tuple[Bits, Bits]:
        """Return, by what all rules have in common, where a rule matches that the others seem to agree with.

        Hashes for different keys come in one and the same order, that of the rows.
        """
        keys, places = self._hashes(rows, source_of, below, self._shared)
        own, of_own = self._hashes(rows, source_of, below, self._has[below])
        if below in self._asked:
            known = _marked(self._asked[below], own)
        else:
            known = np.ones(len(own), bool)
            for partial in self._asked:
                theirs, of_theirs = self._hashes(rows, source_of, below, self._has[partial])
                known &= _marked(self._seen[partial], theirs[np.isin(of_theirs, of_own)])
            full = [one for one in range(len(self._has)) if one not in self._asked]
            for other in full:
                known &= _marked(self._seen[other], own)
        return keys[np.isin(places, of_own)][known], of_own[known]

    def _common(self) -> Bits | None:
        """Return the marks of the keys that can matter, None where all can."""
        asked = [index for index in range(len(self._seen)) if index not in self._denied]
        if self._extended:
            return np.asarray(np.bitwise_or.reduce([self._seen[index] for index in asked]))
        if self._correlation.type in TEMPORAL:
            return np.asarray(np.bitwise_and.reduce(self._seen))
        return None

    def _hashes(self, rows: Rows, source_of: Bits, below: int, names: Sequence[str]) -> tuple[Bits, Bits]:
        """Return hashes of some keys of the rows on which a rule fires, and the rows' places; some stand twice.

        Rows without a value for one of the keys are left out.
        """
        name = self.rule.references[below]
        fires = self.firing[name][rows["kind"]]
        keys, places = [], []
        for source in self.judge.pack.rule(name).sources:
            own = np.flatnonzero(fires & (source_of[rows["kind"]] == self._number(source.key)))
            slots = self.judge.slots[source.key]
            wanted = [own_name(self._correlation, key, name) for key in names]
            if not all(one in slots for one in wanted):
                continue  # this source does not have the field, so its matches belong to no group
            columns = [rows["keys"][own, slots.index(one)] for one in wanted]
            has_all = np.all([column != 0 for column in columns], axis=0) if columns else np.ones(len(own), bool)
            own, mixed = own[has_all], _mixed([column[has_all] for column in columns], int(has_all.sum()))
            if self._by_window:
                bucket = (rows["time"][own] // self._window).astype(np.uint64)
                mixed = np.concatenate((_mix(mixed, bucket), _mix(mixed, bucket + np.uint64(1))))
                own = np.concatenate((own, own))
            keys.append(mixed)
            places.append(own)
        if not keys:
            return np.zeros(0, np.uint64), np.zeros(0, np.int64)
        return np.concatenate(keys), np.concatenate(places)

    def _number(self, source: str) -> int:
        return list(self.judge.pack.catalogue.sources).index(source)

    def _entries(self, numbers: Bits, rows: Rows, source_of: Bits, below: int, keys: Bits, places: Bits) -> Rows:
        found = np.zeros(len(keys), _ENTRY)
        found["key"], found["row"], found["below"] = keys, numbers[places], below
        for name in ("time", "ingested", "number", "said", "said_too"):
            found[name] = rows[name][places]
        condition = self._correlation.condition
        counted = condition.fieldref if isinstance(condition, SigmaCorrelationCondition) else None
        if isinstance(counted, str):
            name = own_name(self._correlation, counted, self.rule.references[below])
            for source in self.judge.pack.rule(self.rule.references[below]).sources:
                if name in self.judge.slots[source.key]:
                    of_source = source_of[rows["kind"][places]] == self._number(source.key)
                    values = rows["keys"][places, self.judge.slots[source.key].index(name)]
                    found["value"] = np.where(of_source, values, found["value"])
        return found

    # What is left -----------------------------------------------------------------------------------------------------

    def rows(self) -> Iterator[Bits]:
        """Yield the numbers of the rows that the correlation has to look at."""
        for entries in self._runs.groups():
            starts = starts_of(entries["key"])
            wanted = self._test(entries, starts)
            lengths = np.diff(np.append(starts, len(entries)))
            yield np.unique(entries["row"][np.repeat(wanted, lengths)])
        self._runs.close()

    def _chosen(self) -> Test:
        condition = self._correlation.condition
        if self._extended:
            return self._unexplained if _is_plain_denial(condition) else _everything
        if self.rule.judge:
            return self._contradicted
        if self._correlation.type in TEMPORAL:
            return self._all_present
        if not isinstance(condition, SigmaCorrelationCondition) or condition.op is None:
            return _everything
        least = {"gte": condition.count, "gt": condition.count + 1}.get(condition.op.name.lower())
        if least is None or least > MOST:
            return _everything
        match self._correlation.type:
            case SigmaCorrelationType.EVENT_COUNT:
                return lambda entries, starts: np.diff(np.append(starts, len(entries))) >= least
            case SigmaCorrelationType.VALUE_COUNT:
                return lambda entries, starts: _distinct(entries, starts) >= least
            case SigmaCorrelationType.VALUE_SUM:
                return lambda entries, starts: _sums(entries, starts) >= least
        return _everything

    def _all_present(self, entries: Rows, starts: Bits) -> Bits:
        found = np.ones(len(starts), bool)
        for below in range(len(self.rule.references)):
            found &= np.logical_or.reduceat(entries["below"] == below, starts)
        return found

    def _unexplained(self, entries: Rows, starts: Bits) -> Bits:
        """Tell for which keys a match is not plainly explained by the first, the last or the earliest known of one."""
        group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(entries))))
        explained = np.zeros(len(entries), bool)
        for below in self._denied:
            of = np.flatnonzero(entries["below"] == below)
            for order in (entries["time"][of], -entries["time"][of], entries["ingested"][of]):
                first = of[np.lexsort((order, group[of]))]
                heads = first[starts_of(group[first])]
                witness = np.full(len(starts), -1)
                witness[group[heads]] = heads
                seen = witness[group]
                near = np.abs(entries["time"][seen] - entries["time"]) <= self._window
                known = entries["ingested"][seen] <= entries["ingested"] + _JUDGED_AFTER
                explained |= (seen >= 0) & near & known
        asked = ~np.isin(entries["below"], self._denied)
        return np.logical_or.reduceat(asked & ~explained, starts)

    def _contradicted(self, entries: Rows, starts: Bits) -> Bits:
        """Tell for which keys two records do not plainly say the same."""
        first = entries["below"] == 0
        most = np.maximum.reduceat(np.where(first, entries["said"], 0), starts)
        group = np.repeat(np.arange(len(starts)), np.diff(np.append(starts, len(entries))))
        same = (entries["said"] == most[group]) | (~first & (entries["said_too"] == most[group]))
        differs = np.logical_or.reduceat(~same, starts) | (most == 0)
        return np.asarray(differs & self._all_present(entries, starts))


def _no_marks() -> Bits:
    return np.zeros(1 << _BITS >> 3, np.uint8)


def _mark(marks: Bits, hashes: Bits) -> None:
    spots = (hashes & np.uint64((1 << _BITS) - 1)).astype(np.int64)
    np.bitwise_or.at(marks, spots >> 3, (1 << (spots & 7)).astype(np.uint8))


def _marked(marks: Bits, hashes: Bits) -> Bits:
    spots = (hashes & np.uint64((1 << _BITS) - 1)).astype(np.int64)
    return np.asarray((marks[spots >> 3] >> (spots & 7)) & 1 == 1)


def _everything(_entries: Rows, starts: Bits) -> Bits:
    return np.ones(len(starts), bool)


def _distinct(entries: Rows, starts: Bits) -> Bits:
    """Count the different values of each key."""
    order = np.lexsort((entries["value"], entries["key"]))
    key, value = entries["key"][order], entries["value"][order]
    new = np.concatenate(([True], (key[1:] != key[:-1]) | (value[1:] != value[:-1]))) & (value != 0)
    return np.add.reduceat(new.astype(np.int64), starts)


def _sums(entries: Rows, starts: Bits) -> Bits:
    """Add up the numbers of each key; a negative one makes the sum as large as can be."""
    numbers = np.where(entries["number"] < 0, MOST, entries["number"])
    return np.add.reduceat(numbers, starts)


def _mix(one: Bits, other: Bits) -> Bits:
    """Make one hash of two."""
    with np.errstate(over="ignore"):
        found = (one ^ (other + np.uint64(0x9E3779B97F4A7C15))) * np.uint64(0xBF58476D1CE4E5B9)
        return found ^ (found >> np.uint64(29))


def _mixed(columns: Sequence[Bits], count: int) -> Bits:
    found = np.zeros(count, np.uint64)
    for column in columns:
        found = _mix(found, column)
    return found


def _denied(correlation: SigmaCorrelationRule) -> set[str]:
    condition = correlation.condition
    if not isinstance(condition, SigmaExtendedCorrelationCondition):
        return set()
    found: set[str] = set()
    parts = condition.parsed.args if isinstance(condition.parsed, CorrelationConditionAND) else [condition.parsed]
    for part in parts:
        if isinstance(part, CorrelationConditionNOT) and isinstance(part.args[0], SigmaRuleReference):
            found.add(part.args[0].reference)
    return found


def _is_plain_denial(condition: object) -> bool:
    """Tell whether a condition is one rule and nothing of some others: ``a and not b and not c``."""
    if not isinstance(condition, SigmaExtendedCorrelationCondition):
        return False
    parsed = condition.parsed
    if not isinstance(parsed, CorrelationConditionAND):
        return False
    plain = [part for part in parsed.args if isinstance(part, SigmaRuleReference)]
    denied = [
        part
        for part in parsed.args
        if isinstance(part, CorrelationConditionNOT) and isinstance(part.args[0], SigmaRuleReference)
    ]
    return len(plain) == 1 and len(plain) + len(denied) == len(parsed.args)
