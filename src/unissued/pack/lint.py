"""What a rule file must be. Each check is a true sentence about a good rule and yields the problems of a bad one."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Iterator, Mapping
from fnmatch import fnmatchcase
from ipaddress import ip_network

import re2
from sigma.correlations import SigmaExtendedCorrelationCondition
from sigma.exceptions import SigmaError

from unissued.errors import PackError, Problem
from unissued.pack import vocabulary
from unissued.pack.catalogue import Catalogue, Source, parse_span, suggest
from unissued.pack.document import Document, Place
from unissued.pack.judges import JUDGES
from unissued.pack.rule import CORRELATION_TYPES

NAME = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
PLACEHOLDER = re.compile(r"%([A-Za-z0-9_]+)%\Z")
_SELECTION = re.compile(r"(?!and|or|not|all|any|them|of)[a-z][a-z0-9_]*\Z")
_VERSION = re.compile(r"(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\.(0|[1-9][0-9]*)\Z")
_TECHNIQUE = re.compile(r"attack\.t[0-9]{4}(\.[0-9]{3})?\Z")
_DATE = re.compile(r"20[0-9]{2}-(0[1-9]|1[0-2])-(0[1-9]|[12][0-9]|3[01])\Z")
# Unsafe in some sink of a query: control and invisible characters, Splunk's macros and tokens.
# U+2028 and U+2029 end a line, and with it a comment, in KQL; half a surrogate pair cannot be written to a file.
UNSAFE = re.compile(r"[\x00-\x1f\x7f-\x9f`$\u00ad\u200b-\u200f\u2028-\u202e\u2060-\u2069\ud800-\udfff\ufeff]")
_TEXT_MODIFIERS = {"contains", "startswith", "endswith", "cased", "cidr", "re", "expand", "fieldref"}
_QUIET = re2.Options()
_QUIET.log_errors = False
_LARGEST = 10**15
_DIGITS = re.compile(r"-?[0-9]+\Z")
_CONDITION_WORD = re.compile(r"[A-Za-z0-9_*]+")
_COUNTED_SPAN = re.compile(r"(0|[1-9][0-9]*)[smhdw]\Z")
_NESTING = re.compile(r"[()]|[^()\s]+")
_DEEPEST = 32
GLOBAL_STANZA = "default"
"""In Splunk's files a stanza of this name is about all others, and a stanza is named as its rule."""


