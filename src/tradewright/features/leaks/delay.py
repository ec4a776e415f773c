"""The delay test: an edge that dies when its feature comes a bar later was made of the next bar.

A feature's edge is its rank correlation with the next bar's return. An honest one fades as the feature gets older,
for what moves a price over hours is not gone in a minute. A feature that contains the return it is to predict falls
from a large edge to none at the delay at which that return has passed.

Some markets do have an honest edge of one bar: a price that jumps between bid and ask turns back at the next bar. A
feature is therefore accused only if its edge is also larger than what plain features of the past (last return, distance
from a short mean, place of the close in its bar) have on the same data. This is evidence and no proof: a small leak,
or one that fades, is for the other detectors.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from tradewright.core.types.bar import Bars
from tradewright.core.types.feature import Floats
from tradewright.features.leaks.finding import Detector, LeakFinding, LeakVerdict

_FEWEST = 100


@dataclass(frozen=True, slots=True)
class DelayParams:
    """When a fall of the edge is one too many.

    Parameters
    ----------
    delays : int
        Bars of delay tried, 1 or more. A label that looks h bars ahead loses its edge at a delay of h.
    least : float
        Rank correlation below which an edge is too small to be judged.
    left : float
        Share of its edge that a feature must keep from one delay to the next.
    margin : float
        How many times larger than that of the plain features the edge must be.
    sigmas : float
        How many standard errors above 0 it must be.
    """

    delays: int = 5
    least: float = 0.1
    left: float = 0.25
    margin: float = 1.5
    sigmas: float = 6.0


def check_delay(columns: dict[str, Floats], bars: Bars, params: DelayParams | None = None) -> LeakVerdict:
    """Compare each column's edge with the edge of the same column a bar later.

    Parameters
    ----------
    columns : dict of str to ndarray of float64, shape (n,)
        Features of the bars; NaN where unknown.
    bars : Bars
        The market that they claim to say something about.
    params : DelayParams, optional
        When to accuse.
    """
    params = params or DelayParams()
    ahead = np.append(bars.close[1:] / bars.close[:-1] - 1.0, np.nan)
    plain = max(_largest(column, ahead, params.delays) for column in _plain(bars))
    limit = max(params.least, params.margin * plain)
    findings = []
    for name, column in columns.items():
        edges = [edge(column, ahead, d) for d in range(params.delays + 1)]
        counted = int((np.isfinite(column) & np.isfinite(ahead)).sum())
        enough = max(limit, params.sigmas / max(counted, 1) ** 0.5)
        for d in range(params.delays):
            if counted >= _FEWEST and abs(edges[d]) > enough and abs(edges[d + 1]) < params.left * abs(edges[d]):
                detail = (
                    f"its rank correlation with the next return is {edges[d]:.3f} at a delay of {d} and "
                    f"{edges[d + 1]:.3f} a bar later; plain features of the past reach {plain:.3f}"
                )
                findings.append(LeakFinding(Detector.DELAY, name, -1, 0, detail))
                break
    proves = f"no edge above {limit:.2f} falls below {params.left:g} of itself within {params.delays} bars of delay"
    return LeakVerdict(Detector.DELAY, tuple(findings), len(columns) * params.delays, proves)


def edge(column: Floats, ahead: Floats, delay: int) -> float:
    """Return the rank correlation of a column, ``delay`` events old, with what comes next; 0 where it has none."""
    old = column[: len(column) - delay]
    after = ahead[delay:]
    known = np.isfinite(old) & np.isfinite(after)
    if known.sum() < _FEWEST:
        return 0.0
    x, y = ranks(old[known]), ranks(after[known])
    x -= x.mean()
    y -= y.mean()
    size = float(np.sqrt((x @ x) * (y @ y)))
    return float(x @ y) / size if size > 0.0 else 0.0


def ranks(values: Floats) -> Floats:
    """Return ranks from 0; equal values share the mean of theirs."""
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    mean: Floats = np.cumsum(counts) - (counts + 1) / 2.0
    return mean[inverse]


def _largest(column: Floats, ahead: Floats, delays: int) -> float:
    return max(abs(edge(column, ahead, d)) for d in range(delays + 1))


def _plain(bars: Bars) -> list[Floats]:
    """Return features of the past that cannot leak."""
    close = bars.close
    last = np.append(np.nan, close[1:] / close[:-1] - 1.0)
    total = np.cumsum(close)
    mean = np.full(len(close), np.nan)
    mean[4:] = (total[4:] - np.append(0.0, total[: max(len(total) - 5, 0)])[: len(total) - 4]) / 5.0
    reach = bars.high - bars.low
    place = np.where(reach > 0.0, (close - bars.low) / np.where(reach > 0.0, reach, 1.0), 0.5)
    return [last, close - mean, place, close / bars.open - 1.0]
