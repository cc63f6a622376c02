"""Values inside values."""

from __future__ import annotations

import json

import pytest

from unissued.logs.decode import StrictJson, UnreadableError, payload, powershell, structured, without_odata


def flaws(text: str) -> tuple[str, ...]:
    return StrictJson().parse(text).flaws


@pytest.mark.parametrize(
    ("text", "flaw"),
    [
        ('{"a": NaN}', "NaN"),
        ('{"a": -Infinity}', "-Infinity"),
        ('{"a": 1e999}', "out of range"),
        ('{"a": ' + "9" * 5000 + "}", "5000 digits"),
        ('{"a": 1, "a": 2}', "occurs twice"),
        ('{"a": 1, "a": true}', "occurs twice"),
        ("[" * 65 + "]" * 65, "deeper than 64"),
    ],
)
def test_flaws_are_noticed_and_the_end_is_known(text: str, flaw: str) -> None:
    parsed = StrictJson().parse(text + " rest")
    assert flaw in parsed.flaws[0]
    assert parsed.end == len(text)


@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', "[" * 64 + "]" * 64, '{"a": 1.5e3}', '[{"b": []}]' * 1])
def test_equal_repeats_and_allowed_depth_are_no_flaw(text: str) -> None:
    assert flaws(text) == ()


def test_endless_nesting_is_an_error_and_no_crash() -> None:
    with pytest.raises(UnreadableError, match="nested deeper"):
        StrictJson().parse("[" * 100_000)


def test_one_flaw_does_not_stick_to_the_next_value() -> None:
    parser = StrictJson()
    assert parser.parse('{"a": NaN}').flaws
    assert not parser.parse('{"a": 1}').flaws


def test_lone_surrogates_become_writable_and_pairs_stay() -> None:
    value = StrictJson().parse(r'{"lone": "a\ud800b", "pair": "\ud83d\ude00", "\udc00": [1]}').value
    assert value == {"lone": "a\ufffdb", "pair": "\N{GRINNING FACE}", "\ufffd": [1]}
    json.dumps(value, ensure_ascii=False).encode()


@pytest.mark.parametrize("layers", [0, 1, 2, 3])
def test_payload_is_found_up_to_three_layers_deep(layers: int) -> None:
    value: object = {"Id": "x"}
    for _ in range(layers):
        value = json.dumps(value)
    assert payload(value) == {"Id": "x"}


def test_depth_and_surrogates_together_do_not_overflow() -> None:
    assert "nested deeper" in flaws('{"a": ' + "[" * 700 + r'"\ud800"' + "]" * 700 + "}")[0]


def test_odd_backslashes_in_a_repr_warn_nobody(recwarn: pytest.WarningsRecorder) -> None:
    assert payload(r"{'Path': '\I'}") == {"Path": r"\I"}
    assert not recwarn


def test_fourth_layer_is_refused() -> None:
    value: object = {"Id": "x"}
    for _ in range(4):
        value = json.dumps(value)
    with pytest.raises(UnreadableError, match="no JSON object"):
        payload(value)


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("System.Object[]", "export again"),
        ("System.Collections.Hashtable", "export again"),
        ('{"a": 1} {"b": 2}', "follows"),
        ('{"a": 1, "a": 2}', "twice"),
        ('{"a": ', "JSON"),
        ("[1]", "no JSON object"),
        ("{'a': open('x')}", "no JSON object"),
        (None, "no JSON object"),
        (5, "no JSON object"),
    ],
)
def test_other_payloads_are_refused_with_a_reason(value: object, reason: str) -> None:
    with pytest.raises(UnreadableError, match=reason):
        payload(value)


def test_python_repr_is_read_as_literals() -> None:
    assert payload("{'Id': 'x', 'ExternalAccess': False, 'n': None}") == {"Id": "x", "ExternalAccess": False, "n": None}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("@{Value=Bind; Name=MailAccessType}", {"Value": "Bind", "Name": "MailAccessType"}),
        ("@{Name=Path; Value=a=b; c}", {"Name": "Path", "Value": "a=b; c"}),
        ("@{a=@{b=1; c=2}; d=3}", {"a": {"b": "1", "c": "2"}, "d": "3"}),
        ("@{Name=; Value=}", {"Name": "", "Value": ""}),
        ("@{}", {}),
        ("@{cut", "@{cut"),
        ("plain", "plain"),
    ],
)
def test_powershell_objects(text: str, expected: object) -> None:
    assert powershell(text) == expected


def test_endless_powershell_nesting_stays_text() -> None:
    text = "@{a=" * 5000 + "}" * 5000
    assert powershell(text) == text


def test_long_powershell_text_takes_linear_time() -> None:
    pairs = "; ".join(f"k{number}=v" for number in range(50_000))
    value = powershell("@{" + pairs + "}")
    assert isinstance(value, dict)
    assert len(value) == 50_000


def test_structured_reads_text_of_lists_and_leaves_other_text() -> None:
    assert structured('[{"Name": "IsThrottled"}]') == [{"Name": "IsThrottled"}]
    assert structured(["@{Name=a; Value=b}", 1]) == [{"Name": "a", "Value": "b"}, 1]
    assert structured('["@{Name=a}"]') == [{"Name": "a"}]
    assert structured("[not json") == "[not json"
    assert structured("") == ""


def test_odata_residue_goes_at_any_depth() -> None:
    value = {
        "@odata.type": "x",
        "RecordType@odata.type": "#Int64",
        "RecordType": 50,
        "in": [{"a@odata.type": 1, "b": "__NULL__"}],
    }
    assert without_odata(value) == {"RecordType": 50, "in": [{"b": None}]}
