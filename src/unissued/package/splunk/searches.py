"""savedsearches.conf: rules as disabled alerts, learning and health searches as reports that nobody schedules."""

from __future__ import annotations

import json
import zlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from unissued.convert import HEALTH, Query, Schedule
from unissued.errors import UnsupportedError
from unissued.pack import Pack, Rule
from unissued.package.splunk.conf import one_line
from unissued.package.splunk.lists import lookup_name
from unissued.package.splunk.macros import SOURCES, packaged, with_sources
from unissued.package.splunk.risk import SCORES, risk, subject

STORY = "Mail read with tokens that nobody issued"
LONGEST_NAME = 81
"""Enterprise Security adds to a name and stops at 99 characters."""
_ALERT_SEVERITY = {"informational": "2", "low": "3", "medium": "4", "high": "5", "critical": "6"}
_NOTABLE = ("medium", "high", "critical")
"""Levels that make a notable event; below, a rule only adds to a risk score."""


def rule_stanza(name: str) -> str:
    """Return the name of a rule's search. It is made of the rule's name, which stays when its title is reworded."""
    return f"Unissued - {name} - Rule"


def health_stanza(name: str) -> str:
    """Return the name of a health report."""
    return f"Unissued - {name} - Health"


def learning_stanza(name: str, *, keep: bool) -> str:
    """Return the name of the report that learns a list, and shows or keeps it."""
    return f"Unissued - {name} - {'Keep' if keep else 'Learn'}"


def saved_searches(
    pack: Pack, rules: Sequence[Query], learning: Sequence[Query], health: Sequence[Query]
) -> dict[str, dict[str, str]]:
    """Return savedsearches.conf.

    Args:
        pack: the rules.
        rules: their searches.
        learning: searches that build lists.
        health: searches that say where a feed cannot be trusted.
    """
    found = {rule_stanza(query.rule): alert(pack.rule(query.rule), query) for query in rules}
    for query in learning:
        found[learning_stanza(query.rule, keep=False)] = _learns(pack, query, keep=False)
        found[learning_stanza(query.rule, keep=True)] = _learns(pack, query, keep=True)
    for query in health:
        question = HEALTH[query.rule]
        said = f"{question.title}: {question.says}."
        found[health_stanza(query.rule)] = _report(said, with_sources(query.query.rstrip()), query)
    for name in found:
        if len(name) > LONGEST_NAME:
            raise UnsupportedError.at(f"[{name}]", f"has more than {LONGEST_NAME} characters")
    return found


def alert(rule: Rule, query: Query) -> dict[str, str]:
    """Return the settings of one rule's search."""
    columns = columns_of(query)
    return {
        "description": one_line(f"{rule.title}. {rule.definition.get('description', '')}"),
        "search": packaged(query.query, rule.name),
        **_times(rule, query.schedule),
        "disabled": "1",
        "is_visible": "0",
        "counttype": "number of events",
        "relation": "greater than",
        "quantity": "0",
        "alert.digest_mode": "1",
        "alert.track": "1",
        "alert.severity": _ALERT_SEVERITY[rule.level],
        **_suppression(rule, query.schedule),
        **_correlation_search(rule, query),
        **(_notable(rule, query, columns) if rule.level in _NOTABLE else {}),
        **risk(rule, columns),
    }


def columns_of(query: Query) -> list[str]:
    """Return the columns that a plain search ends with."""
    return [name.strip() for name in query.query.rsplit("| table ", 1)[1].split(",")]


def _times(rule: Rule, schedule: Schedule) -> dict[str, str]:
    """Return when a search runs.

    Each run reports what arrived since the last one with five minutes of overlap, so that a run must neither be left
    out (``realtime_schedule``) nor be moved by more than that (``schedule_window``, ``allow_skew``).
    """
    if schedule.every != timedelta(hours=1):
        raise UnsupportedError.at(rule.name, f"runs every {schedule.every}, and an hour is what is written here")
    minute = zlib.crc32(rule.name.encode()) % 60
    return {
        "cron_schedule": f"{minute} * * * *",
        "dispatch.earliest_time": f"-{_span(schedule.look_back)}",
        "dispatch.latest_time": "now",
        "realtime_schedule": "0",
        "schedule_window": "0",
        "allow_skew": "0",
        "enableSched": "1",
    }


def _span(duration: timedelta) -> str:
    hours, rest = divmod(int(duration.total_seconds()), 3600)
    if rest or not hours:
        raise UnsupportedError.at("schedule", f"{duration} is no whole number of hours")
    return f"{hours}h"