class Linter:
    """Checks one document; ``problems`` gathers what is wrong with it."""

    def __init__(self, document: Document, catalogue: Catalogue) -> None:
        self.document = document
        self.catalogue = catalogue
        self.problems: list[Problem] = []
        data = document.data
        self.data: Mapping[str, object] = data if isinstance(data, Mapping) else {}
        if not isinstance(data, Mapping):
            self.report((), "is no mapping", "a rule starts with title, id and name")

    def report(self, place: Place, problem: str, hint: str = "") -> None:
        self.problems.append(Problem(self.document.where(*place), problem, hint))

    def mapping(self, *place: str) -> Mapping[str, object]:
        """Return the mapping at a place, reporting and returning an empty one if it is something else."""
        value: object = self.data
        for key in place:
            value = value.get(key) if isinstance(value, Mapping) else None
        if isinstance(value, Mapping):
            return value
        self.report(place, f"'{'.'.join(place)}' must be a mapping")
        return {}

    # What every document has

    def nothing_is_left_to_fill_in(self) -> bool:
        """Report every place that a new rule leaves open; there is no use in other problems before they are filled."""
        before = len(self.problems)
        self._filled((), self.data)
        return len(self.problems) == before

    def _filled(self, place: Place, value: object) -> None:
        match value:
            case Mapping():
                for key, item in value.items():
                    self._filled((*place, key), item)
            case list():
                for index, item in enumerate(value):
                    self._filled((*place, index), item)
            case str() if vocabulary.FILL_IN in value:
                wanted = value.removeprefix(vocabulary.FILL_IN).lstrip(": ")
                self.report(place, f"'{vocabulary.FILL_IN}' is still to be filled in", wanted)

    def keys_are_known(self, place: Place, keys: Collection[str], known: Collection[str]) -> None:
        for key in keys:
            if key not in known:
                hint = suggest(key, known) or vocabulary.KEY_HINTS.get(key, "")
                self.report((*place, key), f"unknown key '{key}'", hint)

    def head_is_complete(self, stem: str) -> None:
        for key in vocabulary.REQUIRED_KEYS:
            if self.data.get(key) in (None, ""):
                self.report((), f"'{key}' is missing", f"every rule has {', '.join(vocabulary.REQUIRED_KEYS)}")
        for key in ("title", "description", "author", "license", "needs"):
            self._text(key)
        self._name(stem)
        self._choice("status", vocabulary.STATUSES)
        self._choice("level", vocabulary.LEVELS)
        if (found := self.data.get("version")) is not None and not (isinstance(found, str) and _VERSION.match(found)):
            self.report(("version",), f"version {found!r} is not semantic", "write it in quotes, such as '1.0.0'")
        if (found := self.data.get("id")) is not None and not _is_uuid(found):
            self.report(("id",), f"id {found!r} is no UUID", "make one with: python -m uuid")
        for key in ("date", "modified"):
            if (found := self.data.get(key)) is not None and not (isinstance(found, str) and _DATE.match(found)):
                self.report((key,), f"{key} {found!r} is no date", "write YYYY-MM-DD")
        for key in ("references", "falsepositives", "blind_spots", "triage", "fields", "tags"):
            self._texts(key)
        self._tags()

    def _text(self, key: str) -> None:
        value = self.data.get(key)
        if value is None:
            return
        if not isinstance(value, str) or not value.strip():
            self.report((key,), f"'{key}' must be text")
        elif key == "title" and UNSAFE.search(value):
            self.report((key,), "the title holds a character that is unsafe in a query", "one line, no ` or $")

    def _texts(self, key: str) -> None:
        value = self.data.get(key)
        if value is not None and not (
            isinstance(value, list) and all(isinstance(item, str) and item for item in value)
        ):
            self.report((key,), f"'{key}' must be a list of texts")

    def _name(self, stem: str) -> None:
        name = self.data.get("name")
        if not isinstance(name, str):
            return
        if not NAME.match(name):
            self.report(("name",), f"name '{name}' is not of the form [a-z][a-z0-9_]*, 64 at most")
        elif name != stem:
            self.report(("name",), f"name '{name}' is not the file's stem '{stem}'", "rename one of them")
        elif name == GLOBAL_STANZA:
            self.report(("name",), f"name '{name}' is Splunk's for the settings of all searches", "rename the rule")

    def _choice(self, key: str, known: Collection[str]) -> None:
        value = self.data.get(key)
        if value is not None and value not in known:
            self.report((key,), f"unknown {key} '{value}'", suggest(str(value), known))

    def _tags(self) -> None:
        tags = self.data.get("tags")
        for index, tag in enumerate(tags if isinstance(tags, list) else []):
            tactic = str(tag).removeprefix("attack.")
            if not _TECHNIQUE.match(str(tag)) and (tactic == tag or tactic not in vocabulary.TACTICS):
                known = [f"attack.{name}" for name in vocabulary.TACTICS]
                self.report(("tags", index), f"unknown tag '{tag}'", suggest(str(tag), known))

    def alert_is_foldable(self, fields: Collection[str]) -> None:
        if "alert" not in self.data:
            return
        alert = self.mapping("alert")
        self.keys_are_known(("alert",), alert, vocabulary.ALERT_KEYS)
        by = alert.get("by")
        if not isinstance(by, list) or not by:
            self.report(("alert",), "'alert.by' must be a list of fields")
        for index, name in enumerate(by if isinstance(by, list) else []):
            if not isinstance(name, str) or name not in fields:
                hint = suggest(str(name), fields) or vocabulary.FIELDS_HINT
                self.report(("alert", "by", index), f"unknown field '{name}'", hint)
        if parse_span(alert.get("per")) is None:
            self.report(("alert",), f"'alert.per' {alert.get('per')!r} is no time span", "such as 1d")

    # Detections

    def sources(self) -> tuple[Source, ...]:
        """Return the catalogue entries of the log source, reporting an unknown one."""
        logsource = self.mapping("logsource")
        self.keys_are_known(("logsource",), logsource, vocabulary.LOGSOURCE_KEYS)
        if not logsource:
            return ()
        try:
            return self.catalogue.sources_of(logsource)
        except PackError as error:
            first = error.problems[0]
            self.report(("logsource",), f"log source {first.problem}", first.hint)
            return ()

    def detection_is_exact(self, sources: tuple[Source, ...], key: str = "detection") -> None:
        """Check selections and condition of a detection or filter body."""
        body = self.mapping(key)
        selections = {name: value for name, value in body.items() if name not in ("condition", "rules")}
        for name, selection in selections.items():
            if not _SELECTION.match(name):
                hint = "small letters, digits and _, not beginning with a word of the condition language"
                self.report((key, name), f"selection name '{name}' is not allowed", hint)
            self._selection((key, name), selection, sources)
        if not selections:
            self.report((key,), "has no selection")
        self._condition((key, "condition"), body.get("condition"), list(selections))

    def _selection(self, place: Place, selection: object, sources: tuple[Source, ...]) -> None:
        match selection:
            case Mapping() if selection:
                for item, value in selection.items():
                    self._item((*place, item), str(item), value, sources)
            case list() if selection and all(isinstance(part, Mapping) for part in selection):
                for index, part in enumerate(selection):
                    self._selection((*place, index), part, sources)
            case list() if selection:
                self.report(
                    place, "holds keywords without a field", "name the field: keywords cannot be converted exactly"
                )
            case _:
                self.report(place, "selection is empty or no mapping", "write field: value")

    def _item(self, place: Place, item: str, value: object, sources: tuple[Source, ...]) -> None:
        name, *modifiers = item.split("|")
        if not name:
            self.report(place, "holds a keyword without a field", "write the field's name before the modifiers")
            return
        self._field_is_known(place, name, sources)
        kinds = {source.fields[name].type for source in sources if name in source.fields}
        for modifier in modifiers:
            if modifier in vocabulary.REFUSED_MODIFIERS:
                self.report(place, f"modifier '{modifier}' is refused", vocabulary.REFUSED_MODIFIERS[modifier])
            elif modifier not in vocabulary.MODIFIERS:
                self.report(place, f"unknown modifier '{modifier}'", suggest(modifier, vocabulary.MODIFIERS))
        known = all(modifier in vocabulary.MODIFIERS for modifier in modifiers)
        if "all" in modifiers and "contains" not in modifiers:
            self.report(place, "modifier 'all' without 'contains'", "a field has one value; ask for it once")
        elif known and tuple(modifiers) not in vocabulary.COMBINATIONS:
            combinations = ", ".join("|".join(one) for one in vocabulary.COMBINATIONS if set(one) & set(modifiers))
            self.report(place, f"modifiers '{'|'.join(modifiers)}' have no meaning together", f"known: {combinations}")
        values = value if isinstance(value, list) else [value]
        if not values:
            self.report(place, "the list of values is empty", "an empty list would mean 'field is missing'")
        for index, one in enumerate(values):
            at: Place = (*place, index) if isinstance(value, list) else place
            self._value(at, one, modifiers, in_list=len(values) > 1)
            if isinstance(one, str):
                self._text_value(at, one, modifiers, sources)
            self._value_fits_the_field(at, name, one, modifiers, kinds)

    def _field_is_known(self, place: Place, name: str, sources: tuple[Source, ...]) -> None:
        if not sources:
            return
        known = {known for source in sources for known in source.fields}
        if name not in known:
            keys = ", ".join(source.key for source in sources)
            hint = suggest(name, known) or vocabulary.FIELDS_HINT
            self.report(place, f"unknown field '{name}' in {keys}", hint)

    def _value_fits_the_field(
        self, place: Place, name: str, value: object, modifiers: list[str], kinds: set[str]
    ) -> None:
        is_text = isinstance(value, str) and "fieldref" not in modifiers and not _DIGITS.match(value)
        if kinds == {"int"} and is_text:
            self.report(place, f"field '{name}' holds numbers, '{value}' is text", "write the number, without quotes")
        if kinds == {"int"} and isinstance(value, bool) and "exists" not in modifiers:
            self.report(place, f"field '{name}' holds numbers, {str(value).lower()} is none", "write the number")
        if kinds == {"bool"} and not isinstance(value, bool) and value is not None:
            self.report(place, f"field '{name}' is true or false, {value!r} is neither")

    def _value(self, place: Place, value: object, modifiers: list[str], *, in_list: bool) -> None:
        if value is None and in_list:
            self.report(place, "null inside a list", "make it a selection of its own")
        if isinstance(value, Mapping | list):
            self.report(place, "a value must be text, a number, true, false or null")
        if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= _LARGEST:
            self.report(place, f"{value} is too large", "15 digits: Splunk counts in floating point, Kusto in 64 bits")
        if "exists" in modifiers and not isinstance(value, bool):
            self.report(place, "'exists' takes true or false")
        if {"gt", "gte", "lt", "lte"} & set(modifiers) and (not isinstance(value, int) or isinstance(value, bool)):
            self.report(place, f"{value!r} is no whole number", "gt, gte, lt and lte compare whole numbers")
        if not isinstance(value, str) and set(modifiers) & _TEXT_MODIFIERS:
            self.report(place, f"'{'|'.join(modifiers)}' takes text, not {value!r}")

    def _text_value(self, place: Place, value: str, modifiers: list[str], sources: tuple[Source, ...]) -> None:
        if value == "":
            self.report(place, "the value is empty", "write null for 'field is missing'")
        if "re" in modifiers:
            try:
                re2.compile(value, options=_QUIET)
            except re2.error as error:
                reason = error.args[0] if error.args else ""
                reason = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else reason
                self.report(
                    place, f"RE2 refuses the regular expression: {reason}", "no look-around, no back-references"
                )
            return
        if found := UNSAFE.search(value):
            self.report(
                place,
                f"the value holds {found[0]!a}",
                "control and invisible characters, ` and $ are unsafe in a query",
            )
        if "expand" in modifiers:
            named = PLACEHOLDER.match(value)
            if named is None:
                self.report(place, f"'{value}' is no placeholder", "with |expand the whole value is %list_name%")
            elif named[1] not in self.catalogue.lists:
                self.report(place, f"unknown list '{named[1]}'", suggest(named[1], self.catalogue.lists))
        if "cidr" in modifiers:
            try:
                ip_network(value)
            except ValueError as error:
                self.report(place, f"'{value}' is no network: {error}", "such as 192.0.2.0/24")
        if "fieldref" in modifiers:
            self._field_is_known(place, value, sources)

    def _condition(self, place: Place, condition: object, selections: list[str]) -> None:
        if isinstance(condition, list):
            self.report(place, "has several conditions", "one condition a rule; a match must not count twice")
            return
        if not isinstance(condition, str) or not condition.strip():
            self.report(place[:-1], "the condition is missing")
            return
        if _nesting(condition) > _DEEPEST:
            self.report(place, f"is nested deeper than {_DEEPEST} levels", "split the rule")
        used: set[str] = set()
        for word in _CONDITION_WORD.findall(condition):
            if word in ("and", "or", "not", "of", "all", "1"):
                continue
            hits = selections if word == "them" else [name for name in selections if fnmatchcase(name, word)]
            if not hits:
                self.report(place, f"'{word}' matches no selection", suggest(word, selections))
            used.update(hits)
        for name in selections:
            if name not in used:
                self.report((place[0], name), f"selection '{name}' is not used by the condition")

    # Correlations

    def correlation_is_exact(self) -> None:
        """Check what can be checked without the other rules."""
        body = self.mapping("correlation")
        self.keys_are_known(("correlation",), body, vocabulary.CORRELATION_BODY_KEYS)
        kind = body.get("type")
        if isinstance(kind, str) and kind in vocabulary.REFUSED_TYPES:
            hint = vocabulary.REFUSED_TYPES[kind]
            self.report(("correlation", "type"), f"correlation type '{kind}' is refused", hint)
        elif kind not in CORRELATION_TYPES:
            self.report(
                ("correlation", "type"), f"unknown correlation type '{kind}'", suggest(str(kind), CORRELATION_TYPES)
            )
        rules = body.get("rules")
        if not isinstance(rules, list) or not rules or not all(isinstance(name, str) for name in rules):
            self.report(("correlation", "rules"), "'rules' must be a list of rule names")
        elif len(set(rules)) < len(rules):
            self.report(("correlation", "rules"), "a rule is named twice")
        elif kind == "temporal_ordered" and len(rules) < 2:
            self.report(("correlation", "rules"), "an order needs two rules or more")
        if parse_span(body.get("timespan")) is None:
            self.report(("correlation", "timespan"), *_no_span(body.get("timespan")))
        group = body.get("group-by")
        if not isinstance(group, list) or not group or not all(isinstance(name, str) for name in group):
            self.report(("correlation", "group-by"), "'group-by' must be a list of fields", "a correlation needs a key")
        self._correlation_condition(kind, body.get("condition"), rules if isinstance(rules, list) else [])

    def _correlation_condition(self, kind: object, condition: object, rules: list[object]) -> None:
        place: Place = ("correlation", "condition")
        if isinstance(condition, str):
            if kind != "temporal":
                self.report(place, f"a condition in words needs type temporal, not {kind}")
                return
            self._extended_condition(place, condition, rules)
        elif kind in ("temporal", "temporal_ordered"):
            if condition is not None:
                self.report(place, f"type {kind} takes no count", "every rule of the list must match")
        elif not isinstance(condition, Mapping):
            self.report(place, "the condition is missing", "such as gte: 10")
        else:
            self._count_condition(place, kind, condition)

    def _count_condition(self, place: Place, kind: object, condition: Mapping[str, object]) -> None:
        self.keys_are_known(place, condition, {*vocabulary.OPERATORS, "field"})
        operators = [key for key in condition if key in vocabulary.OPERATORS]
        if len(operators) != 1:
            named = f" ({', '.join(operators)})" if operators else ""
            self.report(
                place, f"has {len(operators)} operators{named} instead of one", "split a range into two correlations"
            )
        for key in operators:
            count = condition[key]
            if not isinstance(count, int) or isinstance(count, bool) or count < 0:
                problem = f"threshold {count!r} is no whole number of 0 or more"
                self.report((*place, key), problem, "fractions would be cut off")
        if kind in ("value_count", "value_sum") and not isinstance(condition.get("field"), str):
            self.report(place, f"type {kind} needs one 'field'")
        if kind == "event_count" and "field" in condition:
            self.report(place, "type event_count takes no 'field'", "count distinct values with value_count")

    def _extended_condition(self, place: Place, condition: str, rules: list[object]) -> None:
        try:
            named = SigmaExtendedCorrelationCondition(condition).get_referenced_rules()
        except (SigmaError, RecursionError) as error:
            self.report(place, f"cannot be parsed: {error}", "rule names with and, or, not and parentheses")
            return
        for name in named:
            if name not in rules:
                self.report(place, f"'{name}' is not in the list of rules", "add it there, or take it out")
        for rule in rules:
            if rule not in named:
                self.report(place, f"rule '{rule}' is not used by the condition")

    def judge_is_known(self) -> None:
        """Check the test of two records that Sigma cannot say."""
        name = self.data.get("judge")
        if name is None:
            return
        if not isinstance(name, str) or name not in JUDGES:
            self.report(("judge",), f"unknown judge '{name}'", suggest(str(name), JUDGES))
        body = self.mapping("correlation")
        rules = body.get("rules")
        if body.get("type") != "temporal" or "condition" in body or not isinstance(rules, list) or len(rules) != 2:
            self.report(("judge",), "a judge needs type temporal, two rules and no condition", "it tests pairs")

    # Filters

    def filter_excludes(self) -> None:
        """Check that a filter takes matches away: ``condition: not selection``."""
        body = self.mapping("filter")
        selections = [name for name in body if name not in ("condition", "rules")]
        if len(selections) != 1 or body.get("condition") != f"not {selections[0]}":
            self.report(
                ("filter", "condition"), "a filter has one selection and excludes it", "condition: not selection"
            )
        rules = body.get("rules")
        if not isinstance(rules, list) or not rules or not all(isinstance(name, str) for name in rules):
            self.report(("filter", "rules"), "'rules' must be a list of rule names")


