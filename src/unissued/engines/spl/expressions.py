"""Eval expressions, compiled to functions of a row (Search Reference: eval, where)."""

from __future__ import annotations

import operator
from collections.abc import Callable
from dataclasses import dataclass
from typing import cast

from unissued.engines.spl.function import Getter, Test
from unissued.engines.spl.functions import FUNCTIONS
from unissued.engines.spl.tree import Call, Constant, Expression, FieldValue, Operation
from unissued.engines.spl.values import (
    ARITHMETIC,
    Reading,
    Row,
    Single,
    Value,
    any_value,
    comparer,
    number,
    numeric,
    rounded,
    significant,
    single,
    text_of,
)


@dataclass(frozen=True, slots=True)
class Compiler:
    """Compiles expressions; the parser has made sure that values and tests stand where they may."""

    reading: Reading
    now: float

    def value(self, expression: Expression) -> Getter:
        """Compile an expression that gives a value."""
        match expression:
            case Constant(value=constant):
                return lambda _: constant
            case FieldValue(name=name):
                return lambda row: row.get(name)
            case Call(name=name):
                return FUNCTIONS[name].make(self, expression)
            case Operation(operator="."):
                return self._concatenation(expression)
            case Operation(operator="-", operands=(_,)):
                return self._negative(expression)
            case Operation(operator="+"):
                return self._plus(expression)
        return self._arithmetic(expression)

    def test(self, expression: Expression) -> Test:
        """Compile an expression that is true, false or null."""
        match expression:
            case Call(name=name):
                return cast("Test", FUNCTIONS[name].make(self, expression))
            case Operation(operator="NOT", operands=(inner,)):
                return _inverse(self.test(inner))
            case Operation(operator="AND", operands=operands):
                return _all([self.test(part) for part in operands])
            case Operation(operator="OR", operands=operands):
                return _any([self.test(part) for part in operands])
            case Operation(operator="XOR", operands=operands):
                return _odd([self.test(part) for part in operands])
            case Operation(operator=sign, operands=(left, right)):
                return self._comparison(sign, left, right)
        raise AssertionError(f"{expression} is no test")

    def _comparison(self, sign: str, left: Expression, right: Expression) -> Test:
        first, second, reading = self.value(left), self.value(right), self.reading
        compare = comparer(sign, reading)

        def run(row: Row) -> bool | None:
            one, other = first(row), second(row)
            if one is None or other is None:
                return None
            if isinstance(one, tuple) or isinstance(other, tuple):
                return any_value(one, lambda a: any_value(other, lambda b: compare(a, b), reading), reading)
            return compare(one, other)

        return run

    def _concatenation(self, expression: Operation) -> Getter:
        getters, reading, place = [self.value(part) for part in expression.operands], self.reading, expression.place

        def run(row: Row) -> Value | None:
            texts: list[str] = []
            for getter in getters:
                value = getter(row)
                if value is None:
                    return None
                texts.append(
                    value if isinstance(value, str) else text_of(single(value, "concatenation", place), reading)
                )
            return "".join(texts)

        return run

    def _negative(self, expression: Operation) -> Getter:
        (inner,) = (self.value(part) for part in expression.operands)

        def run(row: Row) -> Value | None:
            value = inner(row)
            found = None if value is None else numeric(single(value, "arithmetic", expression.place))
            return None if found is None else number(-found)

        return run

    def _plus(self, expression: Operation) -> Getter:
        """``+`` accepts two numbers for addition, or two texts for concatenation."""
        first, second = (self.value(part) for part in expression.operands)
        reading, place = self.reading, expression.place

        def run(row: Row) -> Value | None:
            left, right = first(row), second(row)
            if left is None or right is None:
                return None
            one, other = single(left, "arithmetic", place), single(right, "arithmetic", place)
            both_texts = isinstance(one, str) and isinstance(other, str)
            if not (both_texts and reading is Reading.TEXT):
                augend, addend = numeric(one), numeric(other)
                if augend is not None and addend is not None:
                    return number(augend + addend)
            if both_texts or reading is Reading.TEXT:
                return text_of(one, reading) + text_of(other, reading)
            return None

        return run

    def _arithmetic(self, expression: Expression) -> Getter:
        if not isinstance(expression, Operation):
            raise AssertionError(f"{expression} is no value")
        left, right = expression.operands
        first, second, place = self.value(left), self.value(right), expression.place
        apply = ARITHMETIC[expression.operator]
        rounds = self.reading is Reading.TEXT and expression.operator in "*/"
        least = _precision(left, right) if rounds else None

        def run(row: Row) -> Value | None:
            one, other = first(row), second(row)
            if one is None or other is None:
                return None
            x, y = numeric(single(one, "arithmetic", place)), numeric(single(other, "arithmetic", place))
            if x is None or y is None:
                return None
            result = apply(x, y)
            if least and (digits := least(cast("Single", one), cast("Single", other))) and result == result:
                result = rounded(result, digits)
            return number(result)

        return run


def _precision(left: Expression, right: Expression) -> Callable[[Single, Single], int | None]:
    """Return the function that says how many significant digits a product or quotient has.

    "The precision of the results can be no greater than the precision of the least-precise input": of what is written
    with a decimal point, in the search or in a field; whole numbers are exact.
    """
    known = [part.digits if isinstance(part, Constant) else None for part in (left, right)]

    def least(*values: Single) -> int | None:
        digits = [
            significant(value) if isinstance(value, str) else written
            for value, written in zip(values, known, strict=True)
        ]
        return min((count for count in digits if count is not None), default=None)

    return least


def _inverse(test: Test) -> Test:
    def run(row: Row) -> bool | None:
        truth = test(row)
        return None if truth is None else not truth

    return run


def _all(tests: list[Test]) -> Test:
    def run(row: Row) -> bool | None:
        result: bool | None = True
        for test in tests:
            truth = test(row)
            if truth is False:
                return False
            if truth is None:
                result = None
        return result

    return run


def _any(tests: list[Test]) -> Test:
    def run(row: Row) -> bool | None:
        result: bool | None = False
        for test in tests:
            truth = test(row)
            if truth:
                return True
            if truth is None:
                result = None
        return result

    return run


def _odd(tests: list[Test]) -> Test:
    def run(row: Row) -> bool | None:
        result = False
        for test in tests:
            truth = test(row)
            if truth is None:
                return None
            result = operator.xor(result, truth)
        return result

    return run
