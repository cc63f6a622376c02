"""Who read what: the counter held against counting by hand, on scenarios, in any order."""

from __future__ import annotations

import random
import tracemalloc
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from conftest import ROOT
from mail_reads import BOX, OTHER_BOX, START, mail, pack, read, sign_in, whole_pack
from unissued.baseline import explained_shares
from unissued.hunt.mail import item_count, named_items, synced_folder
from unissued.logs import Reading
from unissued.record import Record
from unissued.report import Access
from unissued.report.counts import Counts
from unissued.report.items import incomplete
from unissued.report.network import network_of

SCENARIOS = sorted(path.parent for path in (ROOT / "fixtures" / "_scenarios").glob("*/events.jsonl"))
TOKEN = "n3Td_7aVDV-64ejW5O9cAA"  # noqa: S105 - an invented id
OTHER_TOKEN = "TxEkz0Gjhl-Qm7raO5WYAA"  # noqa: S105
SYNC = [{"Name": "MailAccessType", "Value": "Sync"}]
THROTTLED = [{"Name": "IsThrottled", "Value": "True"}, {"Name": "MailAccessType", "Value": "Bind"}]


def counted(records: list[Record], **lists: frozenset[str]) -> Access:
    access = Access(pack(), lists)
    for record in records:
        access.add(record)
    return access


def by_hand(records: list[Record]) -> dict[tuple[str, str, str], tuple[int, int, int, set[str]]]:
    """Records, items, syncs and named items by (client application or application, kind, mailbox), from raw fields."""
    found: dict[tuple[str, str, str], tuple[int, int, int, set[str]]] = {}
    for record in records:
        fields = record.fields
        if record.source != "m365/exchange" or fields.get("Operation") not in ("MailItemsAccessed", "AttachmentAccess"):
            continue
        if fields.get("ResultStatus") == "Failed":
            continue
        kind = str(fields.get("ClientInfoString", "")).removeprefix("Client=").split(";")[0]
        app = str(fields.get("ClientAppId") or fields.get("AppId") or "-").lower()
        place = (app, kind.lower() or "-", str(fields.get("MailboxGuid", "")).lower())
        properties = fields.get("OperationProperties")
        pairs = properties if isinstance(properties, list) else []
        sync = {"Name": "MailAccessType", "Value": "Sync"} in pairs
        ids = {
            str(item["InternetMessageId"])
            for folder in _list(fields.get("Folders"))
            for item in _list(folder["FolderItems"])
            if "InternetMessageId" in item
        }
        number = 0 if sync else int(str(fields.get("OperationCount") or len(ids) or 1))
        old = found.get(place, (0, 0, 0, set()))
        found[place] = (old[0] + 1, old[1] + number, old[2] + sync, old[3] | ids)
    return found


def _list(value: object) -> list[Mapping[str, object]]:
    return value if isinstance(value, list) else []


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.name)
def test_scenarios_are_counted_as_by_hand(scenario: Path, reading: Callable[[Path], Reading]) -> None:
    records = reading(scenario / "events.jsonl").records
    with counted(records) as access:
        found: dict[tuple[str, str, str], tuple[int, int, int, set[str]]] = {}
        items = defaultdict(set)
        for item in access.answers.items():
            acting = item.client or item.app or "-"
            items[acting, item.kind.lower(), item.mailbox].add(item.message_id)
        for key in access.answers.keys(10_000):
            boxes = [box.id for box in access.answers.mailboxes(10_000)]
            for box, cell in access.answers.cells(key.key, boxes).items():
                place = (key.client or key.app or "-", key.kind.lower(), box)
                old = found.get(place, (0, 0, 0, set()))
                good = cell.records - cell.failed
                found[place] = (
                    old[0] + good,
                    old[1] + cell.items,
                    old[2] + cell.sync,
                    items[place] - {""},
                )
        hours = Counter(int(record.time.timestamp()) // 3600 for record in records if _is_read(record))
        assert found == by_hand(records)
        assert access.answers.hours() == dict(sorted(hours.items()))


def _is_read(record: Record) -> bool:
    fields = record.fields
    return (
        fields.get("Operation") in ("MailItemsAccessed", "AttachmentAccess") and fields.get("ResultStatus") != "Failed"
    )


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda path: path.name)
def test_tokens_are_explained_as_the_baseline_says(scenario: Path, reading: Callable[[Path], Reading]) -> None:
    records = reading(scenario / "events.jsonl").records
    shares = explained_shares(whole_pack(), records)
    with counted(records) as access:
        keys = {key.key: (key.tokens, key.explained) for key in access.answers.keys(10_000)}
    assert {key: counts for key, counts in keys.items() if key in shares} == {
        key: (len(share.token_ids), len(share.explained)) for key, share in shares.items()
    }


