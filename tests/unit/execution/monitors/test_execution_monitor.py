"""What a fill cost, computed by hand; and the rows beside what the execution model reads from a file."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from tradewright.core.types.instrument import Instrument
from tradewright.core.types.order import OrderKind, OrderStatus, Side, TimeInForce
from tradewright.core.types.venue import OrderIntent, VenueFill
from tradewright.execution.costs.measuring import fill_samples
from tradewright.execution.monitors.bounds import MonitorBounds
from tradewright.execution.monitors.execution_monitor import ACCEPT, FILL, PING, SHORTFALL, SLIPPAGE, ExecutionMonitor
from tradewright.execution.monitors.fill_rows import own_fills
from tradewright.execution.orders.inputs import OrderEvent
from tradewright.execution.tactics.messages import Quote

MS = 1_000_000
BUY = OrderIntent("c", 1, 1, "s", "X", Side.BUY, OrderKind.MARKET, 10, 0, time_in_force=TimeInForce.GTC)


class Watched:
    """A monitor and the market it sees; one lot is 5 units of value."""

    def __init__(self, bounds: MonitorBounds | None = None) -> None:
        self.quotes = {"X": Quote(99.99, 100.01)}
        instruments = {"X": Instrument("X", lot_size="0.5", multiplier="10")}
        self.monitor = ExecutionMonitor(
            instruments, self.quotes, lambda ts: "late" if ts >= 1000 * MS else "early", bounds
        )
        self.alerts: list[str] = []

    def told(self, status: OrderStatus, filled: int, lots: int, price: float, ms: int, name: str = "c") -> None:
        fill = VenueFill(f"{ms}", name, name, "X", Side.BUY, abs(lots), price, ms * MS, 1.25) if lots else None
        event = OrderEvent(name, status, filled, lots, price, fill=fill)
        self.alerts += [alert.text for alert in self.monitor.told(event, ms * MS)]

    def means(self) -> dict[tuple[str, str], float]:
        return {(session, what): d.mean for (_, session, what), d in self.monitor.distributions().items()}


def bought() -> Watched:
    """Ten lots wanted at a mid of 100 with 1 bps of half spread, filled at 100.02 and 100.05."""
    watched = Watched()
    watched.monitor.intended(BUY)
    watched.told(OrderStatus.ACCEPTED, 0, 0, 0.0, 40)
    watched.told(OrderStatus.PARTIALLY_FILLED, 4, 4, 100.02, 70)
    watched.told(OrderStatus.FILLED, 10, 6, 100.05, 90)
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
    watched.monitor.intended(replace(BUY, side=Side.SELL, ts_event=2000 * MS))
    watched.told(OrderStatus.FILLED, 10, 10, 100.02, 2001)
    assert watched.means()["late", SHORTFALL] == pytest.approx(-2.0)


def test_a_quote_that_rested_says_nothing_of_slippage() -> None:
    watched = Watched()
    watched.monitor.intended(replace(BUY, kind=OrderKind.LIMIT, limit_price=99.99))
    watched.told(OrderStatus.PARTIALLY_FILLED, 4, 4, 99.99, 70)
    watched.told(OrderStatus.CANCELED, 4, 0, 0.0, 60_100)
    assert set(watched.means()) == {("early", SHORTFALL), ("early", ACCEPT)}
    (row,) = watched.monitor.take_rows()
    assert (row.maker, row.size, row.ordered, row.fee) == (True, 20.0, 50.0, 1.25)


def test_the_second_part_of_an_order_falls_short_of_the_first_decision() -> None:
    watched = Watched()
    watched.monitor.intended(replace(BUY, reference=7, kind=OrderKind.LIMIT, limit_price=99.99))
    watched.told(OrderStatus.CANCELED, 0, 0, 0.0, 30)
    watched.quotes["X"] = Quote(100.99, 101.01)
    crossing = replace(BUY, client_id="d", reference=7, kind=OrderKind.LIMIT, limit_price=101.5)
    watched.monitor.intended(crossing)
    watched.told(OrderStatus.FILLED, 10, 10, 101.01, 50, "d")
    assert watched.means()["early", SHORTFALL] == pytest.approx(101.0)
    assert watched.means()["early", SLIPPAGE] == pytest.approx(0.0, abs=1e-9)


def test_a_stop_is_held_against_its_own_price_and_no_decision_is_timed() -> None:
    watched = Watched()
    watched.monitor.intended(replace(BUY, kind=OrderKind.STOP, stop_price=100.0))
    watched.told(OrderStatus.FILLED, 10, 10, 100.03, 3_600_000)
    samples = {s.quantity: s.values for f in own_fills(watched.monitor.take_rows()) for s in fill_samples(f)}
    assert samples["slippage_bps"] == pytest.approx([3.0])
    assert "latency_ms" not in samples
    assert ("early", FILL) not in watched.means()


def test_what_is_taken_back_is_in_no_row() -> None:
    watched = Watched()
    watched.quotes.clear()
    watched.monitor.intended(BUY)
    watched.told(OrderStatus.PARTIALLY_FILLED, 4, 4, 100.0, 70)
    watched.told(OrderStatus.PARTIALLY_FILLED, 4, -4, 100.0, 80)
    watched.told(OrderStatus.CANCELED, 4, 0, 0.0, 90)
    assert watched.monitor.take_rows() == []
    assert ("early", SLIPPAGE) not in watched.means(), "measured against a market that nobody saw"


def test_a_person_is_told_once_when_the_newest_samples_leave_their_bound_and_again_when_they_leave_it_anew() -> None:
    watched = Watched(MonitorBounds(ping_ms=10.0, samples=3))
    told = [watched.monitor.pinged("venue", 0, ms * MS) for ms in (30, 30, 30, 40, 1, 1, 1, 50, 60, 70)]
    assert [len(alerts) for alerts in told] == [0, 0, 1, 0, 0, 0, 0, 0, 1, 0]
    assert told[2][0].text == "venue: the median ping_ms of the newest 3 is 30.00, the bound is 10"


def test_the_execution_model_measures_the_same() -> None:
    watched = bought()
    samples = {s.quantity: s for f in own_fills(watched.monitor.take_rows()) for s in fill_samples(f)}
    assert set(samples) == {"slippage_bps", "latency_ms", "taker_fee_bps", "fill_ratio"}
    assert samples["slippage_bps"].values[0] == pytest.approx(watched.means()["early", SLIPPAGE])
    assert samples["latency_ms"].values.tolist() == [90.0]
    assert samples["taker_fee_bps"].values[0] == pytest.approx(2.5 / (50 * 100.038) * 1e4)
    assert np.array_equal(samples["fill_ratio"].values, [1.0])


def test_a_decision_is_forgotten_a_day_after_the_newest_part() -> None:
    watched, day_ms = Watched(), 86_400_000
    parts = ((0, 100.0), (day_ms, 101.0), (3 * day_ms, 102.0))  # milliseconds, and the mid then
    for at, mid in parts:
        watched.quotes["X"] = Quote(mid - 0.01, mid + 0.01)
        watched.monitor.intended(replace(BUY, client_id=f"{at}", reference=7, ts_event=at * MS))
        watched.told(OrderStatus.FILLED, 10, 10, mid, at + 1, f"{at}")
    assert watched.means()["early", SHORTFALL] == 0.0
    assert watched.means()["late", SHORTFALL] == pytest.approx((100.0 + 0.0) / 2), "the third counts from its own quote"
