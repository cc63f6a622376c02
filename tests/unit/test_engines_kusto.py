"""KQL on rows: the functions that are added to the engine, what a run sees, and that a refusal is an error."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import pytest
from duckdb_kql.translate.functions import SCALAR_FUNCTIONS

from unissued.engines import kusto
from unissued.engines.kusto import INGESTED, Kusto
from unissued.errors import UnsupportedError

NOW = datetime(2026, 3, 2, 12, tzinfo=UTC)
ENGINE = Kusto({"T": {"K": "string", "T": "datetime", "N": "int", "D": "dynamic"}})


def row(
    key: str | None, minutes: int, number: int | None = None, data: object = None, age: int = 0
) -> dict[str, object]:
    moment = NOW - timedelta(hours=1) + timedelta(minutes=minutes)
    return {"K": key, "T": moment, "N": number, "D": data, INGESTED: NOW - timedelta(minutes=age)}


def run(query: str, rows: Sequence[dict[str, object]] = ()) -> list[tuple[object, ...]]:
    ENGINE.load({"T": rows})
    return [tuple(one.values()) for one in ENGINE.run(query, NOW)[1]]


def test_prev_looks_back_in_the_order_of_the_sort() -> None:
    rows = [row("b", 3), row("a", 2), row("a", 1)]
    assert run("T | sort by K asc, T asc | extend P = prev(K), Q = prev(N, 2) | project K, P", rows) == [
        ("a", None),
        ("a", "a"),
        ("b", "a"),
    ]


def test_row_cumsum_adds_up_in_the_order_of_the_sort() -> None:
    rows = [row("a", 3, 5), row("a", 1, 1), row("a", 2, -3)]
    assert run("T | sort by T asc | extend S = row_cumsum(N) | project S", rows) == [(1,), (-2,), (3,)]


def test_ingestion_time_is_when_a_row_arrived_and_later_rows_are_not_there_yet() -> None:
    rows = [row("old", 1, age=90), row("new", 1, age=10), row("future", 1, age=-1)]
    assert sorted(run("T | project K", rows)) == [("new",), ("old",)]
    assert run("T | where ingestion_time() > ago(1h) | project K", rows) == [("new",)]


def test_missing_text_is_empty_and_missing_numbers_are_null() -> None:
    rows = [row(None, 1)]
    assert run('T | project isempty(K), K == "", isnull(N), isnull(D)', rows) == [(True, True, True, True)]


def test_a_comparison_with_null_is_null_and_drops_the_row() -> None:
    rows = [row("a", 1, None), row("b", 1, 7)]
    assert run("T | where not(N > 3) | project K", rows) == []
    assert run("T | where not(coalesce(N > 3, false)) | project K", rows) == [("a",)]


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ('ipv4_is_in_range("192.0.2.7", "192.0.2.0/24")', True),
        ('ipv4_is_in_range("192.0.3.7", "192.0.2.0/24")', False),
        ('ipv4_is_in_range("192.0.2.7:443", "192.0.2.0/24")', None),
        ('ipv4_is_in_range("", "192.0.2.0/24")', None),
        ('ipv4_is_in_range("2001:db8::1", "192.0.2.0/24")', None),
        ('ipv6_is_in_range("2001:db8::1", "2001:db8::/32")', True),
        ('ipv6_is_in_range("2001:db9::1", "2001:db8::/32")', False),
        ('ipv6_is_in_range("nonsense", "2001:db8::/32")', None),
    ],
)
def test_ranges_of_addresses(call: str, expected: bool | None) -> None:
    assert run(f"print {call}") == [(expected,)]


def test_set_difference_leaves_out_what_the_second_set_has() -> None:
    query = 'print strcat_array(array_sort_asc(set_difference(dynamic(["a", "b", "", "a"]), dynamic([""]))), ",")'
    assert run(query) == [("a,b",)]


def test_base64_of_a_guid_is_that_of_its_bytes_in_little_endian_order() -> None:
    """The example of Microsoft's documentation on linkable identifiers is a request id and its token id."""
    guid = "3c1e0b7a-5d42-4f6b-9a8c-0102030405ff"
    import base64
    import uuid

    expected = base64.b64encode(uuid.UUID(guid).bytes_le).decode()
    assert run(f'print base64_encode_fromguid(toguid("{guid}"))') == [(expected,)]


def test_watchlists_are_read_by_their_alias() -> None:
    ENGINE.watchlists({"one": [{"SearchKey": "a"}, {"SearchKey": "b"}], "two": [{"SearchKey": "c"}]})
    assert run("_GetWatchlist('one') | project SearchKey | sort by SearchKey asc") == [("a",), ("b",)]
    assert run("_GetWatchlist('none') | project SearchKey") == []


def test_dynamic_values_keep_their_structure() -> None:
    rows = [row("a", 1, data={"x": [{"Name": "n", "Value": "v"}]})]
    assert run("T | project tostring(todynamic(D).x[0].Value)", rows) == [("v",)]


@pytest.mark.parametrize(
    "query", ["T | where", "Nothing | take 1", "T | evaluate bag_unpack(D)", "T | project Missing"]
)
def test_what_is_not_executed_is_an_error_and_no_empty_result(query: str) -> None:
    ENGINE.load({"T": []})
    with pytest.raises(UnsupportedError, match="not executed"):
        ENGINE.run(query, NOW)


def test_no_function_of_the_engine_is_replaced() -> None:
    """A function that the engine learns to execute must be taken from it; the addition says so then."""
    known = {name: spec for name, spec in SCALAR_FUNCTIONS.items() if name in kusto.SHIMS}
    assert {name: spec.note for name, spec in known.items()} == {
        name: page for name, (_, _, page) in kusto.SHIMS.items()
    }
    SCALAR_FUNCTIONS["prev"], kept = SCALAR_FUNCTIONS["strlen"], SCALAR_FUNCTIONS["prev"]
    try:
        with pytest.raises(UnsupportedError, match="knows prev"):
            Kusto({})
    finally:
        SCALAR_FUNCTIONS["prev"] = kept


def test_a_timespan_as_text_is_an_error() -> None:
    with pytest.raises(UnsupportedError, match="not executed"):
        run("T | project tostring(now() - datetime(2000-01-01))", [row("a", 1)])
