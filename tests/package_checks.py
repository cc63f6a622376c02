"""Everything that can be said offline about the files for Sentinel and Defender XDR, from what they contain alone.

Each check returns lines that begin with a code of ``packaging.md``'s list. Nothing of ``unissued.package`` is asked.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from jsonschema import Draft202012Validator

from unissued.engines.binder import Binder
from unissued.pack import load_catalogue
from unissued.tables import schemas
from unissued.verify.shipped import binder_of

Files = Mapping[str, str]
"""Path below the repository -> text."""

_API = {
    "alertRules": "2025-09-01",
    "Watchlists": "2025-09-01",
    "savedSearches": "2023-09-01",
    "workbooks": "2023-06-01",
}
_ENTITIES = {
    "Account": (
        {"FullName", "Sid", "Name", "AadUserId", "PUID", "ObjectGuid"},
        {"NTDomain", "DnsDomain", "UPNSuffix", "AadTenantId", "IsDomainJoined", "DisplayName"},
    ),
    "Mailbox": ({"MailboxPrimaryAddress"}, {"DisplayName", "Upn", "ExternalDirectoryObjectId", "RiskLevel"}),
    "IP": ({"Address"}, set()),
    "CloudApplication": ({"Name"}, {"InstanceName"}),  # AppId is a number of Defender for Cloud Apps
    "DNS": ({"DomainName"}, set()),
}
"""Entity -> identifiers of which one must be there, and others that may."""
_TACTICS = {
    "T1078": {"DefenseEvasion", "Persistence", "PrivilegeEscalation", "InitialAccess"},
    "T1090": {"CommandAndControl"},
    "T1098": {"Persistence", "PrivilegeEscalation"},
    "T1114": {"Collection"},
    "T1136": {"Persistence"},
    "T1199": {"InitialAccess"},
    "T1484": {"DefenseEvasion", "PrivilegeEscalation"},
    "T1528": {"CredentialAccess"},
    "T1550": {"LateralMovement", "DefenseEvasion"},
    "T1562": {"DefenseEvasion"},
    "T1606": {"CredentialAccess"},
    "T1671": {"Persistence"},
}
_LARGEST_LIST = 3_800_000
_WATCHLIST = re.compile(r"_GetWatchlist\('([^']*)'\)")
_PLACEHOLDER = re.compile(r"\{\{(\w+)\}\}")


def problems(files: Files, only: str = "") -> list[str]:
    """Return what is wrong with a set of packaged files; the plain queries belong to it.

    Args:
        files: all of them.
        only: the one file to look into; what holds among all files is looked at in any case.
    """
    found: list[str] = []
    for path, text in files.items() if not only else [(only, files[only])]:
        for pattern, check in _CHECKS:
            if re.fullmatch(pattern, path):
                try:
                    for line in check(path, text, files):
                        found.append(f"{path}: {line}")  # noqa: PERF401 - what was found before an error counts
                except (ValueError, KeyError, TypeError, AttributeError, yaml.YAMLError) as error:
                    found.append(f"{path}: SEN000 cannot be read: {error!r}")
                break
        else:
            found.append(f"{path}: SEN000 is no file that is known")
    return found + list(_unique(files))


@cache
def _schemas() -> Mapping[str, Any]:
    schemas: Mapping[str, Any] = yaml.safe_load(Path(__file__).with_name("package_schemas.yml").read_text("utf-8"))
    return schemas


@cache
def _read_yaml(text: str) -> Any:
    return yaml.safe_load(text)


def _against(name: str, value: object) -> Iterator[str]:
    for error in Draft202012Validator(_schemas()[name]).iter_errors(value):
        where = "/".join(map(str, error.absolute_path)) or "document"
        yield f"SEN001 {where}: {error.message[:200]}"


SECURITY_ALERT = {"TimeGenerated": "datetime", "SystemAlertId": "string", "AlertType": "string"}
"""What the workbook asks of the table of alerts, which holds no log source of ours."""


@cache
def _workbook_binder() -> Binder:
    return Binder({**schemas(load_catalogue(), "sentinel"), "SecurityAlert": SECURITY_ALERT})


@cache
def bound(target: str, query: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the problems and the result columns of a query, as Microsoft's binder sees them."""
    made = (_workbook_binder() if "SecurityAlert" in query else binder_of(target)).bind(query)
    return made.problems, tuple(made.columns)


def plain(files: Files, target: str, rule: str) -> str:
    """Return the query that ``verify`` executes: the committed file without the comment above it."""
    lines = files[f"kql/{target}/{rule}.kql"].splitlines(keepends=True)
    first = next(number for number, line in enumerate(lines) if not line.startswith("//"))
    return "".join(lines[first:])


