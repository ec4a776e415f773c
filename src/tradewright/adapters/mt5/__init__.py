"""MetaTrader 5: one trading adapter over a thin interface, and the three ways to a terminal."""
