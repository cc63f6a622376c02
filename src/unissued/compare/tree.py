"""A state of the project: a folder, or what git has of a revision, unpacked for a moment."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from unissued.errors import RuleError

_WANTED = ("sigma", "kql", "spl")


@dataclass(frozen=True)
class Tree:
    """A state of the project."""

    name: str
    """As the user named it."""
    root: Path
    fixtures: Path


@contextmanager
def tree(name: str, repository: Path, fixtures: str) -> Iterator[Tree]:
    """Yield a folder as it is, or a git revision unpacked into a temporary folder.

    Args:
        name: of a folder that has rules in ``sigma/``, or of a revision.
        repository: a folder of the git repository; revisions are taken of this folder.
        fixtures: what the folder of the fixtures is called in it.

    Raises:
        RuleError: it is neither, or git cannot give it.
    """
    folder = Path(name)
    if folder.is_dir():
        if not (folder / "sigma").is_dir():
            raise RuleError.at(name, "is a folder without rules", "it needs sigma/; or name a git revision")
        yield Tree(name, folder, folder / fixtures)
        return
    commit = _git(repository, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}")
    if commit is None:
        hint = f"git knows no such revision in {repository}; a shallow clone has only the last one"
        raise RuleError.at(name, "is neither a folder nor a git revision", hint)
    with tempfile.TemporaryDirectory(prefix="unissued-") as temporary:
        _unpack(name, commit.decode().strip(), repository, Path(temporary), fixtures)
        yield Tree(name, Path(temporary), Path(temporary) / fixtures)


def _unpack(name: str, commit: str, repository: Path, into: Path, fixtures: str) -> None:
    listed = _git(repository, "ls-tree", "--name-only", "-z", commit) or b""
    there = set(listed.decode("utf-8", "replace").split("\0"))
    if "sigma" not in there:
        raise RuleError.at(name, "is a revision without rules", f"it needs sigma/ in {repository}")
    wanted = [folder for folder in (*_WANTED, fixtures) if folder in there]
    packed = _git(repository, "archive", "--format=tar", commit, "--", *wanted)
    if packed is None:
        raise RuleError.at(name, f"git cannot unpack the revision {commit}", "git fsck")
    try:
        with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
            archive.extractall(into, filter="data")
    except (tarfile.TarError, OSError) as error:
        raise RuleError.at(name, f"the revision {commit} cannot be unpacked: {error}") from error


def _git(repository: Path, *arguments: str) -> bytes | None:
    """Return what git says, or None where it fails."""
    git = shutil.which("git")
    if git is None:
        raise RuleError.at("git", "is not installed", "name two folders instead of revisions")
    done = subprocess.run([git, *arguments], cwd=repository, capture_output=True, check=False)  # noqa: S603 - no shell
    return done.stdout if done.returncode == 0 else None
