"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO


def write_whole(path: Path, text: str) -> None:
    """Write UTF-8 text aside, then put it into place, so that no reader ever sees half of it.

    Raises:
        OSError: the file cannot be written; what was there before is still there.
    """
    with whole(path) as file:
        file.write(text)


@contextmanager
def whole(path: Path) -> Iterator[TextIO]:
    """A file for UTF-8 text with LF at the end of lines, put into place when the block ends without an error.

    Raises:
        OSError: the file cannot be written; what was there before is still there.
    """
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=".unissued-")
    try:
        with os.fdopen(handle, "w", encoding="utf-8", newline="\n") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        Path(aside).chmod(0o644)
        Path(aside).replace(path)
    except BaseException:
        Path(aside).unlink(missing_ok=True)
        raise
