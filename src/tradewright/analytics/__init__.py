"""Numbers about a run: pure functions on arrays, from which the report and the gates are made."""
