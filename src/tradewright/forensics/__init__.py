"""What a session did, and why: its journal retold, one decision explained, its hours beside a fresh backtest."""
