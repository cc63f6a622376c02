"""What kind of rule it is: what a match of it proves, and what it does not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

from unissued.pack import ListSpec, Pack, Rule


@dataclass(frozen=True)
class Said:
    """A kind of rule in words."""

    what: str
    proves: str
    not_proved: str


class Kind(Enum):
    """How a rule comes to a match."""

    RECORD = Said(
        "One record is enough.",
        "That a record with these values was written.",
        "Who wrote the values of a record: much of it, such as a client string, is chosen by the client.",
    )
    LOOKUP = Said(
        "One record is enough, held against a list.",
        "That a record was written, and what a list of this tenant says about it.",
        "More than the list is worth: who fills it, and when, decides what is found.",
    )
    COUNT = Said(
        "Records are counted over a sliding window.",
        "That so much was recorded within one window and under one key.",
        "That it was one person or one purpose.",
    )
    TOGETHER = Said(
        "Records of several kinds lie within one window.",
        "That these records lie within one window and share a key.",
        "That one of them caused another.",
    )
    ORDER = Said(
        "Records follow each other within one window.",
        "That these records were written in this order, within one window, and share a key.",
        "That one of them caused the next.",
    )
    JUDGED = Said(
        "Records of several kinds lie within one window, and a test that Sigma cannot say is made of them.",
        "That these records were written, share a key, and contradict each other as the rule says.",
        "Which of them is wrong, and why.",
    )
    ABSENCE = Said(
        "A record is judged once, six hours after it was ingested, by what is not there.",
        "That nothing which explains the record had arrived by then, although the feeds counted as complete.",
        "Why it is missing. What is unexplained is not proven forged: feeds have gaps that no gate sees.",
    )
    BY_HAND = Said(
        "It is written by hand, because Sigma cannot say it.",
        "That the records under a match were written, or that records are missing where the rule says so.",
        "Why.",
    )


_COUNTED = ("event_count", "value_count", "value_sum")


def kind_of(rule: Rule) -> Kind:
    """Return the kind of a rule."""
    body = rule.definition.get("correlation")
    if isinstance(body, Mapping):
        if "judge" in rule.definition:
            return Kind.JUDGED
        if isinstance(body.get("condition"), str):
            return Kind.ABSENCE if " not " in f" {body['condition']} ".replace("(", " ") else Kind.TOGETHER
        if body.get("type") in _COUNTED:
            return Kind.COUNT
        return Kind.ORDER if body.get("type") == "temporal_ordered" else Kind.TOGETHER
    if "detection" not in rule.definition:
        return Kind.BY_HAND
    return Kind.LOOKUP if rule.lists else Kind.RECORD


def lists_of(pack: Pack, rule: Rule) -> list[ListSpec]:
    """Return the lists that a rule and those below it ask for."""
    names = dict.fromkeys(name for below in pack.below(rule) for name in below.lists)
    return [pack.catalogue.lists[name] for name in names if name in pack.catalogue.lists]


def texts(rule: Rule, key: str) -> list[str]:
    """Return a list of texts of the rule's file, empty where it has none."""
    value = rule.definition.get(key)
    return [str(one) for one in value] if isinstance(value, list) else []


def text(rule: Rule, key: str) -> str:
    """Return a text of the rule's file, empty where it has none."""
    value = rule.definition.get(key)
    return value if isinstance(value, str) else ""


LEVELS = ("critical", "high", "medium", "low", "informational")


def alerting(pack: Pack) -> list[Rule]:
    """Return the rules that alert somebody, the gravest first."""
    found = [rule for rule in pack.rules.values() if rule.level]
    return sorted(found, key=lambda rule: (LEVELS.index(rule.level), rule.name))
