"""Which share of an application's tokens the sign-in logs explain: the gate of the rules on issuance."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field

from unissued.evaluate import Event, Given, Match, evaluate, fold
from unissued.pack.load import Pack
from unissued.record import Record

TRUSTED_SHARE = 0.95
"""Share of an application's token ids that sign-ins must explain for its unexplained ones to mean something."""
ENOUGH = 20
"""Token ids, or records, below which a share says nothing."""

_TOKEN_ID = re.compile(r"[A-Za-z0-9_-]{21}[AQgw]\Z")


@dataclass
class Share:
    """What the mail reads of one MailAppKey say about tokens."""

    records: int = 0
    with_token_id: int = 0
    """Records that carry a well-shaped token id."""
    token_ids: set[str] = field(default_factory=set)
    """Distinct well-shaped token ids."""
    explained: set[str] = field(default_factory=set)
    """Those that a sign-in, or Outlook on the web, explains."""

    def add(self, event: Event, issued: Collection[str]) -> None:
        """Count a mail read."""
        found = token_ids(event)
        self.records += 1
        self.with_token_id += bool(found)
        self.token_ids |= found
        self.explained |= {token for token in found if token in issued}


def is_not_explained(token_ids: int, explained: int) -> bool:
    """Tell whether an application's tokens normally have no sign-in here, so that a missing one means nothing."""
    return token_ids >= ENOUGH and explained < TRUSTED_SHARE * token_ids


def has_token_id(records: int, with_token_id: int) -> bool:
    """Tell whether an application's records normally carry a token id, so that a missing one means something."""
    return records >= ENOUGH and with_token_id >= TRUSTED_SHARE * records


def token_ids(event: Event) -> set[str]:
    """Return the well-shaped token ids of a mail read."""
    return {text for text in map(str, event.values("AppAccessContext.UniqueTokenId")) if _TOKEN_ID.match(text)}


def is_mail_read(event: Event) -> bool:
    """Tell whether a record of Exchange is a successful mail read."""
    return [fold(str(value)) for value in event.values("Operation")] == ["mailitemsaccessed"] and bool(
        {"succeeded", "partiallysucceeded"} & {fold(str(value)) for value in event.values("ResultStatus")}
    )


def mail_reads(pack: Pack, records: Sequence[Record]) -> list[Event]:
    """Return the successful mail reads among some records."""
    source = pack.catalogue.sources["m365/exchange"]
    events = (Event(record, source) for record in records if record.source == source.key)
    return [event for event in events if is_mail_read(event)]


def issued_token_ids(pack: Pack, records: Sequence[Record]) -> frozenset[str]:
    """Return the token ids that a sign-in or Outlook on the web explains."""
    outcomes = evaluate(pack, records, Given(), ["signin_token_issued", "owa_token_minted"])
    return frozenset(
        (
            *_values(outcomes["signin_token_issued"].matches, "IssuedTokenId"),
            *_values(outcomes["owa_token_minted"].matches, "UniqueTokenIdentifier"),
        )
    )


def _values(matches: Iterable[Match], name: str) -> Iterable[str]:
    return (str(value) for match in matches for value in match.values(name))


def explained_shares(pack: Pack, records: Sequence[Record]) -> dict[str, Share]:
    """Return what the mail reads among some records say about tokens, by MailAppKey in small letters.

    Args:
        pack: the rules; its base rules say what a sign-in explains.
        records: mail and sign-ins, free of duplicates.
    """
    issued = issued_token_ids(pack, records)
    shares: dict[str, Share] = {}
    for event in mail_reads(pack, records):
        shares.setdefault(fold(str(event.values("MailAppKey")[0])), Share()).add(event, issued)
    return dict(sorted(shares.items()))