def identity(rule: Rule, schedule: Schedule) -> list[str]:
    """Return the columns that tell whether two rows are the same alert."""
    if schedule.silence is None:
        return ["Id"]
    return ["_time", *map(str, rule.correlation().group_by or ())]


def _suppression(rule: Rule, schedule: Schedule) -> dict[str, str]:
    """Silence the same row, as long as it can come again: never a key, whose next alert would be lost."""
    return {
        "alert.suppress": "1",
        "alert.suppress.fields": ",".join(identity(rule, schedule)),
        "alert.suppress.period": f"{int(schedule.look_back.total_seconds())}s",
    }


def _correlation_search(rule: Rule, query: Query) -> dict[str, str]:
    digest = query.text.split(" sha256=", 1)[1][:64]
    annotations = {
        "analytic_story": [STORY],
        "data_source": list(query.tables),
        "mitre_attack": techniques(rule),
        "type": _kind(rule),
        "unissued": [f"{rule.name} {rule.version} {digest}"],
    }
    day = datetime.fromisoformat(str(rule.definition.get("modified") or rule.definition["date"]))
    metadata = {
        "deprecated": "0",
        "detection_id": rule.id,
        "detection_version": as_number(rule.version),
        "publish_time": int(day.replace(tzinfo=UTC).timestamp()),
    }
    return {
        "action.correlationsearch.enabled": "1",
        "action.correlationsearch.label": rule_stanza(rule.name),
        "action.correlationsearch.detection_type": "ebd",
        "action.correlationsearch.annotations": json.dumps(annotations, sort_keys=True),
        "action.correlationsearch.metadata": json.dumps(metadata, sort_keys=True),
    }


def _kind(rule: Rule) -> str:
    """Return what Enterprise Security calls a detection of this kind."""
    if rule.is_correlation:
        return "Correlation"
    return "TTP" if SCORES[rule.level] >= SCORES["high"] else "Anomaly"


def techniques(rule: Rule) -> list[str]:
    """Return the ids of ATT&CK techniques that a rule is tagged with."""
    tags = rule.definition.get("tags")
    ids = [str(tag).removeprefix("attack.") for tag in tags] if isinstance(tags, list) else []
    return [tag.upper() for tag in ids if tag[:1] == "t" and tag[1:2].isdigit()]


def as_number(version: str) -> str:
    """Return a version as the number that Splunk keeps: 1.2.3 is 10203."""
    major, minor, patch = map(int, version.split("."))
    return str(major * 10_000 + minor * 100 + patch)


def _notable(rule: Rule, query: Query, columns: Sequence[str]) -> dict[str, str]:
    known = identity(rule, query.schedule)
    about = subject(columns)
    key = known[-1]
    feeds = " OR ".join(f"(`{SOURCES[table][0]}`)" for table in query.tables)
    drilldown = {
        "name": f"Every record with this {key}",
        "search": f'{feeds} "${key}$"',
        "earliest_offset": "$info_min_time$",
        "latest_offset": "$info_max_time$",
    }
    return {
        "action.notable": "1",
        "action.notable.param.rule_title": f"{plain(rule.title)}: ${about}$",
        "action.notable.param.rule_description": plain(str(rule.definition.get("description", ""))),
        "action.notable.param.security_domain": "threat",
        "action.notable.param.severity": rule.level,
        "action.notable.param.nes_fields": ",".join(dict.fromkeys([about, key])),
        "action.notable.param.drilldown_searches": json.dumps([drilldown]),
    }


def plain(text: str) -> str:
    """Return prose for a setting in which ``$name$`` stands for a column: it holds no such sign of its own."""
    return one_line(text.replace("$", " "))


def _learns(pack: Pack, query: Query, *, keep: bool) -> dict[str, str]:
    holds = pack.catalogue.lists[query.rule].holds
    search = with_sources(query.query.rstrip())
    if not keep:
        said = (
            f"Shows what would be learned: {holds}. Read it before you keep it: what an intruder used would be normal."
        )
        return _report(said, search, query)
    said = f"Learns {holds}, and replaces the lookup with it. What a person put there or took out by hand is lost."
    return _report(said, f"{search}\n| outputlookup {lookup_name(query.rule)}", query)


def _report(description: str, search: str, query: Query) -> dict[str, str]:
    return {
        "description": one_line(description),
        "search": search,
        "dispatch.earliest_time": f"-{query.schedule.look_back.days + 1}d",
        "dispatch.latest_time": "now",
        "enableSched": "0",
        "disabled": "0",
        "is_visible": "1",
    }
