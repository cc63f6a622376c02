"""The items of a mail record: which messages or attachments it names, and how many it stands for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

_LISTS = (("Folders", "FolderItems"), ("Messages", "MessageItems"))
_COUNT = re.compile(r"[0-9]{1,9}")
_SIZE = re.compile(r"([0-9]{1,18})(?:\.0+)?")


@dataclass(frozen=True, slots=True)
class Item:
    """One message or attachment that a record names; all of it is log content."""

    folder: str
    message_id: str
    """InternetMessageId with its angle brackets, which some records leave out; empty where there is none."""
    item_id: str
    size: int | None
    """Bytes, where the record says so."""


def named_items(fields: Mapping[str, object]) -> Iterator[Item]:
    """Yield the items that a record of mail audit names, in its order."""
    for outer, inner in _LISTS:
        holders = fields.get(outer)
        for holder in holders if isinstance(holders, list) else []:
            items = holder.get(inner) if isinstance(holder, Mapping) else None
            for item in items if isinstance(items, list) else []:
                yield _item(_text(holder.get("Path")), item if isinstance(item, Mapping) else {})


def item_count(fields: Mapping[str, object]) -> int:
    """Return how many items a mail record stands for: its count, else what it lists, else one."""
    count = _text(fields.get("OperationCount")).strip()
    if _COUNT.fullmatch(count):
        return int(count)
    return max(sum(1 for _ in named_items(fields)), 1)


def synced_folder(fields: Mapping[str, object]) -> str:
    """Return the folder that a Sync downloaded, by path or name; empty where the record does not say."""
    item = fields.get("Item")
    parent = item.get("ParentFolder") if isinstance(item, Mapping) else None
    if not isinstance(parent, Mapping):
        return ""
    path = _text(parent.get("Path"))
    return _text(parent.get("Name")) if path.casefold() in ("", "not available") else path


def _item(folder: str, item: Mapping[str, object]) -> Item:
    message = _text(item.get("InternetMessageId")).strip().strip("<>")
    size = _SIZE.fullmatch(_text(item.get("SizeInBytes")).strip())
    return Item(folder, f"<{message}>" if message else "", _text(item.get("Id")), int(size[1]) if size else None)


def _text(value: object) -> str:
    return str(value) if isinstance(value, str | int | float) else ""
