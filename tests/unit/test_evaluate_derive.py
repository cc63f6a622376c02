"""Values that rules need and no record has."""

from __future__ import annotations

import base64
import uuid
from datetime import UTC, datetime

import pytest

from unissued.evaluate import Event
from unissued.evaluate.derive import token_of_request
from unissued.pack import load_catalogue
from unissued.record import Origin, Record

APP = "59023ab3-013c-4280-b33a-9378b21b0acf"
OTHER = "27922004-5251-4030-b22d-91ecd9a37ea4"
EXCHANGE = "00000002-0000-0ff1-ce00-000000000000"


def values(name: str, source: str = "m365/exchange", **fields: object) -> tuple[object, ...]:
    moment = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
    record = Record(source, fields, moment, moment, "1", "", Origin("a.jsonl", 1))
    return Event(record, load_catalogue().sources[source]).values(name)


@pytest.mark.parametrize(
    ("request_id", "token"),
    [
        ("22608a25-1d9b-44b5-b0f2-cb94f06b2d00", "JYpgIpsdtUSw8suU8GstAA"),
        ("445945de-2d4f-4816-a71e-d3c0eff10500", "3kVZRE8tFkinHtPA7_EFAA"),
        # Microsoft's own example of base64_encode_fromguid, without the padding.
        ("ae3133f2-6e22-49ae-b06a-16e6a9b212eb", "8jMxriJurkmwahbmqbIS6w"),
        ("22608A25-1D9B-44B5-B0F2-CB94F06B2D00", "JYpgIpsdtUSw8suU8GstAA"),
        ("00000000-0000-0000-0000-000000000000", "AAAAAAAAAAAAAAAAAAAAAA"),
        ("ffffffff-ffff-ffff-ffff-ffffffffffff", "_____________________w"),
        ("", ""),
        ("JYpgIpsdtUSw8suU8GstAA", ""),
        ("22608a25-1d9b-44b5-b0f2-cb94f06b2d0", ""),
    ],
)
def test_request_id_is_written_as_token_id(request_id: str, token: str) -> None:
    assert token_of_request(request_id) == token


