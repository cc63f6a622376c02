"""Graph's own log, and what Identity Protection says of ordinary people."""

from __future__ import annotations

from datetime import datetime

from ordinary.log import GRAPH, RISK, Log
from ordinary.people import Person
from ordinary.signins import Token
from unissued.record import utc_text

_PATHS = ("me/messages?$top=25", "me/mailFolders/inbox/messages", "me/calendarView", "me/drive/root/children", "$batch")


def graph_request(log: Log, time: datetime, person: Person, token: Token) -> None:
    """Add a request to Graph with a token that was issued."""
    said = utc_text(time)
    fields: dict[str, object] = {
        "TimeGenerated": said,
        "RequestId": log.guid(),
        "RequestMethod": "GET",
        "RequestUri": f"https://graph.microsoft.com/v1.0/{log.rng.choice(_PATHS)}",
        "ResponseStatusCode": 200 if log.rng.random() < 0.97 else 403,
        "AppId": token.client,
        "UserId": person.object_id,
        "ServicePrincipalId": "",
        "SignInActivityId": token.id,
        "SessionId": token.session,
        "Scopes": "Mail.Read User.Read",
        "Roles": "",
        "IdentityProvider": "https://sts.windows.net/0605f9e1-95c8-4a8a-9ec7-b5c3292dffb2/",
        "IPAddress": person.networks.home,
        "UserAgent": "Mozilla/5.0",
        "Type": "MicrosoftGraphActivityLogs",
    }
    log.other(GRAPH, "MicrosoftGraphActivityLogs", time, fields)


def risk(log: Log, time: datetime, person: Person) -> None:
    """Add a risk that turns out to be none."""
    said = utc_text(time)
    kinds = ("unfamiliarFeatures", "unfamiliarFeatures", "unlikelyTravel", "anonymizedIPAddress", "anomalousToken")
    fields: dict[str, object] = {
        "TimeGenerated": said,
        "ActivityDateTime": said,
        "DetectedDateTime": said,
        "Id": log.guid(),
        "RequestId": log.request(),
        "RiskEventType": log.rng.choice(kinds),
        "RiskLevel": "low",
        "RiskState": "dismissed",
        "UserId": person.object_id,
        "UserPrincipalName": person.upn,
        "IpAddress": person.networks.home,
        "TokenIssuerType": "AzureAD",
        "Type": "AADUserRiskEvents",
    }
    log.other(RISK, "AADUserRiskEvents", time, fields)
