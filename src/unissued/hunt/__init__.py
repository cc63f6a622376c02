"""Hunts through exported logs: every rule, one pass, findings that can be traced to their log lines."""

from unissued.hunt.finding import Finding
from unissued.hunt.hunt import Hunt, hunt
from unissued.hunt.render import as_json, as_jsonl
from unissued.hunt.search import Question, Way, search
from unissued.hunt.visible import visible

__all__ = ["Finding", "Hunt", "Question", "Way", "as_json", "as_jsonl", "hunt", "search", "visible"]
