"""Lints of saved searches."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

from unissued.engines.spl import parse
from unissued.errors import PackError, Problem
from unissued.package.splunk.macros import expanded
from unissued.package.splunk.searches import LONGEST_NAME

LONGEST_SEARCH = 20_000
"""Characters. Splunk says no limit; nobody reads more, and the longest of ours has 17,000."""
_MACRO_LAST = re.compile(r"\| `[A-Za-z0-9_]+_filter`\Z")
_KEEPS = re.compile(r"\n\| outputlookup ([A-Za-z0-9_]+)\Z")
_LOOKUP = re.compile(r"\| ?(?:lookup|inputlookup|outputlookup) ([A-Za-z0-9_]+)")
_TEXT = re.compile(r'"(?:[^"\\\n]|\\[^\n])*"')
_TOKEN = re.compile(r"\$([^$]*)\$")
_TABLE = re.compile(r"\| table ([^\n|]*)\n\| `[A-Za-z0-9_]+`\Z")
_RELATIVE = re.compile(r"(?:now|-[1-9][0-9]*(?:s|m|h|d|w)(?:@(?:s|m|h|d|w))?)\Z")
_SECONDS = re.compile(r"[1-9][0-9]*[smh]\Z")
_CRON = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_SHOWN = (
    "action.notable.param.rule_title",
    "action.notable.param.rule_description",
    "action.notable.param.drilldown_searches",
    "action.risk.param._risk_message",
)
_OFFSETS = {"info_min_time", "info_max_time"}
"""Enterprise Security knows them of every notable event."""
_DEMANDED = {
    "disabled": "1",
    "enableSched": "1",
    "realtime_schedule": "0",
    "schedule_window": "0",
    "allow_skew": "0",
    "action.correlationsearch.enabled": "1",
}
_JSON: Mapping[str, type[Collection[object]]] = {
    "action.correlationsearch.annotations": dict,
    "action.correlationsearch.metadata": dict,
    "action.notable.param.drilldown_searches": list,
    "action.risk.param._risk": list,
}


@dataclass(frozen=True)
class Found:
    """What an app defines, by stanza."""

    macros: Mapping[str, Mapping[str, str]]
    transforms: Mapping[str, Mapping[str, str]]
    searches: Mapping[str, Mapping[str, str]]


def search_problems(known: Found) -> Iterator[Problem]:
    """Yield everything that is wrong with the saved searches of an app."""
    for name, settings in known.searches.items():
        where = f"default/savedsearches.conf: [{name}]"
        if len(name) > LONGEST_NAME:
            yield Problem(where, f"has a name of {len(name)} characters", f"{LONGEST_NAME} at most")
        yield from (Problem(where, said) for said in _search(name, settings, known))
        yield from (Problem(where, said) for said in _times(settings))
        if name.endswith(" - Rule"):
            yield from (Problem(where, said) for said in _alert(settings, known))
        elif settings.get("enableSched") != "0":
            yield Problem(where, "is a report and is scheduled", "enableSched = 0")


def query_problems(search: str, known: Found) -> Iterator[str]:
    """Yield what is wrong with a search: macros, lookups, and what the strict parser says against it."""
    try:
        plain = expanded(search, known.macros)
    except PackError as error:
        yield str(error)
        return
    for lookup in _LOOKUP.findall(_TEXT.sub('""', plain)):
        if lookup not in known.transforms:
            yield f"asks for a lookup that is not defined: {lookup}"
    if said := _refused(plain):
        yield f"does not parse: {said}"


@lru_cache(maxsize=256)
def _refused(plain: str) -> str:
    """Return what the strict parser says against a search: what is checked once may be checked again."""
    try:
        parse(plain)
    except PackError as error:
        return str(error)
    return ""


def _search(name: str, settings: Mapping[str, str], known: Found) -> Iterator[str]:
    search = settings.get("search", "")
    if not search:
        yield "has no search"
        return
    if len(search) > LONGEST_SEARCH:
        yield f"its search has {len(search)} characters, more than {LONGEST_SEARCH}"
    if "$" in search:
        yield "its search holds $, which stands for a token"
    keeps = _KEEPS.search(search)
    if bool(keeps) != name.endswith(" - Keep"):
        yield "only a search that keeps a list writes, and only as its last command"
    if keeps and keeps[1] not in known.transforms:
        yield f"writes a lookup that is not defined: {keeps[1]}"
    yield from query_problems(search[: keeps.start()] if keeps else search, known)


def _times(settings: Mapping[str, str]) -> Iterator[str]:
    for key in ("dispatch.earliest_time", "dispatch.latest_time"):
        if not _RELATIVE.match(settings.get(key, "")):
            yield f"{key} is no relative time: {settings.get(key)!r}"
    if settings.get("dispatch.earliest_time") == "now":
        yield "looks back over nothing"
    cron = settings.get("cron_schedule")
    if cron is not None and not is_cron(cron):
        yield f"cron_schedule is no schedule: {cron!r}"


def is_cron(text: str) -> bool:
    """Tell whether a text is a schedule of five fields; names of months and days are not taken."""
    fields = text.split(" ")
    return len(fields) == len(_CRON) and all(
        _is_cron_part(part, *limits) for field, limits in zip(fields, _CRON, strict=True) for part in field.split(",")
    )


def _is_cron_part(part: str, least: int, most: int) -> bool:
    found = re.match(r"(?:\*|([0-9]{1,2})(?:-([0-9]{1,2}))?)(?:/([1-9][0-9]?))?\Z", part)
    if found is None:
        return False
    first, last = found[1] or least, found[2] or found[1] or most
    return least <= int(first) <= int(last) <= most


def _alert(settings: Mapping[str, str], known: Found) -> Iterator[str]:
    for key, value in _DEMANDED.items():
        if settings.get(key) != value:
            yield f"{key} is {settings.get(key)!r}, not {value!r}"
    if "cron_schedule" not in settings:
        yield "has no cron_schedule"
    search = settings.get("search", "")
    if not _MACRO_LAST.search(search):
        yield "its search does not end with its filter macro"
    table = _TABLE.search(search)
    columns = {name.strip() for name in table[1].split(",")} if table else set()
    shown = [(key, name) for key in _SHOWN for name in _TOKEN.findall(settings.get(key, ""))]
    for key in ("alert.suppress.fields", "action.notable.param.nes_fields"):
        shown += [(key, name) for name in settings.get(key, "").split(",") if key in settings]
    for key, kind in _JSON.items():
        parts = _loaded(settings[key], kind) if key in settings else ()
        if parts is None:
            yield f"{key} is no JSON {kind.__name__}, or is empty"
        elif key.endswith("_risk"):
            shown += _risk_fields(key, parts)
        elif key.endswith("drilldown_searches"):
            yield from (said for one in parts for said in _drilldown(one, known))
    for key, name in shown:
        if name not in columns | _OFFSETS:
            yield f"{key} names {name!r}, which is no column of the result"
    if settings.get("alert.suppress") == "1" and not _SECONDS.match(settings.get("alert.suppress.period", "")):
        yield f"alert.suppress.period is no period: {settings.get('alert.suppress.period')!r}"


def _loaded(text: str, kind: type[Collection[object]]) -> Sequence[object] | None:
    """Return the parts of a JSON value of a kind; None if it is none, or is empty."""
    try:
        value = json.loads(text)
    except ValueError:
        return None
    return list(value) if isinstance(value, kind) and value else None


def _risk_fields(key: str, parts: Sequence[object]) -> Iterator[tuple[str, str]]:
    for part in parts:
        found = part if isinstance(part, dict) else {}
        yield key, str(found.get("risk_object_field", found.get("threat_object_field")))
        if "risk_score" in found and not 1 <= int(found["risk_score"]) <= 100:
            yield key, f"risk_score {found['risk_score']}"


def _drilldown(part: object, known: Found) -> Iterator[str]:
    found = part if isinstance(part, dict) else {}
    if set(found) != {"name", "search", "earliest_offset", "latest_offset"}:
        yield "a drill-down has other parts than name, search, earliest_offset and latest_offset"
        return
    search = _TOKEN.sub("token", str(found["search"]))
    # A text alone is a search term, which the project's own searches do not use and the strict parser does not know.
    yield from (f"drill-down: {said}" for said in query_problems(re.sub(r'"token"\Z', 'Id="token"', search), known))
