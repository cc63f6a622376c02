"""A tenant over some weeks: its ordinary days, and the things that happen once."""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from ordinary import directory, mail, others
from ordinary.apps import (
    BACK_END,
    EM_CLIENT_ID,
    EXCHANGE_ID,
    GENERIC_EWS_ID,
    GRAPH_COMMAND_LINE_ID,
    GRAPH_ID,
    OFFICE_EWS_ID,
    OFFICE_ID,
    PHONE_ID,
    WEB_ID,
    Client,
    Kind,
    Service,
)
from ordinary.days import Day, use_once
from ordinary.log import Log
from ordinary.people import Person, draw_people, new_app
from ordinary.signins import Desk
from unissued.record import Record

START = datetime(2025, 9, 1, tzinfo=UTC)
"""A Monday."""
LEARNED_DAYS = 14
"""Days at the beginning from which a baseline is learned."""


@dataclass(frozen=True)
class Stream:
    """What one tenant writes.

    ``lists`` are those that people fill, by name, as they stand when learning ends. The learned ones are learned.
    """

    log: Log
    lists: Mapping[str, frozenset[str]]
    mailboxes: int
    days: int

    @property
    def judged_from(self) -> datetime:
        """Where learning ends."""
        return START + timedelta(days=LEARNED_DAYS)

    @property
    def mailbox_days(self) -> int:
        """Mailboxes times days after learning."""
        return self.mailboxes * (self.days - LEARNED_DAYS)

    def records(self, sources: Mapping[str, object]) -> list[Record]:
        """Return the records of the log sources that a pack knows, each once, by time."""
        known = (record for record in self.log.records if record.source in sources)
        return sorted(known, key=lambda record: (record.time, record.id))


@dataclass
class _Tenant:
    """A tenant on its way through the weeks."""

    log: Log
    desk: Desk
    directory: directory.Directory
    people: list[Person]
    services: list[Service]
    plan: dict[int, list[str]] = field(default_factory=dict)
    """Number of a day -> things that happen on it."""
    rolled_out: list[Client] = field(default_factory=list)
    back_end: list[Service] = field(default_factory=list)
    """New services of Microsoft's, read by whose hand nobody here knows."""

    @property
    def admin(self) -> Person:
        """The administrator: the first who is a person."""
        return next(person for person in self.people if person.clients)

    def somebody(self) -> Person:
        """Draw a person."""
        return self.log.rng.choice([person for person in self.people if person.clients])


def ordinary_tenant(seed: int, events: int, mailboxes: int | None = None) -> Stream:
    """Draw a tenant and let it live, day by day, until it has written so many events.

    Args:
        seed: the number from which everything is drawn.
        events: the least number of mail, sign-in and directory records; the last day is finished.
        mailboxes: how many there are; by default drawn, some dozens.
    """
    rng = random.Random(seed)
    log = Log(rng)
    delegated = tuple(new_app(rng) for _ in range(2)) + (Client.of(Kind.EWS),)
    drawn = rng.choice((48, 60, 72))
    people = draw_people(rng, mailboxes or drawn, delegated)
    services = [
        Service(GRAPH_ID, log.guid(), "Client=REST;;", principal=log.guid()),
        Service(script := log.guid(), script, _script(script), principal=log.guid()),
    ]
    tenant = _Tenant(log, Desk(log), directory.Directory(log, entra=seed % 2 == 0), people, services)
    _plan(tenant)
    number, lists = 0, _lists(tenant, delegated)
    while number <= LEARNED_DAYS or _written(log) < events:
        if number == LEARNED_DAYS:
            lists = _lists(tenant, delegated)
        _live(tenant, number)
        number += 1
    return Stream(log, lists, len(people), number)


def _script(app: str) -> str:
    return f"Client=WebServices;ExchangeServicesClient/15.00.0913.015;[AppId={app}];"


def _written(log: Log) -> int:
    return sum(record.source.startswith(("m365", "azure/auditlogs", "azure/signinlogs")) for record in log.records)