def _nesting(condition: str) -> int:
    """Return how deep a condition is nested: the parentheses that are open and the ``not`` that follow each other."""
    deepest = depth = negations = 0
    for word in _NESTING.findall(condition):
        depth += (word == "(") - (word == ")")
        negations = negations + 1 if word == "not" else 0
        deepest = max(deepest, depth + negations)
    return deepest


def _no_span(value: object) -> tuple[str, str]:
    """Return what is wrong with a time span, and what to write instead."""
    if isinstance(value, str) and _COUNTED_SPAN.match(value):
        return f"'{value}' is no time span that a rule can have", "more than nothing, and 366 days at most"
    return f"'{value}' is no time span", "a whole number and s, m, h, d or w; months and years differ in length"


def _is_uuid(value: object) -> bool:
    try:
        uuid.UUID(str(value))
    except ValueError:
        return False
    return isinstance(value, str)


def placeholders(value: object) -> Iterator[str]:
    """Yield the names of the lists that a detection body asks for."""
    match value:
        case Mapping():
            for key, item in value.items():
                if "expand" in str(key).split("|")[1:]:
                    for text in item if isinstance(item, list) else [item]:
                        if isinstance(text, str) and (found := PLACEHOLDER.match(text)):
                            yield found[1]
                else:
                    yield from placeholders(item)
        case list():
            for item in value:
                yield from placeholders(item)
