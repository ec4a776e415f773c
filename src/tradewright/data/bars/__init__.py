"""Bars made from trades or from smaller bars: by time, by activity, by imbalance; and how bars of two lengths align."""
