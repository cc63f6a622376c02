"""Comparisons in KQL and SPL: quoting, escaping, case, null-safety, and what is refused."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from types import MappingProxyType

import pytest
from sigma.rule import SigmaRule

from unissued.convert.kusto import KustoCondition, column
from unissued.convert.kusto import quoted as kql_quoted
from unissued.convert.regex import exact
from unissued.convert.splunk import SplunkCondition, quoted_regex
from unissued.convert.splunk import quoted as spl_quoted
from unissued.convert.tree import Tree, specialise
from unissued.errors import UnsupportedError
from unissued.pack import load_catalogue
from unissued.pack.catalogue import Field

MAIL = load_catalogue().sources["m365/exchange"]
DIRECTORY = load_catalogue().sources["m365/audit"]
SIGNIN = load_catalogue().sources["azure/signinlogs"]


def tree(selection: object, condition: str = "sel", **more: object) -> Tree:
    rule = SigmaRule.from_dict(
        {
            "title": "t",
            "id": str(uuid.uuid4()),
            "logsource": {"product": "m365", "service": "exchange"},
            "detection": {"sel": selection, **more, "condition": condition},
        }
    )
    found = specialise(rule.detection.parsed_condition[0].parsed, lambda _: True)
    assert not isinstance(found, bool)
    return found


def kql(
    selection: object,
    condition: str = "sel",
    fields: dict[str, Field] | None = None,
    more: Mapping[str, object] = MappingProxyType({}),
) -> str:
    return KustoCondition(fields or dict(MAIL.fields)).expression(tree(selection, condition, **more))


def spl(
    selection: object,
    condition: str = "sel",
    fields: dict[str, Field] | None = None,
    more: Mapping[str, object] = MappingProxyType({}),
) -> str:
    condition_of = SplunkCondition(fields or dict(MAIL.fields), load_catalogue().lists)
    return condition_of.expression(tree(selection, condition, **more))


TEXT: list[tuple[dict[str, object], str, str | None]] = [
    ({"Operation": "x"}, 'Operation =~ "x"', 'lower(Operation)="x"'),
    ({"Operation": "Ab"}, 'Operation =~ "Ab"', 'lower(Operation)="ab"'),
    ({"Operation": ["x", "Y"]}, 'Operation in~ ("x", "Y")', 'in(lower(Operation),"x","y")'),
    ({"Operation|cased": "Ab"}, 'Operation == "Ab"', r'match(Operation,"^Ab\z")'),
    ({"Operation|contains": "a.b"}, 'Operation contains "a.b"', 'match(lower(Operation),"a[.]b")'),
    ({"Operation|startswith": "A|b"}, 'Operation startswith "A|b"', 'match(lower(Operation),"^a[|]b")'),
    ({"Operation|endswith": "100%_"}, 'Operation endswith "100%_"', r'match(lower(Operation),"100%_\z")'),
    ({"Operation|startswith|cased": "A"}, 'Operation startswith_cs "A"', 'match(Operation,"^A")'),
    ({"Operation|contains|cased": "A"}, 'Operation contains_cs "A"', 'match(Operation,"A")'),
    ({"Operation|endswith|cased": "A"}, 'Operation endswith_cs "A"', r'match(Operation,"A\z")'),
    (  # K4, S12: anchored, order kept, dot matches newlines
        {"Operation": "a*C"},
        'Operation matches regex "(?is)^a.*C$"',
        r'match(lower(Operation),"(?s)^a.*c\z")',
    ),
    ({"Operation": "a?c"}, 'Operation matches regex "(?is)^a.c$"', r'match(lower(Operation),"(?s)^a.c\z")'),
    (  # S11: a star that is a star
        {"Operation": r"a\*c"},
        'Operation =~ "a*c"',
        'lower(Operation)="a*c"',
    ),
    (  # K5: item by item
        {"Operation": ["x", "b*c"]},
        '(Operation =~ "x") or (Operation matches regex "(?is)^b.*c$")',
        None,
    ),
    ({"Operation": "*"}, "isnotempty(Operation)", "len(Operation)>0"),  # K8
    ({"Operation": None}, "not(isnotempty(Operation))", "len(Operation)=0"),  # K3
    ({"Operation|exists": True}, "isnotempty(Operation)", "len(Operation)>0"),
    ({"Operation|exists": False}, "not(isnotempty(Operation))", "len(Operation)=0"),
    (  # K6: equality of every item, never has_all
        {"Operation|contains|all": ["x", "y"]},
        '(Operation contains "x") and (Operation contains "y")',
        None,
    ),
    (  # K20, S15
        {"AppId|fieldref": "ClientAppId"},
        "(isnotempty(AppId) and AppId =~ ClientAppId)",
        '(len(AppId)>0 AND ("=".lower(AppId))=("=".lower(ClientAppId)))',
    ),
    (  # numbers compare as numbers in some readings of Splunk's manuals, text never may
        {"Operation": "5.0"},
        'Operation =~ "5.0"',
        r'match(lower(Operation),"^5[.]0\z")',
    ),
    (
        {"Operation": ["x", "1e3"]},
        'Operation in~ ("x", "1e3")',
        r'((lower(Operation)="x") OR (match(lower(Operation),"^1e3\z")))',
    ),
    (  # a missing value is no empty text
        {"Operation|re": "^$"},
        '(isnotempty(Operation) and Operation matches regex "^$")',
        r'(len(Operation)>0 AND match(Operation,"^\z"))',
    ),
    (  # K1: a path is a column
        {"AppAccessContext.UniqueTokenId": "x"},
        'AppAccessContext_UniqueTokenId =~ "x"',
        'lower(AppAccessContext_UniqueTokenId)="x"',
    ),
    (
        {"MailAppKey|expand": "%baseline_mail_apps%"},
        "tolower(MailAppKey) in (baseline_mail_apps)",
        "isnotnull(listed1)",
    ),
]
NUMBERS: list[tuple[dict[str, object], str, str | None]] = [
    ({"UserType": 5}, "coalesce(UserType == 5, false)", 'UserType="5"'),
    ({"UserType": "5"}, "coalesce(UserType == 5, false)", 'UserType="5"'),
    ({"UserType": [0, 2]}, "coalesce(UserType in (0, 2), false)", 'in(UserType,"0","2")'),  # K7
    (  # K14
        {"UserType|gte": 2},
        "coalesce(UserType >= 2, false)",
        'if(UserType="",-1000000000000000,tonumber(UserType))>=2',
    ),
    (
        {"UserType|lt": 2},
        "coalesce(UserType < 2, false)",
        'if(UserType="",1000000000000000,tonumber(UserType))<2',
    ),
    ({"UserType|exists": True}, "isnotnull(UserType)", "len(UserType)>0"),
    ({"UserType": None}, "not(isnotnull(UserType))", "len(UserType)=0"),
]
TIMES = [
    ("2023", "2023-01-01", "2024-01-01"),
    ("2023-03", "2023-03-01", "2023-04-01"),
    ("2023-12", "2023-12-01", "2024-01-01"),
    ("2024-02-29", "2024-02-29", "2024-03-01"),
    ("2023-12-31", "2023-12-31", "2024-01-01"),
]


@pytest.mark.parametrize(("selection", "in_kql", "in_spl"), TEXT + NUMBERS)
def test_comparison(selection: dict[str, object], in_kql: str, in_spl: str | None) -> None:
    found = kql(selection)
    assert found.replace("(", "").replace(")", "") == in_kql.replace("(", "").replace(")", "")
    if in_spl is not None:
        assert spl(selection) == in_spl


@pytest.mark.parametrize(("prefix", "first", "after"), TIMES)
def test_beginning_of_a_time_is_a_range(prefix: str, first: str, after: str) -> None:
    selection = {"CreationTime|startswith": prefix}
    expected = f"coalesce(CreationTime >= datetime({first}) and CreationTime < datetime({after}), false)"
    assert kql(selection) == expected
    assert spl(selection) == f'match(CreationTime,"^{prefix}")'


@pytest.mark.parametrize("value", ["202", "2023-", "2023-3", "2023-13", "2023-02-30", "2023-03-09T", "2023-03*1"])
def test_other_comparisons_of_times_are_refused(value: str) -> None:
    for write in (kql, spl):
        with pytest.raises(UnsupportedError):
            write({"CreationTime|startswith": value})
        with pytest.raises(UnsupportedError):
            write({"CreationTime": value})


def test_not_is_written_round_the_whole_and_every_part_has_parentheses() -> None:
    condition = "not (sel and other) or third"
    more: dict[str, object] = {"other": {"Operation": "y"}, "third": {"UserId": "z"}}
    assert kql({"Operation": "x"}, condition, more=more) == (
        '(not((Operation =~ "x" and Operation =~ "y"))) or UserId =~ "z"'.replace("((", "(").replace('"y"))', '"y")')
    )
    assert spl({"Operation": "x"}, condition, more=more) == (
        '(NOT (lower(Operation)="x" AND lower(Operation)="y")) OR lower(UserId)="z"'
    )
    # S13: and before or must not depend on the reader.
    assert spl({"Operation": "x"}, "sel and (other or third)", more=more) == (
        'lower(Operation)="x" AND (lower(Operation)="y" OR lower(UserId)="z")'
    )


def test_several_regular_expressions_anywhere_stay_in_place() -> None:
    """S1 to S4: nothing is deferred behind a pipe."""
    selection = [{"Operation|re": "^x$"}, {"UserId|re": "y"}]
    assert spl(selection) == r'match(Operation,"^x\z") OR match(UserId,"y")'
    assert spl({"Operation|re": "x"}, "not sel") == 'NOT (match(Operation,"x"))'
    assert kql(selection) == 'Operation matches regex "^x$" or UserId matches regex "y"'
    assert spl({"Operation|re": "x", "UserId|re": "y"}) == 'match(Operation,"x") AND match(UserId,"y")'


def test_flags_of_a_regular_expression() -> None:
    assert kql({"Operation|re|i": "x"}) == 'Operation matches regex "(?i)x"'
    assert spl({"Operation|re|i": "x"}) == 'match(Operation,"(?i)x")'


@pytest.mark.parametrize(
    ("pattern", "same"),
    [
        (r"^a$", r"^a\z"),
        (r"[$]\$", r"[$]\$"),
        (r"\d+\w", "[0-9]+[0-9A-Za-z_]"),
        (r"[\d-]\S", r"[0-9-][^ \t\n\r\f]"),
        (r"(?:a|b)(?P<n>c)(?i)", r"(?:a|b)(?P<n>c)(?i)"),
        (r"[\]a]\.", r"[\]a]\."),
        (r"\x41\t", r"\x41\t"),
    ],
)
def test_regular_expressions_mean_the_same_to_every_engine(pattern: str, same: str) -> None:
    assert exact(pattern, r"\z") == same


@pytest.mark.parametrize(
    "pattern",
    [
        r"(?=x)y",
        r"\bx",
        r"\pL",
        r"[[:alpha:]]",
        r"[a&&b]",
        r"[^\S]",
        r"a{,3}",
        r"\Qx\E",
        "é",
        r"(?<n>a)",
        r"a++",
        "[]a]",
    ],
)
def test_regular_expressions_that_engines_read_differently_are_refused(pattern: str) -> None:
    with pytest.raises(UnsupportedError):
        exact(pattern, "$")


def test_networks_by_family_and_unreadable_addresses() -> None:
    """K9, K10."""
    four, six = {"ClientIP|cidr": "10.0.0.0/8"}, {"ClientIP|cidr": "2001:db8::/32"}
    assert 'coalesce(ipv4_is_in_range(ClientIP, "10.0.0.0/8"), false)' in kql(four)
    assert 'coalesce(ipv6_is_in_range(ClientIP, "2001:db8::/32"), false)' in kql(six)
    assert 'cidrmatch("10.0.0.0/8",ClientIP)' in spl(four)
    assert 'cidrmatch("2001:db8::/32",ClientIP)' in spl(six)
    # Only addresses of the family reach the function.
    for text in (kql(four), spl(four)):
        pattern = re.search(r'"(\^[^"]*)"', text)
        assert pattern
        looks = pattern[1].removesuffix("$").removesuffix(r"\z") + r"\Z"
        assert re.match(looks, "10.1.2.3")
        assert not re.match(looks, "10.0.0.0/8")
        assert not re.match(looks, "::ffff:10.1.2.3")
    for text in (kql(six), spl(six)):
        pattern = re.search(r'"(\^[^"]*)"', text)
        assert pattern
        looks = pattern[1].removesuffix("$").removesuffix(r"\z") + r"\Z"
        assert re.match(looks, "2001:db8::7")
        assert not re.match(looks, "2001:db8::/32")
        assert not re.match(looks, "10.1.2.3")


@pytest.mark.parametrize("text", ['a"b', "a\\", 'a\\"', "a' or '1'=='1", "| take 5", "a\\b", "[search x]"])
def test_literals_hold_what_was_put_in(text: str) -> None:
    for literal in (kql_quoted(text), spl_quoted(text)):
        assert literal[0] == literal[-1] == '"'
        assert re.fullmatch(r'"(?:[^"\\]|\\.)*"', literal)
        assert re.sub(r"\\(.)", r"\1", literal[1:-1]) == text


@pytest.mark.parametrize("text", ["a\nb", "a\x00", "a`b", "\x7f"])
def test_unsafe_characters_are_refused(text: str) -> None:
    """K11, S16, S17."""
    for quote in (kql_quoted, spl_quoted, quoted_regex):
        with pytest.raises(UnsupportedError):
            quote(text)


def test_dashboard_tokens_are_refused_in_spl() -> None:
    with pytest.raises(UnsupportedError):
        spl_quoted("$tok$")


def test_regular_expression_literals_keep_their_escapes() -> None:
    r"""A literal turns ``\\`` into ``\`` and leaves unknown escapes alone."""
    assert quoted_regex(r"\d") == r'"\d"'
    assert quoted_regex(r"a\\b") == r'"a\\\\b"'
    assert quoted_regex('a"b') == r'"a\"b"'
    assert spl({"Operation|contains": "a\\b"}) == r'match(lower(Operation),"a\\\\b")'


def test_one_element_has_to_meet_a_comparison() -> None:
    """S18: name and value come from the same element, and ``not`` is about all of them."""
    name = "ModifiedProperties[AppRole.Value].NewValue"
    fields = dict(DIRECTORY.fields)
    condition = KustoCondition(fields)
    assert condition.expression(tree({name: ["a", "b"]}, "not sel")) == "not(coalesce(Hits1 > 0, false))"
    assert condition.counts == {(name, f'{column(name)} in~ ("a", "b")'): "Hits1"}
    assert spl({name: "a"}, "not sel", fields) == f'NOT (isnotnull(mvfilter(lower({column(name)})="a")))'
    assert spl({f"{name}|exists": True}, "sel", fields) == f"isnotnull({column(name)})"
    assert kql({f"{name}|exists": False}, "sel", fields) == "not(coalesce(Hits1 > 0, false))"


def test_computed_lists_can_only_be_asked_for_their_existence() -> None:
    fields = dict(SIGNIN.fields)
    assert kql({"IssuedTokenId|exists": True}, "sel", fields) == "coalesce(array_length(IssuedTokenId) > 0, false)"
    with pytest.raises(UnsupportedError, match="existence"):
        kql({"IssuedTokenId": "x"}, "sel", fields)


@pytest.mark.parametrize(
    "selection",
    [
        {"UserType": "a*"},
        {"UserType": 10**15},  # K12
        {"UserType|re": "5"},
        {"UserType|contains": "5"},
        {"Operation": 5},
        {"Operation|gt": 5},
        {"UserType": True},
        {"CreationTime|exists": 1},
        {"CreationTime": 5},
        {"UserType|cidr": "10.0.0.0/8"},
        {"CreationTime|re": "x"},
        {"UserType|fieldref": "LogonType"},
        {"Operation": "Änderung"},  # every target folds these letters in its own way
        {"CreationTime|minute": 3},  # C5
        {"UserType|minute": 3},
    ],
)
def test_what_cannot_be_said_exactly_is_refused(selection: dict[str, object]) -> None:
    for write in (kql, spl):
        with pytest.raises((UnsupportedError, Exception)) as caught:
            write(selection)
        assert isinstance(caught.value, UnsupportedError) or "exists" in str(selection)


def test_booleans_are_words() -> None:
    """K13."""
    assert kql({"ResultStatus": True}) == 'ResultStatus =~ "true"'
    assert spl({"ResultStatus": False}) == 'lower(ResultStatus)="false"'


def test_a_dash_beyond_ascii_has_no_case() -> None:
    assert kql({"Operation": "a – b"}) == 'Operation =~ "a – b"'
    assert spl({"Operation": "A – b"}) == 'lower(Operation)="a – b"'
