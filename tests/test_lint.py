"""Every mistake in a rule file has its own clear message, and no mistake is anything but a PackError."""

from __future__ import annotations

import copy
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

from unissued.errors import PackError, Problem, RuleError
from unissued.evaluate import compile_rule
from unissued.pack import load_pack, parse_document, vocabulary

BROKEN = Path(__file__).parent / "broken"
ROOT = Path(__file__).parent.parent
SIGMA = ROOT / "sigma"
GOOD = """title: Good
id: 10000000-0000-4000-8000-00000000000{number}
name: {name}
version: '1.0.0'
status: test
description: Nothing is wrong here.
logsource:
  product: m365
  service: exchange
detection:
  selection:
    Operation: Send
  condition: selection
"""

# file, line (0: the message is about the whole file), what is wrong, what to do about it
MISTAKES = [
    ("alert_without_span", 14, "'alert.per' '1 day' is no time span", "such as 1d"),
    ("alias_incomplete", 15, "alias 'who' does not say what it is in rule 'good_b'", ""),
    ("alias_of_another_rule", 12, "alias 'who' names 'good_b', which is not in the list of rules", ""),
    ("all_without_contains", 12, "modifier 'all' without 'contains'", "a field has one value; ask for it once"),
    ("bad_date", 7, "date '2026/11/23' is no date", "write YYYY-MM-DD"),
    ("bad_network", 12, "'192.0.2.1/24' is no network: 192.0.2.1/24 has host bits set", "such as 192.0.2.0/24"),
    ("bad_regex", 12, "RE2 refuses the regular expression", "no look-around, no back-references"),
    ("bad_uuid", 2, "id '00000000-0000-4000-8000-0000000000' is no UUID", "make one with: python -m uuid"),
    (
        "control_character",
        12,
        "the value holds '\\x07'",
        "control and invisible characters, ` and $ are unsafe in a query",
    ),
    ("count_without_field", 14, "type value_count needs one 'field'", ""),
    ("dollar", 12, "the value holds '$'", "control and invisible characters, ` and $ are unsafe in a query"),
    ("duplicate_key", 6, "key 'status' stands here twice", "the second would silently win"),
    ("empty_file", 0, "holds 0 YAML documents instead of one", "one rule a file"),
    ("empty_list", 12, "the list of values is empty", "an empty list would mean 'field is missing'"),
    ("empty_selection", 11, "selection is empty or no mapping", "write field: value"),
    ("empty_value", 12, "the value is empty", "write null for 'field is missing'"),
    ("exists_of_text", 12, "'exists' takes true or false", ""),
    ("filter_of_other_source", 12, "'good_a' has another log source than the filter", ""),
    ("filter_of_unknown_rule", 12, "names unknown rule 'god_a'", "did you mean 'good_a'?"),
    ("filter_that_includes", 15, "a filter has one selection and excludes it", "condition: not selection"),
    ("fraction_threshold", 15, "threshold '0.5' is no whole number", "fractions would be cut off"),
    ("generate", 9, "unknown key 'generate'", "known: aliases, condition, group-by, rules, timespan, type"),
    ("group_field_unknown", 11, "rule 'good_a' has no field 'UserKye'", "did you mean 'UserKey'?"),
    (
        "huge_integer",
        12,
        "9223372036854775808 is too large",
        "15 digits: Splunk counts in floating point, Kusto in 64 bits",
    ),
    ("judge_of_an_order", 7, "a judge needs type temporal, two rules and no condition", "it tests pairs"),
    (
        "judge_without_its_fields",
        7,
        "rule 'good_b' has no field 'UserPrincipalName', which the judge looks at",
        "",
    ),
    ("keywords", 11, "holds keywords without a field", "name the field: keywords cannot be converted exactly"),
    ("misspelt_key", 7, "unknown key 'falsepositive'", "did you mean 'falsepositives'?"),
    (
        "month_timespan",
        13,
        "'1M' is no time span",
        "a whole number and s, m, h, d or w; months and years differ in length",
    ),
    ("name_not_stem", 3, "name 'name_of_another' is not the file's stem 'name_not_stem'", "rename one of them"),
    ("name_with_capital", 3, "name 'Name_with_capital' is not of the form [a-z][a-z0-9_]*, 64 at most", ""),
    ("no_condition", 10, "the condition is missing", ""),
    ("no_group_by", 7, "'group-by' must be a list of fields", "a correlation needs a key"),
    ("no_id", 1, "'id' is missing", "every rule has title, id, name, version, status, description"),
    ("no_kind", 1, "must have exactly one of detection, correlation and filter", ""),
    ("no_mapping", 1, "is no mapping", "a rule starts with title, id and name"),
    ("no_title", 1, "'title' is missing", "every rule has title, id, name, version, status, description"),
    ("null_in_list", 14, "null inside a list", "make it a selection of its own"),
    ("octal", 12, "'0123' means different things to different YAML readers", "put it in quotes"),
    ("order_of_one", 9, "an order needs two rules or more", ""),
    ("order_of_text", 12, "'many' is no whole number", "gt, gte, lt and lte compare whole numbers"),
    ("order_that_nothing_joins", 12, "no rule has every key", "one rule has to join the others"),
    ("order_with_a_rule_without_key", 12, "rule 'good_b' has no key", "name it in an alias"),
    (
        "placeholder_inside_text",
        12,
        "'x%approved_mail_apps%' is no placeholder",
        "with |expand the whole value is %list_name%",
    ),
    ("plain_no", 12, "'no' means different things to different YAML readers", "put it in quotes"),
    (
        "refused_modifier",
        12,
        "modifier 'hour' is refused",
        "time parts compare the whole time stamp after conversion",
    ),
    ("required_table_unknown", 8, "no rows of 'SigninLogs' are counted", ""),
    ("rule_named_twice", 9, "a rule is named twice", ""),
    ("rule_not_in_words", 15, "rule 'good_b' is not used by the condition", ""),
    (
        "selection_begins_with_operator",
        11,
        "selection name 'notebook' is not allowed",
        "small letters, digits and _, not beginning with a word of the condition language",
    ),
    ("selector_without_match", 13, "'filter_*' matches no selection", "known: selection"),
    ("several_conditions", 13, "has several conditions", "one condition a rule; a match must not count twice"),
    ("sexagesimal", 12, "'1:30' means different things to different YAML readers", "put it in quotes"),
    ("tab_indentation", 12, "is not YAML: found character '\\t' that cannot start any token", ""),
    ("two_documents", 15, "holds 2 YAML documents instead of one", "one rule a file"),
    ("two_kinds", 1, "must have exactly one of detection, correlation and filter", ""),
    ("two_sided_threshold", 14, "has 2 operators (gt, lte) instead of one", "split a range into two correlations"),
    (
        "unknown_category",
        7,
        "log source category 'directory_adit' is not in the field catalogue",
        "did you mean 'directory_audit'?",
    ),
    ("unknown_correlation_type", 8, "unknown correlation type 'event_cuont'", "did you mean 'event_count'?"),
    ("unknown_field", 12, "unknown field 'Operatoin' in m365/exchange", "did you mean 'Operation'?"),
    ("unknown_judge", 7, "unknown judge 'issued_to_anohter'", "did you mean 'issued_to_another'?"),
    ("unknown_key", 7, "unknown key 'severity'", ""),
    ("unknown_level", 7, "unknown level 'hgih'", "did you mean 'high'?"),
    ("unknown_list", 12, "unknown list 'aproved_mail_apps'", "did you mean 'approved_mail_apps'?"),
    ("unknown_listed_field", 16, "unknown field 'UserID'", "did you mean 'UserId'?"),
    (
        "unknown_log_source",
        7,
        "log source 'm365/exchagne' is not in the field catalogue",
        "did you mean 'm365/exchange'?",
    ),
    ("unknown_modifier", 12, "unknown modifier 'contain'", "did you mean 'contains'?"),
    (
        "unknown_other_field",
        12,
        "unknown field 'MailboxOwnerUpn' in m365/exchange",
        "did you mean 'MailboxOwnerUPN'?",
    ),
    ("unknown_rule", 10, "names unknown rule 'good_aa'", "did you mean 'good_a'?"),
    ("unknown_selection", 13, "'selction' matches no selection", "did you mean 'selection'?"),
    ("unknown_status", 5, "unknown status 'experimantal'", "did you mean 'experimental'?"),
    ("unknown_tag", 9, "unknown tag 'attack.colection'", "did you mean 'attack.collection'?"),
    ("unparsable_condition", 13, "pySigma refuses the condition or a value", ""),
    ("unused_selection", 13, "selection 'filter_read' is not used by the condition", ""),
    ("version_not_semantic", 4, "version '1.0' is not semantic", "write it in quotes, such as '1.0.0'"),
    ("version_unquoted", 4, "'1.10' means different things to different YAML readers", "put it in quotes"),
    ("words_name_another_rule", 14, "'good_b' is not in the list of rules", "add it there, or take it out"),
    ("yaml_alias", 12, "uses a YAML alias", "write the value out"),
    ("yaml_anchor", 6, "sets a YAML anchor", "write the value out where it is needed"),
    ("yaml_tag", 12, "has the YAML tag !secret", "plain values only"),
]
# Mistakes of one kind that rightly share a message.
SIBLINGS = {"two_kinds": "no_kind"}


