"""Two states of the pack beside each other, and what is deployed beside the pack."""

from unissued.compare.change import Change, Hits, QueryChange, RuleChange, changes
from unissued.compare.deployed import Deployed, Export, read_export, shipped
from unissued.compare.drift import DRIFTED, Drift, State, drift, read_releases
from unissued.compare.drift_show import drift_json, drift_report, drift_text
from unissued.compare.show import as_json, as_markdown, as_text
from unissued.compare.tree import Tree, tree

__all__ = [
    "DRIFTED",
    "Change",
    "Deployed",
    "Drift",
    "Export",
    "Hits",
    "QueryChange",
    "RuleChange",
    "State",
    "Tree",
    "as_json",
    "as_markdown",
    "as_text",
    "changes",
    "drift",
    "drift_json",
    "drift_report",
    "drift_text",
    "read_export",
    "read_releases",
    "shipped",
    "tree",
]
