"""The hooks and the action: they parse, and what they run is run here. GitHub and pre-commit themselves are not."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from conftest import MAIL_SENT, ROOT, exchange_line, write_mail_sent

HOOKS: list[dict[str, Any]] = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
ACTION: dict[str, Any] = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
STEPS: dict[str, dict[str, Any]] = {step["name"]: step for step in ACTION["runs"]["steps"]}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    return write_mail_sent(tmp_path / "project", {"hit_sent.jsonl": ["Send"], "miss_read.jsonl": ["Read"]})


@pytest.fixture
def temporary(tmp_path: Path) -> Path:
    """A runner's temporary folder in which the action has installed this project."""
    path = tmp_path / "runner" / "unissued" / "bin" / "unissued"
    path.parent.mkdir(parents=True)
    path.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m unissued "$@"\n', encoding="utf-8")
    path.chmod(0o755)
    return tmp_path / "runner"


def act(project: Path, temporary: Path, command: str, arguments: str = "") -> tuple[int, str, str, str]:
    """Run the action's script as a runner does: in the work tree, inputs in the environment."""
    outputs, summary = temporary / "output", temporary / "summary"
    outputs.write_text("", encoding="utf-8")
    summary.write_text("", encoding="utf-8")
    environment = {
        **os.environ,
        "PYTHONPATH": str(ROOT / "src"),
        "UNISSUED_COMMAND": command,
        "UNISSUED_ARGUMENTS": arguments,
        "UNISSUED_TEMP": str(temporary),
        "GITHUB_OUTPUT": str(outputs),
        "GITHUB_STEP_SUMMARY": str(summary),
    }
    script = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", STEPS["Run"]["run"]]
    done = subprocess.run(script, cwd=project, env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout + done.stderr, outputs.read_text("utf-8"), summary.read_text("utf-8")


def test_the_action_is_what_githubs_schema_says() -> None:
    schema = files("check_jsonschema").joinpath("builtin_schemas/vendor/github-actions.json")
    jsonschema.validate(ACTION, json.loads(schema.read_text(encoding="utf-8")))


def test_no_input_is_written_into_a_script() -> None:
    for step in STEPS.values():
        assert "${{" not in step["run"]
    assert set(ACTION["inputs"]) == set(
        re.findall(r"\$\{\{ inputs\.(\w+) \}\}", (ROOT / "action.yml").read_text("utf-8"))
    )


def test_what_is_installed_is_pinned() -> None:
    script = STEPS["Install"]["run"]
    assert "--require-hashes -r" in script
    assert "--no-deps" in script
    assert not any("uses" in step for step in STEPS.values()), "an action of somebody else must be pinned by its commit"


def test_the_action_checks_and_tests_and_writes_the_summary(project: Path, temporary: Path) -> None:
    status, said, outputs, summary = act(project, temporary, "check")
    assert (status, outputs) == (0, "status=0\n"), said
    assert "## unissued check" in summary
    status, said, outputs, summary = act(project, temporary, "test", "mail_sent")
    assert (status, outputs) == (0, "status=0\n"), said
    (project / "fixtures" / "mail_sent" / "hit_sent.jsonl").write_text(exchange_line("SendAs"), encoding="utf-8")
    status, said, outputs, summary = act(project, temporary, "test", "mail_sent\n")
    assert (status, outputs) == (1, "status=1\n")
    assert "::error file=fixtures/mail_sent/hit_sent.jsonl,line=1,title=test::" in said
    assert "must fire, but is no" in summary


def test_the_action_tells_what_a_change_does_and_does_not_fail_for_it(project: Path, temporary: Path) -> None:
    before = temporary / "before"
    shutil.copytree(project, before)
    (project / "sigma" / "mail_sent.yml").write_text(MAIL_SENT.replace("1.0.0", "1.1.0"), encoding="utf-8")
    status, said, outputs, summary = act(project, temporary, "diff", f"{before}\n{project}")
    assert (status, outputs) == (0, "status=1\n"), said
    assert "## What this change does" in summary
    status, _, outputs, _ = act(project, temporary, "diff", f"{before}\nno-such-revision")
    assert (status, outputs) == (2, "status=2\n")


@pytest.mark.parametrize("command", ["rm -rf x", "check; touch evil", "$(touch evil)", "", "hunt"])
def test_a_command_that_is_none_runs_nothing(command: str, project: Path, temporary: Path) -> None:
    status, said, _, _ = act(project, temporary, command)
    assert status == 2
    assert "::error title=unissued::command must be" in said
    assert not (project / "evil").exists()


def test_arguments_are_no_script(project: Path, temporary: Path) -> None:
    arguments = ("$(touch evil)", "`touch evil`", "x; touch evil", '"; touch evil; "')
    status, said, _, _ = act(project, temporary, "test", "\n".join(arguments))
    assert status == 2, "no rule is called so"
    assert "$(touch evil): no such rule" in said
    assert not (project / "evil").exists()
    status, said, _, _ = act(project, temporary, "test", "*")
    assert (status, "*: no such rule" in said) == (2, True)


def test_the_build_of_the_action_finds_stale_queries(temporary: Path, tmp_path: Path) -> None:
    root = tmp_path / "whole"
    for name in ("sigma", "fixtures"):
        shutil.copytree(ROOT / name, root / name)
    status, said, outputs, _ = act(root, temporary, "build-check")
    assert (status, outputs) == (1, "status=1\n")
    assert re.search(r"\d+ missing, 0 stale, 0 extra", said)


@pytest.mark.parametrize("hook", HOOKS, ids=lambda hook: hook["id"])
def test_a_hook_runs_a_command_that_exists_and_fails_on_a_mistake(hook: dict[str, Any], project: Path) -> None:
    assert set(hook) == {"id", "name", "entry", "language", "files", "pass_filenames"}
    assert hook["language"] == "python"
    assert re.search(hook["files"], "sigma/mail_sent.yml")
    program, *arguments = shlex.split(hook["entry"])
    assert program == "unissued"
    (project / "sigma" / "mail_sent.yml").write_text(MAIL_SENT.replace("Operation", "Operatoin"), encoding="utf-8")
    done = subprocess.run(
        [sys.executable, "-m", "unissued", *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": str(ROOT / "src")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (1, 2)
    assert "sigma/mail_sent.yml:9: unknown field 'Operatoin'" in done.stderr
