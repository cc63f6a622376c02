"""Rules as pySigma hands them over: pipelines, correlations and filters applied, without a change of meaning."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st
from sigma.collection import SigmaCollection
from sigma.conditions import ConditionOR
from sigma.exceptions import SigmaBackendError, SigmaError
from sigma.processing.pipeline import ProcessingPipeline
from sigma.rule import SigmaDetections, SigmaRule

from conftest import ROOT
from sigma.backends.unissued import UnissuedKustoBackend, UnissuedSplunkBackend
from unissued.convert import convert
from unissued.convert.pipelines import pipeline, pipeline_text
from unissued.convert.restate import detection_of
from unissued.errors import UnsupportedError
from unissued.pack import TARGETS, Pack, load_catalogue, pack_of, parse_document

BACKENDS = {"sentinel": UnissuedKustoBackend, "defender": UnissuedKustoBackend, "splunk": UnissuedSplunkBackend}
READ = """\
title: Mail Read
name: mail_read
logsource: {product: m365, service: exchange}
detection:
  selection:
    Operation: MailItemsAccessed
  condition: selection
"""
CHANGED = """\
title: Application Changed
name: app_changed
logsource: {product: m365, service: audit}
detection:
  selection:
    Operation: Update application.
  condition: selection
"""
BURST = """\
title: Burst
name: burst
correlation:
  type: event_count
  rules: [mail_read]
  group-by: [UserId]
  timespan: 1h
  condition:
    gte: 10
"""


def collection_of(folder: Path, *texts: str) -> SigmaCollection:
    """Read rules as sigma-cli does, which builds filters in at every merge."""
    folder.mkdir(exist_ok=True)
    for number, text in enumerate(texts):
        (folder / f"rules_{number}.yml").write_text(text, encoding="utf-8")
    return SigmaCollection.merge([SigmaCollection([], []), SigmaCollection.load_ruleset([folder])])


def site(*items: dict[str, object], **more: object) -> ProcessingPipeline:
    return ProcessingPipeline.from_yaml(yaml.safe_dump({"transformations": list(items), **more}))


def mapping(**names: object) -> dict[str, object]:
    return {"type": "field_name_mapping", "mapping": names}


def queries(
    collection: SigmaCollection, target: str = "sentinel", before: ProcessingPipeline | None = None, **options: Any
) -> Any:
    chosen = pipeline(target) if before is None else before + pipeline(target)
    return BACKENDS[target](chosen, **options).convert(collection, "query")


def own(*texts: str) -> Pack:
    """The same rules in the form of the project."""
    documents = []
    for number, text in enumerate(texts):
        rule: dict[str, Any] = yaml.safe_load(text)
        rule |= {"version": "1.0.0", "status": "test", "description": "Text."}
        rule["id"] = f"00000000-0000-4000-8000-{number:012}"
        documents.append(parse_document(yaml.safe_dump(rule, sort_keys=False), f"{rule['name']}.yml"))
    return pack_of(documents)


def query(pack: Pack, name: str, target: str = "sentinel") -> str:
    return convert(pack, pack.rule(name), target).query.removesuffix("\n")


def reasons(collection: SigmaCollection, *args: Any) -> str:
    with pytest.raises(SigmaError) as caught:
        queries(collection, *args)
    return str(caught.value)


# What a rule says


def restated(body: dict[str, Any], *items: dict[str, object]) -> dict[str, object]:
    rule = SigmaRule.from_dict({"title": "t", "logsource": {"product": "p"}, "detection": body})
    site(*items).apply(rule)
    return detection_of(rule.detection, set(body))


VALUES: dict[str, list[object]] = {
    "": ["a", 5, True, None, ["a", "b*"], [1, 2], r"C:\\*", r"a\*b\?c", r"\\\\server\*", "a\\", "%x%", "*", "ä?"],
    "contains": ["a", ["a", "b"], r"a\\"],
    "contains|all": [["a", "b"], [r"a\*", "b?"], "a"],
    "contains|cased": ["A"],
    "startswith": ["a*"],
    "startswith|cased": ["A"],
    "endswith": ["a"],
    "endswith|cased": ["A"],
    "cased": ["A", ["A", "B*"]],
    "exists": [True, False],
    "cidr": ["192.0.2.0/24", ["192.0.2.0/24", "2001:db8::/32"]],
    "re": [r"^a\*.[?]\\d\d$", ["a", "b"]],
    "re|i": ["A.*"],
    "expand": ["%approved_mail_apps%"],
    "fieldref": ["B"],
    "gt": [5],
    "gte": [5],
    "lt": [5],
    "lte": [-5],
}
CASES = [(f"A|{name}".rstrip("|"), value) for name, values in VALUES.items() for value in values]


@pytest.mark.parametrize(("key", "value"), CASES)
def test_a_comparison_is_said_as_it_was_written(key: str, value: object) -> None:
    body = {"selection": {key: value}, "condition": "selection"}
    assert restated(body) == body
    assert restated(body, mapping(A="C")) == {**body, "selection": {key.replace("A", "C", 1): value}}


@pytest.mark.parametrize(("key", "value"), CASES)
def test_a_comparison_of_several_fields_is_one_of_them(key: str, value: object) -> None:
    """PySigma's own way back would ask for all of them."""
    body = {"selection": {key: value, "D": 1}, "condition": "selection"}
    first, last = _leaves(SigmaDetections.from_dict(body)["selection"])
    again = SigmaDetections.from_dict(restated(body, mapping(A=["B", "C"])))["selection"]
    assert again.item_linking is ConditionOR
    for field, choice in zip(("B", "C"), again.detection_items, strict=True):
        leaf, other = _leaves(choice)
        assert (leaf.field, leaf.value, other) == (field, first.value, last)
        assert len(leaf.value) == 1 or leaf.value_linking is first.value_linking


