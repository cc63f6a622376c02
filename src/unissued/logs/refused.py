"""The refused records in a file of their own, for whoever wants to look at them or mend them."""

from __future__ import annotations

import json
from typing import TextIO

from unissued.logs.report import Refusal
from unissued.logs.rows import MOST_RAW


class RefusedFile:
    """JSON Lines: file, line, reason and the record's text, of which the beginning must do when it is long."""

    def __init__(self, file: TextIO) -> None:
        self._file = file

    def add(self, refusal: Refusal, text: str) -> None:
        """Write one refused record; line 0 is a file as a whole."""
        entry = {"file": refusal.file, "line": refusal.line, "reason": refusal.reason, "text": text[:MOST_RAW]}
        if len(text) > MOST_RAW:
            entry["cut"] = True
        self._file.write(json.dumps(entry) + "\n")

    def mark(self) -> int:
        """Where the next one goes."""
        return self._file.tell()

    def forget(self, mark: int) -> None:
        """Take back what was written since then: the file turned out to be no log."""
        self._file.seek(mark)
        self._file.truncate()
