"""All statements for some rules: the views that they read, then one query a rule."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from unissued.convert.correlation import Correlation
from unissued.errors import UnsupportedError
from unissued.pack import Pack, Rule, Source
from unissued.sql.query import Part, Setting, blind, detection, parts_of
from unissued.sql.view import view, view_name
from unissued.sql.windows import correlation


@dataclass(frozen=True)
class Statement:
    """What one rule asks."""

    rule: Rule
    matches: str
    """Finds the matches: of a detection ``rid``, ``time``, ``ingested`` and fields, of a correlation the keys,
    ``first_time`` and ``last_time``."""
    records: str = ""
    """Of a correlation: the records under each match, as rows of the keys, ``first_time``, ``rule`` and ``rid``."""
    unjudged: str = ""
    """Says why something was not evaluated: ``reason``, ``detail``, ``records``, ``first_time``, ``last_time``."""
    correlation: Correlation | None = None


@dataclass(frozen=True)
class Script:
    """Views and statements, in the order in which they are to be run."""

    views: dict[str, str]
    """Name of a view -> the query behind it."""
    statements: tuple[Statement, ...]
    refused: dict[str, str]
    """Rule -> why it has no exact form in the dialect."""


def script(setting: Setting, pack: Pack, rules: Iterable[Rule]) -> Script:
    """Write what some rules and those below them ask."""
    names = {below.name for rule in rules for below in pack.below(rule)}
    statements: list[Statement] = []
    refused: dict[str, str] = {}
    views: dict[str, str] = {}
    for rule in (known for known in pack.rules.values() if known.name in names):
        try:
            for below in rule.references:
                if below in refused:
                    raise UnsupportedError.at(rule.name, f"is built on '{below}', which is refused")
            statements.append(_statement(setting, pack, rule))
        except UnsupportedError as error:
            refused[rule.name] = "; ".join(problem.problem for problem in error.problems)
    read = [one for one in statements if one.rule.name not in refused]
    for source, parts in _sources(read):
        fields = {known for part in parts for known in part.fields()} | _shown(read, source)
        networks = {known for part in parts for known in part.networks()}
        views[view_name(source)] = setting.dialect.finished(view(setting.dialect, source, fields, networks))
    return Script(views, tuple(read), refused)


def _statement(setting: Setting, pack: Pack, rule: Rule) -> Statement:
    finished = setting.dialect.finished
    if not rule.is_correlation:
        questions = blind(setting, pack, rule)
        return Statement(rule, finished(detection(setting, pack, rule)), "", finished(questions) if questions else "")
    read, written = correlation(setting, pack, rule)
    questions = written.questions()
    return Statement(
        rule,
        finished(written.matches(read.keys)),
        finished(written.records()),
        finished(questions) if questions else "",
        read,
    )


def _sources(statements: Iterable[Statement]) -> list[tuple[Source, list[Part]]]:
    found: dict[str, tuple[Source, list[Part]]] = {}
    for one in statements:
        for part in parts_of(one.rule) if not one.rule.is_correlation else ():
            found.setdefault(part.source.key, (part.source, []))[1].append(part)
    return list(found.values())


def _shown(statements: Iterable[Statement], source: Source) -> set[str]:
    """Return the fields that analysts and correlations want to see of a log source."""
    wanted: set[str] = set()
    for one in statements:
        if one.correlation is not None:
            wanted.update(field for own in one.correlation.names.values() for field in own.values())
        else:
            wanted.update((*(one.rule.fold.by if one.rule.fold else ()), *one.rule.fields))
    return {name for name in wanted if name in source.fields}
