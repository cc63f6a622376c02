"""Lints of a dashboard of Dashboard Studio."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from xml.etree import ElementTree as Xml

from unissued.errors import Problem
from unissued.package.splunk.check_searches import Found, query_problems

_KINDS = {"splunk.singlevalue", "splunk.table", "splunk.column", "splunk.markdown"}
_TOKEN = re.compile(r"\$([^$]*)\$")
_WIDTH = 1200
_DEEPEST = 5


def dashboard_problems(path: str, root: Xml.Element, known: Found) -> Iterator[Problem]:
    """Yield everything that is wrong with a view.

    Args:
        path: of the view's file.
        root: its XML.
        known: what the app defines.
    """
    text = root.findtext("definition") or ""
    if root.tag != "dashboard" or root.get("version") != "2" or not root.findtext("label"):
        yield Problem(path, "is no view of Dashboard Studio with a label")
    try:
        said = json.loads(text)
    except ValueError as error:
        yield Problem(path, f"its definition is no JSON: {error}")
        return
    parts = {name: said.get(name) for name in ("dataSources", "visualizations", "inputs", "layout")}
    missing = [name for name, part in parts.items() if not isinstance(part, dict)]
    if missing:
        yield Problem(path, f"its definition lacks {', '.join(missing)}")
        return
    yield from (Problem(path, line) for line in _sources(said, known))
    yield from (Problem(path, line) for line in _panels(said))


def searches(definition: Mapping[str, Mapping[str, Mapping[str, object]]], known: Found) -> dict[str, str]:
    """Return what every data source searches for in the end, by its name; empty where it leads nowhere."""
    return {name: _whole(name, definition["dataSources"], known) for name in definition["dataSources"]}


def _whole(name: str, sources: Mapping[str, Mapping[str, object]], known: Found, depth: int = 0) -> str:
    source = sources.get(name, {})
    options = source.get("options")
    if not isinstance(options, Mapping) or depth > _DEEPEST:
        return ""
    match source.get("type"):
        case "ds.search":
            return str(options.get("query", ""))
        case "ds.savedSearch":
            return known.searches.get(str(options.get("ref")), {}).get("search", "")
        case "ds.chain":
            before = _whole(str(options.get("extend")), sources, known, depth + 1)
            query = str(options.get("query", ""))
            return f"{before}\n{query}" if before and query.startswith("|") else ""
    return ""


def _sources(said: Mapping[str, Mapping[str, Mapping[str, object]]], known: Found) -> Iterator[str]:
    tokens = {
        f"{options['token']}.{end}"
        for one in said["inputs"].values()
        if isinstance(options := one.get("options"), Mapping)
        for end in ("earliest", "latest")
    }
    for name, search in searches(said, known).items():
        if not search:
            yield f"{name} leads to no search"
        else:
            yield from (f"{name}: {line}" for line in query_problems(search, known))
        if "$" in search:
            yield f"{name} holds $, which stands for a token"
    for name in _TOKEN.findall(json.dumps(said["dataSources"])):
        if name not in tokens:
            yield f"asks for a token that nothing sets: {name}"


def _panels(said: Mapping[str, Mapping[str, Mapping[str, object]]]) -> Iterator[str]:
    for name, panel in said["visualizations"].items():
        if panel.get("type") not in _KINDS:
            yield f"{name} is of an unknown type: {panel.get('type')}"
        asked = panel.get("dataSources")
        source = asked.get("primary") if isinstance(asked, Mapping) else None
        if source not in said["dataSources"] and panel.get("type") != "splunk.markdown":
            yield f"{name} asks for a data source that is not there: {source}"
        context = panel.get("context")
        for config in re.findall(r"\((\w+EditorConfig)\)", json.dumps(panel.get("options"))):
            if not isinstance(context, Mapping) or config not in context:
                yield f"{name} lacks the context {config}"
    structure = said["layout"].get("structure")
    items: list[object] = structure if isinstance(structure, list) else []
    placed = [item for item in items if isinstance(item, Mapping)]
    if sorted(str(item.get("item")) for item in placed) != sorted(said["visualizations"]):
        yield "does not place every panel once"
    boxes = [item["position"] for item in placed if isinstance(item.get("position"), Mapping)]
    yield from (f"two panels overlap, or one is too wide: {box}" for box in _crossing(boxes))


def _crossing(boxes: list[Mapping[str, int]]) -> Iterator[Mapping[str, int]]:
    for number, one in enumerate(boxes):
        beside = any(
            one["x"] < other["x"] + other["w"]
            and other["x"] < one["x"] + one["w"]
            and one["y"] < other["y"] + other["h"]
            and other["y"] < one["y"] + one["h"]
            for other in boxes[:number]
        )
        if beside or one["x"] + one["w"] > _WIDTH:
            yield one
