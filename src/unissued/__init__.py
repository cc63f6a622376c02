"""Detections for mail read with tokens that nobody issued, and the evaluator that proves them."""

__version__ = "0.1.0"
