"""vectorbt on W1 and W2 (``from_signals``) and W4 (``from_order_func`` with a Numba callback).

This module fixes the Numba engine; ``vectorbt_rust_engine`` runs the same jobs on the optional Rust one.
"""

from __future__ import annotations

import numpy as np
import pandas as pd
import vectorbt as vbt
from numba import njit
from vectorbt.portfolio import nb
from vectorbt.portfolio.enums import Direction, NoOrder, SizeType, StopEntryPrice, StopExitPrice

from benchmarks import spec
from benchmarks.spec import BarData, BarRules, BarRun, Engine, Foreign, Job, SweepRun

vbt.settings["engine"] = "numba"

RULES = BarRules(first_check="next_bar", target_gap="open", market_exit_first=True, exit_slippage=True)
# In the sweep the bars are shared by all columns, so they cannot be masked for each one (see prepare_w1).
SWEEP_RULES = BarRules(first_check="next_bar", target_gap="open", market_exit_first=False, exit_slippage=True)
STOPS: dict[str, Foreign] = {
    "size": 1.0,
    "init_cash": spec.CASH,
    "fees": spec.COMMISSION,
    "slippage": spec.SLIPPAGE,
    "sl_stop": spec.STOP_LOSS,
    "tp_stop": spec.TAKE_PROFIT,
    "stop_entry_price": StopEntryPrice.FillPrice,
    "stop_exit_price": StopExitPrice.StopMarket,
    "freq": "1min",
}


def _due(signals: Foreign) -> Foreign:
    """Signals known at a bar's close, moved to the bar whose open can act on them."""
    due = np.zeros_like(signals)
    due[1:] = signals[:-1]
    return due


def _crosses(above: Foreign, slow_span: int) -> tuple[Foreign, Foreign]:
    up, down = np.zeros_like(above), np.zeros_like(above)
    up[1:] = above[1:] & ~above[:-1]
    down[1:] = above[:-1] & ~above[1:]
    up[:slow_span] = down[:slow_span] = False
    return _due(up), _due(down)


def prepare_w1(data: BarData, _rules: BarRules) -> Job:
    """``from_signals``, prices at the open of the bar after the signal.

    vectorbt looks at the whole bar's range for a stop before it looks at the signal that is due at that bar's
    open. On bars where an exit is due its high and low are therefore given as the open: then a stop can only
    be hit by the open itself, which is where the exit would fill. The mask is part of the timing.
    """
    close, open_ = pd.Series(data.close), pd.Series(data.open)

    def run() -> Foreign:
        fast = vbt.MA.run(data.close, spec.FAST, ewm=True).ma.values
        slow = vbt.MA.run(data.close, spec.SLOW, ewm=True).ma.values
        up, down = _crosses(fast > slow, spec.SLOW)
        result = vbt.Portfolio.from_signals(
            close, up, down, price=open_, open=open_,
            high=np.where(down, data.open, data.high), low=np.where(down, data.open, data.low), **STOPS,
        )  # fmt: skip
        return result.exit_trades.values, result.value().values, result.max_drawdown()

    return Job(run, collect_bars)


def collect_bars(answer: Foreign) -> BarRun:
    """Arrays from the trade records, the equity and the drawdown."""
    records, equity, drawdown = answer
    records = records[records["status"] == 1]
    return BarRun(
        records["entry_idx"].astype(np.int64),
        records["exit_idx"].astype(np.int64),
        records["entry_price"].astype(np.float64),
        records["exit_price"].astype(np.float64),
        np.asarray(equity, dtype=np.float64),
        -float(drawdown),
    )


