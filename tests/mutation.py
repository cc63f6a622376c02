"""Breaks rules in small ways. A fixture must notice each of them.

``python tests/mutation.py`` tries every mutant of every rule, prints the survivors, and when there are none writes
docs/mutants.md. ``python tests/mutation.py RULE...`` tries those of some rules and writes nothing.

equivalent_mutants.yml holds the mutants that say the same as the rule on every record, with the reason.
"""

from __future__ import annotations

import sys
from collections.abc import Collection, Mapping
from dataclasses import replace

from conftest import ROOT, read_logs, shipped_pack
from mutants import Mutant, mutants
from unissued.errors import PackError
from unissued.files import write_whole
from unissued.pack import Pack, load_document
from unissued.verify import Case, load_cases, notices

EQUIVALENT = ROOT / "tests" / "equivalent_mutants.yml"
REPORT = ROOT / "docs" / "mutants.md"
Equivalents = Mapping[str, str]
"""Name of a mutant -> why nothing can tell it from its rule."""


class Trial:
    """Tries mutants on fixtures; the fixture that noticed the last mutant is asked first."""

    def __init__(self, pack: Pack, cases: Collection[Case]) -> None:
        self._pack = pack
        self._cases: dict[str, list[Case]] = {name: [] for name in pack.rules}
        for case in cases:
            for below in pack.below(pack.rule(case.rule)):
                self._cases[below.name].append(case)
        for name, asked in self._cases.items():
            asked.sort(key=lambda case: (case.rule != name, case.name))

    def survives(self, mutant: Mutant) -> bool:
        """Tell whether no fixture of the rule, or of a rule built on it, notices a mutant."""
        changed = self._changed(mutant)
        asked = self._cases[mutant.rule]
        for index, case in enumerate(asked):
            try:
                noticed = notices(changed, case, read_logs(case.path))
            except PackError:  # nobody could ship such a rule
                noticed = True
            if noticed:
                asked.insert(0, asked.pop(index))
                return False
        return True

    def _changed(self, mutant: Mutant) -> Pack:
        rule = self._pack.rule(mutant.rule)
        body = mutant.definition.get("correlation")
        references = tuple(body["rules"]) if isinstance(body, Mapping) else rule.references
        changed = replace(rule, definition=mutant.definition, references=references)
        return Pack({**self._pack.rules, mutant.rule: changed}, self._pack.catalogue)


def all_mutants(pack: Pack) -> dict[str, list[Mutant]]:
    """Return the mutants of every rule."""
    return {name: mutants(rule) for name, rule in sorted(pack.rules.items())}


def equivalents() -> Equivalents:
    """Read the equivalent mutants."""
    entries = load_document(EQUIVALENT, EQUIVALENT.name).data or []
    if not isinstance(entries, list):
        raise TypeError(f"{EQUIVALENT.name} is no list")
    found: dict[str, str] = {}
    for entry in entries:
        if set(entry) != {"rule", "mutant", "reason"} or not entry["reason"].strip():
            raise ValueError(f"{EQUIVALENT.name}: {entry} needs rule, mutant and reason")
        name = f"{entry['rule']}: {entry['mutant']}"
        if name in found:
            raise ValueError(f"{EQUIVALENT.name}: {name} is there twice")
        found[name] = entry["reason"]
    return found


def unknown(made: Mapping[str, Collection[Mutant]], listed: Equivalents) -> list[str]:
    """Return the listed mutants that no rule has."""
    return sorted(set(listed) - {mutant.name for every in made.values() for mutant in every})


def faults(trial: Trial, tried: Collection[Mutant], listed: Equivalents) -> list[str]:
    """Return what is wrong: a mutant that survives, or one that is listed as equivalent and is noticed."""
    found = []
    for mutant in tried:
        survived = trial.survives(mutant)
        if survived and mutant.name not in listed:
            found.append(f"survives: {mutant.name}")
        elif not survived and mutant.name in listed:
            found.append(f"listed as equivalent, but a fixture notices it: {mutant.name}")
    return found


def report(made: Mapping[str, Collection[Mutant]], listed: Equivalents) -> str:
    """Return docs/mutants.md, as it is when every mutant is killed or listed."""
    rows = []
    for rule, tried in made.items():
        same = sum(mutant.name in listed for mutant in tried)
        rows.append(f"| `{rule}` | {len(tried)} | {len(tried) - same} | {same or ''} |")
    every = sum(map(len, made.values()))
    reasons = [
        f"| `{mutant.rule}` | {_cell(mutant.change)} | {_cell(listed[mutant.name])} |"
        for tried in made.values()
        for mutant in tried
        if mutant.name in listed
    ]
    return _PAGE.format(
        every=every,
        killed=every - len(listed),
        rows="\n".join(rows),
        equivalent="\n".join(["| rule | mutant | why |", "|---|---|---|", *reasons]) if reasons else "None.",
    )


def _cell(text: str) -> str:
    escaped = "".join(f"\\{letter}" if letter in "\\`*_[]<>|~$" else letter for letter in text)
    return " ".join(escaped.split())


_PAGE = """\
# Would a fixture notice?

Generated: do not edit. Write it again with `python tests/mutation.py`.

Each rule is broken in small ways, one at a time: a selection that is always or never true, an item, a value, an
alternative or a filter less, another value, a comparison that is looser (a beginning or an end in place of the whole,
any place in place of the beginning, any letter case), `and` for `or`, a `not` less, one for all, a regular expression
without an anchor or with another count, a threshold shifted by one, a window by a second, a key of a correlation less,
a side of an alias less, a rule of a correlation less, another order. A mutant is killed when a fixture of the rule, or
of a rule built on it, turns red. That says something about the fixtures, and nothing about whether the rule asks for
the right thing.

{every:,} mutants, {killed:,} killed, none survives.

| rule | mutants | killed | equivalent |
|---|---|---|---|
{rows}

## Equivalent mutants

They say the same as the rule on every record that the readers let through, so no fixture can tell them apart.

{equivalent}
"""


def main(names: Collection[str]) -> int:
    """Try the mutants of some rules, or of all; write the report of all."""
    pack = shipped_pack()
    made = all_mutants(pack)
    listed = equivalents()
    tried = [mutant for name in [pack.rule(name).name for name in names] or made for mutant in made[name]]
    found = [f"listed as equivalent, but no such mutant: {name}" for name in unknown(made, listed)]
    found += faults(Trial(pack, load_cases(pack, ROOT / "fixtures")), tried, listed)
    sys.stdout.write("".join(f"{fault}\n" for fault in found))
    sys.stdout.write(f"{len(tried)} mutants, {len(found)} faults\n")
    if not names and not found:
        write_whole(REPORT, report(made, listed))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
