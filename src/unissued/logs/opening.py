"""From bytes to lines of text: compression by its first bytes, encodings by their mark, lines split on LF only."""

from __future__ import annotations

import gzip
import io
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

MAX_LINE = 16 << 20
"""Longest line, cell or embedded value, in characters."""
MAX_DOCUMENT = 1 << 30
"""Longest file, in characters, that has to be read as a whole because its JSON is not line by line."""
MAX_UNPACKED_DOCUMENT = 256 << 20
"""The same for a compressed file, which can be small itself."""
HEAD = 64 << 10

_PACKED = {
    b"PK\x03\x04": "a zip archive",
    b"PK\x05\x06": "a zip archive",
    b"7z\xbc\xaf\x27\x1c": "a 7z archive",
    b"\x28\xb5\x2f\xfd": "compressed with zstd",
    b"BZh": "compressed with bzip2",
    b"\xfd7zXZ\x00": "compressed with xz",
    b"PAR1": "a Parquet file",
}


class UnopenedError(Exception):
    """The file as a whole cannot be read as text; the message says why and what to do."""


@dataclass(slots=True)
class Opened:
    """A file whose text can be read once, from the beginning."""

    text: io.TextIOWrapper
    head: str
    """Its first characters, without taking them from ``text``."""
    raw: BinaryIO
    """Underneath; its position tells the progress in bytes of the file."""
    packed: bool
    cut: str = ""
    """Set when the text ended earlier than the file promised."""

    def lines(self) -> Iterator[str | None]:
        """Lines with their line end; None for a line over ``MAX_LINE``, which is passed over."""
        while line := self._readline():
            if len(line) <= MAX_LINE:
                yield line
                continue
            while line and not line.endswith(("\n", "\r")):
                line = self._readline()
            yield None

    def whole(self) -> str:
        """The whole text; raises ``UnopenedError`` when it is too long for that."""
        limit = MAX_UNPACKED_DOCUMENT if self.packed else MAX_DOCUMENT
        parts: list[str] = []
        size = 0
        while part := self._read():
            parts.append(part)
            size += len(part)
            if size > limit:
                raise UnopenedError(f"one JSON document of more than {limit >> 20} MiB; export it as JSON Lines")
        return "".join(parts)

    def _readline(self) -> str:
        return self._guarded(self.text.readline)

    def _read(self) -> str:
        return self._guarded(self.text.read)

    def _guarded(self, take: Callable[[int], str]) -> str:
        try:
            return take(MAX_LINE + 1)
        except (EOFError, gzip.BadGzipFile, zlib.error):
            self.cut = "the compressed data ends early or is damaged"
            return ""


def open_log(path: Path) -> Opened:
    """Open a file for reading as text.

    Raises ``UnopenedError`` for archives, unknown compressions and binary data, and ``OSError`` where the system does.
    """
    raw = path.open("rb")
    try:
        return _open(raw)
    except BaseException:
        raw.close()
        raise


def _open(raw: BinaryIO) -> Opened:
    start = raw.read(8)
    raw.seek(0)
    for magic, words in _PACKED.items():
        if start.startswith(magic):
            raise UnopenedError(f"{words}, which is not read yet; unpack it first")
    content: BinaryIO | gzip.GzipFile = raw
    if start.startswith(b"\x1f\x8b"):
        content = gzip.GzipFile(fileobj=raw)
    buffered = io.BufferedReader(_Peekable(content), HEAD)
    return _as_text(buffered, raw)


class _Peekable(io.RawIOBase):
    """Lets ``BufferedReader`` peek into a gzip stream, keeping what came before damage."""

    def __init__(self, stream: BinaryIO | gzip.GzipFile) -> None:
        self._stream = stream
        self.packed = isinstance(stream, gzip.GzipFile)

    def readable(self) -> bool:
        return True

    def readinto(self, target: memoryview) -> int:  # type: ignore[override]
        data = self._stream.read(len(target))
        target[: len(data)] = data
        return len(data)


def _as_text(content: io.BufferedReader[_Peekable], raw: BinaryIO) -> Opened:
    try:
        head = content.peek(HEAD)[:HEAD]
        cut = ""
    except (EOFError, gzip.BadGzipFile, zlib.error):
        head, cut = b"", "the compressed data ends early or is damaged"
    encoding, errors = _encoding(head)
    shown = head.decode(encoding, "replace")
    if "\x00" in shown:
        raise UnopenedError("binary data, no text (a UTF-16 file needs its byte-order mark)")
    # Old Mac line ends are the only ones in such a file; anywhere else a lone CR is content.
    newline = "\r" if "\r" in shown and "\n" not in shown else "\n"
    text = io.TextIOWrapper(content, encoding=encoding, errors=errors, newline=newline)
    return Opened(text, shown, raw, content.raw.packed, cut)


def _encoding(head: bytes) -> tuple[str, str]:
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16", "replace"
    # Bad bytes become lone surrogates, so that they cost the record that holds them and not the file.
    return "utf-8-sig", "surrogateescape"
