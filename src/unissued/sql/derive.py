"""Values that rules need and no record has, by the names that the catalogue gives to their derivations."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from unissued.errors import UnsupportedError
from unissued.pack import Field
from unissued.sql.canon import guid, seconds_of
from unissued.sql.dialect import NONE, each, fold, keep

_CREDENTIAL = ("update application", "create application", "add service principal credentials")


def _least(values: str) -> str:
    """Return the smallest value, the one choice that every language can make; null where there is none."""
    return f"list_min({values})"


def _or_dash(values: str) -> str:
    return f"coalesce({_least(values)}, '-')"


def _one(value: str) -> str:
    """Return a list of one text, empty where the text is null or empty."""
    return keep(f"[{value}]", "v <> ''")


def _client_kind(info: str) -> str:
    bare = f"regexp_extract(coalesce({_least(info)}, ''), '^(?i:client=)?([^;]*)', 1)"
    spaceless = f"regexp_replace({bare}, '^ +| +\\z', '', 'g')"
    return each(f"[{spaceless}]", "CASE WHEN v = '' THEN '-' ELSE v END")


def _mail_app_key(app: str, client: str, kind: str) -> str:
    return f"[{_or_dash(app)} || '|' || {_or_dash(client)} || '|' || {_or_dash(kind)}]"


def _mailbox_app_key(key: str, mailbox: str) -> str:
    return _one(f"coalesce({_least(key)}, '') || '|' || {_least(mailbox)}")


def _first_present(*fields: str) -> str:
    return _one(f"coalesce({', '.join(map(_least, fields))})")


def _seconds_between(start: str, end: str) -> str:
    return _one(f"CAST({seconds_of(_least(end))} - {seconds_of(_least(start))} AS VARCHAR)")


def _upn_suffix(user: str) -> str:
    return _one(f"regexp_extract({_least(user)}, '@([^@]*)\\z', 1)")


def _issued_token_ids(own: str, *requests: str) -> str:
    ids = requests[0] if len(requests) == 1 else f"list_concat({', '.join(requests)})"
    return f"list_distinct(list_concat({own}, {_tokens(ids)}))"


def _tokens(requests: str) -> str:
    """Return request ids as token ids: base64url of their 16 bytes, the first three fields in little-endian order."""
    bare = each(guid(requests), "replace(replace(replace(v, 'urn:', ''), 'uuid:', ''), '-', '')")
    order = (7, 5, 3, 1, 11, 9, 15, 13, 17, 19, 21, 23, 25, 27, 29, 31)
    swapped = " || ".join(f"substr(v, {at}, 2)" for at in order)
    valid = keep(bare, "regexp_matches(v, '^[0-9a-f]{32}\\z')")
    return each(each(valid, swapped), "translate(replace(to_base64(unhex(v)), '=', ''), '+/', '-_')")


def _begins(operation: str, *starts: str) -> str:
    return " OR ".join(f"starts_with({fold(_least(operation))}, '{start}')" for start in starts)


def _target_app_id_unified(operation: str, object_id: str, receiver: str, details: str) -> str:
    consented = keep(guid(f"[coalesce({_least(object_id)}, '')]"), "v <> ''")
    return (
        f"CASE WHEN {_begins(operation, 'add app role assignment')} THEN {_first_present(receiver)} "
        f"WHEN {_begins(operation, 'consent to application')} THEN {consented} "
        f"WHEN {_begins(operation, *_CREDENTIAL)} THEN {_first_present(details)} ELSE {NONE} END"
    )


def _target_app_id_entra(operation: str, receiver: str, details: str) -> str:
    return (
        f"CASE WHEN {_begins(operation, 'add app role assignment')} THEN {_first_present(receiver)} "
        f"WHEN {_begins(operation, 'consent to application', *_CREDENTIAL)} THEN {_first_present(details)} "
        f"ELSE {NONE} END"
    )


_DERIVED: dict[str, Callable[..., str]] = {
    "client_kind": _client_kind,
    "mail_app_key": _mail_app_key,
    "mailbox_app_key": _mailbox_app_key,
    "first_present": _first_present,
    "seconds_between": _seconds_between,
    "upn_suffix": _upn_suffix,
    "issued_token_ids": _issued_token_ids,
    "target_app_id_unified": _target_app_id_unified,
    "target_app_id_entra": _target_app_id_entra,
}


def derived(known: Field, sources: Sequence[str]) -> str:
    """Return the list of values of a derived field.

    Args:
        known: the field.
        sources: expressions of the lists of values that it is derived from.

    Raises:
        UnsupportedError: nobody has written the derivation in SQL.
    """
    if known.derive not in _DERIVED:
        raise UnsupportedError.at(known.name, f"is derived by {known.derive}, which has no form in SQL")
    return _DERIVED[known.derive](*sources)
