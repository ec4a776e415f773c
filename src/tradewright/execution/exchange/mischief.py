"""What happens to orders and positions behind a client's back: busts, other hands, exits that the venue rejects."""

from __future__ import annotations

from collections import deque

from tradewright.core.types.order import Side
from tradewright.execution.exchange.account import TradingAccount
from tradewright.execution.exchange.faults import FaultScript
from tradewright.execution.exchange.orders import Force, Update, Wish
from tradewright.execution.exchange.scenarios import BUST, EXIT_REJECTED, OUTSIDE_CANCEL, OUTSIDE_CLOSE


class Mischief:
    """Acts on an account after its fills; call `act` when the account is at rest, never from inside an update."""

    def __init__(self, account: TradingAccount, script: FaultScript) -> None:
        self._account, self._script = account, script
        self._fills: deque[Update] = deque()

    def see(self, update: Update) -> None:
        """Remember a fill."""
        if update.execution is not None and update.event in {"fill", "partial_fill"}:
            self._fills.append(update)

    def act(self, now_ns: int) -> None:
        """Do to the account what the script has for the fills since the last call."""
        while self._fills:
            update = self._fills.popleft()
            order = update.order
            stops = [leg for leg in order.legs if leg.wish.stop is not None and not leg.is_over]
            if update.execution is not None and self._script.take("order", {BUST}) is not None:
                self._account.bust(update.execution, now_ns)
            if stops and order.is_over and self._script.take("order", {EXIT_REJECTED}) is not None:
                self._account.reject(stops[0], now_ns)
            elif stops and order.is_over and self._script.take("order", {OUTSIDE_CANCEL}) is not None:
                self._account.cancel(stops[0], now_ns)
            if order.is_over and self._script.take("order", {OUTSIDE_CLOSE}) is not None:
                self._close(order.instrument, order.wish.symbol, now_ns)

    def _close(self, instrument: int, symbol: str, now_ns: int) -> None:
        lots = self._account.book.lots(instrument)
        for order in [o for o in self._account.orders.open() if o.instrument == instrument]:
            if not order.is_over:
                self._account.cancel(order, now_ns)
        if lots:
            side = Side.SELL if lots > 0 else Side.BUY
            self._account.submit(Wish(symbol, side, abs(lots), force=Force.GTC), now_ns)
