"""Market data in PostgreSQL, with TimescaleDB where the server has it."""
