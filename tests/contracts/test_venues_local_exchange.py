"""The venue contract, on the trading adapters of real venues against the local exchange that speaks their protocol."""

from __future__ import annotations

import asyncio

from pydantic import SecretStr
from tests.venues.local_exchange import KEY, SECRET, LocalExchange

from tradewright.adapters.alpaca.trading import AlpacaTrading
from tradewright.adapters.alpaca.trading_params import AlpacaTradingParams, PaperKeys
from tradewright.adapters.binance.trading import BinanceTrading
from tradewright.adapters.binance.trading_params import BinanceTradingParams, TestnetKeys
from tradewright.core.types.instrument import Instrument
from tradewright.execution.contract import Trial, check_venue


def test_alpaca_satisfies_the_contract() -> None:
    async def work(exchange: LocalExchange) -> None:
        keys = PaperKeys(key=SecretStr(KEY), secret=SecretStr(SECRET))
        params = AlpacaTradingParams(trading_url=exchange.http_url, keys=keys, requests_per_minute=1e6)
        venue = AlpacaTrading(params, {"SYN": Instrument("SYN")}, clock_ns=lambda: exchange.runner.now_ns)
        try:
            await venue.connect()
            await check_venue(venue, Trial("SYN", 90.0, 1, exchange.runner.now_ns))
        finally:
            await venue.close()

    with LocalExchange() as exchange:
        exchange.advance(3)
        asyncio.run(work(exchange))


def test_binance_satisfies_the_contract() -> None:
    symbol = "BTCUSDT"

    async def work(exchange: LocalExchange) -> None:
        keys = TestnetKeys(key=SecretStr(KEY), secret=SecretStr(SECRET))
        params = BinanceTradingParams(rest_url=exchange.http_url, keys=keys, weight_per_minute=1e6)
        instruments = {symbol: Instrument(symbol, lot_size="0.0001")}
        venue = BinanceTrading(params, instruments, clock_ns=lambda: exchange.runner.now_ns)
        try:
            await venue.connect()
            await check_venue(venue, Trial(symbol, 90.0, 1, exchange.runner.now_ns, lots=1_000))
        finally:
            await venue.close()

    with LocalExchange(f"synthetic:{symbol}", protocol="binance") as exchange:
        exchange.advance(3)
        asyncio.run(work(exchange))
