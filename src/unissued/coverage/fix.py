"""What is worth fixing first: a ranking by what it takes from the rules, the same for the same input."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from unissued.coverage.blind import Blind, Want
from unissued.coverage.mail import Off
from unissued.health import HealthFinding
from unissued.pack.load import Pack
from unissued.pack.rule import Rule

_WEIGHTS = {"critical": 16, "high": 8, "medium": 4, "low": 2, "informational": 1}
_ADVICE = {
    "feed": "bring the logs of",
    "gap": "mend the feed",
    "list": "give the list",
    "field": "export records with the field",
}
_MOST_RULES = 4


@dataclass(frozen=True)
class Fix:
    """Something to mend. ``weight`` adds up what it takes from the rules: level, twice where nothing is seen."""

    weight: int
    what: str
    why: str
    kind: int
    """Order among equals."""


def ranking(
    pack: Pack,
    blind: Sequence[Blind],
    off: Sequence[Off],
    health: Sequence[HealthFinding],
    short: Sequence[str],
    partial: Sequence[str],
) -> tuple[Fix, ...]:
    """Rank what could be mended, most worth first.

    Weights: a rule counts by its level (critical 16, high 8, medium 4, low 2, informational 1), twice where it is
    wholly blind. A mailbox whose reads are not recorded takes a part from every rule on mail.
    """
    mail = [rule for rule in pack.rules.values() if rule.level and any("exchange" in one.key for one in rule.sources)]
    fixes = [*_wants(blind), *_not_recorded(mail, off, health), *_rest(short, partial)]
    return tuple(sorted(fixes, key=lambda fix: (-fix.weight, fix.kind, fix.what)))


def _wants(blind: Sequence[Blind]) -> Iterator[Fix]:
    wants: dict[Want, list[Blind]] = {}
    for one in blind:
        wants.setdefault(one.want, []).append(one)
    for want, found in wants.items():
        weight = sum(_weight(one.rule, whole=one.whole) for one in found)
        names = sorted(one.rule.name for one in found)
        verb = "blind" if found[0].whole else "in part not evaluated"
        records = sum(one.records for one in found)
        why = f"{len(names)} rules are {verb} without it: {_some(names)}"
        why += f"; {records} records not evaluated" if records else ""
        yield Fix(weight, f"{_ADVICE[want.kind]} {want.name}", why, 1)


def _not_recorded(mail: Sequence[Rule], off: Sequence[Off], health: Sequence[HealthFinding]) -> Iterator[Fix]:
    part = sum(_weight(rule, whole=False) for rule in mail)
    everything = [one for one in off if not one.mailbox]
    for one in everything:
        yield Fix(2 * part, f"switch on again: {one.what}", f"nothing is recorded since {one.since:%Y-%m-%d %H:%MZ}", 0)
    mailboxes = [one.mailbox for one in off if one.mailbox]
    if mailboxes:
        why = f"no rule on mail sees {len(mailboxes)} mailboxes: {_some(mailboxes)}"
        yield Fix(part, "switch mailbox auditing on again, or say why it is off", why, 2)
    throttled = [one.subject for one in health if one.check.name == "feed_mailbox_throttled"]
    if throttled:
        why = f"reads of {len(throttled)} mailboxes went unrecorded: {_some(throttled)}"
        yield Fix(part // 2, "find what filled the quota of throttled mailboxes", why, 3)


def _rest(short: Sequence[str], partial: Sequence[str]) -> Iterator[Fix]:
    if partial:
        yield Fix(1, "export again what was cut or refused", f"{len(partial)} signs that records are missing", 4)
    if short:
        yield Fix(0, "keep logs longer", f"these reach back less far than asked for: {_some(short)}", 5)


def _weight(rule: Rule, *, whole: bool) -> int:
    return _WEIGHTS.get(rule.level, 1) * (2 if whole else 1)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _MOST_RULES
    return ", ".join(names[:_MOST_RULES]) + (f" and {more} more" if more > 0 else "")
