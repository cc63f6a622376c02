"""Renaming ids: cases come apart, and what a case is about stays."""

from __future__ import annotations

import uuid

import pytest

from unissued.evaluate import canonical
from unissued.evaluate.derive import token_of_request
from unissued.pack import Pack
from unissued.simulate.names import Names, named_ids

EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"
REQUEST = "55d7ef72-8b7c-4a2d-bd4a-cb2223002000"
TOKEN = "cu_XVXyLLUq9SssiIwAgAA"  # noqa: S105 - the id of REQUEST, not a token


@pytest.fixture(scope="module")
def named(pack: Pack) -> frozenset[str]:
    return named_ids(pack)


def names(named: frozenset[str], salt: str = "one") -> Names:
    return Names(named, salt)


def test_another_case_and_another_run_give_other_ids(named: frozenset[str]) -> None:
    renamed = {names(named, salt).text(REQUEST) for salt in ("end a", "end b", "other a")}
    assert len(renamed | {REQUEST}) == 4


def test_the_same_case_and_run_give_the_same_ids(named: frozenset[str]) -> None:
    assert names(named).text(REQUEST) == names(named).text(REQUEST)


@pytest.mark.parametrize("guid", [EXCHANGE, EXCHANGE.upper(), f"{{{EXCHANGE}}}", EXCHANGE.replace("-", "")])
def test_an_id_that_a_rule_names_stays(named: frozenset[str], guid: str) -> None:
    assert names(named).text(guid) == guid


@pytest.mark.parametrize("miss", ["00000002-0000-0ff1-ce00-000000000001", "9188040d-6c67-4c5b-b112-36a304b66dae"])
def test_a_near_miss_of_an_id_that_a_rule_names_stays(named: frozenset[str], miss: str) -> None:
    assert names(named).text(miss) == miss


def test_the_id_that_says_none_stays_but_what_is_near_it_does_not(named: frozenset[str]) -> None:
    assert names(named).text("00000000-0000-0000-0000-000000000000") == "00000000-0000-0000-0000-000000000000"
    mailbox = "00000000-0000-0000-0000-000000000001"
    assert names(named).text(mailbox) != mailbox


@pytest.mark.parametrize(
    "spelled",
    [
        REQUEST.upper(),
        f"{{{REQUEST}}}",
        REQUEST.replace("-", ""),
        f'"{REQUEST}"',
        f" {REQUEST} ",
        REQUEST[:20].upper() + REQUEST[20:],
    ],
)
def test_every_spelling_of_an_id_becomes_the_same_id(named: frozenset[str], spelled: str) -> None:
    renamed = names(named).text(spelled)
    assert canonical("guid", {}, renamed) == names(named).text(REQUEST)
    assert len(renamed) == len(spelled)
    assert renamed.isupper() == spelled.isupper()


def test_a_token_id_still_is_the_request_that_it_encodes(named: frozenset[str]) -> None:
    assert token_of_request(REQUEST) == TOKEN
    assert token_of_request(names(named).text(REQUEST)) == names(named).text(TOKEN)


@pytest.mark.parametrize(
    "written", [f"{TOKEN}==", f" {TOKEN}", f'{{"UniqueTokenId":"{TOKEN}"}}', f'"[{{\\"t\\":\\"{TOKEN}==\\"}}]"'[1:-1]]
)
def test_a_token_id_is_found_padded_and_in_json_text(named: frozenset[str], written: str) -> None:
    assert names(named).text(written) == written.replace(TOKEN, names(named).text(TOKEN))


def test_a_token_id_in_the_other_alphabet_keeps_it(named: frozenset[str]) -> None:
    other = TOKEN.replace("_", "/")
    renamed = names(named).text(other)
    assert "-" not in renamed
    assert "_" not in renamed
    assert canonical("token", {}, renamed) == names(named).text(TOKEN)


def test_token_ids_that_differ_in_the_case_of_a_letter_still_do(named: frozenset[str]) -> None:
    one, other = names(named).text(TOKEN), names(named).text(f"C{TOKEN[1:]}")
    assert one != other
    assert one.lower() == other.lower()


def test_ids_that_differ_in_one_digit_still_do(named: frozenset[str]) -> None:
    one = names(named).text(REQUEST)
    other = names(named).text(f"{REQUEST[:-1]}1")
    assert sum(ours != theirs for ours, theirs in zip(one, other, strict=True)) == 1


def test_a_renamed_request_is_a_guid_of_the_same_kind(named: frozenset[str]) -> None:
    renamed = uuid.UUID(names(named).text(REQUEST))
    assert (renamed.version, renamed.variant) == (uuid.UUID(REQUEST).version, uuid.UUID(REQUEST).variant)


@pytest.mark.parametrize("text", ["alice@example.org", "MailItemsAccessed", "abc", "Client=REST;;", "x" * 22])
def test_other_text_stays(named: frozenset[str], text: str) -> None:
    assert names(named).text(text) == text


def test_an_id_within_text_is_renamed(named: frozenset[str]) -> None:
    renamed = names(named).text(f"Directory_{REQUEST}_ABC_1 [AppId={REQUEST}]")
    assert renamed == f"Directory_{names(named).text(REQUEST)}_ABC_1 [AppId={names(named).text(REQUEST)}]"


def test_the_rules_ids_are_found_wherever_they_stand(named: frozenset[str]) -> None:
    assert EXCHANGE.replace("-", "") in named  # also within mail_read_by_app's text with bars
    assert "9188040d6c674c5bb11236a304b66dad" in named
    assert "dc890d1595604a4c9b7fa736ec74ec40" in named  # a role
    assert "98caddfa0b745b76bdfee4620dcacb4d" not in named  # a rule's own id is no condition


def test_domains_and_with_them_users_come_apart_but_stay_equal_in_every_case(named: frozenset[str]) -> None:
    one, other = names(named), names(named, "other")
    domain = one.text("contoso.example")
    assert len({domain, other.text("contoso.example"), "contoso.example"}) == 3
    assert one.text("alice@contoso.example") == f"alice@{domain}"
    assert one.text("Alice@Contoso.EXAMPLE").lower() == f"alice@{domain}"
    assert one.text('"[\\"sub.contoso.example\\"]"') == f'"[\\"sub.{domain}\\"]"'
    for kept in ("example.net", ".example", "contoso.example-x", "contoso.examples"):
        assert one.text(kept) == kept


def test_the_name_of_a_cmdlet_is_no_token_id(named: frozenset[str]) -> None:
    for name in ("Set-OrganizationConfig", "set-organizationconfig", '[{"Operation":"Set-OrganizationConfig"}]'):
        assert names(named).text(name) == name
