"""Which targets have a package, and where its files lie in the repository."""

from __future__ import annotations

from importlib import import_module
from importlib.util import find_spec

from unissued.convert import Build
from unissued.errors import UnsupportedError
from unissued.pack import Pack
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


def generated(pack: Pack, build: Build) -> dict[str, str]:
    """Return the artefacts of every target that has a package, as ``build.py`` writes them into the repository."""
    files: dict[str, str] = {}
    for target, place in PLACES.items():
        if find_spec(f"unissued.package.{target}"):
            files |= artefacts(target, pack, build).below(place).texts()
    return files
