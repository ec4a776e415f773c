"""The benchmarks' input: synthetic, seeded, the same bytes on every machine with the same numpy."""

from __future__ import annotations

from pathlib import Path

import numba
import numpy as np
from numpy.typing import NDArray

from benchmarks.spec import I8, BarData, Data, TickData

MINUTE_NS = 60_000_000_000
START_NS = 1_704_067_200_000_000_000  # 2024-01-01 00:00 UTC
BAR_SEED, SWEEP_SEED, TICK_SEED = 20240101, 20240102, 20240103
N_BARS, N_SWEEP_BARS, N_EVENTS = 1_000_000, 100_000, 2_000_000


def make_bars(n: int = N_BARS, seed: int = BAR_SEED) -> BarData:
    """One-minute bars of a market that never closes, prices on a 0.01 grid.

    Volatility is 0.06 % a minute on average (about 43 % a year), follows the hour of the day and a slow
    log-normal factor; shocks have fat tails (Student t, 5 degrees of freedom) and the log price is pulled
    back to its start with a half-life of about a year, so that prices stay within a factor of a few.
    """
    rng = np.random.default_rng(seed)
    minute = np.arange(n)
    daily = 1.0 + 0.4 * np.sin(2 * np.pi * minute / 1440)
    knots = rng.normal(0.0, 0.35, n // 1440 + 2)
    slow = np.exp(np.interp(minute / 1440, np.arange(len(knots)), knots))
    sigma = 6e-4 * daily * slow
    shocks = sigma * rng.standard_t(5, n) / np.sqrt(5 / 3)
    log_close = _pulled_back_nb(shocks, 1.3e-6)
    close = np.round(100.0 * np.exp(log_close), 2)
    # Rare gaps and spikes of a percent or two, so that every rule about stops decides some trades.
    jump = np.where(rng.random(n) < 5e-4, 60.0, 1.0)
    gap = np.round(rng.normal(0.0, 0.15, n) * jump * sigma * close, 2)
    open_ = np.empty(n)
    open_[0] = 100.0
    open_[1:] = close[:-1] + gap[1:]
    open_ = np.round(open_, 2)
    # Never both in a bar: engines disagree on one that opens beyond the target and then falls to the stop.
    spike = np.where((rng.random((2, n)) < 2e-3) & (jump == 1.0), 40.0, 1.0)
    reach = np.abs(rng.normal(0.0, 0.5, (2, n))) * spike * sigma * close
    high = np.round(np.maximum(open_, close) + reach[0], 2)
    low = np.round(np.minimum(open_, close) - reach[1], 2)
    volume = np.round(rng.lognormal(3.0, 1.0, n) * daily, 3)
    return BarData(START_NS + minute.astype(np.int64) * MINUTE_NS, open_, high, low, close, volume)


@numba.njit(cache=False)
def _pulled_back_nb(shocks: NDArray[np.float64], pull: float) -> NDArray[np.float64]:
    out = np.empty_like(shocks)
    level = 0.0
    for i in range(len(shocks)):
        level += shocks[i] - pull * level
        out[i] = level
    return out


def make_ticks(n: int = N_EVENTS, seed: int = TICK_SEED) -> TickData:
    """Top-of-book quotes and trades around 60,000.0 on a 0.1 grid, about one event in 2 ms.

    A quote changes one side only. A trade takes size from the side it hits and leaves the book columns alone;
    the quote that shows it follows at once, at the next price level if the trade took the whole level.
    """
    rng = np.random.default_rng(seed)
    gaps = rng.exponential(2_000_000.0, n).astype(np.int64) + 1_000
    ts = START_NS + np.cumsum(gaps)
    columns = _walk_book_nb(rng.random((n, 3)), rng.integers(1, 4000, (n, 2)))
    return TickData(ts, *(np.ascontiguousarray(columns[:, k]) for k in range(8)))


@numba.njit(cache=False)
def _walk_book_nb(u: NDArray[np.float64], sizes: I8) -> I8:
    n = len(u)
    out = np.zeros((n, 8), dtype=np.int64)
    bid, ask = 600_000, 600_001
    bid_lots, ask_lots = 2_000, 2_000
    taken, hit = 0, 0  # lots a trade took from the bid (hit = -1) or ask (hit = +1), not yet shown
    for i in range(n):
        kind, tick, lots, side = 0, 0, 0, 0
        if taken > 0:
            if hit > 0:
                ask_lots -= taken
                if ask_lots <= 0:
                    ask, ask_lots = ask + 1, sizes[i, 0]
            else:
                bid_lots -= taken
                if bid_lots <= 0:
                    bid, bid_lots = bid - 1, sizes[i, 0]
            taken = 0
        elif u[i, 0] < 0.16:
            kind = 1
            side = 1 if u[i, 1] < 0.5 else -1
            tick = ask if side > 0 else bid
            here = ask_lots if side > 0 else bid_lots
            lots = here if u[i, 2] < 0.1 else min(here, 1 + sizes[i, 1] // 4)
            taken, hit = lots, side
        elif ask - bid > 1 and u[i, 0] < 0.30:
            if u[i, 1] < 0.5:
                bid, bid_lots = bid + 1, sizes[i, 0]
            else:
                ask, ask_lots = ask - 1, sizes[i, 0]
        elif ask - bid < 4 and u[i, 0] < 0.18:
            if u[i, 1] < 0.5:
                bid, bid_lots = bid - 1, sizes[i, 0]
            else:
                ask, ask_lots = ask + 1, sizes[i, 0]
        elif u[i, 1] < 0.5:
            bid_lots = sizes[i, 0]
        else:
            ask_lots = sizes[i, 0]
        out[i, 0], out[i, 1], out[i, 2], out[i, 3], out[i, 4] = kind, bid, bid_lots, ask, ask_lots
        out[i, 5], out[i, 6], out[i, 7] = tick, lots, side
    return out


def make_data(workload: str) -> Data:
    """The input of a workload."""
    if workload in ("W1", "W4"):
        return make_bars()
    if workload in ("W2", "W2S"):
        return make_bars(N_SWEEP_BARS, SWEEP_SEED)
    return make_ticks()


def save_data(path: Path, data: Data) -> None:
    """Write the input once, so that engines in other interpreters read the same bytes."""
    np.savez(path, **vars(data))


def load_data(path: Path, workload: str) -> Data:
    """Read back what ``save_data`` wrote for ``workload``."""
    with np.load(path) as stored:
        columns = {name: stored[name] for name in stored.files}
    return TickData(**columns) if workload == "W3" else BarData(**columns)
