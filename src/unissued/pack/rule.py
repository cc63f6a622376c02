"""A rule of the pack: what its file says, checked, and a fresh pySigma object for whoever asks."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property

from sigma.correlations import SigmaCorrelationRule, SigmaExtendedCorrelationCondition
from sigma.exceptions import SigmaError
from sigma.rule import SigmaRule

from unissued.errors import RuleError
from unissued.pack.catalogue import Source

JUDGED_AFTER = timedelta(hours=6)
"""A record's absence of company is judged once, this long after the record was ingested."""
CORRELATION_TYPES = ("event_count", "value_count", "value_sum", "temporal", "temporal_ordered")


@dataclass(frozen=True)
class Fold:
    """How matches become one alert: by the values of these fields and per time span."""

    by: tuple[str, ...]
    per: timedelta


@dataclass(frozen=True)
class Rule:
    """One detection or correlation, with the filters that apply to it already built in."""

    name: str
    id: str
    """UUID, small letters with dashes."""
    title: str
    path: str
    """The rule's file as messages and queries name it: ``sigma/…`` for one of the pack, with slashes."""
    version: str
    status: str
    level: str
    """Sigma level; empty for a base rule, which feeds correlations and alerts nobody."""
    sources: tuple[Source, ...]
    """Log sources that the rule reads; for a correlation those of the rules below it."""
    references: tuple[str, ...]
    """Names of the rules that a correlation is built on, in its order."""
    filters: tuple[str, ...]
    lists: tuple[str, ...]
    """Names of the lists that the rule or one of its filters asks for."""
    own_lists: tuple[str, ...]
    """Names of the lists that the rule's own selections ask for."""
    fields: tuple[str, ...]
    """Fields that an analyst wants to see beside a match."""
    fold: Fold | None
    definition: Mapping[str, object] = field(repr=False)
    """The Sigma document, filters merged in."""
    excluded: tuple[Mapping[str, str], ...] = ()
    """Groups of a correlation that a site does not want to hear of: key -> value."""
    changed: tuple[str, ...] = ()
    """What a site changed about the rule, in words."""

    @property
    def is_correlation(self) -> bool:
        """Tell whether the rule is built on other rules' matches."""
        return "correlation" in self.definition

    @property
    def judge(self) -> str:
        """Name of the test that two records of a correlation must meet as well; empty for most rules."""
        return str(self.definition.get("judge", ""))

    @cached_property
    def is_absence(self) -> bool:
        """Tell whether the rule asks that something is not there: then it is judged six hours after arrival."""
        return self.is_correlation and isinstance(self.correlation().condition, SigmaExtendedCorrelationCondition)

    def needing(self, source: Source) -> Source:
        """Return a log source with the tables that must be complete before its silence means something to the rule."""
        named = self.definition.get("required_tables")
        if not isinstance(named, list):
            return source
        return replace(source, required_tables=tuple(name for name in source.counted_tables if name in named))

    def detection(self) -> SigmaRule:
        """Return a pySigma rule of the caller's own: backends change the rules that they convert.

        Raises:
            RuleError: pySigma refuses the rule or its condition.
        """
        try:
            rule = SigmaRule.from_dict(copy.deepcopy(dict(self.definition)))
            # pySigma parses a condition only when it is asked for.
            _ = [condition.parsed for condition in rule.detection.parsed_condition]
            return rule
        except SigmaError as error:
            raise RuleError.at(self.path, f"pySigma refuses the condition or a value: {error}") from error

    def correlation(self) -> SigmaCorrelationRule:
        """Return a pySigma correlation of the caller's own, its references unresolved.

        Raises:
            RuleError: pySigma refuses the rule.
        """
        try:
            return SigmaCorrelationRule.from_dict(copy.deepcopy(dict(self.definition)))
        except SigmaError as error:
            raise RuleError.at(self.path, f"pySigma refuses it: {error}") from error
