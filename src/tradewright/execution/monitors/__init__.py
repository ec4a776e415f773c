"""What trading really costs, measured while it happens: slippage, latency, and what quotes fill."""
