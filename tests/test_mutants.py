"""Every condition of every rule is needed: without it some fixture turns red. All run, because that takes seconds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from conftest import ROOT, shipped_pack
from mutants import Mutant, mutants
from mutation import REPORT, Trial, all_mutants, equivalents, faults, report, unknown
from unissued.pack import Pack, pack_of, parse_document
from unissued.verify import load_cases

MADE = all_mutants(shipped_pack())
HEAD = """
title: A Rule
id: 3f0a4f5e-52a7-4a57-9a53-0a0cf4b1a8d2
name: a_rule
version: '1.0.0'
status: experimental
description: For a test.
"""


@pytest.fixture(scope="module")
def trial() -> Trial:
    return Trial(shipped_pack(), load_cases(shipped_pack(), ROOT / "fixtures"))


@pytest.mark.parametrize("rule", MADE)
def test_every_mutant_is_killed_or_listed_as_equivalent(rule: str, trial: Trial) -> None:
    assert len(MADE[rule]) >= 2
    found = faults(trial, MADE[rule], equivalents())
    assert not found, "\n".join([*found, f"python tests/near_misses.py {rule} writes what is missing, or some of it"])


def test_every_listed_mutant_exists() -> None:
    assert unknown(MADE, equivalents()) == []


def test_the_report_is_fresh() -> None:
    """Written again by ``python tests/mutation.py``. It says what the tests above hold."""
    assert REPORT.read_text("utf-8") == report(MADE, equivalents())


def test_the_unchanged_rules_survive(pack: Pack, trial: Trial) -> None:
    """Otherwise every mutant would look killed."""
    for rule in pack.rules.values():
        assert trial.survives(Mutant(rule.name, "nothing", rule.definition)), rule.name


def test_a_list_of_equivalents_that_is_wrong_is_shown(trial: Trial) -> None:
    tried = MADE["mail_read_by_app"]
    killed = next(mutant.name for mutant in tried if mutant.change == "selection without Operation")
    assert faults(trial, tried, {killed: "so they say"}) == [
        f"listed as equivalent, but a fixture notices it: {killed}"
    ]
    assert unknown(MADE, {"mail_read_by_app: nonsense": "so they say"}) == ["mail_read_by_app: nonsense"]


def test_a_mutant_that_no_fixture_notices_is_shown(pack: Pack) -> None:
    cases = [case for case in load_cases(pack, ROOT / "fixtures") if case.path.stem != "miss_no_client_string"]
    tried = MADE["mail_owa_identity_scripted_client"]
    assert faults(Trial(pack, cases), tried, {}) == [
        "survives: mail_owa_identity_scripted_client: selection_identity without ClientInfoString|exists"
    ]


def made(text: str, name: str = "a_rule") -> dict[str, Mutant]:
    documents = [parse_document(one, "rule.yml") for one in text.split("---")]
    return {mutant.change: mutant for mutant in mutants(pack_of(documents).rules[name])}


def test_what_is_done_to_a_detection() -> None:
    body = """
logsource: {product: m365, service: exchange}
detection:
  selection: {Operation: Send, RecordType|gte: 3}
  other_a: {ClientInfoString|startswith: Client=OWA}
  other_b:
    - {AppId: 00000002-0000-0ff1-ce00-000000000000}
    - {ClientIP|cidr: 192.0.2.0/24}
  except_this: {UserId: [a@contoso.example, b@contoso.example]}
  token: {AppAccessContext.UniqueTokenId|re: '^[a-z]{3}$'}
  condition: (selection or token) and 1 of other_* and not except_this
