"""A problem at a line of a file, with how much it matters; and the checks that looked for it."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import StrEnum

from unissued.errors import Problem

_PLACE = re.compile(r"(?P<file>.+?)(?::(?P<line>[1-9][0-9]*))?\Z", re.DOTALL)


class Level(StrEnum):
    """How much a remark matters, in the words of SARIF and of GitHub's workflow commands but for ``note``."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True)
class Remark:
    """One thing that somebody should look at."""

    code: str
    """What kind of thing it is; stable, without blanks."""
    text: str
    file: str = ""
    """Relative to the repository, with slashes."""
    line: int = 0
    """From 1; 0 where it is about the whole file."""
    level: Level = Level.ERROR
    detail: str = ""
    """More lines, such as a diff."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at: it passed, or there are remarks about it."""

    suite: str
    name: str
    remarks: tuple[Remark, ...] = ()

    @property
    def failed(self) -> bool:
        """Tell whether a remark is an error."""
        return any(remark.level is Level.ERROR for remark in self.remarks)


@dataclass(frozen=True)
class Report:
    """All checks of one command."""

    verb: str
    checks: tuple[Check, ...]
    summary: dict[str, int] = field(default_factory=dict)

    @property
    def remarks(self) -> list[Remark]:
        """All remarks, in order."""
        return [remark for check in self.checks for remark in check.remarks]


def of_problem(code: str, problem: Problem) -> Remark:
    """Return a problem of the project's own errors as a remark."""
    place = _PLACE.match(problem.where)
    file, line = (place["file"], int(place["line"] or 0)) if place else ("", 0)
    hint = f" ({problem.hint})" if problem.hint else ""
    return Remark(code, f"{problem.problem}{hint}", file, line)
