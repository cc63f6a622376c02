"""What a new rule begins with: a rule and fixtures that say what is still to be filled in."""

from unissued.skeleton.skeleton import KINDS, SOURCES, Wish, skeleton, write

__all__ = ["KINDS", "SOURCES", "Wish", "skeleton", "write"]
