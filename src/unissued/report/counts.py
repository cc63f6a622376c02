"""What the answers about mail reads look like. Texts are log content."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class Holes:
    """Why a list of items is not everything that was read."""

    sync: int
    """Records of a Sync: the whole folder must be presumed read."""
    unnamed: int
    """Items that records count and do not name."""
    throttled_first: datetime | None
    throttled_last: datetime | None


@dataclass(frozen=True)
class Counts:
    """Sums over records of one application, mailbox, or of one application in one mailbox."""

    first: datetime
    last: datetime
    records: int
    items: int
    """Items that the records stand for; a Sync adds none, because its record does not say how many."""
    bind: int
    sync: int
    attachment: int
    failed: int
    unnamed: int
    """Items that records count and do not name."""
    throttled: int
    throttled_first: datetime | None
    throttled_last: datetime | None
    marked: bool
    """Whether a finding stands on one of the records."""
    new: bool
    """Whether a MailAppKey is not normal in the tenant; False without a baseline."""
    new_there: bool
    """Whether one is not normal in the mailbox; False without a baseline."""

    @property
    def holes(self) -> Holes:
        """What the list of these reads lacks."""
        return Holes(self.sync, self.unnamed, self.throttled_first, self.throttled_last)


@dataclass(frozen=True)
class Key:
    """An application, client application and kind of client: the unit of baselines. All of it is log content."""

    key: str
    acting: str
    app: str
    client: str
    kind: str
    tokens: int
    """Distinct token ids."""
    explained: int
    """Those that a sign-in, or Outlook on the web, explains."""
    counts: Counts


@dataclass(frozen=True)
class Mailbox:
    """A mailbox: its id, else its owner's address; both are log content."""

    id: str
    owner: str
    counts: Counts


@dataclass(frozen=True)
class Network:
    """A /24 or /48 that an application read from."""

    network: str
    addresses: int
    records: int


@dataclass(frozen=True)
class Application:
    """Everything that one acting application did."""

    acting: str
    """Client id; ``-|kind`` where records name no application."""
    keys: int
    mailboxes: int
    networks: int
    tokens: int
    """Distinct token ids."""
    explained: int
    """Those that a sign-in, or Outlook on the web, explains."""
    counts: Counts


@dataclass(frozen=True)
class ReadItem:
    """An item that was read by an application, a folder that was synced, or items that records do not name."""

    mailbox: str
    owner: str
    app: str
    client: str
    kind: str
    how: str
    folder: str
    message_id: str
    item_id: str
    size: int | None
    items: int
    first: datetime
    last: datetime
    records: int
    marked: bool
    holes: Holes
    """Of its mailbox, whoever read it."""
