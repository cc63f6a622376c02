"""Rules executed where the logs are: DuckDB or Spark runs the statements, and the answer is the evaluator's."""

from unissued.lake.engine import DuckDBEngine, Engine, SparkEngine, load_lists, load_records, microseconds
from unissued.lake.hunting import hunt
from unissued.lake.outcomes import Answers, found_records, outcomes, prepare

__all__ = [
    "Answers",
    "DuckDBEngine",
    "Engine",
    "SparkEngine",
    "found_records",
    "hunt",
    "load_lists",
    "load_records",
    "microseconds",
    "outcomes",
    "prepare",
]
