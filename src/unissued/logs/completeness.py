"""Signs that an export does not hold everything it was asked for (docs/exports.md H)."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping

_MORE = re.compile(r"moreRecordsAvailable[\"']?\s*[:=]\s*[\"']?true", re.IGNORECASE)

# Row numbers at which an export stops of itself, by the shape's id.
_CAPS = {
    "A1": (50_000,),
    "A2": (50_000,),
    "A3": tuple(range(5_000, 50_001, 5_000)),
    "A4": tuple(range(5_000, 50_001, 5_000)),
    "B1": (100_000, 250_000),
    "D1": (30_000,),
    "D3": (500_000,),
    "E2": (100_000,),
}


class Signs:
    """Gathers the signs in one file."""

    def __init__(self) -> None:
        self._rows: Counter[str] = Counter()
        self._reasons: dict[str, None] = {}
        self._highest_index = 0
        self._highest_count = 0
        self._failed_pages = 0
        self._streamed = False
        self._saw_last_row = False

    def is_end_mark(self, row: Mapping[str, object]) -> bool:
        """Whether the row is no record but Splunk's mark that the export is complete."""
        if "lastrow" not in row or row.get("result"):
            return False
        self._saw_last_row = True
        return True

    def row(self, shape: str, row: Mapping[str, object]) -> None:
        """Take note of a row."""
        self._rows[shape] += 1
        self._streamed |= "preview" in row
        self._saw_last_row |= row.get("lastrow") is True
        if shape.startswith(("A3", "A4")):
            self._search_row(row)

    def _search_row(self, row: Mapping[str, object]) -> None:
        index, number = _number(row.get("ResultIndex")), _number(row.get("ResultCount"))
        if index is not None and number is not None:
            self._highest_index = max(self._highest_index, index)
            self._highest_count = max(self._highest_count, number)
            self._failed_pages += index == -1 or number == 0
        for key in ("AuditSearchRequestMetadata", "moreRecordsAvailable"):
            if key in row and _MORE.search(f"{key}={row[key]}"):
                self._reasons["moreRecordsAvailable: the search had more records"] = None

    def member(self, name: str, value: object) -> None:
        """Take note of a member beside the rows of an envelope."""
        if name.casefold() in ("@odata.nextlink", "nextlink") and value:
            self._reasons["@odata.nextLink: the next page is missing"] = None
        if name.casefold() == "error" and value:
            self._reasons["error beside the rows: the query did not finish"] = None
        if name.casefold() == "preview" and value is True:
            self._reasons["preview: the search was not finished"] = None
        if name.casefold() == "morerecordsavailable" and value is True:
            self._reasons["moreRecordsAvailable: the search had more records"] = None

    def cut(self, reason: str) -> None:
        """Take note that the file ends too early."""
        self._reasons[reason] = None

    def usable(self, shape: str, number: int) -> None:
        """Take note of rows of which nothing but the shape is to be noted."""
        self._rows[shape] += number

    def add(self, later: Signs) -> None:
        """Take note of what was gathered in a later part of the same file."""
        self._rows += later._rows
        self._reasons |= later._reasons
        self._highest_index = max(self._highest_index, later._highest_index)
        self._highest_count = max(self._highest_count, later._highest_count)
        self._failed_pages += later._failed_pages
        self._streamed |= later._streamed
        self._saw_last_row |= later._saw_last_row

    def reasons(self) -> list[str]:
        """Why the file is partial."""
        reasons = list(self._reasons)
        for shape, number in sorted(self._rows.items()):
            if number in _CAPS.get(shape[:2], ()):
                reasons.append(f"exactly {number} rows of {shape}: the cap of that export")
        if self._streamed and not self._saw_last_row:
            reasons.append("Splunk export without lastrow: cut off")
        if self._highest_index < self._highest_count:
            numbers = f"highest ResultIndex {self._highest_index} < ResultCount {self._highest_count}"
            reasons.append(f"{numbers}: pages are missing, or this is a selection")
        if self._failed_pages:
            reasons.append(f"{self._failed_pages} rows with ResultIndex -1 or ResultCount 0: failed pages")
        return reasons


def _number(value: object) -> int | None:
    text = str(value).strip()
    return int(text) if re.fullmatch(r"-?[0-9]{1,18}", text) else None
