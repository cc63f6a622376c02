"""The learned lists as a SIEM takes them. Every list says how many entries it has, because queries count them."""

from __future__ import annotations

import csv
import hashlib
import io
import uuid
from collections.abc import Collection, Iterable, Mapping, Sequence

import yaml

from unissued.baseline.show import names_of
from unissued.baseline.table import Baseline, Row, neutral
from unissued.errors import LogError
from unissued.evaluate import fold
from unissued.pack.load import Pack
from unissued.pack.rule import Rule

FORMS = ("sentinel-watchlist", "splunk-lookup", "sigma-filter")
SUMS = "SHA256SUMS"
_LARGEST = 3_500_000
"""Bytes of a watchlist that is uploaded; Microsoft's limit is 3.8 MB."""
_ROWS = "#rows="
_NAMESPACE = "https://github.com/unissued/learned/"


def exported(baseline: Baseline, pack: Pack, form: str) -> dict[str, str]:
    """Return files by name: the learned lists in one of :data:`FORMS`, and the hash of each.

    Args:
        baseline: what was learned.
        pack: its rules say which of them ask for a list, and by which field.
        form: for whom.

    Raises:
        LogError: a watchlist is larger than an upload may be.
    """
    lists = baseline.lists()
    rows = {fold(row.mail_app_key): row for row in baseline.rows if not row.mailbox_guid}
    files: dict[str, str] = {}
    for name, entries in sorted(lists.items()):
        if form == "sigma-filter":
            files |= _filters(name, entries, pack, baseline.sha256)
        else:
            files[f"unissued_{name}.csv"] = _table(sorted({fold(entry) for entry in entries}), rows, form)
    for name, text in files.items():
        if form == "sentinel-watchlist" and len(text.encode()) > _LARGEST:
            hint = "fill a table with a summary rule instead, or use another form"
            raise LogError.at(name, f"has more than {_LARGEST:,} bytes, too many for an upload", hint)
    sums = "".join(f"{hashlib.sha256(text.encode()).hexdigest()}  {name}\n" for name, text in sorted(files.items()))
    return {**files, SUMS: sums}


def _table(entries: Sequence[str], rows: Mapping[str, Row], form: str) -> str:
    """Write a list as CSV: the entries, what is known about each, and the row that tells their number."""
    head = "Key" if form == "sentinel-watchlist" else "key"
    out = [_line((head, "status", "applications", "reviewed_by", "note"))]
    for entry in entries:
        row = rows.get("|".join(entry.split("|")[:3]))
        said = (row.status.value, names_of(row), row.reviewed_by, row.note) if row else ("", "", "", "")
        out.append(_line((_shielded(entry, form), *map(neutral, said))))
    out.append(_line((f"{_ROWS}{len(entries)}", "", "", "", "")))
    return "".join(out)


def _shielded(entry: str, form: str) -> str:
    """Return a key for a cell. Some begin with ``-``, which spreadsheets may take for the beginning of a formula.

    The queries for Sentinel trim blanks, so one goes first. A lookup compares whole cells, so there the key stays as it
    is: what the baseline takes for a key has no letter that a formula would need to call or to compute anything.
    """
    return f" {entry}" if form == "sentinel-watchlist" and neutral(entry) != entry else entry


def _line(cells: Iterable[str]) -> str:
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().removesuffix("\r\n") + "\n"


def _filters(name: str, entries: Collection[str], pack: Pack, sha256: str) -> dict[str, str]:
    """Write a list as Sigma filters, one for each field by which rules ask for it; none for an empty list."""
    asking: dict[str, list[str]] = {}
    for rule in pack.rules.values():
        for field in sorted(_asked_with(rule, name)):
            asking.setdefault(field, []).append(rule.name)
    files: dict[str, str] = {}
    for field, rules in sorted(asking.items()) if entries else ():
        stem = f"learned_{name}" if len(asking) == 1 else f"learned_{name}_{field.lower()}"
        document = {
            "title": f"Learned List {name}",
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, _NAMESPACE + stem)),
            "name": stem,
            "version": "1.0.0",
            "status": "experimental",
            "description": f"{len(entries)} entries of the baseline with the SHA-256 {sha256}.",
            "logsource": {"product": "m365", "service": "exchange"},
            "filter": {
                "rules": sorted(rules),
                "selection": {field: sorted({fold(entry) for entry in entries})},
                "condition": "not selection",
            },
        }
        files[f"{stem}.yml"] = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=1000)
    return files


def _asked_with(rule: Rule, name: str) -> set[str]:
    """Return the fields that a rule looks up in a list."""
    found: set[str] = set()
    stack: list[object] = [rule.definition.get("detection")]
    while stack:
        node = stack.pop()
        if isinstance(node, Mapping):
            found |= {
                str(key).split("|", 1)[0]
                for key, value in node.items()
                if "|expand" in str(key) and f"%{name}%" in (value if isinstance(value, list) else [value])
            }
            stack.extend(node.values())
        elif isinstance(node, list):
            stack.extend(node)
    return found
