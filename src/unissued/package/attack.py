"""Tags of ATT&CK v19 in the words of Microsoft's products, which know the tactics of older versions only."""

from __future__ import annotations

import re
from collections.abc import Mapping

from unissued.errors import UnsupportedError
from unissued.pack import Rule

TACTICS: Mapping[str, str] = {
    "reconnaissance": "Reconnaissance",
    "resource-development": "ResourceDevelopment",
    "initial-access": "InitialAccess",
    "execution": "Execution",
    "persistence": "Persistence",
    "privilege-escalation": "PrivilegeEscalation",
    "stealth": "DefenseEvasion",
    "defense-impairment": "DefenseEvasion",
    "credential-access": "CredentialAccess",
    "discovery": "Discovery",
    "lateral-movement": "LateralMovement",
    "collection": "Collection",
    "command-and-control": "CommandAndControl",
    "exfiltration": "Exfiltration",
    "impact": "Impact",
}
"""Tactic as Sigma tags it -> as Sentinel and Defender XDR call it; v19 split Defense Evasion in two."""
OF_TACTICS: Mapping[str, tuple[str, ...]] = {
    "T1078": ("stealth", "persistence", "privilege-escalation", "initial-access"),
    "T1090": ("command-and-control",),
    "T1098": ("persistence", "privilege-escalation"),
    "T1114": ("collection",),
    "T1136": ("persistence",),
    "T1199": ("initial-access",),
    "T1484": ("defense-impairment", "privilege-escalation"),
    "T1528": ("credential-access",),
    "T1550": ("lateral-movement",),
    "T1562": ("defense-impairment",),
    "T1606": ("credential-access",),
    "T1671": ("persistence",),
    "T1685": ("defense-impairment",),
}
"""Technique that our rules name -> the tactics that it serves in v19."""
_EARLIER = {"T1685.002": "T1562.008"}
"""Technique of v19 -> the one that it was before; Microsoft's tables are older."""
_TECHNIQUE = re.compile(r"attack\.(t\d{4}(?:\.\d{3})?)\Z")


def tactics_of(rule: Rule) -> list[str]:
    """Return the tactics of a rule as Microsoft calls them, each once, in ATT&CK's order.

    Raises:
        UnsupportedError: a tag is neither a technique nor a known tactic.
    """
    tagged = [tag.removeprefix("attack.") for tag in tags_of(rule) if not _TECHNIQUE.match(tag)]
    for name in tagged:
        if name not in TACTICS:
            raise UnsupportedError.at(rule.path, f"tag 'attack.{name}' is no tactic of ATT&CK v19", ", ".join(TACTICS))
    return list(dict.fromkeys(theirs for ours, theirs in TACTICS.items() if ours in tagged))


def techniques_of(rule: Rule) -> list[str]:
    """Return the techniques of a rule, sub-techniques as they are, sorted; a new one by its earlier number."""
    found = {match[1].upper() for tag in tags_of(rule) if (match := _TECHNIQUE.match(tag))}
    return sorted(_EARLIER.get(one, one) for one in found)


def serves(name: str) -> tuple[str, ...]:
    """Return the tactics, as Sigma tags them, that a technique such as ``t1114.002`` serves."""
    return OF_TACTICS.get(name.upper().split(".", 1)[0], ())


def by_tactic(rule: Rule) -> dict[str, list[str]]:
    """Return a rule's tactics, each with those of its techniques that serve it.

    Raises:
        UnsupportedError: a technique serves none of the rule's tactics, or it is not known which it serves.
    """
    tactics = tactics_of(rule)
    found: dict[str, list[str]] = {name: [] for name in tactics}
    for one in techniques_of(rule):
        served = {TACTICS[name] for name in serves(one)}
        if not served & set(tactics):
            hint = "tag one of its tactics" if served else "say in package/attack.py which it serves"
            raise UnsupportedError.at(rule.path, f"technique {one} serves none of the tactics {tactics}", hint)
        for name in tactics:
            if name in served:
                found[name].append(one)
    return found


def parents(techniques: list[str]) -> list[str]:
    """Return techniques without their sub-techniques, each once, sorted."""
    return sorted({one.split(".", 1)[0] for one in techniques})


def tags_of(rule: Rule) -> list[str]:
    """Return a rule's tags of ATT&CK as they are."""
    tags = rule.definition.get("tags")
    return [str(tag) for tag in tags if str(tag).startswith("attack.")] if isinstance(tags, list) else []