def good_folder(folder: Path) -> Path:
    """Make a folder of two good rules, which the broken files refer to."""
    sigma = folder / "sigma"
    sigma.mkdir()
    for number, name in enumerate(("good_a", "good_b")):
        (sigma / f"{name}.yml").write_text(GOOD.format(number=number, name=name), encoding="utf-8")
    return sigma


def problems_of(sigma: Path) -> tuple[Problem, ...]:
    with pytest.raises(PackError) as caught:
        load_pack(sigma)
    return caught.value.problems


def broken_folder(folder: Path, *stems: str) -> Path:
    sigma = good_folder(folder)
    for stem in stems:
        shutil.copy(BROKEN / f"{stem}.yml", sigma)
    return sigma


def good_rule(name: str = "case", **changes: Any) -> dict[str, Any]:
    document = parse_document(GOOD.format(number=9, name=name), "good.yml").data
    assert isinstance(document, dict)
    return {**document, **changes}


def write(sigma: Path, rule: object, stem: str = "case") -> None:
    (sigma / f"{stem}.yml").write_text(json.dumps(rule, ensure_ascii=False), encoding="utf-8")


# One file, one mistake


def test_every_broken_file_is_in_the_table() -> None:
    assert [row[0] for row in MISTAKES] == sorted(path.stem for path in BROKEN.glob("*.yml"))
    assert len(MISTAKES) >= 34


