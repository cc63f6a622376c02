"""Records of the unified audit log: bare, in audit searches, and in the tables of Sentinel and Defender."""

from __future__ import annotations

import re
from collections.abc import Mapping

from unissued.logs.decode import UnreadableError, payload, without_odata
from unissued.logs.naming import folded, is_empty
from unissued.logs.rows import Container
from unissued.logs.tables import AUDIT, CLOUD_APP_EVENTS, EXCHANGE, OFFICE_ACTIVITY, RECORD_TYPES, WORKLOADS
from unissued.logs.verdict import Draft, Drafter, Keys, Refused, Skipped, Verdict, as_object, table_shape, word

_GUID_AT_END = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$", re.IGNORECASE)
_DIRECTORY_CHANGE = re.compile(
    r"(?:Add|Update|Remove|Delete|Hard Delete|Restore|Consent|Create|Change|Reset|Set|Disable|Enable|Revoke) .+[. ]",
)
_EXCHANGE_APPLICATION = ("microsoft exchange online", "20893")
_ABOUT_THE_ADDRESS = ("IsAnonymousProxy", "IPTags")
"""Columns of CloudAppEvents that say more than the record; rules ask for them."""
_OFFICE_APPLICATION = ("office 365", "microsoft 365", "11161")


def is_core(keys: Keys) -> bool:
    """Whether the row is a record of the unified audit log itself."""
    if "raweventdata" in keys or "auditdata" in keys or "operation" not in keys:
        return False
    return not is_empty(keys.get("workload")) or ("recordtype" in keys and "creationtime" in keys)


def audit_search(
    drafter: Drafter, _row: Mapping[str, object], keys: Keys, container: Container, shape: str = ""
) -> Verdict | None:
    """A row of an audit search: the record is in ``AuditData``, beside it there are a time and an id of last resort."""
    if "auditdata" not in keys:
        return None
    shape = shape or _audit_shape(keys, container)
    if is_empty(keys["auditdata"]):
        return Refused("AuditData is empty", shape)
    try:
        core = payload(keys["auditdata"])
    except UnreadableError as error:
        return Refused(f"AuditData {error}", shape)
    if shape.startswith("A6"):
        core = as_object(without_odata(core))
    written = folded(core)
    if is_empty(written.get("id")):
        for key in ("recordid", "identity", "id"):
            if not is_empty(keys.get(key)):
                core = {**core, "Id": keys[key]}
                break
    return _audit_record(drafter, core, shape, "", [keys.get("creationdate"), keys.get("createddatetime")])


def core(drafter: Drafter, row: Mapping[str, object], keys: Keys, container: Container) -> Verdict | None:
    """A bare record of the unified audit log."""
    if not is_core(keys):
        return None
    shapes = {"array": "A7 Management Activity API blob", "csv": "A5 flattened core records as CSV"}
    return _audit_record(drafter, row, shapes.get(container, "A8 bare core records"), "", [])


def _audit_record(
    drafter: Drafter,
    core: Mapping[str, object],
    shape: str,
    table: str,
    wrapper_times: list[object],
    otherwise: str = "",
) -> Verdict:
    keys = folded(core)
    workload = keys.get("workload")
    if isinstance(workload, str) and workload.strip():
        source = WORKLOADS.get(workload.strip().casefold())
    else:
        source = RECORD_TYPES.get(str(keys.get("recordtype", "")).strip().casefold())
        workload = otherwise or "unknown workload"
    if source is None:
        return Skipped(workload, shape)
    return drafter.draft(source, table, shape, core, wrapper_times=wrapper_times)


def cloud_app(drafter: Drafter, row: Mapping[str, object], keys: Keys, container: Container) -> Verdict | None:
    """A row of CloudAppEvents."""
    raw = keys.get("raweventdata")
    if is_empty(keys.get("actiontype")) and is_empty(raw):
        return None
    shape = table_shape(keys, container)
    application = keys.get("application")
    times = [keys.get("timegenerated"), keys.get("timestamp")]
    if is_empty(raw):
        return _cloud_app_columns(drafter, row, keys, shape)
    try:
        core = payload(raw)
    except UnreadableError as error:
        return Refused(f"RawEventData {error}", shape)
    written = folded(core)
    beside = {"Operation": keys.get("actiontype"), "Id": _guid_at_end(keys.get("reportid"))}
    beside |= {name: keys.get(name.casefold()) for name in _ABOUT_THE_ADDRESS}
    lacking = {name: value for name, value in beside.items() if is_empty(written.get(name.casefold()))}
    core = core | {name: value for name, value in lacking.items() if not is_empty(value)}  # false is a value
    kind = application if isinstance(application, str) and application else "CloudAppEvents"
    return _audit_record(drafter, core, shape, "CloudAppEvents", times, kind)


def _cloud_app_columns(drafter: Drafter, row: Mapping[str, object], keys: Keys, shape: str) -> Verdict | None:
    """A row whose raw record is absent: its own columns say less, and some mean something else."""
    if is_empty(keys.get("application")) or is_empty(keys.get("applicationid")):
        return None
    said = [str(keys["application"]).casefold(), str(keys["applicationid"])]
    action = str(keys["actiontype"])
    if any(word in _EXCHANGE_APPLICATION for word in said):
        source = EXCHANGE
    elif any(word in _OFFICE_APPLICATION for word in said) and _DIRECTORY_CHANGE.fullmatch(action):
        source = AUDIT
    else:
        return Skipped(str(keys["application"]), shape)
    columns = CLOUD_APP_EVENTS if source == EXCHANGE else {**CLOUD_APP_EVENTS, "ipaddress": "ClientIP"}
    # ObjectId and ApplicationId are catalogue numbers and names there, not what a raw record calls so.
    own = {key: value for key, value in row.items() if key.casefold() not in ("objectid", "applicationid")}
    own["Id"] = _guid_at_end(keys.get("reportid")) or keys.get("id", "")
    draft = drafter.draft(source, "CloudAppEvents", shape, own, columns=columns)
    if isinstance(draft, Draft):
        draft.notes.append("CloudAppEvents row without RawEventData: few fields")
    return draft


def office(drafter: Drafter, row: Mapping[str, object], keys: Keys, container: Container) -> Verdict | None:
    """A row of OfficeActivity."""
    said = {word(keys.get("type")), word(keys.get("$table"))}
    if "officeactivity" not in said and is_empty(keys.get("officeworkload")):
        return None
    shape = table_shape(keys, container)
    if is_empty(keys.get("operation")):
        return Refused("an aggregate of OfficeActivity, no event", shape)
    workload = str(keys.get("officeworkload") or "unknown workload")
    source = WORKLOADS.get(workload.strip().casefold())
    if source is None:
        return Skipped(workload, shape)
    return drafter.draft(source, "OfficeActivity", shape, row, columns=OFFICE_ACTIVITY)


def _audit_shape(keys: Keys, container: Container) -> str:
    if "auditlogrecordtype" in keys:
        return "A6 Graph audit query"
    if container == "csv" and "recordid" in keys:
        return "A1 Purview portal CSV"
    if "identity" in keys or "resultindex" in keys:
        return "A3 Search-UnifiedAuditLog CSV" if container == "csv" else "A4 Search-UnifiedAuditLog JSON"
    return "A2 old portal CSV" if container == "csv" else "A4 Search-UnifiedAuditLog JSON"


def _guid_at_end(value: object) -> str:
    match = _GUID_AT_END.search(value) if isinstance(value, str) else None
    return match[0] if match else ""
