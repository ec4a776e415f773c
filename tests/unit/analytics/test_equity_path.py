from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tradewright.analytics.equity_path import EquityPath, equity_path
from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.dtypes import CLOSE, HIGH, LOW, OPEN, fill_dtype, ledger_dtype, order_dtype
from tradewright.core.types.errors import DataError
from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.core.types.ledger import LedgerKind
from tradewright.core.types.order import OrderKind, Origin
from tradewright.core.types.prop import AccountFlag
from tradewright.data.synthetic import synthetic_bars
from tradewright.engine.backtest import run_backtest
from tradewright.engine.plan import plan_of_bars
from tradewright.strategies.registry import built_in

HOUR = 3_600_000_000_000
#: Open, high, low, close of five bars.
BARS = [(100, 102, 99, 101), (101, 110, 95, 105), (105, 106, 90, 92), (92, 93, 91, 92), (92, 120, 80, 100)]
Fill = tuple[int, OrderKind, int, float]  # bar, kind of its order, signed lots, price


def bars_of(rows: list[tuple[int, int, int, int]], name: str = "X") -> Bars:
    ts = np.arange(1, len(rows) + 1, dtype=np.int64) * HOUR
    fields = blank_fields(ts)
    fields[[OPEN, HIGH, LOW, CLOSE]] = np.array(rows, np.float64).T
    return Bars(name, ts - HOUR, ts, fields)


def run_of(fills: list[Fill], fee: float = 0.0, rate: float = 1.0, currency: str = "USD") -> tuple[Any, Bars]:
    """A run of one instrument, booked the plain way: average cost."""
    bars = bars_of(BARS)
    records, orders = np.zeros(len(fills), fill_dtype), np.zeros(len(fills), order_dtype)
    held, cost = 0, 0.0
    cash = np.zeros(len(bars))
    lots = np.zeros(len(bars))
    for k, (bar, kind, signed, price) in enumerate(fills):
        realized = 0.0
        if held * signed >= 0:
            cost += signed * price
        else:
            average = cost / held
            realized = -signed * (price - average)
            cost += signed * average
        held += signed
        record = records[k]
        record["order"] = orders["id"][k] = k + 1
        orders["kind"][k] = kind
        record["side"], record["lots"], record["price"] = np.sign(signed), abs(signed), price
        record["cash_micro"] = round(-signed * price * rate * 1e6)
        record["realized_micro"], record["fee_micro"] = round(realized * rate * 1e6), round(fee * 1e6)
        record["position_lots"], record["ts_seen"] = held, bars.ts_event[bar]
        record["origin"] = Origin.STRATEGY
        cash[bar:] += -signed * price * rate - fee
        lots[bar:] = held
    equity = 1_000.0 + cash + lots * bars.close * rate
    instrument = Instrument("X", currency=currency, fees=FeeModel(half_spread_bps=10.0, slippage_bps=15.0))
    run = SimpleNamespace(
        instruments=(instrument,), fills=records, orders=orders, ledger=np.zeros(0, ledger_dtype),
        stamps=bars.ts_event, equity=equity, initial_cash=1_000.0, currency="USD",
    )  # fmt: skip
    return run, bars


def path_of(fills: list[Fill], fee: float = 0.0) -> EquityPath:
    run, bars = run_of(fills, fee)
    return equity_path(run, [bars])


def amounts(values: np.ndarray[Any, np.dtype[np.int64]]) -> list[float]:
    return [float(v) for v in values / 1e6]


def test_between_closes_a_position_was_worth_what_high_and_low_say() -> None:
    for side in (1, -1):
        path = path_of([(0, OrderKind.MARKET, 2 * side, 100.0)])
        at_low = [1_000 + 2 * side * (low - 100.0) for _, _, low, _ in BARS]
        at_high = [1_000 + 2 * side * (high - 100.0) for _, high, _, _ in BARS]
        assert amounts(path.low) == np.minimum(at_low, at_high).tolist()
        assert amounts(path.high) == np.maximum(at_low, at_high).tolist()
        assert amounts(path.equity) == [1_000 + 2 * side * (close - 100.0) for *_, close in BARS]
        assert amounts(path.floating) == [e - 1_000 for e in amounts(path.equity)]


def test_before_a_market_order_filled_only_the_open_was_seen() -> None:
    path = path_of([(0, OrderKind.MARKET, 1, 100.0), (2, OrderKind.MARKET, -1, 105.0)])
    assert amounts(path.low)[2] == amounts(path.high)[2] == 1_005
    assert path.is_active.tolist() == [True, True, True, False, False]
    assert path.flags.tolist() == [3, 1, 0, 0, 0]
    assert amounts(path.floating) == [1, 5, 0, 0, 0]


