"""Tests of two records that a key has brought together: what the rule key ``judge`` names."""

from __future__ import annotations

from collections.abc import Mapping

from judge.detect import Lists

Found = Mapping[str, tuple[str, ...]]
"""Field -> its values, as they are compared."""

FIELDS = {
    "issued_to_another": (
        ("TokenObjectId", "UserId", "AppAccessContext.ClientAppId", "ClientAppId"),
        ("UserId", "UserPrincipalName", "AppId"),
    )
}
"""What each judge looks at in a record of the first rule, and of the second."""


def differ(name: str, mail: Found, signin: Found, lists: Lists) -> bool:
    """Ask a judge about a record of the first rule and one of the second."""
    assert name == "issued_to_another", f"nobody knows the judge {name}"
    if mail["TokenObjectId"]:
        users = (*mail["TokenObjectId"][:1], *signin["UserId"][:1])
    else:
        users = (*mail["UserId"][:1], *signin["UserPrincipalName"][:1])
    clients = mail["AppAccessContext.ClientAppId"] or mail["ClientAppId"]
    apps = (*signin["AppId"][:1], *clients[:1])
    excused = {entry.strip().lower() for entry in lists.get("on_behalf_of_pairs", ())}
    other_user = len(users) == 2 and users[0] != users[1]
    other_app = len(apps) == 2 and apps[0] != apps[1] and "|".join(apps) not in excused
    return other_user or other_app
