"""A batch for Microsoft Sentinel: rows for custom tables, and queries that read those under Microsoft's names.

The Logs Ingestion API does not write OfficeActivity, the sign-in tables and the like, and it sets a TimeGenerated that
is older than two days to now. So every table gets a twin that ends in ``_CL`` and keeps the event's time in a column of
its own; ``let`` statements before a query give the twin Microsoft's name and columns, and the query runs unchanged.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime

from unissued.convert import Query
from unissued.simulate.batch import Batch
from unissued.simulate.shapes import SENDER
from unissued.tables import Writer, schemas

_RESERVED = frozenset({"id", "tenantid", "title", "type", "uniqueid", "_resourceid", "_subscriptionid"})
_TIME = "TimeGenerated"
_EVENT_TIME = "EventTime"
_TABLES_API = "2022-10-01"
_RULES_API = "2023-03-11"


def twin(table: str) -> str:
    """Return the custom table that stands for one of Microsoft's."""
    return f"{table}_CL"


def stream(table: str) -> str:
    """Return the stream of the data collection rule that fills a custom table."""
    return f"Custom-{table}"


def _own(column: str) -> str:
    """Return what a column is called in a custom table."""
    if column == _TIME:
        return _EVENT_TIME
    return f"Record{column}" if column.lower() in _RESERVED else column


def twins(batch: Batch) -> dict[str, dict[str, str]]:
    """Return custom table -> column -> type, for every table that a query could read."""
    found = schemas(batch.setting.pack.catalogue, "sentinel")
    return {twin(table): {_own(column): kind for column, kind in columns.items()} for table, columns in found.items()}


def rows(batch: Batch) -> dict[str, list[dict[str, object]]]:
    """Return the rows of every custom table that has any; columns without a value are left out."""
    writer = Writer(batch.setting.pack.catalogue)
    found: dict[str, list[dict[str, object]]] = {}
    for record in batch.sent:
        for row in writer.kusto(record, "sentinel"):
            cells = {_own(column): _cell(value) for column, value in row.values.items() if value not in (None, "")}
            found.setdefault(twin(row.table), []).append(cells)
    return dict(sorted(found.items()))


def _cell(value: object) -> object:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().replace("+00:00", "Z")
    return value


def aliased(query: Query, batch: Batch) -> str:
    """Return a query's file with what makes it read the custom tables before it; the query itself is unchanged."""
    known = schemas(batch.setting.pack.catalogue, "sentinel")
    lines = [f"let {table} = {_alias(table, known[table])};" for table in query.tables]
    head = f"// {SENDER}: reads the custom tables of a replay under Microsoft's names\n"
    return head + "".join(f"{line}\n" for line in lines) + query.text


def _alias(table: str, columns: Mapping[str, str]) -> str:
    renamed = ", ".join(f"{column} = {_own(column)}" for column in sorted(columns) if _own(column) != column)
    return f"{twin(table)} | extend {renamed}"


def template(batch: Batch) -> str:
    """Return an ARM template: the custom tables and a data collection rule, which says the address to send to."""
    tables = twins(batch)
    rule = f"resourceId('Microsoft.Insights/dataCollectionRules', '{SENDER}')"
    properties = f"reference({rule}, '{_RULES_API}')"
    return _json(
        {
            "$schema": "https://schema.management.azure.com/schemas/2019-04-01/deploymentTemplate.json#",
            "contentVersion": "1.0.0.0",
            "parameters": {
                "workspaceName": {"type": "string"},
                "location": {"type": "string", "defaultValue": "[resourceGroup().location]"},
            },
            "resources": [*_tables(tables), _rule(tables)],
            "outputs": {
                "url": {
                    "type": "string",
                    "value": f"[concat({properties}.endpoints.logsIngestion, '/dataCollectionRules/',"
                    f" {properties}.immutableId)]",
                }
            },
        }
    )


def _tables(tables: Mapping[str, Mapping[str, str]]) -> Iterator[dict[str, object]]:
    for table, columns in tables.items():
        yield {
            "type": "Microsoft.OperationalInsights/workspaces/tables",
            "apiVersion": _TABLES_API,
            "name": f"[concat(parameters('workspaceName'), '/{table}')]",
            "properties": {
                "plan": "Analytics",
                "schema": {"name": table, "columns": _columns({_TIME: "datetime", **columns}, "dateTime")},
            },
        }


def _rule(tables: Mapping[str, Mapping[str, str]]) -> dict[str, object]:
    workspace = "resourceId('Microsoft.OperationalInsights/workspaces', parameters('workspaceName'))"
    needs = "resourceId('Microsoft.OperationalInsights/workspaces/tables', parameters('workspaceName'), '{}')"
    return {
        "type": "Microsoft.Insights/dataCollectionRules",
        "apiVersion": _RULES_API,
        "name": SENDER,
        "location": "[parameters('location')]",
        "kind": "Direct",
        "dependsOn": [f"[{needs.format(table)}]" for table in tables],
        "properties": {
            "streamDeclarations": {
                stream(table): {"columns": _columns(columns, "datetime")} for table, columns in tables.items()
            },
            "destinations": {"logAnalytics": [{"workspaceResourceId": f"[{workspace}]", "name": "workspace"}]},
            "dataFlows": [
                {
                    "streams": [stream(table)],
                    "destinations": ["workspace"],
                    "transformKql": f"source | extend {_TIME} = now()",
                    "outputStream": stream(table),
                }
                for table in tables
            ],
        },
    }


def _columns(columns: Mapping[str, str], datetime_word: str) -> list[dict[str, str]]:
    """The tables' interface and the rule's spell one type differently."""
    return [{"name": column, "type": datetime_word if kind == "datetime" else kind} for column, kind in columns.items()]


def chunks(items: Iterable[Mapping[str, object]], most: int) -> Iterator[list[Mapping[str, object]]]:
    """Yield rows in arrays of at most so many bytes of JSON."""
    chunk: list[Mapping[str, object]] = []
    size = 2
    for item in items:
        length = len(json.dumps(item, separators=(",", ":")).encode("utf-8")) + 1
        if chunk and size + length > most:
            yield chunk
            chunk, size = [], 2
        chunk.append(item)
        size += length
    if chunk:
        yield chunk


def _json(value: object) -> str:
    return json.dumps(value, indent=2) + "\n"
