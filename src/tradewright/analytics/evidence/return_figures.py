"""Figures in money: what trading the forecasts earned after costs, late, and how much of it luck can explain."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.analytics.evidence.facts import FigureParams
from tradewright.analytics.evidence.forecast_figures import figure
from tradewright.analytics.joint_bootstrap import sums_over_periods
from tradewright.analytics.overfitting import (
    SharpeEstimate,
    deflated_sharpe,
    min_track_record_length,
    probabilistic_sharpe,
)
from tradewright.core.types.evidence import Figure, exact

Floats = NDArray[np.float64]

BASELINES = ("base_rate", "last_sign")
_RUIN = 1e-9  # a period that loses everything, and more, leaves this much
_BLOCKS = "block bootstrap over periods"


@dataclass(frozen=True, slots=True)
class Setting:
    """What return figures of one scope need beside the rows.

    ``trials`` made before; ``sharpe_variance`` of the trials' Sharpe ratios per period, NaN where unknown.
    """

    scope: str
    trials: int
    periods_per_year: float
    sharpe_variance: float


def return_figures(frame: pl.DataFrame, setting: Setting, params: FigureParams) -> Iterator[Figure]:
    """Yield the figures of one scope of the table ``returns``; those without rows are left out."""
    prompt = frame.filter(~pl.col("is_late"))
    model = prompt.filter(pl.col("series") == "model")
    for cost in sorted(model["cost"].unique().to_list()):
        yield _net(f"net_return.costs_x{cost:g}", _values(model, cost), setting, params)
    yield from _cost_drag(_values(model, 1.0), _values(model, 2.0), setting)
    for name in (*BASELINES, "buy_and_hold"):
        values = _values(prompt.filter(pl.col("series") == name), 1.0)
        if len(values):
            yield _net(f"net_return.{name}", values, setting, params)
    net = _values(model, 1.0)
    if len(net):
        yield from _sharpes(net, setting, params)
    yield from _late_edge(frame, setting, params)


def _values(frame: pl.DataFrame, cost: float) -> Floats:
    """Return one series at a multiple of the costs, in the order of time."""
    return frame.filter(pl.col("cost") == cost).sort("ts")["value"].to_numpy()


def _cost_drag(once: Floats, twice: Floats, setting: Setting) -> Iterator[Figure]:
    """Yield what costs take in a year: 0 where none were charged, and then no return here is one after costs."""
    if len(once) and len(once) == len(twice):
        drag = float((once - twice).mean()) * setting.periods_per_year
        method = "annual; mean return at the costs less that at twice the costs"
        yield replace(exact("costs.drag", drag, setting.scope, method), n=len(once), trials=setting.trials)


def _net(name: str, values: Floats, setting: Setting, params: FigureParams) -> Figure:
    sums = sums_over_periods(_logs(values)[:, None], values)
    found = sums.interval(lambda s: np.expm1(s[:, 0]), params.resampling)
    return figure(name, found, len(values), setting.trials, setting.scope, f"compounded; {_BLOCKS}")


def _logs(values: Floats) -> Floats:
    logs: Floats = np.log(np.maximum(1.0 + values, _RUIN))
    return logs


def _sharpes(net: Floats, setting: Setting, params: FigureParams) -> Iterator[Figure]:
    n, trials, scope = len(net), setting.trials, setting.scope
    estimate = SharpeEstimate.of(net)
    scale = math.sqrt(setting.periods_per_year)
    sums = sums_over_periods(moments(net), net)
    found = sums.interval(lambda s: sharpe_of_sums(s) * scale, params.resampling)
    yield figure("sharpe.net", found, n, trials, scope, f"annual, ddof=1; {_BLOCKS}")
    if math.isnan(estimate.sharpe):
        return
    chance = probabilistic_sharpe(estimate)
    method = "probability that the true Sharpe ratio is above zero; Pearson kurtosis"
    yield Figure("sharpe.probabilistic", chance, chance, chance, n, trials, scope, method)
    if trials == 1 or not math.isnan(setting.sharpe_variance):
        variance = 0.0 if trials == 1 else setting.sharpe_variance
        deflated = deflated_sharpe(estimate, trials, variance)
        method = f"probability to beat the best of {trials} worthless trials"
        yield Figure("sharpe.deflated", deflated, deflated, deflated, n, trials, scope, method)
    share = n / min_track_record_length(estimate, 0.0, params.track_confidence)
    method = f"periods over the minimum track record at {params.track_confidence:.0%}"
    yield Figure("track_record.share", share, share, share, n, trials, scope, method)


def _late_edge(frame: pl.DataFrame, setting: Setting, params: FigureParams) -> Iterator[Figure]:
    """Compare late decisions of the model with the better baseline, late too where that was computed."""
    at_cost = frame.filter(pl.col("cost") == 1.0)
    late = at_cost.filter(pl.col("is_late"))
    columns = [late.filter(pl.col("series") == "model").select("ts", model="value")]
    for name in BASELINES:
        mine = at_cost.filter(pl.col("series") == name)
        is_late = mine["is_late"].any()
        columns.append(mine.filter(pl.col("is_late") == is_late).select("ts", pl.col("value").alias(name)))
    if any(len(column) == 0 for column in columns):
        return
    joined = columns[0].join(columns[1], on="ts", how="full", coalesce=True)
    table = joined.join(columns[2], on="ts", how="full", coalesce=True).sort("ts").fill_null(0.0)
    logs = _logs(table.select("model", *BASELINES).to_numpy())
    better = 1 + int(logs[:, 2].sum() > logs[:, 1].sum())
    found = sums_over_periods(logs, logs[:, 0] - logs[:, better]).interval(
        lambda s: np.expm1(s[:, 0]) - np.expm1(s[:, better]), params.resampling
    )
    method = f"compounded return of late decisions above the better naive baseline; paired {_BLOCKS}"
    yield figure("late.edge", found, len(table), setting.trials, setting.scope, method)


def moments(columns: Floats) -> Floats:
    """Return for `sharpe_of_sums` of one series f8[n]: ones, values and squares, f8[n, 3]."""
    return np.column_stack([np.ones(len(columns)), columns, columns**2])


def sharpe_of_sums(sums: Floats) -> Floats:
    """Return the Sharpe ratio per period (ddof=1) from sums of `moments`, f8[c]; NaN where nothing varies."""
    n, total, squares = sums.T
    mean = total / n
    variance = (squares - n * mean**2) / (n - 1.0)
    varies = variance > 1e-12 * squares / n
    ratio = np.full(len(mean), np.nan)
    np.divide(mean, np.sqrt(np.maximum(variance, 0.0)), out=ratio, where=varies)
    return ratio