def _lists(tenant: _Tenant, delegated: tuple[Client, ...]) -> dict[str, frozenset[str]]:
    """Return what people have listed by now."""
    own = {service.client_id for service in tenant.services}
    clients = {client.client_id for client in (*delegated, *tenant.rolled_out)}
    first = {EXCHANGE_ID, WEB_ID, OFFICE_ID, PHONE_ID, OFFICE_EWS_ID, GENERIC_EWS_ID}
    services = {one for service in (*BACK_END, *tenant.back_end) for one in (service.app_id, service.client_id)}
    return {
        "approved_mail_apps": frozenset(own | first | clients | services),
        "ews_allowed_apps": frozenset(own | {OFFICE_EWS_ID, GENERIC_EWS_ID}),
        "partner_tenants": frozenset({"e9db7541-2dc6-4edb-95cd-0a40f2488937"}),
        "on_behalf_of_pairs": frozenset(),
        # Privacy services that somebody listed; nobody here uses them.
        "anonymiser_addresses": frozenset({"192.0.2.255"}),
        # One mailbox in twenty.
        "vip_mailboxes": frozenset(person.mailbox for person in tenant.people[::20]),
    }


_ONCE = {
    "roll-out": 0.5,
    "roll-out of a service": 0.1,
    "new application": 0.5,
    "joins": 2.0,
    "rotation": 1.0,
    "rotation of a mail application": 0.7,
    "mail role": 0.2,
    "other role": 1.0,
    "command line": 0.5,
    "mail program": 0.15,
    "indexing": 0.2,
    "bypass": 0.06,
    "refused consent": 0.3,
}
"""How often things happen that do not happen every day, in a fortnight of a tenant. All invented."""
_WEEKS = 26
_WORKING_DAYS = 10


def _plan(tenant: _Tenant) -> None:
    """Draw on which working days things happen."""
    for thing, times in _ONCE.items():
        for number in range(7 * _WEEKS):
            if number % 7 < 5 and tenant.log.rng.random() < times / _WORKING_DAYS:
                tenant.plan.setdefault(number, []).append(thing)


def _live(tenant: _Tenant, number: int) -> None:
    """Live one day."""
    log = tenant.log
    day = Day(log, tenant.desk, START + timedelta(days=number))
    for person in tenant.people:
        day.person(person)
        day.back_end(person)
    archive, script = tenant.services
    day.service(archive, tenant.people, (1, 11, 19), 0.4)
    day.service(script, tenant.people[:6], range(6, 18, 3), 0.8)
    for service in tenant.back_end:
        day.service(service, tenant.people, (5, 15), 0.3)
    _clients_of_the_day(tenant, day)
    directory.admin_noise(log, day.start, tenant.admin, 12)
    for _ in range(2 if day.is_free else 25):
        time = day.start + timedelta(seconds=log.rng.randrange(24 * 3600))
        tenant.directory.write(time, directory.everyday(log, tenant.admin, tenant.somebody()))
    for thing in tenant.plan.get(number, ()):
        _HAPPENINGS[thing](tenant, day)


def _clients_of_the_day(tenant: _Tenant, day: Day) -> None:
    """Let people use what was rolled out, and applications ask Graph."""
    rng = day.log.rng
    for client in tenant.rolled_out:
        for hour in () if day.is_free else (9, 14):
            use_once(day, tenant.somebody(), client, hour)
    for (object_id, _), token in sorted(tenant.desk.tokens.items()):
        owner = next((person for person in tenant.people if person.object_id == object_id), None)
        if owner is not None and token.ends > day.start and rng.random() < 0.1:
            time = min(token.ends, max(token.issued, day.start) + timedelta(minutes=rng.randint(10, 60)))
            others.graph_request(day.log, time, owner, token)
    if rng.random() < 0.2:
        others.risk(day.log, day.start + timedelta(hours=rng.randint(7, 18)), tenant.somebody())


def _at(day: Day, hour: int) -> datetime:
    return day.start + timedelta(hours=hour, seconds=day.log.rng.randrange(3600))


def _rolls_out(tenant: _Tenant, day: Day) -> None:
    """Microsoft rolls out an application for people."""
    tenant.rolled_out.append(new_app(day.log.rng))


def _service_rolls_out(tenant: _Tenant, day: Day) -> None:
    """Microsoft rolls out a service that reads every mailbox in its own name."""
    app = day.log.guid()
    tenant.back_end.append(Service(GRAPH_ID, app, "Client=REST;Client=RESTSystem;;", principal=day.log.guid()))


