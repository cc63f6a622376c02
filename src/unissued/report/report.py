"""A hunt and who read what: everything that a report shows."""

from __future__ import annotations

from dataclasses import dataclass

from unissued.hunt import Hunt
from unissued.pack.load import Pack
from unissued.report.access import Access


@dataclass(frozen=True)
class Report:
    """The result of a hunt, and the rules that it was hunted with.

    ``access`` has counted every record, and :meth:`Access.mark` was told of the findings, where a format shows who
    read what: ``html``, ``markdown`` and the list of items.
    """

    pack: Pack
    hunt: Hunt
    access: Access