def _query(target: str, query: str, names: Sequence[str]) -> Iterator[str]:
    """Check that a query binds and returns these columns, letter by letter."""
    wrong, columns = bound(target, query)
    yield from (f"KQL000 {line}" for line in wrong)
    yield from (f"SEN012 column {name} is not in the result" for name in names if name not in columns)


def _mapped(mappings: Any, details: Mapping[str, str], override: Mapping[str, str]) -> Iterator[str]:
    """Yield every column that an alert is made of, and check the mappings alone."""
    for mapping in mappings:
        yield from (field["columnName"] for field in mapping["fieldMappings"])
    yield from details.values()
    for text in override.values():
        yield from _PLACEHOLDER.findall(text)


def _alert(mappings: Any, override: Mapping[str, str]) -> Iterator[str]:
    for mapping in mappings:
        kind, fields = mapping["entityType"], mapping["fieldMappings"]
        required, others = _ENTITIES.get(kind, (set(), set()))
        identifiers = [field["identifier"] for field in fields]
        if not required & set(identifiers) or not set(identifiers) <= required | others:
            yield f"SEN010 {kind} by {identifiers}"
        if len({field["columnName"] for field in fields}) < len(fields):
            yield f"SEN011 {kind} has one column twice"
    for key, text in override.items():
        if text.count("{{") != len(_PLACEHOLDER.findall(text)) or text.count("}}") != text.count("{{"):
            yield f"SEN013 {key} has a broken placeholder"
        if len(_PLACEHOLDER.findall(text)) > 3:
            yield f"SEN013 {key} has more than three placeholders"


def _techniques(techniques: Sequence[str], tactics: Sequence[str]) -> Iterator[str]:
    for one in techniques:
        if not _TACTICS.get(one.split(".")[0], set()) & set(tactics):
            yield f"SEN016 {one} serves none of {tactics}"


def _span(text: str) -> timedelta:
    match = re.fullmatch(r"(?:P(\d+)D|PT(\d+)([HM])|(\d+)([dhm]))", text)
    if not match:
        raise ValueError(f"{text} is no duration")
    if match[1]:
        return timedelta(days=int(match[1]))
    amount, unit = int(match[2] or match[4]), (match[3] or match[5]).lower()
    return amount * {"d": timedelta(days=1), "h": timedelta(hours=1), "m": timedelta(minutes=1)}[unit]


def _schedule(frequency: str, period: str) -> Iterator[str]:
    often, back = _span(frequency), _span(period)
    if not timedelta(minutes=5) <= often <= timedelta(days=14) or not timedelta(minutes=5) <= back <= timedelta(14):
        yield f"SEN005 {frequency} or {period} is not between 5 minutes and 14 days"
    if back < often:
        yield f"SEN006 looks back {period}, less than it runs ({frequency})"
    if back >= timedelta(days=2) and often < timedelta(hours=1):
        yield f"SEN006 looks back {period} and runs every {frequency}: an hour at least"


def _lists(query: str, files: Files) -> Iterator[str]:
    for alias in _WATCHLIST.findall(query):
        if f"kql/sentinel/watchlists/{alias}.json" not in files:
            yield f"SEN021 watchlist {alias} is not shipped"


def _template(path: str, text: str, files: Files) -> Iterator[str]:
    rule = _read_yaml(text)
    yield from _against("template", rule)
    query, override = rule["query"], rule.get("alertDetailsOverride", {})
    if query != plain(files, "sentinel", Path(path).stem):
        yield "SEN022 its query is not the one that verify executes"
    yield from _query("sentinel", query, list(_mapped(rule["entityMappings"], rule["customDetails"], override)))
    yield from _alert(rule["entityMappings"], override)
    yield from _techniques(rule["relevantTechniques"], rule["tactics"])
    yield from _schedule(rule["queryFrequency"], rule["queryPeriod"])
    yield from _lists(query, files)


def _deployment(path: str, text: str, files: Files) -> Iterator[str]:
    template = json.loads(text)
    yield from _against("deployment", template)
    parameters = template["parameters"]
    used = set(re.findall(r"parameters\('([^']*)'\)", text))
    yield from (f"SEN023 parameter {name} is used and not declared" for name in sorted(used - set(parameters)))
    yield from (f"SEN023 parameter {name} is declared and not used" for name in sorted(set(parameters) - used))
    names = Counter(resource["name"] for resource in template["resources"])
    yield from (f"SEN019 {name} is deployed {count} times" for name, count in names.items() if count > 1)
    for resource in template["resources"]:
        kind = resource["type"].rsplit("/", 1)[-1]
        if _API.get(kind) != resource["apiVersion"]:
            yield f"SEN018 {resource['type']} in version {resource['apiVersion']}"
        properties = {key: _literal(value) for key, value in resource["properties"].items()}
        yield from _against(kind, properties)
        yield from _RESOURCES[kind](path, resource, properties, parameters, files)


