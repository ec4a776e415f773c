"""Weights across instruments or strategies, day by day, each known before it is held.

The optimisers are skfolio's. Around them stands what makes weights tradable: they are computed at the end of a day from
that day and those before, held from the next day on, drift with prices, and are traded back only where it pays.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from tradewright.core.types.errors import ConfigError, ModelError, UsageError

Floats = NDArray[np.float64]
Stamps = NDArray[np.int64]
Method = Literal["equal_weight", "inverse_volatility", "risk_parity", "equal_risk", "hrp", "min_variance"]
_FLAT = 1e-12
_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class AllocationParams(BaseModel):
    """How weights are made.

    ``risk_parity`` gives every part the same share of the variance, by the sample's covariance; ``equal_risk`` the same
    by Ledoit and Wolf's shrunk one, which ``hrp`` (hierarchical risk parity, López de Prado 2016) and ``min_variance``
    use too. ``window`` days are looked back at. ``band``: weights are traded back only once one of them is further than
    this from its target. ``turnover_penalty``: each weight's way to its target is shortened by this, so small moves are
    none. ``cost_bps`` of the traded value are paid.
    """

    model_config = _STRICT

    method: Method = "equal_risk"
    window: Annotated[int, Field(ge=20, le=5000)] = 120
    every: Literal["day", "week", "month", "quarter"] = "month"
    band: Annotated[float, Field(ge=0, lt=1)] = 0.0
    turnover_penalty: Annotated[float, Field(ge=0, lt=1)] = 0.0
    max_weight: Annotated[float, Field(gt=0, le=1)] = 1.0
    cost_bps: Annotated[float, Field(ge=0, le=1000)] = 2.0

    @model_validator(mode="after")
    def _has_bounds(self) -> Self:
        if self.max_weight < 1.0 and self.method in ("equal_weight", "inverse_volatility"):
            msg = f"{self.method} knows no max_weight; take risk_parity, equal_risk, hrp or min_variance"
            raise ValueError(msg)
        return self


class HedgeParams(BaseModel):
    """A protective short position: ``share`` of equity in ``name`` while the portfolio is ``drawdown`` below its peak.

    It is opened at the end of the day on which the drawdown is reached and closed once it is under half of it.
    """

    model_config = _STRICT

    name: str
    share: Annotated[float, Field(gt=0, le=1)] = 0.25
    drawdown: Annotated[float, Field(gt=0, lt=1)] = 0.05


@dataclass(frozen=True, slots=True)
class DailyReturns:
    """Simple returns by day, f8[d, n], NaN before a part begins; ``stamps`` i8[d] ns UTC, when each day was known."""

    names: tuple[str, ...]
    stamps: Stamps
    values: Floats


@dataclass(frozen=True, slots=True)
class Allocation:
    """Weights and what they would have earned.

    ``stamps`` i8[k]: when each row of ``weights`` f8[k, n] was known. ``days`` i8[m], ``returns`` f8[m]: of the
    portfolio after costs, from the first day on which it was held; ``turnover`` and ``costs`` f8[m] as shares of
    equity. Of the hedge, whose weights are a column of their own: ``hedge_returns`` f8[m], costs included; zeros
    without one.
    """

    names: tuple[str, ...]
    stamps: Stamps
    weights: Floats
    days: Stamps
    returns: Floats
    turnover: Floats
    costs: Floats
    hedge_returns: Floats


def allocate(returns: DailyReturns, params: AllocationParams, hedge: HedgeParams | None = None) -> Allocation:
    """Return the weights of every rebalancing, and the result of holding them.

    Raises
    ------
    UsageError
        If there are too few days or parts, or the hedge is not among the instruments.
    ModelError
        If an optimiser finds no weights.
    ConfigError
        If its library is not installed.
    """
    parts = [k for k, name in enumerate(returns.names) if hedge is None or name != hedge.name]
    if hedge is not None and len(parts) == len(returns.names):
        raise UsageError(f"no returns of {hedge.name}", where="hedge", fix=f"Known: {', '.join(returns.names)}.")
    known = np.flatnonzero(np.isfinite(returns.values[:, parts]).any(axis=1))
    end = int(known[-1]) + 1 if len(known) else 0  # the hedge may have prices for longer
    returns = DailyReturns(returns.names, returns.stamps[:end], returns.values[:end])
    values = returns.values[:, parts]
    if len(parts) < 2 or len(values) <= params.window:
        what = f"{len(parts)} parts over {len(values)} days"
        fix = f"Give two or more, over more than the window of {params.window} days."
        raise UsageError(what, where="allocation", fix=fix)
    if len(parts) * params.max_weight < 1.0:
        what = f"{len(parts)} parts of at most {params.max_weight:g} do not make a whole"
        raise UsageError(what, where="max_weight", fix=f"Give at least {1.0 / len(parts):.3g}, or more parts.")
    walk = _walk(values, returns.stamps, params)
    if hedge is None:
        return _finished(returns.names, returns.stamps, walk, np.zeros(len(values)), params)
    column = returns.names.index(hedge.name)
    held = _hedge_weights(walk.net, walk.first, hedge)
    paid = np.abs(np.diff(held, prepend=0.0)) * params.cost_bps * 1e-4
    # what is decided at the end of a day earns from the next day on, and costs at once
    earned = np.append(0.0, held[:-1]) * np.nan_to_num(returns.values[:, column]) - paid
    names = (*(returns.names[k] for k in parts), hedge.name)
    walk = _with_column(walk, held)
    return _finished(names, returns.stamps, walk, earned, params)


@dataclass(frozen=True, slots=True)
class _Walk:
    """By day, f8[d, ...]: what was traded towards at its end (NaN rows: nothing), turnover, and net return."""

    targets: Floats
    turnover: Floats
    net: Floats
    first: int  # day at whose end the first weights were known


def _walk(values: Floats, stamps: Stamps, params: AllocationParams) -> _Walk:
    """Step through the days: earn with the weights held, let them drift, trade at the day's end where it is due."""
    days, n = values.shape
    optimise = _optimiser(params)
    targets, turnover, net = np.full((days, n), np.nan), np.zeros(days), np.zeros(days)
    held, first = np.zeros(n), -1
    due = _is_due(stamps, params.every)
    for t in range(days):
        moves: Floats = np.nan_to_num(values[t])
        earned = float(held @ moves)
        net[t] = earned
        held = held * (1.0 + moves) / max(1.0 + earned, _FLAT)
        if t + 1 < params.window or not (due[t] or first < 0):
            continue
        wanted = _wanted(optimise, values[t + 1 - params.window : t + 1], held, params)
        if wanted is None or (first >= 0 and np.abs(wanted - held).max() <= params.band):
            continue
        turnover[t] = float(np.abs(wanted - held).sum())
        net[t] -= turnover[t] * params.cost_bps * 1e-4
        targets[t], held = wanted, wanted
        first = t if first < 0 else first
    if first < 0:
        raise UsageError("no two parts have a full window of days", where="allocation", fix="Shorten the window.")
    return _Walk(targets, turnover, net, first)


