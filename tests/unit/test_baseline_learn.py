"""What logs teach, and what an intruder cannot teach."""

from __future__ import annotations

import dataclasses
import random
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from mail_reads import APP, BOX, EXCHANGE, GRAPH, OTHER_BOX, START, feeds, pack, read, send, sign_in
from unissued.baseline import Baseline, Row, Status, explained_shares, learn, read_baseline, write_baseline
from unissued.baseline.learn import Lesson
from unissued.baseline.table import baseline_text
from unissued.errors import LogError
from unissued.evaluate import Given, Verdict, evaluate
from unissued.pack.applications import never_automatic
from unissued.record import Record

# Written down once more and on purpose.
PUBLIC_CLIENTS = [
    "de8bc8b5-d9f9-48b1-a8ad-b748da725064",
    "14d82eec-204b-4c2f-b7e8-296a70dab67e",
    "1b730954-1685-4b74-9bfd-dac224a7b894",
    "04b07795-8ddb-461a-bbee-02f9e1bf7b46",
    "1950a258-227b-4e31-a9cf-717495945fc2",
    "29d9ed98-a469-4536-ade2-f981bc1d605e",
]
KNOWN_FROM_INTRUSIONS = never_automatic() - set(PUBLIC_CLIENTS)


def tenant_row(lesson: Lesson, key: str) -> Row:
    (found,) = [row for row in lesson.rows if row.mail_app_key == key and not row.mailbox_guid]
    return found


def balanced(lesson: Lesson) -> bool:
    return (
        lesson.read == lesson.taught + lesson.matched + lesson.young + lesson.blind + lesson.keyless + lesson.not_mail
    )


KEY = f"{APP}|-|REST"


@pytest.mark.parametrize(
    ("days", "last", "status"),
    [
        ((0, 1, 2), 8.0, Status.ESTABLISHED),
        ((0, 1, 2), 7.99, Status.LEARNING),
        ((0, 1), 20.0, Status.LEARNING),
        ((0, 0.1, 0.2), 20.0, Status.LEARNING),
        ((0, 0.7, 1.4), 20.0, Status.LEARNING),
        ((0, 0.7, 1.7), 20.0, Status.ESTABLISHED),
    ],
    ids=["age_and_days", "a_day_too_young", "two_days", "one_day", "two_dates_by_midnight", "three_dates"],
)
def test_key_needs_seven_days_of_age_and_three_days_of_use(days: Sequence[float], last: float, status: Status) -> None:
    lesson = learn(pack(), [*(read(day) for day in days), send(last)])
    assert tenant_row(lesson, KEY).status is status
    assert balanced(lesson)


def test_row_says_what_was_seen() -> None:
    records = [
        read(0, token="T" * 21 + "A"),
        read(1, box=OTHER_BOX, token="T" * 21 + "A"),
        read(2, token="U" * 21 + "Q"),
        read(2.1),
        sign_in(2, "U" * 21 + "Q"),
        send(10),
    ]
    lesson = learn(pack(), records)
    assert tenant_row(lesson, KEY) == Row(
        mail_app_key=KEY,
        app_id=APP,
        client_app_id="",
        client_kind="REST",
        mailbox_guid="",
        first_seen="2026-02-01T09:00:00Z",
        last_seen="2026-02-03T11:24:00Z",
        days_seen=3,
        mailboxes=2,
        records=4,
        status=Status.ESTABLISHED,
        token_ids=2,
        token_ids_explained=1,
        records_with_token_id=3,
        learned_from="2026-02-01T09:00:00Z",
        learned_to="2026-02-10T09:00:00Z",
    )
    boxes = {row.mailbox_guid: row for row in lesson.rows if row.mailbox_guid}
    assert {box: row.records for box, row in boxes.items()} == {BOX: 3, OTHER_BOX: 1}
    assert boxes[BOX].mailboxes == 1
    assert boxes[OTHER_BOX].status is Status.LEARNING


