"""Readers for every export shape of docs/exports.md: one list of records, and an account of what was not used."""

from unissued.logs.catalogue import source_map
from unissued.logs.reading import read
from unissued.logs.refused import RefusedFile
from unissued.logs.report import Count, FileReport, Reading, Refusal, SourceMap, SourceTables
from unissued.logs.times import DateOrder

__all__ = [
    "Count",
    "DateOrder",
    "FileReport",
    "Reading",
    "Refusal",
    "RefusedFile",
    "SourceMap",
    "SourceTables",
    "read",
    "source_map",
]
