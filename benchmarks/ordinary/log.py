"""Collects records: gives them ids, lets them arrive late, and delivers some of them again."""

from __future__ import annotations

import base64
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from unissued.record import Origin, Record

EXCHANGE, UNIFIED, ENTRA = "m365/exchange", "m365/audit", "azure/auditlogs"
SIGN_INS, GRAPH, RISK = "azure/signinlogs", "azure/graphactivity", "azure/riskdetection"
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
_ORIGIN = Origin("ordinary", 0)
_LAST_BYTES = (0,) * 10 + (1, 2)
"""Ids of real sign-ins end in these bytes."""


def seconds(time: datetime) -> str:
    """Write a time as audit records do: UTC, whole seconds, no zone letter."""
    return time.isoformat(timespec="seconds").removesuffix("+00:00")


def token_of(request: str) -> str:
    """Return the token id that a sign-in of this id stands for: base64url of its 16 bytes, little-endian."""
    return base64.urlsafe_b64encode(uuid.UUID(request).bytes_le).decode("ascii").rstrip("=")


@dataclass
class Log:
    """Records in the making.

    ``records`` are the events, each once; ``copies`` are the same records, delivered again later.
    """

    rng: random.Random
    records: list[Record] = field(default_factory=list)
    copies: list[Record] = field(default_factory=list)

    def guid(self) -> str:
        """Draw an id."""
        return str(uuid.UUID(int=self.rng.getrandbits(128), version=4))

    def request(self) -> str:
        """Draw the id of a sign-in."""
        raw = self.rng.getrandbits(120).to_bytes(15, "big") + bytes([self.rng.choice(_LAST_BYTES)])
        return str(uuid.UUID(bytes=raw))

    def mail(self, time: datetime, fields: dict[str, object]) -> None:
        """Add a record of Exchange: 60 to 90 minutes late, some much later, two thirds of the copies threefold."""
        made = self._add(EXCHANGE, "", time, self._mail_delay(), {"Id": self.guid(), **fields})
        if self.rng.random() < 0.1:
            for _ in range(self.rng.choice((1, 3, 3))):
                late = timedelta(seconds=self.rng.randint(60, 6 * 3600))
                self.copies.append(replace(made, ingested=made.ingested + late))

    def audit(self, source: str, table: str, time: datetime, fields: dict[str, object]) -> None:
        """Add a record of the directory; ``fields`` has its id."""
        delay = timedelta(seconds=self.rng.randint(120, 1800)) if source == ENTRA else self._mail_delay()
        self._add(source, table, time, delay, fields)

    def sign_in(self, table: str, time: datetime, fields: dict[str, object]) -> None:
        """Add a sign-in: minutes late, a few hours, and one in 30,000 later than any rule waits."""
        chance = self.rng.random()
        if chance < 0.97:
            late = self.rng.randint(120, 900)
        elif chance < 1 - 1 / 30_000:
            late = self.rng.randint(900, 5 * 3600)
        else:
            late = self.rng.randint(8 * 3600, 20 * 3600)
        made = self._add(SIGN_INS, table, time, timedelta(seconds=late), fields)
        if table == "SigninLogs" and self.rng.random() < 0.5:
            self.copies.append(replace(made, ingested=made.ingested + MINUTE))

    def other(self, source: str, table: str, time: datetime, fields: dict[str, object]) -> None:
        """Add a record of Graph or of Identity Protection."""
        self._add(source, table, time, timedelta(seconds=self.rng.randint(120, 3600)), fields)

    def deliveries(self) -> Iterator[Record]:
        """Yield what arrives, copies included, in the order of arrival."""
        yield from sorted((*self.records, *self.copies), key=lambda record: (record.ingested, record.id))

    def _mail_delay(self) -> timedelta:
        if self.rng.random() < 0.96:
            return timedelta(seconds=self.rng.randint(3600, 5400))
        return timedelta(seconds=min(5400 + int(self.rng.expovariate(1 / 7200)), 24 * 3600))

    def _add(self, source: str, table: str, time: datetime, late: timedelta, fields: dict[str, object]) -> Record:
        identity = str(fields.get("Id", ""))
        made = Record(source, fields, time, time + late, identity, table, _ORIGIN)
        self.records.append(made)
        return made
