"""From the paths that the user gave to the files that are there."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from unissued.errors import LogError, Problem


@dataclass(frozen=True, slots=True)
class Place:
    """A file to be read, or something at which there is nothing to read."""

    name: str
    """As the user gave it, with the path below a folder added."""
    path: Path
    size: int
    given: Path
    """What the user named: this very file, or a folder above it."""
    shape: str = ""
    problem: str = ""
    """Why there is nothing to read: the folder is empty or closed, a link is not followed."""

    @property
    def is_named(self) -> bool:
        """Whether the user named this very file."""
        return self.path == self.given


def places(paths: Sequence[Path]) -> list[Place]:
    """Every file that the paths name or hold, in a fixed order.

    Raises ``LogError`` naming all paths that do not exist.
    """
    found: list[Place] = []
    problems: list[Problem] = []
    for path in paths:
        if path.is_dir():
            inside = list(_walk(path))
            found += inside or [Place(shown(path), path, 0, path, "folder", "empty folder")]
        elif path.exists():
            found.append(Place(shown(path), path, path.stat().st_size, path))
        else:
            problems.append(Problem(shown(path), "no such file or folder", "check the path"))
    if problems:
        raise LogError(*problems)
    return found


def _walk(given: Path) -> Iterator[Place]:
    closed: list[OSError] = []
    for root, folders, files in os.walk(given, onerror=closed.append):
        folders.sort()
        for name in sorted([*files, *(name for name in folders if (Path(root) / name).is_symlink())]):
            path = Path(root) / name
            if path.is_symlink():
                yield Place(shown(path), path, 0, given, "link", "a link, which is not followed")
            elif path.is_file():
                yield Place(shown(path), path, path.stat().st_size, given)
            else:
                yield Place(shown(path), path, 0, given, "device", "no regular file")
    for error in closed:
        path = Path(str(error.filename))
        yield Place(shown(path), path, 0, given, "folder", f"folder cannot be read: {error.strerror}")


def shown(path: Path) -> str:
    """The path as text that can be written: names that are not UTF-8 keep what is readable of them."""
    return path.as_posix().encode("utf-8", "surrogateescape").decode("utf-8", "replace")
