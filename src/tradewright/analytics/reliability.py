"""Do events forecast with 60 % happen in 60 % of the cases? Bins with intervals, calibration error, a diagram.

Forecasts on overlapping labels are fewer than they look: every count here is of effective forecasts (the sum of their
uniqueness), and intervals are Wilson's on that count.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics.tear_sheet import Figure, plain
from tradewright.analytics.wilson import wilson_interval

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]

#: Effective forecasts a bin should hold: half the width of its interval is then at most 14 points.
BIN_SIZE = 50
MAX_BINS = 10


@dataclass(frozen=True, slots=True)
class Bins:
    """Forecasts in ascending bins, arrays f8[b].

    ``forecast``: mean probability given; ``frequency``: share that happened, with ``low`` and ``high`` of its interval;
    ``n``: forecasts; ``effective``: how many they are worth.
    """

    forecast: Floats
    frequency: Floats
    low: Floats
    high: Floats
    n: Ints
    effective: Floats

    @property
    def error(self) -> float:
        """The expected calibration error: mean distance of forecast and frequency, weighted by forecasts; NaN for none.

        Never below zero, so noise alone makes it positive: about the mean half width of the intervals over two.
        """
        n = int(self.n.sum())
        return float(self.n @ np.abs(self.forecast - self.frequency)) / n if n else float("nan")


def bin_numbers(forecasts: Floats, effective: float, most: int = MAX_BINS) -> Ints:
    """Return of each forecast its bin, i8[n]: as many bins of equal count as hold `BIN_SIZE` effective forecasts each.

    Equal forecasts share a bin, so there may be fewer, and their counts may differ.

    Parameters
    ----------
    forecasts : f8[n]
        Probabilities, no NaN.
    effective : float
        How many independent forecasts they are worth.
    """
    count = int(np.clip(effective // BIN_SIZE, 1, most))
    if count == 1 or len(forecasts) == 0:
        return np.zeros(len(forecasts), np.int64)
    edges = np.unique(np.quantile(forecasts, np.arange(1, count) / count))
    place = np.searchsorted(edges, forecasts, side="left")
    _, numbers = np.unique(place, return_inverse=True)
    return numbers.astype(np.int64)


def reliability_bins(
    forecasts: Floats, hits: Floats, unique: Floats | None = None, most: int = MAX_BINS, confidence: float = 0.95
) -> Bins:
    """Compare probabilities with what happened.

    Parameters
    ----------
    forecasts, hits : f8[n]
        Probability given to an event, and 1 where it happened, else 0.
    unique : f8[n], optional
        Uniqueness of each (`sample_size.uniqueness`); 1 where labels do not overlap.
    most : int
        Bins at most.
    confidence : float
        Of the intervals.
    """
    weight = np.ones(len(forecasts)) if unique is None else unique
    place = bin_numbers(forecasts, float(weight.sum()), most)
    n = np.bincount(place)
    frequency = np.bincount(place, hits) / n
    effective = np.bincount(place, weight).astype(np.float64)
    pairs = zip(frequency, effective, strict=True)
    bounds = [wilson_interval(min(f * e, e), e, confidence) for f, e in pairs]
    low, high = (np.array(side) for side in zip(*bounds, strict=True)) if bounds else (np.empty(0), np.empty(0))
    return Bins(np.bincount(place, forecasts) / n, frequency, low, high, n.astype(np.int64), effective)


def reliability_figure(bins: Bins) -> Figure:
    """Return the reliability diagram: frequency over forecast with intervals, and the line of perfect calibration."""
    rows = zip(bins.n.tolist(), plain(bins.effective, 4), plain(bins.low, 3), plain(bins.high, 3), strict=True)
    points = {
        "type": "scatter",
        "mode": "markers+lines",
        "name": "Observed",
        "x": plain(bins.forecast),
        "y": plain(bins.frequency),
        "error_y": {
            "type": "data",
            "symmetric": False,
            "array": plain(bins.high - bins.frequency),
            "arrayminus": plain(bins.frequency - bins.low),
            "color": "@accent",
            "thickness": 1.25,
        },
        "line": {"color": "@accent", "width": 1.5},
        "marker": {"color": "@accent", "size": 7},
        "customdata": [list(row) for row in rows],
        "hovertemplate": "forecast %{x:.1%}, happened %{y:.1%} (%{customdata[2]:.1%} to %{customdata[3]:.1%}), "
        "%{customdata[0]:,} forecasts worth %{customdata[1]:,.0f}<extra></extra>",
    }
    ends = _ends(bins)
    perfect = {
        "type": "scatter",
        "mode": "lines",
        "name": "Perfect",
        "x": ends,
        "y": ends,
        "line": {"color": "@benchmark", "width": 1.25, "dash": "dot"},
        "hoverinfo": "skip",
    }
    axis = {"tickformat": ".0%", "automargin": True, "nticks": 6}
    layout = {
        "margin": {"l": 8, "r": 12, "t": 28, "b": 28},
        "hovermode": "closest",
        "legend": {"orientation": "h", "x": 0, "y": 1.0, "xanchor": "left", "yanchor": "bottom"},
        "xaxis": axis | {"title": {"text": "Forecast"}},
        "yaxis": axis | {"title": {"text": "Happened"}},
    }
    return {"data": [perfect, points], "layout": layout, "note": ""}


def _ends(bins: Bins) -> list[float | None]:
    """Return where the line of perfect calibration begins and ends."""
    if len(bins.n) == 0:
        return plain([0.0, 1.0])
    return plain([min(float(bins.forecast[0]), float(bins.low.min())), float(max(bins.forecast[-1], bins.high.max()))])
