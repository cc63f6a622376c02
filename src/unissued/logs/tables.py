"""What the tables and exports call things, and which feed a sign-in came from."""

from __future__ import annotations

from collections.abc import Mapping


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


EXCHANGE = "m365/exchange"
AUDIT = "m365/audit"
DIRECTORY = "azure/auditlogs"
SIGNINS = "azure/signinlogs"
GRAPH = "azure/graphactivity"
RISKS = "azure/riskdetection"

SIGNIN_TABLES = {
    name.casefold(): name
    for name in (
        "SigninLogs",
        "AADNonInteractiveUserSignInLogs",
        "AADServicePrincipalSignInLogs",
        "AADManagedIdentitySignInLogs",
        "MicrosoftServicePrincipalSignInLogs",
        "ADFSSignInLogs",
    )
}
SIGNIN_CATEGORIES = {
    "signinlogs": "SigninLogs",
    "noninteractiveusersigninlogs": "AADNonInteractiveUserSignInLogs",
    "serviceprincipalsigninlogs": "AADServicePrincipalSignInLogs",
    "managedidentitysigninlogs": "AADManagedIdentitySignInLogs",
    "microsoftserviceprincipalsigninlogs": "MicrosoftServicePrincipalSignInLogs",
    "adfssigninlogs": "ADFSSignInLogs",
}
DEFENDER_SIGNINS = {
    "entraidsigninevents": "EntraIdSignInEvents",
    "entraidspnsigninevents": "EntraIdSpnSignInEvents",
    "aadsignineventsbeta": "EntraIdSignInEvents",
    "aadspnsignineventsbeta": "EntraIdSpnSignInEvents",
}
GRAPH_TABLES = {
    "microsoftgraphactivitylogs": "MicrosoftGraphActivityLogs",
    "graphapiauditevents": "GraphAPIAuditEvents",
}
_EVENT_TYPES = {
    "interactiveuser": "SigninLogs",
    "noninteractiveuser": "AADNonInteractiveUserSignInLogs",
    "serviceprincipal": "AADServicePrincipalSignInLogs",
    "managedidentity": "AADManagedIdentitySignInLogs",
}
# The portal writes the kind of sign-ins nowhere but in the name that it gives to the download.
_PORTAL_FILES = {
    "noninteractivesignins": "AADNonInteractiveUserSignInLogs",
    "interactivesignins": "SigninLogs",
    "applicationsignins": "AADServicePrincipalSignInLogs",
    "msisignins": "AADManagedIdentitySignInLogs",
}

# Record types by number and word: only for records that do not name their workload.
RECORD_TYPES = {
    **dict.fromkeys(("1", "2", "3", "50", "275"), EXCHANGE),
    **dict.fromkeys(
        ("exchangeadmin", "exchangeitem", "exchangeitemgroup", "exchangeitemaggregated", "owaauth"), EXCHANGE
    ),
    **dict.fromkeys(("8", "9", "15"), AUDIT),
    **dict.fromkeys(
        ("azureactivedirectory", "azureactivedirectoryaccountlogon", "azureactivedirectorystslogon"), AUDIT
    ),
}
# Tables of these products that no rule looks at.
FOREIGN_TABLES = frozenset(
    _words(
        "aadriskyusers aadriskyserviceprincipals"
        " aadserviceprincipalriskevents aadprovisioninglogs azureactivity enrichedmicrosoft365auditlogs alertinfo"
        " alertevidence identitylogonevents identitydirectoryevents identityqueryevents deviceevents emailevents"
        " oauthappinfo behavioranalytics securityalert securityincident"
    )
)
WORKLOADS = {"exchange": EXCHANGE, "azureactivedirectory": AUDIT}

# Columns that tell a log from any other CSV. Two of them make a header worth reading.
TELLING_COLUMNS = frozenset(
    _words(
        "auditdata recordid recordtype creationdate userids operations operation identity resultindex resultcount"
        " objectstate _raw _time sourcetype creationtime workload officeworkload officeid timegenerated timestamp"
        " actiontype raweventdata reportid internetmessageid createddatetime activitydatetime"
        " operationname correlationid type $table"
        " tenantid category ipaddress userid userprincipalname appid clientappid targetresources initiatedby"
        " uniquetokenidentifier requestid contenturi contenttype contentid mailaccesstype sessionid clientip starttime"
        " requesturi signinactivityid responsestatuscode"
    )
) | {"date (utc)", "request id", "ip address", "correlation id"}

