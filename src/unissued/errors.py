"""The project's own errors. Foreign exceptions become one of these at the boundary, with the place."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True)
class Problem:
    """One thing that is wrong: where (``path`` or ``path:line``), what, and what to do about it."""

    where: str
    problem: str
    hint: str = ""

    def __str__(self) -> str:
        hint = f" ({self.hint})" if self.hint else ""
        return f"{self.where}: {self.problem}{hint}"


class PackError(Exception):
    """Something that the user can mend: one or more problems, shown together."""

    def __init__(self, *problems: Problem) -> None:
        super().__init__("\n".join(map(str, problems)))
        self.problems = problems

    @classmethod
    def at(cls, where: str, problem: str, hint: str = "") -> Self:
        """Make an error of one problem."""
        return cls(Problem(where, problem, hint))


class RuleError(PackError):
    """A rule, filter or fixture of the pack is wrong."""


class SourceError(PackError):
    """The field catalogue is wrong, or does not know what was asked for."""


class LogError(PackError):
    """An input file, baseline or list cannot be used."""


class UnsupportedError(PackError):
    """A rule says something that a target cannot say exactly."""
