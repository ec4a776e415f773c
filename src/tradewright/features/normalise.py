"""Another feature, measured against its own last values: as z-score, robust z-score or rank.

The normalising step is a template around the inner feature's step: bound and compiled once for each inner step. The
inner feature keeps the beginning of state and params, so its step runs as it stands.
"""

from __future__ import annotations

import math

from tradewright.core.types.feature import Feature, Floats, Step
from tradewright.features.parameters import whole_number
from tradewright.features.price import field_step_nb
from tradewright.features.registers_nb import REGISTERS
from tradewright.features.returns import log_return
from tradewright.features.sorted_nb import ROUNDING, deviation_nb, ordered_nb, push_sorted_nb, rank_nb, sorted_window
from tradewright.features.window_nb import moments_window, push_moments_nb
from tradewright.features.wrapping import inner_feature, step_around

#: Places of the wrapper's own params, behind those of the inner feature: length of the window, where it begins.
_PERIOD, _AT = REGISTERS - 2, REGISTERS - 1

inner_nb: Step = field_step_nb  # a stand-in: `step_around` gives each copy of a template its own


def zscore_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """Template. State: the inner feature's, then a window of its values."""
    x = inner_nb(state, params, fields, i)
    if math.isnan(x):
        return math.nan
    n = int(params[_PERIOD])
    mean, squares = push_moments_nb(state, int(params[_AT]), n, x)
    deviation = math.sqrt(squares / (n - 1))
    return 0.0 if deviation <= ROUNDING * abs(x) else float((x - mean) / deviation)


def robust_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """Template. State: the inner feature's, then a sorted window of its values."""
    x = inner_nb(state, params, fields, i)
    if math.isnan(x):
        return math.nan
    n, at = int(params[_PERIOD]), int(params[_AT])
    if not push_sorted_nb(state, at, n, x):
        return math.nan
    begin = ordered_nb(at, n)
    median = 0.5 * (state[begin + (n - 1) // 2] + state[begin + n // 2])
    deviation = deviation_nb(state, begin, n)
    return 0.0 if deviation <= ROUNDING * abs(x) else float((x - median) / deviation)


def rank_step_nb(state: Floats, params: Floats, fields: Floats, i: int) -> float:
    """Template. State: the inner feature's, then a sorted window of its values."""
    x = inner_nb(state, params, fields, i)
    if math.isnan(x):
        return math.nan
    n, at = int(params[_PERIOD]), int(params[_AT])
    if not push_sorted_nb(state, at, n, x):
        return math.nan
    return rank_nb(state, ordered_nb(at, n), n, x)


def _inner(of: Feature | None) -> Feature:
    """Return the feature to normalise; refuse what leaves no room for it."""
    inner = inner_feature(log_return() if of is None else of)
    if len(inner.params) > _PERIOD:
        msg = f"{inner.name} has {len(inner.params)} params, only {_PERIOD} leave room for a normalisation around it"
        raise ValueError(msg)
    return inner


def _normalised(name: str, template: Step, period: int, of: Feature | None, window: tuple[float, ...]) -> Feature:
    inner = _inner(of)
    at = max(len(inner.state), 1)
    params = (*inner.params, *([0.0] * (_PERIOD - len(inner.params))), float(period), float(at))
    return Feature(
        f"{name}.of.{inner.name}",
        step_around(template, inner.step),
        params,
        (*inner.state, *([0.0] * (at - len(inner.state))), *window),
        inner.warmup + period - 1,
        inner.reads,
        inner.has_gaps,
    )


def zscore(period: int = 100, of: Feature | None = None) -> Feature:
    """(value - mean) / standard deviation (ddof 1) of a feature over its last ``period`` values, the present included.

    0 without dispersion (below 1e-12 of the value). Values that the inner feature does not have (NaN) are left out of
    the window. ``of`` is `log_return` if not given; it cannot be normalised already.

    Raises
    ------
    ValueError
        If ``period`` is not a whole number of at least 2, or the inner feature has too many params; in the other two
        as well.
    """
    n = whole_number("period", period, 2)
    return _normalised("zscore.ddof1.v1", zscore_step_nb, n, of, moments_window(n))


def robust_zscore(period: int = 100, of: Feature | None = None) -> Feature:
    """(value - median) / (1.4826 x median distance from the median) of a feature over its last ``period`` values.

    Where more than half of the window is one value, 1.2533 x the mean distance divides instead; 0 where all is one.
    See `zscore` for the rest.
    """
    n = whole_number("period", period, 2)
    return _normalised("robust_zscore.mad.v1", robust_step_nb, n, of, sorted_window(n))


def rolling_rank(period: int = 100, of: Feature | None = None) -> Feature:
    """Rank of a feature's value among its last ``period`` values, 0 smallest to 1 largest; equal ones share theirs.

    See `zscore` for the rest.
    """
    n = whole_number("period", period, 2)
    return _normalised("rank.v1", rank_step_nb, n, of, sorted_window(n))
