"""What a page shows of a hunt: capped, in an order in which what matters comes first, with the number left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby

from unissued.hunt import Finding, Hunt
from unissued.hunt.text import lines_of
from unissued.pack.rule import Rule
from unissued.report.answers import Answers
from unissued.report.counts import Application, Counts, Key, Mailbox, Network
from unissued.report.facts import Facts
from unissued.report.naming import said_of
from unissued.report.sums import by_level, plural, some

MOST_FINDINGS = 300
"""Findings that are drawn at all, and below how many of one rule."""
MOST_OF_A_RULE = 25
_MOST_KEYS, _MOST_MAILBOXES, _MOST_APPS, _MOST_LISTED = 40, 24, 30, 6


@dataclass(frozen=True)
class ShownFinding:
    """A finding, and where its records stand."""

    facts: Facts
    lines: str

    def rows(self) -> list[tuple[str, list[str]]]:
        """Return what is known, by what it is, each capped; the last says how many more there are."""
        known = [
            ("who", self.facts.texts("users")),
            ("mailbox", self.facts.texts("mailboxes")),
            ("application", self.facts.applications),
            ("address", self.facts.texts("addresses")),
            ("token id", self.facts.texts("token_ids")),
            ("grouped by", self.facts.about),
        ]
        return [(name, _capped(values)) for name, values in known if values]

    def subject(self) -> str:
        """Return what the finding is about, in few words: mailboxes, else users, else its group."""
        known = (self.facts.texts("mailboxes"), self.facts.texts("users"), self.facts.about)
        return next((some(values, 2) for values in known if values), "")


def _capped(values: list[str]) -> list[str]:
    more = len(values) - _MOST_LISTED
    return values[:_MOST_LISTED] + ([f"and {more:,} more"] if more > 0 else [])


@dataclass(frozen=True)
class ShownRule:
    """The findings of one rule."""

    rule: Rule
    number: int
    findings: tuple[ShownFinding, ...]

    @property
    def left_out(self) -> int:
        """How many findings are not drawn."""
        return self.number - len(self.findings)

    def texts(self, name: str) -> list[str]:
        """Return what the rule's file says under a key, such as ``triage`` or ``blind_spots``."""
        value = self.rule.definition.get(name, ())
        return [str(text) for text in value] if isinstance(value, Sequence) and not isinstance(value, str) else []

    @property
    def description(self) -> str:
        """What the rule says it finds."""
        return str(self.rule.definition.get("description", ""))


@dataclass(frozen=True)
class ShownLevel:
    """The findings of one level, by rule."""

    level: str
    number: int
    rules: tuple[ShownRule, ...]


def shown_levels(hunt: Hunt) -> list[ShownLevel]:
    """Return the findings that are drawn, the worst first; every rule has one at least."""
    levels = by_level(hunt)
    groups: dict[str, list[ShownRule]] = {level: [] for level in levels}
    room = MOST_FINDINGS
    ordered = sorted(hunt.findings, key=lambda one: (list(levels).index(one.rule.level or "base"), one.rule.name))
    for (level, _), members in groupby(ordered, key=lambda one: (one.rule.level or "base", one.rule.name)):
        found = list(members)
        drawn = found[: max(1, min(MOST_OF_A_RULE, room))]
        room -= len(drawn)
        groups[level].append(ShownRule(found[0].rule, len(found), tuple(map(_shown, drawn))))
    return [ShownLevel(level, number, tuple(groups[level])) for level, number in levels.items()]


def _shown(finding: Finding) -> ShownFinding:
    return ShownFinding(Facts(finding), lines_of(finding))


@dataclass(frozen=True)
class Matrix:
    """Who read which mailbox. ``rows`` are keys with their cells in the order of ``mailboxes``."""

    mailboxes: tuple[Mailbox, ...]
    rows: tuple[tuple[Key, tuple[Counts | None, ...]], ...]
    left_out: str
    """How many rows and columns are not drawn, in words; empty where all are."""


def matrix(answers: Answers) -> Matrix:
    """Return the part of the matrix that is drawn."""
    sizes = answers.sizes()
    mailboxes = tuple(answers.mailboxes(_MOST_MAILBOXES))
    rows = []
    for key in answers.keys(_MOST_KEYS):
        cells = answers.cells(key.key, [box.id for box in mailboxes])
        rows.append((key, tuple(cells.get(box.id) for box in mailboxes)))
    left = {"row": sizes["keys"] - len(rows), "column": sizes["mailboxes"] - len(mailboxes)}
    said = " and ".join(plural(number, what) for what, number in left.items() if number > 0)
    return Matrix(mailboxes, tuple(rows), said)


@dataclass(frozen=True)
class Card:
    """One application: what is known about it, and what it did."""

    application: Application
    said: str
    """What public lists say about its name; empty where none knows it."""
    keys: tuple[Key, ...]
    mailboxes: tuple[Mailbox, ...]
    networks: tuple[Network, ...]


def cards(answers: Answers) -> list[Card]:
    """Return the applications that are drawn."""
    return [_card(answers, application) for application in answers.applications(_MOST_APPS)]


def _card(answers: Answers, application: Application) -> Card:
    return Card(
        application,
        said_of(application.acting),
        tuple(answers.keys(_MOST_LISTED, application.acting)),
        tuple(answers.mailboxes(_MOST_LISTED, application.acting)),
        tuple(answers.networks(application.acting, _MOST_LISTED)),
    )