def test_the_folder_without_a_broken_file_loads(tmp_path: Path) -> None:
    assert sorted(load_pack(good_folder(tmp_path)).rules) == ["good_a", "good_b"]


@pytest.mark.parametrize(("stem", "line", "problem", "hint"), MISTAKES, ids=[row[0] for row in MISTAKES])
def test_mistake_has_its_message(stem: str, line: int, problem: str, hint: str, tmp_path: Path) -> None:
    found = problems_of(broken_folder(tmp_path, stem))
    where = f"sigma/{stem}.yml:{line}" if line else f"sigma/{stem}.yml"
    fitting = [one for one in found if one.where == where and problem in one.problem]
    assert fitting, "\n".join(map(str, found))
    assert fitting[0].hint == hint
    assert all(one.where.startswith(f"sigma/{stem}.yml") for one in found)


def test_mistakes_do_not_share_messages() -> None:
    messages: dict[tuple[str, str], list[str]] = {}
    for stem, _, problem, hint in MISTAKES:
        messages.setdefault((problem, hint), []).append(stem)
    shared = [sorted(stems) for stems in messages.values() if len(stems) > 1]
    assert sorted(shared) == sorted(sorted(pair) for pair in SIBLINGS.items())


def test_messages_are_plain_sentences() -> None:
    for stem, _, problem, hint in MISTAKES:
        for text in (problem, hint):
            assert "\n" not in text, stem
            assert "Sigma" not in text.replace("pySigma", ""), stem
            assert "Error" not in text, stem
            assert "object at 0x" not in text, stem


