"""Clients and applications that read mail, and how their records name them.

Ids of Microsoft's own applications are real where the pack's sources name them; all others are made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

EXCHANGE_ID = "00000002-0000-0ff1-ce00-000000000000"
GRAPH_ID = "00000003-0000-0000-c000-000000000000"
WEB_ID = "9199bf20-a13f-4107-85dc-02114787ef48"
OFFICE_ID = "d3590ed6-52b3-4102-aeff-aad2292ab01c"
PHONE_ID = "27922004-5251-4030-b22d-91ecd9a37ea4"
OFFICE_EWS_ID = "fe93bfe1-7947-460a-a5e0-7a5906b51360"
GENERIC_EWS_ID = "47629505-c2b6-4a80-adb1-9b3a3d233b7b"
GRAPH_COMMAND_LINE_ID = "14d82eec-204b-4c2f-b7e8-296a70dab67e"
EM_CLIENT_ID = "e9a7fea1-1cc0-4cd9-a31b-9137ca5deedd"
_BROWSER = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/139.0.0.0 Safari/537.36"
)
_OFFICE = "Microsoft Office/16.0 (Windows NT 10.0; Microsoft Outlook 16.0.19029; Pro)"


class Kind(Enum):
    """A kind of client."""

    WEB = "Outlook on the web with both ids, today's form"
    WEB_OLD = "Outlook on the web without a client id, sometimes without any id"
    DESKTOP = "Outlook for desktop, synchronising"
    DESKTOP_EWS = "Office over EWS"
    PHONE = "Outlook for phones with ids"
    PHONE_OLD = "Outlook for phones without ids"
    ACTIVE_SYNC = "a phone's own mail program"
    GRAPH = "an application for a person, over Graph"
    EWS = "an old tool over EWS, which hides behind the generic id"


@dataclass(frozen=True)
class Client:
    """One way in which a person's mail is read."""

    kind: Kind
    app_id: str
    client_id: str
    info: str

    @classmethod
    def of(cls, kind: Kind) -> Client:
        """Return the client of a kind that has no id of its own."""
        return cls(kind, *_FORMS[kind])

    @property
    def signs_in_as(self) -> str:
        """The application that its sign-ins name."""
        return self.client_id or {Kind.WEB_OLD: WEB_ID, Kind.DESKTOP_EWS: OFFICE_ID}.get(self.kind, OFFICE_ID)


_FORMS = {
    Kind.WEB: (EXCHANGE_ID, WEB_ID, "Client=OWA;Action=ViaProxy"),
    Kind.WEB_OLD: (EXCHANGE_ID, "", f"Client=OWA;{_BROWSER};"),
    Kind.DESKTOP: ("", "", "Client=MSExchangeRPC"),
    Kind.DESKTOP_EWS: (OFFICE_EWS_ID, "", f"Client=WebServices;{_OFFICE}[AppId={OFFICE_EWS_ID}];"),
    Kind.PHONE: (PHONE_ID, PHONE_ID, "Client=OutlookService;Outlook-Android/2.0;"),
    Kind.PHONE_OLD: ("", "", "Client=OutlookService;Outlook-iOS/2.0;"),
    Kind.ACTIVE_SYNC: (
        "",
        "",
        "Client=ActiveSync;UserAgent=Apple-iPhone15C2/2207.100;Action=/Microsoft-Server-ActiveSync/",
    ),
    Kind.EWS: (GENERIC_EWS_ID, GENERIC_EWS_ID, f"Client=WebServices;RoomPanel/4.1[AppId={GENERIC_EWS_ID}];"),
}


@dataclass(frozen=True)
class Service:
    """An application that reads mail in its own name; Microsoft's own when ``principal`` is empty."""

    app_id: str
    client_id: str
    info: str
    principal: str = ""
    """Object id of its service principal, under which it signs in here."""
    weight: int = 1
    with_token: float = 0.0
    """Share of its records that have a token id."""


BACK_END = (
    Service(
        "8a18aa92-0a1e-4e06-abd0-e118fa4787b1", "3c8e478f-21ca-493a-b87c-c7366d664d54", "", weight=14, with_token=0.3
    ),
    Service("f1b2d7c4-5a0e-4c61-9d83-0e5b7a2c9f11", "f1b2d7c4-5a0e-4c61-9d83-0e5b7a2c9f11", "", weight=3),
    Service(
        "c7d93a58-2f46-4b1e-8a70-6d1f0b9e4322", "0a9e6c1d-7b52-4f38-b4e6-91c8d2f05a33", "", weight=2, with_token=0.5
    ),
    Service("35b8e0f6-1c9d-4a27-bf54-a80c6e3d7144", "35b8e0f6-1c9d-4a27-bf54-a80c6e3d7144", "", weight=1),
)
"""Microsoft's services among themselves: the first pair is real, the others stand for what each tenant has."""
