"""Cells of CSV that no spreadsheet runs and that command no terminal."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable

from unissued.hunt import visible

# What spreadsheets take for the beginning of a formula, in full width as well; blanks before it do not help.
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
_LONGEST = 32_000
"""Characters; a spreadsheet cuts cells at 32,767 without a word."""


def line(cells: Iterable[object]) -> str:
    """Return one line of CSV, CR LF at its end; texts are neutralised, numbers are not."""
    out = io.StringIO()
    csv.writer(out, lineterminator="\r\n").writerow([_cell(cell) for cell in cells])
    return out.getvalue()


def _cell(value: object) -> object:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return value
    text = visible(str(value), _LONGEST)
    return f"'{text}" if text.lstrip().startswith(_FORMULA) else text
