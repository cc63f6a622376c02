"""From bytes to text: damage ends a stream instead of raising, encodings show in their mark, lines end with LF only."""

from __future__ import annotations

import codecs
import io
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol

from unissued.logs.compression import ZstdError

MAX_LINE = 16 << 20
"""Longest line, cell or embedded value, in bytes."""
HEAD = 64 << 10
CHUNK = 256 << 10
FREE_OUTPUT = 16 << 20
MAX_RATIO = 250
"""Records differ at least in their ids, so that honest logs stay well below this."""

_SCARCE = 4 << 20
# One letter outside the basic plane makes Python keep four bytes for every letter of the text.
_WIDE = re.compile(rb"[\xf0-\xf4]")
DAMAGE = (
    EOFError, OSError, ValueError, RuntimeError, zlib.error, ZstdError, zipfile.BadZipFile, tarfile.TarError,
)  # fmt: skip
"""What libraries raise over bytes that are not what they should be."""

Stop = Callable[[], bool]


class UnopenedError(Exception):
    """The file as a whole cannot be read; the message says why and what to do."""


class StoppedError(Exception):
    """The user wants no more."""


class Readable(Protocol):
    """What a source is read from."""

    def read(self, size: int, /) -> bytes:
        """Return at most so many bytes, none at the end."""
        ...


@dataclass(slots=True)
class Budget:
    """How much a file on disk may unpack to, all its containers and layers together."""

    packed: int
    unpacked: int = 0
    spent: str = ""
    """Why nothing more is unpacked."""

    def spend(self, size: int) -> str:
        """Take note of unpacked bytes; a reason to stop when they are too many."""
        self.unpacked += size
        if self.unpacked > max(FREE_OUTPUT, MAX_RATIO * self.packed):
            self.spent = (
                f"unpacks to more than {MAX_RATIO} times its size: not read on; unpack it yourself if you trust it"
            )
        return self.spent

    def check(self, size: int) -> None:
        """Raise ``UnopenedError`` where so many bytes would be too many."""
        if reason := Budget(self.packed, self.unpacked).spend(size):
            raise UnopenedError(reason)


class Source(io.RawIOBase):
    """A stream that ends where it is damaged, where its budget is spent, or raises where the user stops it."""

    def __init__(self, stream: Readable, budget: Budget, stop: Stop | None = None, *, unpacks: bool = False) -> None:
        self._take = getattr(stream, "read1", stream.read)
        self._budget = budget
        self._stop = stop
        self._unpacks = unpacks
        self.cut = ""
        """Why the bytes ended earlier than promised."""

    def readable(self) -> bool:
        """Return that this can be read."""
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        """Fill the target as far as there are bytes, so that damage costs nothing that came before it."""
        filled = 0
        while filled < len(target) and not self.cut:
            if self._stop is not None and self._stop():
                raise StoppedError
            try:
                data = self._take(min(len(target) - filled, CHUNK))
            except DAMAGE as error:
                self.cut = self._budget.spent or _damage(error)
                break
            if not data:
                break
            target[filled : filled + len(data)] = data
            filled += len(data)
            if self._unpacks:
                self.cut = self._budget.spend(len(data))
        return filled


def _damage(error: Exception) -> str:
    if isinstance(error, zipfile.BadZipFile) and "CRC" in str(error):
        return "the compressed data is damaged: its check sum is wrong"
    if isinstance(error, ZstdError) and "memory" in str(error):
        return "compressed with a window too large for this reader; compress it without --long"
    if isinstance(error, OSError) and error.strerror:
        return f"cannot be read any further: {error.strerror}"
    if isinstance(error, tarfile.TarError):
        return "the archive ends early or is damaged"
    return "the compressed data ends early or is damaged"


@dataclass(slots=True)
class Opened:
    """A file whose text can be read once, from the beginning."""

    content: io.BufferedReader
    """UTF-8 with LF at the end of lines, bad bytes included."""
    head: str
    """Its first characters, without taking them from ``content``."""
    source: Source

    @property
    def cut(self) -> str:
        """Why the text ended earlier than the file promised; empty when it did not."""
        return self.source.cut

    def lines(self) -> Iterator[str | None]:
        """Lines with their line end; None for a line over ``MAX_LINE``, which is passed over."""
        while line := self.content.readline(MAX_LINE + 1):
            if not is_too_long(line):
                yield line.decode("utf-8", "surrogateescape")
                continue
            while line and not line.endswith(b"\n"):
                line = self.content.readline(CHUNK)
            yield None

    def chunks(self) -> Iterator[str]:
        """The text, in pieces of bounded length."""
        decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
        while data := self.content.read(CHUNK):
            yield decoder.decode(data)
        if rest := decoder.decode(b"", final=True):
            yield rest


def is_too_long(line: bytes) -> bool:
    """Whether a line is longer than any that is read."""
    return len(line) > MAX_LINE or (len(line) > _SCARCE and _WIDE.search(line) is not None)


def open_text(content: io.BufferedReader, source: Source) -> Opened:
    """Make text of a stream that holds no container any more.

    Raises ``UnopenedError`` for binary data.
    """
    head = content.peek(HEAD)[:HEAD]
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        content = io.BufferedReader(_Recoded(content, codecs.getincrementaldecoder("utf-16")("replace")), HEAD)
        head = content.peek(HEAD)[:HEAD]
    # A letter can be cut by the end of the head; elsewhere bad bytes cost the record that holds them, not the file.
    shown = head.decode("utf-8", "replace")
    if "\x00" in shown:
        raise UnopenedError("binary data, no text (a UTF-16 file needs its byte-order mark)")
    # Old Mac line ends are the only ones in such a file; anywhere else a lone CR is content.
    if "\r" in shown and "\n" not in shown:
        content = io.BufferedReader(_Recoded(content, None), HEAD)
    return Opened(content, shown, source)


class _Recoded(io.RawIOBase):
    """UTF-16 as UTF-8, or CR as LF where there is no decoder."""

    def __init__(self, content: io.BufferedReader, decoder: codecs.IncrementalDecoder | None) -> None:
        self._content = content
        self._decoder = decoder
        self._rest = b""

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        while not self._rest:
            data = self._content.read(HEAD)
            self._rest = self._recode(data)
            if not data:
                break
        taken, self._rest = self._rest[: len(target)], self._rest[len(target) :]
        target[: len(taken)] = taken
        return len(taken)

    def _recode(self, data: bytes) -> bytes:
        if self._decoder is None:
            return data.replace(b"\r", b"\n")
        return self._decoder.decode(data, final=not data).encode("utf-8", "replace")
