"""Daily returns of instruments and runs side by side, and what an allocation of them comes to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.analytics.bootstrap import HeadlineStatistics, block_bootstrap
from tradewright.analytics.returns import periods_per_year
from tradewright.core.types.errors import StoreError, UsageError
from tradewright.data.store import BarStore
from tradewright.research.allocation import Allocation, DailyReturns
from tradewright.services.runs.prepare import only_timeframe
from tradewright.services.runs.read import StoredRun

Floats = NDArray[np.float64]
_YEAR_NS = 365.0 * 86_400e9


def daily_returns(
    store: Path, symbols: Sequence[str], runs: Sequence[StoredRun], days: tuple[str, str]
) -> DailyReturns:
    """Return the daily returns of instruments (``SYMBOL`` or ``SYMBOL@TIMEFRAME``) and of runs.

    A day is the instrument's trading day, and counts as known when the last of them has its last bar. On a day without
    a bar a price stands still.

    Parameters
    ----------
    days : (str, str)
        First and last day, both included; empty = all.

    Raises
    ------
    UsageError
        If a name is given twice or the store does not know it.
    StoreError
        If a run is damaged.
    """
    frames: list[tuple[str, pl.DataFrame]] = []
    market = BarStore(store)
    for spec in symbols:
        symbol, _, timeframe = spec.partition("@")
        dataset = market.describe(symbol, timeframe or only_timeframe(market, symbol))
        bars = market.load(symbol, dataset.timeframe)
        numbers = dataset.instrument.instrument().calendar.day_numbers(bars.ts_open)
        frames.append((symbol, _last_of_day(numbers, bars.ts_event, bars.close)))
    for run in runs:
        try:
            curve = pl.read_parquet(run.folder / "equity.parquet")
        except (OSError, pl.exceptions.PolarsError) as error:
            raise StoreError(f"damaged: {error}", where=str(run.folder), fix="Run the backtest again.") from error
        stamps = curve["time"].cast(pl.Int64).to_numpy()
        numbers = ((stamps - 1) // 86_400_000_000_000).astype(np.float64)  # midnight closes the day before
        frames.append((run.folder.name, _last_of_day(numbers, stamps, curve["equity"].to_numpy())))
    names = tuple(name for name, _ in frames)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(f"{twice[0]} is given twice", where="allocate", fix="Give each once.")
    return _joined(names, [frame for _, frame in frames], days)


def _last_of_day(numbers: Floats, stamps: NDArray[np.int64], values: Floats) -> pl.DataFrame:
    frame = pl.DataFrame({"day": numbers, "ts": stamps, "value": values}).with_columns(pl.col("day").cast(pl.Int32))
    return frame.group_by("day", maintain_order=True).last()


def _joined(names: tuple[str, ...], frames: Sequence[pl.DataFrame], days: tuple[str, str]) -> DailyReturns:
    every = pl.concat([f.select("day", "ts") for f in frames]).group_by("day").agg(pl.col("ts").max()).sort("day")
    for k, frame in enumerate(frames):
        mine = frame.select("day", pl.col("value").alias(f"v{k}"))
        every = every.join(mine, on="day", how="left", maintain_order="left")
    prices = every.select(_moves(f"v{k}") for k in range(len(frames)))
    table = every.select("ts", date=pl.col("day").cast(pl.Date)).hstack(prices)
    first, last = days
    if first:
        table = table.filter(pl.col("date") >= _date(first))
    if last:
        table = table.filter(pl.col("date") <= _date(last))
    values = table.select(f"v{k}" for k in range(len(frames))).to_numpy()
    return DailyReturns(names, table["ts"].to_numpy(), np.ascontiguousarray(values))


def _moves(name: str) -> pl.Expr:
    """Return by day; a price without one stands still, and there is none before the first or after the last."""
    price = pl.col(name)
    is_over = price.is_not_null().reverse().cum_sum().reverse() == 0
    return pl.when(is_over).then(None).otherwise(price.forward_fill().pct_change()).fill_null(float("nan")).alias(name)


def _date(text: str) -> date:
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"'{text}' is not a date", where="--start, --end", fix="Write YYYY-MM-DD.") from error


def figures(allocation: Allocation, seed: int = 0) -> dict[str, Any]:
    """Return what an allocation comes to, each number with its interval: growth, volatility, Sharpe ratio, drawdown.

    ``hedge`` tells what the protection cost or brought: the same numbers without it, and its own return a year.
    """
    found: dict[str, Any] = {"portfolio": _numbers(allocation.returns, allocation, seed)}
    years = float(allocation.days[-1] - allocation.days[0]) / _YEAR_NS or 1.0
    found["turnover_a_year"] = float(allocation.turnover.sum()) / years
    found["costs_a_year"] = float(allocation.costs.sum()) / years
    if allocation.hedge_returns.any():
        found["without_hedge"] = _numbers(allocation.returns - allocation.hedge_returns, allocation, seed)
        found["hedge_return_a_year"] = float(allocation.hedge_returns.sum()) / years
        found["hedge_days"] = int(np.count_nonzero(allocation.hedge_returns))
    return found


def _numbers(returns: Floats, allocation: Allocation, seed: int) -> dict[str, dict[str, float | None]]:
    rate = periods_per_year(allocation.days)
    years = float(allocation.days[-1] - allocation.days[0]) / _YEAR_NS
    intervals = block_bootstrap(returns, HeadlineStatistics(rate, years), n=1000, seed=seed)
    wanted = ("cagr", "volatility", "sharpe", "max_drawdown")
    return {
        name: {
            key: value if np.isfinite(value) else None
            for key, value in (("value", i.estimate), ("low", i.lower), ("high", i.upper))
        }
        for name, i in intervals.items()
        if name in wanted
    }
