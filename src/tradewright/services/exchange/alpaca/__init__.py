"""The exchange in the words of Alpaca: trading REST, order events, market data."""
