"""What a fill cost, computed by hand; and the rows beside what the execution model reads from a file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind, OrderStatus, Side
from tradewright.core.types.venue import Idempotency
from tradewright.execution.costs.measuring import fill_samples
from tradewright.execution.monitors.execution_monitor import ACCEPT, FILL, PING, SHORTFALL, SLIPPAGE, ExecutionMonitor
from tradewright.execution.monitors.fill_rows import own_fills
from tradewright.execution.orders.inputs import OrderEvent, Wish
from tradewright.execution.tactics.machine import step
from tradewright.execution.tactics.messages import ChildSent, ChildTold, Input, ParentWanted, Passed, Quoted
from tradewright.execution.tactics.params import Tactic, TacticParams
from tradewright.execution.tactics.state import TacticsState
from tradewright.execution.venue import Capabilities

MS = 1_000_000
BUY = Wish("s", "X", Side.BUY, OrderKind.MARKET, 10)


class Watched:
    """Tactics and their monitor; one lot is 5 units of value."""

    def __init__(self, params: TacticParams | None = None) -> None:
        instruments = {"X": Instrument("X", lot_size="0.5", multiplier="10")}
        capabilities = Capabilities(idempotency=Idempotency.HARD)
        self.tactics = TacticsState(instruments, capabilities, params or TacticParams())
        self.monitor = ExecutionMonitor(self.tactics, lambda ts: "late" if ts >= 1000 * MS else "early")

    def take(self, *inputs: Input) -> None:
        for told in inputs:
            for effect in step(self.tactics, told):
                self.monitor.take(effect)

    def means(self) -> dict[tuple[str, str], float]:
        return {(session, what): d.mean for (_, session, what), d in self.monitor.distributions().items()}


def told(status: OrderStatus, filled: int, lots: int, price: float, ms: int) -> ChildTold:
    return ChildTold(OrderEvent("c", status, filled, lots, price), ms * MS)


def bought() -> Watched:
    """Ten lots wanted at a mid of 100 with 1 bps of half spread, filled at 100.02 and 100.05."""
    watched = Watched()
    watched.take(
        Quoted("X", 99.99, 100.01, 0),
        ParentWanted(1, BUY, 0),
        ChildSent(1, "c", 0),
        told(OrderStatus.ACCEPTED, 0, 0, 0.0, 40),
        told(OrderStatus.PARTIALLY_FILLED, 4, 4, 100.02, 70),
    )
    watched.monitor.paid("c", 2.5)
    watched.take(told(OrderStatus.FILLED, 10, 6, 100.05, 90))
    return watched


def test_by_hand() -> None:
    watched = bought()
    watched.monitor.pinged("venue", 5 * MS, 30 * MS)
    assert watched.means() == {
        ("early", SHORTFALL): pytest.approx(0.4 * 2.0 + 0.6 * 5.0),
        ("early", SLIPPAGE): pytest.approx(0.4 * 1.0 + 0.6 * 4.0),
        ("early", ACCEPT): 40.0,
        ("early", FILL): 80.0,
        ("early", PING): 25.0,
    }
    (row,) = watched.monitor.take_rows()
    assert (row.symbol, row.decided, row.filled, row.side, row.maker) == ("X", 0, 90 * MS, 1, False)
    assert (row.size, row.ordered, row.fee, row.decision_price) == (50.0, 50.0, 2.5, 100.0)
    assert row.price == pytest.approx(100.038)
    assert watched.monitor.take_rows() == []


def test_a_sale_the_other_way() -> None:
    watched = Watched()
    watched.take(
        Quoted("X", 99.99, 100.01, 2000 * MS),
        ParentWanted(1, replace(BUY, side=Side.SELL), 2000 * MS),
        ChildSent(1, "c", 2000 * MS),
        told(OrderStatus.FILLED, 10, 10, 100.02, 2001),
    )
    assert watched.means()["late", SHORTFALL] == pytest.approx(-2.0)


def test_a_quote_that_rested_says_nothing_of_slippage() -> None:
    watched = Watched(TacticParams(market=Tactic.QUOTED))
    watched.take(
        Quoted("X", 99.99, 100.01, 0),
        ParentWanted(1, BUY, 0),
        ChildSent(1, "c", 0),
        told(OrderStatus.PARTIALLY_FILLED, 4, 4, 99.99, 70),
        Passed(60_000 * MS),
        told(OrderStatus.CANCELED, 4, 0, 0.0, 60_100),
    )
    assert set(watched.means()) == {("early", SHORTFALL), ("early", ACCEPT)}
    (row,) = watched.monitor.take_rows()
    assert (row.maker, row.size, row.ordered, row.fee) == (True, 20.0, 50.0, None)


def test_what_is_taken_back_is_in_no_row() -> None:
    watched = Watched()
    watched.take(
        ParentWanted(1, BUY, 0),
        ChildSent(1, "c", 0),
        told(OrderStatus.PARTIALLY_FILLED, 4, 4, 100.0, 70),
        told(OrderStatus.PARTIALLY_FILLED, 4, -4, 100.0, 80),
        told(OrderStatus.CANCELED, 4, 0, 0.0, 90),
    )
    assert watched.monitor.take_rows() == []
    assert ("early", SLIPPAGE) not in watched.means(), "measured against a market that nobody saw"


def test_the_execution_model_measures_the_same() -> None:
    watched = bought()
    samples = {s.quantity: s for f in own_fills(watched.monitor.take_rows()) for s in fill_samples(f)}
    assert set(samples) == {"slippage_bps", "latency_ms", "taker_fee_bps", "fill_ratio"}
    assert samples["slippage_bps"].values[0] == pytest.approx(watched.means()["early", SLIPPAGE])
    assert samples["latency_ms"].values.tolist() == [90.0]
    assert samples["taker_fee_bps"].values[0] == pytest.approx(2.5 / (50 * 100.038) * 1e4)
    assert np.array_equal(samples["fill_ratio"].values, [1.0])
