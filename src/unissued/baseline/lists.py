"""Lists that people fill: one column, its head is the list's name."""

from __future__ import annotations

import csv
import re
from ipaddress import ip_address
from pathlib import Path

from unissued.errors import LogError, Problem
from unissued.evaluate import canonical
from unissued.pack.catalogue import ListSpec

_GUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\Z")


def read_list(path: Path, spec: ListSpec) -> frozenset[str]:
    """Read one list.

    Raises:
        LogError: with every entry that is blank, a wildcard or no identifier: such an entry would excuse everything.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
        rows = list(csv.reader(text.splitlines(), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise LogError.at(str(path), f"cannot be read as a list: {error}", "one column, in UTF-8") from error
    if not rows or [cell.strip() for cell in rows[0]] != [spec.name]:
        raise LogError.at(f"{path}:1", f"the head is not '{spec.name}'", "one column, its head is the list's name")
    problems: list[Problem] = []
    entries: set[str] = set()
    for number, row in enumerate(rows[1:], start=2):
        entry = row[0].strip() if len(row) == 1 else ""
        if not entry or any(letter in entry for letter in "*?") or not _is_entry(entry, spec):
            problems.append(Problem(f"{path}:{number}", f"{entry!r} is no entry of {spec.name}", spec.holds))
        entries.add(entry)
    if problems:
        raise LogError(*problems)
    return frozenset(entries)


def _is_entry(entry: str, spec: ListSpec) -> bool:
    if spec.key == "pair":
        parts = entry.lower().split("|")
        return len(parts) == 2 and all(_GUID.match(part) for part in parts)
    if spec.key == "ip":
        return _is_address(str(canonical("ip", {}, entry)))
    return spec.key != "guid" or _GUID.match(str(canonical("guid", {}, entry))) is not None


def _is_address(text: str) -> bool:
    try:
        return bool(ip_address(text))
    except ValueError:
        return False
