"""The exchange in the words of Binance spot: signed REST, user data and market streams."""
