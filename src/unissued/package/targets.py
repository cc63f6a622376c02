"""Which targets have a package, and where its files lie in the repository."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from importlib.resources import files
from importlib.util import find_spec

from unissued.convert import Build
from unissued.errors import UnsupportedError
from unissued.pack import Pack
from unissued.package import sentinel
from unissued.package.archive import tar_gz, zipped
from unissued.package.artefacts import Artefacts

PLACES = {"sentinel": "kql/sentinel", "defender": "kql/defender", "splunk": "spl/app"}
"""Target -> folder of the repository that its artefacts are committed in."""


def artefacts(target: str, pack: Pack, build: Build) -> Artefacts:
    """Return what a target's package holds beside the plain queries; paths as below ``PLACES[target]``.

    Raises:
        UnsupportedError: the target has no package.
    """
    name = f"unissued.package.{target}"
    if target not in PLACES or find_spec(name) is None:
        raise UnsupportedError.at(target, "has no package", ", ".join(PLACES))
    made: Artefacts = import_module(name).artefacts(pack, build)
    return made


def content(target: str, pack: Pack, build: Build) -> Artefacts:
    """Return all that belongs to a target's package: its artefacts, the plain queries, and how to install it.

    An app for Splunk has one folder at its top and nothing beside it.

    Raises:
        UnsupportedError: the target has no package.
    """
    made = artefacts(target, pack, build)
    if target == "splunk":
        return made
    place = f"{PLACES[target]}/"
    plain = {path.removeprefix(place): text for path, text in build.files.items() if path.startswith(place)}
    more = sentinel.only_packaged(made) if target == "sentinel" else {}
    return Artefacts({**made, **plain, **more, "README.md": install_page(target)})


def install_page(target: str) -> str:
    """Return how somebody new installs a target's package."""
    return (files("unissued.package") / f"install-{target}.md").read_text(encoding="utf-8")


def archive_name(target: str, version: str) -> str:
    """Return the file name of a target's archive."""
    return f"unissued_m365-{version}.tar.gz" if target == "splunk" else f"unissued-{target}-{version}.zip"


def archive(target: str, files: Mapping[str, bytes]) -> bytes:
    """Return a target's archive, in the form that the product or its users take."""
    return tar_gz(files) if target == "splunk" else zipped(files)


def generated(pack: Pack, build: Build) -> dict[str, str]:
    """Return the artefacts of every target that has a package, as ``build.py`` writes them into the repository."""
    found: dict[str, str] = {}
    for target, place in PLACES.items():
        if find_spec(f"unissued.package.{target}"):
            found |= artefacts(target, pack, build).below(place).texts()
    found |= sentinel.at_the_root()
    return found | {f"docs/install-{target}.md": install_page(target) for target in ("sentinel", "defender")}
