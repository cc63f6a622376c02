"""What Sigma cannot say: tests of two records that a correlation has brought together, by the rule key ``judge``.

Here stands what each one looks at; what it means stands in ``evaluate.judges``, how it is written in ``convert``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Judge:
    """A test of one record of each of two rules."""

    fields: tuple[tuple[str, ...], tuple[str, ...]]
    """What it looks at in a record of the first and of the second rule."""
    lists: tuple[str, ...]
    """The lists that it asks for."""


JUDGES: Mapping[str, Judge] = {
    "issued_to_another": Judge(
        (
            ("TokenObjectId", "UserId", "AppAccessContext.ClientAppId", "ClientAppId"),
            ("UserId", "UserPrincipalName", "AppId"),
        ),
        ("on_behalf_of_pairs",),
    ),
}
