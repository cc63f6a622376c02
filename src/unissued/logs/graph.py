"""Records of Microsoft Graph's own log: requests, in Entra's envelope and in the tables of Sentinel and Defender."""

from __future__ import annotations

from collections.abc import Mapping

from unissued.logs.naming import is_empty
from unissued.logs.rows import Container
from unissued.logs.tables import GRAPH, GRAPH_REQUEST, GRAPH_TABLES, entra_column
from unissued.logs.verdict import Drafter, Keys, Refused, Verdict, as_object, table_shape, word

_REQUEST = ("requesturi", "requestid", "signinactivityid", "uniquetokenidentifier")
_TOLD_BY = ("signinactivityid", "responsestatuscode")


def graph_request(drafter: Drafter, row: Mapping[str, object], keys: Keys, container: Container) -> Verdict | None:
    """A row of a table of requests to Graph; a table that is not named shows in its columns."""
    named = [GRAPH_TABLES[said] for key in ("type", "$table") if (said := word(keys.get(key))) in GRAPH_TABLES]
    if not named and not ("requesturi" in keys and any(name in keys for name in _TOLD_BY)):
        return None
    shape = table_shape(keys, container)
    if all(is_empty(keys.get(name)) for name in _REQUEST):
        return Refused("an aggregate of requests to Graph, no event", shape)
    defender = "applicationid" in keys or "accountobjectid" in keys
    table = named[0] if named else "GraphAPIAuditEvents" if defender else "MicrosoftGraphActivityLogs"
    return drafter.draft(GRAPH, table, shape, row, columns=GRAPH_REQUEST)


def graph_envelope(drafter: Drafter, keys: Keys, inner: Mapping[str, object], shape: str) -> Verdict:
    """A request in the envelope of Event Hub, storage or Splunk; ``inner`` are its properties."""
    row = {entra_column(key): value for key, value in as_object(inner).items()}
    if is_empty(row.get("TimeGenerated")):
        row["TimeGenerated"] = keys.get("time")
    return drafter.draft(GRAPH, "MicrosoftGraphActivityLogs", shape, row, columns=GRAPH_REQUEST)
