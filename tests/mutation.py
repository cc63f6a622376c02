"""Breaks rules in small ways. A fixture must notice each of them.

``python tests/mutation.py`` prints the number of mutants and the survivors.
"""

from __future__ import annotations

import copy
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from conftest import ROOT, read_logs, shipped_pack
from unissued.errors import PackError
from unissued.pack import Pack, Rule
from unissued.verify import Case, load_cases, replay_case

ALWAYS = [{"Id|exists": True}, {"Id|exists": False}]
NEVER = {"Id|exists": True, "Id|contains": "no record has an id like this"}
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}


@dataclass(frozen=True)
class Mutant:
    """A rule with one thing changed."""

    rule: str
    change: str
    definition: Mapping[str, Any]

    @property
    def name(self) -> str:
        return f"{self.rule}: {self.change}"


def mutants(rule: Rule) -> Iterator[Mutant]:
    """Yield every mutant of a rule: conditions deleted, values deleted, thresholds and windows shifted by one."""
    if rule.is_correlation:
        yield from _correlation_mutants(rule)
        return
    for selection in _selections(rule.definition):
        yield _changed(rule, f"{selection} is always true", selection, ALWAYS)
        yield _changed(rule, f"{selection} is never true", selection, NEVER)
        body = rule.definition["detection"][selection]  # type: ignore[index]
        for change, smaller in _smaller(body):
            yield _changed(rule, f"{selection} without {change}", selection, smaller)


def _selections(definition: Mapping[str, Any]) -> list[str]:
    return [name for name in definition["detection"] if name != "condition"]


def _changed(rule: Rule, change: str, selection: str, body: object) -> Mutant:
    definition = copy.deepcopy(dict(rule.definition))
    definition["detection"][selection] = body  # type: ignore[index]
    return Mutant(rule.name, change, definition)


def _smaller(body: Any) -> Iterator[tuple[str, object]]:
    """Yield a selection with one item, one value or one alternative less."""
    if isinstance(body, list):
        for index, part in enumerate(body):
            if len(body) > 1:
                yield f"alternative {index + 1}", body[:index] + body[index + 1 :]
            for change, smaller in _smaller(part):
                yield f"alternative {index + 1}, {change}", [*body[:index], smaller, *body[index + 1 :]]
        return
    for item, value in body.items():
        if len(body) > 1:
            yield item, {key: kept for key, kept in body.items() if key != item}
        if isinstance(value, list) and len(value) > 1:
            for one in value:
                yield f"{item}: {one}", {**body, item: [kept for kept in value if kept != one]}


def _correlation_mutants(rule: Rule) -> Iterator[Mutant]:
    definition: Mapping[str, Any] = rule.definition
    body: dict[str, Any] = definition["correlation"]

    def mutant(change: str, **changes: object) -> Mutant:
        return Mutant(rule.name, change, {**rule.definition, "correlation": {**copy.deepcopy(body), **changes}})

    seconds = int(body["timespan"][:-1]) * _UNITS[body["timespan"][-1]]
    for shift in (-1, 1):
        yield mutant(f"timespan {shift:+} s", timespan=f"{seconds + shift}s")
    condition = body.get("condition")
    if isinstance(condition, dict):
        for key in set(condition) - {"field"}:
            for shift in (-1, 1):
                yield mutant(f"{key} {shift:+}", condition={**condition, key: condition[key] + shift})
    if isinstance(condition, str):
        for name in body["rules"][1:]:
            kept = [other for other in body["rules"] if other != name]
            yield mutant(f"without {name}", rules=kept, condition=condition.replace(f" and not {name}", ""))
    elif rule.judge:
        yield mutant("in the other order", rules=body["rules"][::-1])
        yield Mutant(rule.name, "without the judge", {key: kept for key, kept in definition.items() if key != "judge"})
    elif len(body["rules"]) > 1:
        yield mutant("in the other order", rules=body["rules"][::-1])
        yield mutant("in any order", type="temporal")


def survives(pack: Pack, mutant: Mutant, cases: list[Case]) -> bool:
    """Tell whether no fixture of the rule, or of a rule built on it, notices a mutant."""
    rules = dict(pack.rules)
    references = rules[mutant.rule].references
    body = mutant.definition.get("correlation")
    if isinstance(body, Mapping):
        references = tuple(body["rules"])
    rules[mutant.rule] = replace(rules[mutant.rule], definition=mutant.definition, references=references)
    changed = Pack(rules, pack.catalogue)
    for case in cases:
        if mutant.rule in {rule.name for rule in pack.below(pack.rule(case.rule))}:
            try:
                if replay_case(changed, case, read_logs(case.path)).failures:
                    return False
            except PackError:
                return False
    return True


def main() -> int:
    """Try every mutant of every rule."""
    pack = shipped_pack()
    cases = load_cases(pack, ROOT / "fixtures")
    tried = [mutant for rule in pack.rules.values() for mutant in mutants(rule)]
    survivors = [mutant for mutant in tried if survives(pack, mutant, cases)]
    sys.stdout.write("".join(f"survives: {mutant.name}\n" for mutant in survivors))
    sys.stdout.write(f"{len(tried)} mutants, {len(survivors)} survivors\n")
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
