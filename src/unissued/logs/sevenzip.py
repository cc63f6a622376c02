"""7z archives, through py7zr (extra ``7z``)."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import IO

import py7zr
from py7zr.exceptions import ArchiveError
from py7zr.io import Py7zIO, WriterFactory

from unissued.logs.archives import ENCRYPTED, MAX_DIRECTORY, Member, writable
from unissued.logs.opening import Budget, UnopenedError


class _Book(Py7zIO):
    """One member on the shelf; py7zr writes it from its beginning to its end."""

    def __init__(self, name: str, shelf: _Shelf) -> None:
        self.name = name
        self._shelf = shelf
        self.start = shelf.aside.tell()
        self.length = 0

    def write(self, s: bytes | bytearray) -> int:
        self._shelf.budget.check(len(s))
        self._shelf.budget.spend(len(s))
        self._shelf.aside.write(s)
        self.length += len(s)
        return len(s)

    def read(self, size: int | None = None) -> bytes:  # noqa: ARG002 - py7zr's interface
        return b""

    def seek(self, offset: int, whence: int = 0) -> int:  # noqa: ARG002 - py7zr's interface
        return 0

    def flush(self) -> None:
        pass

    def size(self) -> int:
        return self.length


class _Shelf(WriterFactory):
    """Puts one member after the other into one file."""

    def __init__(self, aside: IO[bytes], budget: Budget) -> None:
        self.aside = aside
        self.budget = budget
        self.books: list[_Book] = []

    def create(self, filename: str) -> Py7zIO:
        self.books.append(_Book(filename, self))
        return self.books[-1]


class _Slice:
    """The bytes of one member."""

    def __init__(self, book: _Book, aside: IO[bytes]) -> None:
        self._aside = aside
        self._at = book.start
        self._end = book.start + book.length

    def read(self, size: int, /) -> bytes:
        self._aside.seek(self._at)
        data = self._aside.read(min(size, self._end - self._at))
        self._at += len(data)
        return data


def set_aside(file: IO[bytes], aside: IO[bytes], budget: Budget) -> Iterator[Member]:
    """Unpack the members into one unnamed file, and yield them.

    Raises ``UnopenedError`` for archives that are encrypted, damaged or too large.
    """
    _check_header(file)
    shelf = _Shelf(aside, budget)
    try:
        with py7zr.SevenZipFile(file) as archive:
            if archive.needs_password():
                raise UnopenedError(f"a 7z archive, {ENCRYPTED}")
            members = [info for info in archive.list() if not info.is_directory]
            links = [info.filename for info in members if info.is_symlink]
            files = [info.filename for info in members if not info.is_symlink]
            # py7zr unpacks up to 128 MB at once, but never more than the archive says: so that is asked first.
            budget.check(sum(info.uncompressed for info in members))
            if files:
                archive.extract(targets=files, factory=shelf)
    except (ArchiveError, OSError, EOFError, ValueError, LookupError, TypeError) as error:
        raise UnopenedError(f"a 7z archive that is damaged ({error})") from error
    yield from (Member(writable(name), is_link=True) for name in links)
    for book in shelf.books:
        yield Member(writable(book.name), _Slice(book, aside))


def _check_header(file: IO[bytes]) -> None:
    start = file.read(32)
    file.seek(0)
    if len(start) < 32 or struct.unpack_from("<Q", start, 20)[0] > MAX_DIRECTORY:
        raise UnopenedError("a 7z archive that is damaged, or has too many members")