def _literal(value: object) -> object:
    return value[1:] if isinstance(value, str) and value.startswith("[[") else value


def _alert_rule(path: str, resource: Any, rule: Any, parameters: Any, files: Files) -> Iterator[str]:
    bundle = path.endswith("bundle/all.json")
    wanted: object = [] if bundle else False
    if parameters["enabled"].get("defaultValue") != wanted or "parameters('enabled')" not in str(rule["enabled"]):
        yield "SEN024 is not shipped disabled"
    name = _name_of(rule["query"], files)
    if name is None or (not bundle and name != Path(path).stem):
        yield "SEN022 its query is not the one that verify executes"
    elif (not bundle and parameters["analytic-id"]["defaultValue"] != _read_yaml(_yaml(files, name))["id"]) or (
        bundle and _read_yaml(_yaml(files, name))["id"] not in resource["name"]
    ):
        yield "SEN003 has another id than its template"
    override = rule.get("alertDetailsOverride", {})
    yield from _query("sentinel", rule["query"], list(_mapped(rule["entityMappings"], rule["customDetails"], override)))
    yield from _alert(rule["entityMappings"], override)
    yield from _techniques(rule["techniques"], rule["tactics"])
    yield from _lists(rule["query"], files)
    for frequency in _choices(rule["queryFrequency"], parameters):
        yield from _schedule(frequency, rule["queryPeriod"])
    grouping = rule["incidentConfiguration"]["groupingConfiguration"]
    unknown = set(grouping["groupByCustomDetails"]) - set(rule["customDetails"])
    unknown |= set(grouping["groupByEntities"]) - {mapping["entityType"] for mapping in rule["entityMappings"]}
    if unknown:
        yield f"SEN017 groups by {sorted(unknown)}, which it does not map"
    by = (*grouping["groupByCustomDetails"], *grouping["groupByEntities"], *grouping["groupByAlertDetails"])
    if grouping["matchingMethod"] == "Selected" and not by:
        yield "SEN017 groups by nothing"


def _yaml(files: Files, name: str) -> str:
    return files[f"kql/sentinel/{name}.yaml"]


def _name_of(query: str, files: Files) -> str | None:
    """Return the rule whose committed query this is."""
    for path in files:
        match = re.fullmatch(r"kql/sentinel/(\w+)\.kql", path)
        if match and plain(files, "sentinel", match[1]) == query:
            return match[1]
    return None


def _choices(expression: str, parameters: Any) -> list[str]:
    """Return the values that a property can have: those allowed to its parameter, or its default."""
    if match := re.fullmatch(r"\[parameters\('([^']*)'\)\]", expression):
        given = parameters[match[1]]
        return list({given["defaultValue"], *given.get("allowedValues", ())})
    return re.findall(r"'([^']*)'\)\]$", expression)


def _saved_search(_path: str, resource: Any, search: Any, _parameters: Any, files: Files) -> Iterator[str]:
    query = re.sub(r"\{\{(Start|End)TimeISO\}\}", "2026-03-02T00:00:00Z", search["query"])
    yield from _query("sentinel", query, [])
    yield from _lists(query, files)
    if resource.get("etag") != "*":
        yield "SEN025 a second deployment would be refused"


def _watchlist(path: str, _resource: Any, wanted: Any, _parameters: Any, files: Files) -> Iterator[str]:
    table = wanted["rawContent"]
    alias = wanted["watchlistAlias"]
    if len(table.encode()) > _LARGEST_LIST:
        yield f"SEN026 has {len(table.encode())} bytes"
    if Path(path).stem != alias or files.get(f"kql/sentinel/watchlists/{alias}.csv") != table:
        yield "SEN026 differs from its CSV"
    yield from _table(table, wanted["itemsSearchKey"])


def _table(table: str, key: str) -> Iterator[str]:
    rows = list(csv.reader(io.StringIO(table), strict=True))
    if key not in rows[0] or len(rows) < 2:
        yield f"SEN026 has no column {key}, or no row"
    if {len(row) for row in rows} != {len(rows[0])}:
        yield "SEN026 has ragged rows"
    said = [row[0] for row in rows[1:] if row[0].startswith("#rows=")]
    entries = {row[0].strip().lower() for row in rows[1:] if not row[0].startswith("#")}
    if said not in ([], [f"#rows={len(entries)}"]):
        yield f"SEN026 says {said} and has {len(entries)} entries"


def _list_file(_path: str, text: str, _files: Files) -> Iterator[str]:
    yield from _table(text, "Key")


def _workbook_resource(path: str, _resource: Any, workbook: Any, _parameters: Any, files: Files) -> Iterator[str]:
    gallery = path.replace(".arm.json", ".workbook.json")
    if json.loads(workbook["serializedData"]) != json.loads(files[gallery]):
        yield "SEN027 differs from its gallery form"


