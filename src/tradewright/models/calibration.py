"""Calibration: what a model calls 70 % shall happen seven times in ten.

Each outcome is calibrated against the other two, then the three are brought to the sum 1. Platt (1999) and beta
calibration (Kull, Silva Filho and Flach, 2017) are one form, ``q = sigmoid(a ln p - b ln(1 - p) + c)`` with ``a, b >=
0``, where Platt on log odds has ``a = b``; isotonic regression (Zadrozny and Elkan, 2002) is a rising line through
knots. Before the sum is taken, each is monotone: a larger share never becomes a smaller one.

The conservative bias comes last. It takes its share off the lead of the favoured direction over the other: with -0.05
the difference between P(up) and P(down) becomes 95 % of what it was. What is taken goes to P(flat); where P(flat) is
zero, there being no such outcome, half of it goes to the other direction. A forecast never changes sides by it.

The expected return moves by what the probabilities moved, at the mean growth of each outcome.
"""

from __future__ import annotations

from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from tradewright.core.types.errors import ModelError
from tradewright.core.types.rows import Targets
from tradewright.models.forecaster import EXPECTED, P_DOWN, P_FLAT, P_UP

Column = NDArray[np.float64]
Method = Literal["none", "platt", "beta", "isotonic"]
#: From the simplest on: of equal ones the simpler is chosen.
METHODS: tuple[Method, ...] = ("none", "platt", "beta", "isotonic")
DEFAULT_BIAS = -0.05
#: Fewer rows than this say nothing about how often a share comes true.
MIN_ROWS = 50
#: Newest share of the rows on which ``best`` is chosen.
_JUDGES = 0.4
_TINY = 1e-6
_DIRECTIONS = {P_UP: 1, P_DOWN: -1, P_FLAT: 0}


