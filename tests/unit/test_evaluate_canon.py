"""Spellings of values, by the types of the field catalogue."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from unissued.evaluate import Event, canonical, fold
from unissued.evaluate.canon import Value
from unissued.pack import load_catalogue
from unissued.record import Origin, Record

KINDS = ("text", "guid", "upn", "token", "int", "bool", "time", "ip")
WORDS = {"regular": 0, "admin": 2}
GUID = "59023ab3-013c-4280-b33a-9378b21b0acf"

SPELLINGS: list[tuple[str, object, Value | None]] = [
    ("text", "", None),
    ("text", " ", " "),
    ("text", "a\r\n", "a\r\n"),
    ("text", "É", "É"),
    ("text", 0, "0"),
    ("text", 5.0, "5"),
    ("text", 1.5, "1.5"),
    ("text", True, "True"),
    ("text", False, "False"),
    ("text", datetime(2026, 3, 2, 9, 0, tzinfo=timezone(timedelta(hours=2))), "2026-03-02T07:00:00Z"),
    ("text", {"a": [1, None]}, '{"a":[1,null]}'),
    ("text", ["é", True], '["é",true]'),
    ("guid", GUID.upper(), GUID),
    ("guid", "{" + GUID + "}", GUID),
    ("guid", f'"{GUID}"', GUID),
    ("guid", f"\t{GUID}\r\n", GUID),
    ("guid", GUID.replace("-", ""), GUID),
    ("guid", GUID.replace("-", "").upper(), GUID),
    ("guid", "", None),
    ("guid", "{}", None),
    ("guid", '""', None),
    ("guid", "Not A Guid", "not a guid"),
    ("guid", GUID + "0", GUID + "0"),
    ("guid", GUID.replace("-", "\u2010"), GUID.replace("-", "\u2010")),
    ("upn", " Alice@CONTOSO.example\t", "alice@contoso.example"),
    ("upn", "\u212aim@contoso.example", "\u212aim@contoso.example"),
    ("upn", "  ", None),
    ("token", "JYpgIpsdtUSw8suU8GstAA==", "JYpgIpsdtUSw8suU8GstAA"),
    ("token", " a+b/c= ", "a-b_c"),
    ("token", "AbC", "AbC"),
    ("token", "==", None),
    ("int", 0, 0),
    ("int", "0", 0),
    ("int", "-0", 0),
    ("int", " 50 ", 50),
    ("int", "50.0", 50),
    ("int", 50.0, 50),
    ("int", "007", 7),
    ("int", "50.5", None),
    ("int", 50.5, None),
    ("int", "1e3", None),
    ("int", "1_000", None),
    ("int", "+5", None),
    ("int", "٥", None),
    ("int", "9" * 18, 999_999_999_999_999_999),
    ("int", "9" * 5000, None),
    ("int", True, None),
    ("int", float("nan"), None),
    ("int", float("inf"), None),
    ("int", "Regular", 0),
    ("int", " ADMIN ", 2),
    ("int", "dcadmin", None),
    ("bool", True, True),
    ("bool", " TRUE ", True),
    ("bool", 1, True),
    ("bool", "1", True),
    ("bool", "False", False),
    ("bool", 0, False),
    ("bool", "yes", None),
    ("bool", "", None),
    ("time", "2026-03-02T09:00:00", "2026-03-02T09:00:00Z"),
    ("time", "2026-03-02 09:00:00.9999999Z", "2026-03-02T09:00:00Z"),
    ("time", "2026-03-02t09:00:00z", "2026-03-02T09:00:00Z"),
    ("time", "2026-03-02T01:00:00+02:00", "2026-03-01T23:00:00Z"),
    ("time", datetime(2026, 3, 2, 9, 0, 0, 999, tzinfo=UTC), "2026-03-02T09:00:00Z"),
    ("time", "1601-01-01T00:00:00Z", None),
    ("time", "1999-12-31T23:59:59Z", None),
    ("time", "2026-02-29T00:00:00Z", None),
    ("time", "9999-12-31T23:59:59-23:59", None),
    ("time", "2026-03-02T09:00:00+99:99", None),
    ("time", "2026-03-02", None),
    ("time", "٢٠٢٦-03-02T09:00:00Z", None),
    ("time", 1_772_442_000, None),
    ("ip", "192.0.2.1", "192.0.2.1"),
    ("ip", " 192.0.2.1 ", "192.0.2.1"),
    ("ip", "192.0.2.1:443", "192.0.2.1"),
    ("ip", "[192.0.2.1]:443", "192.0.2.1"),
    ("ip", "::ffff:192.0.2.1", "192.0.2.1"),
    ("ip", "[::FFFF:192.0.2.1]:443", "192.0.2.1"),
    ("ip", "192.0.2.1, 198.51.100.1", "192.0.2.1"),
    ("ip", "192.0.2.1;198.51.100.1", "192.0.2.1"),
    ("ip", "2001:DB8::7", "2001:db8::7"),
    ("ip", "[2001:db8::7]:51000", "2001:db8::7"),
    ("ip", "[2001:db8::7]", "2001:db8::7"),
    ("ip", "2001:db8::7%eth0", "2001:db8::7"),
    ("ip", "[2001:db8::7%3]:51000", "2001:db8::7"),
    ("ip", "<null>", None),
    ("ip", "0.0.0.0", None),  # noqa: S104 - what exports write for "none"
    ("ip", "", None),
    ("ip", "somewhere", "somewhere"),
]

HOSTILE: dict[str, Any] = {
    "number of 5,000 digits": 10**5000,
    "negative number of 5,000 digits": -(10**5000),
    "text of 5,000 digits": "9" * 5000,
    "half a surrogate pair": "\ud800",
    "half a surrogate pair inside": "a\udfffb",
    "half a surrogate pair in an object": {"a": "\ud800"},
    "half a surrogate pair in a list": ["\udfff"],
    "nested object": {"a": {"b": [None, {"c": []}]}},
    "nested list": [[[]]],
    "no number": float("nan"),
    "infinity": float("inf"),
    "largest float": 1e308,
    "nul": "\x00",
    "ten thousand brackets": "[" * 10_000,
    "a mebibyte": "a" * (1 << 20),
    "bytes": b"bytes",
}


@pytest.mark.parametrize(("kind", "raw", "expected"), SPELLINGS, ids=lambda value: repr(value)[:30])
def test_spelling_has_its_canonical_form(kind: str, raw: object, expected: Value | None) -> None:
    found = canonical(kind, WORDS if kind == "int" else {}, raw)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize("kind", KINDS)
def test_none_and_empty_are_no_value(kind: str) -> None:
    assert canonical(kind, {}, None) is None
    assert canonical(kind, {}, "") is None


@pytest.mark.parametrize("what", HOSTILE)
def test_hostile_value_raises_nothing_and_can_be_written(what: str) -> None:
    for kind in KINDS:
        found = canonical(kind, WORDS, HOSTILE[what])
        assert found is None or isinstance(found, str | int | bool), kind
        str(found).encode("utf-8")


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(text=st.text(max_size=40))
def test_canonical_form_is_its_own_canonical_form(kind: str, text: str) -> None:
    once = canonical(kind, WORDS, text)
    if once is not None:
        assert canonical(kind, WORDS, once) == once


@given(text=st.text(max_size=30))
@settings(max_examples=200, deadline=None, derandomize=True, database=None)
def test_folding_changes_ascii_capitals_only(text: str) -> None:
    folded = fold(text)
    assert len(folded) == len(text)
    for before, after in zip(text, folded, strict=True):
        assert after == (chr(ord(before) + 32) if "A" <= before <= "Z" else before)


def event(source: str = "m365/exchange", **fields: object) -> Event:
    moment = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    record = Record(source, fields, moment, moment, "1", "", Origin("a.jsonl", 1))
    return Event(record, load_catalogue().sources[source])


def test_field_that_the_source_does_not_have_is_missing() -> None:
    assert event(Nonsense="x").values("Nonsense") == ()


def test_fourth_layer_of_json_is_text() -> None:
    layers = json.dumps({"AADSessionId": "s"})
    for expected in (("s",), ("s",), ("s",), ()):
        assert event(AppAccessContext=layers).values("AppAccessContext.AADSessionId") == expected
        layers = json.dumps(layers)


@pytest.mark.parametrize(
    "raw",
    ["{" * 100_000, '{"UniqueTokenId": ' + "9" * 5000 + "}", '{"UniqueTokenId": NaN}', "[1", '"', "{}", "[]", 5, True],
    ids=["deep", "huge_number", "nan", "cut", "quote", "empty", "list", "number", "truth"],
)
def test_json_that_cannot_be_read_is_missing_or_text(raw: object) -> None:
    values = event(AppAccessContext=raw).values("AppAccessContext.UniqueTokenId")
    assert all(isinstance(value, str) for value in values)
