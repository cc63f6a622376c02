"""What is normal here: learned from logs, kept in one CSV, read into the lists that rules ask for."""

from unissued.baseline.export import FORMS, SUMS, exported
from unissued.baseline.learn import Lesson, asks_for_learned, learn
from unissued.baseline.memory import learned_until, remember
from unissued.baseline.review import Word, reviewed
from unissued.baseline.share import Share, explained_shares, is_not_explained
from unissued.baseline.show import difference_lines, lesson_lines, review_lines, table_lines
from unissued.baseline.table import Baseline, Row, Status, read_baseline, write_baseline

__all__ = [
    "FORMS",
    "SUMS",
    "Baseline",
    "Lesson",
    "Row",
    "Share",
    "Status",
    "Word",
    "asks_for_learned",
    "difference_lines",
    "explained_shares",
    "exported",
    "is_not_explained",
    "learn",
    "learned_until",
    "lesson_lines",
    "read_baseline",
    "remember",
    "review_lines",
    "reviewed",
    "table_lines",
    "write_baseline",
]
