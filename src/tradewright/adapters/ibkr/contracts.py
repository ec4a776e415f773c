"""The contracts that symbols name, and how they are traded: asked of the gateway once each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from decimal import Decimal
from typing import Any

from ib_async import Contract

from tradewright.adapters.ibkr.order_link import OrderLink
from tradewright.adapters.ibkr.order_rows import Names
from tradewright.adapters.ibkr.symbols import parse_symbol
from tradewright.adapters.ibkr.trading_params import IbkrTradingParams
from tradewright.core.types.errors import UsageError
from tradewright.core.types.venue import Listing
from tradewright.execution.venue import VenueRejectedError


class Contracts:
    """Looks symbols up.

    Parameters
    ----------
    params : IbkrTradingParams
        How symbols without an exchange are read.
    names : Names
        Is told the gateway's number of each contract.
    link, ready : OrderLink, callable
        The connection, and what waits for a place in the rate limit and returns the client.
    """

    def __init__(
        self, params: IbkrTradingParams, names: Names, link: OrderLink, ready: Callable[[], Awaitable[Any]]
    ) -> None:
        self._params, self._names, self._link, self._ready = params, names, link, ready
        self._found: dict[str, tuple[Contract, Listing]] = {}

    async def of(self, symbol: str) -> tuple[Contract, Listing]:
        """Return the one contract that a symbol names, and its smallest step of prices; of sizes nothing is told.

        Raises
        ------
        VenueRejectedError
            If none or several fit.
        """
        if symbol not in self._found:
            try:
                spec = parse_symbol(symbol, self._params.symbols)
            except UsageError as error:
                where = f"{self._params.name} {symbol}"
                raise VenueRejectedError(error.what, where=where, fix=error.fix) from error
            named = Contract(**spec.fields)
            client = await self._ready()
            number = client.getReqId()
            rows = await self._link.ask(number, lambda: client.reqContractDetails(number, named))
            if len(rows) != 1:
                what, fix = f"{len(rows)} contracts fit {symbol}", "Name the exchange, currency or last trading day."
                raise VenueRejectedError(what, where=self._params.name, fix=fix)
            told = rows[0][0]
            named.conId = told.contract.conId
            tick = format(Decimal(repr(told.minTick)), "f") if told.minTick else ""
            self._found[symbol] = named, Listing(symbol, tick_size=tick)
            self._names.by_number[named.conId] = symbol
        return self._found[symbol]
