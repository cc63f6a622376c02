"""Proof: replays what the rules must and must not do."""

from unissued.verify.fixtures import Case, CaseName, Scenario, case_names, load_cases, load_scenarios
from unissued.verify.replay import Replay, notices, replay_case, replay_scenario

__all__ = [
    "Case",
    "CaseName",
    "Replay",
    "Scenario",
    "case_names",
    "load_cases",
    "load_scenarios",
    "notices",
    "replay_case",
    "replay_scenario",
]
