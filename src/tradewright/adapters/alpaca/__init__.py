"""Alpaca market data: stocks (v2) and crypto (v1beta3), history over REST and the live stream over WebSocket."""
