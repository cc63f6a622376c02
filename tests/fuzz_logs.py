"""Thousands of damaged exports: nothing crashes, nothing hangs, and the sum of every file balances.

    python tests/fuzz_logs.py --variants 10000 --seed 1

Each variant is drawn from its own number, so that one that fails can be made again: ``--only NUMBER``.
"""

from __future__ import annotations

import argparse
import gzip
import io
import random
import signal
import sys
import tarfile
import tempfile
import time
import zipfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from types import FrameType

from conftest import shipped_pack
from exported import EXPORTS
from unissued.errors import LogError
from unissued.logs import Reading, RefusedFile, read, source_map

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

SECONDS = 30
"""A variant has some kilobytes: what takes so long hangs, however busy the machine is."""

BASE = [content for export in EXPORTS.values() for content in export.files.values()]
_PIECES = (
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b",",
    b"\n",
    b"\r\n",
    b"\x00",
    b"\xff",
    b"\\",
    b"\\ud800",
    b"NaN",
    b"@{",
    b"\xef\xbb\xbf",
)
Damage = Callable[[random.Random, bytes], bytes]


def _cut(chance: random.Random, content: bytes) -> bytes:
    return content[: chance.randrange(len(content) + 1)]


def _flip(chance: random.Random, content: bytes) -> bytes:
    changed = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        if changed:
            changed[chance.randrange(len(changed))] ^= 1 << chance.randrange(8)
    return bytes(changed)


def _splice(chance: random.Random, content: bytes) -> bytes:
    other = chance.choice(BASE)
    return content[: chance.randrange(len(content) + 1)] + other[chance.randrange(len(other)) :]


def _repeat(chance: random.Random, content: bytes) -> bytes:
    start = chance.randrange(len(content) + 1)
    piece = content[start : start + chance.randint(1, 400)]
    return content[:start] + piece * chance.randint(2, 5) + content[start:]


def _insert(chance: random.Random, content: bytes) -> bytes:
    start = chance.randrange(len(content) + 1)
    return content[:start] + chance.choice(_PIECES) * chance.randint(1, 3) + content[start:]


def _drop(chance: random.Random, content: bytes) -> bytes:
    start = chance.randrange(len(content) + 1)
    return content[:start] + content[start + chance.randint(1, 40) :]


def _recode(chance: random.Random, content: bytes) -> bytes:
    encoding = chance.choice(("utf-16", "utf-16-le", "utf-8-sig", "utf-32", "cp1252", "utf-7"))
    return content.decode("utf-8", "replace").encode(encoding, "replace")


def _zip(content: bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("a.json"), content)
        archive.writestr(zipfile.ZipInfo("b.csv"), BASE[0])
    return out.getvalue()


def _tar(content: bytes) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as archive:
        info = tarfile.TarInfo("a.json")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return out.getvalue()


DAMAGES: tuple[Damage, ...] = (_cut, _flip, _splice, _repeat, _insert, _drop, _recode)
CONTAINERS: tuple[Callable[[bytes], bytes], ...] = (
    lambda content: gzip.compress(content, mtime=0),
    zstd.compress,
    _zip,
    _tar,
    lambda content: gzip.compress(_tar(content), mtime=0),
)


def variant(seed: int, number: int) -> bytes:
    """One damaged export; half of them in a container, of which half are damaged outside as well."""
    chance = random.Random(f"{seed}/{number}")  # noqa: S311 - drawn from a fixed number
    content = chance.choice(BASE)
    for _ in range(chance.randint(1, 3)):
        content = chance.choice(DAMAGES)(chance, content)
    if chance.random() < 0.5:
        content = chance.choice(CONTAINERS)(content)
        if chance.random() < 0.5:
            content = chance.choice((_cut, _flip, _insert, _drop))(chance, content)
    return content


def _hang(_number: int, _frame: FrameType | None) -> None:
    raise TimeoutError(f"more than {SECONDS} s")


def check(content: bytes, folder: Path) -> str:
    """Read one variant and hold its books; one word for what became of it."""
    path, sources = folder / "variant", source_map(shipped_pack().catalogue)
    path.write_bytes(content)
    out = io.StringIO()
    try:
        result = read([path], sources, refused=RefusedFile(out))
    except LogError:
        return "no log"
    _balance(result, out.getvalue().count("\n"))
    return "partial" if result.partial else "whole" if result.records else "nothing used"


def _balance(result: Reading, written: int) -> None:
    for report in result.files:
        assert report.count.balanced, report
        if report.count.read == 0:
            assert report.partial or report.notes or report.shape == "not a log", report
    count = result.count
    assert count.used == len(result.records)
    assert sum(refusal.line > 0 for refusal in result.refusals) == count.refused
    assert written == len(result.refusals)
    assert count.refused == 0 or result.partial
    for text in (*result.partial, *(refusal.reason for refusal in result.refusals)):
        text.encode()


def fuzz(numbers: range | list[int], seed: int) -> Counter[str]:
    """Check the variants of these numbers; what became of them."""
    found: Counter[str] = Counter()
    before = signal.signal(signal.SIGALRM, _hang)
    try:
        with tempfile.TemporaryDirectory() as folder:
            for number in numbers:
                signal.alarm(SECONDS)
                try:
                    found[check(variant(seed, number), Path(folder))] += 1
                except Exception as error:
                    raise AssertionError(f"variant {number} of seed {seed}: {error!r}") from error
                finally:
                    signal.alarm(0)
    finally:
        signal.signal(signal.SIGALRM, before)
    return found


def main() -> None:
    """Check many variants and print what became of them."""
    parser = argparse.ArgumentParser(description="Damaged exports, read.")
    parser.add_argument("--variants", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--only", type=int, help="Only the variant of this number.")
    given = parser.parse_args()
    numbers = range(given.variants) if given.only is None else [given.only]
    start = time.monotonic()
    found = fuzz(numbers, given.seed)
    words = ", ".join(f"{number} {word}" for word, number in sorted(found.items()))
    sys.stdout.write(f"{sum(found.values())} variants in {time.monotonic() - start:.0f} s: {words}\n")


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    main()