TEXTS = st.text(st.sampled_from("aB*?\\%.-^ä"), min_size=1, max_size=8)


@given(
    st.lists(TEXTS, min_size=1, max_size=3), st.sampled_from(["", "|contains", "|startswith", "|endswith", "|cased"])
)
def test_no_text_changes_on_its_way(values: list[str], modifiers: str) -> None:
    body = {"selection": {f"A{modifiers}": values}, "condition": "selection"}
    changes: list[list[dict[str, object]]] = [[], [mapping(A=["B", "C"])], [mapping(A="B")]]
    for items in changes:
        rule = SigmaRule.from_dict({"title": "t", "logsource": {"product": "p"}, "detection": body})
        site(*items).apply(rule)
        again = SigmaDetections.from_dict(detection_of(rule.detection, set(body)))
        there, back = rule.detection["selection"], again["selection"]
        for one, other in zip(_leaves(there), _leaves(back), strict=True):
            assert (one.field, one.value) == (other.field, other.value)


def _leaves(node: Any) -> list[Any]:
    parts = getattr(node, "detection_items", None)
    return [node] if parts is None else [leaf for part in parts for leaf in _leaves(part)]


def test_what_a_pipeline_made_of_a_rule_is_said_or_refused() -> None:
    one = {"selection": {"A": "5"}, "condition": "selection"}
    assert restated(one, {"type": "convert_type", "target_type": "num"})["selection"] == {"A": 5}
    assert restated(one, {"type": "drop_detection_item"})["selection"] == {}  # which lint refuses
    listed = {**one, "selection": {"A|expand": "%x%"}}
    with pytest.raises(UnsupportedError, match="cannot be said in a rule"):
        restated(listed, {"type": "query_expression_placeholders", "expression": "{field} in {id}"})
    with pytest.raises(UnsupportedError, match="compares 'C' twice"):
        restated({**one, "selection": {"A": "x", "B": "y"}}, mapping(A="C", B="C"))


def test_a_condition_that_a_pipeline_adds_is_added() -> None:
    added: dict[str, object] = {"type": "add_condition", "conditions": {"B": "y"}}
    body = {"selection": {"A": "x"}, "condition": "selection"}
    assert restated(body, added) == {
        "selection": {"A": "x"},
        "added_1": {"B": "y"},
        "condition": "added_1 and (selection)",
    }
    named = {"added_1": {"A": "x"}, "condition": "added_1"}
    assert restated(named, added)["condition"] == "added_2 and (added_1)"
    with pytest.raises(UnsupportedError, match="counts its selections"):
        restated({**body, "condition": "1 of selection*"}, added)