def test_message_of_a_bad_regex_is_text(tmp_path: Path) -> None:
    message = str(problems_of(broken_folder(tmp_path, "bad_regex"))[0])
    assert "(?!" in message
    assert "b'" not in message


def test_regex_that_is_refused_leaves_standard_error_alone(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    problems_of(broken_folder(tmp_path, "bad_regex"))
    assert capfd.readouterr().err == ""


def test_problems_of_all_files_are_reported_together(tmp_path: Path) -> None:
    stems = [row[0] for row in MISTAKES if row[0] != "unparsable_condition"]
    found = problems_of(broken_folder(tmp_path, *stems))
    assert {one.where.partition(".yml")[0].removeprefix("sigma/") for one in found} == set(stems)


def test_several_mistakes_of_one_file_are_reported_together(tmp_path: Path) -> None:
    sigma = good_folder(tmp_path)
    detection = {"selection": {"Operatoin": "Send", "UserKey|contian": "x"}, "condition": "selection and other"}
    write(sigma, good_rule(status="tset", detection=detection, severity="high"))
    found = [one.problem for one in problems_of(sigma)]
    for said in ("'tset'", "'Operatoin'", "'contian'", "'other'", "'severity'"):
        assert any(said in problem for problem in found), said
    assert len(found) == 5


# Files that cannot lie in the folder as they are


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (b"title: \xff\xfe\n", "is not UTF-8 at byte 7"),
        (b"title: a\x00b\n", "is not YAML"),
        (b"title: a\x07b\n", "is not YAML"),
        (b"a: " + b"[" * 600 + b"]" * 600, "is nested deeper than 32 levels"),
        (b"a: " + b"[" * 40 + b"]" * 40, "is nested deeper than 32 levels"),
        (b"# " + b"x" * (1 << 20), "is larger than 1048576 bytes"),
        (b"a: &a [*a]\n", "sets a YAML anchor"),
        (b"? [a, b]\n: c\n", "a key must be a plain name"),
        (b"<<: {title: x}\n", "must have exactly one of detection, correlation and filter"),
        (b"\xef\xbb\xbf\n", "holds 0 YAML documents"),
        (b"just text\n", "is no mapping"),
    ],
    ids=[
        "latin",
        "nul",
        "bell",
        "deep",
        "deeper_than_allowed",
        "large",
        "inside_itself",
        "key",
        "merge",
        "bom",
        "text",
    ],
)
def test_hostile_file_is_a_rule_error(raw: bytes, said: str, tmp_path: Path) -> None:
    sigma = good_folder(tmp_path)
    (sigma / "case.yml").write_bytes(raw)
    found = problems_of(sigma)
    assert any(said in one.problem for one in found), found
    assert all(one.where.startswith("sigma/case.yml") for one in found)


def test_python_file_below_sigma_is_refused(tmp_path: Path) -> None:
    sigma = good_folder(tmp_path)
    (sigma / "mail").mkdir()
    (sigma / "mail" / "__init__.py").touch()
    (found,) = problems_of(sigma)
    assert (found.where, found.problem) == ("sigma/mail/__init__.py", "a Python file below sigma/")
    assert "pySigma" in found.hint


def test_file_of_another_kind_is_refused(tmp_path: Path) -> None:
    sigma = good_folder(tmp_path)
    (sigma / "good_c.yaml").touch()
    (found,) = problems_of(sigma)
    assert (found.where, found.hint) == ("sigma/good_c.yaml", "rules end in .yml")


def test_missing_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(RuleError, match="there is no such folder"):
        load_pack(tmp_path / "nowhere")


# Several files


@pytest.mark.parametrize(
    "spelling",
    [
        "{10000000-0000-4000-8000-000000000000}",
        "10000000000040008000000000000000",
        "urn:uuid:10000000-0000-4000-8000-000000000000",
    ],
)
def test_id_is_unique_by_its_value(spelling: str, tmp_path: Path) -> None:
    sigma = good_folder(tmp_path)
    write(sigma, good_rule(id=spelling))
    (found,) = problems_of(sigma)
    # Files are read in the order of their paths: case.yml first.
    assert found.where == "sigma/good_a.yml:2"
    assert found.problem == "id 10000000-0000-4000-8000-000000000000 is already used by sigma/case.yml"


