"""Archives that are the same to the byte on every machine: fixed order, owner, mode and time."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Mapping

_MODE = 0o644
_FOLDER_MODE = 0o755
_ZIP_EPOCH = (1980, 1, 1, 0, 0, 0)
"""ZIP knows no earlier time."""


def tar_gz(files: Mapping[str, bytes]) -> bytes:
    """Return files as a gzipped tar: sorted, owner 0:0, time 0, no name and no time in the gzip head."""
    held = io.BytesIO()
    with tarfile.open(fileobj=held, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for folder in _folders(files):
            archive.addfile(_entry(folder, _FOLDER_MODE, tarfile.DIRTYPE))
        for path in sorted(files):
            entry = _entry(path, _MODE, tarfile.REGTYPE)
            entry.size = len(files[path])
            archive.addfile(entry, io.BytesIO(files[path]))
    return gzip.compress(held.getvalue(), compresslevel=9, mtime=0)


def zipped(files: Mapping[str, bytes]) -> bytes:
    """Return files as a ZIP: sorted, time 1980, mode 0644."""
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        for path in sorted(files):
            entry = zipfile.ZipInfo(path, _ZIP_EPOCH)
            entry.create_system = 3  # Unix, wherever this runs
            entry.external_attr = _MODE << 16
            entry.compress_type = zipfile.ZIP_DEFLATED
            archive.writestr(entry, files[path], compresslevel=9)
    return held.getvalue()


def _folders(files: Mapping[str, bytes]) -> list[str]:
    parts = [path.split("/")[:-1] for path in files]
    return sorted({"/".join(names[: end + 1]) for names in parts for end in range(len(names))})


def _entry(path: str, mode: int, kind: bytes) -> tarfile.TarInfo:
    entry = tarfile.TarInfo(path)
    entry.type, entry.mode = kind, mode
    return entry  # owner 0:0 without names and time 0 are TarInfo's own defaults
