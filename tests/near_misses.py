"""Writes near misses for comparisons that would be too loose: a value that only begins or ends like the wanted one.

``python tests/near_misses.py RULE...`` takes a hit of each rule, makes one value of it longer, and adds the record to
``miss_longer_values.jsonl`` when a looser rule would fire on it (mutants.py) and no fixture notices that yet. The rule
has no say in it: a value that only begins like the wanted one is not the wanted one. Read what it wrote.
"""

from __future__ import annotations

import json
import sys
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from ipaddress import ip_address
from pathlib import Path
from tempfile import TemporaryDirectory

from conftest import ROOT, read_logs, shipped_pack
from mutants import Mutant
from mutation import Trial, all_mutants
from unissued.evaluate import Event, comparable_lists, compile_rule
from unissued.pack import Pack, Rule
from unissued.verify import Case, load_cases

_STEM = "miss_longer_values"
_NAMES = "https://github.com/unissued/fixtures"


def longer(value: str, kind: str, *, at_the_end: bool) -> str:
    """Return a value that is longer at one end, or the empty string if none has the form of its type."""
    if kind != "ip":
        return f"{value}Later" if at_the_end else f"Not{value}"
    for digit in "123456789":
        changed = f"{value}{digit}" if at_the_end else f"{digit}{value}"
        try:
            return str(ip_address(changed))
        except ValueError:
            continue
    return ""


def candidates(rule: Rule, mutant: Mutant, hits: list[Case]) -> Iterator[str]:
    """Yield lines of hits in which one value is longer, as the mutant's change asks for it."""
    item, _, modifier = mutant.change.partition(" with ")[2].rpartition(" as ")
    field, _, exact = item.partition("|")
    at_the_end = modifier == "startswith" or exact.startswith("endswith")
    for case in hits:
        for record in read_logs(case.path).records:
            line = case.path.read_text("utf-8").splitlines()[record.origin.line - 1]
            event = Event(record, next(source for source in rule.sources if source.key == record.source))
            for value in map(str, event.values(field)):
                changed = longer(value, event.source.fields[field].type, at_the_end=at_the_end)
                if changed and json.dumps(value) in line:
                    yield line.replace(json.dumps(value), json.dumps(changed))


def write(pack: Pack, rule: Rule, cases: list[Case], folder: Path) -> int:
    """Write what a rule lacks, and return how many records that were."""
    trial = Trial(pack, cases)
    path = folder / rule.name / f"{_STEM}.jsonl"
    hits = [case for case in cases if case.rule == rule.name and case.verdict == "hit"]
    # The new file has no given.yml of its own, so its lines are judged as those of other such files.
    alike = (case for case in cases if case.rule == rule.name and not _own_given(case).exists())
    given = next(alike, hits[0]).given
    lists = comparable_lists(pack.catalogue, given.lists)
    lines = path.read_text("utf-8").splitlines() if path.exists() else []
    before = len(lines)
    for mutant in all_mutants(pack)[rule.name]:
        if mutant.change.endswith((" as startswith", " as endswith", " as contains")) and trial.survives(mutant):
            loose = replace(rule, definition=mutant.definition)
            for line in candidates(rule, mutant, hits):
                if _fires(loose, line, lists) and not _fires(rule, line, lists):
                    lines.append(_with_id(line, f"{rule.name}/{_STEM}:{len(lines) + 1}"))
                    break
    if lines:
        path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return len(lines) - before


def _own_given(case: Case) -> Path:
    return case.path.with_name(f"{case.path.stem}.given.yml")


def _fires(rule: Rule, line: str, lists: Mapping[str, frozenset[str]]) -> bool:
    with TemporaryDirectory() as folder:
        probe = Path(folder) / "probe.jsonl"
        probe.write_text(line + "\n", encoding="utf-8")
        records = read_logs(probe).records
    node = compile_rule(rule, lists)
    sources = {source.key: source for source in rule.sources}
    return any(record.source in sources and node.test(Event(record, sources[record.source])) for record in records)


def _with_id(line: str, name: str) -> str:
    record = json.loads(line)
    key = next((key for key in ("Id", "id", "RequestId") if key in record), None)
    if key is None:
        return line
    return line.replace(json.dumps(record[key]), json.dumps(str(uuid.uuid5(uuid.NAMESPACE_URL, f"{_NAMES}/{name}"))))


def main(names: list[str]) -> None:
    """Write near misses for some rules."""
    pack = shipped_pack()
    cases = load_cases(pack, ROOT / "fixtures")
    for name in names:
        rule = pack.rule(name)
        written = 0 if rule.is_correlation else write(pack, rule, cases, ROOT / "fixtures")
        sys.stdout.write(f"{name}: {written} records\n")


if __name__ == "__main__":
    main(sys.argv[1:])