# Kept beside the catalogue's names, for fields that no rule uses but readers of a finding expect in one spelling.
_RAW_AUDIT = _words(
    "Id CreationTime Operation RecordType Workload ResultStatus OrganizationId OrganizationName UserId UserKey UserType"
    " LogonType InternalLogonType AppId ClientAppId AppAccessContext ClientInfoString ClientIPAddress ClientIP"
    " MailboxGuid MailboxOwnerUPN MailboxOwnerSid ObjectId SessionId OperationProperties OperationCount Folders Item"
    " Parameters ModifiedProperties ExtendedProperties DeviceProperties Actor Target ExternalAccess OriginatingServer"
    " TimeGenerated Timestamp"
)
_SENTINEL = _words(
    "Id CreatedDateTime TimeGenerated ActivityDateTime OperationName ActivityDisplayName Category CorrelationId Result"
    " ResultType ResultReason AppId AppDisplayName IPAddress UserId UserPrincipalName UniqueTokenIdentifier SessionId"
    " OriginalRequestId ResourceIdentity ResourceDisplayName InitiatedBy TargetResources AdditionalDetails Status"
    " DeviceDetail LocationDetails ServicePrincipalId Timestamp Type"
)
_GRAPH = _words(
    "Id TimeGenerated SignInActivityId RequestUri RequestMethod ResponseStatusCode AppId UserId ServicePrincipalId"
    " SessionId TokenIssuedAt IdentityProvider Roles Scopes IPAddress UserAgent ClientRequestId OperationId ApiVersion"
    " Timestamp Type"
)
_RISK = _words(
    "Id ActivityDateTime DetectedDateTime LastUpdatedDateTime TimeGenerated RiskEventType RiskLevel RiskState"
    " RiskDetail DetectionTimingType Source Activity IpAddress Location UserId UserPrincipalName UserDisplayName"
    " RequestId CorrelationId TokenIssuerType AdditionalInfo Type"
)
SPELLINGS: Mapping[str, tuple[str, ...]] = {
    EXCHANGE: _RAW_AUDIT,
    AUDIT: _RAW_AUDIT,
    DIRECTORY: _SENTINEL,
    SIGNINS: _SENTINEL,
    GRAPH: _GRAPH,
    RISKS: _RISK,
}

# Fields that are lists or objects, and that exports write as text.
STRUCTURED = frozenset(
    _words(
        "AppAccessContext OperationProperties Folders Item Messages Parameters ModifiedProperties ExtendedProperties"
        " DeviceProperties Actor Target AffectedItems TargetResources InitiatedBy AdditionalDetails Status DeviceDetail"
        " LocationDetails ConditionalAccessPolicies AuthenticationProcessingDetails AuthenticationDetails"
    )
)

OFFICE_ACTIVITY = {
    "officeid": "Id",
    "sourcerecordid": "Id",
    "officeworkload": "Workload",
    "officeobjectid": "ObjectId",
    "logon_type": "LogonType",
    "client_ipaddress": "ClientIPAddress",
    "timegenerated": "CreationTime",
}
# Columns of CloudAppEvents that say what the raw record says, for rows that come without it.
CLOUD_APP_EVENTS = {
    "actiontype": "Operation",
    "timestamp": "CreationTime",
    "timegenerated": "CreationTime",
    "ipaddress": "ClientIPAddress",
    "useragent": "ClientInfoString",
    "oauthappid": "ClientAppId",
}
# Names whose small letter is not all that differs between Entra's own form and the Sentinel column.
ENTRA = {
    "ipaddress": "IPAddress",
    "ipaddressfromresourceprovider": "IPAddressFromResourceProvider",
    "resourceid": "ResourceIdentity",
    "location": "LocationDetails",
    "riskeventtypes_v2": "RiskEventTypes_V2",
    "operationtype": "AADOperationType",
    "appliedconditionalaccesspolicies": "ConditionalAccessPolicies",
}
GRAPH_REQUEST = {
    "requestid": "Id",
    "c_sid": "SessionId",
    "c_deviceid": "DeviceId",
}
DEFENDER_SIGNIN = {
    "requestid": "Id",
    "timestamp": "CreatedDateTime",
    "errorcode": "ResultType",
    "accountobjectid": "UserId",
    "accountupn": "UserPrincipalName",
    "applicationid": "AppId",
    "application": "AppDisplayName",
    "resourceid": "ResourceIdentity",
}
PORTAL_SIGNIN = {
    "date (utc)": "CreatedDateTime",
    "request id": "Id",
    "user agent": "UserAgent",
    "correlation id": "CorrelationId",
    "user id": "UserId",
    "user": "UserDisplayName",
    "username": "UserPrincipalName",
    "user type": "UserType",
    "cross tenant access type": "CrossTenantAccessType",
    "incoming token type": "IncomingTokenType",
    "authentication protocol": "AuthenticationProtocol",
    "unique token identifier": "UniqueTokenIdentifier",
    "original transfer method": "OriginalTransferMethod",
    "client credential type": "ClientCredentialType",
    "application": "AppDisplayName",
    "application id": "AppId",
    "app owner tenant id": "AppOwnerTenantId",
    "resource": "ResourceDisplayName",
    "resource id": "ResourceIdentity",
    "resource tenant id": "ResourceTenantId",
    "resource owner tenant id": "ResourceOwnerTenantId",
    "home tenant id": "HomeTenantId",
    "home tenant name": "HomeTenantName",
    "ip address": "IPAddress",
    "ip address (seen by resource)": "IPAddressFromResourceProvider",
    "sign-in error code": "ResultType",
    "failure reason": "ResultDescription",
    "client app": "ClientAppUsed",
    "authentication requirement": "AuthenticationRequirement",
    "sign-in identifier": "SignInIdentifier",
    "session id": "SessionId",
    "autonomous system number": "AutonomousSystemNumber",
    "autonomous system  number": "AutonomousSystemNumber",
    "flagged for review": "FlaggedForReview",
    "token issuer type": "TokenIssuerType",
    "token issuer name": "TokenIssuerName",
    "conditional access": "ConditionalAccessStatus",
    "service principal id": "ServicePrincipalId",
    "service principal name": "ServicePrincipalName",
    "credential key id": "ServicePrincipalCredentialKeyId",
    "credential thumbprint": "ServicePrincipalCredentialThumbprint",
}