def test_the_order_of_records_does_not_matter(reading: Callable[[Path], Reading]) -> None:
    records = list(reading(ROOT / "fixtures" / "_scenarios" / "s2_storm0558_today" / "events.jsonl").records)
    with counted(records) as one:
        asked = _everything(one)
    random.Random(7).shuffle(records)  # noqa: S311 - a fixed order that is another one
    with counted(records) as other:
        assert _everything(other) == asked


def _everything(access: Access) -> list[object]:
    answers = access.answers
    networks = [answers.networks(one.acting, 100) for one in answers.applications(100)]
    return [answers.keys(100), answers.mailboxes(100), answers.applications(100), networks, list(answers.items())]


def one(records: list[Record], **lists: frozenset[str]) -> Counts:
    with counted(records, **lists) as access:
        total = access.answers.total()
    assert total is not None
    return total


def test_nothing_was_read() -> None:
    with counted([sign_in(0, TOKEN)]) as access:
        assert access.answers.total() is None
        assert list(access.answers.items()) == []
        assert access.sign_ins == 1


def test_a_sync_makes_the_list_of_its_mailbox_incomplete_and_adds_no_items() -> None:
    total = one([read(0, OperationProperties=SYNC, Item={"ParentFolder": {"Path": "\\Inbox"}})])
    assert (total.sync, total.bind, total.items) == (1, 0, 0)
    assert "presume every item of the folder read" in incomplete(total.holes)


def test_a_throttled_mailbox_is_presumed_read_for_a_day_more() -> None:
    total = one([read(0, OperationProperties=THROTTLED), read(0.5)])
    assert total.throttled == 1
    assert "2026-02-01T09:00:00Z to 2026-02-02T09:00:00Z" in incomplete(total.holes)


def test_items_that_are_counted_and_not_named_are_said() -> None:
    folders = [{"Path": "\\Inbox", "FolderItems": [{"InternetMessageId": "<a@contoso.example>"}]}]
    total = one([read(0, Folders=folders, OperationCount=4)])
    assert (total.items, total.unnamed) == (4, 3)
    assert "3 items counted and not named" in incomplete(total.holes)


def test_a_failed_read_reads_nothing_but_is_counted() -> None:
    total = one([read(0, ResultStatus="Failed", OperationCount=9), read(1, OperationCount=2)])
    assert (total.records, total.failed, total.bind, total.items) == (2, 1, 1, 2)


def test_attachments_are_reads() -> None:
    messages = [{"Path": "Messages", "MessageItems": [{"Id": "AAMk1", "SizeInBytes": "1156492.00"}]}]
    with counted([read(0, Operation="AttachmentAccess", Messages=messages, OperationCount=1)]) as access:
        (item,) = access.answers.items()
    assert (item.how, item.item_id, item.size, item.folder) == ("Attachment", "AAMk1", 1156492, "Messages")


def test_one_item_read_twice_is_one_line_with_its_first_and_last_time() -> None:
    folders = [{"Path": "\\Inbox", "FolderItems": [{"InternetMessageId": "a@contoso.example"}]}]
    again = [{"Path": "\\Inbox", "FolderItems": [{"InternetMessageId": "<a@contoso.example>", "SizeInBytes": 5}]}]
    with counted([read(3, Folders=again), read(1, Folders=folders)]) as access:
        (item,) = access.answers.items()
    assert (item.first, item.last) == (START + timedelta(days=1), START + timedelta(days=3))
    assert (item.message_id, item.size, item.records) == ("<a@contoso.example>", 5, 2)


