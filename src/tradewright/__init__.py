"""tradewright: one engine from research to real money."""

__version__ = "0.1.0"

__all__ = ["__version__"]
