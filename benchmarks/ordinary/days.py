"""What happens to a mailbox on a day: its person reads mail, services read it, applications read it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from ordinary import mail
from ordinary.apps import BACK_END, Client, Kind, Service
from ordinary.log import Log
from ordinary.people import Person
from ordinary.signins import Desk

_READS = {
    Kind.WEB: 6,
    Kind.WEB_OLD: 4,
    Kind.DESKTOP: 5,
    Kind.DESKTOP_EWS: 3,
    Kind.PHONE: 4,
    Kind.PHONE_OLD: 3,
    Kind.ACTIVE_SYNC: 3,
    Kind.GRAPH: 3,
    Kind.EWS: 2,
}
"""Reads of a client on a working day."""
_PHONES = (Kind.PHONE, Kind.PHONE_OLD, Kind.ACTIVE_SYNC)
_BACK_END_READS = 11


@dataclass(frozen=True)
class Day:
    """A day that begins at midnight UTC."""

    log: Log
    desk: Desk
    start: datetime

    @property
    def is_free(self) -> bool:
        """Whether it is a Saturday or Sunday."""
        return self.start.weekday() >= 5

    def person(self, person: Person) -> None:
        """Live the day of a person."""
        rng = self.log.rng
        at_office = not self.is_free and rng.random() < 0.6
        uses: list[tuple[datetime, Client]] = []
        for client in person.clients:
            if not self.is_free or rng.random() < 0.2:
                count = rng.randint(1, 2 * _READS[client.kind] - 1)
                uses.extend((time, client) for time in self._times(person, count, late=client.kind in _PHONES))
        for time, client in sorted(uses, key=lambda use: use[0]):
            self._use(time, person, client, self._address(person, client, time, at_office=at_office))
        if rng.random() < 0.15:
            self.desk.failed(self._times(person, 1, late=False)[0], person, person.networks.home)

    def _use(self, time: datetime, person: Person, client: Client, address: str) -> None:
        """Let a person's client read mail, now and then somebody else's, and do something else."""
        rng = self.log.rng
        token = self.desk.token(time, person, client, address)
        mail.read_by_client(self.log, time, person, client, token, address)
        if person.shared and client.kind not in _PHONES and rng.random() < 0.4:
            shared = rng.choice(person.shared)
            mail.read_by_client(self.log, time + timedelta(seconds=30), person, client, token, address, shared)
        if rng.random() < 0.25:
            mail.other_operation(self.log, time + timedelta(seconds=50), person, client, address)
        if rng.random() < 0.004:
            mail.failed_read(self.log, time + timedelta(seconds=70), person, client, address)

    def back_end(self, mailbox: Person) -> None:
        """Let Microsoft's services read a mailbox, day and night."""
        rng = self.log.rng
        most = _BACK_END_READS if not self.is_free else _BACK_END_READS // 3
        weights = [service.weight for service in BACK_END]
        for _ in range(rng.randint(most // 2, most + most // 2)):
            time = self.start + timedelta(seconds=rng.randrange(24 * 3600))
            mail.read_by_back_end(self.log, time, mailbox, rng.choices(BACK_END, weights)[0])

    def service(self, service: Service, mailboxes: Sequence[Person], hours: Sequence[int], share: float) -> None:
        """Let an application go through a share of the mailboxes at some hours, in its own name."""
        rng = self.log.rng
        for hour in hours:
            seconds = sorted(rng.randrange(3000) for _ in mailboxes)
            for second, mailbox in zip(seconds, mailboxes, strict=True):
                if rng.random() >= share:
                    continue
                time = self.start + timedelta(hours=hour, seconds=second)
                token = self.desk.service_token(time, service)
                if rng.random() < 0.05:
                    mail.attachment(self.log, time, mailbox, service, token)
                else:
                    mail.read_by_service(self.log, time, mailbox, service, token)

    def _times(self, person: Person, count: int, *, late: bool) -> list[datetime]:
        """Draw moments of the working day, on phones of the evening as well."""
        length = 15 if late else 9
        start = self.start + timedelta(hours=person.starts)
        rng = self.log.rng
        return sorted(start + timedelta(seconds=rng.randrange(length * 3600)) for _ in range(count))

    def _address(self, person: Person, client: Client, time: datetime, *, at_office: bool) -> str:
        """Return where a request comes from: people change networks, and homes have two kinds of address."""
        networks, rng = person.networks, self.log.rng
        if client.kind is Kind.GRAPH:
            return "2001:db8:ffff::20"  # Graph shows an address of Microsoft's
        if client.kind in _PHONES and rng.random() < 0.4:
            return networks.mobile[time.hour // 6]
        working = person.starts + 1 <= time.hour < person.starts + 8
        if at_office and working:
            return networks.office
        return networks.home6 if rng.random() < 0.4 else networks.home


def use_once(day: Day, person: Person, client: Client, hour: int) -> None:
    """Let somebody try a client a few times within an hour."""
    for minute in sorted(day.log.rng.sample(range(55), 3)):
        time = day.start + timedelta(hours=hour, minutes=minute)
        token = day.desk.token(time, person, client, person.networks.home)
        mail.read_by_client(day.log, time, person, client, token, "2001:db8:ffff::20")
