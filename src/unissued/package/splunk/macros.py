"""The two places where a site changes a search without touching it: where the data are, and what to leave out.

A packaged search is the plain one with ``index=* sourcetype="…"`` replaced by a macro, and a filter macro as its last
command. Expanded with the macros as they ship it is the plain search again, to the byte, and ``search *``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from unissued.errors import UnsupportedError
from unissued.package.splunk.conf import one_line

NOTHING = "search *"
"""What a filter macro says until a site says something else: every row stays."""
SOURCES = {
    "o365:management:activity": ("unissued_m365_audit", "Microsoft 365 unified audit log"),
    "azure:monitor:aad": ("unissued_entra_logs", "Entra sign-in, audit and risk logs, and Graph activity"),
}
"""Source type -> its macro, and what it holds."""
_ANYWHERE = re.compile(r'index=\* sourcetype="([^"\\]+)"')
_MACRO = re.compile(r"`([^`]*)`")
_NAME = re.compile(r"[A-Za-z0-9_]+\Z")
_DEEPEST = 10


def filter_name(rule: str) -> str:
    """Return the name of a rule's filter macro."""
    return f"unissued_{rule}_filter"


def with_sources(query: str) -> str:
    """Return a search that asks macros where the data are.

    Raises:
        UnsupportedError: it reads something that has no macro.
    """
    unknown = {name for name in _ANYWHERE.findall(query) if name not in SOURCES}
    if unknown or "`" in query:
        raise UnsupportedError.at("search", f"cannot be packaged: {', '.join(sorted(unknown)) or 'a back-tick'}")
    said = _ANYWHERE.sub(lambda found: f"`{SOURCES[found[1]][0]}`", query)
    if "index=" in said:
        raise UnsupportedError.at("search", "names an index where no macro can stand for it")
    return said


def packaged(query: str, rule: str) -> str:
    """Return the text of a rule's saved search."""
    return f"{with_sources(query.rstrip())}\n| `{filter_name(rule)}`"


def macros(rules: Mapping[str, str]) -> dict[str, dict[str, str]]:
    """Return macros.conf.

    Args:
        rules: name -> title of every rule that is packaged.
    """
    found = {
        macro: {
            "definition": f'index=* sourcetype="{source}"',
            "iseval": "0",
            "description": f"Where the {holds} lie. Name your index here, in local/macros.conf.",
        }
        for source, (macro, holds) in SOURCES.items()
    }
    for name, title in rules.items():
        found[filter_name(name)] = {
            "definition": NOTHING,
            "iseval": "0",
            "description": one_line(
                f"What this site does not want to hear of: {title}. Change it in local/macros.conf."
            ),
        }
    return found


def expanded(search: str, defined: Mapping[str, Mapping[str, str]]) -> str:
    """Return a search with the macros of a macros.conf expanded.

    Raises:
        UnsupportedError: a macro is not defined, has arguments, or is built on itself.
    """
    for _ in range(_DEEPEST):
        if "`" not in search:
            return search
        search = _MACRO.sub(lambda found: _definition(found[1], defined), search)
    raise UnsupportedError.at("macro", f"after {_DEEPEST} rounds there is still one: {search[:60]!r}")


def _definition(name: str, defined: Mapping[str, Mapping[str, str]]) -> str:
    settings = defined.get(name, {})
    if not _NAME.match(name) or "definition" not in settings or settings.get("iseval", "0") != "0":
        raise UnsupportedError.at(f"`{name}`", "is no macro of this app", ", ".join(sorted(defined)[:5]))
    return settings["definition"]