def test_last_day_teaches_nothing() -> None:
    lesson = learn(pack(), [read(0), read(1), read(9), read(9.0001), read(9.9), send(10)])
    assert (lesson.taught, lesson.young, lesson.not_mail) == (3, 2, 1)
    assert tenant_row(lesson, KEY).last_seen == "2026-02-10T09:00:00Z"
    assert balanced(lesson)


def test_later_end_does_not_shorten_the_quarantine() -> None:
    lesson = learn(pack(), [read(0), read(9.5), send(10)], until=START + timedelta(days=50))
    assert (lesson.taught, lesson.young) == (1, 1)


def test_window_begins_with_since() -> None:
    lesson = learn(pack(), [read(0), read(2), read(3), send(20)], since=START + timedelta(days=2))
    assert lesson.taught == 2
    assert tenant_row(lesson, KEY).first_seen == "2026-02-03T09:00:00Z"
    assert tenant_row(lesson, KEY).learned_from == "2026-02-03T09:00:00Z"
    assert balanced(lesson)


def test_window_ends_before_until() -> None:
    # learn() documents `until` as exclusive.
    lesson = learn(pack(), [read(0), read(5), read(6), send(20)], until=START + timedelta(days=5))
    assert lesson.taught == 1


def test_record_from_the_future_does_not_end_the_quarantine() -> None:
    # One time ten years ahead moves no window. KEY is three days old here and no more.
    records = [read(8), read(9), read(9.9), read(0, kind="OWA")]
    assert tenant_row(learn(pack(), [*records, send(10)]), KEY).status is Status.LEARNING
    assert tenant_row(learn(pack(), [*records, send(10), send(3650)]), KEY).status is Status.LEARNING


@pytest.mark.parametrize("application", sorted({*PUBLIC_CLIENTS, *KNOWN_FROM_INTRUSIONS}))
@pytest.mark.parametrize("as_client", [True, False])
def test_some_applications_are_never_learned(application: str, as_client: bool) -> None:
    app, client = (GRAPH, application) if as_client else (application.upper(), "")
    lesson = learn(pack(), [*(read(day, app, client) for day in range(10)), send(30)])
    rows = [row for row in lesson.rows if not row.mailbox_guid]
    assert [row.status for row in rows] == [Status.LEARNING]
    assert rows[0].records == 10


def test_public_clients_are_those_of_the_page() -> None:
    assert set(PUBLIC_CLIENTS) <= never_automatic()
    assert len(KNOWN_FROM_INTRUSIONS) == 12


def test_outlook_on_the_web_is_learned() -> None:
    lesson = learn(pack(), [*(read(day, EXCHANGE, kind="OWA") for day in range(10)), send(30)])
    assert tenant_row(lesson, f"{EXCHANGE}|-|OWA").status is Status.ESTABLISHED


def test_identity_of_outlook_on_the_web_without_a_client_string_is_not_learned() -> None:
    lesson = learn(pack(), [*(read(day, EXCHANGE, kind="") for day in range(10)), send(30)])
    assert tenant_row(lesson, f"{EXCHANGE}|-|-").status is Status.LEARNING


def test_record_that_a_rule_matched_teaches_nothing() -> None:
    odd = [read(day, EXCHANGE, kind="REST") for day in range(10)]
    lesson = learn(pack(), [*odd, read(0), send(30)])
    assert (lesson.matched, lesson.taught) == (10, 1)
    assert [row.mail_app_key for row in lesson.rows if not row.mailbox_guid] == [KEY]
    assert balanced(lesson)


def test_every_record_below_a_correlation_that_fired_teaches_nothing() -> None:
    burst = [
        read(1 + number / 1000, GRAPH, APP, box=f"00000000-0000-4000-8000-0000000001{number:02d}")
        for number in range(10)
    ]
    calm = read(5, GRAPH, APP)
    lesson = learn(pack(), [*burst, calm, send(30)])
    assert (lesson.matched, lesson.taught) == (10, 1)


