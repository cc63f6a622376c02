"""Sending: nothing is lost without being counted, the token goes nowhere else, errors say what to do."""

from __future__ import annotations

import json
import socket
import ssl
import threading
import urllib.request
from collections.abc import Callable, Iterator

import pytest

from servers import Fake, Reply, Request, serving
from unissued.simulate.send import HEC_BYTES, INGESTION_BYTES, SendError, Server, send_events, send_rows

TOKEN = "0a1b2c3d-secret"  # noqa: S105 - invented
FINE: Reply = (200, '{"text":"Success","code":0}')


@pytest.fixture(autouse=True)
def no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("no_proxy", "*")


@pytest.fixture
def waited() -> list[float]:
    return []


def server(fake: Fake, waited: list[float], scheme: str = "Splunk") -> Server:
    return Server(fake.url, scheme, TOKEN, waited.append)


def in_turn(*replies: Reply) -> Callable[[Request], Reply]:
    """Answer with these in turn, and with the last one from then on."""
    left = list(replies)
    return lambda _: left.pop(0) if len(left) > 1 else left[0]


def events(count: int) -> list[str]:
    return [json.dumps({"time": number, "event": {"number": number}}) for number in range(count)]


def taken(fake: Fake) -> list[int]:
    """The numbers of all events that came, in order."""
    return [json.loads(line)["event"]["number"] for request in fake.requests for line in request.body.split("\n")]


# The collector of Splunk


def test_events_arrive_whole_with_the_token_in_the_header(waited: list[float]) -> None:
    with serving(lambda _: FINE) as fake:
        outcome = send_events(server(fake, waited), events(3))
    assert (outcome.accepted, outcome.refused, outcome.unconfirmed) == (3, 0, 0)
    assert taken(fake) == [0, 1, 2]
    (request,) = fake.requests
    assert request.path == "/services/collector/event"
    assert request.headers["Authorization"] == f"Splunk {TOKEN}"
    assert TOKEN not in request.path + request.body


def test_an_address_that_already_names_the_collector_is_taken_as_it_is(waited: list[float]) -> None:
    with serving(lambda _: FINE) as fake:
        send_events(Server(f"{fake.url}/services/collector/event/", "Splunk", TOKEN, waited.append), events(1))
    assert fake.requests[0].path == "/services/collector/event"


def test_many_events_go_in_several_requests_of_a_limited_size_and_progress_is_told(waited: list[float]) -> None:
    many = [json.dumps({"event": {"number": number, "text": "ä" * 5000}}, ensure_ascii=False) for number in range(120)]
    told: list[tuple[int, int]] = []
    with serving(lambda _: FINE) as fake:
        outcome = send_events(server(fake, waited), many, lambda done, total: told.append((done, total)))
    assert outcome.accepted == 120
    assert taken(fake) == list(range(120))
    assert len(fake.requests) == 3
    assert all(len(request.body.encode()) <= HEC_BYTES for request in fake.requests)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    assert told[-1] == (120, 120)


def test_a_busy_server_is_asked_again_after_longer_and_longer_waits(waited: list[float]) -> None:
    busy: Reply = (503, '{"text":"Server is busy","code":9}')
    with serving(in_turn(busy, busy, (500, ""), FINE)) as fake:
        assert send_events(server(fake, waited), events(2)).accepted == 2
    assert waited == [1.0, 2.0, 4.0]
    assert taken(fake) == [0, 1] * 4


def test_a_server_that_says_how_long_to_wait_is_obeyed_within_a_limit(waited: list[float]) -> None:
    slow: Reply = (429, "", {"Retry-After": "7"})
    slower: Reply = (429, "", {"Retry-After": "86400"})
    dated: Reply = (429, "", {"Retry-After": "Wed, 25 Nov 2026 10:30:00 GMT"})
    with serving(in_turn(slow, slower, dated, FINE)) as fake:
        assert send_events(server(fake, waited), events(1)).accepted == 1
    assert waited == [7.0, 60.0, 4.0]