def _new_application(tenant: _Tenant, day: Day) -> None:
    """Somebody lets a new application read their mail, and it does."""
    person, client = tenant.somebody(), new_app(day.log.rng)
    change = directory.consent(day.log, person, client.client_id, "openid profile User.Read offline_access Mail.Read")
    tenant.directory.write(_at(day, 9), change)
    use_once(day, person, client, 11)
    use_once(day, person, client, 14)


def _joins(tenant: _Tenant, day: Day) -> None:
    """Somebody joins, and lets an application see their profile; one in ten lets it read mail."""
    person = tenant.somebody()
    tenant.directory.write(_at(day, 7), directory.user_created(tenant.admin, person))
    scope = "openid profile User.Read" + (" Mail.Read" if day.log.rng.random() < 0.1 else "")
    tenant.directory.write(_at(day, 10), directory.consent(day.log, person, day.log.guid(), scope))


def _rotates(tenant: _Tenant, day: Day) -> None:
    """The secret of an application that reads no mail is rotated."""
    tenant.directory.write(_at(day, 10), directory.secret(day.log, tenant.admin, day.log.guid()))


def _rotates_mail(tenant: _Tenant, day: Day) -> None:
    """The secret of an application that reads mail is rotated, and it goes on reading."""
    service = day.log.rng.choice(tenant.services)
    tenant.directory.write(_at(day, 10), directory.secret(day.log, tenant.admin, service.client_id))


def _mail_role(tenant: _Tenant, day: Day) -> None:
    """A product that backs up mail is bought."""
    change = directory.role(day.log, tenant.admin, day.log.guid(), "full_access_as_app", exchange=True)
    tenant.directory.write(_at(day, 10), change)


def _other_role(tenant: _Tenant, day: Day) -> None:
    value = day.log.rng.choice(("Mail.Send", "Calendars.Read", "User.Read.All", "SMTP.SendAsApp", "Sites.Read.All"))
    tenant.directory.write(_at(day, 10), directory.role(day.log, tenant.admin, day.log.guid(), value))


def _command_line(tenant: _Tenant, day: Day) -> None:
    """An administrator reads mail of their own with Microsoft's command line for Graph."""
    use_once(day, tenant.admin, Client(Kind.GRAPH, GRAPH_ID, GRAPH_COMMAND_LINE_ID, "Client=REST;;"), 13)


def _mail_program(tenant: _Tenant, day: Day) -> None:
    """Somebody honest uses a mail program that intruders have used, too."""
    use_once(day, tenant.somebody(), Client(Kind.GRAPH, GRAPH_ID, EM_CLIENT_ID, "Client=REST;;"), 12)


def _indexes(tenant: _Tenant, day: Day) -> None:
    """The archive reads the whole of one mailbox, until Exchange throttles the records of it."""
    person, archive = tenant.somebody(), tenant.services[0]
    for number in range(14):
        time = day.start + timedelta(hours=20, minutes=3 * number)
        token = tenant.desk.service_token(time, archive)
        mail.read_by_service(day.log, time, person, archive, token, 100, throttled=number == 13)


def _bypasses(tenant: _Tenant, day: Day) -> None:
    """Auditing is bypassed on purpose, for the account of a journal."""
    parameters = {"Identity": "journal", "AuditBypassEnabled": "True"}
    directory.exchange_cmdlet(
        day.log, _at(day, 10), tenant.admin.upn, "Set-MailboxAuditBypassAssociation", parameters, 2
    )


def _refused(tenant: _Tenant, day: Day) -> None:
    """A consent is refused, and Exchange changes a group in somebody's name."""
    person = tenant.somebody()
    tenant.directory.write(
        _at(day, 9), directory.consent(day.log, person, day.log.guid(), "User.Read Mail.Read", succeeded=False)
    )
    tenant.directory.write(_at(day, 12), directory.group_by_exchange(day.log, person))


_HAPPENINGS = {
    "roll-out": _rolls_out,
    "roll-out of a service": _service_rolls_out,
    "new application": _new_application,
    "joins": _joins,
    "rotation": _rotates,
    "rotation of a mail application": _rotates_mail,
    "mail role": _mail_role,
    "other role": _other_role,
    "command line": _command_line,
    "mail program": _mail_program,
    "indexing": _indexes,
    "bypass": _bypasses,
    "refused consent": _refused,
}
