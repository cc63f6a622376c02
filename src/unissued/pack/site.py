"""A site's own settings: what ``unissued.toml`` changes about the pack, without touching its files."""

from __future__ import annotations

import copy
import tomllib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TypeVar

from unissued.errors import Problem, RuleError
from unissued.pack.catalogue import parse_span, suggest
from unissued.pack.lint import UNSAFE
from unissued.pack.load import Pack, exclude
from unissued.pack.rule import Rule

_Item = TypeVar("_Item")
_RULE_KEYS = ("enabled", "threshold", "timespan", "exclude")


@dataclass(frozen=True)
class Site:
    """A pack as a site wants it."""

    pack: Pack
    disabled: frozenset[str]
    """Names of the rules that are switched off; rules above them still see their matches."""
    lists: Mapping[str, Path]
    """List name -> file, relative to the settings file."""
    path: str = ""
    """The settings file."""

    def with_lists(self, entries: Mapping[str, Collection[str]]) -> Site:
        """Return the site with its lists written into the pack.

        Args:
            entries: list name -> entries in the form in which they are compared.
        """
        rules = {}
        for rule in self.pack.rules.values():
            said = [
                f"list {name} is the site's own (entries: {len(entries[name])})"
                for name in rule.lists
                if name in entries
            ]
            rules[rule.name] = replace(rule, changed=(*rule.changed, *said))
        return replace(self, pack=Pack(rules, self.pack.catalogue.with_lists(entries)))


def load_site(path: Path, pack: Pack) -> Site:
    """Apply a site's settings to a pack.

    Raises:
        RuleError: with everything that names no rule, field, list or file, or cannot be set on its rule.
    """
    try:
        data = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise RuleError.at(str(path), f"cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise RuleError.at(str(path), f"is no TOML: {error}") from error
    reader = _Reader(path, pack)
    reader.keys_are_known("", data, ("rules", "lists"))
    rules = dict(pack.rules)
    disabled: set[str] = set()
    for name, settings in reader.table("rules", data).items():
        rule = reader.known("rules.", "rule", name, pack.rules)
        if not isinstance(settings, dict):
            reader.report(f"rules.{name} must be a table", f"[rules.{name}]")
        elif rule is not None:
            rules[name] = reader.rule(rule, settings)
            if settings.get("enabled") is False:
                disabled.add(name)
    lists = {}
    for name, file in reader.table("lists", data).items():
        if reader.known("lists.", "list", name, pack.catalogue.lists) is not None and reader.is_file(name, file):
            lists[name] = path.parent / str(file)
    if reader.problems:
        raise RuleError(*reader.problems)
    return Site(Pack(rules, pack.catalogue), frozenset(disabled), lists, str(path))


class _Reader:
    """Reads settings and gathers what is wrong with them."""

    def __init__(self, path: Path, pack: Pack) -> None:
        self.path = path
        self.pack = pack
        self.problems: list[Problem] = []

    def report(self, problem: str, hint: str = "") -> None:
        self.problems.append(Problem(str(self.path), problem, hint))

    def table(self, name: str, data: Mapping[str, object]) -> Mapping[str, object]:
        value = data.get(name, {})
        if isinstance(value, Mapping):
            return value
        self.report(f"'{name}' must be a table")
        return {}

    def keys_are_known(self, where: str, data: Mapping[str, object], known: Collection[str]) -> None:
        for key in data:
            if key not in known:
                self.report(f"{where}unknown key '{key}'", suggest(key, known))

    def known(self, where: str, kind: str, name: str, known: Mapping[str, _Item]) -> _Item | None:
        if name not in known:
            self.report(f"{where}{name}: unknown {kind} '{name}'", suggest(name, known))
        return known.get(name)

    def is_file(self, name: str, file: object) -> bool:
        """Tell whether a list names a file that is there."""
        if not isinstance(file, str) or not file:
            self.report(f"lists.{name}: {file!r} is no file name", 'such as "lists/approved.csv"')
            return False
        if not (self.path.parent / file).is_file():
            self.report(
                f"lists.{name}: there is no file {self.path.parent / file}", "the name is relative to this file"
            )
            return False
        return True

    def rule(self, rule: Rule, settings: Mapping[str, object]) -> Rule:
        """Return a rule with a site's settings."""
        where = f"rules.{rule.name}: "
        self.keys_are_known(where, settings, _RULE_KEYS)
        if not isinstance(settings.get("enabled", True), bool):
            self.report(f"{where}enabled must be true or false")
        elif "enabled" in settings and not rule.level:
            self.report(
                f"{where}alerts nobody, so it cannot be enabled or not", "switch off the rules that are built on it"
            )
        definition = copy.deepcopy(dict(rule.definition))
        body = definition.get("correlation")
        changed: list[str] = []
        if isinstance(body, dict):
            changed += self._tune(where, body, settings)
        elif {"threshold", "timespan"} & set(settings):
            self.report(f"{where}only a correlation has a threshold and a timespan")
        excluded = self._exclusions(where, rule, settings.get("exclude", []))
        changed += ["without " + " and ".join(f"{name}={value}" for name, value in entry.items()) for entry in excluded]
        if excluded and not rule.is_correlation:
            exclude(definition, "_site", excluded)  # no filter of the pack has this name
            excluded = []
        return replace(rule, definition=definition, excluded=tuple(excluded), changed=tuple(changed))

    def _tune(self, where: str, body: dict[str, object], settings: Mapping[str, object]) -> list[str]:
        """Change a correlation, and return what was changed in words."""
        changed = []
        if "timespan" in settings:
            if parse_span(settings["timespan"]) is None:
                self.report(f"{where}timespan '{settings['timespan']}' is no time span", "such as 2h")
            changed.append(f"timespan {settings['timespan']} instead of {body['timespan']}")
            body["timespan"] = settings["timespan"]
        if "threshold" in settings:
            condition, count = body.get("condition"), settings["threshold"]
            if not isinstance(condition, dict):
                self.report(f"{where}this correlation counts nothing")
            elif not isinstance(count, int) or isinstance(count, bool) or count < 1:
                self.report(f"{where}threshold {count!r} is no whole number above 0")
            else:
                operator = next(key for key in condition if key != "field")
                changed.append(f"threshold {operator} {count} instead of {condition[operator]}")
                body["condition"] = {**condition, operator: count}
        return changed

    def _exclusions(self, where: str, rule: Rule, given: object) -> list[dict[str, str]]:
        if not isinstance(given, list) or not all(isinstance(entry, dict) and entry for entry in given):
            self.report(f"{where}exclude must be a list of {{field = value}}")
            return []
        body = rule.definition.get("correlation")
        known = {name for source in rule.sources for name in source.fields}
        if isinstance(body, Mapping):
            # Of a correlation whole groups are excluded, so only its own keys can be named.
            known = set(map(str, body["group-by"]))
        for entry in given:
            for name, value in entry.items():
                if name not in known:
                    self.report(f"{where}unknown field '{name}'", suggest(name, known))
                if not isinstance(value, str) or not value.strip() or set(value) & set("*?\\"):
                    self.report(f"{where}{name} = {value!r} must be plain text", "a wildcard would excuse everything")
                elif found := UNSAFE.search(value):
                    hint = "control and invisible characters, ` and $ are unsafe in a query"
                    self.report(f"{where}{name} holds {found[0]!a}", hint)
        return [{name: str(value) for name, value in entry.items()} for entry in given]
