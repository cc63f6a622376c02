"""A finding in the words that several formats share. All of it may hold log content and is escaped by each format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from unissued.hunt import Finding
from unissued.report.naming import name_of


@dataclass(frozen=True)
class Facts:
    """What a finding says, as JSON writes it and as people read it."""

    finding: Finding

    @cached_property
    def data(self) -> Mapping[str, object]:
        """The finding as written to JSON."""
        return self.finding.as_dict()

    @property
    def level(self) -> str:
        """The rule's level; ``base`` where it has none."""
        return self.finding.rule.level or "base"

    @property
    def span(self) -> str:
        """The times of the first and the last record."""
        first, last = str(self.data["first"]), str(self.data["last"])
        return first if first == last else f"{first} to {last}"

    @property
    def about(self) -> list[str]:
        """What the matches have in common, as ``name = value``."""
        return [f"{name} = {value}" for name, value in sorted(self.finding.group.items())]

    @property
    def applications(self) -> list[str]:
        """Application, client application and kind of client, with the name that public lists have."""
        apps = self.data.get("apps")
        return [_application(app) for app in (apps if isinstance(apps, list) else [])]

    def texts(self, name: str) -> list[str]:
        """Return a list of the finding, such as ``users``; empty where it has none."""
        values = self.data.get(name)
        return [str(value) for value in values] if isinstance(values, list) else []


def _application(app: Mapping[str, str]) -> str:
    name = name_of(app.get("app_id", ""), app.get("client_app_id", ""))
    ids = " | ".join(app.get(key, "-") for key in ("app_id", "client_app_id", "client_kind"))
    return f"{name}: {ids}" if name else ids
