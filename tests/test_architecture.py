"""The three walls and the doors between rooms (CONTRIBUTING.md)."""

from __future__ import annotations

import ast
import importlib.metadata
import re
import subprocess
import sys
from pathlib import Path

import pytest

from conftest import ROOT

SOURCE = ROOT / "src" / "unissued"
# Who may import whom: a room may use those to its right, never back.
ALLOWED = {
    "cli": {
        "baseline",
        "compare",
        "convert",
        "errors",
        "evaluate",
        "coverage",
        "files",
        "formats",
        "health",
        "hunt",
        "lake",
        "logs",
        "pack",
        "package",
        "pages",
        "record",
        "report",
        "simulate",
        "skeleton",
        "sql",
        "verify",
    },
    "__main__": {"cli"},
    "lake": {"errors", "evaluate", "hunt", "logs", "pack", "record", "sql"},
    "sql": {"convert", "errors", "pack"},
    "hunt": {"baseline", "errors", "evaluate", "health", "logs", "pack", "record"},
    "report": {"baseline", "evaluate", "health", "hunt", "logs", "pack", "record"},
    "coverage": {"baseline", "errors", "evaluate", "health", "hunt", "logs", "pack", "record"},
    "health": {"baseline", "evaluate", "pack", "record"},
    "verify": {"baseline", "convert", "engines", "errors", "evaluate", "health", "logs", "pack", "record", "tables"},
    "pages": {"convert", "errors", "pack", "package", "verify"},
    "package": {"convert", "engines", "errors", "files", "pack"},
    "simulate": {"convert", "errors", "evaluate", "logs", "pack", "record", "tables", "verify"},
    "compare": {"convert", "errors", "evaluate", "formats", "logs", "pack", "record", "verify"},
    "formats": {"errors"},
    "skeleton": {"errors", "files", "pack"},
    "engines": {"errors"},
    "tables": {"errors", "pack", "record"},
    "baseline": {"errors", "evaluate", "files", "logs", "pack", "record"},
    "convert": {"errors", "files", "pack"},
    "evaluate": {"errors", "pack", "record"},
    "logs": {"errors", "pack", "record"},
    "pack": {"errors"},
    "record": set(),
    "errors": set(),
    "files": set(),
    "__init__": set(),
}
MODULES = sorted(SOURCE.rglob("*.py"))


def _room(path: Path) -> str:
    parts = path.relative_to(SOURCE).parts
    return parts[0].removesuffix(".py")


def _imports(path: Path) -> set[str]:
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names.add(node.module)
            names.update(f"{node.module}.{alias.name}" for alias in node.names if node.module == "unissued")
    return names


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_rooms_import_only_what_they_may(path: Path) -> None:
    room = _room(path)
    ours = {name.split(".")[1] for name in _imports(path) if name.startswith("unissued.")}
    assert ours - {room, "__version__"} <= ALLOWED[room]


def test_the_judge_imports_nothing_of_the_accused() -> None:
    for path in SOURCE.joinpath("evaluate").glob("*.py"):
        for name in _imports(path):
            assert not re.match(
                r"sigma\.(backends|pipelines|processing|conversion)|unissued\.(convert|verify)", name
            ), path


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(SOURCE)))
def test_only_the_command_line_prints_and_only_the_replay_reaches_the_network(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    calls = {node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}
    assert "print" not in calls
    network = {"socket", "urllib", "http", "requests", "ftplib", "ssl"}
    # urllib.parse takes addresses apart and opens none.
    names = {name for name in _imports(path) if not name.startswith("urllib.parse")}
    reached = {name.split(".")[0] for name in names} & network
    assert bool(reached) == (path == SOURCE / "simulate" / "send.py")


@pytest.mark.parametrize(
    "path", [path for path in MODULES if _room(path) != "cli"], ids=lambda path: str(path.relative_to(SOURCE))
)
def test_no_module_but_the_command_line_knows_where_fixtures_lie(path: Path) -> None:
    tree = ast.parse(path.read_text(encoding="utf-8"))
    docstrings = {
        id(node.body[0].value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef)
        and node.body
        and isinstance(node.body[0], ast.Expr)
    }
    texts = [
        node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and id(node) not in docstrings
    ]
    assert not [text for text in texts if re.search(r"(^|/)(fixtures|tests)(/|$)", text)]


def test_the_folder_sigma_does_not_hide_pysigma() -> None:
    """Run from the root, ``sigma/`` merges into pySigma's namespace package; a Python file in it would win."""
    assert not list(ROOT.joinpath("sigma").rglob("*.py"))
    code = "import sigma.rule, sigma.correlations, sigma.filters; print(sigma.rule.__file__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert not Path(done.stdout.strip()).is_relative_to(ROOT / "sigma")


def test_the_installed_set_is_the_tested_one() -> None:
    """The converters' bugs are known for these versions only."""
    text = (ROOT / "requirements.lock").read_text("utf-8")
    locked = dict(re.findall(r"^([A-Za-z0-9_.-]+)==([^ \\]+)", text, re.MULTILINE))
    for name in ("pysigma", "pysigma-backend-kusto", "pysigma-backend-splunk", "pyparsing", "google-re2", "pyyaml"):
        assert importlib.metadata.version(name) == locked[name], f"{name}: install with requirements.lock"
