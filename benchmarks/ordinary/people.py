"""The people of a tenant, their mailboxes, networks and mail clients."""

from __future__ import annotations

import random
import uuid
from dataclasses import dataclass, replace

from ordinary.apps import GRAPH_ID, Client, Kind

_DOMAIN = "contoso.example"


@dataclass(frozen=True)
class Networks:
    """Where a person's requests come from."""

    office: str
    home: str
    home6: str
    mobile: tuple[str, ...]
    """A phone's carrier changes addresses."""


@dataclass(frozen=True)
class Person:
    """Somebody with a mailbox, or a shared mailbox, which has no clients of its own."""

    upn: str
    object_id: str
    mailbox: str
    sid: str
    puid: str
    networks: Networks
    clients: tuple[Client, ...] = ()
    starts: int = 7
    """Hour at which the working day begins, UTC."""
    continuous: bool = False
    """Whether continuous access evaluation gives this person's browser tokens of up to 28 hours."""
    shared: tuple[Person, ...] = ()
    """Shared mailboxes that this person looks after."""


def _guid(rng: random.Random) -> str:
    return str(uuid.UUID(int=rng.getrandbits(128), version=4))


def _networks(rng: random.Random, number: int) -> Networks:
    home = rng.choice(("203.0.113", "192.0.2"))
    return Networks(
        office=f"198.51.100.{rng.choice((7, 8, 9))}",
        home=f"{home}.{rng.randint(1, 254)}",
        home6=f"2001:db8:{number % 4096:x}::{rng.randint(1, 9)}",
        mobile=tuple(f"203.0.113.{rng.randint(1, 254)}" for _ in range(4)),
    )


def _clients(rng: random.Random, delegated: tuple[Client, ...]) -> tuple[Client, ...]:
    """Draw a person's clients: everybody has one for the desk, most have a phone, some use an application."""
    desk = rng.choices((Kind.WEB, Kind.WEB_OLD, Kind.DESKTOP, Kind.DESKTOP_EWS), (40, 20, 30, 10))[0]
    found = [Client.of(desk)]
    if desk is not Kind.WEB and rng.random() < 0.3:
        found.append(Client.of(Kind.WEB))
    if rng.random() < 0.6:
        found.append(Client.of(rng.choices((Kind.PHONE, Kind.PHONE_OLD, Kind.ACTIVE_SYNC), (50, 30, 20))[0]))
    found.extend(client for client in delegated if rng.random() < 0.15)
    return tuple(found)


def draw_people(rng: random.Random, count: int, delegated: tuple[Client, ...]) -> list[Person]:
    """Draw the people of a tenant; about one mailbox in twelve is shared.

    Args:
        rng: where the chance comes from.
        count: how many mailboxes there are.
        delegated: applications that people let read their mail.
    """
    bare = [_mailbox(rng, number) for number in range(count)]
    shared, owned = bare[: count // 12], bare[count // 12 :]
    working = (
        replace(
            person,
            clients=_clients(rng, delegated),
            starts=rng.choice((6, 7, 7, 8, 8, 9)),
            continuous=rng.random() < 0.4,
            shared=tuple(rng.sample(shared, 1)) if shared and rng.random() < 0.2 else (),
        )
        for person in owned
    )
    return [*shared, *working]


def _mailbox(rng: random.Random, number: int) -> Person:
    name = f"u{number:03d}"
    sid = f"S-1-5-21-100-200-300-{4000 + number}"
    return Person(f"{name}@{_DOMAIN}", _guid(rng), _guid(rng), sid, f"10032004{number:08X}", _networks(rng, number))


def new_app(rng: random.Random) -> Client:
    """Draw an application that is new to the tenant and reads mail over Graph for a person."""
    return Client(Kind.GRAPH, GRAPH_ID, _guid(rng), "Client=REST;;")
