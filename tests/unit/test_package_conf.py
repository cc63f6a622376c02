"""Splunk's .conf files: what is written comes back, and what would not is refused."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unissued.errors import SourceError, UnsupportedError
from unissued.package.splunk import conf

TRAPS = st.sampled_from(
    [
        "\n",
        "\\",
        "\\\n",
        " \\",
        "[",
        "]",
        "[a]",
        "$",
        "$x$",
        '"',
        "'",
        "=",
        "#",
        "%",
        "é",
        "–",
        "日本",
        "\u2028",
        "\u00a0",
        "\r",
        "\0",
        "\t",
    ]
)
PROSE = st.lists(st.one_of(TRAPS, st.text(max_size=5)), max_size=12).map("".join)
NAMES = st.from_regex(r"[A-Za-z][A-Za-z0-9 ,:()'._-]{0,20}[a-z0-9]", fullmatch=True)


@given(st.dictionaries(NAMES, st.dictionaries(st.sampled_from("abcdef"), PROSE.map(conf.one_line)), max_size=4))
def test_prose_comes_back_as_it_was_made_for_a_line(said: dict[str, dict[str, str]]) -> None:
    assert conf.read(conf.write(said), "x.conf") == said


@given(PROSE)
def test_a_value_comes_back_or_is_refused(value: str) -> None:
    try:
        text = conf.write({"a": {"k": value, "next": "here"}})
    except UnsupportedError:
        return
    assert conf.read(text, "x.conf") == {"a": {"k": value, "next": "here"}}


@given(st.lists(st.from_regex(r"[| a-z\"\[\]$=#\\]{0,12}[a-z\"\])]", fullmatch=True), min_size=1, max_size=6))
def test_searches_of_several_lines_are_not_refused(lines: list[str]) -> None:
    """Lines that end with anything but a backslash, and begin with what they like."""
    search = "\n".join(lines).strip()
    said = {"a": {"search": search, "cron_schedule": "1 * * * *"}}
    assert conf.read(conf.write(said), "x.conf") == said


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("Title\nwith a line break", "Title with a line break"),
        ("C:\\temp\\", "C:\\temp\\."),
        ('a "quoted" [word] for $5', 'a "quoted" [word] for $5'),
        ("a\u2028b\u0085c\0d\re", "a b c d e"),
        ("Update application – Certificates", "Update application – Certificates"),
        ("  blanks\t \n", "blanks"),
    ],
)
def test_one_line(text: str, line: str) -> None:
    assert conf.one_line(text) == line


@pytest.mark.parametrize(
    "value", ["ends with \\", "a \\\nb", "a \\ \nb", " a", "a ", "a\n", "a\rb", "a\0b", "a\u2028b", "\ud800"]
)
def test_what_would_not_come_back_is_refused(value: str) -> None:
    with pytest.raises(UnsupportedError, match=r"\[stanza\] key"):
        conf.write({"stanza": {"key": value}})


@pytest.mark.parametrize("stanza", ["", "a]b", "a[b", "a\nb", " a", "a\\"])
def test_odd_names_of_stanzas_are_refused(stanza: str) -> None:
    with pytest.raises(UnsupportedError, match="no name of a stanza"):
        conf.write({stanza: {}})


@pytest.mark.parametrize("key", ["", "a b", "a=b", "[a]", "#a", "a\n"])
def test_odd_names_of_settings_are_refused(key: str) -> None:
    with pytest.raises(UnsupportedError, match="no name of a setting"):
        conf.write({"a": {key: "1"}})


def test_how_it_is_written() -> None:
    text = conf.write(
        {"one": {"search": "index=a\n| stats count", "b": ""}, "two": {"c": "[x] = \\d"}}, ("made\nby us",)
    )
    assert text == "# made by us\n\n[one]\nsearch = index=a\\\n| stats count\nb =\n\n[two]\nc = [x] = \\d\n"


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("[a]\nnonsense\n", "x.conf:2: is neither stanza nor setting"),
        ("[a]\nsearch = one \\ \n| two\n", "x.conf:2: has blanks behind the backslash"),
        ("[a]\nsearch = one\n| two\n", "x.conf:3: is neither"),
        ("[a]\nk = 1\n[a]\n", r"x.conf:3: \[a\] is there twice"),
        ("[a]\nk = 1\nk = 2\n", "x.conf:3: k is there twice"),
        ("k = 1\n", "x.conf:1: stands before the first stanza"),
        ("[a]\nk = 1 \\\n", "x.conf:2: the last line is continued"),
        ("[a\nk = 1\n", "x.conf:1: is no stanza"),
        ("[a]b]\n", "x.conf:1: is no stanza"),
        ("[a]\r\nk = 1\r\n", "carriage returns"),
        ("\ufeff[a]\n", "byte order mark"),
        ("[a]\n# comment \\\nk = 1\n", "x.conf:2: is a comment"),
    ],
)
def test_what_is_no_conf_is_said_with_its_line(text: str, problem: str) -> None:
    with pytest.raises(SourceError, match=problem):
        conf.read(text, "x.conf")


def test_every_problem_is_said_at_once() -> None:
    with pytest.raises(SourceError) as caught:
        conf.read("one\n[a]\ntwo\nk = 1\nk = 2\n", "x.conf")
    assert len(caught.value.problems) == 3


def test_comments() -> None:
    assert conf.read("# [no] stanza\n\n[a]\n  # b\nk = 1 # no comment\n", "x") == {"a": {"k": "1 # no comment"}}
