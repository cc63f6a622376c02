"""The targets of unissued for sigma-cli. pySigma registers every backend class that it finds in this module.

Nothing of unissued is imported before a rule is converted: a plugin that fails on import hides all others.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, ClassVar

from sigma.collection import SigmaCollection
from sigma.conversion import base as _base
from sigma.correlations import SigmaCorrelationRule
from sigma.rule import SigmaRule

if TYPE_CHECKING:
    from unissued.convert.plugin import Backend

__all__ = ["UnissuedKustoBackend", "UnissuedSplunkBackend"]

_Callback = Callable[[SigmaRule | SigmaCorrelationRule, str | None, int, Any, Any], Any]


class _Exact:
    """What both backends do: hand everything to the converters."""

    identifier: ClassVar[str]
    targets: ClassVar[tuple[str, ...]]
    """Values of the pipeline's state ``target`` that the backend can write."""
    formats: ClassVar[dict[str, str]] = {
        "default": "Query with its head: what it needs, and how often to run it",
        "query": "Query without the head",
    }
    requires_pipeline: ClassVar[bool] = True
    correlation_methods: ClassVar[dict[str, str] | None] = {
        "sliding": "Windows that end at a match and reach back, both ends included"
    }
    default_correlation_method: ClassVar[str] = "sliding"

    def convert(
        self: Backend,
        rule_collection: SigmaCollection,
        output_format: str | None = None,
        correlation_method: str | None = None,
        callback: _Callback | None = None,
    ) -> Any:
        """Convert the rules of a collection that nobody refers to, or refuse them with the reasons."""
        from unissued.convert.plugin import convert_collection

        return convert_collection(self, rule_collection, output_format, correlation_method, callback)

    def convert_rule(
        self: Backend, rule: SigmaRule, output_format: str | None = None, callback: _Callback | None = None
    ) -> list[Any]:
        """Convert one rule that needs no other."""
        return list(self.convert(SigmaCollection([rule]), output_format, callback=callback))

    def convert_correlation_rule(
        self: Backend,
        rule: SigmaCorrelationRule,
        output_format: str | None = None,
        method: str | None = None,
        callback: _Callback | None = None,
    ) -> list[Any]:
        """Convert one correlation, whose references are resolved."""
        return list(self.convert(SigmaCollection([*rule.flatten_rules(), rule]), output_format, method, callback))


class UnissuedKustoBackend(_Exact, _base.TextQueryBackend):
    """KQL for Microsoft Sentinel and Defender XDR."""

    name: ClassVar[str] = "Kusto by unissued: Microsoft Sentinel, Defender XDR; exact or refused"
    identifier: ClassVar[str] = "unissued_kusto"
    targets: ClassVar[tuple[str, ...]] = ("sentinel", "defender")


class UnissuedSplunkBackend(_Exact, _base.TextQueryBackend):
    """SPL for Splunk."""

    name: ClassVar[str] = "Splunk by unissued: exact or refused"
    identifier: ClassVar[str] = "unissued_splunk"
    targets: ClassVar[tuple[str, ...]] = ("splunk",)