def test_token_id_of_a_request_decodes_to_it() -> None:
    for number in range(0, 2**128, 2**128 // 97):
        request = uuid.UUID(int=number)
        raw = base64.b64decode(token_of_request(str(request)).replace("-", "+").replace("_", "/") + "==")
        swapped = raw[3::-1] + raw[5:3:-1] + raw[7:5:-1] + raw[8:]
        assert swapped == request.bytes


@pytest.mark.parametrize(
    ("client", "kind"),
    [
        ("Client=REST;Client=RESTSystem;;", "REST"),
        ("Client=OWA;Mozilla/5.0 (contoso)", "OWA"),
        ("Client=MSExchangeRPC", "MSExchangeRPC"),
        ("Client=WebServices;python-requests", "WebServices"),
        ("Client=OutlookService;Outlook-iOS/2.0;", "OutlookService"),
        ("client=owa;x", "owa"),
        ("REST;x", "REST"),
        ("Client= OWA ;x", "OWA"),
        ("Client=;x", "-"),
        (";x", "-"),
        ("", "-"),
        (None, "-"),
        ("x;Client=OWA", "x"),
        ("Client=Client=OWA", "Client=OWA"),
    ],
)
def test_kind_of_client_is_the_first_part(client: object, kind: str) -> None:
    assert values("ClientKind", ClientInfoString=client) == (kind,)


def test_key_of_a_mail_application() -> None:
    assert values("MailAppKey", AppId=EXCHANGE.upper(), ClientInfoString="Client=OWA;x") == (f"{EXCHANGE}|-|OWA",)
    assert values("MailAppKey", AppId="", ClientAppId="{" + APP + "}") == (f"-|{APP}|-",)
    assert values("MailAppKey") == ("-|-|-",)


def test_acting_application_is_the_client_where_there_is_one() -> None:
    assert values("ActingAppId", AppId=APP, ClientAppId=OTHER) == (OTHER,)
    assert values("ActingAppId", AppId=APP, ClientAppId="") == (APP,)
    assert values("ActingAppId") == ()


def test_token_ids_of_a_sign_in_are_distinct() -> None:
    request = "22608a25-1d9b-44b5-b0f2-cb94f06b2d00"
    own = "JYpgIpsdtUSw8suU8GstAA"
    assert values("IssuedTokenId", "azure/signinlogs", UniqueTokenIdentifier=own, Id=request) == (own,)
    assert set(
        values("IssuedTokenId", "azure/signinlogs", UniqueTokenIdentifier="own", Id=request, OriginalRequestId=OTHER)
    ) == {"own", own, "BCCSJ1FSMECyLZHs2aN-pA"}
    assert values("IssuedTokenId", "azure/signinlogs", Id="no GUID") == ()


@pytest.mark.parametrize(
    ("name", "suffix"),
    [
        ("Alice@Contoso.Example", ("contoso.example",)),
        ("a@b@contoso.example", ("contoso.example",)),
        ("guest_partner.example#EXT#@contoso.example", ("contoso.example",)),
        ("alice@", ()),
        ("ServicePrincipal_x", ()),
        ("", ()),
    ],
)
def test_domain_of_a_user_is_what_follows_the_last_at(name: str, suffix: tuple[str, ...]) -> None:
    assert values("UpnSuffix", "m365/exchange", UserId=name) == suffix
    assert values("UpnSuffix", "azure/signinlogs", UserPrincipalName=name) == suffix


def test_user_and_domain_that_a_directory_change_is_about() -> None:
    targets = [{"displayName": "contoso.example", "userPrincipalName": " Dave@Contoso.example "}]
    assert values("TargetUser", "azure/auditlogs", TargetResources=targets) == ("dave@contoso.example",)
    assert values("ChangedDomain", "azure/auditlogs", TargetResources=targets) == ("contoso.example",)
    assert values("TargetUser", "azure/auditlogs", TargetResources=[]) == ()
    assert values("TargetUser", "m365/audit", ObjectId="dave@contoso.example") == ("dave@contoso.example",)
    assert values("ChangedDomain", "m365/audit", ObjectId="contoso.example") == ("contoso.example",)


def unified(operation: str) -> tuple[object, ...]:
    return values(
        "TargetAppId",
        "m365/audit",
        Operation=operation,
        ObjectId="{" + "11111111-1111-4111-8111-111111111111" + "}",
        ModifiedProperties=[{"Name": "ServicePrincipal.AppId", "NewValue": "22222222-2222-4222-8222-222222222222"}],
        ExtendedProperties=[
            {"Name": "additionalDetails", "Value": '{"AppId":"33333333-3333-4333-8333-333333333333"}'},
        ],
    )


@pytest.mark.parametrize(
    ("operation", "first"),
    [
        ("Add app role assignment to service principal.", "2"),
        ("ADD APP ROLE ASSIGNMENT TO SERVICE PRINCIPAL.", "2"),
        ("Consent to application.", "1"),
        ("Update application – Certificates and secrets management ", "3"),
        ("Create application – Certificates and secrets management", "3"),
        ("Add service principal credentials.", "3"),
        ("Add member to role.", ""),
        ("", ""),
    ],
)
def test_target_of_a_unified_directory_record_is_chosen_per_operation(operation: str, first: str) -> None:
    expected = (f"{first * 8}-{first * 4}-4{first * 3}-8{first * 3}-{first * 12}",) if first else ()
    assert unified(operation) == expected


@pytest.mark.parametrize(
    ("operation", "first"),
    [
        ("Add app role assignment to service principal", "2"),
        ("Consent to application", "3"),
        ("Update application – Certificates and secrets management ", "3"),
        ("Create application – Certificates and secrets management", "3"),
        ("Add service principal credentials", "3"),
        ("Add member to role", ""),
    ],
)
def test_target_of_an_entra_record_is_chosen_per_operation(operation: str, first: str) -> None:
    expected = (f"{first * 8}-{first * 4}-4{first * 3}-8{first * 3}-{first * 12}",) if first else ()
    role = {"displayName": "ServicePrincipal.AppId", "newValue": '"22222222-2222-4222-8222-222222222222"'}
    details = [
        {"key": "User-Agent", "value": APP},
        {"key": "AppId", "value": "33333333-3333-4333-8333-333333333333"},
    ]
    found = values(
        "TargetAppId",
        "azure/auditlogs",
        OperationName=operation,
        TargetResources=[{"displayName": "x", "modifiedProperties": [role]}],
        AdditionalDetails=details,
    )
    assert found == expected


def test_empty_object_id_of_a_consent_is_no_target() -> None:
    assert values("TargetAppId", "m365/audit", Operation="Consent to application.", ObjectId="") == ()


def test_mailbox_app_key_is_the_application_and_the_mailbox() -> None:
    mailbox = "408F5D7C-0ED7-410A-802F-62C34E522A78"
    found = values("MailboxAppKey", AppId=APP.upper(), ClientInfoString="Client=REST;;", MailboxGuid=mailbox)
    assert found == (f"{APP}|-|REST|{mailbox.lower()}",)


@pytest.mark.parametrize("mailbox", ["", " ", None])
def test_without_a_mailbox_there_is_no_mailbox_app_key(mailbox: str | None) -> None:
    assert values("MailboxAppKey", AppId=APP, MailboxGuid=mailbox) == ()
    assert values("MailboxAppKey", AppId=APP) == ()


def test_list_of_plain_values_has_each_of_them() -> None:
    assert values("IPTags[]", IPTags=["Tor", "", None, "Botnet"]) == ("Tor", "Botnet")
    assert values("IPTags[]", IPTags='["Tor"]') == ("Tor",)
    assert values("IPTags[]", IPTags=[]) == ()


@pytest.mark.parametrize(
    ("issued", "age"),
    [
        ("2026-03-02T08:45:00", (900,)),
        ("2026-03-02T09:00:00.999", (0,)),
        ("2026-03-02T10:06:00+01:00", (-360,)),
        ("2026-03-01T09:00:00Z", (86_400,)),
        ("2000-01-01T00:00:00", (825_757_200,)),
        ("1999-12-31T23:59:59", ()),
        ("1601-01-01T00:00:00", ()),
        ("soon", ()),
        ("", ()),
    ],
)
def test_token_age_is_counted_in_whole_seconds_from_the_issue_to_the_event(issued: str, age: tuple[int, ...]) -> None:
    found = values("TokenAge", CreationTime="2026-03-02T09:00:00", AppAccessContext={"IssuedAtTime": issued})
    assert found == age


def test_a_record_without_a_time_of_its_own_has_no_token_age() -> None:
    assert values("TokenAge", AppAccessContext={"IssuedAtTime": "2026-03-02T08:45:00"}) == ()
