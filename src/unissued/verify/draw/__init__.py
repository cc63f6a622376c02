"""Random rules and random records, drawn from one number, so that every run can be repeated.

Values of rules and records come from the same small pools, or nothing would ever match.
"""

from unissued.verify.draw.batch import Batch, Drawn, draw_batch
from unissued.verify.draw.records import FRAME

__all__ = ["FRAME", "Batch", "Drawn", "draw_batch"]
