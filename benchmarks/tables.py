"""Tables of shares, as Markdown and back."""

from __future__ import annotations

import argparse
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

_NUMBER = re.compile(r"\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Share:
    """How many of how many."""

    part: int
    of: int

    def __str__(self) -> str:
        return percent(self.percent)

    @property
    def percent(self) -> float:
        """The share in percent."""
        return 100 * self.part / self.of


@dataclass(frozen=True)
class Range:
    """The least and the greatest of some shares."""

    shares: tuple[Share, ...]

    def __str__(self) -> str:
        texts = list(dict.fromkeys(percent(one) for one in sorted(share.percent for share in self.shares)))
        return f"{texts[0]}–{texts[-1]}" if len(texts) > 1 else texts[0]


def percent(value: float) -> str:
    """Write a share: one decimal, more where it is small, and a bare 0 only for none at all."""
    if value == 0:
        return "0"
    return f"{value:.1f}" if value >= 0.05 else f"{value:.3f}"


Cell: TypeAlias = "str | int | Share | Range"


@dataclass(frozen=True)
class Table:
    """A heading, what it says, and rows of cells."""

    title: str
    text: str
    header: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    def markdown(self) -> str:
        """Write the table."""
        lines = [self.header, tuple("---" for _ in self.header), *self.rows]
        body = "\n".join(f"| {' | '.join(map(str, cells))} |" for cells in lines)
        return f"## {self.title}\n\n{self.text}\n\n{body}\n"


def page(title: str, text: str, tables: Sequence[Table]) -> str:
    """Write a page of tables."""
    return "\n".join([f"# {title}\n\n{text}\n", *(table.markdown() for table in tables)])


def write_or_check(description: str, path: Path, written: Callable[[], str]) -> int:
    """Write a page, or with ``--check`` only say by the exit status whether it is stale.

    Args:
        description: for ``--help``, which computes nothing.
        path: of the page.
        written: computes it.
    """
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--check", action="store_true", help="write nothing; exit status 1 if the page is stale")
    check = parser.parse_args().check
    text = written()
    if check:
        return int(path.read_text(encoding="utf-8") != text)
    path.write_text(text, encoding="utf-8")
    return 0


def rows_of(markdown: str, title: str) -> list[list[str]]:
    """Return the cells of the table below a heading, without its header."""
    section = markdown.split(f"## {title}\n", 1)[1].split("\n## ", 1)[0]
    lines = [line for line in section.split("\n") if line.startswith("|")]
    return [[cell.strip() for cell in line.strip("|").split("|")] for line in lines[2:]]


def numbers(cell: str) -> Iterator[float]:
    """Yield the numbers of a cell."""
    yield from map(float, _NUMBER.findall(cell))