def test_a_server_that_stays_busy_is_given_up_with_the_sum_so_far(waited: list[float]) -> None:
    big = [json.dumps({"event": {"number": number, "text": "x" * (HEC_BYTES // 2)}}) for number in range(3)]
    with (
        serving(in_turn(FINE, (503, '{"text":"Server is busy","code":9}'))) as fake,
        pytest.raises(SendError, match=r"busy.*\[of 3: 1 accepted, 0 refused, 2 not confirmed\]"),
    ):
        send_events(server(fake, waited), big)
    assert len(waited) == 5


def test_one_bad_event_costs_that_event_only(waited: list[float]) -> None:
    def judge(request: Request) -> Reply:
        numbers = [json.loads(line)["event"]["number"] for line in request.body.split("\n")]
        if {5, 12} & set(numbers):
            return 400, '{"text":"Invalid data format","code":6,"invalid-event-number":3}'
        accepted.extend(numbers)
        return FINE

    accepted: list[int] = []
    with serving(judge) as fake:
        outcome = send_events(server(fake, waited), events(20))
    assert (outcome.accepted, outcome.refused, outcome.unconfirmed) == (18, 2, 0)
    assert sorted(accepted) == [number for number in range(20) if number not in (5, 12)]
    assert len(outcome.problems) == 2
    assert '"number": 5' in outcome.problems[0]
    assert "Invalid data format" in outcome.problems[0]


@pytest.mark.parametrize(
    ("status", "body", "says"),
    [
        (403, '{"text":"Invalid token","code":4}', "Invalid token.*token of an HTTP Event Collector of this server"),
        (401, '{"text":"Invalid authorization","code":3}', "Invalid authorization"),
        (400, '{"text":"Incorrect index","code":7,"invalid-event-number":1}', "Incorrect index.*--index"),
        (400, '{"text":"Data channel is missing","code":10}', "without indexer acknowledgment"),
        (404, "<html>not here</html>", "404.*8088"),
        (200, "<html>log in</html>", "200 .*log in.*8088"),
    ],
)
def test_what_concerns_everything_ends_it_at_once(waited: list[float], status: int, body: str, says: str) -> None:
    with serving(lambda _: (status, body)) as fake, pytest.raises(SendError, match=f"(?s){says}") as error:
        send_events(server(fake, waited), events(4))
    assert "0 accepted, 0 refused, 4 not confirmed" in str(error.value)
    assert len(fake.requests) == 1
    assert not waited


# The token


def test_a_redirect_is_not_followed_so_the_token_goes_nowhere_else(waited: list[float]) -> None:
    with serving(lambda _: FINE) as other:
        reply: Reply = (307, "", {"Location": f"{other.url}/?was={TOKEN}"})
        with serving(lambda _: reply) as fake, pytest.raises(SendError, match="the token is not sent there") as error:
            send_events(server(fake, waited), events(1))
        assert not other.requests
    assert TOKEN not in str(error.value)


def test_a_server_that_repeats_the_token_does_not_get_it_into_a_message(waited: list[float]) -> None:
    with serving(lambda _: (403, f'{{"text":"no {TOKEN}","code":4}}')) as fake, pytest.raises(SendError) as error:
        send_events(server(fake, waited), events(1))
    assert "no (token)" in str(error.value)
    assert TOKEN not in str(error.value)


@pytest.mark.parametrize("token", ["", " ", "two words", "line\nbreak", "tökén", "tab\there"])
def test_a_token_that_could_not_stand_in_a_header_is_refused_unseen(token: str) -> None:
    with pytest.raises(SendError) as error:
        Server("https://splunk.example:8088", "Splunk", token)
    assert token.strip() == "" or token not in str(error.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://splunk.example:8088",
        "ftp://splunk.example",
        "splunk.example:8088",
        "https://",
        "https://user:hunter2@splunk.example",
        "https://splunk.example:port",
        "https://splunk.example/?token=hunter2",
        "https://splunk.example/a b",
        "file:///etc/passwd",
    ],
)
def test_an_address_that_is_none_or_would_show_the_token_is_refused(url: str) -> None:
    with pytest.raises(SendError) as error:
        Server(url, "Splunk", TOKEN)
    assert "hunter2" not in str(error.value)


def test_a_server_that_is_not_there_is_named(waited: list[float]) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    with pytest.raises(SendError, match=f"{url}: cannot be reached: .*refused.* not confirmed"):
        send_events(Server(url, "Splunk", TOKEN, waited.append), events(1))


@pytest.fixture
def rude() -> Iterator[str]:
    """A server that hangs up in the middle of its answer."""
    listening = socket.create_server(("127.0.0.1", 0))

    def answer() -> None:
        connection, _ = listening.accept()
        with connection:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 500\r\n\r\n{")

    thread = threading.Thread(target=answer)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    thread.join()
    listening.close()


def test_an_answer_that_breaks_off_is_an_error_not_a_success(rude: str, waited: list[float]) -> None:
    with pytest.raises(SendError, match="0 accepted, 0 refused, 1 not confirmed"):
        send_events(Server(rude, "Splunk", TOKEN, waited.append), events(1))


def test_certificates_are_verified() -> None:
    """The context is the library's default one, which verifies; nothing here passes another."""
    handlers = vars(Server("https://splunk.example", "Splunk", TOKEN)._opener)["handlers"]
    (handler,) = (one for one in handlers if isinstance(one, urllib.request.HTTPSHandler))
    context = vars(handler)["_context"]
    assert context is None or (context.verify_mode is ssl.CERT_REQUIRED and context.check_hostname)
    assert not any(isinstance(one, urllib.request.HTTPRedirectHandler) for one in handlers)


# Microsoft's ingestion


def test_rows_go_to_the_stream_of_their_table(waited: list[float]) -> None:
    tables = {"OfficeActivity_CL": [{"OfficeId": "a"}, {"OfficeId": "ü"}], "SigninLogs_CL": [{"RecordId": "b"}]}
    with serving(lambda _: (204, "")) as fake:
        outcome = send_rows(server(fake, waited, "Bearer"), tables)
    assert (outcome.total, outcome.accepted) == (3, 3)
    assert [request.path for request in fake.requests] == [
        "/streams/Custom-OfficeActivity_CL?api-version=2023-01-01",
        "/streams/Custom-SigninLogs_CL?api-version=2023-01-01",
    ]
    assert [json.loads(request.body) for request in fake.requests] == list(tables.values())
    assert fake.requests[0].headers["Authorization"] == f"Bearer {TOKEN}"
    assert fake.requests[0].headers["Content-Type"] == "application/json"


def test_no_request_is_larger_than_the_service_takes_and_no_row_is_lost(waited: list[float]) -> None:
    items = [{"number": number, "text": "ö" * 3000} for number in range(100)]
    with serving(lambda _: (204, "")) as fake:
        assert send_rows(server(fake, waited), {"T_CL": items}).accepted == 100
    assert len(fake.requests) == 3
    assert all(len(request.body) <= INGESTION_BYTES for request in fake.requests)
    assert [row["number"] for request in fake.requests for row in json.loads(request.body)] == list(range(100))


def test_throttling_is_waited_out(waited: list[float]) -> None:
    with serving(in_turn((429, "", {"Retry-After": "3"}), (204, ""))) as fake:
        assert send_rows(server(fake, waited), {"T_CL": [{"a": 1}]}).accepted == 1
    assert waited == [3.0]


@pytest.mark.parametrize(
    ("status", "hint"),
    [(401, "expired"), (403, "Monitoring Metrics Publisher"), (404, "dataCollectionRules"), (400, "")],
)
def test_refused_rows_say_which_table_why_and_what_to_do(waited: list[float], status: int, hint: str) -> None:
    body = '{"error":{"code":"OperationFailed","message":"the\\nreason"}}'
    with (
        serving(in_turn((204, ""), (status, body))) as fake,
        pytest.raises(SendError, match=f"B_CL: {status} the reason.*1 accepted, 0 refused, 2 not confirmed") as error,
    ):
        send_rows(server(fake, waited), {"A_CL": [{"a": 1}], "B_CL": [{"b": 1}, {"b": 2}]})
    assert hint in str(error.value)
    assert len(fake.requests) == 2
