"""Figures of the forecasts themselves: whether they are right, better than naive ones, and mean what they say."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics.bootstrap import Interval
from tradewright.analytics.evidence.facts import FigureParams
from tradewright.analytics.evidence.judged import Judged
from tradewright.analytics.joint_bootstrap import Resampling, Statistic, sums_over_labels
from tradewright.analytics.probability_scores import brier_losses, log_losses
from tradewright.analytics.reliability import Bins, reliability_bins
from tradewright.analytics.tiers import TierScore, favoured, tier_scores
from tradewright.core.types.evidence import Figure

Floats = NDArray[np.float64]
Mask = NDArray[np.bool_]

_BLOCKS = "block bootstrap over time, blocks at least as long as the labels"
_BINS = "bins of equal count; each bin's frequency redrawn with its effective count"


def forecast_figures(rows: Judged, scope: str, trials: int, params: FigureParams) -> Iterator[Figure]:
    """Yield every figure of one scope; those that cannot be computed are left out."""
    if len(rows) == 0:
        return
    parts = {scope: np.ones(len(rows), bool)} | _parts(rows, scope)
    for name, mask in parts.items():
        yield from _sample(rows, mask, name, trials)
    yield from _accuracies(rows, parts, trials, params.resampling)
    yield from _skills(rows, scope, trials, params.resampling)
    yield from _calibration(rows, scope, trials, params)


def _parts(rows: Judged, scope: str) -> dict[str, Mask]:
    """Return the rows of each session and of each volatility regime, by the name of the part."""
    named = (("session", rows.session), ("regime", rows.regime))
    return {
        f"{scope}/{part}={word}": values == word
        for part, values in named
        for word in sorted(set(values.tolist()) - {""})
    }


def _sample(rows: Judged, mask: Mask, scope: str, trials: int) -> Iterator[Figure]:
    n, worth = int(mask.sum()), float(rows.unique[mask].sum())
    yield Figure("sample.rows", n, n, n, n, trials, scope, "counted")
    method = "sum of average uniqueness within each instrument"
    yield Figure("sample.effective", worth, worth, worth, n, trials, scope, method)
    if n == len(rows):
        said = n / rows.asked
        yield Figure("sample.answered", said, said, said, rows.asked, trials, scope, "share of rows with a forecast")


def _accuracies(rows: Judged, parts: Mapping[str, Mask], trials: int, resampling: Resampling) -> Iterator[Figure]:
    """Compare the likeliest class with the outcome and with what the baselines said, over all and each part.

    All parts are drawn together: each is a sum over the same blocks of time.
    """
    hits = (rows.forecast.argmax(axis=1) == rows.outcome).astype(np.float64)
    base = (np.nan_to_num(rows.base).argmax(axis=1) == rows.outcome).astype(np.float64)
    last = (rows.last_sign == rows.outcome).astype(np.float64)
    columns: list[Floats] = []
    statistics: dict[str, Statistic] = {}
    for k, mask in enumerate(parts.values()):
        better = 1 if base[mask].sum() >= last[mask].sum() else 2
        columns += [hits * mask, base * mask, last * mask, mask.astype(np.float64)]
        statistics |= {f"{k}:{name}": it for name, it in _shares(4 * k, better).items()}
    watched = hits - (base if base.sum() >= last.sum() else last)
    sums = sums_over_labels(rows.start, rows.end, np.column_stack(columns), watched)
    known = not np.isnan(rows.base).any()  # no base rate, no comparison
    places = [(scope, int(mask.sum())) for scope, mask in parts.items()]
    for key, interval in sums.intervals(statistics, resampling).items():
        place, name = key.split(":")
        scope, n = places[int(place)]
        if known or name not in ("accuracy.base_rate", "accuracy.edge"):
            yield figure(name, interval, n, trials, scope, _BLOCKS)


def _shares(at: int, better: int) -> dict[str, Statistic]:
    """Return the accuracies of one part, whose sums begin at a column; the edge is over the better baseline."""
    return {
        "accuracy": lambda s: s[:, at] / s[:, at + 3],
        "accuracy.base_rate": lambda s: s[:, at + 1] / s[:, at + 3],
        "accuracy.last_sign": lambda s: s[:, at + 2] / s[:, at + 3],
        "accuracy.edge": lambda s: (s[:, at] - s[:, at + better]) / s[:, at + 3],
    }


def _skills(rows: Judged, scope: str, trials: int, resampling: Resampling) -> Iterator[Figure]:
    if np.isnan(rows.base).any():
        return
    losses = [
        log_losses(rows.forecast, rows.outcome),
        log_losses(rows.base, rows.outcome),
        brier_losses(rows.forecast, rows.outcome),
        brier_losses(rows.base, rows.outcome),
    ]
    columns = np.column_stack([*losses, np.ones(len(rows))])
    statistics: dict[str, Statistic] = {
        "log_loss": lambda s: s[:, 0] / s[:, 4],
        "log_loss.skill": lambda s: 1.0 - s[:, 0] / s[:, 1],
        "brier": lambda s: s[:, 2] / s[:, 4],
        "brier.skill": lambda s: 1.0 - s[:, 2] / s[:, 3],
    }
    sums = sums_over_labels(rows.start, rows.end, columns, losses[0] - losses[1])
    for name, interval in sums.intervals(statistics, resampling).items():
        yield figure(name, interval, len(rows), trials, scope, _BLOCKS)


def _calibration(rows: Judged, scope: str, trials: int, params: FigureParams) -> Iterator[Figure]:
    """Judge the probability of the likeliest class, then that of the likelier direction by tier."""
    hits = (rows.forecast.argmax(axis=1) == rows.outcome).astype(np.float64)
    bins = reliability_bins(rows.forecast.max(axis=1), hits, rows.unique)
    low, high = _redrawn(bins, params.resampling)
    method = f"expected calibration error, {len(bins.n)} {_BINS}"
    yield Figure("calibration.ece", bins.error, low, high, len(rows), trials, scope, method)
    probability, sign = favoured(rows.forecast[:, 0], rows.forecast[:, 1])
    came = (np.where(sign > 0, 0, 1) == rows.outcome).astype(np.float64)
    confidence = params.resampling.confidence
    scores = tier_scores(probability, came, rows.unique, params.tiers, confidence)
    judged = [score for score in scores if score.effective >= params.tier_floor]
    errors = [figure_ for score in judged for figure_ in _tier(score, scope, trials, params)]
    yield from errors
    maes = [one for one in errors if one.name.endswith(".mae")]
    if maes:
        low, high = max(one.low for one in maes), max(one.high for one in maes)
        worst, n = max(one.value for one in maes), sum(one.n for one in maes)
        method = f"largest over {', '.join(score.tier.name for score in judged)}"
        yield Figure("tiers.worst_mae", worst, low, high, n, trials, scope, method)


def _tier(score: TierScore, scope: str, trials: int, params: FigureParams) -> Iterator[Figure]:
    name = f"tier.{score.tier.name}"
    method = f"Wilson on {score.effective:.0f} effective forecasts of {score.tier.threshold:g} or more"
    yield Figure(f"{name}.precision", score.precision, score.low, score.high, score.n, trials, scope, method)
    low, high = _redrawn(score.bins, params.resampling)
    yield Figure(f"{name}.mae", score.mae, low, high, score.n, trials, scope, f"{len(score.bins.n)} {_BINS}")


def _redrawn(bins: Bins, resampling: Resampling) -> tuple[float, float]:
    """Return the bounds of a calibration error when frequencies vary as the effective counts let them.

    Redrawing adds noise to an error that noise has made larger already, so only the spread is taken from it.
    """
    rng = np.random.default_rng(resampling.seed)
    tries = np.maximum(np.round(bins.effective), 1.0).astype(np.int64)
    drawn = rng.binomial(tries, np.clip(bins.frequency, 0.0, 1.0), size=(resampling.n, len(tries))) / tries
    errors = np.abs(drawn - bins.forecast) @ bins.n / bins.n.sum()
    tail = (1.0 - resampling.confidence) / 2.0
    low, middle, high = np.quantile(errors, [tail, 0.5, 1.0 - tail])
    return max(bins.error + float(low - middle), 0.0), bins.error + float(high - middle)


def figure(name: str, interval: Interval, n: int, trials: int, scope: str, method: str) -> Figure:
    """Return a figure with the bounds of an interval."""
    return Figure(name, interval.estimate, interval.lower, interval.upper, n, trials, scope, method)
