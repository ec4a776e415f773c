"""The simulated venue behind the port of real ones: what it remembers."""

from __future__ import annotations

import asyncio
from pathlib import Path

from tests.live_world import World, plan

from tradewright.core.types.order import OrderKind, OrderStatus, Side
from tradewright.core.types.venue import OrderIntent
from tradewright.engine.live.rows import show
from tradewright.execution.orders.state import OrdersState
from tradewright.execution.sim_broker import CAPABILITIES

HOUR = 3600 * 1_000_000_000


def test_orders_that_ended_days_ago_are_forgotten_and_those_that_work_are_not(tmp_path: Path) -> None:
    world = World(plan("ema_cross"), tmp_path)
    conductor, broker = world.made(OrdersState("account", CAPABILITIES))
    symbol = world.plan.instruments[0].symbol

    def send(name: str, limit: float) -> None:
        broker.take(OrderIntent(name, 1, 1, "s", symbol, Side.BUY, OrderKind.LIMIT, 1, world.now, limit_price=limit))

    sizes = []
    row = world.rows[0]
    for k in range(3000):
        world.now = row.ts_event + k * HOUR // 10
        show(row._replace(ts_open=world.now - 1, ts_event=world.now, ts_seen=world.now), conductor.event)
        send(f"filled {k}", 1e9)
        if k == 0:
            send("resting", 1e-9)
        broker.on_market()
        sizes.append(len(broker._orders))
    assert max(sizes) < 1500
    assert len(broker._clients) == len(broker._references) == len(broker._orders)
    resting, newest = asyncio.run(broker.order("resting")), asyncio.run(broker.order("filled 2998"))
    assert resting is not None
    assert resting.is_open
    assert newest is not None
    assert newest.status is OrderStatus.FILLED
    assert asyncio.run(broker.open_orders())[0] == resting
    assert 240 <= len(asyncio.run(broker.fills(0))) < 1500
