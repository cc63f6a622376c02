"""The reference evaluator: the meaning of the rules, naive on purpose. It shares no code with the converters."""

from unissued.evaluate.canon import Value, canonical, fold
from unissued.evaluate.evaluate import Beyond, Given, comparable_lists, compile_rule, evaluate
from unissued.evaluate.event import Event, resolve
from unissued.evaluate.explain import explain
from unissued.evaluate.match import Look, Match, Outcome, Reason, Unjudged, Verdict
from unissued.evaluate.predicate import Node

__all__ = [
    "Beyond",
    "Event",
    "Given",
    "Look",
    "Match",
    "Node",
    "Outcome",
    "Reason",
    "Unjudged",
    "Value",
    "Verdict",
    "canonical",
    "comparable_lists",
    "compile_rule",
    "evaluate",
    "explain",
    "fold",
    "resolve",
]
