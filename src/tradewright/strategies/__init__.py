"""Strategies: features, a forecast and the account in, signals out; built-in ones and those of users."""
