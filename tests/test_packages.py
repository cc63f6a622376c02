"""What a SOC imports is valid as far as can be said offline, and the checks that say so find seeded mistakes."""

from __future__ import annotations

import io
import json
import os
import tarfile
import zipfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft4Validator
from referencing import Registry, Resource

from conftest import ROOT, shipped_pack
from package_checks import bound, problems
from seeded_packages import MISTAKES, Mistake, found, shipped
from unissued.convert import Build, build
from unissued.errors import PackError
from unissued.package import PLACES, Artefacts, artefacts, tar_gz, zipped


@cache
def made() -> Build:
    return build(shipped_pack(), ("sentinel", "defender"))


def test_every_packaged_file_is_valid() -> None:
    assert problems(shipped()) == []


@pytest.mark.parametrize("mistake", MISTAKES, ids=lambda mistake: mistake.name)
def test_a_seeded_mistake_is_found(mistake: Mistake) -> None:
    assert found(shipped(), mistake)


def test_the_converter_knows_which_columns_its_queries_return() -> None:
    queries = made().queries
    assert len(queries) > 60
    for query in queries:
        wrong, columns = bound(query.target, query.query)
        assert (wrong, set(columns)) == ((), set(query.columns)), (query.target, query.rule)


@pytest.mark.parametrize("target", ["sentinel", "defender"])
def test_every_rule_that_a_target_can_say_is_packaged(target: str) -> None:
    rules = {query.rule for query in made().queries if query.target == target}
    files = artefacts(target, shipped_pack(), made())
    ends = {"sentinel": ".yaml", "defender": ".detection.json"}
    assert {path.removesuffix(ends[target]) for path in files if path.endswith(ends[target])} == rules
    if target == "sentinel":
        template = json.loads(files["bundle/all.json"])
        assert len(template["resources"]) == len(rules)
        assert {path.removesuffix(".json").removeprefix("arm/") for path in files if path.startswith("arm/")} == rules


def test_archives_have_fixed_order_owner_mode_and_time() -> None:
    files = {"b/y.txt": b"2", "a.txt": b"1", "b/x.txt": b""}
    packed = tar_gz(files)
    assert packed == tar_gz(dict(reversed(files.items())))
    assert packed[3] == 0
    assert packed[4:8] == bytes(4)  # neither name nor time in the gzip head
    with tarfile.open(fileobj=io.BytesIO(packed)) as archive:
        members = archive.getmembers()
    assert [one.name for one in members] == ["b", "a.txt", "b/x.txt", "b/y.txt"]
    assert {(one.uid, one.gid, one.uname, one.gname, one.mtime) for one in members} == {(0, 0, "", "", 0)}
    assert [oct(one.mode) for one in members] == ["0o755", "0o644", "0o644", "0o644"]
    held = zipped(files)
    assert held == zipped(dict(reversed(files.items())))
    with zipfile.ZipFile(io.BytesIO(held)) as zip_file:
        entries = zip_file.infolist()
    assert [one.filename for one in entries] == ["a.txt", "b/x.txt", "b/y.txt"]
    assert {(one.date_time, one.external_attr >> 16, one.create_system) for one in entries} == {
        ((1980, 1, 1, 0, 0, 0), 0o644, 3)
    }


@pytest.mark.parametrize("path", ["/etc/passwd", "../out", "a/../../b", "a\\b", ""])
def test_no_packaged_file_leaves_its_folder(path: str) -> None:
    with pytest.raises(PackError, match="no path of a packaged file"):
        Artefacts({path: ""})


def test_places_are_folders_that_the_build_watches() -> None:
    assert set(PLACES) == {"sentinel", "defender", "splunk"}
    assert (ROOT / PLACES["sentinel"]).is_dir()


_SCHEMAS = Path(os.environ.get("UNISSUED_ARM_SCHEMAS", ROOT.parent / "shared" / "schemas" / "arm"))


@pytest.mark.full
@pytest.mark.skipif(not _SCHEMAS.is_dir(), reason="Microsoft's schemas are not part of the project")
def test_rules_and_lists_are_valid_against_microsofts_schema() -> None:
    """They say less than our own, but they are Microsoft's."""
    kinds = {"alertRules": "ScheduledAlertRuleProperties", "Watchlists": "WatchlistProperties"}
    main = json.loads(next(_SCHEMAS.glob("schemas_2025-09-01_*")).read_text())
    common = json.loads((_SCHEMAS / "schemas_common_definitions.json").read_text())
    frame = json.loads((_SCHEMAS / "schemas_2019-04-01_deploymentTemplate.json").read_text())
    known = {
        "https://schema.management.azure.com/schemas/common/definitions.json": common,
        "urn:main": {**main, "id": "urn:main"},
    }
    registry: Registry[Any] = Registry().with_resources(
        [(uri, Resource.from_contents(text)) for uri, text in known.items()]
    )
    seen = 0
    for path, text in shipped().items():
        if not path.startswith("kql/sentinel/") or not path.endswith(".json") or "workbook.json" in path:
            continue
        document = json.loads(text)
        assert set(document) <= set(frame["properties"]), path
        assert set(frame["required"]) <= set(document), path
        for resource in document["resources"]:
            kind = kinds.get(resource["type"].rsplit("/", 1)[-1])
            if kind:
                validator = Draft4Validator({"$ref": f"urn:main#/definitions/{kind}"}, registry=registry)
                assert not [error.message for error in validator.iter_errors(resource["properties"])], path
                seen += 1
    assert seen > 80