def test_rules_on_the_baseline_itself_do_not_stop_learning() -> None:
    # Without a baseline everything is new to the tenant; if that counted, nothing could ever be learned.
    assert learn(pack(), [read(0), send(10)]).taught == 1


@pytest.mark.parametrize(
    ("app", "client", "kind"),
    [
        ("", "", ""),
        ("outlook", "", "REST"),
        ("*", "", "REST"),
        (APP, "*", "REST"),
        (APP, "", "*"),
        (APP, "", "A|B"),
        (APP, "", "a\u00adb"),
        (APP[:-1], "", "REST"),
        (APP[:8] + "\u00ad" + APP[8:], "", "REST"),
        (APP, "", "=cmd"),
    ],
)
def test_key_that_is_blank_or_no_identifier_is_not_learned(app: str, client: str, kind: str) -> None:
    lesson = learn(pack(), [*(read(day, app, client, kind) for day in range(9)), read(0), send(30)])
    assert (lesson.keyless, lesson.taught) == (9, 1)
    assert {row.mail_app_key for row in lesson.rows} == {KEY}
    assert balanced(lesson)


def test_other_records_are_no_mail_reads() -> None:
    records = [
        read(0),
        read(1, ResultStatus="Failed"),
        read(1, ResultStatus=""),
        read(1, Operation="AttachmentAccess"),
        sign_in(1, "x"),
        send(10),
    ]
    lesson = learn(pack(), records)
    assert (lesson.taught, lesson.not_mail, lesson.read) == (1, 5, 6)
    assert balanced(lesson)


@pytest.mark.parametrize("records", [[], [send(0)], [read(0)], [read(0, "", "", ""), send(10)]])
def test_nothing_to_learn_is_an_error_and_no_empty_baseline(records: list[Record]) -> None:
    with pytest.raises(LogError, match="no mail read to learn from"):
        learn(pack(), records)


def test_order_of_records_does_not_matter() -> None:
    chance = random.Random(5)  # noqa: S311 - the same in every run
    records = [
        read(
            chance.uniform(0, 20),
            chance.choice([APP, EXCHANGE, "", APP.upper()]),
            chance.choice(["", GRAPH]),
            chance.choice(["REST", "OWA", ""]),
            chance.choice([BOX, OTHER_BOX]),
            chance.choice(["", "T" * 21 + "A"]),
        )
        for _ in range(120)
    ] + [sign_in(3, "T" * 21 + "A")]
    first = learn(pack(), records)
    for seed in (1, 2, 3):
        again = learn(pack(), random.Random(seed).sample(records, len(records)))  # noqa: S311
        assert baseline_text(again.rows) == baseline_text(first.rows)
        assert dataclasses.replace(again, rows=[]) == dataclasses.replace(first, rows=[])
    assert balanced(first)


# What the gate of the issuance rules learns


def token(number: int) -> str:
    return f"{number:021d}A"


def test_tokens_that_no_rule_explains_are_counted_but_teach_nothing_else() -> None:
    # A pair of services whose tokens never have a sign-in: the rule on such tokens matches all of its reads.
    back = [read(day, GRAPH, "", token=token(number)) for number, day in enumerate(days_of(20))]
    other = [sign_in(day, "S" * 21 + "A") for day in (0, 1)]
    lesson = learn(pack(), feeds() + [*back, read(0), *other, send(30)])
    assert lesson.matched == 20
    row = tenant_row(lesson, f"{GRAPH}|-|REST")
    assert (row.records, row.first_seen, row.status) == (0, "", Status.LEARNING)
    assert (row.token_ids, row.token_ids_explained) == (20, 0)
    lists = Baseline(tuple(lesson.rows), "").lists()
    assert lists["mail_apps_not_explained"] == {f"{GRAPH}|-|REST"}
    assert f"{GRAPH}|-|REST" not in lists["baseline_mail_apps"]
    assert balanced(lesson)