"""
    assert set(made(HEAD + body)) == {
        "condition is (selection and token) and 1 of other_* and not except_this",
        "condition is (selection or token) or 1 of other_* and not except_this",
        "condition is (selection or token) and all of other_* and not except_this",
        "condition is (selection or token) and 1 of other_* or not except_this",
        "condition is (selection or token) and 1 of other_* and except_this",
        *(
            f"{name} is {when} true"
            for name in ("selection", "other_a", "other_b", "except_this", "token")
            for when in ("always", "never")
        ),
        "selection asks for any item",
        "selection without Operation",
        "selection without RecordType|gte",
        "selection with Operation Senx",
        "selection with Operation as startswith",
        "selection with Operation as endswith",
        "selection with RecordType|gte 4",
        "selection with RecordType|gte 2",
        "other_a with ClientInfoString|startswith Client=OWx",
        "other_a with ClientInfoString|startswith as contains",
        "other_b without alternative 1",
        "other_b without alternative 2",
        "other_b asks for all alternatives",
        "other_b alternative 1 with AppId 00000002-0000-0ff1-ce00-000000000001",
        "other_b alternative 2 with ClientIP|cidr 192.0.2.0/23",
        "other_b alternative 2 with ClientIP|cidr 192.0.2.0/25",
        "other_b alternative 2 with ClientIP|cidr 192.0.2.128/25",
        "except_this with UserId without a@contoso.example",
        "except_this with UserId without b@contoso.example",
        "except_this with UserId as startswith",
        "except_this with UserId as endswith",
        "token with AppAccessContext.UniqueTokenId|re [a-z]{3}$",
        "token with AppAccessContext.UniqueTokenId|re ^[a-z]{3}",
        "token with AppAccessContext.UniqueTokenId|re ^[a-z]{2}$",
        "token with AppAccessContext.UniqueTokenId|re ^[a-z]{4}$",
    }


BASE = """
title: {name}
id: {id}
name: {name}
version: '1.0.0'
status: experimental
description: For a test.
logsource: {{product: m365, service: exchange}}
detection:
  selection: {{Operation: {name}}}
  condition: selection
---"""
BASES = "".join(BASE.format(name=f"base_{n}", id=f"3f0a4f5e-52a7-4a57-9a53-0a0cf4b1a8d{n}") for n in "345")


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            "{type: value_count, rules: [base_3], group-by: [AppId, UserId], timespan: 1h,"
            " condition: {field: MailboxGuid, gte: 10}}",
            {
                "timespan -1 s",
                "timespan +1 s",
                "not grouped by AppId",
                "not grouped by UserId",
                "gte -1",
                "gte +1",
                "counts events",
            },
        ),
        (
            "{type: temporal_ordered, rules: [base_3, base_4], group-by: [app], timespan: 1d,"
            " aliases: {app: {base_3: AppId, base_4: ClientAppId}}}",
            {
                "timespan -1 s",
                "timespan +1 s",
                "not grouped by app",
                "alias app without base_3",
                "alias app without base_4",
                "in the other order",
                "in any order",
                "without base_3",
                "without base_4",
            },
        ),
        (
            "{type: temporal, rules: [base_3, base_4, base_5], group-by: [AppId], timespan: 1d,"
            " condition: base_3 and not base_4 and not base_5}",
            {
                "timespan -1 s",
                "timespan +1 s",
                "not grouped by AppId",
                "without base_4",
                "without base_5",
                "condition is base_3 or not base_4 and not base_5",
                "condition is base_3 and not base_4 or not base_5",
                "condition is base_3 and base_4 and not base_5",
                "condition is base_3 and not base_4 and base_5",
            },
        ),
    ],
)
def test_what_is_done_to_a_correlation(body: str, expected: set[str]) -> None:
    found = made(f"{BASES}{HEAD}correlation: {body}")
    assert set(found) == expected
    if "without base_4" in found and "condition" in body and "base_5" in body:
        assert found["without base_4"].definition["correlation"]["condition"] == "base_3 and not base_5"


def test_what_is_done_to_a_rule_with_a_judge(pack: Pack) -> None:
    rule = pack.rule("app_new_secret_then_mail_read")
    judged = replace(rule, definition={**rule.definition, "judge": "a_test"})
    changes = {mutant.change: mutant for mutant in mutants(judged)}
    assert "judge" not in changes["without the judge"].definition
    assert "in the other order" in changes
    assert not {change for change in changes if change.startswith("without mail_read")}, "a judge takes both rules"


def test_a_list_without_a_reason_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "equivalent_mutants.yml"
    path.write_text("- {rule: a_rule, mutant: something, reason: ' '}\n", encoding="utf-8")
    monkeypatch.setattr("mutation.EQUIVALENT", path)
    with pytest.raises(ValueError, match="needs rule, mutant and reason"):
        equivalents()
