"""Microsoft's binder, and what is found on its tree beyond what it says."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from unissued.engines.binder import Binder

BINDER = Binder({"T": {"A": "string", "N": "long", "D": "dynamic", "X": "datetime"}})
GOOD = [
    'T | where A == "5" and N == 5',
    'T | where A in~ ("x", "y") and N in (1, 2)',
    "T | where isempty(A) and isnull(N) and isnotnull(X)",
    'T | where A matches regex "^[a-z]+$"',
    "T | where not(coalesce(N > 3, false))",
    'T | where not(coalesce(ipv4_is_in_range(A, "192.0.2.0/24"), false))',
    "T | where N > 3",
    "T | join kind=inner (T) on A",
    'T | where tostring(D.x) == "a"',
    "_GetWatchlist('some') | project tolower(SearchKey)",
    "let f = (v: string) { replace_regex(v, @'(a)', @'\\1') }; T | extend B = f(A)",
]
BAD = [
    ("T | where A == 5", "compares text with a number"),
    ('T | where N == "5"', "compares text with a number"),
    ('T | where N < "5"', "compares text with a number"),
    ("T | where A in (1, 2)", "looks for text among numbers"),
    ('T | where N in ("1")', "looks for text among numbers"),
    ("T | where isnull(A)", "text is never null"),
    ("T | where isnotnull(tostring(D.x))", "text is never null"),
    ('T | where A matches regex "(?=x)y"', "RE2 refuses"),
    ('T | extend B = extract("a(", 1, A)', "RE2 refuses"),
    ('T | extend B = replace_regex(A, "a(", "")', "RE2 refuses"),
    ("T | where not(N > 3)", "can be null under not"),
    ("T | where not(N in (1) or N <= 3)", "can be null under not"),
    ('T | where not(ipv4_is_in_range(A, "192.0.2.0/24"))', "can be null under not"),
    ("T | join (T) on A", "join without a kind"),
    ("T | where N == 1180591620717411303424", "does not fit into 64 bits"),
    ('T | where A in ("a" "b")', "a comma is missing"),
    ('T | where A has_all ("x", "y")', "matches terms"),
    ('T | where A has "x"', "matches terms"),
    ("T | where 'A.B' =~ 'x'", "compares two literals"),
    ('T | where D.x == "a"', "compares a dynamic value"),
    ("T | where Q == 1", "KS142"),
    ("T | where A =~ ", "KS006"),
    ("U | take 1", "KS204"),
    ("T | where N =~ true", "KS106"),
    ("T | where nosuch(A)", "KS211"),
]


@pytest.mark.parametrize("query", GOOD)
def test_good_query_has_no_problem(query: str) -> None:
    assert BINDER.bind(query).problems == ()


@pytest.mark.parametrize(("query", "said"), BAD)
def test_bad_query_has_its_problem_with_its_place(query: str, said: str) -> None:
    problems = BINDER.bind(query).problems
    assert any(said in problem for problem in problems), problems
    assert all(problem.startswith("line 1, column ") for problem in problems)


def test_place_counts_lines_and_columns_from_one() -> None:
    (problem,) = BINDER.bind("T\n| where A == 'x'\n| where Q == 'y'").problems
    assert problem.startswith("line 3, column 9: ")


def test_columns_of_the_result_come_with_their_types_in_order() -> None:
    bound = BINDER.bind("T | summarize Count = count(), Last = max(X) by A")
    assert list(bound.columns.items()) == [("A", "string"), ("Count", "long"), ("Last", "datetime")]


_BINDS_AND_EXITS = """
from unissued.engines.binder import Binder

binder = Binder({"T": {"A": "string"}})
for number in range(300):
    code = binder._code.ParseAndAnalyze(f"T | where A == '{number}'", binder._state)
    cycle = [code]
    cycle.append(cycle)
"""


def test_a_process_that_bound_ends_well() -> None:
    """The C allocator overwrites what is freed, so that a use after it crashes."""
    environment = os.environ | {"PYTHONMALLOC": "malloc"}
    ended = subprocess.run([sys.executable, "-c", _BINDS_AND_EXITS], env=environment, capture_output=True, check=False)
    assert (ended.returncode, ended.stderr) == (0, b"")
