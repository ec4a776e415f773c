"""Where a series is cut to see whether the past depends on the future."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.dtypes import BUY_VOLUME, REFERENCE, SESSION, VOLUME
from tradewright.features.leaks.pipeline import Market

#: Of the cuts asked for, the share that goes to places where leaks hide.
_TARGETED = 0.4


def choose_cuts(market: Market, count: int, seed: int) -> NDArray[np.int64]:
    """Return at most ``count`` ascending cuts, i8[k] in 1 to n - 1: a cut ``c`` keeps the events 0 to c - 1.

    All there are, if ``count`` is enough. Else the last one, some in places where leaks hide (the turn of a session, a
    hole in time, the highest and lowest price and volume, values that are unknown and the first ones after), and the
    rest at random, one in each of equally long stretches.
    """
    n = len(market)
    if n < 2:
        return np.zeros(0, np.int64)
    if count >= n - 1:
        return np.arange(1, n, dtype=np.int64)
    rng = np.random.default_rng(seed)
    hidden = _hiding_places(market)
    most = int(count * _TARGETED)
    targeted = rng.choice(hidden, min(most, len(hidden)), replace=False) if len(hidden) else hidden
    edges = np.linspace(1, n, max(count - len(targeted) - 1, 1) + 1).astype(np.int64)
    spread = edges[:-1] + (rng.random(len(edges) - 1) * np.diff(edges)).astype(np.int64)
    cuts: NDArray[np.int64] = np.unique(np.concatenate([targeted, spread, [n - 1]]))
    return cuts


def largest_step(cuts: NDArray[np.int64], n: int) -> int:
    """Return g, so that among any g cuts in a row (up to n - 1) one was tried."""
    return int(np.diff(np.concatenate([[0], cuts, [n - 1]])).max()) if len(cuts) else n


def _hiding_places(market: Market) -> NDArray[np.int64]:
    """Return the cuts that part something from what belongs to it."""
    fields, n = market.fields, len(market)
    turns = [np.flatnonzero(np.diff(fields[SESSION]) != 0.0) + 1]
    steps = np.diff(market.ts_event)
    turns.append(np.flatnonzero(steps > 1.5 * np.median(steps)) + 1)
    turns += [np.flatnonzero(np.diff(np.isnan(fields[row]))) + 1 for row in (BUY_VOLUME, REFERENCE)]
    turns.append(np.flatnonzero(np.diff(fields[VOLUME] == 0.0)) + 1)
    tops = [int(f(fields[row])) for row in range(VOLUME + 1) for f in (np.argmax, np.argmin)]
    places = np.concatenate([*turns, np.array(tops, np.int64)])
    cuts = np.unique(np.concatenate([places - 1, places, places + 1]))
    inside: NDArray[np.int64] = cuts[(cuts >= 1) & (cuts <= n - 1)]
    return inside
