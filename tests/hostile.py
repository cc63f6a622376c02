"""Log records that attack whoever shows them: one text after the other in every place where a text can stand."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from mail_reads import EXCHANGE, START
from unissued.record import Origin, Record

TEXTS = (
    "<script>alert(1)</script>",
    "</style><script>alert(1)</script>",
    "</title></head><body onload=alert(1)>",
    '" onmouseover="alert(1)',
    "' autofocus onfocus='alert(1)",
    "x onclick=alert(1) y",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "</td></tr></table><h1>clean</h1>",
    "<!-- --><!-->",
    "-->",
    "]]>",
    "<![CDATA[x]]>",
    "&lt;b&gt;&#x3c;i>",
    "{{ 7*7 }}{% raw %}",
    "javascript:alert(1)",
    "https://evil.example/x",
    "[click](https://evil.example) **bold** `code` | cell",
    "<a href=https://evil.example>here</a>",
    "=HYPERLINK(1)",
    "+cmd|' /C calc'!A0",
    "-2+3",
    "@SUM(1)",
    "\t=1",
    "  =1",
    "\uff1d1",
    '"quoted", with, commas\r\nand a second line',
    "name\x00cut",
    "\x1b[2J\x1b]0;title\x07",
    "\u202etxt.exe\u202c",
    "\u2066hidden\u2069\u200b\ufeff\u00ad",
    "\ud800 half a pair",
    "\u2028line\u2029paragraph\x85next",
    "אבג ‏abc‏",
    "{0} {name} [1](2) \\",
    "__proto__",
    "../../../etc/passwd",
    "M" * 1_000_000,
    "<" * 5_000,
    "\u202e" * 5_000,
)


def records(texts: Sequence[str]) -> list[Record]:
    """Return a mail read, a Sync and a sign-in for each text, with it wherever a text can stand."""
    found = []
    for number, text in enumerate(texts):
        time = START + timedelta(minutes=number)
        common: dict[str, object] = {
            "Operation": "MailItemsAccessed",
            "ResultStatus": "Succeeded",
            "UserId": f"{text} u{number}",
            "MailboxGuid": f"{text} g{number}",
            "MailboxOwnerUPN": f"{text} o{number}",
            "ClientIPAddress": text,
            "AppAccessContext": {"UniqueTokenId": text, "AADSessionId": text},
        }
        bind = {
            **common,
            "AppId": EXCHANGE,
            "ClientAppId": f"{text} c{number}",
            "ClientInfoString": f"Client={text};{text}",
            "OperationProperties": [
                {"Name": "MailAccessType", "Value": "Bind"},
                {"Name": "IsThrottled", "Value": "True"},
            ],
            "Folders": [
                {"Path": text, "FolderItems": [{"InternetMessageId": f"{text} i{number}", "SizeInBytes": text}]},
                {"Path": text, "FolderItems": [{"Id": f"{text} j{number}", "SizeInBytes": 7}]},
            ],
            "OperationCount": 3,
        }
        sync = {
            **common,
            "ClientInfoString": "Client=MSExchangeRPC",
            "OperationProperties": [{"Name": "MailAccessType", "Value": "Sync"}],
            "Item": {"ParentFolder": {"Path": text}},
        }
        places: tuple[tuple[str, dict[str, object]], ...] = (
            ("m365/exchange", bind),
            ("m365/exchange", sync),
            ("azure/signinlogs", {"UniqueTokenIdentifier": text}),
        )
        for line, (source, fields) in enumerate(places, 1):
            origin = Origin(f"{text[:60]}/{number}.jsonl", line)
            found.append(Record(source, fields, time, time, text, "OfficeActivity", origin))
    return found
