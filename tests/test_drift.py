"""What is deployed beside what the pack ships: spelling is no drift, an edit is, and no file is trusted."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from sarif_pydantic import Sarif

from deployments import HEAD, QUERY, READ, SENT, conf, detection, listing, ours, properties, template
from unissued.cli.group import commands
from unissued.errors import PackError

OTHER = "99999999-9999-4999-8999-999999999999"


def drift(folder: Path, content: object, *args: str | Path) -> Result:
    """Compare an export with what is shipped."""
    path = folder / ("savedsearches.conf" if isinstance(content, str) else "export.json")
    path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
    shipped = folder / "ours"
    if not shipped.exists():
        ours(shipped)
    return CliRunner().invoke(commands, ["drift", str(path), "--ours", str(shipped), *map(str, args)])


def states(done: Result) -> dict[str, tuple[str, list[str]]]:
    return {one["name"]: (one["state"], one["fields"]) for one in json.loads(done.output)["rules"]}


def state(folder: Path, content: object, *args: str | Path) -> tuple[str, list[str], int]:
    done = drift(folder, content, *args, "--format", "json")
    assert not isinstance(done.exception, PackError), done.exception
    found = states(done)
    name = next(name for name in found if name in ("Mail Sent", "Unissued - Mail Sent", "Unissued - sent - Rule"))
    return (*found[name], done.exit_code)


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"query": QUERY.replace("\n", "\r\n")},
        {"query": QUERY.replace("\n", "   \n") + "\n\n"},
        {"query": QUERY.replace("| where", "  | where")},
        {"query": HEAD + QUERY},
        {"queryFrequency": "PT60M", "queryPeriod": "PT24H"},
        {"queryFrequency": "P0DT1H", "queryPeriod": "P1DT0H0M0S"},
        {"tactics": ["LateralMovement", "Collection"]},
        {"lastModifiedUtc": "2026-03-02T09:00:00Z", "alertRuleTemplateName": None},
    ],
)
def test_spelling_is_no_drift(changed: dict[str, Any], tmp_path: Path) -> None:
    assert state(tmp_path, listing((SENT, properties(**changed)))) == ("same", [], 0)


def test_our_own_deployments_are_the_same(tmp_path: Path) -> None:
    assert state(tmp_path, template(SENT)) == ("same", [], 0)
    nested = {"type": "Microsoft.Resources/deployments", "properties": {"template": template(SENT)}}
    assert state(tmp_path, {"resources": [nested]}) == ("same", [], 0)
    assert state(tmp_path, {"value": [detection()]}) == ("same", [], 0)
    assert state(tmp_path, conf()) == ("same", [], 0)
    assert state(tmp_path, conf().replace("\n", "\r\n")) == ("same", [], 0)


def test_saved_searches_as_json_are_read_like_the_file(tmp_path: Path) -> None:
    head, *lines = conf().replace("\\\n", "").splitlines()
    content: dict[str, Any] = dict(line.split(" = ", 1) for line in lines)
    content |= {"search": 'index=* Operation="Send"\n| table UserId', "disabled": True, "eai:acl.owner": "nobody"}
    entry = {"name": head.strip("[]"), "content": content}
    assert state(tmp_path, {"entry": [entry]}) == ("same", [], 0)
    content["disabled"] = False
    assert state(tmp_path, {"entry": [entry]}) == ("tuned", ["disabled"], 0)


def test_what_a_site_may_change_is_listed_and_no_drift(tmp_path: Path) -> None:
    body = properties(enabled=True, severity="High", queryFrequency="PT30M")
    assert state(tmp_path, listing((SENT, body))) == ("tuned", ["enabled", "severity", "queryFrequency"], 0)
    assert state(tmp_path, {"value": [detection(status="enabled")]}) == ("tuned", ["status"], 0)
    local = "[Unissued - sent - Rule]\ndisabled = 0\ncron_schedule = */30 * * * *\n"
    assert state(tmp_path, local) == ("tuned", ["cron_schedule", "disabled"], 0)


@pytest.mark.parametrize(
    ("content", "fields"),
    [
        (listing((SENT, properties(query=QUERY.replace("Send", "SendAs")))), ["query"]),
        (listing((SENT, properties(query=QUERY.replace('"Send"', '"send"')))), ["query"]),
        (listing((SENT, properties(entityMappings=[]))), ["entityMappings"]),
        (listing((SENT, properties(displayName="Mine"))), ["displayName"]),
        ({"value": [detection(queryCondition={"queryText": "CloudAppEvents"})]}, ["query"]),
        (conf('index=mail Operation="Send"'), ["query"]),
        (conf(risk="[]"), ["action.risk.param._risk"]),
        ("[Unissued - sent - Rule]\nsearch = index=mail\n", ["query"]),
    ],
)
def test_an_edit_by_hand_is_drift(content: object, fields: list[str], tmp_path: Path) -> None:
    done = drift(tmp_path, content, "--format", "json")
    assert done.exit_code == 1
    changed = [one for one in json.loads(done.output)["rules"] if one["state"] == "changed"]
    assert [one["fields"] for one in changed] == [fields]
    assert bool(changed[0]["diff"]) == (fields == ["query"])


def test_the_diff_shows_the_pack_and_what_is_deployed(tmp_path: Path) -> None:
    done = drift(tmp_path, listing((SENT, properties(query=HEAD + QUERY.replace("Send", "SendAs")))))
    assert '-| where Operation =~ "Send"\n+| where Operation =~ "SendAs"\n' in done.output
    assert "generated by" not in done.output


def test_a_version_says_that_a_rule_is_older(tmp_path: Path) -> None:
    edited = QUERY.replace("Send", "SendAs")
    assert state(tmp_path, template(SENT, "1.0.0", query=edited))[::2] == ("older", 1)
    assert state(tmp_path, listing((SENT, properties(query=HEAD + edited))))[::2] == ("older", 1)
    assert state(tmp_path, conf("index=mail", 10000))[0] == "older"
    assert state(tmp_path, template(SENT, "1.1.0", query=edited))[0] == "changed"
    assert state(tmp_path, listing((SENT, properties(query=edited))))[0] == "changed", "nothing says how old it is"


def test_a_query_of_an_earlier_release_is_older_and_a_rule_of_one_is_extra(tmp_path: Path) -> None:
    before = QUERY.replace("Send", "SendOnBehalf")
    digest = hashlib.sha256(before.encode()).hexdigest()
    release = tmp_path / "release.json"
    rules = {
        "sent": {"id": SENT, "version": "0.9.0", "sha256": {"sentinel": digest}},
        "gone": {"id": OTHER, "version": "0.9.0", "sha256": {}},
    }
    release.write_text(json.dumps({"schema": 1, "rules": rules}), encoding="utf-8")
    export = listing((SENT, properties(query=before)), (OTHER, properties(displayName="Gone")))
    done = drift(tmp_path, export, "--release", release, "--format", "json")
    assert states(done) | {"Mail Read": ("", [])} == {
        "Mail Sent": ("older", ["query"]),
        "Gone": ("extra", []),
        "Mail Read": ("", []),
    }
    release.write_text('{"rules": {"sent": {}}}', encoding="utf-8")
    assert isinstance(drift(tmp_path, export, "--release", release).exception, PackError)


def test_a_rule_of_ours_that_is_not_shipped_is_extra_and_those_of_others_are_left_alone(
    tmp_path: Path,
) -> None:
    export = {
        "value": [detection(), detection(id="unissued-gone", displayName="Gone"), detection(id="mine", displayName="X")]
    }
    done = drift(tmp_path, export, "--format", "json")
    assert states(done) == {"Unissued - Mail Sent": ("same", []), "Gone": ("extra", [])}
    assert done.exit_code == 1


def test_a_missing_rule_counts_where_all_are_required(tmp_path: Path) -> None:
    export = listing((SENT.upper(), properties()))
    assert states(drift(tmp_path, export, "--format", "json"))["Mail Read"] == ("missing", [])
    assert drift(tmp_path, export).exit_code == 0
    assert drift(tmp_path, export, "--require-all").exit_code == 1
    both = listing((SENT, properties()), (READ, properties(displayName="Mail Read", query="OfficeActivity")))
    assert drift(tmp_path, both, "--require-all").exit_code == 0


def test_a_rule_that_the_service_stopped_is_drift(tmp_path: Path) -> None:
    assert state(tmp_path, {"value": [detection(status="autoDisabled")]}) == ("disabled by service", ["status"], 1)


def test_a_copy_under_another_id_is_found_by_its_name(tmp_path: Path) -> None:
    assert state(tmp_path, listing((OTHER, properties()))) == ("same", [], 0)


def test_half_an_export_is_never_clean(tmp_path: Path) -> None:
    export = listing((SENT, properties()), nextLink="https://management.example.com/2")
    done = drift(tmp_path, export)
    assert done.exit_code == 3
    assert "partial: " in done.output
    assert json.loads(drift(tmp_path, export, "--format", "json").output)["partial"]
    assert "more rules" in drift(tmp_path, export, "--format", "junit").output


@pytest.mark.parametrize("form", ["text", "json", "markdown", "junit", "sarif", "github"])
def test_every_form_names_the_rule_and_keeps_the_status(form: str, tmp_path: Path) -> None:
    evil = QUERY + "| where x == '</pre>::error::\x1b[31m\u202e'\n"
    done = drift(tmp_path, listing((SENT, properties(query=evil))), "--format", form)
    assert done.exit_code == 1
    assert "Mail Sent" in done.output
    assert "\x1b" not in done.output
    if form == "sarif":
        results = Sarif.model_validate_json(done.output).runs[0].results or []
        assert {result.rule_id for result in results} == {"drift-changed", "drift-missing"}
    if form == "markdown":
        assert "&lt;/pre&gt;" in done.output


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "holds no saved searches"),
        (b"{", "is no JSON"),
        (b"[" * 100_000, "is no JSON"),
        (b'{"a": ' + b"9" * 5000 + b"}", "is no JSON"),
        (b"{}", "holds no rules that are known here"),
        (b'{"value": [1, null, {"properties": {"query": 3}}]}', "holds no rules that are known here"),
        (b'{"resources": [{"type": "x/alertRules", "properties": []}], "parameters": 3}', "holds no rules"),
        (b"\xff\xfe[", "is no UTF-8"),
        (b"[a]\nno setting\n", "'no setting' is no stanza, setting or comment"),
        (b"[a]\nb = c\n", "holds no saved searches"),
    ],
)
def test_a_file_that_is_no_export_is_refused_with_its_name(content: bytes, says: str, tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_bytes(content)
    done = CliRunner().invoke(commands, ["drift", str(path), "--ours", str(ours(tmp_path / "ours"))])
    assert isinstance(done.exception, PackError), done.output
    assert f"{path}" in str(done.exception)
    assert says in str(done.exception)


def test_a_huge_query_and_deep_settings_are_bounded(tmp_path: Path) -> None:
    deep: Any = 1
    for _ in range(400):
        deep = [deep]
    done = drift(tmp_path, listing((SENT, properties(query="x\n" * 200_000, tactics=deep))), "--format", "json")
    assert done.exit_code == 1
    assert len(done.output) < 5000


def test_a_target_that_the_folder_does_not_ship_is_a_usage_error(tmp_path: Path) -> None:
    (tmp_path / "ours").mkdir()
    done = drift(tmp_path, {"value": [detection()]})
    assert done.exit_code == 2
    assert "ships nothing for defender" in done.output
