"""Values that rules need and no record has: computed from canonical fields, by the names of the catalogue."""

from __future__ import annotations

import base64
import re
import uuid
from collections.abc import Callable, Sequence
from datetime import datetime

from unissued.evaluate.canon import Value, canonical, fold

_CLIENT = re.compile(r"(?:client=)?([^;]*)", re.IGNORECASE | re.ASCII)

Inputs = Sequence[Sequence[Value]]
"""The canonical values of the fields that a derived one names under ``from``, in that order."""


def _first(values: Sequence[Value]) -> str:
    """Return the smallest value as text: the one choice that every query language can make as well."""
    return str(min(values, key=str)) if values else ""


def client_kind(inputs: Inputs) -> list[Value]:
    """Return the first part of ClientInfoString without ``Client=``; ``-`` where there is none."""
    found = _CLIENT.match(_first(inputs[0]))
    return [(found[1].strip(" ") if found else "") or "-"]


def mail_app_key(inputs: Inputs) -> list[Value]:
    """Return application, client application and kind of client as one key."""
    app, client, kind = (_first(values) or "-" for values in inputs)
    return [f"{app}|{client}|{kind}"]


def mailbox_app_key(inputs: Inputs) -> list[Value]:
    """Return application and mailbox as one key; none where the mailbox is not known."""
    key, mailbox = (_first(values) for values in inputs)
    return [f"{key}|{mailbox}"] if mailbox else []


def first_present(inputs: Inputs) -> list[Value]:
    """Return the first of the fields that has a value."""
    return next(([_first(values)] for values in inputs if values), [])


def seconds_between(inputs: Inputs) -> list[Value]:
    """Return the whole seconds from one time to another, negative where the other is earlier; none where one lacks."""
    if not all(inputs):
        return []
    first, second = (datetime.fromisoformat(_first(values)) for values in inputs)
    return [int((second - first).total_seconds())]


def upn_suffix(inputs: Inputs) -> list[Value]:
    """Return what follows the last @ of a user's name: the domain that vouches for the user."""
    _, at, suffix = _first(inputs[0]).rpartition("@")
    return [suffix] if at and suffix else []


def token_of_request(request: str) -> str:
    """Write a sign-in's request id as a token id: base64url of its 16 bytes in little-endian field order.

    Returns the empty string where the text is no GUID.
    """
    try:
        value = uuid.UUID(request)
    except ValueError:
        return ""
    return base64.urlsafe_b64encode(value.bytes_le).decode("ascii").rstrip("=")


def issued_token_ids(inputs: Inputs) -> list[Value]:
    """Return every token id that a sign-in explains: its own and those of its request ids."""
    own, requests = inputs[0], [value for values in inputs[1:] for value in values]
    encoded = (token_of_request(str(canonical("guid", {}, request) or "")) for request in requests)
    return list(dict.fromkeys([*own, *filter(None, encoded)]))


def _operation_begins(operation: str, *starts: str) -> bool:
    return fold(operation).startswith(starts)


_CREDENTIAL = ("update application", "create application", "add service principal credentials")


def target_app_id_unified(inputs: Inputs) -> list[Value]:
    """Return the client id of the application that a unified directory record is about, chosen per operation."""
    operation, object_id, receiver, details = (_first(values) for values in inputs)
    if _operation_begins(operation, "add app role assignment"):
        found: Value | None = receiver
    elif _operation_begins(operation, "consent to application"):
        found = canonical("guid", {}, object_id)
    else:
        found = details if _operation_begins(operation, *_CREDENTIAL) else None
    return [found] if found else []


def target_app_id_entra(inputs: Inputs) -> list[Value]:
    """Return the client id of the application that an Entra audit record is about, chosen per operation."""
    operation, receiver, details = (_first(values) for values in inputs)
    if _operation_begins(operation, "add app role assignment"):
        found = receiver
    else:
        found = details if _operation_begins(operation, "consent to application", *_CREDENTIAL) else ""
    return [found] if found else []


DERIVATIONS: dict[str, Callable[[Inputs], list[Value]]] = {
    function.__name__: function
    for function in (
        client_kind,
        mail_app_key,
        mailbox_app_key,
        first_present,
        seconds_between,
        upn_suffix,
        issued_token_ids,
        target_app_id_unified,
        target_app_id_entra,
    )
}
