"""The venue contract, on the MetaTrader 5 adapter over each way to a terminal."""

from __future__ import annotations

import asyncio

import pytest
from tests.venues.local_account import LocalAccount
from tests.venues.mt5_server import Mt5Server
from tests.venues.mt5_ways import WAYS, way_to

from tradewright.adapters.mt5.terminal import Terminal
from tradewright.adapters.mt5.trading import Mt5Trading
from tradewright.adapters.mt5.trading_params import DemoAccount, Mt5TradingParams
from tradewright.core.types.instrument import Instrument
from tradewright.execution.contract import Trial, check_venue


@pytest.mark.parametrize("margin_mode", [0, 2], ids=["netting", "hedging"])
@pytest.mark.parametrize("way", WAYS)
def test_metatrader_satisfies_the_contract(way: str, margin_mode: int) -> None:
    local = LocalAccount("EURUSD")

    async def work(terminal: Terminal) -> None:
        params = Mt5TradingParams(account=DemoAccount(login=5001), poll_s=0.05)
        venue = Mt5Trading(params, terminal, {"EURUSD": Instrument("EURUSD")}, clock_ns=lambda: local.now_ns)
        try:
            await venue.connect()
            await check_venue(venue, Trial("EURUSD", 90.0, 1, local.now_ns))
        finally:
            await venue.close()

    with way_to(way, Mt5Server(local, margin_mode=margin_mode)) as terminal:
        asyncio.run(work(terminal))
