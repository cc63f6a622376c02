"""Lints of a Splunk app: what Splunk takes without a word, or refuses only when a search runs.

AppInspect sees little of it.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import PurePosixPath
from xml.etree import ElementTree as Xml

from unissued.errors import PackError, Problem, SourceError
from unissued.package.splunk import conf
from unissued.package.splunk.check_dashboard import dashboard_problems
from unissued.package.splunk.check_searches import Found, search_problems

_CONFS = ("app", "collections", "macros", "savedsearches", "transforms")
_PLACES = re.compile(
    r"(?:LICENSE|README\.md|app\.manifest|metadata/default\.meta|default/[a-z]+\.conf|lookups/[A-Za-z0-9_]+\.csv"
    r"|default/data/ui/(?:nav|views)/[A-Za-z0-9_]+\.xml)\Z"
)
_FIRST_COLUMNS = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


def problems(files: Mapping[str, bytes]) -> list[Problem]:
    """Return everything that is wrong with an app.

    Args:
        files: path -> content, all below one folder, which is the app's name.
    """
    folders = {path.split("/", 1)[0] for path in files}
    if len(folders) != 1:
        return [Problem("the app", f"has {len(folders)} folders at its top: {', '.join(sorted(folders))}", "one")]
    (folder,) = folders
    inside = {path.split("/", 1)[1]: content for path, content in files.items()}
    found = [Problem(path, "does not belong into an app") for path in inside if not _PLACES.match(path)]
    texts: dict[str, str] = {}
    for path, content in inside.items():
        try:
            texts[path] = content.decode("utf-8")
        except UnicodeDecodeError:
            found.append(Problem(path, "is not UTF-8"))
    confs: dict[str, dict[str, dict[str, str]]] = {}
    for name in _CONFS:
        path = f"default/{name}.conf"
        try:
            confs[name] = conf.read(texts.get(path, ""), path)
        except SourceError as error:
            found += error.problems
            confs[name] = {}
    known = Found(confs["macros"], confs["transforms"], confs["savedsearches"])
    found += _identity(folder, texts, confs["app"])
    found += _lookups(texts, confs["transforms"], confs["collections"])
    found += search_problems(known)
    found += _pages(texts, known)
    found += _permissions(texts)
    return found


def _identity(folder: str, texts: Mapping[str, str], app: Mapping[str, Mapping[str, str]]) -> Iterator[Problem]:
    try:
        info = json.loads(texts.get("app.manifest", ""))["info"]["id"]
        named = (str(info["name"]), str(info["version"]))
    except (ValueError, KeyError, TypeError):
        yield Problem("app.manifest", "is no manifest in JSON")
        named = ("", "")
    names = {folder, named[0], *(app.get(part, {}).get(key, "") for part, key in (("package", "id"), ("id", "name")))}
    versions = {named[1], *(app.get(part, {}).get("version", "") for part in ("launcher", "id"))}
    if len(names) != 1:
        yield Problem("default/app.conf", f"folder, manifest and app.conf differ in the name: {sorted(names)}")
    if len(versions) != 1 or not re.match(r"\d+\.\d+\.\d+\Z", next(iter(versions))):
        yield Problem(
            "default/app.conf", f"manifest and app.conf have no one version of three numbers: {sorted(versions)}"
        )


def _lookups(
    texts: Mapping[str, str], transforms: Mapping[str, Mapping[str, str]], collections: Mapping[str, Mapping[str, str]]
) -> Iterator[Problem]:
    for name, settings in transforms.items():
        where = f"default/transforms.conf: [{name}]"
        file, collection = settings.get("filename"), settings.get("collection")
        if (file is None) == (collection is None):
            yield Problem(where, "needs a filename or a collection")
        elif file is not None and f"lookups/{file}" not in texts:
            yield Problem(where, f"names a file that is not in lookups/: {file}")
        elif collection is not None and collection not in collections:
            yield Problem(where, f"names a collection that is not defined: {collection}")
        elif collection is not None and collections[collection].get("replicate") != "true":
            yield Problem(where, "is not replicated, and lookups run on indexers, too", "replicate = true")
        elif collection is not None and "key" not in re.split(r", ?", settings.get("fields_list", "")):
            yield Problem(where, "has no field key")
    for path, text in texts.items():
        if path.startswith("lookups/"):
            yield from _table(path, text)


def _table(path: str, text: str) -> Iterator[Problem]:
    rows = list(csv.reader(io.StringIO(text, newline="")))
    head = rows[0] if rows else []
    if not head or len(set(head)) != len(head) or not all(map(_FIRST_COLUMNS.match, head)):
        yield Problem(path, f"has no line of column names: {head}")
    for number, row in enumerate(rows[1:], start=2):
        if len(row) != len(head):
            yield Problem(f"{path}:{number}", f"has {len(row)} cells, its head {len(head)}")
    if len({row[0] for row in rows[1:] if row}) != len(rows) - 1:
        yield Problem(path, "has a key twice, or a row without one")


def _pages(texts: Mapping[str, str], known: Found) -> Iterator[Problem]:
    views = {PurePosixPath(path).stem for path in texts if path.startswith("default/data/ui/views/")}
    for path, text in texts.items():
        if not path.endswith(".xml"):
            continue
        try:
            root = Xml.fromstring(text)  # noqa: S314 - what build.py or a package has written
        except Xml.ParseError as error:
            yield Problem(path, f"is no XML: {error}")
            continue
        if path.startswith("default/data/ui/nav/"):
            for view in root.iter("view"):
                name = view.get("name", "")
                if name not in {*views, "search", "reports", "alerts", "datasets", "dashboards"}:
                    yield Problem(path, f"names a view that is not there: {name}")
        else:
            yield from dashboard_problems(path, root, known)


def _permissions(texts: Mapping[str, str]) -> Iterator[Problem]:
    path = "metadata/default.meta"
    try:
        access = conf.read(texts.get(path, "").replace("[]", "[all]"), path).get("all", {}).get("access", "")
    except PackError as error:
        yield from error.problems
        return
    if not re.match(r"read : \[ .+ \], write : \[ .+ \]\Z", access):
        yield Problem(path, "does not say who may read and write", "[] with access = read : [ … ], write : [ … ]")
