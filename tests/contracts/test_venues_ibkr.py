"""The venue contract, on the Interactive Brokers adapter against a local TWS."""

from __future__ import annotations

import asyncio

from tests.venues.ibkr_orders import TwsOrders
from tests.venues.ibkr_venue import IbkrVenue
from tests.venues.local_account import LocalAccount

from tradewright.adapters.ibkr.trading import IbkrTrading
from tradewright.adapters.ibkr.trading_params import IbkrTradingParams, PaperAccount
from tradewright.core.types.instrument import Instrument
from tradewright.execution.contract import Trial, check_venue


def test_interactive_brokers_satisfies_the_contract() -> None:
    local = LocalAccount("AAPL")

    async def work(port: int) -> None:
        params = IbkrTradingParams(account=PaperAccount(account_id="DU0000001"), host="127.0.0.1", port=port)
        venue = IbkrTrading(params, {"AAPL": Instrument("AAPL")}, clock_ns=lambda: local.now_ns)
        try:
            await venue.connect()
            await check_venue(venue, Trial("AAPL", 90.0, 1, local.now_ns))
        finally:
            await venue.close()

    with IbkrVenue(orders=TwsOrders(local)) as server:
        asyncio.run(work(server.port))
