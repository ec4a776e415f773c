"""SIGKILL, or no power, at the writes of a long day; and the state that every prefix of a journal leads to."""

from __future__ import annotations

import numpy as np
import pytest
from tests.faults.long_day import live
from tests.faults.sim_disk import SimDisk
from tests.faults.world import CAPABILITIES, World

from tradewright.core.types.journal import JournalRecord
from tradewright.core.types.order import OrderStatus
from tradewright.execution.journal.reading import JournalReader
from tradewright.execution.orders.inputs import Ticked
from tradewright.execution.orders.machine import step
from tradewright.execution.orders.recovery import from_record, recover, truth
from tradewright.execution.orders.state import TERMINAL, OrdersState

_SEED = 8
_SAMPLE = 6


@pytest.mark.slow
def test_a_kill_at_every_write(request: pytest.FixtureRequest) -> None:
    whole = live(_SEED)
    total = whole.disk.operations
    whole.close()
    assert total > 200
    stride = 1 if request.config.getoption("--all-kills") else total // _SAMPLE
    for at in range(1, total + 1, stride):
        for loses_power in (False, True):
            live(_SEED, crash_at=at, loses_power=loses_power).close()


def _records(world: World) -> list[JournalRecord]:
    disk = SimDisk()
    disk.files = {name: bytearray(content) for name, content in world.disk.files.items()}
    return list(JournalReader(disk))


def _fresh() -> OrdersState:
    return OrdersState("A1", CAPABILITIES)


@pytest.mark.parametrize("seed", [0, 3, 5])
def test_the_journal_brings_back_what_was_known(seed: int) -> None:
    world = live(seed)
    assert world.desk is not None
    world.desk.journal.flush()
    again, now = recover(_fresh(), _records(world)), Ticked(world.state.now)
    step(again, now)  # what only time has moved comes back with the first tick
    step(world.state, now)
    assert truth(again) == truth(world.state)
    world.close()


@pytest.mark.parametrize("seed", [1, 4])
def test_every_prefix_is_a_valid_predecessor(seed: int) -> None:
    world = live(seed)
    records, last = _records(world), world.state
    world.close()
    cuts = set(np.random.default_rng(seed).integers(0, len(records), 20).tolist())
    state = _fresh()
    for count, record in enumerate(records):
        if count in cuts:
            assert truth(recover(_fresh(), records[:count])) == truth(state)
        told = from_record(record)
        if told is None:
            continue
        before = {name: (o.status, o.filled) for name, o in state.orders.items()}
        fills = dict(state.fills)
        step(state, told)
        for name, (status, filled) in before.items():
            order = state.orders[name]
            assert order.filled >= filled
            was_corrected = order.status is not status and status in TERMINAL
            assert not was_corrected or state.corrections, f"{name} left {status.name} unnoticed"
            unproven = (OrderStatus.REJECTED, OrderStatus.DENIED)
            assert not (status is OrderStatus.UNKNOWN and order.status in unproven and record.kind != "order")
        assert fills.keys() <= state.fills.keys() | {k for k in fills if not fills[k].client_id}
        for order in state.orders.values():
            final = last.orders[order.intent.client_id]
            assert order.intent == final.intent
            assert order.filled <= final.filled <= final.intent.lots
