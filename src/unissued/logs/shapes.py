"""From a stream of text to raw rows: what arrangement it has is told by its beginning."""

from __future__ import annotations

import re
from collections.abc import Iterator

from unissued.logs.cells import csv_rows, delimiter_of
from unissued.logs.decode import StrictJson, UnreadableError
from unissued.logs.documents import json_documents, json_lines
from unissued.logs.opening import HEAD, Opened
from unissued.logs.rows import Item

# Other formats open with a bracket too, such as [section] and {{ template }}.
_JSON_LINE = re.compile(r"""^[\s\ufeff]*(?:\{\s*["}]|\[\s*[{\]])""", re.MULTILINE)


def items(opened: Opened) -> Iterator[Item] | None:
    """The content of a file, or None when it is neither JSON nor a CSV."""
    start = opened.head.lstrip("\ufeff \t\r\n")
    if not start:
        return iter(()) if len(opened.head) < HEAD else None
    if start[0] in "{[" and _JSON_LINE.search(start):
        return json_lines(opened) if is_json_lines(opened.head) else json_documents(opened)
    delimiter = delimiter_of(_first_line(start))
    return csv_rows(opened, delimiter) if delimiter else None


def is_json_lines(head: str) -> bool:
    """Whether lines of the file's beginning are objects of their own."""
    start = head.lstrip("\ufeff \t\r\n")
    if not _JSON_LINE.search(start):
        return False
    lines = start.split("\n")
    if len(lines) > 1:
        lines.pop()  # the last one may be cut by the end of the head
    if not start.startswith("{") or lines[0].rstrip().endswith(("{", "[", ",")):
        return False
    parser = StrictJson()
    return any(_is_whole(parser, line.strip()) for line in lines[:20]) or (len(lines) == 1 and "\n" in start)


def _is_whole(parser: StrictJson, line: str) -> bool:
    if not line.startswith("{"):
        return False
    try:
        parser.parse(line)
    except UnreadableError:
        return False
    return True


def _first_line(start: str) -> str:
    lines = start.replace("\r", "\n").split("\n")
    return next((line for line in lines if line.strip() and not line.startswith("#TYPE")), "")