def test_records_that_another_rule_matched_do_not_move_the_gate() -> None:
    odd = [read(day, EXCHANGE, kind="REST", token=token(number)) for number, day in enumerate(days_of(30))]
    lesson = learn(pack(), [*odd, read(0), send(30)])
    assert lesson.matched == 30
    assert {row.mail_app_key for row in lesson.rows} == {KEY}


def days_of(count: int) -> list[float]:
    return [1 + number * 10 / count for number in range(count)]


def test_hours_without_sign_in_logs_teach_nothing_about_tokens() -> None:
    reads = [read(day, token="F" * 21 + "A") for day in (10, 11, 12)] + [read(11, GRAPH)]
    whole = learn(pack(), [*feeds(), *reads, send(30)])
    assert (whole.taught, whole.blind) == (4, 0)
    gap = [
        row
        for row in feeds()
        if row.table == "SigninLogs" or not START + timedelta(days=11) <= row.time < START + timedelta(days=11.5)
    ]
    lesson = learn(pack(), [*gap, *reads, send(30)])
    # The read without a token id could not have been judged by its sign-in anyway.
    assert (lesson.taught, lesson.blind) == (3, 1)
    assert balanced(lesson)


def test_only_well_shaped_token_ids_count() -> None:
    reads = [read(1, token=text) for text in ("T" * 21 + "A", "T" * 21 + "B", "T" * 22 + "A", "not-a-token-id")]
    row = tenant_row(learn(pack(), [*reads, send(30)]), KEY)
    assert (row.token_ids, row.records_with_token_id, row.records) == (1, 1, 4)


def test_shares_are_counted_by_key() -> None:
    records = [
        *(read(1, token=token(number)) for number in range(4)),
        read(2),
        read(2, kind="rest"),
        read(3, GRAPH, token=token(9)),
        sign_in(1, token(2)),
    ]
    shares = explained_shares(pack(), records)
    key = KEY.lower()
    assert (shares[key].records, shares[key].with_token_id) == (6, 4)
    assert (shares[key].token_ids, shares[key].explained) == ({token(number) for number in range(4)}, {token(2)})
    assert (len(shares[f"{GRAPH}|-|rest"].token_ids), len(shares[f"{GRAPH}|-|rest"].explained)) == (1, 0)


# Refused, by name


@pytest.mark.parametrize(
    ("app", "client", "kind", "said"),
    [
        ("", "", "", "-|-|- (blank)"),
        ("*", "", "REST", "*|-|REST (wildcard)"),
        (APP, "", "RE?T", f"{APP}|-|RE?T (wildcard)"),
        ("outlook", "", "REST", "outlook|-|REST (malformed)"),
        (APP, "", "=cmd", f"{APP}|-|=cmd (malformed)"),
    ],
)
def test_refused_key_is_counted_and_named(app: str, client: str, kind: str, said: str) -> None:
    lesson = learn(pack(), [read(1, app, client, kind), read(2, app, client, kind), read(0), send(30)])
    assert lesson.refused == {said: 2}


def test_mailbox_that_is_no_id_is_refused_and_the_file_stays_readable(tmp_path: Path) -> None:
    lesson = learn(pack(), [read(1, box="*"), read(0), send(30)])
    assert lesson.refused == {"* (no mailbox id)": 1}
    assert tenant_row(lesson, KEY).mailboxes == 1
    write_baseline(tmp_path / "b.csv", lesson.rows)
    assert {row.mailbox_guid for row in read_baseline(tmp_path / "b.csv").rows} == {"", BOX}


def test_letter_case_of_a_kind_makes_no_second_key(tmp_path: Path) -> None:
    lesson = learn(pack(), [read(0, kind="rest"), read(1), read(2, kind="Rest"), send(30)])
    row = tenant_row(lesson, KEY)
    assert (row.days_seen, row.status) == (3, Status.ESTABLISHED)
    write_baseline(tmp_path / "b.csv", lesson.rows)
    assert len(read_baseline(tmp_path / "b.csv").rows) == 2