def test_id_is_unique_without_letter_case(tmp_path: Path) -> None:
    sigma = good_folder(tmp_path)
    write(sigma, good_rule("case", id="{ABCDEF00-0000-4000-8000-00000000000A}"))
    write(sigma, good_rule("case_b", id="abcdef00-0000-4000-8000-00000000000a"), "case_b")
    (found,) = problems_of(sigma)
    assert found.where.startswith("sigma/case_b.yml")
    assert "is already used by sigma/case.yml" in found.problem


def test_name_is_unique_over_folders(tmp_path: Path) -> None:
    sigma = good_folder(tmp_path)
    (sigma / "more").mkdir()
    write(sigma / "more", good_rule("good_a"), "good_a")
    (found,) = problems_of(sigma)
    assert found.problem == "name 'good_a' is already used by sigma/good_a.yml"


def correlation_of(name: str, number: int, *rules: str) -> dict[str, Any]:
    rule = good_rule(name, id=f"20000000-0000-4000-8000-00000000000{number}")
    for key in ("logsource", "detection"):
        del rule[key]
    body = {"type": "event_count", "rules": list(rules), "group-by": ["UserKey"], "timespan": "1h"}
    return {**rule, "correlation": {**body, "condition": {"gte": 2}}}


def test_circle_of_correlations_is_refused(tmp_path: Path) -> None:
    sigma = good_folder(tmp_path)
    write(sigma, correlation_of("round_a", 1, "round_b"), "round_a")
    write(sigma, correlation_of("round_b", 2, "round_a"), "round_b")
    (found,) = problems_of(sigma)
    assert "circle" in found.problem
    assert "round_a" in found.problem
    assert "round_b" in found.problem


def test_correlation_of_itself_is_refused(tmp_path: Path) -> None:
    sigma = good_folder(tmp_path)
    write(sigma, correlation_of("case", 1, "case"))
    (found,) = problems_of(sigma)
    assert found.problem == "names unknown rule 'case'"


def test_unquoted_fraction_is_refused(tmp_path: Path) -> None:
    sigma = good_folder(tmp_path)
    text = (BROKEN / "fraction_threshold.yml").read_text(encoding="utf-8").replace("'0.5'", "0.5")
    (sigma / "fraction_threshold.yml").write_text(text, encoding="utf-8")
    assert [one.where for one in problems_of(sigma)] == ["sigma/fraction_threshold.yml:15"]


# Whatever is accepted has a meaning, whatever is not is a PackError


HOSTILE: list[Any] = [[], [[1]], {"a": {"b": []}}, 5, True, ["x"]]


def places(value: Any, place: tuple[str | int, ...] = ()) -> Iterator[tuple[str | int, ...]]:
    yield place
    if isinstance(value, dict):
        for key in value:
            yield from places(value[key], (*place, key))
    elif isinstance(value, list) and value:
        yield from places(value[0], (*place, 0))


def replaced(data: Any, place: tuple[str | int, ...], value: Any) -> Any:
    if not place:
        return value
    result = copy.deepcopy(data)
    target = result
    for key in place[:-1]:
        target = target[key]
    target[place[-1]] = value
    return result


def alert_rule() -> dict[str, Any]:
    return good_rule(fields=["UserId"], tags=["attack.collection"], alert={"by": ["UserId"], "per": "1d"})


def words_rule() -> dict[str, Any]:
    rule = correlation_of("case", 1, "good_a", "good_b")
    rule["correlation"] |= {
        "type": "temporal",
        "aliases": {"who": {"good_a": "UserId", "good_b": "UserId"}},
        "group-by": ["who"],
        "condition": "good_a and not good_b",
    }
    return rule


def filter_rule() -> dict[str, Any]:
    rule = good_rule()
    del rule["detection"]
    body = {"rules": ["good_a"], "selection": {"UserKey": "x"}, "condition": "not selection"}
    return {**rule, "filter": body}


