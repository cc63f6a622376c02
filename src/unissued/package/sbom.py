"""The software bill of materials: this package and what it is installed with, as CycloneDX says it.

It needs ``cyclonedx-python-lib``, which comes with ``unissued[sbom]``.
"""

from __future__ import annotations

import json
import uuid
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from importlib.util import find_spec

from unissued.package.artefacts import dumped

_NAMESPACE = uuid.UUID("6f0b1f7a-3f53-5c0f-9d0c-3f4a1c6f2d11")


def available() -> bool:
    """Tell whether the library is installed."""
    return find_spec("cyclonedx") is not None


def sbom(name: str = "unissued") -> str:
    """Return the bill of materials of an installed package: it and all that it requires, as installed here.

    No time and no number drawn at random, so two of the same environment are the same.
    """
    from cyclonedx.model.bom import Bom
    from cyclonedx.model.component import Component, ComponentType
    from cyclonedx.output import make_outputter
    from cyclonedx.schema import OutputFormat, SchemaVersion
    from packageurl import PackageURL

    found = _installed(name)

    def component(one: str, kind: ComponentType) -> Component:
        version = found[one].version
        url = PackageURL("pypi", None, one, version)
        return Component(name=one, version=version, type=kind, purl=url, bom_ref=url.to_string())

    parts = {one: component(one, ComponentType.LIBRARY) for one in found if one != name}
    main = component(name, ComponentType.APPLICATION)
    bom = Bom(components=parts.values())
    bom.metadata.component = main
    for one, part in (*parts.items(), (name, main)):
        bom.register_dependency(part, [parts[below] for below in _required(found[one]) if below in parts])
    seed = ",".join(f"{one}=={found[one].version}" for one in sorted(found))
    bom.serial_number = uuid.uuid5(_NAMESPACE, seed)
    document = json.loads(make_outputter(bom, OutputFormat.JSON, SchemaVersion.V1_6).output_as_string())
    document["metadata"].pop("timestamp", None)
    return dumped(document)


def _installed(name: str) -> dict[str, Distribution]:
    found: dict[str, Distribution] = {}
    waiting = [name]
    while waiting:
        one = waiting.pop()
        if one in found:
            continue
        try:
            found[one] = distribution(one)
        except PackageNotFoundError:
            continue  # not required on this platform
        waiting += _required(found[one])
    return found


def _required(one: Distribution) -> list[str]:
    """Return what a package requires here, without its extras."""
    from packaging.requirements import Requirement
    from packaging.utils import canonicalize_name

    wanted = [Requirement(text) for text in one.requires or ()]
    return sorted(
        canonicalize_name(each.name) for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})
    )
