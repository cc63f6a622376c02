"""Rules as SQL over the audit record, for logs that lie in a lake: exact, or refused with the reason."""

from unissued.sql.condition import LISTS
from unissued.sql.dialect import DIALECTS, DuckDB
from unissued.sql.page import as_text
from unissued.sql.query import Setting
from unissued.sql.records import LINES, SORTED, records, sorted_lines
from unissued.sql.script import Script, Statement, script
from unissued.sql.view import RECORDS

__all__ = [
    "DIALECTS",
    "LINES",
    "LISTS",
    "RECORDS",
    "SORTED",
    "DuckDB",
    "Script",
    "Setting",
    "Statement",
    "as_text",
    "records",
    "script",
    "sorted_lines",
]
