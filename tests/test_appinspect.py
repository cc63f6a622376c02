"""Splunk's own AppInspect takes the app. Its exit status lies, so its report is read."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from conftest import shipped_pack
from seeded_splunk import CONF, MISTAKES
from unissued import convert, package

WARNED = {
    "check_collections_conf": "a site's lists live in the KV store, so that an upgrade does not lose them; AppInspect "
    "itself says that no action is required",
    "check_hostnames_and_ips": "two rules are about the addresses that Microsoft published for Storm-0558",
}
"""Check that may warn -> why that is right."""


@dataclass(frozen=True)
class Inspection:
    """What a report says."""

    summary: Mapping[str, int]
    said: Mapping[str, list[str]]
    """Check that is no success -> its messages."""


def inspect(files: Mapping[str, bytes], folder: Path) -> Inspection:
    archive, report = folder / "app.tar.gz", folder / "report.json"
    archive.write_bytes(package.tar_gz(files))
    command = Path(sys.executable).with_name("splunk-appinspect")
    options = ["--mode", "precert", "--skip-trusted-libraries-update", "--data-format", "json"]
    subprocess.run([command, "inspect", archive, *options, "--output-file", report], capture_output=True, check=False)
    written = json.loads(report.read_text("utf-8"))
    checks = [check for one in written["reports"] for group in one["groups"] for check in group["checks"]]
    said = {
        check["name"]: [message["message"] for message in check["messages"]]
        for check in checks
        if check["result"] not in ("success", "not_applicable", "manual_check")
    }
    return Inspection(written["summary"], said)


def app() -> Mapping[str, bytes]:
    return package.artefacts("splunk", shipped_pack(), convert.build(shipped_pack(), ("splunk",)))


def test_no_error_no_failure_and_only_warnings_with_a_reason(tmp_path: Path) -> None:
    found = inspect(app(), tmp_path)
    assert {name: found.summary[name] for name in ("error", "failure", "future_failure", "skipped")} == {
        "error": 0,
        "failure": 0,
        "future_failure": 0,
        "skipped": 0,
    }, found.said
    assert found.summary["success"] > 100
    assert set(found.said) == set(WARNED), found.said
    assert found.summary["warning"] == len(WARNED)
    listed = [line for line in found.said["check_hostnames_and_ips"] if not line.startswith("Suppressed")]
    rule = str(shipped_pack().rule("mail_read_from_storm0558_address").definition)
    assert all(line.startswith("PUBLIC IP ") and line.split()[2] in rule for line in listed)


def test_a_failure_is_seen_in_the_report(tmp_path: Path) -> None:
    (mistake,) = [one for one in MISTAKES if one.name == "another folder name"]
    assert mistake.path == CONF
    assert inspect(mistake.applied(app()), tmp_path).summary["failure"] > 0
