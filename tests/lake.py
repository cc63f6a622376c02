"""What the tests of DuckDB and of Spark share: fixtures and scenarios, judged there and by the evaluator."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from conftest import ROOT, read_logs, shipped_pack
from unissued.evaluate import Given, Match, Outcome, comparable_lists, evaluate
from unissued.lake import Engine, found_records, load_lists, load_records, microseconds, outcomes, prepare
from unissued.pack import Pack
from unissued.record import Record
from unissued.sql import RECORDS, Script, Setting, script
from unissued.verify import load_cases, load_scenarios

FIXTURES = ROOT / "fixtures"


@dataclass
class Case:
    """Records, what they are judged with, and by which rules."""

    name: str
    given: Given
    rules: tuple[str, ...]
    records: list[Record] = field(default_factory=list)
    first: int = 0
    """``rid`` of the first record, where all cases lie in one table."""


def fixture_cases(pack: Pack) -> list[Case]:
    """Every fixture file. Lines of detections stand for themselves, so those with the same lists are one case."""
    cases: list[Case] = []
    together: dict[str, Case] = {}
    for one in load_cases(pack, FIXTURES):
        records = read_logs(one.path).records
        if pack.rule(one.rule).is_correlation or one.given.measured:
            cases.append(Case(one.name, one.given, (one.rule,), list(records)))
            continue
        lists = repr(sorted((name, sorted(entries)) for name, entries in one.given.lists.items()))
        case = together.setdefault(lists, Case(f"detections from {one.name} on", Given(lists=one.given.lists), ()))
        case.rules = tuple(dict.fromkeys((*case.rules, one.rule)))
        case.records.extend(records)
    return [*together.values(), *cases]


def scenario_cases(pack: Pack) -> list[Case]:
    """Every scenario, with all rules."""
    return [
        Case(one.name, one.given, tuple(pack.rules), list(read_logs(one.path).records))
        for one in load_scenarios(pack, FIXTURES / "_scenarios")
    ]


def setting(engine: Engine, given: Given) -> Setting:
    now = None if given.now is None else microseconds(given.now)
    return Setting(engine.dialect, given.measured, now, given.rows_last_week)


class Bench:
    """All cases in one table, its views made once; each case then sees its own part."""

    def __init__(self, engine: Engine, cases: Sequence[Case]) -> None:
        self.engine, self.pack = engine, shipped_pack()
        self._written: dict[str, Script] = {}
        records: list[Record] = []
        for case in cases:
            case.first = len(records)
            records.extend(case.records)
        load_records(engine, records)
        whole = script(setting(engine, Given()), self.pack, self.pack.rules.values())
        prepare(engine, whole)
        self.tables = [RECORDS, *whole.views]
        for table in self.tables:
            engine.keep(f"all_{table}", f"SELECT * FROM {table}")

    def differences(self, case: Case) -> Iterator[str]:
        """Yield what only one of the two says."""
        written = self._script(case)
        last = case.first + len(case.records) - 1
        for table in {RECORDS, *written.views}:
            self.engine.view(table, f"SELECT * FROM all_{table} WHERE rid BETWEEN {case.first} AND {last}")
        load_lists(self.engine, comparable_lists(self.pack.catalogue, case.given.lists))
        records = dict(enumerate(case.records, case.first))
        found = outcomes(self.pack, written, found_records(self.engine, written), records)
        wanted = evaluate(self.pack, case.records, case.given, case.rules)
        yield from compared(case.name, wanted, found, written, case.records)

    def _script(self, case: Case) -> Script:
        wanted = setting(self.engine, case.given)
        key = repr((wanted, case.rules))
        if key not in self._written:
            self._written[key] = script(wanted, self.pack, map(self.pack.rule, case.rules))
        return self._written[key]


def compared(
    name: str, wanted: Mapping[str, Outcome], found: Mapping[str, Outcome], written: Script, records: Iterable[Record]
) -> Iterator[str]:
    """Yield where two sets of outcomes differ: in matches, their groups, the records under them, or in questions."""
    numbers = {id(record): number for number, record in enumerate(records)}
    for rule, outcome in wanted.items():
        if rule in written.refused:
            continue
        one, other = said(outcome, numbers), said(found[rule], numbers)
        yield from (f"{name}: {rule}: only the evaluator says {what}" for what in sorted(one - other))
        yield from (f"{name}: {rule}: only the engine says {what}" for what in sorted(other - one))


def said(outcome: Outcome, numbers: Mapping[int, int]) -> set[str]:
    """An outcome as a set of sentences."""
    sentences = {
        f"{match.time:%F %T} {sorted(match.group.items())} by {sorted(_under(match, numbers))}"
        for match in outcome.matches
    }
    return sentences | {f"{one.reason} {one.detail} {one.records} {one.first} {one.last}" for one in outcome.unjudged}


def _under(match: Match, numbers: Mapping[int, int]) -> set[tuple[str, int]]:
    if match.event is not None:
        return {(match.rule, numbers[id(match.event.record)])}
    return {item for below in match.because for item in _under(below, numbers)}