# Correlations


@pytest.mark.parametrize("target", TARGETS)
def test_a_correlation_comes_with_its_rules_or_not_at_all(target: str, tmp_path: Path) -> None:
    pack = own(READ, BURST)
    wanted = [query(pack, "burst", target)]
    assert queries(collection_of(tmp_path / "two", BURST, READ), target) == wanted
    assert queries(collection_of(tmp_path / "one", READ + "---\n" + BURST), target) == wanted


def test_rules_below_a_correlation_are_shown_when_it_generates_them(tmp_path: Path) -> None:
    generating = BURST.replace("timespan", "generate: true\n  timespan")
    pack = own(READ, BURST)
    assert queries(collection_of(tmp_path, generating, READ)) == [query(pack, "mail_read"), query(pack, "burst")]


def test_rules_below_a_correlation_may_be_named_by_their_id(tmp_path: Path) -> None:
    id_ = "3f0a4f5e-52a7-4a57-9a53-0a0cf4b1a8d2"
    unnamed = READ.replace("name: mail_read", f"id: {id_}")
    assert queries(collection_of(tmp_path, BURST.replace("mail_read", id_), unnamed)) == [
        query(own(READ, BURST), "burst")
    ]


def test_a_key_is_mapped_for_the_log_source_of_each_rule(tmp_path: Path) -> None:
    """PySigma would map it everywhere as for the first rule whose log source fits."""
    both = BURST.replace("event_count", "temporal").replace("[mail_read]", "[mail_read, app_changed]")
    both = both.partition("  condition")[0]
    aliased = (
        both.replace("[UserId]", "[who]") + "  aliases: {who: {mail_read: ClientAppId, app_changed: TargetAppId}}\n"
    )
    pack = own(READ, CHANGED, aliased)
    names = [
        mapping(App_s="ClientAppId") | {"rule_conditions": [{"type": "logsource", "service": "exchange"}]},
        mapping(App_s="TargetAppId") | {"rule_conditions": [{"type": "logsource", "service": "audit"}]},
    ]
    there = aliased.replace("ClientAppId", "App_s").replace("TargetAppId", "App_s")
    before = site(*names)
    assert queries(collection_of(tmp_path, READ, CHANGED, there), "defender", before) == [
        query(pack, "burst", "defender")
    ]
    (tmp_path / "rules_2.yml").write_text(both.replace("UserId", "App_s"), encoding="utf-8")
    plain = queries(SigmaCollection.load_ruleset([tmp_path]), "defender", site(*names))
    assert plain == [query(own(READ, CHANGED, aliased.replace("who", "App_s")), "burst", "defender")]


def test_a_key_that_becomes_several_fields_is_refused(tmp_path: Path) -> None:
    rules = collection_of(tmp_path, READ, BURST.replace("UserId", "User_s"))
    assert "several fields" in reasons(rules, "sentinel", site(mapping(User_s=["UserId", "UserKey"])))


def test_a_counted_field_and_the_key_are_mapped(tmp_path: Path) -> None:
    counting = BURST.replace("event_count", "value_count").replace("gte: 10", "{gte: 10, field: MailboxGuid}")
    pack = own(READ, counting)
    there = counting.replace("UserId", "User_s").replace("MailboxGuid", "Box_s")
    before = site(mapping(User_s="UserId", Box_s="MailboxGuid"))
    assert queries(collection_of(tmp_path, READ, there), "sentinel", before) == [query(pack, "burst")]


def test_a_fraction_is_not_cut_off(tmp_path: Path) -> None:
    said = reasons(collection_of(tmp_path, READ, BURST.replace("10", "0.5")))
    assert "rules_1.yml:9: '0.5' means different things" in said
    assert "threshold 0.5 is no whole number" in said


def test_a_correlation_is_refused_with_the_reasons_of_its_rules(tmp_path: Path) -> None:
    rules = collection_of(tmp_path, READ.replace("Operation", "Operaton"), BURST)
    assert "rules_0.yml:6: unknown field 'Operaton'" in reasons(rules)


# Filters

