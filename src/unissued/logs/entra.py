"""Records of Entra: sign-ins, directory audit and risks, in Entra's own form, in Sentinel's tables and in exports."""

from __future__ import annotations

from collections.abc import Mapping

from unissued.logs.decode import UnreadableError, payload, without_odata
from unissued.logs.graph import graph_envelope
from unissued.logs.naming import is_empty
from unissued.logs.rows import Container
from unissued.logs.tables import (
    DEFENDER_SIGNIN,
    DEFENDER_SIGNINS,
    DIRECTORY,
    PORTAL_SIGNIN,
    RISKS,
    SIGNIN_CATEGORIES,
    SIGNIN_TABLES,
    SIGNINS,
    entra_column,
    portal_signin_table,
    signin_table,
)
from unissued.logs.verdict import Drafter, Keys, Refused, Skipped, Verdict, as_object, table_shape, word

# Sentinel's own columns: where one of them is, the row is a table row and not Entra's own form.
_TABLE_COLUMNS = ("timegenerated", "resulttype", "resourceidentity", "operationname", "aadtenantid")
_SIGNIN_COLUMNS = (
    "resourceidentity", "resourceid", "isinteractive", "conditionalaccessstatus", "signineventtypes",
    "originalrequestid", "clientappused",
)  # fmt: skip
_SIGNIN_IDENTITY = (
    "id", "requestid", "appid", "applicationid", "userid", "userprincipalname", "uniquetokenidentifier",
    "serviceprincipalid", "originalrequestid",
)  # fmt: skip
_OLD_PORTAL = frozenset(("createddatetime", "userprincipalname", "appdisplayname", "ipaddress"))
_SIGNIN_IDS = frozenset(("id", "requestid", "appid", "uniquetokenidentifier", "correlationid"))
_RISK_CATEGORY = "userriskevents"
_RISK_TABLE = "AADUserRiskEvents"


def diagnostic(drafter: Drafter, _row: Mapping[str, object], keys: Keys, _container: Container) -> Verdict | None:
    """An Entra record in the envelope of Event Hub, storage or Splunk."""
    kind = envelope_category(keys)
    if not kind:
        return None
    shape = "B4 diagnostic envelope"
    if kind.casefold() not in ("auditlogs", "microsoftgraphactivitylogs", _RISK_CATEGORY, *SIGNIN_CATEGORIES):
        return Skipped(kind, shape)
    try:
        inner = payload(keys["properties"])
    except UnreadableError as error:
        return Refused(f"properties {error}", shape)
    if kind.casefold() == "microsoftgraphactivitylogs":
        return graph_envelope(drafter, keys, inner, "C1 Graph activity envelope")
    if kind.casefold() == _RISK_CATEGORY:
        row = {"TimeGenerated": keys.get("time"), **as_object(without_odata(inner))}
        return drafter.draft(RISKS, _RISK_TABLE, shape, row)
    return _entra(drafter, keys, inner, shape)


def envelope_category(keys: Keys) -> str:
    """The category of a diagnostic envelope; empty for a row that is none."""
    category = keys.get("category")
    if not isinstance(category, str) or is_empty(keys.get("properties")):
        return ""
    return "" if {"type", "$table", "targetresources"} & keys.keys() else category


def _entra(drafter: Drafter, keys: Keys, inner: Mapping[str, object], shape: str) -> Verdict:
    row = {entra_column(key): value for key, value in as_object(without_odata(inner)).items()}
    directory = str(keys["category"]).casefold() == "auditlogs"
    beside = {
        "Category": None if directory else keys["category"],
        "ResultType": keys.get("resulttype"),
        "AADTenantId": keys.get("tenantid"),
        "CorrelationId": keys.get("correlationid"),
        "IPAddress": None if directory else keys.get("calleripaddress"),
        "OperationName": row.get("ActivityDisplayName") or keys.get("operationname"),
        "TimeGenerated": keys.get("time"),
    }
    row |= {name: value for name, value in beside.items() if value is not None and is_empty(row.get(name))}
    if directory:
        return drafter.draft(DIRECTORY, "AuditLogs", shape, row)
    return drafter.draft(SIGNINS, SIGNIN_CATEGORIES[str(keys["category"]).casefold()], shape, row)