@pytest.mark.parametrize(
    ("kind", "low"), [(OrderKind.STOP, 997.0), (OrderKind.LIMIT, 990.0), (OrderKind.TRAILING_STOP, 990.0)]
)
def test_before_a_stop_the_price_was_not_beyond_it_before_another_order_it_may_have_been(
    kind: OrderKind, low: float
) -> None:
    path = path_of([(0, OrderKind.MARKET, 1, 100.0), (2, kind, -1, 97.0)])
    assert amounts(path.low)[2] == low
    assert amounts(path.high)[2] == 1_006
    mirrored = path_of([(0, OrderKind.MARKET, -1, 100.0), (1, kind, 1, 104.0)])
    assert amounts(mirrored.low)[1] == (996.0 if kind == OrderKind.STOP else 990.0)


def test_in_and_out_within_a_bar_and_turning_round_are_bounded() -> None:
    path = path_of([(1, OrderKind.LIMIT, 1, 96.0), (1, OrderKind.LIMIT, -1, 109.0)])
    assert (amounts(path.low)[1], amounts(path.high)[1]) == (999, 1_014)
    assert path.flags.tolist()[1] == int(AccountFlag.OPENED)
    turned = path_of([(0, OrderKind.MARKET, 1, 100.0), (1, OrderKind.MARKET, -2, 101.0)])
    assert turned.flags.tolist()[:2] == [3, 3]
    assert (amounts(turned.low)[1], amounts(turned.high)[1]) == (1_001 - 9, 1_001 + 6)


def test_costs_are_commission_and_the_spread_paid() -> None:
    path = path_of([(0, OrderKind.MARKET, 4, 100.0)], fee=0.5)
    assert amounts(path.cost)[0] == 0.5 + 400 * 0.0025
    assert amounts(path.equity)[0] == 1_000 - 0.5 + 4
    assert amounts(path.floating)[0] == 4  # commission is realised at once


def test_borrow_and_funding_are_realised_when_paid() -> None:
    run, bars = run_of([(0, OrderKind.MARKET, 1, 100.0)])
    run.ledger = np.zeros(1, ledger_dtype)
    run.ledger["kind"], run.ledger["cash_micro"], run.ledger["ts_event"] = LedgerKind.FUNDING, -3_000_000, 2 * HOUR
    run.equity = run.equity - np.array([0, 3.0, 3.0, 3.0, 3.0])
    assert amounts(equity_path(run, [bars]).floating) == [1, 5, -8, -8, 0]


def test_a_converted_position_is_bounded_wherever_the_rate_was() -> None:
    run, bars = run_of([(0, OrderKind.MARKET, 1, 100.0)], rate=2.0, currency="EUR")
    rate = bars_of([(2, 2, 2, 2), (2, 3, 1, 2), (2, 2, 2, 2), (2, 2, 2, 2), (2, 2, 2, 2)], "EURUSD")
    run.instruments = (*run.instruments, Instrument("EURUSD"))
    path = equity_path(run, [bars, rate])
    assert amounts(path.low)[1] == 1_000 + 95 * 1 - 200
    assert amounts(path.high)[1] == 1_000 + 110 * 3 - 200
    assert amounts(path.low)[2] == 1_000 + 90 * 2 - 200


def test_other_bars_than_the_runs_are_noticed() -> None:
    run, bars = run_of([(0, OrderKind.MARKET, 1, 100.0)])
    bars.fields[CLOSE, 3] += 0.01
    with pytest.raises(DataError, match="row 3 of the equity curve"):
        equity_path(run, [bars])


@pytest.mark.parametrize("name", ["ema_cross", "vwap_reversion"])
def test_a_real_run_keeps_inside_its_bounds(name: str) -> None:
    strategy = built_in(name)
    bars = [replace(synthetic_bars(600, seed=seed), instrument=symbol) for seed, symbol in ((1, "A"), (2, "B"))]
    instruments = [Instrument(b.instrument, fees=FeeModel(taker_bps=1.0, half_spread_bps=0.5)) for b in bars]
    run = run_backtest(plan_of_bars(instruments, bars, strategy, strategy.params()))
    path = equity_path(run, bars)
    assert len(run.fills) > 5
    assert (path.low <= path.equity).all()
    assert (path.equity <= path.high).all()
    before = np.append(path.initial, path.equity[:-1])
    assert (path.low <= before).mean() > 0.9  # but for gaps a bar begins where the one before ended
    assert not path.floating[path.flags & int(AccountFlag.IS_OPEN) == 0].any()
    assert path.cost.sum() > 0
