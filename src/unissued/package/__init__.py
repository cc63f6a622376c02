"""What a SOC imports: the queries with everything that a product wants around them, and archives of it.

A target is a module ``package.<target>`` with ``artefacts(pack, build)``.
"""

from unissued.package.archive import tar_gz, zipped
from unissued.package.artefacts import Artefacts
from unissued.package.targets import PLACES, archive, archive_name, artefacts, content, generated

__all__ = [
    "PLACES",
    "Artefacts",
    "archive",
    "archive_name",
    "artefacts",
    "content",
    "generated",
    "tar_gz",
    "zipped",
]
