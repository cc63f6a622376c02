"""Bombs: a child with room for 64 MiB more than it has after its imports reads them all to a clear message."""

from __future__ import annotations

import gzip
import io
import json
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from conftest import ROOT
from exported import CORES, lines

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

MIB = 1 << 20
GOOD = lines(CORES[0])
FOREIGN = b'{"Workload":"SharePoint","Operation":"%s"}\n' % (b"x" * 50_000)
HEADER = b"RecordId,CreationDate,RecordType,AuditData\n"
CHILD = """
import json, resource, sys
from datetime import timedelta
from pathlib import Path
from unissued.errors import LogError
from unissued.logs import SourceMap, SourceTables, read

names = ("Id", "Operation", "CreationTime", "RecordType", "Workload", "UserId")
sources = SourceMap({"m365/exchange": SourceTables(timedelta(minutes=75), {"x": {name: name for name in names}})})
size = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (size + (64 << 20),) * 2)
for name in sys.argv[1:]:
    try:
        result = read([Path(name)], sources)
    except LogError as error:
        said = {"count": [0, 0, 0, 0, 0], "partial": str(error)}
    except MemoryError:
        said = {"count": [-1], "partial": "MemoryError"}
    else:
        count = result.count
        numbers = [count.read, count.used, count.duplicates, count.refused, count.skipped]
        reasons = [*result.partial, *(refusal.reason for refusal in result.refusals)]
        said = {"count": numbers, "partial": "; ".join(reasons)[:2000]}
    print(json.dumps({"name": Path(name).name, **said}), flush=True)
"""


def in_gzip(block: bytes, size: int) -> bytes:
    """So many bytes of the block, packed as gzip members one after the other."""
    return gzip.compress(block * max(1, MIB // len(block))) * (size // MIB)


def in_zstd(block: bytes, size: int) -> bytes:
    return zstd.compress(block * (MIB // len(block))) * (size // MIB)


def long_name(size: int) -> bytes:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.GNUTYPE_LONGNAME, size
    return gzip.compress(info.tobuf(tarfile.GNU_FORMAT)) + in_gzip(b"n", size)


def in_zip(block: bytes, size: int) -> bytes:
    out = io.BytesIO()
    with (
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("x.json", "w", force_zip64=True) as member,
    ):
        for _ in range(size // MIB):
            member.write(block * (MIB // len(block)))
    return out.getvalue()


def members(number: int) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for one in range(number):
            archive.writestr(f"{one:060}", b"")
    return out.getvalue()


def window() -> bytes:
    out = io.BytesIO()
    with zstd.open(out, "wb", options={zstd.CompressionParameter.window_log: 27}) as file:
        file.write(FOREIGN * 10)
    return out.getvalue()


def bombs(size: int) -> Iterator[tuple[str, list[bytes], str]]:
    """Name, pieces of the content, and a word of what must be said of it."""
    filler = [b"a" * MIB] * (size // MIB)
    fields = "".join(f',"f{number}":{number}' for number in range(10**6)).encode()
    half = b'{"Workload":"Exchange"'
    yield "line", [GOOD, b'{"a":"', *filler, b'"}\n', GOOD], "line longer than 16 MiB"
    yield "element", [b'[{"a":"', *filler, b'"}]'], "a value longer than 16 MiB"
    yield "envelope", [b'{"value":[{"a":"', *filler, b'"}]}'], "a value longer than 16 MiB"
    yield "member", [b'{"x":"', *filler, b'","value":[]}'], "a value longer than 16 MiB"
    yield "cell", [HEADER, b'1,2,3,"', *filler, b'"\n1,2,3,\n'], "line longer than 16 MiB"
    yield "quote", [HEADER, b'1,2,3,"', *((b"a" * (64 << 10) + b"\n") * 16 for _ in filler)], "not closed"
    yield (
        "letters",
        [b'[{"a":"', *["\U0001f600".encode() * (MIB // 4)] * len(filler), b'"}]'],
        "a value longer than 16 MiB",
    )
    yield "brackets", [b'[{"a":', b"[" * 10**6], "nested deeper than 64"
    yield "braces", [b'{"a":\n' * 10**6], "nested deeper than 64"
    yield "fields", [half, fields, b"}\n", GOOD], "more than 200000 values"
    yield "fields_in_array", [b"[", half, fields, b"}]"], "more than 200000 values"
    yield "gzip", [in_gzip(FOREIGN, size)], "unpacks to more than 250 times"
    yield "gzip_of_gzip", [gzip.compress(in_gzip(FOREIGN, size))], "unpacks to more than 250 times"
    yield "zip", [in_zip(FOREIGN, size)], "unpacks to more than 250 times"
    yield "zip_of_zeros", [in_zip(b"\0", size)], "no log in it"
    yield "zip_of_members", [members(30_000)], "too many members"
    yield "tar_header", [long_name(size)], "excessive length"
    yield "zstd", [in_zstd(FOREIGN, size)], "unpacks to more than 250 times"
    yield "zstd_window", [window()], "a window too large"


def explode(folder: Path, size: int) -> None:
    expected: dict[str, str] = {}
    for name, pieces, sign in bombs(size):
        expected[name] = sign
        with (folder / name).open("wb") as file:
            file.writelines(pieces)
    command = [sys.executable, "-c", CHILD, *(str(folder / name) for name in expected)]
    environment = {"PYTHONPATH": str(ROOT / "src"), "PATH": ""}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    said = {found["name"]: found for found in map(json.loads, done.stdout.splitlines())}
    assert said.keys() == expected.keys()
    for name, sign in expected.items():
        assert sign in said[name]["partial"], (name, said[name])
    assert said["line"]["count"] == [3, 1, 1, 1, 0]
    assert said["cell"]["count"] == [2, 0, 0, 2, 0]
    assert said["fields"]["count"] == [2, 1, 0, 1, 0]


@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a child as Linux does")
def test_bombs_of_many_megabytes_are_read_in_64_mib(tmp_path: Path) -> None:
    explode(tmp_path, 80 * MIB)


@pytest.mark.full
@pytest.mark.skipif(sys.platform != "linux", reason="limits the memory of a child as Linux does")
def test_bombs_of_a_gigabyte_are_read_in_64_mib(tmp_path: Path) -> None:
    explode(tmp_path, 1024 * MIB)
