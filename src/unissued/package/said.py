"""What a package says about a rule in words: its description for an analyst, its level, its durations."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta

from unissued.pack import Rule

SEVERITIES: Mapping[str, str] = {
    "informational": "Informational",
    "low": "Low",
    "medium": "Medium",
    "high": "High",
    "critical": "High",
}
"""Sigma's level -> Microsoft's severity."""
_PARTS = (
    ("needs", "Needs"),
    ("falsepositives", "Known false positives"),
    ("blind_spots", "Does not see"),
    ("triage", "First questions"),
)


def text_of(rule: Rule, key: str) -> str:
    """Return a text of a rule's file on one line; a list becomes sentences."""
    value = rule.definition.get(key)
    parts = [" ".join(str(part).split()) for part in (value if isinstance(value, list) else [value or ""])]
    return " ".join(part if part.endswith((".", "?")) else f"{part}." for part in parts if part)


def description(rule: Rule, *, with_triage: bool = True) -> str:
    """Return what a rule means, needs, mistakes and misses, and what to ask first; a paragraph each."""
    parts = [text_of(rule, "description")]
    for key, title in _PARTS if with_triage else _PARTS[:-1]:
        if said := text_of(rule, key):
            parts.append(f"{title}: {said}")
    return "\n\n".join(parts)


def iso(duration: timedelta) -> str:
    """Write a duration of whole minutes as ISO 8601 does, in one unit: ``P14D``, ``PT26H``."""
    amount, unit = _units(duration)
    return f"P{amount}D" if unit == "d" else f"PT{amount}{unit.upper()}"


def short(duration: timedelta) -> str:
    """Write a duration of whole minutes as analytics templates do: ``14d``, ``26h``."""
    amount, unit = _units(duration)
    return f"{amount}{unit}"


def _units(duration: timedelta) -> tuple[int, str]:
    minutes, rest = divmod(duration, timedelta(minutes=1))
    if rest or minutes <= 0:
        raise ValueError(f"{duration} is not a number of minutes")
    if minutes % (24 * 60) == 0:
        return minutes // (24 * 60), "d"
    return (minutes // 60, "h") if minutes % 60 == 0 else (minutes, "m")
