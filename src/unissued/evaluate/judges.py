"""What judges mean: tests of a record of one rule and a record of another, which a key has brought together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TypeAlias

from unissued.evaluate.canon import fold
from unissued.evaluate.event import Event

Lists: TypeAlias = "Mapping[str, Collection[str]]"
"""Lists by name, their entries in the form in which rules compare them."""


def issued_to_another(mail: Event, signin: Event, lists: Lists) -> bool:
    """Tell whether a sign-in issued a token to another user or application than the one that read mail with it.

    What either record does not say is not compared. Two applications of which one acts on behalf of the other are
    the same.
    """
    return _another_user(mail, signin) or _another_app(mail, signin, lists["on_behalf_of_pairs"])


def _another_user(mail: Event, signin: Event) -> bool:
    holder = _text(mail, "TokenObjectId")
    if holder:
        return _differ(holder, _text(signin, "UserId"))
    return _differ(_text(mail, "UserId"), _text(signin, "UserPrincipalName"))


def _another_app(mail: Event, signin: Event, same: Collection[str]) -> bool:
    client = _text(mail, "AppAccessContext.ClientAppId") or _text(mail, "ClientAppId")
    issued_to = _text(signin, "AppId")
    return _differ(client, issued_to) and f"{issued_to}|{client}" not in same


def _text(event: Event, name: str) -> str:
    return fold("".join(map(str, event.values(name)[:1])))


def _differ(one: str, other: str) -> bool:
    return bool(one) and bool(other) and one != other


JUDGES: dict[str, Callable[[Event, Event, Lists], bool]] = {"issued_to_another": issued_to_another}
