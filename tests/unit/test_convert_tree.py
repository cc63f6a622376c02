"""What is left of a condition in a log source, and the operations that a record must have."""

from __future__ import annotations

import random
from fnmatch import fnmatchcase

from sigma.conditions import ConditionAND, ConditionFieldEqualsValueExpression, ConditionNOT, ConditionOR
from sigma.types import SigmaExists, SigmaNull, SigmaString

from unissued.convert.tree import Tree, fields_of, necessary, specialise

Leaf = ConditionFieldEqualsValueExpression
Record = dict[str, str]


def leaf(field: str, value: str) -> Leaf:
    return Leaf(field, SigmaString(value))


def holds(node: Tree | bool, record: Record) -> bool:
    """The meaning of the few shapes that these tests draw."""
    match node:
        case bool():
            return node
        case ConditionNOT(args=[arg]):
            return not holds(arg, record)  # type: ignore[arg-type]
        case ConditionAND(args=args):
            return all(holds(arg, record) for arg in args)  # type: ignore[arg-type]
        case ConditionOR(args=args):
            return any(holds(arg, record) for arg in args)  # type: ignore[arg-type]
    assert isinstance(node, ConditionFieldEqualsValueExpression)
    found = record.get(node.field, "")
    match node.value:
        case SigmaNull():
            return not found
        case SigmaExists(exists=wanted):
            return bool(found) is wanted
    return bool(found) and fnmatchcase(found.lower(), str(node.value).lower())


def random_tree(rng: random.Random, depth: int = 3) -> Tree:
    kind = rng.choice(["leaf", "and", "or", "not"]) if depth else "leaf"
    if kind == "leaf":
        value: SigmaString | SigmaNull | SigmaExists = SigmaString(rng.choice(["a", "b", "a*", "*b", "ab"]))
        value = rng.choice([value, value, value, SigmaNull(), SigmaExists(rng.random() < 0.5)])
        return Leaf(rng.choice(["Operation", "X", "Y"]), value)
    if kind == "not":
        return ConditionNOT([random_tree(rng, depth - 1)])
    parts = [random_tree(rng, depth - 1) for _ in range(rng.choice([2, 3]))]
    return ConditionAND([*parts]) if kind == "and" else ConditionOR([*parts])


def records(rng: random.Random) -> list[Record]:
    values = ["", "a", "b", "ab", "A", "xb", "c"]
    return [{name: rng.choice(values) for name in ("Operation", "X", "Y")} for _ in range(25)]


def test_absent_fields_are_missing_and_nothing_else_changes() -> None:
    rng = random.Random(20230711)  # noqa: S311 - the same trees at every run
    for _ in range(2000):
        tree = random_tree(rng)
        had = {name for name in ("Operation", "X", "Y") if rng.random() < 0.6}
        left = specialise(tree, had.__contains__)
        assert isinstance(left, bool) or set(fields_of(left)) <= had
        for record in records(rng):
            seen = {name: value for name, value in record.items() if name in had}
            assert holds(left, seen) == holds(tree, seen)


def test_a_prefilter_never_loses_a_record() -> None:
    rng = random.Random(7)  # noqa: S311 - the same trees at every run
    found = 0
    for _ in range(2000):
        tree = random_tree(rng)
        needed = necessary(tree, "Operation")
        if needed is None:
            continue
        found += 1
        for record in records(rng):
            if holds(tree, record):
                operation = record["Operation"].lower()
                assert any(
                    operation.startswith(one.text.lower()) if one.open else operation == one.text.lower()
                    for one in needed
                )
    assert found > 200


def test_constants_are_folded() -> None:
    tree = ConditionOR([ConditionAND([leaf("A", "1"), leaf("B", "2")]), leaf("C", "3")])
    assert specialise(tree, {"A", "B"}.__contains__) == ConditionAND([leaf("A", "1"), leaf("B", "2")])
    assert specialise(tree, {"A"}.__contains__) is False
    assert specialise(ConditionNOT([tree]), set[str]().__contains__) is True
    assert specialise(Leaf("A", SigmaNull()), set[str]().__contains__) is True
    assert specialise(Leaf("A", SigmaExists(False)), set[str]().__contains__) is True
    assert specialise(Leaf("A", SigmaExists(True)), set[str]().__contains__) is False
