"""Whole sessions beside a venue and a network that misbehave; what they hold in memory."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.faults.session_soak import held, let_pass, let_people_look
from tests.faults.session_world import QUICK, QUOTED, SPOT, SessionWorld, trade

from tradewright.execution.orders.inputs import KillLevel
from tradewright.execution.orders.state import OrderParams

#: Where orders of a session were lost once: fills of stops for which it had no room, and parts over before they began.
_KNOWN = (1, 3, 10)


@pytest.mark.parametrize("seed", [*_KNOWN, 4, 5])
def test_session_desk_venue_and_journal_agree_in_the_end(seed: int) -> None:
    world = trade(seed)
    assert len(world.state.orders) > 10
    world.plan = replace(world.plan, keeps_equity=True, keeps_newest=False)  # as who looks at it afterwards
    tale = world.retold()
    assert tale.differences == []
    assert tale.conductor is not None
    assert len(tale.conductor.run.result().fills) == tale.conductor.book()["fills"] > 0
    world.close()


@pytest.mark.parametrize(("seed", "at", "loses_power"), [(1000, 383, False), (1001, 10, True), (1003, 201, True)])
def test_a_kill_at_a_write(seed: int, at: int, *, loses_power: bool) -> None:
    world = trade(seed, crash_at=at, loses_power=loses_power)
    assert world.epoch == 2
    world.close()


def test_one_seed_gives_one_trace() -> None:
    worlds = [trade(7, 30) for _ in range(2)]
    assert worlds[0].trace() == worlds[1].trace()
    for world in worlds:
        world.close()


def test_refusals_leave_nothing_behind() -> None:
    world, rng = SessionWorld(1, SPOT, QUOTED, QUICK), np.random.default_rng(1)
    world.start()
    let_pass(world, rng, 30)
    world.kill(KillLevel.BLOCK_NEW)
    assert world.runtime is not None
    let_pass(world, rng, 60)
    before, wished = held(world), world.runtime.counts.decisions
    let_pass(world, rng, 240)
    after = held(world)
    assert world.runtime.counts.decisions > wished + 100, "nothing was wished for: the test tests nothing"
    grown = {k: after[k] - before.get(k, 0) for k in after if "gauges" not in k}  # rings, which fill up
    assert sum(grown.values()) < 20_000, sorted(grown.items(), key=lambda kv: -kv[1])[:5]
    world.close()


def test_memory_grows_neither_with_time_nor_with_orders_that_ended_long_ago() -> None:
    world, rng = SessionWorld(2, SPOT, QUOTED, QUICK), np.random.default_rng(2)
    world.params = OrderParams(forget_after_s=600.0)
    world.start()
    for _ in range(3):
        let_pass(world, rng, 300)
        let_people_look(world)
    before, made = held(world), world.state.next_sequence
    for _ in range(2):
        let_pass(world, rng, 300)
        let_people_look(world)
    after, more = held(world), world.state.next_sequence - made
    assert more > 300, "nothing was traded: the test tests nothing"
    assert world.runtime is not None
    orders = len(world.state.orders)
    assert orders < 0.7 * (made + more)
    assert len(world.runtime.conductor._orders) <= 2 * orders
    assert world.runtime.conductor._parts.keys() <= world.runtime.conductor._orders.keys()
    record = world.runtime.conductor.run.memory.record
    assert record["n_order_log"] + record["n_decisions"] < 100 < record["n_fills"]
    known = set(world.state.fills)
    assert {key for order in world.state.orders.values() for key in order.executions} <= known
    apart = ("gauges", "tactics")  # rings, which fill up; and what is forgotten after an hour
    grown = {k: after[k] - before.get(k, 0) for k in after if not any(name in k for name in apart)}
    assert sum(grown.values()) < 1000 * more, sorted(grown.items(), key=lambda kv: -kv[1])[:5]
    world.stop()
    world.start()
    world.run(2.0)
    let_pass(world, rng, 30)
    world.settle(90.0)  # session, desk, venue and journal agree
    world.close()
