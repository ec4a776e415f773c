"""Give a run's strategy its sizes: from the settings to a rule with numbers that were known before the run began."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.analytics.trade_edge import trade_edge
from tradewright.core.types.bar import Bars
from tradewright.core.types.errors import ConfigError, StoreError
from tradewright.risk.sizing import correlation_scale, kelly_risk
from tradewright.services.runs.origins import DataFacts
from tradewright.services.settings import RunSettings, SizingSettings
from tradewright.services.stores import open_market
from tradewright.strategies.sizing import SizeRule, Sizing, sized
from tradewright.strategies.strategy import Strategy, StrategyParams

_YEAR_NS = 365.25 * 86_400e9
_LEAST_BARS = 60

Chosen = tuple[Strategy, StrategyParams]


def with_sizing(
    chosen: Chosen, settings: RunSettings, bars: Sequence[Bars], data: Sequence[DataFacts]
) -> tuple[Chosen, dict[str, Any]]:
    """Return the strategy with its sizes decided by the settings, and what the manifest says about it.

    Raises
    ------
    ConfigError
        If a number the rule needs cannot be known before the run begins.
    StoreError
        If the record of trades cannot be read.
    """
    asked = settings.sizing
    if asked.method == "strategy":
        if asked.correlation is not None:
            fix = "Name a method such as fixed_risk, or leave sizing.correlation out."
            raise ConfigError("the strategy's own sizes are not scaled", where="sizing.correlation", fix=fix)
        return chosen, {}
    rule, amount, loss, told = _rule(asked, bars, data)
    scale = 1.0
    if asked.correlation is not None:
        scale = correlation_scale(_correlation(settings, data))
        told += f", times {scale:.3g} for correlation"
    sizing = Sizing(rule, amount, scale, asked.max_weight, asked.window, loss)
    facts = {
        "method": asked.method,
        "amount": amount,
        "scale": scale,
        "told": f"{told}; at most {asked.max_weight:.0%}",
    }
    return sized(*chosen, sizing), facts


def _rule(asked: SizingSettings, bars: Sequence[Bars], data: Sequence[DataFacts]) -> tuple[SizeRule, float, float, str]:
    """Return the rule, its number, the mean loss that stands in for a stop, and the whole in words."""
    nan = math.nan
    if asked.method == "fixed_fraction":
        return SizeRule.FRACTION, asked.fraction, nan, f"{asked.fraction:.3%} of equity"
    if asked.method == "fixed_risk":
        return SizeRule.RISK, asked.risk, nan, f"{asked.risk:.3%} of equity lost at the stop"
    if asked.method == "volatility_target":
        if len({d.timeframe for d in data}) > 1:
            what = "a volatility target needs bars of one length"
            raise ConfigError(what, where="sizing.method", fix="Give all data.symbols the same timeframe.")
        first = bars[0]
        years = float(first.ts_event[-1] - first.ts_open[0]) / _YEAR_NS
        per_bar = asked.volatility / math.sqrt(len(first) / years)
        told = f"{asked.volatility:.1%} volatility a year by the last {asked.window} bars"
        return SizeRule.VOLATILITY, per_bar, nan, told
    return _kelly(asked, min(d.first for d in data))


def _kelly(asked: SizingSettings, first_ns: int) -> tuple[SizeRule, float, float, str]:
    assert asked.record is not None  # noqa: S101 -- for the type checker
    returns = _record(asked.record, first_ns)
    edge = trade_edge(returns, asked.confidence)
    if edge.n < asked.min_trades or math.isnan(edge.payoff_low):
        amount = min(asked.risk, asked.cap)
        told = f"{amount:.3%} of equity at risk: {edge.n} trades on record are too few for Kelly"
        return SizeRule.RISK, amount, edge.loss_high, told
    amount = kelly_risk(edge.win_rate_low, edge.payoff_low, asked.kelly, asked.cap)
    told = (
        f"{amount:.3%} of equity at risk: {asked.kelly:g} of Kelly at the lower bounds of {edge.n} trades "
        f"(win rate {edge.win_rate_low:.3g}, payoff {edge.payoff_low:.3g})"
    )
    return SizeRule.RISK, amount, edge.loss_high, told + "; no edge is proven, so nothing is traded" * (amount == 0.0)


def _record(folder: Path, first_ns: int) -> NDArray[np.float64]:
    """Return the returns of closed trades of an earlier run, f8[n]."""
    path = folder / "trades.csv"
    try:
        frame = pl.read_csv(path, try_parse_dates=True).filter(pl.col("return").is_not_null())
        ends = frame["exit_time"].cast(pl.Datetime("ns")).dt.epoch("ns").to_numpy() if len(frame) else np.zeros(0)
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).split("\n", 1)[0]
        raise StoreError(f"no record of trades: {reason}", where=str(path), fix="Give the folder of a run.") from error
    if len(ends) and int(ends.max()) > first_ns:
        last, first = (datetime.fromtimestamp(t // 1_000_000_000, tz=UTC).date() for t in (int(ends.max()), first_ns))
        raise ConfigError(
            f"its trades go on to {last}, this run begins on {first}: its sizes would know the future",
            where=f"sizing.record {folder}",
            fix="Give a run that ended before, or begin this one later with data.start.",
        )
    return frame["return"].to_numpy().astype(np.float64)


def _correlation(settings: RunSettings, data: Sequence[DataFacts]) -> NDArray[np.float64]:
    """Return the correlation of the instruments, f8[n, n]: as given, or measured before the run begins."""
    asked, n = settings.sizing, len(data)
    if isinstance(asked.correlation, float):
        return np.where(np.eye(n) > 0.0, 1.0, asked.correlation)
    if n == 1:
        return np.ones((1, 1))
    before = min(d.first for d in data) - 1
    store = open_market(settings.data.store, settings.data.backend)
    shared: pl.DataFrame | None = None
    for d in data:
        found = store.load(d.symbol, d.timeframe, None, before)
        frame = pl.DataFrame({"ts": found.ts_event, d.symbol: found.close})
        shared = frame if shared is None else shared.join(frame, on="ts", how="inner", maintain_order="left")
    assert shared is not None  # noqa: S101 -- a run has an instrument
    closes = shared.tail(asked.correlation_bars + 1).drop("ts").to_numpy()
    if len(closes) <= _LEAST_BARS:
        raise ConfigError(
            f"the instruments share {len(closes)} bars before the run; correlation needs {_LEAST_BARS + 1}",
            where="sizing.correlation",
            fix="Begin the run later with data.start, or give a number.",
        )
    found_matrix: NDArray[np.float64] = np.corrcoef(np.diff(np.log(closes), axis=0), rowvar=False)
    return found_matrix
