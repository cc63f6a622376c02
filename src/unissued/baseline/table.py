"""A baseline as a file: one CSV, a row per key of the tenant and per key of a mailbox."""

from __future__ import annotations

import csv
import hashlib
import io
import re
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from pathlib import Path

from unissued.baseline.share import has_token_id, is_not_explained
from unissued.errors import LogError, Problem
from unissued.evaluate import fold
from unissued.files import write_whole

_GUID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_KEY = re.compile(rf"({_GUID}|-)\|({_GUID}|-)\|([A-Za-z0-9][A-Za-z0-9 ./_-]{{0,63}}|-)\Z")
_TIME = re.compile(r"20[0-9]{2}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z\Z")
_COUNTS = ("days_seen", "mailboxes", "records", "token_ids", "token_ids_explained", "records_with_token_id")
_TIMES = ("first_seen", "last_seen", "learned_from", "learned_to")
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class Status(StrEnum):
    """How far a key is trusted. Only ``established`` and ``approved`` ones are normal."""

    LEARNING = "learning"
    ESTABLISHED = "established"
    APPROVED = "approved"
    BLOCKED = "blocked"


@dataclass(frozen=True)
class Row:
    """One key and what was learned about it. Times are UTC as ``YYYY-MM-DDTHH:MM:SSZ``."""

    mail_app_key: str
    app_id: str
    client_app_id: str
    client_kind: str
    mailbox_guid: str
    """Empty in the rows of the tenant."""
    first_seen: str
    last_seen: str
    days_seen: int
    mailboxes: int
    records: int
    status: Status
    reviewed_by: str = ""
    reviewed_at: str = ""
    note: str = ""
    token_ids: int = 0
    token_ids_explained: int = 0
    records_with_token_id: int = 0
    learned_from: str = ""
    learned_to: str = ""


_NORMAL = (Status.ESTABLISHED, Status.APPROVED)
COLUMNS = tuple(column.name for column in fields(Row))


@dataclass(frozen=True)
class Baseline:
    """All rows of a baseline, and the SHA-256 of the file that they stand in."""

    rows: tuple[Row, ...]
    sha256: str

    def lists(self) -> dict[str, frozenset[str]]:
        """Return the lists that rules ask for, by name."""
        tenant = [row for row in self.rows if not row.mailbox_guid]
        normal = frozenset(row.mail_app_key for row in tenant if row.status in _NORMAL)
        blocked = {fold(row.mail_app_key) for row in tenant if row.status is Status.BLOCKED}
        known = {fold(key) for key in normal}
        return {
            "baseline_mail_apps": normal,
            "baseline_mailbox_apps": frozenset(
                f"{row.mail_app_key}|{row.mailbox_guid}"
                for row in self.rows
                if row.mailbox_guid and fold(row.mail_app_key) not in blocked and _is_normal_there(row, known)
            ),
            "mail_apps_not_explained": frozenset(
                row.mail_app_key for row in tenant if is_not_explained(row.token_ids, row.token_ids_explained)
            ),
            "mail_apps_with_token_id": frozenset(
                row.mail_app_key for row in tenant if has_token_id(row.records, row.records_with_token_id)
            ),
        }


def _is_normal_there(row: Row, known: Collection[str]) -> bool:
    """Tell whether a key is normal for a mailbox: a person said so, or it was used there and is normal in the tenant.

    Age and days are asked for once, of the tenant: asked for every mailbox they would cost more than they bring.
    """
    if row.status is Status.APPROVED:
        return True
    return row.status is not Status.BLOCKED and row.records > 0 and fold(row.mail_app_key) in known


def is_key(text: str) -> bool:
    """Tell whether a text can be a MailAppKey of a baseline: GUIDs or ``-``, no wildcards, not all blank."""
    return not key_fault(text)


def key_fault(text: str) -> str:
    """Return why a text cannot be a MailAppKey of a baseline, or the empty string if it can."""
    if not text.strip("-| \t\r\n"):
        return "blank"
    if "*" in text or "?" in text:
        return "wildcard"
    return "" if _KEY.match(text) else "malformed"


def is_guid(text: str) -> bool:
    """Tell whether a text is a GUID in small letters with dashes."""
    return re.fullmatch(_GUID, text) is not None


