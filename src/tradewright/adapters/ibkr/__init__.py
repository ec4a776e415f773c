"""Interactive Brokers market data through TWS or IB Gateway, on `ib_async`."""

from tradewright.adapters.ibkr.history import IbkrHistory
from tradewright.adapters.ibkr.live import IbkrLive
from tradewright.adapters.ibkr.params import IbkrParams

__all__ = ["IbkrHistory", "IbkrLive", "IbkrParams"]