FILTER = """\
title: Not the Service
name: not_the_service
logsource: {product: m365, service: exchange}
filter:
  rules: [mail_read]
  selection:
    UserId: service@contoso.example
  condition: not selection
"""


@pytest.mark.parametrize("rules", ["[mail_read]", "any", "mail_read", "[mail_read, another]"])
def test_a_filter_is_applied_once(rules: str, tmp_path: Path) -> None:
    pack = own(READ, FILTER)
    collection = collection_of(tmp_path, READ, FILTER.replace("[mail_read]", rules))
    assert queries(SigmaCollection.merge([collection])) == [query(pack, "mail_read")]


def test_a_filter_reaches_the_rules_below_a_correlation_and_is_mapped(tmp_path: Path) -> None:
    pack = own(READ, FILTER, BURST)
    there = FILTER.replace("UserId", "User_s")
    added: dict[str, object] = {"type": "add_condition", "conditions": {"UserKey": "x"}}
    names = mapping(User_s="UserId")
    assert queries(collection_of(tmp_path, BURST, READ, there), "splunk", site(names)) == [
        query(pack, "burst", "splunk")
    ]
    assert 'UserKey =~ "x"' in queries(collection_of(tmp_path, BURST, READ, there), "sentinel", site(names, added))[0]


def test_a_filter_is_no_part_of_what_a_rule_counts(tmp_path: Path) -> None:
    counting = READ.replace("condition: selection", "condition: all of them")
    assert queries(collection_of(tmp_path, counting, FILTER)) == [query(own(READ, FILTER), "mail_read")]


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("condition: not selection", "condition: selection", "a filter has one selection and excludes it"),
        ("service: exchange", "service: audit", "has another log source than the filter"),
        ("UserId:", "UserID:", "rules_1.yml:7: unknown field 'UserID'"),
    ],
)
def test_a_filter_is_checked(old: str, new: str, reason: str, tmp_path: Path) -> None:
    assert reason in reasons(collection_of(tmp_path, READ, FILTER.replace(old, new)))


def test_a_filter_that_was_applied_before_stays(tmp_path: Path) -> None:
    """Who converts single rules hands over no filters, only rules that have them built in."""
    rule = collection_of(tmp_path, READ, FILTER)["mail_read"]
    backend = UnissuedKustoBackend(pipeline("sentinel"))
    assert isinstance(rule, SigmaRule)
    (made,) = backend.convert_rule(rule, "query")
    assert 'not(UserId =~ "service@contoso.example")' in made


# Refusals


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ("    Operation: MailItemsAccessed", "    [a, b]", "holds keywords without a field"),
        ("exchange", "threat", "the log source is not in the field catalogue, which has m365/exchange"),
        ("exchange", "audit", "OfficeActivity holds no directory records"),
        ("MailItemsAccessed", "no", "rules_0.yml:6: 'no' means different things to different YAML readers"),
        ("title: Mail", "level: low\ngenerate: true\ntitle: Mail", "rules_0.yml:2: unknown key 'generate'"),
        ("title: Mail", "version: '1'\ntitle: Mail", "version '1' is not semantic"),
        ("title: Mail", "taxonomy: theirs\ntitle: Mail", "unknown key 'taxonomy'"),
        ("title: Mail", "fields: [Nonsense]\ntitle: Mail", "unknown field 'Nonsense'"),
        ("name: mail_read", "name: mail-read", "name 'mail-read' is not of the form"),
        ("Operation:", "Operation|all:", "modifier 'all' without 'contains'"),
        ("Operation:", "Operation|neq:", "modifier 'neq' is refused"),
        (
            "condition: selection",
            "condition: selektion",
            "'selektion' matches no selection (did you mean 'selection'?)",
        ),
        ("condition: selection", "condition: [selection, selection]", "has several conditions"),
        ("exchange}", "exchange, more: x}", "unknown key 'more'"),
        ("  selection:", "  _selection:", "selection name '_selection' is not allowed"),
    ],
)
def test_what_check_refuses_is_refused_here(old: str, new: str, reason: str, tmp_path: Path) -> None:
    assert old in READ
    assert reason in reasons(collection_of(tmp_path, READ.replace(old, new)))


