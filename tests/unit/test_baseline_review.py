"""A baseline between machine and person: what is shown, what is said about it, what is kept of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from datetime import UTC, datetime

import pytest

from mail_reads import APP, BOX, GRAPH, whole_pack
from mail_reads import baseline_row as row
from unissued.baseline import (
    Baseline,
    Row,
    Status,
    Word,
    difference_lines,
    remember,
    review_lines,
    reviewed,
    table_lines,
)
from unissued.errors import LogError
from unissued.pack.applications import load_applications, never_automatic

EXPLORER = "de8bc8b5-d9f9-48b1-a8ad-b748da725064"
WORD = Word("Carol", "asked the owner", datetime(2026, 3, 5, tzinfo=UTC))


RARE = row(client=EXPLORER, mailboxes=1, days_seen=1, status=Status.LEARNING)
USUAL = row(mailboxes=40, days_seen=20)


def lists_of(*rows: Row) -> dict[str, frozenset[str]]:
    return Baseline(rows, "").lists()


# Names


def test_names_have_sources_and_the_dangerous_ones_are_known_to_learning() -> None:
    known = load_applications()
    assert known[GRAPH].name == "Microsoft Graph"
    assert all(one.name and one.source for one in known.values())
    assert never_automatic() == {one.id for one in known.values() if one.group != "first_party"}
    assert GRAPH not in never_automatic()


def test_rule_asks_for_the_applications_known_from_intrusions() -> None:
    """The rule has its own copy of the ids: a Sigma rule is read by itself."""
    known = {one.id for one in load_applications().values() if one.group == "known_from_intrusions"}
    detection = whole_pack().rule("mail_app_known_from_intrusions").definition["detection"]
    assert isinstance(detection, Mapping)
    assert [(name, set(ids)) for one in detection["selection_app"] for name, ids in one.items()] == [
        ("ClientAppId", known),
        ("AppId", known),
    ]


def test_table_names_applications_and_does_not_guess() -> None:
    lines = table_lines(Baseline((RARE, USUAL), "f" * 64))
    assert [line.split("  ")[0] for line in lines[:3]] == ["status", "learning", "established"]
    assert lines[1].endswith("Microsoft Graph / Graph Explorer")
    assert lines[2].endswith("Microsoft Graph / ?")
    assert "2 keys: 1 learning, 1 established, 0 approved, 0 blocked" in lines
    assert "sha256 " + "f" * 64 in lines


def test_table_of_a_mailbox_has_its_rows_alone() -> None:
    lines = table_lines(Baseline((RARE, row(mailbox_guid=BOX)), ""), BOX)
    assert EXPLORER not in "\n".join(lines)
    assert APP in "\n".join(lines)


# What to look at first


def test_rarest_comes_first_and_what_was_reviewed_does_not_come() -> None:
    rows = [USUAL, row(kind="OWA", mailboxes=1, days_seen=9), RARE, row(kind="IMAP", status=Status.APPROVED)]
    lines = [line for line in review_lines(rows)[1:-1] if not line.startswith(" ")]
    assert [line.split("|")[2].split(" ")[0] for line in lines] == ["REST", "OWA", "REST"]
    assert EXPLORER in lines[0]
    assert APP in lines[2]


@pytest.mark.parametrize(
    ("one", "doubt"),
    [
        (RARE, "Graph Explorer: anybody can sign in with it"),
        (row(client="e9a7fea1-1cc0-4cd9-a31b-9137ca5deedd"), "eM Client: known from intrusions"),
        (row(records=0, status=Status.LEARNING), "matched by a rule or not judged"),
        (row(days_seen=2, status=Status.LEARNING), "not normal yet"),
        (row(token_ids=20, token_ids_explained=18), "sign-ins explain 18 of its 20 tokens"),
    ],
)
def test_what_speaks_against_a_key_is_said(one: Row, doubt: str) -> None:
    assert any(doubt in line for line in review_lines([one]))
    assert not any(doubt in line for line in review_lines([USUAL]))


# A person's word


@pytest.mark.parametrize("key", [RARE.mail_app_key, RARE.mail_app_key.upper()])
def test_approved_key_is_normal_and_blocked_one_is_not(key: str) -> None:
    approved = reviewed([RARE, USUAL], key, "", Status.APPROVED, WORD)
    assert lists_of(*approved)["baseline_mail_apps"] == {RARE.mail_app_key, USUAL.mail_app_key}
    said = next(one for one in approved if one.client_app_id == EXPLORER)
    assert (said.reviewed_by, said.reviewed_at, said.note) == ("Carol", "2026-03-05T00:00:00Z", "asked the owner")
    blocked = reviewed(approved, USUAL.mail_app_key, "", Status.BLOCKED, WORD)
    assert lists_of(*blocked)["baseline_mail_apps"] == {RARE.mail_app_key}
    assert len(blocked) == 2


def test_key_that_was_never_seen_can_be_approved() -> None:
    rows = reviewed([USUAL], f"-|{APP.upper()}|IMAP4", "", Status.APPROVED, WORD)
    assert lists_of(*rows)["baseline_mail_apps"] == {USUAL.mail_app_key, f"-|{APP}|IMAP4"}


def test_word_can_be_taken_back() -> None:
    blocked = reviewed([USUAL], USUAL.mail_app_key, "", Status.BLOCKED, WORD)
    assert reviewed(blocked, USUAL.mail_app_key, "", Status.LEARNING, WORD)[0].status is Status.ESTABLISHED
    approved = reviewed([RARE], RARE.mail_app_key, "", Status.APPROVED, WORD)
    assert reviewed(approved, RARE.mail_app_key, "", Status.LEARNING, WORD)[0].status is Status.LEARNING
    with pytest.raises(LogError, match="nobody has said anything"):
        reviewed([USUAL], USUAL.mail_app_key, "", Status.LEARNING, WORD)


@pytest.mark.parametrize("key", ["", "*|-|REST", f"{GRAPH}|{APP}", f"{GRAPH}|{APP}|*", "-|-|-", f"{GRAPH}|{APP}|=1"])
@pytest.mark.parametrize("status", [Status.APPROVED, Status.BLOCKED])
def test_word_about_everything_or_nothing_is_refused(key: str, status: Status) -> None:
    with pytest.raises(LogError, match="is no key"):
        reviewed([USUAL], key, "", status, WORD)


def test_word_about_no_mailbox_is_refused() -> None:
    with pytest.raises(LogError, match="is no mailbox id"):
        reviewed([USUAL], USUAL.mail_app_key, "*", Status.APPROVED, WORD)


# Mailboxes


def test_mailbox_needs_the_key_to_be_normal_in_the_tenant() -> None:
    young = row(mailbox_guid=BOX, days_seen=1, status=Status.LEARNING, records=1)
    combination = f"{USUAL.mail_app_key}|{BOX}"
    assert lists_of(USUAL, young)["baseline_mailbox_apps"] == {combination}
    assert not lists_of(dataclasses.replace(USUAL, status=Status.LEARNING), young)["baseline_mailbox_apps"]
    assert not lists_of(dataclasses.replace(USUAL, status=Status.BLOCKED), young)["baseline_mailbox_apps"]
    assert not lists_of(USUAL, dataclasses.replace(young, status=Status.BLOCKED))["baseline_mailbox_apps"]
    approved = dataclasses.replace(young, status=Status.APPROVED)
    assert lists_of(approved)["baseline_mailbox_apps"] == {combination}
    blocked = dataclasses.replace(USUAL, status=Status.BLOCKED)
    assert not lists_of(blocked, approved)["baseline_mailbox_apps"]


@pytest.mark.parametrize(
    ("records", "with_id", "listed"), [(20, 19, True), (20, 18, False), (19, 19, False), (100, 95, True)]
)
def test_key_has_token_ids_where_its_records_normally_do(records: int, with_id: int, listed: bool) -> None:
    one = row(records=records, records_with_token_id=with_id)
    assert bool(lists_of(one)["mail_apps_with_token_id"]) == listed


# Differences


def test_difference_says_what_became_normal_and_what_no_longer_is() -> None:
    gone, now = row(kind="POP3"), row(kind="IMAP4")
    quiet = row(kind="OWA")
    old = [gone, quiet, dataclasses.replace(RARE, status=Status.APPROVED)]
    new = [now, quiet, dataclasses.replace(RARE, status=Status.BLOCKED), row(kind="EBA", status=Status.LEARNING)]
    lines = difference_lines(old, new)
    assert [line[0] + line.split("|")[2] for line in lines] == [
        "~EBA  absent -> learning  Microsoft Graph / ?",
        "+IMAP4  absent -> established  Microsoft Graph / ?",
        "-POP3  established -> absent  Microsoft Graph / ?",
        "-REST  approved -> blocked  Microsoft Graph / Graph Explorer",
    ]
    assert difference_lines(old, list(reversed(old))) == []


def test_difference_counts_combinations_with_mailboxes() -> None:
    assert difference_lines([USUAL], [USUAL, row(mailbox_guid=BOX)]) == [
        "~ 1 combinations of key and mailbox became normal, 0 no longer are"
    ]


# Memory

LATER = {"learned_from": "2026-02-22T09:00:01Z", "learned_to": "2026-03-08T09:00:00Z"}


def test_earlier_sightings_and_words_are_kept() -> None:
    young = row(first_seen="2026-02-21T09:00:00Z", days_seen=2, records=3, status=Status.LEARNING)
    again = row(
        first_seen="2026-03-07T09:00:00Z",
        last_seen="2026-03-07T10:00:00Z",
        days_seen=1,
        records=4,
        status=Status.LEARNING,
        **LATER,
    )
    blocked = dataclasses.replace(USUAL, mail_app_key=f"{GRAPH}|{APP}|OWA", client_kind="OWA", status=Status.BLOCKED)
    rows = remember(
        [young, blocked], [again, dataclasses.replace(again, client_kind="OWA", mail_app_key=blocked.mail_app_key)]
    )
    by_kind = {one.client_kind: one for one in rows}
    rest = by_kind["REST"]
    assert (rest.first_seen, rest.last_seen, rest.days_seen, rest.records, rest.status) == (
        "2026-02-21T09:00:00Z",
        "2026-03-07T10:00:00Z",
        3,
        7,
        Status.ESTABLISHED,
    )
    assert by_kind["OWA"].status is Status.BLOCKED


def test_day_on_both_sides_counts_once() -> None:
    old = row(last_seen="2026-02-22T08:00:00Z", days_seen=2)
    new = row(first_seen="2026-02-22T10:00:00Z", days_seen=2, **LATER)
    assert remember([old], [new])[0].days_seen == 3


@pytest.mark.parametrize(
    ("last", "status", "kept"),
    [
        ("2025-12-08T09:00:00Z", Status.ESTABLISHED, False),
        ("2025-12-08T09:00:01Z", Status.ESTABLISHED, True),
        ("2025-12-08T09:00:00Z", Status.APPROVED, True),
        ("2025-12-08T09:00:00Z", Status.BLOCKED, True),
    ],
)
def test_key_is_forgotten_after_ninety_days_unless_somebody_reviewed_it(last: str, status: Status, kept: bool) -> None:
    old = row(kind="IMAP4", first_seen="2025-11-01T09:00:00Z", last_seen=last, status=status)
    rows = remember([old], [row(**LATER)])
    assert ("IMAP4" in {one.client_kind for one in rows}) == kept


def test_same_time_is_not_counted_twice() -> None:
    with pytest.raises(LogError, match="begins before the earlier baseline ends"):
        remember([USUAL], [row(learned_from="2026-02-22T09:00:00Z", learned_to="2026-03-08T09:00:00Z")])


def test_two_spellings_of_a_kind_are_one_key() -> None:
    rows = remember([USUAL], [row(kind="rest", **LATER)])
    assert [one.mail_app_key for one in rows] == [USUAL.mail_app_key]
