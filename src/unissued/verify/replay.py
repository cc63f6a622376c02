"""Replays fixtures and scenarios through the evaluator and compares with what they ask for."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from unissued.evaluate import Event, Outcome, Verdict, comparable_lists, evaluate, explain
from unissued.health import health
from unissued.logs import Reading
from unissued.pack.load import Pack
from unissued.record import Record
from unissued.verify.fixtures import Case, Scenario


@dataclass(frozen=True)
class Replay:
    """What a case showed: nothing in ``failures`` when it did what its name says."""

    name: str
    failures: tuple[str, ...]


def replay_case(pack: Pack, case: Case, reading: Reading) -> Replay:
    """Replay one fixture file.

    A detection judges every line by itself; a correlation takes the file as one stream.
    """
    failures = [
        f"{problem}\n{_explanation(pack, case, record)}" if record else problem
        for problem, record in _problems(pack, case, reading)
    ]
    return Replay(case.name, tuple(failures))


def notices(pack: Pack, case: Case, reading: Reading) -> bool:
    """Tell whether a fixture file fails; it is replayed no further than to its first failure."""
    return any(True for _ in _problems(pack, case, reading))


def _problems(pack: Pack, case: Case, reading: Reading) -> Iterator[tuple[str, Record | None]]:
    """Yield what is wrong, and the record where it is that of a detection."""
    unusable = _unusable(case.name, reading)
    rule = pack.rule(case.rule)
    if not unusable and reading.count.duplicates and not rule.is_correlation:
        unusable = (f"{case.name}: {reading.count.duplicates} lines repeat another: give them ids of their own",)
    yield from ((problem, None) for problem in unusable)
    if unusable:
        return
    if rule.is_correlation:
        outcome = evaluate(pack, reading.records, case.given, [case.rule])[case.rule]
        yield from ((problem, None) for problem in _stream_failures(case, outcome))
        return
    for record in reading.records:
        outcome = evaluate(pack, [record], case.given, [case.rule])[case.rule]
        if wrong := _line_failure(case, outcome):
            yield f"{case.name}:{record.origin.line}: {wrong}", record


def _unusable(name: str, reading: Reading) -> tuple[str, ...]:
    """Return what of a file was not used: a line that nobody judged would look like one that did not fire."""
    failures = [f"{name}:{refusal.line}: refused: {refusal.reason}" for refusal in reading.refusals]
    if reading.count.skipped:
        failures.append(f"{name}: {reading.count.skipped} lines are of no log source that rules read")
    if not reading.records:
        failures.append(f"{name}: the file has no usable record")
    return tuple(failures)


def _line_failure(case: Case, outcome: Outcome) -> str:
    match case.verdict:
        case "hit":
            return "" if outcome.matches else f"must fire, but is {outcome.verdict}"
        case "miss":
            return "must not fire, but does" if outcome.matches else ""
        case "gap":
            return "this blind spot is detected now: rename the file to hit" if outcome.matches else ""
    return "" if outcome.verdict is Verdict.NOT_EVALUATED else f"must not be evaluated, but is {outcome.verdict}"


def _stream_failures(case: Case, outcome: Outcome) -> list[str]:
    if case.verdict == "hit" and len(outcome.matches) != case.times:
        questions = "; ".join(f"{question.reason}: {question.detail}" for question in outcome.unjudged)
        return [f"{case.name}: must fire {case.times} times, fires {len(outcome.matches)} times {questions}".rstrip()]
    wrong = _line_failure(case, outcome)
    return [f"{case.name}: {wrong}"] if wrong else []


def _explanation(pack: Pack, case: Case, record: Record) -> str:
    lists = comparable_lists(pack.catalogue, case.given.lists)
    return explain(pack.rule(case.rule), Event(record, pack.catalogue.sources[record.source]), lists)


def replay_scenario(pack: Pack, scenario: Scenario, reading: Reading) -> Replay:
    """Replay one scenario with all rules."""
    failures = list(_unusable(scenario.name, reading))
    outcomes = evaluate(pack, reading.records, scenario.given)
    for name, outcome in outcomes.items():
        fired = len(outcome.matches)
        if name in scenario.must:
            if fired != scenario.must[name]:
                failures.append(f"{scenario.name}: {name} must fire {scenario.must[name]} times, fires {fired} times")
        elif fired and (name in scenario.silent or (scenario.others_silent and pack.rules[name].level)):
            failures.append(f"{scenario.name}: {name} must be silent, fires {fired} times")
    if scenario.health is not None:
        found = [f"{one.check.name}: {one.said()}" for one in health(pack, reading.records, scenario.given, outcomes)]
        missing = [line for line in scenario.health if line not in found]
        failures += [f"{scenario.name}: health must say: {line}" for line in missing]
        failures += [f"{scenario.name}: health must not say: {line}" for line in found if line not in scenario.health]
    return Replay(scenario.name, tuple(failures))
