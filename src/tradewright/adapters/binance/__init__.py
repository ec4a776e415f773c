"""Binance, spot and USD-M futures: market data from archives, REST and WebSocket streams."""
