"""Lines of JSON as the table of records that every other statement reads.

What it knows: bare records of the unified audit log, rows of Sentinel's Entra tables with their ``Type``, and both in
an envelope with ``source`` and ``ingested``. Everything else is counted, with the reason.
"""

from __future__ import annotations

from unissued.pack import Catalogue
from unissued.sql.canon import FORM_OF_TIME, canonical, seconds_of
from unissued.sql.dialect import DuckDB, keep, text

LINES = "unissued_lines"
"""The table of lines: ``rid`` (a different number for each line) and ``content``; a hunt also has ``file`` and ``line``
(its number, 0 where nobody knows)."""
SORTED = "unissued_sorted"
"""The table of lines that were looked at: the columns of the records, and ``status``."""
UNKNOWN = "no record of a kind that this engine reads; hunt without --engine reads more"
_TYPES = {
    "auditlogs": "azure/auditlogs",
    "microsoftgraphactivitylogs": "azure/graphactivity",
    "aaduserriskevents": "azure/riskdetection",
}
_WORKLOADS = {"exchange": "m365/exchange", "azureactivedirectory": "m365/audit"}
_SIGNINS = "azure/signinlogs"
_TIMES = ("CreationTime", "CreatedDateTime", "ActivityDateTime", "TimeGenerated", "Timestamp")
_MICRO = 1_000_000


def sorted_lines(dialect: DuckDB, catalogue: Catalogue) -> str:
    """Return the query that says of each line what it is: ``used``, or why it is not."""

    def said(key: str, of: str = "e") -> str:
        return dialect.string(dialect.below(of, key))

    def small(value: str) -> str:
        return f"lower(trim({value}))"

    feeds = [table.name for table in catalogue.sources[_SIGNINS].tables.values() if table.category]
    categories = {
        table.category.lower(): table.name for table in catalogue.sources[_SIGNINS].tables.values() if table.category
    }
    kind, category = small(said("Type")), small(said("Category"))
    feed = "".join(f" WHEN {text(name.lower())} THEN {text(name)}" for name in feeds)
    by_category = "".join(f" WHEN {text(name)} THEN {text(table)}" for name, table in categories.items())
    source = (
        "CASE WHEN wrapped AND given IS NOT NULL THEN given "
        + "".join(f"WHEN kind = {text(name)} THEN {text(key)} " for name, key in _TYPES.items())
        + f"WHEN kind IN ({', '.join(text(name.lower()) for name in feeds)}) THEN {text(_SIGNINS)} "
        + "WHEN operation IS NOT NULL THEN CASE workload "
        + "".join(f"WHEN {text(name)} THEN {text(key)} " for name, key in _WORKLOADS.items())
        + "END END"
    )
    times = ", ".join(said(name) for name in _TIMES)
    known = ", ".join(text(key) for key in catalogue.sources)
    delays = "".join(
        f" WHEN {text(key)} THEN {int(one.usual_delay.total_seconds()) * _MICRO}"
        for key, one in catalogue.sources.items()
    )
    status = (
        "CASE WHEN e IS NULL THEN 'refused: no valid JSON' "
        "WHEN wrapped AND (mixed OR (given IS NOT NULL AND given NOT IN (" + known + "))) "
        "THEN 'refused: an envelope of another kind' "
        "WHEN source IS NULL AND operation IS NOT NULL AND workload IS NOT NULL THEN 'skipped: another workload' "
        f"WHEN source IS NULL THEN 'refused: {UNKNOWN}' "
        "WHEN moment IS NULL THEN 'refused: no usable time' "
        "WHEN arrival IS NOT NULL AND arrived IS NULL THEN 'refused: ingested is no time' ELSE 'used' END"
    )
    own = f"{dialect.first(canonical('[raw_time]', 'time', {}))}"
    came = f"{dialect.first(canonical('[arrival]', 'time', {}))}"
    levels = [
        f"SELECT rid, content, {dialect.parsed('content')} AS p FROM {LINES}",
        f"SELECT rid, content, {dialect.below('p', 'event')} IS NOT NULL AS wrapped, "
        f"coalesce({dialect.below('p', 'event')}, p) AS e, {said('source', 'p')} AS given, "
        f"{said('ingested', 'p')} AS arrival, {dialect.below('p', 'Operation')} IS NOT NULL AS mixed FROM",
        "SELECT rid, content, wrapped, e, given, CASE WHEN wrapped THEN arrival END AS arrival, mixed, "
        f"{kind} AS kind, {category} AS category, {said('Operation')} AS operation, "
        f"{small(said('Workload'))} AS workload, "
        f"{dialect.first(keep(f'[{times}]', f'regexp_matches(v, {text(FORM_OF_TIME)})'))} AS raw_time FROM",
        f"SELECT *, {source} AS source, {own} AS moment, {came} AS arrived FROM",
        "SELECT rid, source, e, content, wrapped, "
        f"{seconds_of('moment')} AS time, coalesce({seconds_of('arrived')} * {_MICRO} + {_fraction('arrival')}, "
        f"{seconds_of('moment')} * {_MICRO} + {_fraction('raw_time')} + CASE source{delays} END) AS ingested, "
        f"CASE WHEN source <> {text(_SIGNINS)} THEN '' ELSE "
        f"coalesce(CASE kind{feed} END, CASE category{by_category} END, '') END AS feed, {status} AS status FROM",
        "SELECT rid, source, time, ingested, feed, "
        f"CASE WHEN wrapped THEN {dialect.as_text('e')} ELSE content END AS record, status FROM",
    ]
    steps = [
        f"line{number} AS ({level}{f' line{number - 1}' if number else ''})" for number, level in enumerate(levels)
    ]
    return "WITH " + ",\n".join(steps) + f"\nSELECT * FROM line{len(levels) - 1}"


def records() -> str:
    """Return the query of the records: what is used of the sorted lines, each content once."""
    first = f"SELECT min(rid) AS rid FROM {SORTED} WHERE status = 'used' GROUP BY source, sha256(record)"
    return (
        "SELECT s.rid, s.source, s.time, s.ingested, s.feed, s.record "
        f"FROM {SORTED} AS s JOIN ({first}) AS f ON f.rid = s.rid"
    )


def _fraction(moment: str) -> str:
    digits = f"regexp_extract({moment}, '[.,]([0-9]+)', 1)"
    return f"coalesce(TRY_CAST(rpad(substr({digits}, 1, 6), 6, '0') AS BIGINT), 0)"
