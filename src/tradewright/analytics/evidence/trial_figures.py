"""Figures of the search: what choosing the best of many did, and how the choice fared on every path."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.analytics.cscv import backtest_overfitting
from tradewright.analytics.evidence.facts import FigureParams
from tradewright.analytics.evidence.forecast_figures import figure
from tradewright.analytics.evidence.return_figures import moments, sharpe_of_sums
from tradewright.analytics.joint_bootstrap import sums_over_periods
from tradewright.analytics.ratios import sharpe_ratio
from tradewright.analytics.wilson import wilson_interval
from tradewright.core.types.evidence import Figure, exact

Floats = NDArray[np.float64]

_FEWEST_BLOCKS = 6
_ROWS_A_BLOCK = 4


def trial_table(frame: pl.DataFrame | None, key: str) -> Floats:
    """Return net returns f8[periods, columns], a column each trial or path ascending; no return is a return of 0."""
    if frame is None or len(frame) == 0:
        return np.empty((0, 0))
    order = frame[key].unique().sort().cast(pl.String).to_list()
    wide = frame.pivot(key, index="ts", values="value", aggregate_function="sum").sort("ts")
    return wide.select(order).fill_null(0.0).to_numpy()


def sharpe_variance(trials: Floats) -> float:
    """Return the variance (ddof=1) of the trials' Sharpe ratios per period; NaN where fewer than two are known."""
    found = np.array([sharpe_ratio(column) for column in trials.T])
    found = found[~np.isnan(found)]
    return float(np.var(found, ddof=1)) if len(found) > 1 else math.nan


def overfitting_figure(trials: Floats, counted: int, params: FigureParams) -> Iterator[Figure]:
    """Yield the probability of overfitting; nothing where trials were made whose returns are not known."""
    if counted <= 1:
        yield exact("overfitting.probability", 0.0, method="one configuration was tried: nothing was chosen")
        return
    periods, columns = trials.shape
    blocks = min(params.blocks, periods // _ROWS_A_BLOCK // 2 * 2)
    if columns < 2 or blocks < _FEWEST_BLOCKS:
        return
    found = backtest_overfitting(trials, blocks)
    value = found.probability
    method = f"cross-validation over all {len(found.logits)} halves of {blocks} blocks, {columns} of {counted} trials"
    yield Figure("overfitting.probability", value, value, value, periods, counted, "validation", method)


def path_figures(paths: Floats, trials: int, periods_per_year: float, params: FigureParams) -> Iterator[Figure]:
    """Yield the distribution of the Sharpe ratio over the paths of combinatorial purged cross-validation."""
    periods, count = paths.shape
    if count < 2 or periods < 2:
        return
    scale = math.sqrt(periods_per_year)

    def worst(sums: Floats) -> Floats:
        ratios = np.column_stack([sharpe_of_sums(sums[:, 3 * k : 3 * k + 3]) for k in range(count)])
        return np.quantile(np.nan_to_num(ratios), 0.05, axis=1) * scale

    columns = np.concatenate([moments(paths[:, k]) for k in range(count)], axis=1)
    found = sums_over_periods(columns, paths.mean(axis=1)).interval(worst, params.resampling)
    method = f"5th percentile of the annual Sharpe ratio over {count} paths; block bootstrap of all paths at once"
    yield figure("paths.sharpe_p5", found, periods, trials, "validation", method)
    good = float(sum(sharpe_ratio(column) > 0.0 for column in paths.T))
    low, high = wilson_interval(good, count, params.resampling.confidence)
    method = f"share of {count} paths; Wilson, as if the paths did not share data"
    yield Figure("paths.share_positive", good / count, low, high, count, trials, "validation", method)
