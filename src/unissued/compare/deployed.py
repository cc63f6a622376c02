"""Rules as products export them: read from files that nobody vouches for, in one form for all products."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from unissued.compare.conf import read_conf
from unissued.errors import LogError

_LARGEST = 64 << 20
"""Bytes of an export; a workspace holds 512 rules of 10,000 characters."""
_GUID = re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")
_PARAMETER = re.compile(r"\[?parameters\('([^']+)'\)\]?")
_HEAD = re.compile(r"rule=(?P<rule>[a-z0-9_]+) id=(?P<id>[0-9a-f-]{36}) version=(?P<version>[0-9.]{5,20}) ")
_JSON = re.compile(r"\s*(?:\{|\[\s*[\[{\]])")
"""How JSON begins; a stanza is ``[name]``."""
_OF_SEARCHES = ("search", "cron_schedule", "disabled", "enableSched", "action.", "alert.", "dispatch.")
"""How settings of saved searches begin."""
_NEXT = ("nextLink", "@odata.nextLink")


@dataclass(frozen=True)
class Deployed:
    """One rule in a product."""

    target: str
    id: str
    """A GUID in small letters; in Defender the id of the rule; a stanza where nothing else is known."""
    name: str
    settings: Mapping[str, Any] = field(repr=False)
    """Dotted key -> value, as the product says it."""
    query: str | None = field(repr=False)
    """None where the export does not say it, as a ``local/`` file of Splunk."""
    version: str = ""
    """Empty where the export does not say it."""
    ours: bool = False
    """Whether it says itself that it is one of ours."""


def shipped(folder: Path) -> list[Deployed]:
    """Return the rules that a folder ships for the products: what a build writes, or what a package holds.

    A rule that is there twice, in a file of its own and in a bundle, is taken from where its version stands.
    """
    found: dict[tuple[str, str], Deployed] = {}
    candidates = [path for path in sorted(folder.rglob("*.json")) if path.parent.name in ("arm", "defender", "bundle")]
    candidates += sorted(folder.rglob("default/savedsearches.conf"))
    for path in candidates:
        for rule in read_export(path).rules if path.suffix == ".conf" or _names_rules(path) else ():
            known = found.get((rule.target, rule.id))
            if known is None or (rule.version and not known.version):
                found[rule.target, rule.id] = rule
    return list(found.values())


def _names_rules(path: Path) -> bool:
    text = path.read_text("utf-8", "replace")
    return "alertRules" in text or "queryCondition" in text


@dataclass(frozen=True)
class Export:
    """What one file holds."""

    file: str
    rules: tuple[Deployed, ...]
    partial: str = ""
    """Why there are more rules than the file holds; empty if that is not known."""


def read_export(path: Path) -> Export:
    """Read an export of rules; what it is is recognised from its content.

    Raises:
        LogError: it cannot be read, is too large, or holds no rules that are known here.
    """
    shown = str(path)
    try:
        if path.stat().st_size > _LARGEST:
            raise LogError.at(shown, f"is larger than {_LARGEST >> 20} MB", "no export of rules is")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise LogError.at(shown, f"cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise LogError.at(shown, f"is no UTF-8: {error}", "export it as JSON, or take the .conf file") from error
    if not _JSON.match(text):
        return Export(shown, tuple(_of_conf(read_conf(text, shown), shown)))
    try:
        data = json.loads(text)
        rules = tuple(_of_json(data))
    except (ValueError, RecursionError) as error:
        raise LogError.at(shown, f"is no JSON: {error}") from error
    if not rules:
        hint = "alertRules as ARM or from the API, detectionRules, saved/searches as JSON, or savedsearches.conf"
        raise LogError.at(shown, "holds no rules that are known here", hint)
    more = next((key for key in _NEXT if isinstance(data, dict) and data.get(key)), "")
    return Export(shown, rules, f"{more} says that there are more rules" if more else "")


def _of_json(data: Any) -> Iterator[Deployed]:
    match data:
        case {"resources": list(resources)}:
            yield from _of_template(data, resources)
        case {"entry": list(entries)}:
            for entry in entries:
                if isinstance(entry, dict) and isinstance(entry.get("content"), dict):
                    yield from _of_conf({str(entry.get("name")): entry["content"]}, "")
        case {"value": list(rules)} | list(rules):
            for rule in rules:
                yield from _of_json(rule)
        case {"queryCondition": dict()}:
            yield _of_defender(data)
        case {"properties": {"query": str()}}:
            yield _of_sentinel(data, {}, "")


def _of_template(data: dict[str, Any], resources: list[object]) -> Iterator[Deployed]:
    """Yield the rules of an ARM template; parameters are taken at their defaults."""
    given = data.get("parameters")
    parameters = {
        name: spec["defaultValue"]
        for name, spec in (given.items() if isinstance(given, dict) else ())
        if isinstance(spec, dict) and "defaultValue" in spec
    }
    metadata = data.get("metadata")
    own = metadata.get("unissued") if isinstance(metadata, dict) else None
    version = str(own.get("version", "")) if isinstance(own, dict) else ""
    for resource in resources:
        if not isinstance(resource, dict):
            continue
        kind, properties = str(resource.get("type", "")).lower(), resource.get("properties")
        if isinstance(properties, dict) and isinstance(properties.get("template"), dict):
            yield from _of_json(properties["template"])
        elif kind.endswith("alertrules") and isinstance(properties, dict) and isinstance(properties.get("query"), str):
            yield _of_sentinel(resource, parameters, version, ours=isinstance(own, dict))


def _of_sentinel(rule: dict[str, Any], parameters: Mapping[str, Any], version: str, *, ours: bool = False) -> Deployed:
    named = _PARAMETER.sub(lambda found: str(parameters.get(found[1], "")), f"{rule.get('name')} {rule.get('id', '')}")
    guids = _GUID.findall(named)
    properties = {key: _resolved(value, parameters) for key, value in rule["properties"].items()}
    query = str(properties.pop("query"))
    head = _HEAD.search(query[:2000])
    return Deployed(
        "sentinel",
        guids[-1].lower() if guids else (head["id"] if head else str(rule.get("name"))),
        str(properties.get("displayName", "")),
        _flat(properties),
        query,
        head["version"] if head else str(properties.get("templateVersion") or version),
        ours or head is not None,
    )


def _resolved(value: object, parameters: Mapping[str, Any]) -> object:
    found = _PARAMETER.fullmatch(value) if isinstance(value, str) else None
    return parameters.get(found[1], value) if found else value


def _of_defender(rule: dict[str, Any]) -> Deployed:
    condition = rule["queryCondition"]
    query = str(condition.get("queryText", ""))
    head = _HEAD.search(query[:2000])
    settings = {key: value for key, value in rule.items() if key not in ("queryCondition", "id")}
    name = str(rule.get("id", ""))
    return Deployed(
        "defender",
        name,
        str(rule.get("displayName", "")),
        _flat(settings),
        query,
        head["version"] if head else "",
        name.startswith("unissued-") or head is not None,
    )


def _of_conf(stanzas: Mapping[str, Mapping[str, Any]], path: str) -> Iterator[Deployed]:
    known = False
    for name, settings in stanzas.items():
        query = settings.get("search")
        known = known or any(key.startswith(_OF_SEARCHES) for key in settings)
        metadata = _metadata(settings.get("action.correlationsearch.metadata"))
        rest = {key: _as_conf(value) for key, value in settings.items() if key != "search"}
        number = str(metadata.get("detection_version", ""))
        yield Deployed(
            "splunk",
            str(metadata.get("detection_id", name)).lower() if metadata else name,
            name,
            rest,
            None if query is None else str(query),
            _version_of(number),
            name.startswith("Unissued - "),
        )
    if path and not known:
        raise LogError.at(path, "holds no saved searches", "savedsearches.conf, or an export as JSON")


def _as_conf(value: object) -> object:
    """Return a setting of the API as a file has it."""
    return str(int(value)) if isinstance(value, bool) else value


def _metadata(text: object) -> Mapping[str, Any]:
    try:
        found = json.loads(str(text))
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _version_of(number: str) -> str:
    """Return ``1.2.0`` of ``10200``, which is how Splunk's metadata say it."""
    if not number.isdecimal() or len(number) > 9:
        return ""
    whole = int(number)
    return f"{whole // 10000}.{whole // 100 % 100}.{whole % 100}"


def _flat(settings: Mapping[str, Any], prefix: str = "", depth: int = 0) -> dict[str, Any]:
    """Return nested settings with dotted keys; lists stay."""
    flat: dict[str, Any] = {}
    for key, value in settings.items():
        if isinstance(value, dict) and value and depth < 16:
            flat |= _flat(value, f"{prefix}{key}.", depth + 1)
        else:
            flat[f"{prefix}{key}"] = value
    return flat
