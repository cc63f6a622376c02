"""Seeds mistakes into the files for Sentinel and Defender XDR and asks whether a check finds each.

``python tests/seeded_packages.py`` prints a line a mistake; status 1 when one is not found.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1] / "src"))

import yaml

from package_checks import problems

ROOT = Path(__file__).parents[1]
_TEMPLATE = "kql/sentinel/mail_token_across_networks.yaml"
_RULE = "kql/sentinel/arm/mail_app_new_to_tenant.json"
_ALL = "kql/sentinel/bundle/all.json"
_HUNT = "kql/sentinel/hunting/health-feed-coverage.json"
_LIST = "kql/sentinel/watchlists/unissued_baseline_mail_apps.json"
_DETECTION = "kql/defender/mail_token_across_networks.detection.json"
_BULK = "kql/defender/mail_read_in_bulk.detection.json"
_WORKBOOK = "kql/sentinel/workbooks/mail_readers.workbook.json"


@dataclass(frozen=True)
class Mistake:
    """One way in which a file can be wrong."""

    name: str
    code: str
    """What the check that finds it says first."""
    path: str
    spoil: Callable[[Any], None]
    """Changes the file's document."""


def _properties(document: Any) -> Any:
    return document["resources"][0]["properties"]


def _put(*keys: str | int, value: object) -> Callable[[Any], None]:
    def spoil(document: Any) -> None:
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] = value

    return spoil


def _drop(*keys: str | int) -> Callable[[Any], None]:
    def spoil(document: Any) -> None:
        for key in keys[:-1]:
            document = document[key]
        del document[keys[-1]]

    return spoil


def _longer(*keys: str | int, by: int) -> Callable[[Any], None]:
    def spoil(document: Any) -> None:
        for key in keys[:-1]:
            document = document[key]
        document[keys[-1]] += "\n" + "// " + "x" * by

    return spoil


