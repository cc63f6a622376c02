"""Two states of the pack beside each other, and what is deployed beside the pack."""

from unissued.compare.change import Change, Hits, QueryChange, RuleChange, changes
from unissued.compare.show import as_json, as_markdown, as_text
from unissued.compare.tree import Tree, tree

__all__ = [
    "Change",
    "Hits",
    "QueryChange",
    "RuleChange",
    "Tree",
    "as_json",
    "as_markdown",
    "as_text",
    "changes",
    "tree",
]