def _workbook(_path: str, text: str, _files: Files) -> Iterator[str]:
    document = json.loads(text)
    yield from _against("workbook", document)
    names = Counter(item["name"] for item in document["items"])
    yield from (f"SEN027 {name} is there {count} times" for name, count in names.items() if count > 1)
    parameters = {
        one["name"] for item in document["items"] if item["type"] == 9 for one in item["content"]["parameters"]
    }
    for item in document["items"]:
        if item["type"] != 3:
            continue
        content = item["content"]
        if "timeContext" not in content and content["timeContextFromParameter"] not in parameters:
            yield f"SEN027 {item['name']} asks for a parameter that is not there"
        shown = [one["columnMatch"] for one in content.get("gridSettings", {}).get("formatters", [])]
        yield from (f"{line} ({item['name']})" for line in _query("sentinel", content["query"], shown))


def _detection(path: str, text: str, files: Files) -> Iterator[str]:
    rule = json.loads(text)
    yield from _against("detection", rule)
    query, alert = rule["queryCondition"]["queryText"], rule["detectionAction"]["alertTemplate"]
    stem = Path(path).name.removesuffix(".detection.json")
    if query != plain(files, "defender", stem):
        yield "SEN022 its query is not the one that verify executes"
    if rule["id"] != f"unissued-{stem.replace('_', '-')}":
        yield "SEN003 has another id than its rule"
    names = [name for kind in alert["entityMappings"].values() for one in kind for name in one.values()]
    said = {"title": alert["title"], "description": alert.get("description", "")}
    shown = list(_mapped([], alert.get("customDetails", {}), said))
    yield from _query("defender", query, ["Timestamp", "ReportId", *names, *shown])
    yield from _alert([], said)
    if len({name for one in said.values() for name in _PLACEHOLDER.findall(one)}) > 3:
        yield "SEN013 more than three columns in title and description"
    if _span(rule["schedule"]["lookback"]) < _span(rule["schedule"]["frequency"]):
        yield "SEN006 looks back less than it runs"
    for tactic in alert["tactics"]:
        techniques = [one["technique"] for one in tactic["techniques"]]
        yield from _techniques(techniques, [tactic["tactic"]])
        for one in tactic["techniques"]:
            if any(not sub.startswith(f"{one['technique']}.") for sub in one["subTechniques"]):
                yield f"SEN016 {one} is no family"


def _nothing(_path: str, _text: str, _files: Files) -> Iterator[str]:
    yield from ()


def _unique(files: Files) -> Iterator[str]:
    """Check ids and names over all files."""
    ids: Counter[tuple[str, str]] = Counter()
    for path, text in files.items():
        try:
            if re.fullmatch(r"kql/sentinel/\w+\.yaml", path):
                rule = _read_yaml(text)
                ids.update([("id", rule["id"]), ("name", rule["name"])])
            elif path.startswith("kql/sentinel/arm/"):
                ids["deployed", json.loads(text)["parameters"]["analytic-id"]["defaultValue"]] += 1
            elif path.startswith("kql/sentinel/hunting/"):
                search = json.loads(text)["resources"][0]
                ids.update([("search", search["name"]), ("search title", search["properties"]["displayName"])])
            elif path.endswith(".detection.json"):
                rule = json.loads(text)
                alert = rule["detectionAction"]["alertTemplate"]
                ids.update([("Defender", rule["id"]), ("shown", rule["displayName"]), ("title", alert["title"])])
        except (ValueError, KeyError, TypeError, yaml.YAMLError):
            continue  # said where the file itself is checked
    yield from (f"SEN003 {kind} '{value}' is there {count} times" for (kind, value), count in ids.items() if count > 1)


_RESOURCES: Mapping[str, Callable[[str, Any, Any, Any, Files], Iterator[str]]] = {
    "alertRules": _alert_rule,
    "savedSearches": _saved_search,
    "Watchlists": _watchlist,
    "workbooks": _workbook_resource,
}
_CHECKS: Sequence[tuple[str, Callable[[str, str, Files], Iterator[str]]]] = (
    (r"kql/sentinel/\w+\.yaml", _template),
    (r"kql/sentinel/(arm|bundle|hunting|watchlists)/[\w-]+\.json", _deployment),
    (r"kql/sentinel/workbooks/\w+\.arm\.json", _deployment),
    (r"kql/sentinel/workbooks/\w+\.workbook\.json", _workbook),
    (r"kql/sentinel/watchlists/\w+\.csv", _list_file),
    (r"kql/defender/\w+\.detection\.json", _detection),
    (r"kql/(sentinel|defender)/(learn/|health/)?\w+\.kql", _nothing),
)
