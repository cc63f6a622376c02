"""What logs cover: which feeds, since when, with which fields, and which rules are blind for want of what."""

from unissued.coverage.coverage import Coverage, Retention, coverage
from unissued.coverage.page import as_markdown, as_text
from unissued.coverage.render import as_json

__all__ = ["Coverage", "Retention", "as_json", "as_markdown", "as_text", "coverage"]