def read_baseline(path: Path) -> Baseline:
    """Read a baseline.

    Raises:
        LogError: with every row that cannot be used; half a baseline would be silence about the other half.
    """
    try:
        raw = path.read_bytes()
        text = raw.decode("utf-8-sig")
    except OSError as error:
        raise LogError.at(
            str(path), f"cannot be read: {error.strerror}", "learn one: unissued baseline learn"
        ) from error
    except UnicodeDecodeError as error:
        raise LogError.at(str(path), "is not UTF-8") from error
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    problems: list[Problem] = []
    rows: list[Row] = []
    seen: set[tuple[str, str]] = set()
    try:
        missing = [column for column in COLUMNS if column not in (reader.fieldnames or ())]
        if missing:
            raise LogError.at(f"{path}:1", f"is no baseline: column {missing[0]} is missing", "learn one anew")
        for cells in reader:
            where = f"{path}:{reader.line_num}"
            found = _row_problems(where, cells)
            # Rules compare without regard to letter case, so two spellings would be one key with two answers.
            key = (fold(str(cells["mail_app_key"])), str(cells["mailbox_guid"]))
            if key in seen:
                found.append(Problem(where, f"key {cells['mail_app_key']} stands here twice"))
            seen.add(key)
            problems.extend(found)
            if not found:
                rows.append(_row(cells))
    except csv.Error as error:
        raise LogError.at(f"{path}:{reader.line_num}", f"is no CSV: {error}") from error
    if problems:
        raise LogError(*problems)
    return Baseline(tuple(rows), hashlib.sha256(raw).hexdigest())


def _row_problems(where: str, cells: dict[str, str]) -> list[Problem]:
    if None in cells or None in cells.values():
        return [Problem(where, "has another number of cells than the head")]
    problems = []
    key = cells["mail_app_key"]
    if not is_key(key):
        problems.append(
            Problem(where, f"{key!r} is no key", "application|client application|kind; no blanks, no wildcards")
        )
    elif key != f"{cells['app_id'] or '-'}|{cells['client_app_id'] or '-'}|{cells['client_kind']}":
        problems.append(Problem(where, f"key {key} does not agree with its own columns"))
    if cells["mailbox_guid"] and not is_guid(cells["mailbox_guid"]):
        problems.append(Problem(where, f"mailbox_guid {cells['mailbox_guid']!r} is no GUID"))
    if cells["status"] not in set(Status):
        problems.append(Problem(where, f"unknown status {cells['status']!r}", f"one of {', '.join(Status)}"))
    problems.extend(
        Problem(where, f"{column} {cells[column]!r} is no whole number")
        for column in _COUNTS
        if not re.fullmatch(r"[0-9]{1,15}", cells[column])
    )
    problems.extend(
        Problem(where, f"{column} {cells[column]!r} is no time", "write YYYY-MM-DDTHH:MM:SSZ")
        for column in _TIMES
        if cells[column] and not _TIME.match(cells[column])
    )
    return problems


def _row(cells: dict[str, str]) -> Row:
    texts = {name: cells[name] for name in COLUMNS if name not in _COUNTS and name != "status"}
    counts = {name: int(cells[name]) for name in _COUNTS}
    return Row(**texts, **counts, status=Status(cells["status"]))  # type: ignore[arg-type]


def baseline_text(rows: Iterable[Row]) -> str:
    """Return a baseline's file: sorted by key, LF, free text safe for spreadsheets."""
    lines = [_line(COLUMNS)]
    for row in sorted(rows, key=lambda row: (row.mail_app_key, row.mailbox_guid)):
        cells = asdict(row)
        for name in ("reviewed_by", "note"):
            cells[name] = neutral(str(cells[name]))
        lines.append(_line(cells.values()))
    return "".join(lines)


def neutral(text: str) -> str:
    """Return free text as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _line(cells: Iterable[object]) -> str:
    """Return one line of CSV. Only with this terminator does the writer quote both kinds of line break."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow(cells)
    return out.getvalue().removesuffix("\r\n") + "\n"


def write_baseline(path: Path, rows: Iterable[Row]) -> None:
    """Write a baseline, whole or not at all.

    Raises:
        LogError: the file cannot be written.
    """
    try:
        write_whole(path, baseline_text(rows))
    except OSError as error:
        raise LogError.at(str(path), f"cannot be written: {error.strerror}") from error
