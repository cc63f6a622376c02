"""Parses and binds KQL with Microsoft's own parser and binder (Kusto.Language, through kustology and .NET).

The binder knows tables, columns, functions and types. What it lets pass although the engine would not, or would read
otherwise than it looks, is found by ``kql_lint`` on the same syntax tree.
"""

from __future__ import annotations

import atexit
import importlib.metadata
import os
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from unissued.engines.kql_lint import lint
from unissued.errors import UnsupportedError

WATCHLIST_COLUMNS = {"SearchKey": "string", "Entries": "string"}


def version() -> str:
    """Return what binds the queries, for a report."""
    return f"Kusto.Language of kustology {importlib.metadata.version('kustology')}"


@dataclass(frozen=True)
class Bound:
    """What the binder says of a query."""

    problems: tuple[str, ...]
    """Each with line and column; empty for a good query."""
    columns: Mapping[str, str]
    """The result's columns and their types, in order."""


def _find_runtime() -> None:
    """Point to the .NET runtime that is installed as a package, unless the user has set another one."""
    os.environ.setdefault("DOTNET_SYSTEM_GLOBALIZATION_INVARIANT", "1")
    if "DOTNET_ROOT" not in os.environ:
        package = find_spec("dnv.net")
        for folder in package.submodule_search_locations or () if package else ():
            # Importing the package itself would set up the runtime in its own way.
            root = Path(folder) / "runtime" / ".net"
            if root.is_dir():
                os.environ["DOTNET_ROOT"] = str(root)


def _leave_runtime_alone_at_exit() -> None:
    """Keep pythonnet from closing .NET at exit, which reads freed objects and crashes (pythonnet's issue 1977)."""
    import pythonnet

    atexit.unregister(pythonnet.unload)


class Binder:
    """Binds queries against the tables of one target.

    Args:
        schemas: table -> column -> Kusto scalar type.

    Raises:
        UnsupportedError: there is no .NET runtime here.
    """

    def __init__(self, schemas: Mapping[str, Mapping[str, str]]) -> None:
        _find_runtime()
        try:
            from kustology.bridge import KustoCode, KustoCodeService
            from kustology.utils.analysis import FunctionSchema, build_global_state
        except (RuntimeError, OSError) as error:
            raise UnsupportedError.at("binder", f"cannot start: {error}", "it needs .NET 8 on this platform") from error
        _leave_runtime_alone_at_exit()
        self._code, self._service = KustoCode, KustoCodeService
        watchlist = FunctionSchema(parameters=(("watchlistAlias", "string"),), returns=WATCHLIST_COLUMNS)
        tables = {table: dict(columns) for table, columns in schemas.items()}
        self._state = build_global_state({**tables, "_GetWatchlist": watchlist})  # type: ignore[no-untyped-call]

    def bind(self, query: str) -> Bound:
        """Parse and bind a query."""
        code = self._code.ParseAndAnalyze(query, self._state)
        found = [self._shown(query, one) for one in code.GetDiagnostics()]
        analyzer = self._service(query, self._state)
        found += [self._shown(query, one) for one in analyzer.GetAnalyzerDiagnostics(False) if _matters(one)]
        found += [f"{_place(query, offset)}: {problem}" for offset, problem in lint(code.Syntax)]
        # What does not parse may have no table as its result.
        result = getattr(code.ResultType, "Columns", ())
        columns = {str(one.Name): str(one.Type.Name) for one in result}
        return Bound(tuple(dict.fromkeys(found)), columns)

    @staticmethod
    def _shown(query: str, diagnostic: Any) -> str:
        return f"{_place(query, diagnostic.Start)}: {diagnostic.Code} {diagnostic.Message}"


def _matters(diagnostic: Any) -> bool:
    """Leave out advice on style and speed."""
    return str(diagnostic.Severity) in ("Error", "Warning")


def _place(query: str, offset: int) -> str:
    before = query[:offset]
    return f"line {before.count(chr(10)) + 1}, column {offset - before.rfind(chr(10))}"
