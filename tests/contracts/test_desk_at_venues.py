"""The order desk at each adapter: enter with a stop, be protected, be flattened; nothing contradicts the venue."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from pydantic import SecretStr
from tests.venues.faults import Fault
from tests.venues.ibkr_orders import TwsOrders
from tests.venues.ibkr_venue import IbkrVenue
from tests.venues.local_account import LocalAccount
from tests.venues.local_exchange import KEY, SECRET, LocalExchange
from tests.venues.mt5_server import Mt5Server
from tests.venues.mt5_ways import module_terminal

from tradewright.adapters.alpaca.trading import AlpacaTrading
from tradewright.adapters.alpaca.trading_params import AlpacaTradingParams, PaperKeys
from tradewright.adapters.binance.trading import BinanceTrading
from tradewright.adapters.binance.trading_params import BinanceTradingParams, TestnetKeys
from tradewright.adapters.ibkr.trading import IbkrTrading
from tradewright.adapters.ibkr.trading_params import IbkrTradingParams, PaperAccount
from tradewright.adapters.mt5.trading import Mt5Trading
from tradewright.adapters.mt5.trading_params import DemoAccount, Mt5TradingParams
from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind, OrderStatus, Side, TimeInForce
from tradewright.execution.desk import DeskParams, DeskPorts, OrderDesk
from tradewright.execution.journal.disk import FolderDisk
from tradewright.execution.journal.writing import Journal, JournalParams
from tradewright.execution.orders.inputs import Alert, KillLevel, OrderEvent, Wish
from tradewright.execution.orders.state import ALL, OrdersState

Venue = AlpacaTrading | BinanceTrading | IbkrTrading | Mt5Trading
X = {"alpaca": "SYN", "binance": "BTCUSDT", "ibkr": "AAPL", "mt5": "EURUSD"}
LOTS = {"BTCUSDT": 1_000}


@contextmanager
def venue_at(name: str, *faults: Fault) -> Iterator[tuple[Callable[[], Venue], int]]:
    """Yield what makes the adapter (inside a loop), and the venue's time."""
    instruments = {X[name]: Instrument(X[name], lot_size="0.0001" if name == "binance" else "1")}
    key, secret = SecretStr(KEY), SecretStr(SECRET)
    if name == "alpaca":
        with LocalExchange() as exchange:
            exchange.advance(3)
            keys = PaperKeys(key=key, secret=secret)
            alpaca = AlpacaTradingParams(trading_url=exchange.http_url, keys=keys, requests_per_minute=1e6)
            now = exchange.runner.now_ns
            yield lambda: AlpacaTrading(alpaca, instruments, clock_ns=lambda: now), now
        return
    if name == "binance":
        with LocalExchange(f"synthetic:{X[name]}", protocol="binance") as exchange:
            exchange.advance(3)
            pair = TestnetKeys(key=key, secret=secret)
            binance = BinanceTradingParams(rest_url=exchange.http_url, keys=pair, weight_per_minute=1e6)
            now = exchange.runner.now_ns
            yield lambda: BinanceTrading(binance, instruments, clock_ns=lambda: now), now
        return
    local = LocalAccount(X[name])
    if name == "mt5":
        mt5 = Mt5TradingParams(account=DemoAccount(login=5001), poll_s=0.05)
        terminal = module_terminal(Mt5Server(local, faults))
        yield lambda: Mt5Trading(mt5, terminal, instruments, clock_ns=lambda: local.now_ns), local.now_ns
        return
    with IbkrVenue(faults, orders=TwsOrders(local)) as tws:
        ibkr = IbkrTradingParams(account=PaperAccount(account_id="DU0000001"), host="127.0.0.1", port=tws.port)
        yield lambda: IbkrTrading(ibkr, instruments, clock_ns=lambda: local.now_ns), local.now_ns


@pytest.mark.parametrize("target", [None, 140.0])
@pytest.mark.parametrize("name", X)
def test_a_position_is_protected_and_flattened(name: str, target: float | None, tmp_path: Path) -> None:
    with venue_at(name) as (make, start_ns):
        asyncio.run(_played(make, start_ns, X[name], target, tmp_path))


@pytest.mark.parametrize("name", ["alpaca", "binance"])
def test_a_limit_exit_takes_the_place_of_the_stop_that_holds_its_lots(name: str, tmp_path: Path) -> None:
    with venue_at(name) as (make, start_ns):
        asyncio.run(_played(make, start_ns, X[name], None, tmp_path, limit=50.0))


#: The connection breaks once the whole bracket is there; the terminal's answer is lost.
_SILENT = [("ibkr", Fault("drop", "order", skip=1)), ("mt5", Fault("silent", "send 1"))]


@pytest.mark.parametrize(("name", "fault"), _SILENT)
def test_an_entry_without_an_answer_is_found_and_not_sent_again(name: str, fault: Fault, tmp_path: Path) -> None:
    with venue_at(name, fault) as (make, start_ns):
        asyncio.run(_played(make, start_ns, X[name], None, tmp_path))


async def _played(
    make: Callable[[], Venue], start_ns: int, x: str, target: float | None, folder: Path, limit: float | None = None
) -> None:
    began, lots = time.monotonic_ns(), LOTS.get(x, 1)
    venue, told = make(), list[OrderEvent | Alert]()
    await venue.connect()

    def now_ns() -> int:
        return start_ns + time.monotonic_ns() - began

    state = OrdersState(venue.account_id, venue.capabilities)
    journal = Journal(FolderDisk(folder), now_ns, JournalParams())
    desk = OrderDesk(venue, journal, state, DeskPorts(now_ns, lambda: True, told.append), DeskParams(tick_s=0.05))
    life = asyncio.ensure_future(desk.run(1))

    async def until(what: str, holds: Callable[[], bool]) -> None:
        for _ in range(200):
            if holds():
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"{what}: {told}")

    def stops() -> list[tuple[int, OrderStatus]]:
        return [(o.intent.lots, o.status) for o in state.live(x) if o.intent.kind is OrderKind.STOP and o.is_alive]

    try:
        await until("ready", lambda: state.is_ready)
        desk.submit(Wish("s", x, Side.BUY, OrderKind.MARKET, lots, stop_loss=80.0, take_profit=target))
        await until("filled", lambda: state.of(x).position == lots)
        await until("protected", lambda: stops() == [(lots, OrderStatus.ACCEPTED)])
        await desk.reconcile()
        assert sum(o.side is Side.SELL for o in await venue.open_orders()) >= 1
        assert [o.side for o in await venue.order_history(0)].count(Side.BUY) == 1
        if limit is None:
            desk.kill(KillLevel.FLATTEN, ALL, "test", "the end")
        else:  # as tactics send it when its price is there
            wish = Wish("s", x, Side.SELL, OrderKind.LIMIT, lots, limit, is_reduce_only=True)
            assert desk.submit(replace(wish, time_in_force=TimeInForce.IOC))[0]
        await until("flat", lambda: state.of(x).position == 0 and not stops())
        await desk.reconcile()
        assert await venue.positions() == []
        assert await venue.open_orders() == []
        assert (state.quarantine, state.of(x).halted, state.corrections) == ([], "", 0)
    finally:
        life.cancel()
        await asyncio.gather(life, return_exceptions=True)
        await venue.close()
