"""Strict YAML: one document, no duplicate keys, no aliases, nothing retyped behind the author's back."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import yaml

from unissued.errors import PackError, Problem, RuleError

Place: TypeAlias = "tuple[str | int, ...]"

_INT = re.compile(r"-?(0|[1-9][0-9]*)\Z")
# Scalars that YAML 1.1 turns into something else than they look like, or that readers of YAML disagree about.
_RETYPED = re.compile(
    r"(?:yes|no|on|off|y|n|\.nan|[-+]?\.inf|[-+]?0[0-9_]+|0[xob][0-9a-f_]+|[-+]?[0-9][0-9_]*_[0-9_]*"
    r"|[-+]?[0-9]+(?::[0-5]?[0-9])+|[-+]?(?:[0-9]+\.[0-9]*|\.[0-9]+)(?:e[-+]?[0-9]+)?|[-+]?[0-9]+e[-+]?[0-9]+|=|<<)\Z",
    re.IGNORECASE,
)
_MAX_BYTES = 1 << 20
_MAX_DEPTH = 32
_OPENING = (
    yaml.BlockMappingStartToken,
    yaml.BlockSequenceStartToken,
    yaml.FlowMappingStartToken,
    yaml.FlowSequenceStartToken,
)
_CLOSING = (yaml.BlockEndToken, yaml.FlowMappingEndToken, yaml.FlowSequenceEndToken)


@dataclass(frozen=True)
class Document:
    """A YAML document as plain Python values, and the line on which each of them stands."""

    path: str
    data: object
    lines: dict[Place, int]

    def where(self, *place: str | int) -> str:
        """Return ``path:line`` of a place, or of the nearest enclosing one that has a line."""
        for length in range(len(place), -1, -1):
            line = self.lines.get(place[:length])
            if line is not None:
                return f"{self.path}:{line}"
        return self.path


def load_document(path: Path, shown_as: str) -> Document:
    """Read a YAML file of one document strictly.

    Raises:
        RuleError: with every problem that the file has.
    """
    return parse_document(_read(path, shown_as), shown_as)


def load_documents(path: Path, shown_as: str) -> list[Document]:
    """Read a YAML file of any number of documents strictly; empty ones are left out. See :func:`load_document`."""
    return _built([node for node in _nodes(_read(path, shown_as), shown_as) if node is not None], shown_as)


def _read(path: Path, shown_as: str) -> str:
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise RuleError.at(shown_as, f"cannot be read: {error.strerror}") from error
    if len(raw) > _MAX_BYTES:
        raise RuleError.at(shown_as, f"is larger than {_MAX_BYTES} bytes", "a rule is a few kilobytes")
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RuleError.at(shown_as, f"is not UTF-8 at byte {error.start}", "save the file as UTF-8") from error


def parse_document(text: str, shown_as: str) -> Document:
    """Parse YAML text strictly; see :func:`load_document`."""
    nodes = _nodes(text, shown_as)
    if len(nodes) != 1 or nodes[0] is None:
        where = f"{shown_as}:{nodes[1].start_mark.line + 1}" if len(nodes) > 1 and nodes[1] else shown_as
        raise RuleError.at(where, f"holds {len(nodes)} YAML documents instead of one", "one rule a file")
    return _built(nodes[:1], shown_as)[0]


def _nodes(text: str, shown_as: str) -> list[yaml.Node]:
    try:
        _check_tokens(text, shown_as)
        return list(yaml.compose_all(text, Loader=yaml.SafeLoader))
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        where = f"{shown_as}:{mark.line + 1}" if mark else shown_as
        raise RuleError.at(where, f"is not YAML: {error.problem}") from error
    except yaml.YAMLError as error:
        raise RuleError.at(shown_as, "is not YAML: holds a character that YAML forbids") from error
    except RecursionError as error:
        raise RuleError.at(shown_as, f"is nested deeper than {_MAX_DEPTH} levels") from error


def _built(nodes: Sequence[yaml.Node], shown_as: str) -> list[Document]:
    documents: list[Document] = []
    problems: list[Problem] = []
    for node in nodes:
        builder = _Builder(shown_as)
        documents.append(Document(shown_as, builder.build(node, ()), builder.lines))
        problems += builder.problems
    if problems:
        raise RuleError(*problems)
    return documents


def _check_tokens(text: str, shown_as: str) -> None:
    """Refuse what must not even be composed: references, and depth, which costs more than its size."""
    depth = 0
    for token in yaml.scan(text, Loader=yaml.SafeLoader):
        where = f"{shown_as}:{token.start_mark.line + 1}"
        if isinstance(token, yaml.AliasToken):
            raise RuleError.at(where, "uses a YAML alias", "write the value out")
        if isinstance(token, yaml.AnchorToken):
            raise RuleError.at(where, "sets a YAML anchor", "write the value out where it is needed")
        depth += isinstance(token, _OPENING) - isinstance(token, _CLOSING)
        if depth > _MAX_DEPTH:
            raise RuleError.at(where, f"is nested deeper than {_MAX_DEPTH} levels")


class _Builder:
    """Turns YAML nodes into values while keeping lines and collecting problems."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.lines: dict[Place, int] = {}
        self.problems: list[Problem] = []

    def build(self, node: yaml.Node, place: Place) -> object:
        self.lines.setdefault(place, node.start_mark.line + 1)
        if len(place) > _MAX_DEPTH:
            self._refuse(node, f"is nested deeper than {_MAX_DEPTH} levels")
            return None
        match node:
            case yaml.MappingNode():
                return self._mapping(node, place)
            case yaml.SequenceNode():
                return [self.build(item, (*place, index)) for index, item in enumerate(node.value)]
            case yaml.ScalarNode():
                return self._scalar(node)
        self._refuse(node, "is neither a mapping, a list nor a scalar")
        return None

    def _mapping(self, node: yaml.MappingNode, place: Place) -> dict[str, object]:
        result: dict[str, object] = {}
        for key_node, value_node in node.value:
            key = key_node.value if isinstance(key_node, yaml.ScalarNode) else None
            if key is None:
                self._refuse(key_node, "a key must be a plain name")
                continue
            if key in result:
                self._refuse(key_node, f"key '{key}' stands here twice", "the second would silently win")
                continue
            result[key] = self.build(value_node, (*place, key))
            self.lines[(*place, key)] = key_node.start_mark.line + 1
        return result

    def _scalar(self, node: yaml.ScalarNode) -> str | int | bool | None:
        text: str = node.value
        if not node.tag.startswith("tag:yaml.org,2002:"):
            self._refuse(node, f"has the YAML tag {node.tag}", "plain values only")
        if node.style is not None:  # quoted or block
            return text
        if text in ("", "null", "~"):
            return None
        if text in ("true", "false"):
            return text == "true"
        if _INT.match(text):
            return int(text)
        if _RETYPED.match(text):
            self._refuse(node, f"'{text}' means different things to different YAML readers", "put it in quotes")
        return text

    def _refuse(self, node: yaml.Node, problem: str, hint: str = "") -> None:
        self.problems.append(Problem(f"{self.path}:{node.start_mark.line + 1}", problem, hint))


def collect(errors: list[Problem], error: PackError) -> None:
    """Add the problems of an error to a list, so that all are shown together."""
    errors.extend(error.problems)
