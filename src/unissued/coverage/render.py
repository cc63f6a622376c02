"""Coverage as one JSON object."""

from __future__ import annotations

import json
from dataclasses import asdict

from unissued import __version__
from unissued.coverage.coverage import Coverage
from unissued.coverage.feeds import Feed
from unissued.record import utc_text


def as_json(result: Coverage) -> str:
    """Return everything that was measured; times are UTC, spans in seconds."""
    reading = result.reading
    whole = {
        "schema": 1,
        "tool": {"name": "unissued", "version": __version__},
        "summary": {
            **asdict(reading.count),
            "partial": reading.partial,
            "files": [{"file": one.file, "shape": one.shape, **asdict(one.count)} for one in reading.files],
        },
        "feeds": [_feed(feed) for feed in result.feeds],
        "health": [one.as_dict() for one in result.health],
        "retention": {
            "searchable_days": result.retention.searchable.days,
            "retrievable_days": result.retention.retrievable.days,
            "counted_from": utc_text(result.last) if result.last else None,
            "sources": [asdict(one) for one in result.reach],
        },
        "mail_reads": [{"client_kind": name, **asdict(kind)} for name, kind in result.kinds.items()],
        "explained": [{"mail_app_key": key, **asdict(app)} for key, app in result.apps.items()],
        "not_audited": [{**asdict(one), "since": utc_text(one.since)} for one in result.off],
        "blind": [
            {
                "rule": one.rule.name,
                "level": one.rule.level,
                "lacks": asdict(one.want),
                "sees_nothing": one.whole,
                "records_not_evaluated": one.records,
                "detail": one.detail,
            }
            for one in result.blind
        ],
        "rules": result.rules,
        "fix_first": [{"what": fix.what, "why": fix.why, "weight": fix.weight} for fix in result.fixes[:3]],
    }
    return json.dumps(whole, indent=2) + "\n"


def _feed(feed: Feed) -> dict[str, object]:
    return {
        "source": feed.source,
        "table": feed.table,
        "records": feed.records,
        "first": utc_text(feed.first),
        "last": utc_text(feed.last),
        "latency": asdict(feed.latency) if feed.latency else None,
        "longest_silence": int(feed.silence.total_seconds()),
        "silent_since": utc_text(feed.silent_since),
        "gaps": [{**asdict(gap), "first": utc_text(gap.first), "last": utc_text(gap.last)} for gap in feed.gaps],
    }
