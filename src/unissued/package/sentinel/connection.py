"""What a repository connection of Sentinel deploys from a copy of this project, and what it leaves alone."""

from __future__ import annotations

from unissued.package.artefacts import dumped

PATH = "sentinel-deployment.config"
# Folders of other kinds hold no deployment.
_EXCLUDED = (
    "docs",
    "kql/defender",
    "kql/sentinel/bundle",  # the same rules again
    "kql/sentinel/watchlists",  # a connection takes none, and a list that people edit is not to be written over
    "spl",
)


def text() -> str:
    """Return the configuration of a connection, which lies at the root of the repository."""
    excluded = [*_EXCLUDED, "kql/sentinel/workbooks/mail_readers.workbook.json"]
    return dumped({"prioritizedcontentfiles": [], "excludecontentfiles": sorted(excluded), "parameterfilemappings": {}})
