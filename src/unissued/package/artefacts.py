"""Files of a package, in memory."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from unissued.errors import PackError
from unissued.files import write_whole


class Artefacts(Mapping[str, bytes]):
    """Contents by path, sorted; texts become UTF-8.

    Args:
        files: path with slashes, relative -> content.

    Raises:
        PackError: a path is absolute or leaves the folder that the files are written to.
    """

    def __init__(self, files: Mapping[str, str | bytes]) -> None:
        self._files: dict[str, bytes] = {}
        for path, content in sorted(files.items()):
            parts = PurePosixPath(path).parts
            if not parts or path.startswith("/") or ".." in parts or "\\" in path:
                raise PackError.at(path, "is no path of a packaged file", "a relative path with slashes")
            self._files[path] = content.encode() if isinstance(content, str) else content

    def __getitem__(self, path: str) -> bytes:
        return self._files[path]

    def __iter__(self) -> Iterator[str]:
        return iter(self._files)

    def __len__(self) -> int:
        return len(self._files)

    def below(self, folder: str) -> Artefacts:
        """Return the same files below a folder."""
        return Artefacts({f"{folder}/{path}": content for path, content in self.items()})

    def texts(self) -> dict[str, str]:
        """Return the contents as texts; for files that are all text."""
        return {path: content.decode() for path, content in self.items()}

    def write(self, folder: Path) -> None:
        """Write the files below a folder, each whole or not at all; other files there stay.

        Raises:
            OSError: a file cannot be written.
        """
        for path, content in self.items():
            place = folder / path
            place.parent.mkdir(parents=True, exist_ok=True)
            write_whole(place, content)


def dumped(value: object) -> str:
    """Return JSON as it is committed: two blanks, keys as they come, every letter as it is."""
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
