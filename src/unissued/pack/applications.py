"""What well-known applications are called, and when an application that reads mail counts as normal.

Names come from ``applications.yml`` and are never a verdict. The numbers are those of the learning rules: the command
line learns with them, and the queries that learn inside a SIEM are written with them.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from functools import cache
from importlib.resources import as_file, files

from unissued.errors import SourceError
from unissued.pack.document import load_document

MINIMUM_AGE = timedelta(days=7)
"""A key becomes normal when it was first seen this long before the end of learning ..."""
MINIMUM_DAYS = 3
"""... and on so many different days, UTC."""
QUARANTINE = timedelta(hours=24)
"""The youngest records teach nothing: rules may not have judged them yet."""
LEARNED = timedelta(days=30)
"""How far back the queries learn that run inside a SIEM."""
EXCHANGE_ONLINE = "00000002-0000-0ff1-ce00-000000000000"
"""The identity of Outlook on the web; with any other kind of client a person must approve it."""
OUTLOOK_ON_THE_WEB = "owa"
"""The kind of client that Outlook on the web is, in small letters."""

_GROUPS = ("first_party", "public_clients", "known_from_intrusions")
_GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


@dataclass(frozen=True)
class Application:
    """A well-known application."""

    id: str
    """Client id, small letters with dashes."""
    name: str
    group: str
    """``first_party``, ``public_clients`` or ``known_from_intrusions``."""
    source: str
    """Where the name comes from, in words."""


@cache
def load_applications() -> Mapping[str, Application]:
    """Return the well-known applications by id.

    Raises:
        SourceError: the file is not as its own head says.
    """
    with as_file(files("unissued.pack") / "applications.yml") as path:
        data = load_document(path, "applications.yml").data
    if not isinstance(data, Mapping) or set(data) != {"sources", *_GROUPS}:
        raise SourceError.at("applications.yml", f"has other parts than sources, {', '.join(_GROUPS)}")
    found: dict[str, Application] = {}
    for group in _GROUPS:
        for key, entry in data[group].items():
            if key in found or not _GUID.match(key) or entry["source"] not in data["sources"]:
                raise SourceError.at(f"applications.yml: {key}", "is no id, or there twice, or has no source")
            said = str(data["sources"][entry["source"]]["title"])
            source = f"{said} (community entry)" if entry.get("community") else said
            found[key] = Application(key, str(entry["name"]), group, source)
    return found


@cache
def never_automatic() -> frozenset[str]:
    """Return the ids of applications that only a person can make normal."""
    return frozenset(one.id for one in load_applications().values() if one.group != "first_party")
