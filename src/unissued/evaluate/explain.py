"""Why a rule does or does not fire on an event: its condition as a tree, every node marked + or -."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping

from unissued.evaluate.evaluate import compile_rule
from unissued.evaluate.event import Event
from unissued.evaluate.predicate import Node
from unissued.pack.rule import Rule


def explain(rule: Rule, event: Event, lists: Mapping[str, Collection[str]]) -> str:
    """Return the condition tree of a detection on one event, one node a line, with the values that it met."""
    if event.source not in rule.sources:
        keys = ", ".join(source.key for source in rule.sources)
        return f"- {rule.name}: reads {keys}, this record is of {event.source.key}"
    node = compile_rule(rule, lists)
    return "\n".join([f"{_mark(node, event)} {rule.name}", *_lines(node, event, 1)])


def _lines(node: Node, event: Event, depth: int) -> Iterator[str]:
    met = ""
    if node.field:
        values = ", ".join(map(repr, event.values(node.field)))
        met = f"    <- {values}" if values else "    <- missing"
    yield f"{'  ' * depth}{_mark(node, event)} {node.says}{met}"
    for part in node.parts:
        yield from _lines(part, event, depth + 1)


def _mark(node: Node, event: Event) -> str:
    return "+" if node.test(event) else "-"
