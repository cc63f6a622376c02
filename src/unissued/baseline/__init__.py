"""What is normal here: learned from logs, kept in one CSV, read into the lists that rules ask for."""

from unissued.baseline.learn import learn
from unissued.baseline.table import Baseline, Row, Status, read_baseline, write_baseline

__all__ = ["Baseline", "Row", "Status", "learn", "read_baseline", "write_baseline"]
