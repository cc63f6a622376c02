"""Writing files whole or not at all."""

from __future__ import annotations

import io
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO


def write_whole(path: Path, content: str | bytes | Iterable[str]) -> None:
    """Write bytes, or text or its parts as UTF-8, so that no reader ever sees half of it.

    Raises:
        OSError: the file cannot be written; what was there before is still there.
    """
    with _aside(path) as file:
        for part in (content,) if isinstance(content, str | bytes) else content:
            file.write(part.encode("utf-8") if isinstance(part, str) else part)


@contextmanager
def whole(path: Path) -> Iterator[TextIO]:
    """A file for UTF-8 text with LF at the end of lines, put into place when the block ends without an error.

    Raises:
        OSError: the file cannot be written; what was there before is still there.
    """
    with _aside(path) as file:
        text = io.TextIOWrapper(file, encoding="utf-8", newline="\n")
        yield text
        text.flush()
        text.detach()


@contextmanager
def _aside(path: Path) -> Iterator[BinaryIO]:
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=".unissued-")
    try:
        with os.fdopen(handle, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(aside).chmod(0o644)
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
