"""Pools of values by type, and the ways in which records spell them."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from unissued.pack import Field

# No letters beyond ASCII that have a case: what each product makes of them is said in docs/evaluator.md.
_TEXTS = (
    "MailItemsAccessed", "mailitemsaccessed", "Send", "a.b", "a*b", "a?b", "x|y", 'say "so"', "back\\slash", "100%_",
    "C:\\Temp\\", "Client=OWA;Action=ViaProxy", "Client=REST;;", "Client=POP3/IMAP4", "Client=", ";", "[x]", "(a+b)",
    "{b}", "^c$", "0", "5", "05", "5.0", "1e3", "1000", "-7", "True", "false", "ab", "abc", "bc", "a b", " a", "日本",
    "a–b", "%key%", "#", "'", "a'b", ",", "a, b", "a\\*b", "Succeeded", "-",
)  # fmt: skip
_OPERATIONS = (
    "MailItemsAccessed", "Send", "Add app role assignment to service principal.", "Consent to application.",
    "Update application – Certificates and secrets management ", "Add service principal credentials.",
    "Create application",
)  # fmt: skip
_RESULTS = ("0", "50126", "65001", "700016", "5")
_GUIDS = (
    "00000002-0000-0ff1-ce00-000000000000",
    "00000003-0000-0000-c000-000000000000",
    "9199bf20-a13f-4107-85dc-02114787ef48",
    "59023ab3-013c-4280-b33a-9378b21b0acf",
    "0a1b2c3d-4e5f-4a6b-8c7d-9e8f7a6b5c4d",
    "not-a-guid",
)
_UPNS = ("alice@contoso.example", "bob@contoso.example", "alice@fabrikam.example", "bob", "ServicePrincipal_1")
_TOKENS = (
    "rUdtkpcS2Ue61QYH-wv0AA",
    "rudtkpcs2ue61qyh-wv0aa",
    "k1cABvVGIViBSbKhLPjEAA",
    "cu_XVXyLLUq9SssiIwAgAA",
    "short",
)
_ADDRESSES = (
    "192.0.2.1", "192.0.2.200", "198.51.100.7", "203.0.113.9", "10.0.0.1", "2001:db8::1", "2001:db8:0:1::2", "::1",
    "fe80::1", "not an address", "999.1.1.1", "192.0.2", "2001:db8:::1",
)  # fmt: skip
NETWORKS = (
    "192.0.2.0/24", "192.0.2.0/25", "198.51.100.7/32", "10.0.0.0/8", "0.0.0.0/0", "2001:db8::/32", "2001:db8::/64",
    "::/0",
)  # fmt: skip
_DAYS = ("2023-02-28", "2023-03-01", "2023-07-31", "2023-12-31", "2024-02-29", "2025-01-01")
REGEXES = (
    "^[A-Za-z]+$", "Owa|OWA|REST", "a.b", r"\d+", r"^\w{2,3}$", r"[^a-z]", r"\.", "(?i)client=owa", "a{2}|b", "^$", ".",
    r"[\d-]{8}", "x\\|y", r"\\", '"', "@contoso[.]example$", "s$",
)  # fmt: skip


@dataclass(frozen=True)
class Pool:
    """A few values of one field."""

    field: Field
    values: tuple[str, ...]


def pool(rng: random.Random, field: Field) -> Pool:
    """Draw the values that a field has in one batch."""
    if field.name == "ResultType":  # a number in some tables, text in others
        return Pool(field, tuple(rng.sample(_RESULTS, 3)))
    some = {
        "guid": _GUIDS,
        "upn": _UPNS,
        "token": _TOKENS,
        "ip": _ADDRESSES,
        "time": _DAYS,
        "int": ("0", "1", "2", "3", "5", "50", "275", "-1", "100"),
    }.get(field.type, _OPERATIONS if field.name in ("Operation", "OperationName") else _TEXTS)
    return Pool(field, tuple(rng.sample(some, min(len(some), rng.choice((2, 3, 4))))))


def spelt(rng: random.Random, field: Field, value: str) -> object:
    """Return a value the way some export writes it."""
    return rng.choice(_spellings(field, value))


def _spellings(field: Field, value: str) -> Sequence[object]:
    match field.type:
        case "guid":
            return value, value.upper(), f"{{{value}}}", value.replace("-", ""), f" {value} ", f'"{value}"'
        case "upn":
            return value, value.upper(), value.title(), f" {value}\t"
        case "token":
            return value, f"{value}==", value.replace("-", "+").replace("_", "/"), f" {value}"
        case "ip":
            return _addresses(value)
        case "int":
            words = [word.title() for word, number in field.enum.items() if number == int(value)]
            return int(value), value, f" {value} ", f"{value}.0", *words, *map(str.upper, words)
        case "time":
            return f"{value}T10:20:30", f"{value}T10:20:30Z", f"{value}T10:20:30.1234567Z"
    return value, value, value, value.upper(), value.lower()


def _addresses(value: str) -> Sequence[object]:
    if ":" in value:
        return value, value.upper(), f"[{value}]", f"[{value}]:443", f"{value}%3"
    return value, f"{value}:443", f" {value}", f"{value}, 192.0.2.99", f"::ffff:{value}", f"[::ffff:{value}%3]:25"
