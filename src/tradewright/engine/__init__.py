"""The one path: session, compiled loop, backtest."""
