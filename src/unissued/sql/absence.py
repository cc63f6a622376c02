"""``a and not b`` as statements: each match judged once, six hours after it arrived, where b's feeds were complete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from unissued.convert.correlation import Correlation
from unissued.pack import Pack, Source
from unissued.sql.dialect import name, text
from unissued.sql.query import MICROSECONDS, PATIENCE, Setting, has_records, question
from unissued.sql.view import RECORDS

_HOUR, _WEEK, _SEEN, _BLOCK = 3600, 604800, 1209600, 21600
_BLOCK_HOURS = 6
_SMALL = 50
_ENOUGH = "CAST(0.8 AS DOUBLE)"

Step = tuple[str, str]


@dataclass(frozen=True)
class Gate:
    """The steps up to ``firings``, and the query of what could not be judged."""

    steps: tuple[Step, ...]
    unjudged: str


def alone(setting: Setting, read: Correlation) -> list[Step]:
    """Return the steps up to ``alone``: matches that are old enough and have no company."""
    same = " AND ".join(f"d.{name(key)} = a.{name(key)}" for key in read.keys)
    near = f"d.time BETWEEN a.time - {read.seconds} AND a.time + {read.seconds}"
    company = "\nUNION ALL\n".join(f"SELECT * FROM members_{number}" for number in range(1, len(read.denied) + 1))
    nobody = (
        f"NOT EXISTS (SELECT 1 FROM company AS d WHERE {same} AND {near} AND d.ingested <= a.ingested + {PATIENCE})"
    )
    return [
        ("company", company),
        ("old", f"SELECT * FROM members_0 WHERE ingested + {PATIENCE} <= {setting.judged_now()}"),
        ("alone", f"SELECT * FROM old AS a WHERE {nobody}"),
    ]


def gate(setting: Setting, pack: Pack, read: Correlation) -> Gate:
    """Return what decides between a firing and a question."""
    keys = ", ".join(map(name, read.keys))
    young = f"SELECT time FROM members_0 WHERE ingested + {PATIENCE} > {setting.judged_now()}"
    pending = _counted("'pending'", "'not six hours old'", young)
    if not setting.measured:
        return Gate((("firings", f"SELECT DISTINCT {keys}, time FROM alone"),), pending)
    denied = (source for rule in sorted(read.denied) for source in pack.rule(rule).sources)
    sources = list({source.key: pack.rule(read.name).needing(source) for source in denied}.values())
    tables, missing = _missing(sources)
    steps: list[Step] = [("missing", missing)]
    if tables:
        steps += _gaps(setting, read, tables)
    gaps = "UNION ALL SELECT time, ingested, rank, 'feed_incomplete' AS reason, detail FROM gaps" if tables else ""
    steps += [
        (
            "doubts",
            "SELECT a.time, a.ingested, m.rank, m.reason, m.detail "
            f"FROM (SELECT DISTINCT time, ingested FROM alone) AS a CROSS JOIN missing AS m {gaps}",
        ),
        ("worst", "SELECT time, ingested, min(rank) AS rank FROM doubts GROUP BY time, ingested"),
        (
            "doubted",
            "SELECT DISTINCT d.time, d.ingested, d.reason, d.detail FROM doubts AS d JOIN worst AS w "
            "ON w.time = d.time AND w.ingested = d.ingested AND w.rank = d.rank",
        ),
        (
            "firings",
            f"SELECT DISTINCT {keys}, time FROM alone AS a WHERE NOT EXISTS "
            "(SELECT 1 FROM doubted AS d WHERE d.time = a.time AND d.ingested = a.ingested)",
        ),
    ]
    same = "d.time = a.time AND d.ingested = a.ingested"
    asked = f"SELECT d.reason, d.detail, a.time FROM alone AS a JOIN doubted AS d ON {same}"
    always = "SELECT reason, detail, CAST(NULL AS BIGINT) AS time FROM missing"
    both = f"{asked} UNION ALL {always}"
    counted = (
        "SELECT reason, detail, count(time) AS records, min(time) AS first_time, max(time) AS last_time "
        f"FROM ({both}) AS q GROUP BY reason, detail"
    )
    return Gate(tuple(steps), f"{pending}\nUNION ALL\n{counted}")


def _counted(reason: str, detail: str, times: str) -> str:
    return (
        f"SELECT {reason} AS reason, {detail} AS detail, count(*) AS records, min(time) AS first_time, "
        f"max(time) AS last_time FROM ({times}) AS y HAVING count(*) > 0"
    )


def _missing(sources: Sequence[Source]) -> tuple[list[tuple[int, str]], str]:
    """Return the feeds with their ranks, and the query of what the records lack altogether.

    Of several doubts about a match the one with the lowest rank is told. What a source lacks altogether is told even
    where no match asks, and of each source only the first thing.
    """
    tables: list[tuple[int, str]] = []
    rows: list[str] = []
    rank = 0
    for source in sources:
        before = [has_records([source])]
        for detail, lacking in [
            (f"no records of {source.key}", f"NOT {has_records([source])}"),
            *((f"no rows of {table}", f"NOT {_has_rows(table)}") for table in source.required_tables),
        ]:
            where = lacking if detail.startswith("no records") else " AND ".join([*before, lacking])
            rows.append(
                f"SELECT CAST({rank} AS BIGINT) AS rank, q.reason, q.detail FROM "
                f"({question('feed_missing', detail, where)}) AS q"
            )
            if not detail.startswith("no records"):
                before.append(f"NOT ({lacking})")
            rank += 1
        for table in source.required_tables:
            tables.append((rank, table))
            rank += 1
    return tables, "\nUNION ALL\n".join(rows)


def _has_rows(table: str) -> str:
    return f"EXISTS (SELECT 1 FROM {RECORDS} AS f WHERE f.feed = {text(table)})"


def _gaps(setting: Setting, read: Correlation, tables: Sequence[tuple[int, str]]) -> list[Step]:
    """Return the steps up to ``gaps``: for each time of a match without company the feeds that had a gap around it."""
    feeds = " UNION ALL ".join(
        f"SELECT CAST({rank} AS BIGINT) AS rank, {text(table)} AS feed" for rank, table in tables
    )
    named = ", ".join(text(table) for table in dict.fromkeys(table for _, table in tables))
    given = "".join(f" WHEN {text(table)} THEN {rows}" for table, rows in sorted(setting.rows_last_week.items()))
    last_week = f"CASE g.feed{given} END" if given else "CAST(NULL AS BIGINT)"
    seen = f"(g.judged - {_SEEN * MICROSECONDS})"
    at = "g.time, g.ingested, g.judged, g.rank, g.feed, g.hour"
    expected = (
        f"CASE WHEN (g.hour - {_WEEK}) * {MICROSECONDS} <= {seen} THEN NULL "
        f"WHEN {last_week} IS NOT NULL THEN {last_week} "
        f"WHEN k.first_hour <= g.hour - {_WEEK} THEN coalesce(g.rows_before, 0) END"
    )
    first = "coalesce(min(CASE WHEN large = 1 THEN hour END), min(hour))"
    day = f"CAST(DATE '1970-01-01' + CAST({first} // 86400 AS INTEGER) AS VARCHAR)"
    clock = f"lpad(CAST(({first} % 86400) // 3600 AS VARCHAR), 2, '0')"
    return [
        (
            "asked_hours",
            f"SELECT time, ingested, ingested + {PATIENCE} AS judged, unnest(generate_series("
            f"(time - {read.seconds}) // {_HOUR} * {_HOUR}, time + {read.seconds}, {_HOUR})) AS hour "
            "FROM (SELECT DISTINCT time, ingested FROM alone) AS a",
        ),
        (
            "hours_over",
            "SELECT h.time, h.ingested, h.judged, f.rank, f.feed, h.hour "
            f"FROM asked_hours AS h CROSS JOIN ({feeds}) AS f WHERE (h.hour + {_HOUR}) * {MICROSECONDS} <= h.judged",
        ),
        (
            "arrivals",
            f"SELECT feed, time // {_HOUR} * {_HOUR} AS hour, ingested, count(*) AS n FROM {RECORDS} "
            f"WHERE feed IN ({named}) GROUP BY feed, time // {_HOUR} * {_HOUR}, ingested",
        ),
        (
            "rows_here",
            f"SELECT {at}, sum(r.n) AS n FROM hours_over AS g LEFT JOIN arrivals AS r "
            f"ON r.feed = g.feed AND r.hour = g.hour AND r.ingested <= g.judged GROUP BY {at}",
        ),
        (
            "rows_both",
            f"SELECT {at}, g.n, sum(r.n) AS rows_before FROM rows_here AS g LEFT JOIN arrivals AS r "
            f"ON r.feed = g.feed AND r.hour = g.hour - {_WEEK} AND r.ingested <= g.judged GROUP BY {at}, g.n",
        ),
        (
            "known",
            "SELECT g.feed, g.judged, min(r.hour) AS first_hour "
            "FROM (SELECT DISTINCT feed, judged FROM hours_over) AS g "
            "JOIN (SELECT DISTINCT feed, hour FROM arrivals) AS r ON r.feed = g.feed "
            f"AND r.hour * {MICROSECONDS} > {seen} GROUP BY g.feed, g.judged",
        ),
        (
            "compared",
            f"SELECT {at}, coalesce(g.n, 0) AS n, {expected} AS expected "
            "FROM rows_both AS g LEFT JOIN known AS k ON k.feed = g.feed AND k.judged = g.judged",
        ),
        (
            "large_gaps",
            f"SELECT time, ingested, rank, feed, hour, 1 AS large FROM compared "
            f"WHERE expected >= {_SMALL} AND n < {_ENOUGH} * expected",
        ),
        (
            "blocks",
            f"SELECT time, ingested, rank, feed, hour - hour % {_BLOCK} AS hour, sum(n) AS n, count(*) AS hours, "
            "count(expected) AS known, sum(expected) AS expected FROM compared "
            f"WHERE coalesce(expected, 0) < {_SMALL} GROUP BY time, ingested, rank, feed, hour - hour % {_BLOCK}",
        ),
        (
            "small_gaps",
            "SELECT time, ingested, rank, feed, hour, 0 AS large FROM blocks WHERE CASE WHEN known < hours "
            f"THEN n = 0 AND hours >= {_BLOCK_HOURS} ELSE n < {_ENOUGH} * expected END",
        ),
        (
            "gaps",
            "SELECT time, ingested, rank, "
            f"feed || ' has gaps, the first at ' || {day} || 'T' || {clock} || ':00Z' AS detail "
            "FROM (SELECT * FROM large_gaps UNION ALL SELECT * FROM small_gaps) AS g "
            "GROUP BY time, ingested, rank, feed",
        ),
    ]