def test_two_rules_of_one_name_are_refused_and_a_file_read_twice_is_not(tmp_path: Path) -> None:
    rules = collection_of(tmp_path, READ, READ.replace("Mail Read", "Again"))
    assert "name 'mail_read' is already used by" in reasons(rules)
    (tmp_path / "rules_1.yml").unlink()
    twice = SigmaCollection.load_ruleset([tmp_path, tmp_path / "rules_0.yml"])
    assert queries(twice) == [query(own(READ), "mail_read")] * 2


def test_a_path_cannot_leave_the_comment_that_names_it(tmp_path: Path) -> None:
    path = tmp_path / "a``` | delete ```\n.yml"
    path.write_text(READ, encoding="utf-8")
    (text,) = UnissuedSplunkBackend(pipeline("splunk")).convert(SigmaCollection.load_ruleset([path]))
    assert text.splitlines()[0].endswith("/a___ _ delete ____.yml: do not edit ```")


# The interface of a backend


def test_one_rule_can_be_converted_alone_and_stays_as_it_was(tmp_path: Path) -> None:
    rules = collection_of(tmp_path, READ, BURST)
    before = [rule.to_dict() for rule in rules]
    backend = UnissuedKustoBackend(site(mapping(UserId="UserKey")) + pipeline("sentinel"))
    assert backend.convert_rule(rules["mail_read"], "query") == []  # type: ignore[arg-type]  # it is part of the other
    assert len(backend.convert_correlation_rule(rules["burst"], "query")) == 1  # type: ignore[arg-type]
    assert backend.convert(rules) == backend.convert(rules)
    assert [rule.to_dict() for rule in rules] == before


def test_pipelines_may_change_the_query_and_the_output(tmp_path: Path) -> None:
    more = site(
        postprocessing=[{"type": "embed", "prefix": "set notruncation;\n"}],
        finalizers=[{"type": "concat", "suffix": ";"}],
    )
    made = queries(collection_of(tmp_path, READ), "sentinel", more)
    assert made == f"set notruncation;\n{query(own(READ), 'mail_read')};"


def test_errors_are_collected_by_rule(tmp_path: Path) -> None:
    other = READ.replace("mail_read", "other").replace("Mail Read", "Other").replace("Operation", "Operaton")
    backend = UnissuedKustoBackend(pipeline("sentinel"))
    backend.collect_errors = True
    assert backend.convert(collection_of(tmp_path, READ, other), "query") == [query(own(READ), "mail_read")]
    ((rule, error),) = backend.errors
    assert rule.title == "Other"
    assert "unknown field 'Operaton'" in str(error)


def test_a_rule_with_a_judge_is_refused(tmp_path: Path) -> None:
    """Its test of two records is the pack's own; a stock backend would leave it out and report every pair."""
    names = ("mail/mail_read_with_token", "identity/signin_token_issued", "correlation/mail_token_issued_to_another")
    rules = collection_of(tmp_path, *((ROOT / "sigma" / f"{name}.yml").read_text(encoding="utf-8") for name in names))
    assert "a rule with a judge is not converted here" in reasons(rules)


def test_an_unknown_format_or_method_is_refused(tmp_path: Path) -> None:
    backend = UnissuedKustoBackend(pipeline("sentinel"))
    rules = collection_of(tmp_path, READ)
    for options in (("savedsearches", None), ("default", "tumbling")):
        with pytest.raises(SigmaBackendError):
            backend.convert(rules, *options)
    assert backend.convert(rules, callback=lambda *_: None) == []


# The generated pipelines


@pytest.mark.parametrize("target", TARGETS)
def test_a_pipeline_is_made_of_the_catalogue(target: str) -> None:
    catalogue = load_catalogue()
    items = {item["id"]: item for item in yaml.safe_load(pipeline_text(catalogue, target))["transformations"]}
    for key, source in catalogue.sources.items():
        slug = key.replace("/", "_")
        if source.tables_of(target):
            (condition,) = items[f"unissued_fields_{slug}"]["field_name_conditions"]
            assert condition == {"type": "exclude_fields", "fields": list(source.fields)}
        else:
            assert items[f"unissued_not_{slug}"]["message"] == source.not_in[target]
