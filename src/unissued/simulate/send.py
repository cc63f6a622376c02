"""The only door to the network: posts to one server that the user named, with the user's token, and nowhere else.

TLS certificates are verified, redirects are refused so that the token goes to no other address, and what the server
says is reported without the token in it.
"""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import IO

from unissued.errors import PackError
from unissued.simulate.sentinel import chunks, stream

_LOCAL = ("localhost", "127.0.0.1", "::1")
_TRIES = 6
_LONGEST_WAIT = 60.0
_BUSY = (408, 429, 500, 502, 503, 504)
_ANSWER_LIMIT = 64 << 20
_SHOWN = 300
HEC_BYTES = 500_000
"""Splunk's collector takes more, but small requests are retried cheaply."""
INGESTION_BYTES = 900_000
"""The Logs Ingestion API takes 1 MB a call."""
_API = "2023-01-01"

Progress = Callable[[int, int], None]


class SendError(PackError):
    """The server cannot be reached, or refuses what it is asked as a whole."""


@dataclass(frozen=True)
class Answer:
    """What a server said."""

    status: int
    body: str
    wait: float | None = None
    """Seconds that it asks for before the next try."""


@dataclass
class Sum:
    """What became of everything: ``total = accepted + refused + unconfirmed``."""

    total: int
    accepted: int = 0
    refused: int = 0
    problems: list[str] = field(default_factory=list)

    @property
    def unconfirmed(self) -> int:
        """What was not tried any more, or of which the server did not say what became of it."""
        return self.total - self.accepted - self.refused


