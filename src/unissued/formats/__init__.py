"""What a check found, in the forms that scripts, CI and code review read."""

from unissued.formats.remark import Check, Level, Remark, Report, of_problem
from unissued.formats.render import FORMS, MOST_MARKDOWN, folded, in_cell, rendered

__all__ = [
    "FORMS",
    "MOST_MARKDOWN",
    "Check",
    "Level",
    "Remark",
    "Report",
    "folded",
    "in_cell",
    "of_problem",
    "rendered",
]
