"""Tokens, and the sign-ins that issue them, in the shape of Sentinel's tables."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from ordinary.apps import Client, Kind, Service
from ordinary.log import Log, token_of
from ordinary.people import Person
from unissued.record import utc_text

_EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"
_GRAPH = "00000003-0000-0000-c000-000000000000"
_BEFORE = timedelta(minutes=5)
"""A token says that it was issued five minutes before its sign-in was recorded."""


@dataclass(frozen=True)
class Token:
    """An access token."""

    id: str
    issued: datetime
    """What it says of itself."""
    ends: datetime
    session: str
    client: str


@dataclass
class Desk:
    """The tokens and sessions that people and applications hold."""

    log: Log
    tokens: dict[tuple[str, str], Token] = field(default_factory=dict)
    sessions: dict[tuple[str, str], tuple[str, datetime]] = field(default_factory=dict)

    def token(self, time: datetime, person: Person, client: Client, address: str) -> Token:
        """Return the token with which a person's client reads mail now; a new one is issued when the old one ends."""
        key = (person.object_id, f"{client.kind.name} {client.client_id}")
        held = self.tokens.get(key)
        if held is not None and time < held.ends:
            return held
        session, over = self.sessions.get(key, ("", time))
        began = time >= over
        if began:
            session = self.log.guid()
            self.sessions[key] = (session, time + timedelta(days=self.log.rng.choice((1, 3, 7, 14, 30))))
        created = time - timedelta(seconds=self.log.rng.randint(1, 90))
        request = self.log.request()
        ends = created + self._life(person, client)
        held = Token(token_of(request), created - _BEFORE, ends, session, client.signs_in_as)
        self.tokens[key] = held
        self._user_row(created, person, client, held, request, address, interactive=began)
        return held

    def service_token(self, time: datetime, service: Service) -> Token:
        """Return the token of an application that signs in in its own name: a new one every hour."""
        key = (service.principal, service.client_id)
        held = self.tokens.get(key)
        if held is None or time >= held.ends:
            request = self.log.request()
            created = time - timedelta(seconds=self.log.rng.randint(1, 30))
            held = Token(token_of(request), created - _BEFORE, created + timedelta(hours=1), "", service.client_id)
            self.tokens[key] = held
            fields = _row(created, request, "ServicePrincipalSignInLogs", "AADServicePrincipalSignInLogs")
            fields |= {"AppId": service.client_id, "ServicePrincipalId": service.principal, "SessionId": ""}
            fields |= {"UniqueTokenIdentifier": held.id, "IPAddress": "192.0.2.10", "ResourceIdentity": _GRAPH}
            self.log.sign_in("AADServicePrincipalSignInLogs", created, fields)
        return held

    def failed(self, time: datetime, person: Person, address: str) -> None:
        """Add a sign-in that failed or was interrupted; half of them carry a token id all the same."""
        request = self.log.request()
        fields = _row(time, request, "SignInLogs", "SigninLogs")
        fields |= self._user(person, address) | {"AppId": "9199bf20-a13f-4107-85dc-02114787ef48"}
        fields["ResultType"] = self.log.rng.choice(("50126", "50126", "50140", "50074", "50058", "50076"))
        if self.log.rng.random() < 0.5:
            fields["UniqueTokenIdentifier"] = token_of(request)
        self.log.sign_in("SigninLogs", time, fields)

    def _life(self, person: Person, client: Client) -> timedelta:
        if person.continuous and client.kind in (Kind.WEB, Kind.PHONE):
            return timedelta(minutes=self.log.rng.randint(24 * 60, 27 * 60 + 45))
        return timedelta(minutes=self.log.rng.randint(60, 90))

    def _user_row(
        self,
        created: datetime,
        person: Person,
        client: Client,
        token: Token,
        request: str,
        address: str,
        *,
        interactive: bool,
    ) -> None:
        table = "SigninLogs" if interactive else "AADNonInteractiveUserSignInLogs"
        category = "SignInLogs" if interactive else "NonInteractiveUserSignInLogs"
        fields = _row(created, request, category, table)
        fields |= self._user(person, address)
        fields |= {"AppId": client.signs_in_as, "OriginalRequestId": request, "SessionId": token.session}
        fields["ResourceIdentity"] = _GRAPH if client.kind is Kind.GRAPH else _EXCHANGE
        # Some rows have no token id: then only the request's id explains the token.
        if self.log.rng.random() >= 0.01:
            fields["UniqueTokenIdentifier"] = token.id
        self.log.sign_in(table, created, fields)

    def _user(self, person: Person, address: str) -> dict[str, object]:
        return {
            "UserId": person.object_id,
            "UserPrincipalName": person.upn,
            "IPAddress": address,
            "TokenIssuerType": "AzureAD",
            "HomeTenantId": "0605f9e1-95c8-4a8a-9ec7-b5c3292dffb2",
            "ResourceTenantId": "0605f9e1-95c8-4a8a-9ec7-b5c3292dffb2",
            "CrossTenantAccessType": "none",
        }


def _row(created: datetime, request: str, category: str, table: str) -> dict[str, object]:
    time = utc_text(created)
    return {
        "TimeGenerated": time,
        "CreatedDateTime": time,
        "Id": request,
        "Category": category,
        "ResultType": "0",
        "Type": table,
    }
