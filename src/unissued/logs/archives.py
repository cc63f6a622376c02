"""Archives: zip, tar and 7z. Their members are streams; nothing is unpacked to a path."""

from __future__ import annotations

import stat
import struct
import tarfile
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import IO

from unissued.logs.opening import Budget, Readable, UnopenedError

MEMORY = 4 << 20
"""What is set aside goes to an unnamed file on disk beyond this."""
MAX_DIRECTORY = 2 << 20
"""Longest directory of an archive and longest header of a member: both are read into memory."""

_ZIP_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2)
ENCRYPTED = "encrypted; unpack it first"
_EXTENDED = (
    tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK, tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.SOLARIS_XHDTYPE,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Member:
    """A member that is no folder: a stream, a link (or device), or the reason why it cannot be read."""

    name: str
    stream: Readable | None = None
    is_link: bool = False
    problem: str = ""


Members = Callable[[IO[bytes], Budget], AbstractContextManager[Iterator[Member]]]


@dataclass(frozen=True, slots=True)
class Archive:
    """A kind of archive."""

    kind: str
    members: Members
    unpacks: bool
    """Whether reading a member spends the budget."""
    is_stream: bool = False
    """Whether it is read from its beginning to its end, so that it need not be a file."""


@contextmanager
def _zip(file: IO[bytes], _budget: Budget) -> Iterator[Iterator[Member]]:
    if _directory_size(file) > MAX_DIRECTORY:
        raise UnopenedError("a zip archive with too many members; unpack it first")
    with zipfile.ZipFile(file) as archive:
        yield (_zipped(archive, info) for info in archive.infolist() if not info.is_dir())


def _directory_size(file: IO[bytes]) -> int:
    """How long the directory at the end says it is; a longer one would be in memory before anybody could count."""
    size = file.seek(0, 2)
    file.seek(max(0, size - (1 << 16) - 100))
    tail = file.read()
    file.seek(0)
    large, small = tail.rfind(b"PK\x06\x06"), tail.rfind(b"PK\x05\x06")
    found = 0
    if small >= 0 and len(tail) >= small + 16:
        (found,) = struct.unpack_from("<I", tail, small + 12)
    if large >= 0 and len(tail) >= large + 48:
        found = max(0 if found == 0xFFFFFFFF else found, struct.unpack_from("<Q", tail, large + 40)[0])
    return found


def _zipped(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> Member:
    name = writable(info.filename)
    if stat.S_ISLNK(info.external_attr >> 16):
        return Member(name, is_link=True)
    if info.flag_bits & 1:
        return Member(name, problem=ENCRYPTED)
    if info.compress_type not in _ZIP_METHODS:
        return Member(name, problem="compressed by a method that is not read; unpack it first")
    try:
        return Member(name, archive.open(info))
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, OSError, ValueError) as error:
        return Member(name, problem=f"a damaged member of a zip archive ({error})")


class _TarInfo(tarfile.TarInfo):
    """Refuses headers that would be read into memory whatever their length."""

    @classmethod
    def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> _TarInfo:
        info = super().frombuf(buf, encoding, errors)
        if info.type in _EXTENDED and info.size > MAX_DIRECTORY:
            raise tarfile.ReadError("a header of excessive length")
        return info


@contextmanager
def _tar(file: IO[bytes], _budget: Budget) -> Iterator[Iterator[Member]]:
    with tarfile.open(fileobj=file, mode="r|", tarinfo=_TarInfo) as archive:
        yield (_tarred(archive, info) for info in archive if not info.isdir())


def _tarred(archive: tarfile.TarFile, info: tarfile.TarInfo) -> Member:
    name = writable(info.name)
    if not info.isfile():
        return Member(name, is_link=True)
    if info.issparse():
        return Member(name, problem="a sparse file in a tar archive; unpack it first")
    return Member(name, archive.extractfile(info))


@contextmanager
def _seven(file: IO[bytes], budget: Budget) -> Iterator[Iterator[Member]]:
    try:
        from unissued.logs.sevenzip import set_aside
    except ImportError as error:
        raise UnopenedError("a 7z archive, for which py7zr is needed: pip install 'unissued[7z]'") from error
    with tempfile.SpooledTemporaryFile(MEMORY) as aside:
        yield iter(set_aside(file, aside, budget))


_KINDS = {
    b"PK\x03\x04": Archive("zip archive", _zip, unpacks=True),
    b"PK\x05\x06": Archive("zip archive", _zip, unpacks=True),
    b"7z\xbc\xaf\x27\x1c": Archive("7z archive", _seven, unpacks=False),
}
_TAR = Archive("tar archive", _tar, unpacks=False, is_stream=True)


def archive_of(start: bytes) -> Archive | None:
    """What kind of archive begins with these 512 bytes."""
    if start[257:262] == b"ustar":
        return _TAR
    return next((archive for magic, archive in _KINDS.items() if start.startswith(magic)), None)


def writable(name: str) -> str:
    """A member's name as text that can be written, whatever its bytes."""
    return name.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