def test_only_a_baseline_makes_a_use_new() -> None:
    reads = [read(0, app="11111111-0000-4000-8000-000000000001"), read(0, app="22222222-0000-4000-8000-000000000002")]
    assert not one(reads).new
    normal = "11111111-0000-4000-8000-000000000001|-|rest"
    with counted(reads, baseline_mail_apps=frozenset({normal})) as access:
        assert [(key.app[0], key.counts.new) for key in access.answers.keys(9)] == [("2", True), ("1", False)]
    there = frozenset({f"{normal}|{BOX}"})
    boxes = [replace(reads[0], fields={**reads[0].fields, "MailboxGuid": box}) for box in (BOX, OTHER_BOX)]
    with counted(boxes, baseline_mail_apps=frozenset({normal}), baseline_mailbox_apps=there) as access:
        assert {box.id: box.counts.new_there for box in access.answers.mailboxes(9)} == {BOX: False, OTHER_BOX: True}


def test_reads_outside_the_asked_span_are_not_counted_but_their_tokens_are_explained() -> None:
    with Access(pack(), since=START + timedelta(days=1), until=START + timedelta(days=2)) as access:
        for record in (sign_in(0, TOKEN), *(read(day, token=TOKEN) for day in (0, 1, 2))):
            access.add(record)
        (key,) = access.answers.keys(9)
    assert (key.counts.records, key.tokens, key.explained) == (1, 1, 1)


def test_a_token_is_explained_by_a_sign_in_that_comes_later_and_only_by_its_own() -> None:
    with counted(
        [read(0, token=TOKEN), read(0, token=OTHER_TOKEN), sign_in(0, TOKEN), sign_in(0, TOKEN.lower())]
    ) as access:
        (application,) = access.answers.applications(9)
    assert (application.tokens, application.explained) == (2, 1)


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.77", "192.0.2.0/24"),
        ("2001:db8:10:1::7", "2001:db8:10::/48"),
        ("no address", "no address"),
    ],
)
def test_addresses_are_grouped_by_network(address: str, network: str) -> None:
    assert network_of(address) == network


@pytest.mark.parametrize("count", ["²", "9" * 5_000, -1, True, None, "1e3", {}])
def test_a_count_that_is_none_does_not_stop_the_hunt(count: object) -> None:
    assert item_count({"OperationCount": count}) == 1
    assert item_count({"OperationCount": count, "Folders": [{"FolderItems": [{}, {}]}]}) == 2


@pytest.mark.parametrize("broken", ["x", 3, [3], [{"FolderItems": 3}], [{"FolderItems": [3]}], {"FolderItems": []}])
def test_broken_folders_do_not_stop_the_hunt(broken: object) -> None:
    assert len(list(named_items({"Folders": broken}))) <= 1
    assert synced_folder({"Item": broken}) == ""


def test_memory_does_not_grow_with_the_records() -> None:
    """What Python holds after 6,000 records of other mailboxes and items is what it held after 2,000."""
    with Access(pack()) as access:
        tracemalloc.start()
        sizes = []
        for number in range(6_000):
            folders = [{"Path": f"\\{number}", "FolderItems": [{"InternetMessageId": f"<{number}@contoso.example>"}]}]
            fields = {"Operation": "MailItemsAccessed", "MailboxGuid": str(number), "Folders": folders}
            access.add(mail(number / 1e4, fields))
            if number % 2_000 == 1_999:
                sizes.append(tracemalloc.get_traced_memory()[1])
                tracemalloc.reset_peak()
        tracemalloc.stop()
        assert access.answers.sizes()["items"] == 6_000
    assert sizes[-1] < sizes[0] * 1.2
