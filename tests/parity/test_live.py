"""A session with desk, journal and venue does what the backtest does, to the bit, and so does its journal."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest
from tests.live_world import CASES, World, plan

from tradewright.core.types.venue import VenuePosition
from tradewright.engine.backtest import BacktestResult, run_backtest
from tradewright.engine.live.conductor import Conductor
from tradewright.engine.live.recovery import Retelling
from tradewright.execution.orders.state import OrdersState
from tradewright.execution.sim_broker import CAPABILITIES


def assert_equal(found: BacktestResult, expected: BacktestResult) -> None:
    for name in ("fills", "ledger", "decisions", "stamps", "equity", "exposure", "open_lots", "realized"):
        mine, other = getattr(found, name), getattr(expected, name)
        assert mine.tobytes() == other.tobytes(), name
    assert found.final_equity == expected.final_equity


@pytest.mark.parametrize("name", CASES)
def test_a_session_fills_books_and_denies_as_its_backtest(name: str, tmp_path: Path) -> None:
    world = World(plan(name), tmp_path)
    found = world.run()
    assert found is not None
    expected = run_backtest(world.plan, "loop")
    assert len(expected.fills) > 0
    assert_equal(found, expected)


@pytest.mark.parametrize("name", ["ema_cross", "momentum_rotation"])
def test_the_journal_alone_gives_every_decision_again(name: str, tmp_path: Path) -> None:
    world = World(plan(name), tmp_path)
    found = world.run()
    assert found is not None
    tale = world.retold()
    assert tale.differences == []
    assert tale.decisions > 5
    assert tale.conductor is not None
    assert_equal(tale.conductor.run.result(), found)


@pytest.mark.parametrize("name", ["ema_cross", "donchian_breakout", "momentum_rotation"])
def test_a_session_that_ends_between_two_events_goes_on_to_the_bit(name: str, tmp_path: Path) -> None:
    world = World(plan(name), tmp_path)
    instruments = len(world.plan.instruments)
    for stop in (100 * instruments, 101 * instruments, 250 * instruments):
        assert world.run(rows=stop) is not None
    found = world.run()
    assert found is not None
    assert_equal(found, run_backtest(world.plan, "loop"))


def test_a_session_that_dies_at_any_write_goes_on_with_the_books_of_its_venue(tmp_path: Path) -> None:
    """Deaths spread over a run; after each the next process begins where the journal ends, and nothing is doubled.

    What was decided and not sent when it died is stale and is not sent later, so orders may differ from the backtest's.
    """
    world = World(plan("ema_cross"), tmp_path)
    random = np.random.default_rng(7)
    deaths, found = 0, None
    while found is None:
        found = world.run(dies_after=int(random.integers(1, 400)))
        deaths += found is None
    assert deaths > 5
    assert len(found.fills) > 20
    tale = world.retold()
    assert tale.conductor is not None
    assert tale.broker is not None
    tale.broker.is_awake = True
    venue = {p.instrument: p.lots for p in asyncio.run(tale.broker.positions())}
    lots = {name: lots for name, lots in tale.conductor.book()["lots"].items() if lots}
    assert venue == lots == {n: k.position for n, k in tale.state.instruments.items() if k.position}
    assert not any(known.mismatches for known in tale.state.instruments.values())
    assert tale.state.quarantine == []
    working = {int(o["id"]) for table, p in _tables(tale.conductor) for o in table[: int(p["working"])]}
    assert working == {tale.conductor.number(client_id) for client_id in tale.state.open}


def _tables(conductor: Conductor) -> Iterable[tuple[np.ndarray, np.void]]:
    arrays = conductor.run.memory.arrays
    return zip(arrays["orders"], arrays["positions"], strict=True)


def test_what_was_changed_in_a_journal_is_found(tmp_path: Path) -> None:
    """A row with another price is another decision somewhere."""
    world = World(plan("ema_cross"), tmp_path)
    world.run()
    state = OrdersState("account", CAPABILITIES)
    tale = Retelling(state, lambda _: world.made(state))
    rows = 0
    for record in world.records():
        rows += record.kind == "market"
        skips = record.kind == "market" and rows == 40
        if not skips:
            tale.take(record)
    assert tale.differences


def test_positions_of_the_venue_are_those_of_the_session(tmp_path: Path) -> None:
    world = World(plan("buy_and_hold"), tmp_path)
    assert world.run(rows=60) is not None
    assert world.conductor is not None
    held = [VenuePosition(name, lots) for name, lots in world.conductor.book()["lots"].items() if lots]
    assert len(held) == 3
