"""What lies in a file: one text, or the members of archives, down to a depth. Nothing is written where it would stay.

Content decides, never a name. Names of members are shown and never used as paths; links are named and not followed.
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, BinaryIO

from unissued.logs.archives import MEMORY, Archive, archive_of
from unissued.logs.compression import decompressed
from unissued.logs.opening import CHUNK, DAMAGE, HEAD, Budget, Readable, Source, Stop, UnopenedError

MAX_LAYERS = 4
"""Containers around a log, gzip and tar of a .tar.gz counted as two."""
MAX_MEMBERS = 10_000
MAX_SPOOL = 4 << 30
"""Most bytes of an archive inside another that are set aside, in an unnamed temporary file."""

_UNREAD = {b"BZh": "compressed with bzip2", b"\xfd7zXZ\x00": "compressed with xz"}


@dataclass(slots=True)
class Part:
    """A stream that is no container any more, under the name that reports show."""

    name: str
    content: io.BufferedReader
    source: Source
    path: Path | None
    """Where the same bytes lie on disk; None for what came out of a container."""
    is_parquet: bool


@dataclass(slots=True)
class Wrapping:
    """A container, after its members: what kind it is, and what was not got out of it."""

    name: str
    kind: str
    members: int = 0
    notes: list[str] = field(default_factory=list)
    partial: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Unopened:
    """Something that cannot be read, with the reason and what to do."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Opener:
    """What all layers of one file have in common."""

    raw: BinaryIO
    budget: Budget
    stop: Stop | None

    def buffered(self, stream: Readable, *, unpacks: bool) -> tuple[io.BufferedReader, Source]:
        source = Source(stream, self.budget, self.stop, unpacks=unpacks)
        return io.BufferedReader(source, HEAD), source


def unpack(name: str, raw: BinaryIO, path: Path, size: int, stop: Stop | None) -> Iterator[Part | Wrapping | Unopened]:
    """Everything in a file on disk; each part is to be read before the next one is asked for."""
    opener = _Opener(raw, Budget(size), stop)
    content, source = opener.buffered(raw, unpacks=False)
    yield from _layer(name, content, source, opener, 0, path)


def _layer(
    name: str, content: io.BufferedReader, source: Source, opener: _Opener, depth: int, path: Path | None
) -> Iterator[Part | Wrapping | Unopened]:
    start = content.peek(512)[:512]
    unread = next((words for magic, words in _UNREAD.items() if start.startswith(magic)), "")
    archive, stream = archive_of(start), decompressed(content)
    if unread:
        yield Unopened(name, f"{unread}, which is not read; unpack it first")
    elif depth == MAX_LAYERS and (archive or stream):
        yield Unopened(name, f"more than {MAX_LAYERS} containers around one another; unpack the outer ones first")
    elif archive:
        yield from _members(name, content, source, opener, depth, archive)
    elif stream is not None:
        inner, within = opener.buffered(stream, unpacks=True)
        yield from _layer(name, inner, within, opener, depth + 1, None)
    else:
        yield Part(name, content, source, path, is_parquet=start.startswith(b"PAR1"))


def _members(
    name: str, content: io.BufferedReader, source: Source, opener: _Opener, depth: int, archive: Archive
) -> Iterator[Part | Wrapping | Unopened]:
    wrapping = Wrapping(name, archive.kind)
    links = 0
    try:
        with _file(content, opener, depth, archive) as file, archive.members(file, opener.budget) as members:
            for member in members:
                if wrapping.members == MAX_MEMBERS:
                    wrapping.partial.append(f"more than {MAX_MEMBERS} members: the others were not read")
                    break
                wrapping.members += 1
                shown = f"{name}!{member.name}"
                if member.is_link:
                    links += 1
                elif member.stream is None:
                    yield Unopened(shown, member.problem)
                else:
                    inner, within = opener.buffered(member.stream, unpacks=archive.unpacks)
                    yield from _layer(shown, inner, within, opener, depth + 1, None)
                if opener.budget.spent:
                    break
    except UnopenedError as error:
        yield Unopened(name, str(error))
        return
    except DAMAGE as error:
        damage = f"{archive.kind} that ends early or is damaged ({error})"
        if not wrapping.members:
            yield Unopened(name, source.cut or f"a {damage}")
            return
        wrapping.partial.append(damage)
    if source.cut or opener.budget.spent:
        wrapping.partial.append(source.cut or opener.budget.spent)
    if links:
        wrapping.notes.append(f"{links} members are links or devices, which are not followed")
    yield wrapping


@contextmanager
def _file(content: io.BufferedReader, opener: _Opener, depth: int, archive: Archive) -> Iterator[IO[bytes]]:
    """The archive as a file: the one on disk, or what came out of another container, set aside without a name."""
    if archive.is_stream:
        yield content
        return
    if depth == 0 and opener.raw.seekable():
        opener.raw.seek(0)
        yield opener.raw
        return
    with tempfile.SpooledTemporaryFile(MEMORY) as aside:
        spool(content, aside)
        aside.seek(0)
        yield aside


def spool(content: io.BufferedReader, target: IO[bytes]) -> None:
    """Copy a stream; raises ``UnopenedError`` where it is larger than what is set aside."""
    size = 0
    while data := content.read(CHUNK):
        size += len(data)
        if size > MAX_SPOOL:
            raise UnopenedError(f"a container of more than {MAX_SPOOL >> 30} GiB inside another one; unpack it first")
        target.write(data)


@contextmanager
def spooled(part: Part) -> Iterator[Path]:
    """The part as a file with a path, which libraries ask for; what came out of a container is set aside.

    Raises ``UnopenedError`` where it is larger than what is set aside.
    """
    if part.path is not None and part.path.is_file() and not set("*?[]{}") & set(str(part.path.absolute())):
        yield part.path.absolute()
        return
    with tempfile.NamedTemporaryFile(suffix=".parquet") as aside:
        spool(part.content, aside)
        aside.flush()
        yield Path(aside.name)