def portal_signin(drafter: Drafter, row: Mapping[str, object], keys: Keys, _container: Container) -> Verdict | None:
    """A row of the sign-in CSV of the Entra portal."""
    shape = "B1 Entra portal sign-in CSV"
    if keys.keys() >= _OLD_PORTAL and not _SIGNIN_IDS & keys.keys():
        return Refused("a sign-in CSV of the portal's older form, without ids; download the sign-ins as JSON", shape)
    if "date (utc)" not in keys or "request id" not in keys:
        return None
    if "application id" not in keys:
        return Skipped("sign-in authentication details", shape)
    table = portal_signin_table(drafter.file, keys)
    return drafter.draft(SIGNINS, table, shape, row, columns=PORTAL_SIGNIN)


def signin(drafter: Drafter, row: Mapping[str, object], keys: Keys, container: Container) -> Verdict | None:
    """A row of a sign-in table, or a sign-in as Microsoft Graph gives it."""
    said = {word(keys.get("type")), word(keys.get("$table"))}
    of_defender = bool(said & DEFENDER_SIGNINS.keys())
    named = of_defender or bool(said & SIGNIN_TABLES.keys()) or word(keys.get("category")) in SIGNIN_CATEGORIES
    if not named and not _looks_like_signin(keys):
        return None
    entra = not named and not any(column in keys for column in _TABLE_COLUMNS)
    shape = "B2 sign-in JSON" if entra else table_shape(keys, container)
    if all(is_empty(keys.get(name)) for name in _SIGNIN_IDENTITY):
        return Refused("an aggregate of sign-ins, no event", shape)
    if entra:
        row = {entra_column(key): value for key, value in as_object(without_odata(row)).items()}
        status = row.get("Status")
        if isinstance(status, dict) and "ResultType" not in row and not is_empty(status.get("errorCode")):
            row["ResultType"] = str(status["errorCode"])
    columns = DEFENDER_SIGNIN if of_defender else None
    return drafter.draft(SIGNINS, signin_table(keys), shape, row, columns=columns)


def directory(drafter: Drafter, row: Mapping[str, object], keys: Keys, container: Container) -> Verdict | None:
    """A row of AuditLogs, or a directory audit record as Microsoft Graph gives it."""
    named = "auditlogs" in (word(keys.get("type")), word(keys.get("$table")))
    names = ("initiatedby", "operationname", "activitydisplayname", "activitydatetime")
    if not named and not ("targetresources" in keys and any(name in keys for name in names)):
        return None
    entra = not named and "operationname" not in keys
    shape = "B3 directory audit JSON" if entra else table_shape(keys, container)
    if is_empty(keys.get("operationname")) and is_empty(keys.get("activitydisplayname")):
        return Refused("an aggregate of AuditLogs, no event", shape)
    if entra:
        row = {entra_column(key): value for key, value in as_object(without_odata(row)).items()}
    row = {**row, "OperationName": keys.get("operationname") or keys["activitydisplayname"]}
    return drafter.draft(DIRECTORY, "AuditLogs", shape, row)


def risk(drafter: Drafter, row: Mapping[str, object], keys: Keys, container: Container) -> Verdict | None:
    """A row of AADUserRiskEvents, or a risk detection as Microsoft Graph gives it."""
    named = _RISK_TABLE.casefold() in (word(keys.get("type")), word(keys.get("$table")))
    # Service principals have risk detections too, in a table of their own.
    of_a_user = "riskeventtype" in keys and ("userprincipalname" in keys or "userid" in keys)
    if not named and not (of_a_user and ("activitydatetime" in keys or "detecteddatetime" in keys)):
        return None
    entra = not named and "timegenerated" not in keys
    shape = "B5 risk detection JSON" if entra else table_shape(keys, container)
    if is_empty(keys.get("riskeventtype")):
        return Refused(f"an aggregate of {_RISK_TABLE}, no event", shape)
    return drafter.draft(RISKS, _RISK_TABLE, shape, as_object(without_odata(row)) if entra else row)


def _looks_like_signin(keys: Keys) -> bool:
    if "createddatetime" not in keys and "timegenerated" not in keys:
        return False
    if "requesturi" in keys or "signinactivityid" in keys or "targetresources" in keys:
        return False  # Microsoft Graph activity names a token and an application too
    return "uniquetokenidentifier" in keys or ("appid" in keys and any(column in keys for column in _SIGNIN_COLUMNS))