_UNION_SUFFIXES = (
    "_dynamic", "_string", "_long", "_int", "_real", "_double", "_bool", "_datetime", "_guid",
    "_s", "_d", "_b", "_g", "_t",
)  # fmt: skip


# Every column that says what a row is, or that is renamed on the way; other columns become fields under their own name.
KNOWN_COLUMNS = (
    TELLING_COLUMNS
    | OFFICE_ACTIVITY.keys()
    | CLOUD_APP_EVENTS.keys()
    | ENTRA.keys()
    | GRAPH_REQUEST.keys()
    | DEFENDER_SIGNIN.keys()
    | PORTAL_SIGNIN.keys()
    | frozenset(
        _words(
            "event source ingested host index time fields result preview lastrow properties identity application"
            " applicationid accountobjectid isinteractive signineventtypes resourceidentity resourceid"
            " conditionalaccessstatus clientappused originalrequestid serviceprincipalid auditlogrecordtype"
            " activitydisplayname riskeventtype detecteddatetime aadtenantid sourcesystem isanonymousproxy iptags"
            " folder auditsearchrequestmetadata morerecordsavailable calleripaddress start_time elevationtime id"
        )
    )
)


def without_suffix(column: str) -> str:
    """The column's name without the type that a union over tables appended to it."""
    for suffix in _UNION_SUFFIXES:
        if column.endswith(suffix) and len(column) > len(suffix):
            return column.removesuffix(suffix)
    return column


def entra_column(key: str) -> str:
    """The Sentinel column that holds what Entra itself calls ``key``."""
    return ENTRA.get(key.casefold()) or key[:1].upper() + key[1:]


def signin_table(folded: Mapping[str, object]) -> str:
    """The sign-in table that a record belongs to, by what it says of itself; empty when it does not say.

    ``folded`` has its keys in small letters.
    """
    for key, names in (
        ("type", SIGNIN_TABLES),
        ("$table", SIGNIN_TABLES),
        ("category", SIGNIN_CATEGORIES),
        ("type", DEFENDER_SIGNINS),
        ("$table", DEFENDER_SIGNINS),
    ):
        said = folded.get(key)
        if isinstance(said, str) and said.strip().casefold() in names:
            return names[said.strip().casefold()]
    return _table_of_event_types(folded.get("signineventtypes")) or _table_of_interactivity(folded)


def _table_of_event_types(said: object) -> str:
    words = said if isinstance(said, list) else [said]
    tables = [_EVENT_TYPES.get(word.casefold(), "") for word in words if isinstance(word, str)]
    return tables[0] if len(tables) == 1 else ""


def _table_of_interactivity(folded: Mapping[str, object]) -> str:
    word = str(folded.get("isinteractive", "")).casefold()
    if word in ("true", "1"):
        return "SigninLogs"
    # False is also what service principals say, so it takes a user to make it a user's sign-in.
    is_user = bool(folded.get("userprincipalname") or folded.get("userid"))
    return "AADNonInteractiveUserSignInLogs" if word in ("false", "0") and is_user else ""


def portal_signin_table(file: str, folded: Mapping[str, object]) -> str:
    """The sign-in table of a portal CSV, from its file name; service principals also show in the columns."""
    name = file.rsplit("/", 1)[-1].casefold()
    for prefix, table in _PORTAL_FILES.items():
        if prefix in name:
            return table
    return "AADServicePrincipalSignInLogs" if folded.get("service principal id") and "username" not in folded else ""
