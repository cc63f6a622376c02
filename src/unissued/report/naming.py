"""What public lists call an application. A name is never a verdict."""

from __future__ import annotations

from unissued.pack.applications import load_applications

_GROUPS = {
    "first_party": "a name of Microsoft's; an intruder can use it, too",
    "public_clients": "a public client of Microsoft's: anybody can sign in with it",
    "known_from_intrusions": "known from intrusions",
}


def name_of(app: str, client: str) -> str:
    """Return the name of an application, by its client id, else its id; empty where no list knows it."""
    known = load_applications().get((client or app).casefold())
    return known.name if known else ""


def said_of(app: str) -> str:
    """Return what the list of a name says about it; empty where no list knows the id."""
    known = load_applications().get(app.casefold())
    return f"{_GROUPS[known.group]} ({known.source})" if known else ""