def test_what_people_have_approved_is_learned() -> None:
    burst = [
        read(1 + number / 1000, GRAPH, APP, box=f"00000000-0000-4000-8000-0000000001{number:02d}")
        for number in range(10)
    ]
    records = [*burst, read(0), send(30)]
    assert learn(pack(), records).matched == 10
    assert learn(pack(), records, lists={"approved_mail_apps": [APP]}).matched == 0


def test_learned_lists_that_are_handed_in_change_nothing() -> None:
    records = [*feeds(), read(1, GRAPH, "", token=token(1)), read(0), send(30)]
    lists = {"mail_apps_not_explained": [f"{GRAPH}|-|REST"], "baseline_mail_apps": ["x"]}
    assert learn(pack(), records, lists=lists) == learn(pack(), records)


# The most important one: attack records in the training data never silence a finding.

SPELLED = st.sampled_from([EXCHANGE, EXCHANGE.upper(), "{" + EXCHANGE + "}", EXCHANGE.replace("-", "")])
KINDS = st.sampled_from(["REST", "WebServices", "OutlookService", "Owa2", " OWA", "python", ""])
IDS = st.sampled_from(["", APP, GRAPH, EXCHANGE])
BOXES = st.sampled_from([BOX, OTHER_BOX])
TOKENS = st.sampled_from(["", "T" * 21 + "A", "U" * 21 + "Q"])
DAYS = st.integers(0, 24 * 14).map(lambda hours: hours / 24)
ordinary = st.builds(read, DAYS, IDS, IDS, st.sampled_from(["OWA", "REST", ""]), BOXES, TOKENS)
candidates = st.builds(read, DAYS, SPELLED, IDS, KINDS, BOXES, TOKENS)


def silent_about(lesson_rows: list[Row], tests: list[Record]) -> set[int]:
    """Return which test records mail_app_new_to_tenant says nothing about under what was learned."""
    given_lists = Baseline(tuple(lesson_rows), "").lists()
    silent = set()
    for index, record in enumerate(tests):
        outcome = evaluate(pack(), [record], Given(lists=given_lists), ["mail_app_new_to_tenant"])
        if outcome["mail_app_new_to_tenant"].verdict is Verdict.NO_MATCH:
            silent.add(index)
    return silent


# Shrinking a failure takes minutes, because every step learns anew.
@settings(max_examples=25, deadline=None, derandomize=True, database=None, phases=[Phase.generate])
@given(
    training=st.lists(ordinary, min_size=1, max_size=25),
    attack=st.lists(candidates, min_size=1, max_size=12),
)
def test_records_that_a_rule_matches_never_turn_a_finding_into_silence(
    training: list[Record], attack: list[Record]
) -> None:
    rule = "mail_owa_identity_scripted_client"
    attack = [one for one in attack if evaluate(pack(), [one], Given(), [rule])[rule].matches]
    # One key is surely established, and the window is frozen: it ends a day before the last record.
    known = [read(day, APP, "", "OWA") for day in range(10)]
    base = [*known, *training, send(16)]
    tests = [*training, *attack, read(20, EXCHANGE, "", "REST"), read(20, GRAPH, GRAPH, "REST")]
    before = silent_about(learn(pack(), base).rows, tests)
    after = silent_about(learn(pack(), [*base, *attack]).rows, tests)
    assert after <= before


def test_property_can_fail() -> None:
    # The judge of the property sees silence where there is some.
    rows = learn(pack(), [*(read(day, APP, "", "OWA") for day in range(10)), send(16)]).rows
    assert silent_about(rows, [read(20, APP, "", "OWA"), read(20, GRAPH, "", "OWA")]) == {0}
