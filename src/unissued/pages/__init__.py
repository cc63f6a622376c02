"""The generated documentation: a page per rule, the index by question, and what runs where."""

from unissued.pages.pages import data, pages

__all__ = ["data", "pages"]
