"""A stretch of text that slides on, so that no document has to be in memory as a whole."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator

from unissued.logs.decode import UnreadableError
from unissued.logs.opening import CHUNK, HEAD, MAX_LINE

_BLANK = re.compile(r"[\s\ufeff]*")


class Window:
    """A stretch of text that slides on, and the place in it that was reached."""

    def __init__(self, chunks: Iterator[str], line: int) -> None:
        self._chunks = chunks
        self._line = line
        self._counted = 0
        self.text = ""
        self.at = 0
        self.passed = 0

    def line(self) -> int:
        """The line of the place."""
        self._line += self.text.count("\n", self._counted, self.at)
        self._counted = self.at
        return self._line

    def ahead(self) -> int:
        """How many characters lie ahead in the window."""
        return len(self.text) - self.at

    def more(self) -> bool:
        """Let go of what lies behind and show up to twice as much as before; False at the end of the text.

        Raises ``UnreadableError`` when one value fills the largest window.
        """
        ahead = self.ahead()
        if ahead * sys.getsizeof(self.text) > MAX_LINE * len(self.text) and ahead > CHUNK:
            raise UnreadableError(f"a value longer than {MAX_LINE >> 20} MiB", self.at)
        parts, size = list[str](), 0
        wanted = max(CHUNK, min(ahead, MAX_LINE + 1 - ahead))
        for chunk in self._chunks:
            parts.append(chunk)
            size += len(chunk)
            if size >= wanted:
                break
        if not size:
            return False
        # The beginning of the line stays: its indentation tells where the next element begins.
        behind = max(self.text.rfind("\n", 0, self.at) + 1, self.at - HEAD, 0)
        self.line()
        self.text = "".join((self.text[behind:], *parts))
        self.at -= behind
        self._counted -= behind
        self.passed += behind
        return True

    def next(self) -> str:
        """Go to the next character that is not blank; it, or nothing at the end."""
        while True:
            match = _BLANK.match(self.text, self.at)
            self.at = match.end() if match else self.at
            if self.ahead() or not self.more():
                return self.text[self.at : self.at + 1]

    def skip_to(self, mark: str) -> bool:
        """Go to the second character of the next occurrence of the mark; False, and to the end, without one."""
        while (found := self.text.find(mark, self.at + 1)) < 0:
            self.at = max(self.at, len(self.text) - len(mark))
            if not self.more():
                self.at = len(self.text)
                return False
        self.at = found + 1
        return True
