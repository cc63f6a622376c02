"""Facts that the pages say beyond the rules: names of techniques, what switches a log on, what it costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import as_file, files

from unissued.errors import SourceError
from unissued.pack import load_document

_UNKNOWN = "not stated here"


@dataclass(frozen=True)
class Technique:
    """A technique of ATT&CK."""

    id: str
    """Such as ``T1606.001``."""
    name: str
    """Empty if it is not known here."""
    why: str
    """What somebody gains by it, one sentence; empty if it is not known here."""

    @property
    def url(self) -> str:
        """Its page at MITRE."""
        return f"https://attack.mitre.org/techniques/{self.id.replace('.', '/')}/"


@dataclass(frozen=True)
class Feed:
    """A table or source type: the product that holds it, what switches it on, the licence that it takes."""

    table: str
    product: str
    switch: str
    licence: str


def technique(tag: str) -> Technique:
    """Return a technique by its id in a rule's tags, such as ``t1606.001``."""
    known = _facts("techniques").get(tag, {})
    return Technique(tag.upper(), known.get("name", ""), known.get("why", ""))


def feed(table: str) -> Feed:
    """Return what is known about a table."""
    known = _facts("tables").get(table, {})
    return Feed(table, *(known.get(key, _UNKNOWN) for key in ("in", "switch", "licence")))


@cache
def _facts(part: str) -> Mapping[str, Mapping[str, str]]:
    with as_file(files("unissued.pages") / "facts.yml") as path:
        data = load_document(path, "facts.yml").data
    entries = data.get(part) if isinstance(data, Mapping) else None
    if not isinstance(entries, Mapping):
        raise SourceError.at("facts.yml", f"has no {part}")
    return {str(key): {str(word): str(text) for word, text in entry.items()} for key, entry in entries.items()}
