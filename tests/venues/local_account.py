"""The local exchange's account without its web doors, for servers of other protocols: one instrument, behind a lock."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path

from tradewright.execution.exchange.account import TradingAccount
from tradewright.services.exchange.markets import Wanted
from tradewright.services.exchange.params import ExchangeServiceParams
from tradewright.services.exchange.serving import make_runner


class LocalAccount:
    """An account on one synthetic market; time moves only by `advance`.

    ``lock`` guards everything: servers answer in threads of their own.
    """

    def __init__(self, symbol: str) -> None:
        self.symbol = symbol
        wanted = Wanted((f"synthetic:{symbol}",), Path("nowhere"))
        self.runner = make_runner(ExchangeServiceParams(speed=0.0, port=0), wanted)
        self.lock = threading.RLock()
        orders = self.runner.account.orders
        orders.terms = replace(orders.terms, takes_same_id=True, reserves_exits=False)  # brokers with margin accounts
        self.advance(3)

    @property
    def account(self) -> TradingAccount:
        return self.runner.account

    @property
    def now_ns(self) -> int:
        return self.runner.now_ns

    def advance(self, moments: int = 1) -> None:
        """Let the market move on."""
        with self.lock:
            self.runner.advance_moments(moments)
