"""The kill drill of an account: the desk against a local exchange, the switch pulled by a file, and evidence kept."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import KillLevel, OrderKind, Side, TimeInForce
from tradewright.execution.desk import DeskPorts, OrderDesk
from tradewright.execution.drill import (
    DrillDesk,
    DrillPorts,
    Round,
    drill_round,
    release_round,
)
from tradewright.execution.journal.disk import FolderDisk
from tradewright.execution.journal.writing import Journal
from tradewright.execution.orders.inputs import Wish
from tradewright.execution.orders.state import ALL, OrdersState
from tradewright.risk.kill.inbox import KillInbox
from tradewright.risk.kill.requests import write_kill
from tradewright.risk.kill.switch import KillSwitch
from tradewright.risk.trading_state import TradingStateFile
from tradewright.services.trading.folder import AccountFolder

SYMBOL = "DRILL"
#: How often a session looks for requests, beside its gate, which looks before every order.
POLL_S = 0.005
#: A price that no market of the drill comes near.
_FAR = 1.0


async def rounds_of(desk: DrillDesk, folder: Path, count: int, wish: Wish) -> list[Round]:
    """Drill a desk whose switch reads the requests in ``folder``."""

    def pull() -> None:
        write_kill(folder, KillLevel.CANCEL, ALL, ("drill", "a drill"), time.time_ns())

    ports = DrillPorts(pull, time.monotonic_ns)
    rounds = []
    for _ in range(count):
        rounds.append(await drill_round(desk, wish, ports))
        await release_round(desk, ports)
    return rounds


def resting() -> Wish:
    """Return an order of the local exchange's market that does not fill."""
    return Wish("drill", SYMBOL, Side.BUY, OrderKind.LIMIT, 1, _FAR, time_in_force=TimeInForce.GTC)


@asynccontextmanager
async def local_desk(folder: AccountFolder) -> AsyncIterator[OrderDesk]:
    """Run a desk against a local exchange, with journal, switch and state in ``folder``; ready when it is yielded."""
    from tradewright.adapters.alpaca.trading import AlpacaTrading
    from tradewright.adapters.alpaca.trading_params import AlpacaTradingParams, PaperKeys
    from tradewright.services.exchange.embedded import EmbeddedExchange

    with EmbeddedExchange(SYMBOL) as exchange, Journal(FolderDisk(folder.journal), time.time_ns) as journal:
        keys = PaperKeys.model_validate({"key": exchange.keys.key, "secret": exchange.keys.secret})
        params = AlpacaTradingParams(trading_url=exchange.url, keys=keys, requests_per_minute=1e6)
        venue = AlpacaTrading(params, {SYMBOL: Instrument(SYMBOL)}, clock_ns=time.time_ns)
        await venue.connect()
        state = OrdersState(venue.account_id, venue.capabilities)
        inbox, stored = KillInbox(folder.kill, time.time_ns), TradingStateFile(folder.state)
        desk = OrderDesk(venue, journal, state, DeskPorts(time.time_ns, lambda: True, lambda _: None))
        switch = KillSwitch(desk, inbox, stored, time.time_ns, lambda: state.is_ready)
        desk.ports = replace(desk.ports, heed=switch.poll)
        tasks = [asyncio.create_task(desk.run(1)), asyncio.create_task(_poll(switch))]
        try:
            while not state.is_ready:  # noqa: ASYNC110 - the desk has no event for it
                await asyncio.sleep(POLL_S)
            yield desk
        finally:
            for task in tasks:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
            await venue.close()


async def _poll(switch: KillSwitch) -> None:
    while True:
        switch.poll()
        await asyncio.sleep(POLL_S)


def drill_locally(count: int) -> list[Round]:
    """Drill the desk of this build against a local exchange, in a folder that is thrown away."""

    async def inside(root: Path) -> list[Round]:
        folder = AccountFolder("drill", root)
        async with local_desk(folder) as desk:
            return await rounds_of(desk, folder.kill, count, resting())

    with tempfile.TemporaryDirectory() as name:
        return asyncio.run(inside(Path(name)))