def _sweep(data: BarData) -> Foreign:
    spans = list(spec.SWEEP_FAST + spec.SWEEP_SLOW)
    averages = vbt.MA.run(data.close, spans, ewm=True).ma.values
    n_fast, n_slow = len(spec.SWEEP_FAST), len(spec.SWEEP_SLOW)
    up = np.zeros((len(data), n_fast * n_slow), dtype=np.bool_)
    down = np.zeros_like(up)
    for a in range(n_fast):
        for b, span in enumerate(spec.SWEEP_SLOW):
            k = a * n_slow + b
            up[:, k], down[:, k] = _crosses(averages[:, a] > averages[:, n_fast + b], span)
    column = (len(data), 1)
    return vbt.Portfolio.from_signals(
        pd.Series(data.close), up, down, price=data.open.reshape(column), open=data.open.reshape(column),
        high=data.high.reshape(column), low=data.low.reshape(column), **STOPS,
    )  # fmt: skip


def prepare_w2(data: BarData, _rules: BarRules) -> Job:
    """All parameter sets as columns of one ``from_signals``; single-threaded, as the package is."""

    def run() -> Foreign:
        result = _sweep(data)
        trades = result.exit_trades.closed.count()  # a position open at the end is no trade yet
        return result.total_return(), result.max_drawdown(), result.sharpe_ratio(), trades

    def collect(answer: Foreign) -> SweepRun:
        returns, drawdown, sharpe, trades = (np.asarray(part) for part in answer)
        return SweepRun(returns, -drawdown, sharpe, trades.astype(np.int64))

    return Job(run, collect)


def prepare_w2_score(data: BarData, _rules: BarRules) -> Job:
    """The same sweep, total return only."""

    def collect(answer: Foreign) -> SweepRun:
        returns = np.asarray(answer)
        nothing = np.full(len(returns), np.nan)
        return SweepRun(returns, nothing, nothing, np.full(len(returns), -1))

    return Job(lambda: _sweep(data).total_return(), collect)


@njit(cache=False)
def _order_nb(
    c: Foreign, open_: Foreign, high: Foreign, low: Foreign, fast: Foreign, slow: Foreign, state: Foreign
) -> Foreign:
    """Market orders at the open, then stop, then target; ``state`` = entry price, buy due, sell due."""
    i = c.i
    buy, sell = state[1] > 0.0, state[2] > 0.0
    state[1] = state[2] = 0.0
    size, price = 0.0, np.nan
    if c.position_now > 0.0:
        stop, target = state[0] * (1.0 - 0.01), state[0] * (1.0 + 0.02)
        if sell:
            size, price = -1.0, open_[i]
        elif low[i] <= stop:
            size, price = -1.0, min(open_[i], stop)
        elif high[i] >= target:
            size, price = -1.0, max(open_[i], target)
    elif buy:
        size, price = 1.0, open_[i]
        state[0] = price * (1.0 + 1e-4)
    if i >= 100:
        above, was = fast[i] > slow[i], fast[i - 1] > slow[i - 1]
        held = c.position_now + size > 0.0
        state[1] = 1.0 if above and not was and not held else 0.0
        state[2] = 1.0 if was and not above and held else 0.0
    if size == 0.0:
        return NoOrder
    return nb.order_nb(
        size=size,
        price=price,
        size_type=SizeType.Amount,
        direction=Direction.LongOnly,
        fees=1e-4,
        slippage=1e-4,
    )


def prepare_w4(data: BarData, _rules: BarRules) -> Job:
    """A compiled callback a bar: vectorbt has no fast way to call plain Python."""
    close = pd.Series(data.close)

    def run() -> Foreign:
        fast = vbt.MA.run(data.close, spec.FAST, ewm=True).ma.values
        slow = vbt.MA.run(data.close, spec.SLOW, ewm=True).ma.values
        result = vbt.Portfolio.from_order_func(
            close, _order_nb, data.open, data.high, data.low, fast, slow, np.zeros(3),
            init_cash=spec.CASH, freq="1min",
        )  # fmt: skip
        return result.exit_trades.values, result.value().values, result.max_drawdown()

    return Job(run, collect_bars, note="Numba callback, not Python")


ENGINE = Engine(
    "vectorbt",
    "vectorbt",
    {"W1": prepare_w1, "W2": prepare_w2, "W2S": prepare_w2_score, "W4": prepare_w4},
    {"W1": RULES, "W2": SWEEP_RULES, "W2S": SWEEP_RULES, "W4": RULES},
)
