"""Plain simulations with every fill rule written out: what each engine's answer is checked against.

They are not fast and not used for timing. If an engine reproduces a reference to the trade, the rules given
for it in README.md are proven for this data, not only read from its documentation.
"""

from __future__ import annotations

import numba
import numpy as np

from benchmarks import spec
from benchmarks.signals import Bools, cross_signals
from benchmarks.spec import F8, I8, BarData, BarRules, BarRun, SweepRun


def reference_bars(data: BarData, rules: BarRules, fast: int = spec.FAST, slow: int = spec.SLOW) -> BarRun:
    """W1 under ``rules``."""
    up, down = cross_signals(data.close, fast, slow)
    flags = (
        rules.first_check == "entry_bar",
        rules.target_gap == "open",
        rules.market_exit_first,
        spec.SLIPPAGE if rules.exit_slippage else 0.0,
    )
    bars, prices, equity, count = _bars_nb((data.open, data.high, data.low, data.close), (up, down), flags)
    return BarRun(
        bars[:count, 0].copy(),
        bars[:count, 1].copy(),
        prices[:count, 0].copy(),
        prices[:count, 1].copy(),
        equity,
        max_drawdown(equity),
    )


def max_drawdown(equity: F8) -> float:
    """Largest loss from a running maximum that starts at the initial cash, as a positive fraction."""
    peak = np.maximum.accumulate(np.maximum(equity, spec.CASH))
    return float(np.max(1.0 - equity / peak))


@numba.njit(cache=False)
def _bars_nb(
    ohlc: tuple[F8, F8, F8, F8], signals: tuple[Bools, Bools], flags: tuple[bool, bool, bool, float]
) -> tuple[I8, F8, F8, int]:
    open_, high, low, close = ohlc
    up, down = signals
    check_entry_bar, gap_at_open, market_first, exit_slip = flags
    n = len(close)
    bars = np.zeros((n // 2 + 1, 2), dtype=np.int64)
    prices = np.zeros((n // 2 + 1, 2))
    equity = np.empty(n)
    cash, entry, entry_bar, trades = 1_000_000.0, 0.0, -1, 0
    stop, target = 0.0, 0.0
    buy_due, sell_due = False, False
    for i in range(n):
        out = np.nan
        if entry_bar < 0 and buy_due:
            entry_bar, entry = i, open_[i] * 1.0001
            stop, target = entry * 0.99, entry * 1.02
            cash -= entry + entry * 1e-4
        elif entry_bar >= 0 and sell_due and market_first:
            out = open_[i]
        if entry_bar >= 0 and np.isnan(out) and (entry_bar < i or check_entry_bar):
            # The stop goes before the target when one bar touches both.
            if low[i] <= stop:
                out = min(open_[i], stop) if entry_bar < i else stop
            elif high[i] >= target:
                out = max(open_[i], target) if gap_at_open and entry_bar < i else target
            elif sell_due and entry_bar < i:
                out = open_[i]
        if not np.isnan(out):
            price = out * (1.0 - exit_slip)
            cash += price - price * 1e-4
            bars[trades, 0], bars[trades, 1] = entry_bar, i
            prices[trades, 0], prices[trades, 1] = entry, price
            trades += 1
            entry_bar = -1
        equity[i] = cash + (close[i] if entry_bar >= 0 else 0.0)
        buy_due = up[i] and entry_bar < 0
        sell_due = down[i] and entry_bar >= 0
    return bars, prices, equity, trades


def reference_sweep(data: BarData, rules: BarRules) -> SweepRun:
    """W2 under ``rules``; Sharpe is not part of the check (each engine annualises in its own way)."""
    runs = [reference_bars(data, rules, fast, slow) for fast in spec.SWEEP_FAST for slow in spec.SWEEP_SLOW]
    return SweepRun(
        np.array([run.equity[-1] / spec.CASH - 1.0 for run in runs]),
        np.array([run.max_drawdown for run in runs]),
        np.full(len(runs), np.nan),
        np.array([len(run.entry_bar) for run in runs], dtype=np.int64),
    )
