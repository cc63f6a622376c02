"""Measures the hunt beside what bounds it: each engine in a process of its own, in turns, medians, ratios.

    python benchmarks/speed.py FOLDER --records 100000 --rounds 3 --machine "two shared cores" --date 2026-11-25

FOLDER takes the generated export. Figures are CPU time for each record, processes that were started included.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from pathlib import Path

from generate import write

_LINES = "for line in open(path, 'rb'): {}"
_PLAIN = {
    "read lines": ("pass", "pass"),
    "orjson.loads": ("import orjson; take = orjson.loads", "take(line)"),
    "pysimdjson, parse only": ("import simdjson; take = simdjson.Parser().parse", "take(line)"),
    "msgspec, skip everything": (
        "import msgspec; take = msgspec.json.Decoder(msgspec.defstruct('Line', [('zzz', object, None)])).decode",
        "take(line)",
    ),
}
_END = """
import json, resource
own, others = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
cpu = sum(one.ru_utime + one.ru_stime for one in (own, others))
print(json.dumps([cpu, time.perf_counter() - begin, max(own.ru_maxrss, others.ru_maxrss) / 1024]))
"""
_HUNT = """
from unissued.cli import main
sys.argv = ["unissued", "hunt", path, "--quiet", "--format", "json", "-o", path + ".json", *{arguments!r}]
try:
    main()
except SystemExit:
    pass
"""


def program(name: str, path: Path, lists: dict[str, Path]) -> str:
    """Return the program that does one thing to the export."""
    head = f"import sys, time; begin = time.perf_counter(); path = {str(path)!r}\n"
    if name in _PLAIN:
        before, each = _PLAIN[name]
        return head + before + "\n" + _LINES.format(each) + _END
    given = [word for name_, file in lists.items() for word in ("--list", f"{name_}={file}")]
    engine, jobs = {"fast": ("fast", "1"), "fast, two processes": ("fast", "2"), "reference": ("reference", "1")}[name]
    return head + _HUNT.format(arguments=[*given, "--engine", engine, "--jobs", jobs]) + _END


def measure(name: str, path: Path, lists: dict[str, Path]) -> tuple[float, float, float]:
    """Return CPU seconds, wall seconds and megabytes at most."""
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", program(name, path, lists)], capture_output=True, text=True, check=True
    )
    cpu, wall, memory = json.loads(done.stdout.splitlines()[-1])
    return cpu, wall, memory


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--machine", default="")
    parser.add_argument("--date", default="")
    parser.add_argument("--reference", action="store_true", help="the reference too, which takes long")
    given = parser.parse_args()
    path = given.folder / f"mail-{given.records}.ndjson"
    lists = write(path, given.records)
    names = [*_PLAIN, "fast", "fast, two processes", *(["reference"] if given.reference else [])]
    found: dict[str, list[tuple[float, float, float]]] = {name: [] for name in names}
    for _ in range(given.rounds):
        for name in names:
            found[name].append(measure(name, path, lists))
    medians = {name: [statistics.median(column) for column in zip(*rows, strict=True)] for name, rows in found.items()}
    cpu, wall, _ = medians["orjson.loads"]
    print(f"{given.records} records, {path.stat().st_size} bytes; {given.machine}; {given.date}\n")
    print("| engine | CPU µs a record | × orjson, CPU | × orjson, elapsed | peak MB of a process |")
    print("|---|---|---|---|---|")
    for name, (used, elapsed, memory) in medians.items():
        row = (f"{used / given.records * 1e6:.1f}", f"{used / cpu:.2f}", f"{elapsed / wall:.2f}", f"{memory:.0f}")
        print(f"| {name} | {' | '.join(row)} |")


if __name__ == "__main__":
    main()
