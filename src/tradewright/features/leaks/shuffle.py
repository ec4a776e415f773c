"""The future-shuffle test: with another future, the values so far are the same.

Truncation alone can be fooled by code that asks whether there is more data. Here the number of events and their times
stay; what they say after the cut is shuffled, or multiplied by noise.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.dtypes import (
    ASK,
    ASK_SIZE,
    BID,
    BID_SIZE,
    BUY_VOLUME,
    CLOSE,
    OPEN,
    PRICE,
    REFERENCE,
    SIZE,
    TRADES,
    VOLUME,
)
from tradewright.core.types.events import EventKind
from tradewright.core.types.feature import Floats
from tradewright.features.leaks.cuts import choose_cuts
from tradewright.features.leaks.finding import Detector, LeakFinding, LeakVerdict
from tradewright.features.leaks.pipeline import (
    Market,
    Pipeline,
    columns_of,
    first_difference,
    kind_of,
    scale_of,
    with_fields,
)

#: What an event says, and not its clock: these rows are shuffled.
_SAYS = (*range(VOLUME + 1), TRADES, BUY_VOLUME, REFERENCE)
_PRICES = {EventKind.BAR: (*range(OPEN, CLOSE + 1), REFERENCE), EventKind.QUOTE: (BID, ASK), EventKind.TRADE: (PRICE,)}
_SIZES = {EventKind.BAR: (VOLUME, BUY_VOLUME), EventKind.QUOTE: (BID_SIZE, ASK_SIZE), EventKind.TRADE: (SIZE,)}
_VOLATILITY = 0.02


@dataclass(frozen=True, slots=True)
class ShuffleParams:
    """``cuts`` places, each with two futures; ``tolerance`` and ``seed`` as in `TruncationParams`."""

    cuts: int = 24
    tolerance: float = 1e-9
    seed: int = 0


def check_future_shuffle(
    pipeline: Pipeline, market: Market, params: ShuffleParams | None = None, known: dict[str, Floats] | None = None
) -> LeakVerdict:
    """Change everything after a cut, and compare every value before it.

    Raises
    ------
    RunError
        If the pipeline fails on such data.
    """
    params = params or ShuffleParams()
    whole = known or columns_of(pipeline, market)
    scales = {name: scale_of(column) for name, column in whole.items()}
    tolerance = 0.0 if pipeline.stream is not None else params.tolerance
    rng = np.random.default_rng(params.seed)
    found: dict[str, LeakFinding] = {}
    trials = 0
    cuts = choose_cuts(market, params.cuts, params.seed)
    for cut in cuts.tolist():
        for what, change in (("shuffled", shuffled), ("noisy", noisy)):
            other = columns_of(pipeline, with_fields(market, change(market, cut, rng)), tuple(whole))
            trials += 1
            for name, column in whole.items():
                bar = first_difference(other[name][:cut], column[:cut], tolerance, scales[name])
                if bar >= 0 and (name not in found or bar < found[name].bar):
                    detail = (
                        f"{column[bar]:.10g} becomes {other[name][bar]:.10g} with a {what} future from bar {cut} on"
                    )
                    found[name] = LeakFinding(Detector.SHUFFLE, name, bar, int(market.ts_event[bar]), detail)
    findings = tuple(found[name] for name in whole if name in found)
    proves = f"no value before {len(cuts)} cuts changed when all that came after was shuffled, and multiplied by noise"
    return LeakVerdict(Detector.SHUFFLE, findings, trials, proves)


def shuffled(market: Market, cut: int, rng: np.random.Generator) -> Floats:
    """Return fields whose events from the cut on have changed places; each keeps its time."""
    fields = market.fields.copy()
    order = cut + rng.permutation(fields.shape[1] - cut)
    for row in _SAYS:
        fields[row, cut:] = market.fields[row, order]
    return fields


def noisy(market: Market, cut: int, rng: np.random.Generator) -> Floats:
    """Return fields whose prices from the cut on follow another walk as well, and whose sizes are other ones."""
    fields = market.fields.copy()
    n = fields.shape[1] - cut
    walk: NDArray[np.float64] = np.exp(np.cumsum(rng.normal(0.0, _VOLATILITY, n)))
    sizes = rng.gamma(2.0, 1.0, n)
    kind = kind_of(market)
    for row in _PRICES.get(kind, ()):
        fields[row, cut:] *= walk
    for row in _SIZES.get(kind, ()):
        fields[row, cut:] *= sizes
    return fields