@pytest.mark.parametrize("make", [alert_rule, words_rule, filter_rule], ids=["detection", "correlation", "filter"])
def test_value_of_a_wrong_kind_is_never_another_exception(make: Any, tmp_path: Path) -> None:
    sigma = good_folder(tmp_path)
    rule = make()
    write(sigma, rule)
    load_pack(sigma)
    crashes = []
    for place in places(rule):
        for value in HOSTILE:
            write(sigma, replaced(rule, place, value))
            try:
                load_pack(sigma)
            except PackError:
                continue
            except Exception as error:  # noqa: BLE001 - this is what the test looks for
                crashes.append(f"{'.'.join(map(str, place))} = {value!r}: {error!r}")
    assert crashes == []


MODIFIED = ["%approved_mail_apps%", "192.0.2.0/24", "ClientIP", 5, None]
SINGLES: list[tuple[str, ...]] = [(one,) for one in sorted(vocabulary.MODIFIERS)]
PAIRS: list[tuple[str, ...]] = list(permutations(sorted(vocabulary.MODIFIERS), 2))


def accepted(sigma: Path, modifiers: tuple[str, ...], value: Any) -> bool:
    item = "|".join(("ClientInfoString", *modifiers))
    write(sigma, good_rule(detection={"selection": {item: value}, "condition": "selection"}))
    try:
        pack = load_pack(sigma)
    except PackError:
        return False
    compile_rule(pack.rules["case"], {"approved_mail_apps": frozenset(["abc"])})
    return True


def test_combination_of_modifiers_is_refused_or_has_a_meaning(tmp_path: Path) -> None:
    sigma = tmp_path
    crashes = []
    for modifiers in SINGLES + PAIRS:
        for value in MODIFIED if len(modifiers) == 1 else MODIFIED[::4] + ["ClientIP"][: "fieldref" in modifiers]:
            try:
                accepted(sigma, modifiers, value)
            except Exception as error:  # noqa: BLE001 - this is what the test looks for
                crashes.append(f"{'|'.join(modifiers)}: {value!r}: {error!r}")
    assert crashes == []


@pytest.mark.parametrize(
    ("modifiers", "value"),
    [
        (("expand", "contains"), "%approved_mail_apps%"),
        (("startswith", "expand"), "%approved_mail_apps%"),
        (("re", "expand"), "%approved_mail_apps%"),
        (("cased", "expand"), "%approved_mail_apps%"),
        (("cased", "fieldref"), "ClientIP"),
        (("re",), None),
        (("contains", "endswith"), "abc"),
    ],
    ids=lambda value: "|".join(value) if isinstance(value, tuple) else "",
)
def test_combination_without_the_meaning_that_it_shows_is_refused(
    modifiers: tuple[str, ...], value: Any, tmp_path: Path
) -> None:
    assert not accepted(good_folder(tmp_path), modifiers, value)


def test_word_of_an_enumeration_in_a_rule_is_refused_or_compared(tmp_path: Path) -> None:
    # The record's word becomes a number, so a rule that asks for the word would never match and never say so.
    sigma = good_folder(tmp_path)
    write(sigma, good_rule(detection={"selection": {"UserType": "Regular"}, "condition": "selection"}))
    with pytest.raises(PackError):
        load_pack(sigma)


def test_time_span_that_reaches_before_the_calendar_is_refused(tmp_path: Path) -> None:
    sigma = good_folder(tmp_path)
    rule = correlation_of("case", 1, "good_a")
    rule["correlation"]["timespan"] = "9999999w"
    write(sigma, rule)
    with pytest.raises(PackError):
        load_pack(sigma)


# The pack as shipped


def test_shipped_rules_load_without_problems() -> None:
    files = {path.stem for path in SIGMA.rglob("*.yml") if path.parent.name != "filters"}
    assert set(load_pack(SIGMA).rules) == files


def test_no_python_lies_below_sigma() -> None:
    assert [path for path in SIGMA.rglob("*") if path.suffix in (".py", ".pyc", ".pyi", ".pth")] == []


def test_pysigma_is_importable_from_the_root_beside_the_folder_of_rules() -> None:
    code = "import sigma, sigma.rule, sigma.collection; print(sigma.rule.SigmaRule.__module__)"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().startswith("sigma.rule")
