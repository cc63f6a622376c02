"""Rules as KQL and SPL: exact, or refused with the reason. The evaluator is the reference for what a rule means."""

from unissued.convert.asked import Asked, asked_of
from unissued.convert.build import Build, Differences, Refused, build, convert, differences, write
from unissued.convert.health import HEALTH, health_query
from unissued.convert.kql_rule import FAULT, further_back
from unissued.convert.kusto import column
from unissued.convert.learning import LISTS, learning
from unissued.convert.query import ROWS, Query, Schedule, path_of
from unissued.convert.site import build_site, site_differences, write_site

__all__ = [
    "FAULT",
    "HEALTH",
    "LISTS",
    "ROWS",
    "Asked",
    "Build",
    "Differences",
    "Query",
    "Refused",
    "Schedule",
    "asked_of",
    "build",
    "build_site",
    "column",
    "convert",
    "differences",
    "further_back",
    "health_query",
    "learning",
    "path_of",
    "site_differences",
    "write",
    "write_site",
]