def _wanted(
    optimise: Callable[[Floats], Floats], window: Floats, held: Floats, params: AllocationParams
) -> Floats | None:
    """Return the weights to trade to; None while fewer than two parts have a whole window of moving days."""
    known = np.isfinite(window).all(axis=0) & (np.nan_to_num(window).std(axis=0) > _FLAT)
    if known.sum() < 2 or known.sum() * params.max_weight < 1.0:
        return None
    wanted = np.zeros(window.shape[1])
    wanted[known] = optimise(np.ascontiguousarray(window[:, known]))
    if params.turnover_penalty == 0.0 or not held.any():
        return wanted
    # the point nearest to the target when every unit of turnover costs the penalty: a soft threshold
    way = wanted - held
    near = np.maximum(held + np.sign(way) * np.maximum(np.abs(way) - params.turnover_penalty, 0.0), 0.0)
    scaled: Floats = near / max(near.sum(), 1.0)  # never more than all of the equity; what is left is cash
    return scaled


def _is_due(stamps: Stamps, every: str) -> NDArray[np.bool_]:
    """Mark the first day of each period: on its last, nobody knows yet that it is the last."""
    days = stamps.astype("datetime64[ns]").astype("datetime64[D]")
    if every == "day":
        return np.ones(len(days), np.bool_)
    months = days.astype("datetime64[M]").astype(np.int64)
    number = {"week": (days.astype(np.int64) + 3) // 7, "month": months, "quarter": months // 3}[every]
    due: NDArray[np.bool_] = np.diff(number, prepend=number[0]) != 0
    return due


def _hedge_weights(net: Floats, first: int, hedge: HedgeParams) -> Floats:
    """Return the hedge's weight at the end of each day, f8[d], from the drawdown of the portfolio without it."""
    equity = np.cumprod(1.0 + net)
    depth = 1.0 - equity / np.maximum(np.maximum.accumulate(equity), 1.0)
    held, weights = False, np.zeros(len(net))
    for t in range(first, len(net)):
        held = depth[t] >= (0.5 * hedge.drawdown if held else hedge.drawdown)
        weights[t] = -hedge.share * held
    return weights


def _with_column(walk: _Walk, hedge: Floats) -> _Walk:
    """Return a walk with the hedge's weight beside the others, and a row wherever either of them changes."""
    changed = np.diff(hedge, prepend=0.0) != 0.0
    rows = np.isfinite(walk.targets[:, 0])
    newest = np.maximum.accumulate(np.where(rows, np.arange(len(rows)), -1))
    targets = np.column_stack([walk.targets[np.maximum(newest, 0)], hedge])
    targets[~(rows | (changed & (newest >= 0)))] = np.nan
    return _Walk(targets, walk.turnover, walk.net, walk.first)


def _finished(names: Sequence[str], stamps: Stamps, walk: _Walk, hedge: Floats, params: AllocationParams) -> Allocation:
    rows = np.flatnonzero(np.isfinite(walk.targets[:, 0]))
    since = slice(walk.first + 1, None)
    if not len(stamps[since]):
        raise UsageError("no day is left after the first weights", where="allocation", fix="Shorten the window.")
    return Allocation(
        names=tuple(names),
        stamps=stamps[rows],
        weights=walk.targets[rows],
        days=stamps[since],
        returns=walk.net[since] + hedge[since],
        turnover=walk.turnover[since],
        costs=walk.turnover[since] * params.cost_bps * 1e-4,
        hedge_returns=hedge[since],
    )


def _optimiser(params: AllocationParams) -> Callable[[Floats], Floats]:
    """Return what makes weights, f8[n] of sum 1, of a window of returns, f8[d, n]."""
    if params.method == "equal_weight":
        return lambda window: np.full(window.shape[1], 1.0 / window.shape[1])
    make = _estimator(params)

    def optimise(window: Floats) -> Floats:
        try:
            found = np.asarray(make().fit(window).weights_, dtype=np.float64)
        except Exception as error:  # the library lets many kinds through, its solvers' own included
            reason = str(error).split("\n", 1)[0]
            fix = "Widen max_weight, lengthen the window, or take another method."
            raise ModelError(f"{params.method} finds no weights: {reason}", where="allocation", fix=fix) from error
        found = np.maximum(found, 0.0)  # solvers leave zeros as tiny negatives
        whole: Floats = found / found.sum()
        return whole

    return optimise


def _estimator(params: AllocationParams) -> Callable[[], Any]:
    try:
        from skfolio.moments import LedoitWolf  # noqa: PLC0415 -- takes seconds to import
        from skfolio.optimization import (  # noqa: PLC0415
            HierarchicalRiskParity,
            InverseVolatility,
            MeanRisk,
            RiskBudgeting,
        )
        from skfolio.prior import EmpiricalPrior  # noqa: PLC0415
    except ImportError as error:
        what = f"{params.method} needs a library that is not installed: {error.name}"
        raise ConfigError(what, where="allocation", fix="pip install 'tradewright[portfolio]'") from error
    most = {"max_weights": params.max_weight}

    def shrunk() -> Any:  # noqa: ANN401 -- the library's own type
        return EmpiricalPrior(covariance_estimator=LedoitWolf())

    made: dict[str, Callable[[], Any]] = {
        "inverse_volatility": InverseVolatility,
        "risk_parity": lambda: RiskBudgeting(**most),
        "equal_risk": lambda: RiskBudgeting(prior_estimator=shrunk(), **most),
        "hrp": lambda: HierarchicalRiskParity(prior_estimator=shrunk(), **most),
        "min_variance": lambda: MeanRisk(prior_estimator=shrunk(), **most),
    }
    return made[params.method]
