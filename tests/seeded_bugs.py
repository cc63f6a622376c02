"""Bugs put in on purpose, one at a time: the suite has to notice each of them.

``python tests/seeded_bugs.py [WORD]`` copies the project aside, breaks one line, builds, and runs the part of the suite
that should notice. It prints what noticed each bug, and ends with status 1 if one lives.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]
EVALUATOR = ["tests/test_conformance.py", "tests/test_rules.py", "tests/unit/test_evaluate_feeds.py"]
SECOND_JUDGE = ["tests/test_judge.py"]
EXECUTED = ["tests/test_seeded.py"]
MODEL = ["tests/unit/test_spl_execute.py", "tests/unit/test_spl_parse.py"]
KUSTO = ["tests/unit/test_engines_kusto.py"]


@dataclass(frozen=True)
class Bug:
    """One line of the code made wrong."""

    file: str
    old: str
    new: str
    tests: list[str]

    @property
    def name(self) -> str:
        """Where it is, and what it says."""
        return f"{self.file}: {self.old.strip()} -> {self.new.strip()}"


BUGS = [
    # The evaluator
    Bug("evaluate/predicate.py", "all(part.test(event)", "any(part.test(event)", EVALUATOR),
    Bug("evaluate/predicate.py", "not part.test(event)", "part.test(event)", EVALUATOR),
    Bug("evaluate/predicate.py", "any(holds(one) for one", "all(holds(one) for one", EVALUATOR),
    Bug("evaluate/predicate.py", "pattern.fullmatch(fold_text(", "pattern.search(fold_text(", EVALUATOR),
    Bug("evaluate/predicate.py", 'f"(?s:{', 'f"(?:{', EVALUATOR),
    Bug("evaluate/predicate.py", "_text_test(value, lambda text: text)", "_text_test(value, fold)", EVALUATOR),
    Bug("evaluate/predicate.py", '{"LT": lt, "LTE": le,', '{"LT": le, "LTE": le,', EVALUATOR),
    Bug(
        "evaluate/predicate.py", 'getattr(address, "ipv4_mapped", None) or address', "address", SECOND_JUDGE + EVALUATOR
    ),
    Bug(
        "evaluate/correlate.py", "bisect_left(times, time - window)", "bisect_left(times, time - window) + 1", EVALUATOR
    ),
    Bug(
        "evaluate/correlate.py",
        "firing.time - chain[-1].time > window",
        "firing.time - chain[-1].time >= window",
        EVALUATOR,
    ),
    Bug("evaluate/correlate.py", "member.time <= limit]", "member.time < limit]", EVALUATOR),
    Bug(
        "evaluate/correlate.py",
        "abs(member.time - other.time) <= window and",
        "abs(member.time - other.time) < window and",
        EVALUATOR,
    ),
    Bug("evaluate/correlate.py", "event.record.ingested <= by for", "event.record.time <= by for", EVALUATOR),
    Bug("evaluate/correlate.py", "compare(len(set(_values(", "compare(len(list(_values(", EVALUATOR),
    Bug("evaluate/canon.py", 'rstrip("=").replace("+", "-")', 'rstrip("=").lower().replace("+", "-")', EVALUATOR),
    Bug("evaluate/event.py", "_name_of(element) == step.element", "_name_of(element)", EVALUATOR),
    Bug("evaluate/feeds.py", "_ENOUGH = 0.8", "_ENOUGH = 0.79", EVALUATOR),
    Bug(
        "evaluate/feeds.py",
        "bisect_right(self._rows[table].get(hour, ()), judged)",
        "len(self._rows[table].get(hour, ()))",
        EVALUATOR,
    ),
    # The converters
    Bug("convert/kusto.py", '"LTE": "<="', '"LTE": "<"', EXECUTED),
    Bug("convert/kusto.py", 'return f"coalesce({name} > 0, false)"', 'return f"coalesce({name} > 1, false)"', EXECUTED),
    Bug("convert/kusto.py", '"==" if found.cased else "=~"', '"=~"', EXECUTED),
    Bug(
        "convert/kusto.py",
        'coalesce(ipv{network.version}_is_in_range({name}, "{network}"), false))',
        'ipv{network.version}_is_in_range({name}, "{network}"))',
        EXECUTED,
    ),
    Bug("convert/kusto.py", "(isnotempty({name}) and {test})", "({test})", EXECUTED),
    Bug("convert/kusto.py", "{column(known.name)} in~ (", "{column(known.name)} in (", EXECUTED),
    Bug(
        "convert/kql.py",
        "mv-expand Element = iff(array_length({start}) > 0, {start}, dynamic([{nothing}]))",
        "mv-expand Element = {start}",
        EXECUTED,
    ),
    Bug("convert/kql.py", "[iff(isempty(tostring({name}[0])), 1, 0)]", "[0]", EXECUTED),
    Bug("convert/kql_windows.py", "Again - T <= {correlation.span}", "Again - T < {correlation.span}", EXECUTED),
    Bug(
        "convert/kql_windows.py",
        "T - prev(T, {back}) <= {correlation.span}",
        "T - prev(T, {back}) < {correlation.span}",
        EXECUTED,
    ),
    Bug("convert/kql_windows.py", "Next >= T and", "Next > T and", EXECUTED),
    Bug("convert/kql_absence.py", "between ((T - {correlation.span})", "between ((T)", EXECUTED),
    Bug("convert/splunk.py", '"GTE": ">="', '"GTE": ">"', EXECUTED),
    Bug("convert/splunk.py", "isnotnull(mvfilter({test}))", "isnull(mvfilter({test}))", EXECUTED),
    Bug(
        "convert/splunk.py",
        "subject, body = (name, pattern) if found.cased",
        "subject, body = (name, pattern) if True",
        EXECUTED,
    ),
    Bug("convert/splunk.py", "if _NUMERIC.match(text):\n        pattern", "if False:\n        pattern", EXECUTED),
    Bug("convert/spl.py", 'if(len({text})=0 OR substr({text},1,1)="#","#",lower({text}))', "lower({text})", EXECUTED),
    Bug("convert/spl.py", "mvdedup(mvfilter(len({name})>0))", "mvdedup({name})", EXECUTED),
    Bug("convert/spl_windows.py", "window={count} global=f", "window={count} global=t", EXECUTED),
    Bug("convert/spl_windows.py", '"| sort 0 _time, step"', '"| sort 0 _time"', EXECUTED),
    Bug("convert/spl_windows.py", "_time-before>{correlation.seconds}", "_time-before>=0", EXECUTED),
    Bug("convert/tree.py", "decides = kind is ConditionOR", "decides = kind is ConditionAND", EXECUTED),
    Bug("convert/regex.py", '"d": "0-9"', '"d": "1-9"', EXECUTED),
    # The executors
    Bug("engines/kusto.py", '"prev": ("lag({}) OVER ()"', '"prev": ("lead({}) OVER ()"', KUSTO + EXECUTED),
    Bug("engines/kusto.py", "<= getvariable", ">= getvariable", KUSTO + EXECUTED),
    Bug("engines/kusto.py", "if inside.version != family:", "if inside.version == family:", KUSTO + EXECUTED),
    Bug(
        "engines/kusto.py",
        "'\\\\4\\\\3\\\\2\\\\1\\\\6\\\\5\\\\8\\\\7\\\\9'",
        "'\\\\1\\\\2\\\\3\\\\4\\\\5\\\\6\\\\7\\\\8\\\\9'",
        KUSTO + EXECUTED,
    ),
    Bug("engines/kusto.py", 'return "" if value is None else value', "return value", KUSTO + EXECUTED),
    Bug("engines/spl/commands.py", "reverse=key.descending", "reverse=not key.descending", MODEL),
    Bug("engines/spl/commands.py", "seen[key] <= command.count", "seen[key] < command.count", MODEL),
    Bug("engines/spl/windows.py", "while len(window.rows) > size:", "while len(window.rows) >= size:", MODEL),
    Bug("engines/spl/windows.py", "apart = bool(command.window) and not command.shared", "apart = False", MODEL),
    Bug("engines/spl/terms.py", "return lambda row: any(check(row)", "return lambda row: all(check(row)", MODEL),
    Bug("engines/spl/terms.py", "reading).lower() == wanted", "reading) == wanted", MODEL),
    Bug(
        "tables.py",
        "body[table.time[target]] = written or record.time",
        "pass",
        ["tests/unit/test_tables.py", *EXECUTED],
    ),
]


def caught_by(bug: Bug) -> str:
    """Return the first test that notices a bug, or the empty string."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        shutil.copytree(
            ROOT, copy, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache", ".hypothesis", "dist")
        )
        source = copy / "src" / "unissued" / bug.file
        text = source.read_text(encoding="utf-8")
        if text.count(bug.old) < 1:
            raise SystemExit(f"{bug.file} does not hold {bug.old!r}")
        source.write_text(text.replace(bug.old, bug.new, 1), encoding="utf-8")
        env = {**os.environ, "PYTHONPATH": str(copy / "src"), "PYTHONDONTWRITEBYTECODE": "1"}
        # What is generated follows the bug: that a file is stale must not be what gives it away.
        built = subprocess.run([sys.executable, "build.py"], cwd=copy, env=env, capture_output=True, check=False)
        if built.returncode:
            return "build.py"
        command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *bug.tests]
        done = subprocess.run(command, cwd=copy, env=env, capture_output=True, text=True, check=False)
        lines = [line for line in done.stdout.splitlines() if line.startswith(("FAILED", "ERROR"))]
        return (lines or ["an error"])[0] if done.returncode else ""


def survivors(word: str = "") -> Iterator[Bug]:
    """Try every bug whose name holds a word; yield the ones that live."""
    for bug in BUGS:
        if word in bug.name:
            noticed = caught_by(bug)
            sys.stdout.write(f"{'caught' if noticed else 'LIVES '} {bug.name}\n       {noticed}\n")
            sys.stdout.flush()
            if not noticed:
                yield bug


def main() -> int:
    """Try every bug."""
    word = sys.argv[1] if len(sys.argv) > 1 else ""
    alive = list(survivors(word))
    sys.stdout.write(f"{sum(word in bug.name for bug in BUGS)} bugs, {len(alive)} live\n")
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
