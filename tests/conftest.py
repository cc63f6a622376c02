"""What the tests share: the pack, the catalogue as the readers want it, and the fixtures as they lie on disk."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from pathlib import Path

import pytest

from unissued.errors import PackError
from unissued.logs import Reading, read, source_map
from unissued.pack import Pack, load_pack
from unissued.verify import load_cases

ROOT = Path(__file__).parents[1]


@cache
def shipped_pack() -> Pack:
    """The rules of this checkout; loaded once, because collecting the tests needs them too."""
    return load_pack(ROOT / "sigma")


@cache
def read_logs(path: Path) -> Reading:
    """A file or folder of logs, fixtures included: they are read as any export is."""
    return read([path], source_map(shipped_pack().catalogue))


def pytest_configure() -> None:
    """Say once what is wrong with the rules or fixtures, instead of in every module that reads them."""
    try:
        load_cases(shipped_pack(), ROOT / "fixtures")
    except PackError as error:
        raise pytest.UsageError(f"the rules or fixtures are not in order:\n{error}") from error


@pytest.fixture(scope="session")
def pack() -> Pack:
    return shipped_pack()


@pytest.fixture(scope="session")
def reading() -> Callable[[Path], Reading]:
    return read_logs


@pytest.fixture(scope="session")
def real_logs() -> Path:
    """Third-party records for development; they are not part of the project."""
    folder = Path(os.environ.get("UNISSUED_REAL_LOGS", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real records at {folder}; set UNISSUED_REAL_LOGS")
    return folder


MAIL_SENT = """title: Mail Sent
id: 3f0a4f5e-52a7-4a57-9a53-0a0cf4b1a8d2
name: mail_sent
version: '1.0.0'
status: test
description: For a test.
logsource: {product: m365, service: exchange}
detection:
  selection: {Operation: Send}
  condition: selection
"""


def exchange_line(operation: str) -> str:
    """Return a line of a fixture: a record of Exchange with this operation."""
    record = {"Id": operation, "Workload": "Exchange", "Operation": operation, "CreationTime": "2026-03-02T09:00:00"}
    return json.dumps(record) + "\n"


def write_mail_sent(root: Path, fixtures: Mapping[str, Sequence[str]]) -> Path:
    """Write a project with one rule, which wants the operation ``Send``; fixtures are operations by file name."""
    folder = root / "fixtures" / "mail_sent"
    folder.mkdir(parents=True)
    (root / "sigma").mkdir()
    (root / "sigma" / "mail_sent.yml").write_text(MAIL_SENT, encoding="utf-8")
    for name, operations in fixtures.items():
        (folder / name).write_text("".join(map(exchange_line, operations)), encoding="utf-8")
    return root
