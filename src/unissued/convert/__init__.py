"""Rules as KQL and SPL: exact, or refused with the reason. The evaluator is the reference for what a rule means."""

from unissued.convert.build import Build, Differences, Refused, build, convert, differences, write
from unissued.convert.health import HEALTH, health_query
from unissued.convert.kusto import column
from unissued.convert.query import ROWS, Query, Schedule, path_of

__all__ = [
    "HEALTH",
    "ROWS",
    "Build",
    "Differences",
    "Query",
    "Refused",
    "Schedule",
    "build",
    "column",
    "convert",
    "differences",
    "health_query",
    "path_of",
    "write",
]
