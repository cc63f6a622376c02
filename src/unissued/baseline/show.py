"""A baseline for people: what is normal, what changed, what to look at first. Names are no verdicts.

Lines are returned as they are: whoever prints them makes them harmless for a terminal.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from unissued.baseline.learn import Lesson
from unissued.baseline.share import is_not_explained
from unissued.baseline.table import Baseline, Row, Status
from unissued.evaluate import fold
from unissued.pack.applications import MINIMUM_AGE, MINIMUM_DAYS, load_applications, never_automatic

_MOST_REFUSED = 20
_GROUPS = {
    "public_clients": "anybody can sign in with it",
    "known_from_intrusions": "known from intrusions",
}
_HEAD = ("status", "mailboxes", "days", "records", "first seen", "last seen", "key", "application / client")


def name_of(app: str) -> str:
    """Return what an application is called; ``-`` for none, ``?`` where the catalogue does not know it."""
    if not app:
        return "-"
    known = load_applications().get(app)
    return known.name if known else "?"


def names_of(row: Row) -> str:
    """Return what a key's application and client application are called."""
    return f"{name_of(row.app_id)} / {name_of(row.client_app_id)}"


def table_lines(baseline: Baseline, mailbox: str = "") -> list[str]:
    """Return a baseline as a table: the rows of the tenant, or of one mailbox."""
    rows = [row for row in baseline.rows if row.mailbox_guid == mailbox]
    rows.sort(key=lambda row: (list(Status).index(row.status), -row.mailboxes, -row.records, row.mail_app_key))
    counts = ", ".join(f"{sum(row.status is status for row in rows)} {status}" for status in Status)
    lists = baseline.lists()
    learned = [row for row in rows if row.learned_to]
    spans = sorted({f"{row.learned_from} to {row.learned_to}" for row in learned})
    return [
        *_aligned([_HEAD, *(_cells(row) for row in rows)]),
        *(f"{row.status} by {row.reviewed_by} at {row.reviewed_at}: {row.note} ({row.mail_app_key})" for row in rows
          if row.reviewed_by),
        f"{len(rows)} keys: {counts}",
        *(f"{name}: {len(entries)} entries" for name, entries in sorted(lists.items())),
        *(f"learned from {span}" for span in spans[:3]),
        f"sha256 {baseline.sha256}",
        "Names are from public lists and say nothing about who uses an application.",
    ]  # fmt: skip


def _cells(row: Row) -> tuple[str, ...]:
    counts = (str(row.mailboxes), str(row.days_seen), str(row.records))
    return (row.status, *counts, row.first_seen or "never", row.last_seen or "never", row.mail_app_key, names_of(row))


def _aligned(rows: Sequence[Sequence[str]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]


def review_lines(rows: Sequence[Row]) -> list[str]:
    """Return the keys of the tenant that nobody has reviewed, the rarest first, each with what speaks against it."""
    open_rows = [row for row in rows if not row.mailbox_guid and row.status in (Status.LEARNING, Status.ESTABLISHED)]
    open_rows.sort(key=lambda row: (row.mailboxes, row.days_seen, row.records, row.mail_app_key))
    table = _aligned([_HEAD, *(_cells(row) for row in open_rows)]) if open_rows else []
    lines = table[:1]
    for row, line in zip(open_rows, table[1:], strict=True):
        lines.append(line)
        lines += [f"    {doubt}" for doubt in _doubts(row)]
    return [*lines, f"{len(open_rows)} keys that nobody has reviewed"]


def _doubts(row: Row) -> Iterable[str]:
    known = load_applications()
    for app in dict.fromkeys((row.app_id, row.client_app_id)):
        if app in never_automatic():
            yield f"{known[app].name}: {_GROUPS[known[app].group]}; becomes normal only when somebody approves it"
    if not row.records:
        yield "every record of it was matched by a rule or not judged"
    elif row.status is Status.LEARNING:
        yield f"not normal yet: {MINIMUM_DAYS} days of use and {MINIMUM_AGE.days} days of age are asked for"
    if is_not_explained(row.token_ids, row.token_ids_explained):
        yield f"sign-ins explain {row.token_ids_explained} of its {row.token_ids} tokens"


def difference_lines(old: Sequence[Row], new: Sequence[Row]) -> list[str]:
    """Return what changed from one baseline to another: ``+`` is normal now, ``-`` no longer, ``~`` something else."""
    before, after = _of_tenant(old), _of_tenant(new)
    normal = (Status.ESTABLISHED, Status.APPROVED)
    lines: list[str] = []
    for key in sorted(before.keys() | after.keys()):
        was, now = before.get(key), after.get(key)
        said = [row.status if row else "absent" for row in (was, now)]
        if said[0] == said[1]:
            continue
        row = now or was
        assert row is not None  # noqa: S101 - the key is in one of them
        mark = "+" if now and now.status in normal else "-" if was and was.status in normal else "~"
        mark = "~" if was and now and was.status in normal and now.status in normal else mark
        lines.append(f"{mark} {row.mail_app_key}  {said[0]} -> {said[1]}  {names_of(row)}")
    combinations = [Baseline(tuple(rows), "").lists()["baseline_mailbox_apps"] for rows in (old, new)]
    gained, lost = len(combinations[1] - combinations[0]), len(combinations[0] - combinations[1])
    if gained or lost:
        lines.append(f"~ {gained} combinations of key and mailbox became normal, {lost} no longer are")
    return lines


def _of_tenant(rows: Iterable[Row]) -> dict[str, Row]:
    return {fold(row.mail_app_key): row for row in rows if not row.mailbox_guid}


def lesson_lines(lesson: Lesson, rows: Sequence[Row]) -> list[str]:
    """Return what was learned: every key of the tenant, the rarest first, and what became of every record."""
    tenant = [row for row in rows if not row.mailbox_guid]
    tenant.sort(key=lambda row: (row.mailboxes, row.days_seen, row.mail_app_key))
    refused = list(lesson.refused.items())
    more = [f"refused: and {len(refused) - _MOST_REFUSED} more"] if len(refused) > _MOST_REFUSED else []
    return [
        *(
            f"{row.status:<12} {row.mailboxes:>6} mailboxes {row.days_seen:>4} days  {row.mail_app_key}  "
            f"{names_of(row)}"
            for row in tenant
        ),
        *(f"refused: {key} in {count} records" for key, count in refused[:_MOST_REFUSED]),
        *more,
        f"{lesson.read} records: {lesson.taught} taught, {lesson.matched} matched a rule, {lesson.young} too young, "
        f"{lesson.blind} in a gap of the sign-in logs, {lesson.keyless} without a usable key, "
        f"{lesson.not_mail} no mail read of the window; {len(tenant)} keys",
    ]
