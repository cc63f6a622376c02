"""What is asked of a Splunk server, and what is made of its answers. The server here is a fake."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta, timezone

import pytest

from conftest import ROOT, read_logs
from servers import Fake, Reply, Request, serving
from unissued.convert import convert
from unissued.pack import Pack
from unissued.simulate.answers import answers_json, found_text, parsed_text
from unissued.simulate.batch import Batch, Setting
from unissued.simulate.plan import choose, plan
from unissued.simulate.send import SendError, Server
from unissued.simulate.splunk import Found, as_command, check, run
from unissued.verify import load_cases

END = datetime(2026, 11, 25, 10, 30, tzinfo=UTC)
MINTED, MANY, NEVER = "owa_token_minted", "mail_app_reads_many_mailboxes", "mail_token_never_issued"
PARSES: Reply = (200, '{"commands":[]}')


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


def server(fake: Fake) -> Server:
    return Server(fake.url, "Bearer", "secret", lambda _: None)


@pytest.fixture(scope="module")
def batch(pack: Pack) -> Batch:
    setting = Setting(pack, "splunk", END)
    cases = [
        case
        for case in load_cases(pack, ROOT / "fixtures")
        if case.name in (f"{MINTED}/hit_minted", f"{MINTED}/miss_signin", f"{MANY}/hit_ten_in_an_hour")
    ]
    (found,) = plan(setting, choose(setting, cases, [], [MINTED, MANY]), read_logs).batches
    assert len(found.units) == 3
    return found


# Parsing


def test_every_shipped_search_is_posted_as_a_command_and_nothing_is_run(pack: Pack) -> None:
    with serving(lambda _: PARSES) as fake:
        answers = list(check(server(fake), pack))
    shipped = sorted(path.stem for path in (ROOT / "spl" / "searches").glob("*.spl"))
    assert sorted(answer.rule for answer in answers) == shipped
    assert {request.path for request in fake.requests} == {"/services/search/v2/parser"}
    for answer, request in zip(answers, fake.requests, strict=True):
        form = request.form
        assert form["q"].startswith(("search ", "|"))
        assert form["q"].removeprefix("search ") == convert(pack, pack.rule(answer.rule), "splunk").query.strip()
        assert (form["output_mode"], form["parse_only"]) == ("json", "true")
        assert request.headers["Authorization"] == "Bearer secret"


def test_a_search_that_begins_with_a_command_gets_no_other_in_front(pack: Pack) -> None:
    query = convert(pack, pack.rule(NEVER), "splunk")
    assert as_command(query).startswith("| multisearch")


def test_a_search_that_does_not_parse_is_named_with_what_the_server_says(pack: Pack) -> None:
    fatal = {"type": "FATAL", "text": "Error in 'eval' command:\nThe expression is malformed."}
    said = json.dumps({"messages": [fatal]})
    with serving(lambda _: (400, said)) as fake:
        answers = list(check(server(fake), pack, [MINTED]))
    assert [(answer.rule, answer.problem) for answer in answers] == [
        (MINTED, "Error in 'eval' command: The expression is malformed.")
    ]
    assert "owa_token_minted: does not parse: Error in 'eval'" in parsed_text(answers)
    assert json.loads(answers_json(answers, ()))["summary"]["do_not_parse"] == 1


def test_an_error_without_a_message_is_no_pass(pack: Pack) -> None:
    with serving(lambda _: (500 + 1, "odd")) as fake:
        assert [answer.problem for answer in check(server(fake), pack, [MINTED])] == ["501 odd"]


def test_an_answer_that_is_no_parser_s_is_no_pass(pack: Pack) -> None:
    with serving(lambda _: (200, "<html>log in</html>")) as fake:
        (answer,) = check(server(fake), pack, [MINTED])
    assert "log in" in answer.problem


@pytest.mark.parametrize(
    ("status", "hint"), [(401, "authentication token"), (403, "authentication token"), (404, "8089")]
)
def test_a_refusal_of_everything_ends_it(pack: Pack, status: int, hint: str) -> None:
    with (
        serving(lambda _: (status, '{"messages":[{"type":"ERROR","text":"call not properly authenticated"}]}')) as fake,
        pytest.raises(SendError, match=hint),
    ):
        list(check(server(fake), pack))
    assert len(fake.requests) == 1


# Running


def as_rows(batch: Batch, rule: str) -> list[dict[str, object]]:
    """What Splunk would return for a rule if it agrees with the evaluator, times in a zone of its own."""
    rows: list[dict[str, object]] = []
    for match in batch.outcomes[rule].matches:
        row: dict[str, object] = {"_time": match.time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.000+00:00")}
        if match.event is not None:
            names = ("UserId", "UniqueTokenIdentifier", "ResourceURL", "CreationTime")
            row |= {name: str(match.event.values(name)[0]) for name in names if match.event.values(name)}
            row["Id"] = match.event.record.id
        rows.append(row | {name: str(value) for name, value in match.group.items()})
    return rows


def answering(rows: Mapping[str, list[dict[str, object]]]) -> Callable[[Request], Reply]:
    def answer(request: Request) -> Reply:
        form = request.form
        assert request.path == "/services/search/v2/jobs"
        assert (form["exec_mode"], form["output_mode"], form["earliest_time"]) == ("oneshot", "json", "0")
        rule = MINTED if "275" in form["search"] else MANY
        return 200, json.dumps({"results": rows[rule], "messages": []})

    return answer


def ran(batch: Batch, rows: Mapping[str, list[dict[str, object]]]) -> dict[str, Found]:
    with serving(answering(rows)) as fake:
        return {found.rule: found for found in run(server(fake), batch, [MINTED, MANY])}


@pytest.fixture
def right(batch: Batch) -> dict[str, list[dict[str, object]]]:
    return {MINTED: as_rows(batch, MINTED), MANY: as_rows(batch, MANY)}


def test_the_right_rows_agree(batch: Batch, right: dict[str, list[dict[str, object]]]) -> None:
    found = ran(batch, right)
    assert all(one.agrees and not one.others for one in found.values())
    assert (found[MANY].agreeing, found[MINTED].agreeing) == (1, len(right[MINTED]))
    assert right[MINTED]


def test_a_missing_row_is_told(batch: Batch, right: dict[str, list[dict[str, object]]]) -> None:
    gone = str(right[MINTED].pop()["Id"])
    found = ran(batch, right)[MINTED]
    assert not found.agrees
    assert [dict(row)["Id"] for row in found.missing] == [gone]
    assert "missing: CreationTime=" in found_text([found])


def test_a_row_at_another_time_is_told(batch: Batch, right: dict[str, list[dict[str, object]]]) -> None:
    right[MANY][0]["_time"] = "2026-11-25T10:28:59.000+00:00"
    found = ran(batch, right)[MANY]
    assert (len(found.missing), len(found.unexpected), found.others) == (1, 1, 0)
    assert "not expected: ClientAppId=" in found_text([found])


def test_times_in_another_zone_are_the_same_times(batch: Batch, right: dict[str, list[dict[str, object]]]) -> None:
    written = datetime.fromisoformat(str(right[MANY][0]["_time"]))
    right[MANY][0]["_time"] = written.astimezone(timezone(timedelta(hours=2))).isoformat()
    assert ran(batch, right)[MANY].agrees


def test_rows_about_records_that_are_not_of_the_replay_are_counted_apart(
    batch: Batch, right: dict[str, list[dict[str, object]]]
) -> None:
    time = {"_time": "2026-11-25T10:00:00.000+00:00"}
    right[MINTED].append({**time, "Id": "8d1f7e0e-0000-4000-8000-000000000001"})
    right[MANY].append({**time, "ClientAppId": "8d1f7e0e-0000-4000-8000-000000000002"})
    found = ran(batch, right)
    assert all(one.agrees and one.others == 1 for one in found.values())


def test_a_match_on_a_record_that_must_stay_silent_is_told(
    batch: Batch, right: dict[str, list[dict[str, object]]]
) -> None:
    silent = next(unit for unit in batch.units if unit.name == f"{MINTED}/miss_signin")
    record = min(silent.ids)
    right[MINTED].append({"_time": "2026-11-25T10:29:00.000+00:00", "Id": record})
    found = ran(batch, right)[MINTED]
    assert [dict(row)["Id"] for row in found.unexpected] == [record]


def test_what_a_search_says_about_itself_is_a_note_not_a_row(
    batch: Batch, right: dict[str, list[dict[str, object]]]
) -> None:
    right[MANY].append({"unissued": "lookup unissued_approved_mail_apps has 1 of 2 rows"})
    found = ran(batch, right)[MANY]
    assert (found.agrees, found.others) == (True, 0)
    assert "the search says: lookup unissued_approved_mail_apps has 1 of 2 rows" in found_text([found])


@pytest.mark.parametrize(
    "reply",
    [
        (400, '{"messages":[{"type":"FATAL","text":"Unknown lookup"}]}'),
        (200, '{"results":[],"messages":[{"type":"ERROR","text":"Unknown lookup"}]}'),
        (200, '{"preview":false,"Unknown lookup":1}'),
        (200, "Unknown lookup"),
    ],
)
def test_a_search_that_did_not_run_does_not_agree(batch: Batch, reply: Reply) -> None:
    with serving(lambda _: reply) as fake:
        (found,) = run(server(fake), batch, [MINTED])
    assert not found.agrees
    assert "Unknown lookup" in found.problem
    assert "did not run" in found_text([found])


def test_the_report_for_scripts_names_what_differs(batch: Batch, right: dict[str, list[dict[str, object]]]) -> None:
    right[MINTED].pop()
    with serving(lambda _: PARSES) as fake:
        parsed = list(check(server(fake), batch.setting.pack, [MINTED, MANY]))
    report = json.loads(answers_json(parsed, list(ran(batch, right).values())))
    assert report["schema"] == 1
    assert report["summary"] == {"searches": 2, "do_not_parse": 0, "ran": 2, "differ": 1}
    by_rule = {one["rule"]: one for one in report["results"]}
    assert (by_rule[MINTED]["agrees"], by_rule[MANY]["agrees"]) == (False, True)
    assert len(by_rule[MINTED]["missing"]) == 1
