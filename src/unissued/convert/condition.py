"""What both query languages have in common when a condition becomes an expression over canonical columns."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import ClassVar

from sigma.conditions import ConditionAND, ConditionFieldEqualsValueExpression, ConditionNOT, ConditionOR
from sigma.conversion.base import TextQueryBackend
from sigma.conversion.state import ConversionState
from sigma.types import (
    SigmaExists,
    SigmaExpansion,
    SigmaFieldReference,
    SigmaNull,
    SigmaString,
)

from unissued.convert.tree import Tree
from unissued.convert.value import is_list, number_of, text_of
from unissued.errors import UnsupportedError
from unissued.pack import Field


class ExactCondition(TextQueryBackend):
    """Replaces every comparison of a pySigma backend by one that is exact; languages fill in their own words.

    To be named before the backend among the bases, so that nothing of the backend's own comparisons is left.
    """

    parenthesize = True
    or_word: ClassVar[str]
    not_form: ClassVar[str]
    """Template of a negation, with ``{test}``."""

    def __init__(self, fields: Mapping[str, Field]) -> None:
        super().__init__()
        self.fields = fields

    def expression(self, condition: Tree) -> str:
        """Return the expression."""
        return str(self.convert_condition(condition, ConversionState()))

    def decide_convert_condition_as_in_expression(
        self,
        cond: ConditionOR | ConditionAND,
        state: ConversionState,  # noqa: ARG002
    ) -> bool:
        """Tell whether an ``or`` is a list: plain texts or plain numbers of one field."""
        return is_list(cond)

    def convert_condition_as_in_expression(self, cond: ConditionOR | ConditionAND, state: ConversionState) -> str:  # noqa: ARG002
        """Write an ``or`` over plain values of one field as a list."""
        leaves = [arg for arg in cond.args if isinstance(arg, ConditionFieldEqualsValueExpression)]
        known = self.fields[leaves[0].field]
        values = [leaf.value for leaf in leaves]
        if known.type == "time":
            return self._joined([self._leaf(known, value) for value in values])
        if known.type == "int":
            return self._any(known, self._one_of_numbers(known, [number_of(known, value) for value in values]))
        texts = [text_of(value).text for value in values if isinstance(value, SigmaString)]
        if len(texts) < len(values):
            raise UnsupportedError.at(known.name, "compares text with a number", "put the value in quotes")
        return self._any(known, self._one_of_texts(known, texts))

    def convert_condition_not(self, cond: ConditionNOT, state: ConversionState) -> str:
        """Write a negation; every comparison is true or false, so nothing is lost."""
        return self.not_form.format(test=self.convert_condition(cond.args[0], state))

    def convert_condition_field_eq_val(self, cond: ConditionFieldEqualsValueExpression, state: ConversionState) -> str:  # noqa: ARG002
        """Write one comparison."""
        return self._leaf(self.fields[cond.field], cond.value)

    def _joined(self, tests: Sequence[str]) -> str:
        return f" {self.or_word} ".join(f"({test})" for test in tests)

    def _leaf(self, known: Field, value: object) -> str:
        match value:
            case SigmaExpansion(values=values):
                return f"({self._joined([self._leaf(known, item) for item in values])})"
            case SigmaNull():
                return self._presence(known, wanted=False)
            case SigmaExists(exists=wanted):
                return self._presence(known, wanted=wanted)
            case SigmaFieldReference():
                return self._equal_fields(known, self._referenced(known, value))
        return self._any(known, self._test(known, value))

    def _referenced(self, known: Field, value: SigmaFieldReference) -> Field:
        other = self.fields[value.field]
        whole = not (value.starts_with or value.ends_with or known.many or other.many)
        if not whole or {known.type, other.type} & {"int", "time"}:
            hint = "two text fields of one value, whole values"
            raise UnsupportedError.at(known.name, f"cannot be compared with field {other.name}", hint)
        return other

    def _must_be_text(self, known: Field, what: str) -> None:
        if known.type in ("int", "time"):
            raise UnsupportedError.at(known.name, f"has type {known.type} and cannot be compared with {what}")

    @abstractmethod
    def _any(self, known: Field, test: str) -> str:
        """Return a test, or for a field with several values the test that one of them meets it."""

    @abstractmethod
    def _presence(self, known: Field, *, wanted: bool) -> str:
        """Return the test that a field has a value, or that it has none."""

    @abstractmethod
    def _equal_fields(self, known: Field, other: Field) -> str:
        """Return the test that two text fields have the same value, which is not missing."""

    @abstractmethod
    def _one_of_numbers(self, known: Field, numbers: Sequence[int]) -> str:
        """Return the test that a value is one of several numbers."""

    @abstractmethod
    def _one_of_texts(self, known: Field, texts: Sequence[str]) -> str:
        """Return the test that a value is one of several texts, without letter case."""

    @abstractmethod
    def _test(self, known: Field, value: object) -> str:
        """Return the test of one value, of any other kind."""
