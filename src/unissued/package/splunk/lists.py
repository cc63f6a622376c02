"""Lookups: names of applications in a CSV, which upgrades replace; a site's lists in the KV store, which stays."""

from __future__ import annotations

import csv
import io

from unissued.pack import Catalogue
from unissued.pack.applications import load_applications

APPLICATIONS = "unissued_applications"
_COLUMNS = ("key", "status", "applications", "reviewed_by", "note", "first_seen", "last_seen", "days_seen", "mailboxes")
"""What ``baseline export`` and the learning searches write; searches ask for ``key`` alone."""
_GROUPS = {
    "first_party": "Microsoft",
    "public_clients": "Microsoft, anybody can sign in with it",
    "known_from_intrusions": "known from intrusions",
}


def lookup_name(name: str) -> str:
    """Return the name of a list's lookup definition and collection."""
    return f"unissued_{name}"


def transforms(catalogue: Catalogue) -> dict[str, dict[str, str]]:
    """Return transforms.conf. Keys are compared as they are: entries and what is looked up are in small letters."""
    found = {APPLICATIONS: {"filename": f"{APPLICATIONS}.csv"}}
    for name in catalogue.lists:
        found[lookup_name(name)] = {
            "external_type": "kvstore",
            "collection": lookup_name(name),
            "fields_list": ", ".join(["_key", *_COLUMNS, "reads"]),
        }
    return found


def collections(catalogue: Catalogue) -> dict[str, dict[str, str]]:
    """Return collections.conf. Lookups run on indexers as well, so collections are replicated to them."""
    settings = {"enforceTypes": "false", "replicate": "true", "accelerated_fields.key": '{"key": 1}'}
    return {lookup_name(name): dict(settings) for name in catalogue.lists}


def applications() -> str:
    """Return the CSV of well-known applications; a name is no verdict."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("app_id", "app_name", "app_group"))
    for one in sorted(load_applications().values(), key=lambda one: one.id):
        writer.writerow((one.id, one.name, _GROUPS[one.group]))
    return out.getvalue()
