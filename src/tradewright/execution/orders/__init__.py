"""Order truth: what we know of our orders, as a pure machine that only the venue's evidence moves."""
