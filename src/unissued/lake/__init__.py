"""Rules executed where the logs are: DuckDB or Spark runs the statements, and the answer is the evaluator's."""