class OutcomeMap(BaseModel):
    """What the probability of one outcome becomes: a sigmoid, or a line through ``knots`` (p, q) if there are any."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    a: Annotated[float, Field(ge=0.0)] = 1.0
    b: Annotated[float, Field(ge=0.0)] = 1.0
    c: float = 0.0
    knots: tuple[tuple[float, float], ...] = ()

    def apply(self, p: Column) -> Column:
        """Return f8[n]."""
        if not self.knots:
            return _sigmoid_of(p, self.a, self.b, self.c)
        x, y = np.array(self.knots).T
        line: Column = np.interp(p, x, y)
        return line


class Calibration(BaseModel):
    """A fitted calibration with its bias.

    ``maps`` are of P(up), P(down) and P(flat), None where the outcome never occurred; ``growth`` is the mean growth
    after each; ``losses`` the log loss of every method on the rows that chose between them.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    method: Method = "none"
    bias: Annotated[float, Field(ge=-1.0, le=0.0)] = DEFAULT_BIAS
    maps: tuple[OutcomeMap | None, OutcomeMap | None, OutcomeMap | None] = (None, None, None)
    growth: tuple[float, float, float] = (0.0, 0.0, 0.0)
    rows: int = 0
    losses: dict[str, float] = Field(default_factory=dict)

    def apply(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return forecasts f8[n, 4] calibrated and biased; rows with NaN stay NaN. One row or many: the same bits."""
        if len(values) == 1 and self.method != "isotonic":
            return np.array([self._alone(*values[0].tolist())])
        before = np.ascontiguousarray(values.T[:EXPECTED])
        after = self._biased(self._calibrated(before))
        done = np.empty((len(values), 4))
        done[:, :EXPECTED] = after.T
        moved = after - before
        up, down, flat = self.growth
        done[:, EXPECTED] = values[:, EXPECTED] + (moved[P_UP] * up + moved[P_DOWN] * down + moved[P_FLAT] * flat)
        return done

    def _alone(self, up: float, down: float, flat: float, expected: float) -> tuple[float, float, float, float]:
        """Do what `apply` does for one row, in plain numbers: a quarter of the time of arrays with one number each.

        Only logarithms and powers are left to NumPy, whose last bits are its own.
        """
        p_up, p_down, p_flat = up, down, flat
        if self.method != "none":
            shares = [min(max(p, _TINY), 1.0 - _TINY) for p in (up, down, flat)]
            logs = np.log(np.array([*shares, *(1.0 - p for p in shares)])).tolist()
            maps = zip(self.maps, logs[:3], logs[3:], strict=True)
            powers = np.exp(np.array([m.b * low - m.a * high - m.c if m else 0.0 for m, high, low in maps])).tolist()
            fits = zip(self.maps, powers, (up, down, flat), strict=True)
            mapped = [1.0 / (1.0 + power) if m else p for m, power, p in fits]
            p_up, p_down, p_flat = (np.array(mapped) / (mapped[0] + mapped[1] + mapped[2])).tolist()
        taken = -self.bias * (p_up - p_down)
        if p_flat > 0.0:
            p_up, p_down, p_flat = p_up - max(taken, 0.0), p_down + min(taken, 0.0), p_flat + abs(taken)
        else:
            p_up, p_down = p_up - 0.5 * taken, p_down + 0.5 * taken
        up_growth, down_growth, flat_growth = self.growth
        moved = (p_up - up) * up_growth + (p_down - down) * down_growth + (p_flat - flat) * flat_growth
        return p_up, p_down, p_flat, expected + moved

    def _calibrated(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        if self.method == "none":
            return shares
        mapped = np.stack([p if m is None else m.apply(p) for m, p in zip(self.maps, shares, strict=True)])
        done: NDArray[np.float64] = mapped / (mapped[0] + mapped[1] + mapped[2])
        return done

    def _biased(self, shares: NDArray[np.float64]) -> NDArray[np.float64]:
        up, down, flat = shares
        taken = -self.bias * (up - down)  # negative where down is favoured
        has_flat = flat > 0.0
        half = 0.5 * taken
        biased = np.empty_like(shares)
        biased[P_UP] = up - np.where(has_flat, np.maximum(taken, 0.0), half)
        biased[P_DOWN] = down + np.where(has_flat, np.minimum(taken, 0.0), half)
        biased[P_FLAT] = flat + np.where(has_flat, np.abs(taken), 0.0)
        return biased


def fit_calibration(
    values: NDArray[np.float64], targets: Targets, method: Method | Literal["best"] = "best", bias: float = DEFAULT_BIAS
) -> Calibration:
    """Fit to forecasts of rows that the forecaster has not learned from.

    ``best`` fits every method to the older rows, takes the one with the smallest log loss on the newer ones, and fits
    it to all. Older rows whose label may reach into the newer ones are left out of that choice.

    Parameters
    ----------
    values : ndarray of float64, [n, 4]
        Forecasts, ascending in time; rows with NaN are left out.
    targets : Targets
        What became of the rows.
    method : str
        One of `METHODS`, or ``best``.
    bias : float
        Of the result, in [-1, 0].

    Raises
    ------
    ModelError
        With too few rows, or one outcome only.
    """
    known = np.flatnonzero(~np.isnan(values[:, :3]).any(axis=1))
    values, targets = values[known], targets.take(known)
    _check(values, targets)
    losses: dict[str, float] = {}
    if method == "best":
        losses = _losses(values, targets)
    chosen = min(METHODS, key=lambda name: losses.get(name, np.inf)) if method == "best" else method
    growth = []
    for direction in _DIRECTIONS.values():
        mine = targets.direction == direction
        weight = float(np.sum(targets.weight[mine]))
        growth.append(float(np.sum(targets.growth[mine] * targets.weight[mine])) / weight if weight else 0.0)
    return Calibration(
        method=chosen,
        bias=bias,
        maps=_maps(values, targets, chosen),
        growth=(growth[0], growth[1], growth[2]),
        rows=len(values),
        losses=losses,
    )


def _sigmoid_of(p: Column, a: float, b: float, c: float) -> Column:
    p = np.clip(p, _TINY, 1.0 - _TINY)
    return 1.0 / (1.0 + np.exp(b * np.log(1.0 - p) - a * np.log(p) - c))


def log_loss(values: NDArray[np.float64], targets: Targets) -> float:
    """Return the weighted mean of -ln of the probability given to what happened, in nats."""
    columns = np.select([targets.direction == d for d in _DIRECTIONS.values()], list(_DIRECTIONS))
    said = np.clip(values[np.arange(len(values)), columns], _TINY, 1.0)
    return float(np.sum(-np.log(said) * targets.weight) / np.sum(targets.weight))


def _losses(values: NDArray[np.float64], targets: Targets) -> dict[str, float]:
    cut = int(len(values) * (1.0 - _JUDGES))
    newer = slice(cut, None)
    # A row is no older than its label's end less the horizon: the first time at which a newer row may have begun.
    begins = int(np.min(targets.ts_end[newer])) - targets.horizon_ns
    older = np.flatnonzero(targets.ts_end[:cut] <= begins)
    if len(older) < MIN_ROWS or len(np.unique(targets.direction[older])) < 2:
        return {}
    held = targets.take(newer)
    found: dict[str, float] = {}
    for method in METHODS:
        maps = _maps(values[older], targets.take(older), method)
        tried = Calibration(method=method, bias=0.0, maps=maps).apply(values[newer])
        found[method] = log_loss(tried, held)
    return found


def _maps(
    values: NDArray[np.float64], targets: Targets, method: Method
) -> tuple[OutcomeMap | None, OutcomeMap | None, OutcomeMap | None]:
    if method == "none":
        return (None, None, None)
    found: list[OutcomeMap | None] = []
    for column, direction in _DIRECTIONS.items():
        happened = (targets.direction == direction).astype(np.float64)
        p = np.ascontiguousarray(values[:, column])
        is_fit = 0.0 < happened.mean() < 1.0
        fit = _knots if method == "isotonic" else _sigmoid
        found.append(fit(p, happened, targets.weight, method) if is_fit else None)
    return (found[0], found[1], found[2])


def _knots(p: Column, happened: Column, weight: Column, _method: Method) -> OutcomeMap:
    from sklearn.isotonic import IsotonicRegression  # noqa: PLC0415 - heavy, and not needed to predict

    # No number of rows proves that something always or never happens: the ends stay off 0 and 1.
    edge = 1.0 / (len(p) + 2.0)
    line = IsotonicRegression(y_min=edge, y_max=1.0 - edge, out_of_bounds="clip").fit(p, happened, weight)
    pairs = zip(line.X_thresholds_.tolist(), line.y_thresholds_.tolist(), strict=True)
    return OutcomeMap(knots=tuple(pairs))


def _sigmoid(p: Column, happened: Column, weight: Column, method: Method) -> OutcomeMap:
    from scipy.optimize import minimize  # noqa: PLC0415 - heavy, and not needed to predict

    p = np.clip(p, _TINY, 1.0 - _TINY)
    rising, falling = np.log(p), -np.log(1.0 - p)
    inputs = np.stack([rising + falling] if method == "platt" else [rising, falling])
    # Platt's targets: as if each side had been seen once more, so that a clean cut does not end at 0 and 1.
    hits, misses = float(np.sum(weight * happened)), float(np.sum(weight * (1.0 - happened)))
    goal = np.where(happened > 0.0, (hits + 1.0) / (hits + 2.0), 1.0 / (misses + 2.0))
    share = weight / np.sum(weight)

    def loss(x: Column) -> tuple[float, Column]:
        score = x[:-1] @ inputs + x[-1]
        error = share * (1.0 / (1.0 + np.exp(-score)) - goal)
        value = np.sum(share * (np.logaddexp(0.0, score) - goal * score))
        return float(value), np.append(inputs @ error, np.sum(error))

    slopes = len(inputs)
    bounds = [(0.0, None)] * slopes + [(None, None)]
    done = minimize(loss, np.append(np.ones(slopes), 0.0), jac=True, method="L-BFGS-B", bounds=bounds)
    *ab, c = (float(x) for x in done.x)
    return OutcomeMap(a=ab[0], b=ab[-1], c=c)


def _check(values: NDArray[np.float64], targets: Targets) -> None:
    if len(values) < MIN_ROWS:
        fix = f"Give at least {MIN_ROWS} rows that the model has not learned from, or the method `none`."
        raise ModelError(f"{len(values)} rows are too few to calibrate", where="calibration", fix=fix)
    if len(np.unique(targets.direction)) < 2:
        fix = "Give a longer stretch, or the method `none`."
        raise ModelError("all rows to calibrate on have the same outcome", where="calibration", fix=fix)
