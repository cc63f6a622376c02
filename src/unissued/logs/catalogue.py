"""The field catalogue as the readers want it."""

from __future__ import annotations

from unissued.logs.report import SourceMap, SourceTables
from unissued.pack import Catalogue


def source_map(catalogue: Catalogue) -> SourceMap:
    """Return where each table keeps each field of the catalogue."""
    return SourceMap(
        {
            key: SourceTables(
                source.usual_delay,
                {
                    table: {name: known.paths[table] for name, known in source.fields.items() if table in known.paths}
                    for table in source.tables
                },
            )
            for key, source in catalogue.sources.items()
        }
    )