_P = ("resources", 0, "properties")
_A = ("detectionAction", "alertTemplate")
MISTAKES = (
    Mistake("column in the wrong case", "SEN012", _TEMPLATE, _put("customDetails", "UserId", value="UserID")),
    Mistake("mapping of a column that is not returned", "SEN012", _RULE, _put(
        *_P, "entityMappings", 0, "fieldMappings", 0, "columnName", value="AccountName")),
    Mistake("placeholder of a column that is not returned", "SEN012", _RULE, _put(
        *_P, "alertDetailsOverride", "alertDisplayNameFormat", value="Mail read by {{Reader}}")),
    Mistake("placeholder that is not closed", "SEN013", _TEMPLATE, _put(
        "alertDetailsOverride", "alertDisplayNameFormat", value="Mail read by {{UserId}")),
    Mistake("Entra id as number of an application", "SEN010", _RULE, _put(
        *_P, "entityMappings", 3, "fieldMappings", 0, "identifier", value="AppId")),
    Mistake("missing suppressionDuration", "SEN001", _RULE, _drop(*_P, "suppressionDuration")),
    Mistake("missing query", "SEN001", _TEMPLATE, _drop("query")),
    Mistake("template duration in ARM", "SEN001", _RULE, _put(*_P, "queryPeriod", value="26h")),
    Mistake("ISO duration in a template", "SEN001", _TEMPLATE, _put("queryFrequency", value="PT1H")),
    Mistake("looks back less than it runs", "SEN006", _TEMPLATE, _put("queryPeriod", value="30m")),
    Mistake("looks back longer than a rule may", "SEN005", _TEMPLATE, _put("queryPeriod", value="15d")),
    Mistake("every quarter of an hour over two days", "SEN006", "kql/sentinel/arm/mail_token_across_users.json", _put(
        "parameters", "frequency", "allowedValues", value=["PT15M", "PT1H"])),
    Mistake("id of another rule", "SEN003", _TEMPLATE, _put("id", value="dfc233a3-ea71-538c-af5f-5d3fdf655a35")),
    Mistake("rule twice in one deployment", "SEN019", _ALL, lambda it: it["resources"].append(it["resources"][0])),
    Mistake("query too long for a template", "SEN001", _TEMPLATE, _longer("query", by=10_000)),
    Mistake("query of the deployment is another one", "SEN022", _RULE, _longer(*_P, "query", by=1)),
    Mistake("tactic of ATT&CK v19", "SEN001", _RULE, _put(*_P, "tactics", 0, value="Stealth")),
    Mistake("sub-technique among techniques", "SEN001", _RULE, _put(*_P, "techniques", 0, value="T1114.002")),
    Mistake("technique without its tactic", "SEN016", _TEMPLATE, _put("tactics", value=["Impact"])),
    Mistake("sub-techniques in a stable version", "SEN001", _RULE, _put(*_P, "subTechniques", value=["T1114.002"])),
    Mistake("preview version of the interface", "SEN018", _RULE, _put(
        "resources", 0, "apiVersion", value="2025-07-01-preview")),
    Mistake("old version of the interface", "SEN018", _LIST, _put("resources", 0, "apiVersion", value="2020-01-01")),
    Mistake("enabled by default", "SEN024", _RULE, _put("parameters", "enabled", "defaultValue", value=True)),
    Mistake("enabled whatever the parameter says", "SEN024", _ALL, _put(*_P, "enabled", value="[equals(1, 1)]")),
    Mistake("severity in small letters", "SEN001", _TEMPLATE, _put("severity", value="medium")),
    Mistake("grouped by a detail that is not mapped", "SEN017", _RULE, _put(
        *_P, "incidentConfiguration", "groupingConfiguration", "groupByCustomDetails", value=["Reader"])),
    Mistake("parameter that nobody declares", "SEN023", _ALL, _drop("parameters", "severities")),
    Mistake("query that does not bind", "KQL000", _HUNT, _put(*_P, "query", value="OfficeActivity | where No == 1")),
    Mistake("category of hunting queries misspelt", "SEN001", _HUNT, _put(*_P, "category", value="Hunting queries")),
    Mistake("list that no query finds", "SEN026", _LIST, _put(*_P, "watchlistAlias", value="unissued_baseline")),
    Mistake("list that is not shipped", "SEN021", _HUNT, _put(*_P, "query", value="_GetWatchlist('unissued_apps')")),
    Mistake("list too large", "SEN026", _LIST, lambda list_: _properties(list_).update(
        rawContent="Key,status,applications,reviewed_by,note\n" + "a,,,,\n" * 700_000)),
    Mistake("list that lost rows", "SEN026", _LIST, lambda list_: _properties(list_).update(
        rawContent="Key,status,applications,reviewed_by,note\na|b|c,,,,\n#rows=2,,,,\n")),
    Mistake("workbook: column that its query does not return", "SEN012", _WORKBOOK, _put(
        "items", 2, "content", "gridSettings", "formatters", 0, "columnMatch", value="Records")),
    Mistake("workbook: time of a parameter that is not there", "SEN027", _WORKBOOK, _put(
        "items", 2, "content", "timeContextFromParameter", value="Period")),
    Mistake("workbook: deployment of another one", "SEN027", "kql/sentinel/workbooks/mail_readers.arm.json", _put(
        *_P, "serializedData", value='{"items": []}')),
    Mistake("Defender: no time of the event", "SEN012", _BULK, lambda rule: rule["queryCondition"].update(
        queryText=rule["queryCondition"]["queryText"].replace("project Timestamp = T", "project Time = T"))),
    Mistake("Defender: names of before May 2026", "SEN001", _DETECTION, _put(
        "schedule", value={"period": "1H"})),
    Mistake("Defender: enabled", "SEN001", _DETECTION, _put("status", value="enabled")),
    Mistake("Defender: no entity", "SEN001", _DETECTION, _put(*_A, "entityMappings", value={})),
    Mistake("Defender: query too long", "SEN001", _DETECTION, _longer("queryCondition", "queryText", by=9_500)),
    Mistake("Defender: four columns in title and description", "SEN013", _DETECTION, _put(
        *_A, "description", value="{{AppId}} {{ClientAppId}} {{UserId}}")),
    Mistake("Defender: response action", "SEN001", _DETECTION, _put(
        "detectionAction", "automatedActions", value={"disableUsers": []})),
)  # fmt: skip


def shipped() -> dict[str, str]:
    """Return every packaged file as it is committed."""
    paths = sorted(path for path in (ROOT / "kql").rglob("*") if path.is_file())
    return {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in paths}


def seeded(files: Mapping[str, str], mistake: Mistake) -> dict[str, str]:
    """Return the files with one mistake in them.

    Raises:
        ValueError: the mistake changes nothing.
    """
    text = files[mistake.path]
    in_yaml = mistake.path.endswith(".yaml")
    document = yaml.safe_load(text) if in_yaml else json.loads(text)
    before = json.dumps(document)
    mistake.spoil(document)
    if json.dumps(document) == before:
        raise ValueError(f"{mistake.name}: nothing changed in {mistake.path}")
    return {**files, mistake.path: yaml.safe_dump(document) if in_yaml else json.dumps(document)}


def found(files: Mapping[str, str], mistake: Mistake) -> list[str]:
    """Return what the checks say of a mistake and not without it, with its code."""
    return [line for line in problems(seeded(files, mistake), mistake.path) if mistake.code in re.split(r"[: ]+", line)]


def main() -> int:
    """Seed every mistake."""
    files = shipped()
    missed = 0
    for mistake in MISTAKES:
        lines = found(files, mistake)
        missed += not lines
        print(f"{'found ' if lines else 'MISSED'} {mistake.name}: {lines[0][:150] if lines else ''}")  # noqa: T201
    print(f"{len(MISTAKES) - missed} of {len(MISTAKES)} found")  # noqa: T201
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
