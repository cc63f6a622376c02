"""Strict YAML: values are what they look like, and every value knows its line."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from unissued.errors import RuleError, SourceError
from unissued.pack import load_catalogue, parse_document, parse_span
from unissued.pack.path import Step, is_many, parse_path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("abc", "abc"),
        ("true", True),
        ("false", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("0", 0),
        ("-5", -5),
        ("'no'", "no"),
        ('"0123"', "0123"),
        ("'1:30'", "1:30"),
        ("1.2.3", "1.2.3"),
        ("192.0.2.1", "192.0.2.1"),
        ("2026-11-23", "2026-11-23"),
        ("2026-11-23T09:00:00Z", "2026-11-23T09:00:00Z"),
        ("59023ab3-013c-4280-b33a-9378b21b0acf", "59023ab3-013c-4280-b33a-9378b21b0acf"),
        ("12345678-1234", "12345678-1234"),
        ("True", "True"),
        ("NULL", "NULL"),
        ("|-\n  no", "no"),
        ("[a, 1, {b: true}]", ["a", 1, {"b": True}]),
    ],
)
def test_plain_value_is_what_it_looks_like(text: str, value: Any) -> None:
    found = parse_document(f"key: {text}\n", "a.yml").data
    assert found == {"key": value}
    assert isinstance(found, dict)
    assert type(found["key"]) is type(value)


@pytest.mark.parametrize(
    "text",
    ["yes", "No", "ON", "off", "y", "N", "0123", "0o17", "0x1F", "0b1", "1_000", "1:30", "1:30:00", "-1:30", "1.10"]
    + ["1.", ".5", "1e3", "1.5E-3", ".inf", "-.INF", ".NaN", "+.inf", "0_1", "="],
)
def test_value_that_readers_of_yaml_disagree_about_is_refused(text: str) -> None:
    with pytest.raises(RuleError, match="means different things to different YAML readers") as caught:
        parse_document(f"a: b\nkey: {text}\n", "a.yml")
    assert caught.value.problems[0].where == "a.yml:2"


def test_nothing_that_pyyaml_retypes_is_kept_as_it_is() -> None:
    # Every plain value that PyYAML turns into something else is either refused or one of the forms above.
    for text in ("12e03", "+12", "-0", "1__0", "0.0", "00", "+1:2", "6:59.9", "2001-01-01", "1e+3"):
        retyped = yaml.safe_load(text)
        try:
            kept = parse_document(f"key: {text}", "a.yml").data
        except RuleError:
            continue
        assert kept in ({"key": text}, {"key": retyped}), text


def test_places_have_lines() -> None:
    document = parse_document("# a comment\na: 1\n\nb:\n  - c\n  - d:\n      e: f\n", "a.yml")
    places: list[tuple[tuple[str | int, ...], int]] = [
        (("a",), 2),
        (("b",), 4),
        (("b", 0), 5),
        (("b", 1), 6),
        (("b", 1, "d"), 6),
        (("b", 1, "d", "e"), 7),
        (("b", 1, "d", "nowhere"), 6),
        (("b", 7), 4),
    ]
    for place, line in places:
        assert document.where(*place) == f"a.yml:{line}", place


def test_every_problem_of_a_document_is_reported() -> None:
    with pytest.raises(RuleError) as caught:
        parse_document("a: no\nb: 1\nb: 2\nc: 0123\n", "a.yml")
    assert [one.where for one in caught.value.problems] == ["a.yml:1", "a.yml:3", "a.yml:4"]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("1s", 1), ("90m", 5400), ("32h", 115200), ("1d", 86400), ("2w", 1209600)],
)
def test_span_is_a_number_and_a_unit(text: str, seconds: int) -> None:
    span = parse_span(text)
    assert span is not None
    assert span.total_seconds() == seconds


@pytest.mark.parametrize("text", ["", "0h", "1", "h", "1M", "1y", "1H", "1.5h", "-1h", "1h30m", " 1h", "1h\n", "٣h", 5])
def test_other_spans_are_none(text: object) -> None:
    assert parse_span(text) is None


def test_path_has_steps() -> None:
    assert parse_path("a.b") == (Step("a"), Step("b"))
    assert parse_path("TargetResources[].modifiedProperties[AppRole.Value].newValue") == (
        Step("TargetResources", ""),
        Step("modifiedProperties", "AppRole.Value"),
        Step("newValue"),
    )
    assert is_many("a[].b")
    assert not is_many("a.b")


@pytest.mark.parametrize("text", ["", ".", "a.", ".a", "a..b", "a[", "a]b", "[x]", "1a", "a\n"])
def test_text_that_is_no_path_is_refused(text: str) -> None:
    with pytest.raises(SourceError, match="is no path"):
        parse_path(text)


def test_catalogue_resolves_log_sources() -> None:
    catalogue = load_catalogue()
    found = catalogue.sources_of({"category": "directory_audit"})
    assert [source.key for source in found] == ["m365/audit", "azure/auditlogs"]
    assert [source.key for source in catalogue.sources_of({"product": "m365", "service": "exchange"})] == [
        "m365/exchange"
    ]
    for unknown in ({}, {"product": "m365"}, {"category": "mail"}, {"product": "windows", "service": "security"}):
        with pytest.raises(SourceError, match="is not in the field catalogue"):
            catalogue.sources_of(unknown)