def _opener() -> urllib.request.OpenerDirector:
    """Return what opens addresses, without the part that follows redirects: a redirect is an error then."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPErrorProcessor(),
        urllib.request.HTTPDefaultErrorHandler(),
    ):
        opener.add_handler(handler)
    return opener


class Server:
    """One server and the token for it.

    Args:
        url: where requests go, without a path of ours.
        scheme: what stands before the token in the header ``Authorization``.
        token: the user's.
        wait: sleeps; tests do not want to.

    Raises:
        SendError: the address or the token cannot be used.
    """

    def __init__(self, url: str, scheme: str, token: str, wait: Callable[[float], None] = time.sleep) -> None:
        self.url = _checked(url)
        self._token = token.strip()
        if not self._token or not self._token.isascii() or not self._token.isprintable() or " " in self._token:
            raise SendError.at("token", "is empty or holds characters that no token has", "one line, nothing else")
        self._authorization = f"{scheme} {self._token}"
        self._wait = wait
        self._opener = _opener()

    def form(self, path: str, fields: Mapping[str, str]) -> Answer:
        """Post a form."""
        body = urllib.parse.urlencode(fields).encode("ascii")
        return self.post(path, body, "application/x-www-form-urlencoded")

    def post(self, path: str, body: bytes, kind: str) -> Answer:
        """Post a body; while the server is busy, wait and try again.

        Raises:
            SendError: the server cannot be reached, or stays busy.
        """
        answer = self._once(path, body, kind)
        for attempt in range(1, _TRIES):
            if answer.status not in _BUSY:
                return answer
            self._wait(min(answer.wait if answer.wait is not None else 2.0 ** (attempt - 1), _LONGEST_WAIT))
            answer = self._once(path, body, kind)
        if answer.status in _BUSY:
            raise SendError.at(self.url, f"is busy, {_TRIES} times in a row: {said(answer)}", "try again later")
        return answer

    def _once(self, path: str, body: bytes, kind: str) -> Answer:
        headers = {"Authorization": self._authorization, "Content-Type": kind, "User-Agent": "unissued-simulate"}
        request = urllib.request.Request(f"{self.url}{path}", data=body, headers=headers, method="POST")  # noqa: S310
        try:
            with self._opener.open(request, timeout=120) as response:
                return Answer(response.status, self._text(response))
        except urllib.error.HTTPError as error:
            with error:
                if 300 <= error.code < 400:
                    to = self._hidden(str(error.headers.get("Location", "elsewhere")))
                    hint = "give the address that it names, if you trust it"
                    raise SendError.at(self.url, f"redirects to {to}; the token is not sent there", hint) from error
                return Answer(error.code, self._text(error), _seconds(error.headers.get("Retry-After")))
        except urllib.error.URLError as error:
            raise self._unreachable(error.reason) from error
        except (OSError, HTTPException) as error:
            raise self._unreachable(error) from error

    def _unreachable(self, reason: object) -> SendError:
        text = self._hidden(str(reason)) or type(reason).__name__
        hint = "check the address, the port and whether a proxy is needed"
        if "CERTIFICATE" in text.upper():
            hint = "name the file of your authority in SSL_CERT_FILE; verification is never switched off"
        return SendError.at(self.url, f"cannot be reached: {text}", hint)

    def _text(self, response: IO[bytes]) -> str:
        try:
            return self._hidden(response.read(_ANSWER_LIMIT).decode("utf-8", "replace"))
        except (OSError, HTTPException) as error:
            raise self._unreachable(error) from error

    def _hidden(self, text: str) -> str:
        return text.replace(self._token, "(token)")


def _checked(url: str) -> str:
    """Return an address that can be used. No message repeats one that may hold a secret."""
    where, form = "--url", "write https://host:port"
    try:
        parts = urllib.parse.urlsplit(url)
        host = parts.hostname or ""
        _ = parts.port
    except ValueError as error:
        raise SendError.at(where, "is no address", form) from error
    if parts.username is not None or parts.password is not None:
        raise SendError.at(where, "holds a name or a password", "use --token-env or --token-file")
    if parts.scheme not in ("http", "https") or not host or parts.query or parts.fragment:
        raise SendError.at(where, "is no address", form)
    if any(letter.isspace() or not letter.isprintable() for letter in url):
        raise SendError.at(where, "holds blanks or control characters", form)
    if parts.scheme == "http" and host not in _LOCAL:
        raise SendError.at(where, "would send the token in the clear", "write https://")
    return url.rstrip("/")


def _seconds(text: str | None) -> float | None:
    """Read a header Retry-After in seconds; a date is not read, then the usual wait is taken."""
    return float(text) if text and text.strip().isdecimal() else None


def said(answer: Answer) -> str:
    """Return what an answer says, in one line."""
    try:
        body = json.loads(answer.body)
    except ValueError:
        body = None
    text = answer.body
    if isinstance(body, dict):
        error = body.get("error")
        inner = error.get("message") if isinstance(error, dict) else None
        text = str(inner or body.get("text") or answer.body)
    return f"{answer.status} {' '.join(text.split())[:_SHOWN]}".strip()


# Splunk's HTTP Event Collector

_HEC = "/services/collector/event"
_HEC_HINTS = {
    1: "the token is disabled",
    2: "give a token",
    3: "give the token of an HTTP Event Collector",
    4: "give the token of an HTTP Event Collector of this server",
    7: "the token may not write to this index: name one with --index that it may write to",
    10: "use a token without indexer acknowledgment",
    11: "use a token without indexer acknowledgment",
    14: "use a token without indexer acknowledgment",
}


def send_events(server: Server, events: Sequence[str], progress: Progress | None = None) -> Sum:
    """Send events to Splunk's HTTP Event Collector.

    A request with an event that Splunk does not take is sent again in halves, until the event is found. What Splunk had
    taken of it before then arrives twice, as records do in real feeds; the searches count it once.

    Raises:
        SendError: the server cannot be reached, or refuses the token or the index.
    """
    outcome = Sum(len(events))
    path = "" if server.url.endswith(_HEC) else _HEC
    for batch in _batches(events):
        _send_batch(server, path, batch, outcome)
        if progress:
            progress(outcome.accepted + outcome.refused, outcome.total)
    return outcome


def _batches(events: Sequence[str]) -> Iterator[list[str]]:
    batch: list[str] = []
    size = 0
    for event in events:
        length = len(event.encode("utf-8")) + 1
        if batch and size + length > HEC_BYTES:
            yield batch
            batch, size = [], 0
        batch.append(event)
        size += length
    if batch:
        yield batch


def _send_batch(server: Server, path: str, batch: list[str], outcome: Sum) -> None:
    try:
        answer = server.post(path, "\n".join(batch).encode("utf-8"), "application/json")
    except SendError as error:
        raise _with_sum(error, outcome) from error
    code = _code(answer)
    if answer.status == 200 and code == 0:
        outcome.accepted += len(batch)
    elif answer.status != 400 or code in _HEC_HINTS:
        hint = _HEC_HINTS.get(code or 0, "the address must be that of an HTTP Event Collector, usually port 8088")
        raise _with_sum(SendError.at(server.url, f"refuses: {said(answer)}", hint), outcome)
    elif len(batch) == 1:
        outcome.refused += 1
        outcome.problems.append(f"{said(answer)}: {batch[0][:_SHOWN]}")
    else:
        half = len(batch) // 2
        _send_batch(server, path, batch[:half], outcome)
        _send_batch(server, path, batch[half:], outcome)


def _code(answer: Answer) -> int | None:
    try:
        body = json.loads(answer.body)
    except ValueError:
        return None
    code = body.get("code") if isinstance(body, dict) else None
    return code if isinstance(code, int) else None


def _with_sum(error: SendError, outcome: Sum) -> SendError:
    (problem,) = error.problems
    sum_so_far = f"{outcome.accepted} accepted, {outcome.refused} refused, {outcome.unconfirmed} not confirmed"
    return SendError.at(problem.where, f"{problem.problem} [of {outcome.total}: {sum_so_far}]", problem.hint)


# Microsoft's Logs Ingestion API

_INGESTION_HINTS = {
    401: "the token has expired, or its audience is not https://monitor.azure.com",
    403: "the application needs the role Monitoring Metrics Publisher on the rule; it takes half an hour",
    404: "the address must end in /dataCollectionRules/dcr-…, and the rule must declare the stream",
    413: "report this: a request was larger than the service takes",
}


def send_rows(
    server: Server, tables: Mapping[str, Sequence[Mapping[str, object]]], progress: Progress | None = None
) -> Sum:
    """Send rows of custom tables to the Logs Ingestion API.

    Raises:
        SendError: the server cannot be reached, or refuses the rows.
    """
    outcome = Sum(sum(map(len, tables.values())))
    for table, items in tables.items():
        path = f"/streams/{stream(table)}?api-version={_API}"
        for chunk in chunks(items, INGESTION_BYTES):
            body = json.dumps(chunk, separators=(",", ":")).encode("ascii")
            try:
                answer = server.post(path, body, "application/json")
            except SendError as error:
                raise _with_sum(error, outcome) from error
            if answer.status not in (200, 204):
                hint = _INGESTION_HINTS.get(answer.status, "compare the rows with the rule's stream")
                problem = f"refuses rows of {table}: {said(answer)}"
                raise _with_sum(SendError.at(server.url, problem, hint), outcome)
            outcome.accepted += len(chunk)
            if progress:
                progress(outcome.accepted, outcome.total)
    return outcome
