"""Canonical forms and conditions of SPL, computed by a small reader of Splunk's documented eval expressions.

Modelled, not run on Splunk: literals keep unknown escapes, comparisons are two-valued because no
column is null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

import pytest

from unissued.convert.spl import form
from unissued.evaluate.canon import canonical
from unissued.evaluate.derive import client_kind
from unissued.pack import load_catalogue

Row = Mapping[str, str]
_TOKEN = re.compile(r'\s*(?:("(?:[^"\\]|\\.)*")|([A-Za-z_][A-Za-z0-9_]*)|([0-9]+)|([(),=]))', re.DOTALL)
CATALOGUE = load_catalogue()


class Expression:
    """A recursive-descent reader of the few functions that the canonical forms use."""

    def __init__(self, text: str, row: Row) -> None:
        self.tokens = [found.groups() for found in _TOKEN.finditer(text)]
        self.at = 0
        self.row = row

    def value(self) -> object:
        left = self.term()
        if self.at < len(self.tokens) and self.tokens[self.at][3] == "=":
            self.at += 1
            return left == self.term()
        return left

    def term(self) -> object:
        text, name, number, _ = self.tokens[self.at]
        self.at += 1
        if text is not None:
            return re.sub(r'\\([\\"])', r"\1", text[1:-1])
        if number is not None:
            return int(number)
        if self.at < len(self.tokens) and self.tokens[self.at][3] == "(":
            return self.call(name)
        return self.row[name]

    def call(self, name: str) -> object:
        self.at += 1
        args: list[object] = []
        while self.tokens[self.at][3] != ")":
            args.append(self.value())
            if self.tokens[self.at][3] == ",":
                self.at += 1
        self.at += 1
        return FUNCTIONS[name](*args)


def pattern(text: object) -> str:
    return str(text).replace(r"\z", r"\Z")


def case(*args: object) -> object:
    return next((value for test, value in zip(args[::2], args[1::2], strict=True) if test), None)


def replace(text: object, found: object, by: object) -> str:
    return re.sub(pattern(found), str(by), str(text))


def trim(text: object, what: str = " \t") -> str:
    return str(text).strip(what)


FUNCTIONS: Mapping[str, Callable[..., object]] = {
    "lower": lambda text: str(text).lower(),
    "trim": trim,
    "replace": replace,
    "match": lambda text, found: re.search(pattern(found), str(text)) is not None,
    "case": case,
    "if": lambda test, yes, no: yes if test else no,
    "in": lambda text, *values: text in values,
    "true": lambda: True,
    "coalesce": lambda *args: next((one for one in args if one is not None), None),
}

VALUES = {
    "ip": [
        *("1.1.1.1 ", "195.26.87.219:443", "::ffff:1.2.3.4", "[::ffff:1.2.3.4]:5", "[2001:DB8::7]:51000", "<null>"),
        *("2001:db8::7%eth0", "[fe80::1%3]", "0.0.0.0", "", "1.2.3.4, 5.6.7.8", "1.2.3.4;5", "::1", "300.1.1.1"),  # noqa: S104
        *("1.2.3.4 x", "\t1.2.3.4\r\n", "fe80::1%2:80", "1.2.3", "[::1]", "::ffff:0.0.0.0"),
    ],
    "guid": [
        *("{00000002-0000-0FF1-CE00-000000000000}", "0000000200000ff1ce00000000000000", "", " x ", '{"a"}'),
        *('"030367BD-2ff4-4082-abe9-da68fa31ba57"\r\n', "0000000200000ff1ce0000000000000"),
    ],
    "upn": [" A@B.c\n", "", "x\ty", "a@b.c"],
    "token": [" ab+/== ", "a=b", "==", "", "\tQ=\n", "ab=== ", "aB-_"],
    "int": ["5", "12.00", "-3", " 7 ", "Regular", "ADMIN ", "x", "", "0005", "1.5", "1234567890123456789", "0"],
    "bool": ["True", "1", " false ", "0", "yes", ""],
    "time": [
        *("2026-03-11T08:14:00", "2026-03-11T08:14:00Z", "2026-03-11T07:45:21.7974412+00:00", "1601-01-01T00:00:00"),
        *("", "garbage", "2023-05-15 01:02:03", " 2023-05-15T01:02:03z "),
    ],
}


@pytest.mark.parametrize(("kind", "raw"), [(kind, raw) for kind, values in VALUES.items() for raw in values])
def test_canonical_forms_are_those_of_the_evaluator(kind: str, raw: str) -> None:
    enum = CATALOGUE.enums["UserType"] if kind == "int" else {}
    expected = canonical(kind, enum, raw)
    shown = "" if expected is None else str(expected).lower() if kind == "bool" else str(expected)
    assert Expression(form(kind, enum, "x"), {"x": raw}).value() == shown


@pytest.mark.parametrize(
    "raw",
    [
        "Client=OWA;x",
        "client=REST;Client=RESTSystem;;",
        "",
        "Client=",
        "Client= A ;b",
        "MSExchangeRPC",
        ";x",
        "  a",
        "OWA",
    ],
)
def test_the_kind_of_client_is_that_of_the_evaluator(raw: str) -> None:
    template = CATALOGUE.sources["m365/exchange"].fields["ClientKind"].spl
    expected = client_kind([[raw] if raw else []])[0]
    assert Expression(template.replace("{ClientInfoString}", "x"), {"x": raw}).value() == expected
