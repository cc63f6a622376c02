"""The fast engine of a hunt: the findings of the reference, in a fraction of its time and in flat memory."""

from unissued.hunt.fast.hunt import fast_hunt
from unissued.hunt.fast.judging import NotFastError

__all__ = ["NotFastError", "fast_hunt"]
