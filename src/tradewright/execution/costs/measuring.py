"""From samples to a version of the model: pooled by instrument and class; by session and over the day."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.execution_costs import SESSIONS
from tradewright.execution.costs.distribution import Distribution, distribution_of
from tradewright.execution.costs.model import ALL, CostModel, Liquidity, Pool

Floats = NDArray[np.float64]
Stamps = NDArray[np.int64]
#: A quote counts for the time it stood, but no longer: behind a longer silence nobody knows what it was worth, s.
LONGEST_QUOTE_S = 60.0
_BPS = 1e4
_NS_PER_S = 1e9
_NS_PER_MS = 1e6


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples of one quantity of one instrument: when (i8[n], ns UTC), how much and for how long (f8[n])."""

    symbol: str
    quantity: str
    ts: Stamps
    values: Floats
    weights: Floats


@dataclass(frozen=True, slots=True)
class OwnFills:
    """Orders of ours that were filled, in arrays of length n.

    ``decided`` and ``filled`` i8 ns UTC; ``side`` +1 or -1; ``decision_price`` (mid known when it was decided, NaN =
    unknown), ``price`` paid, ``half_spread_bps`` of the quote at the decision (0 = not known); ``fee_share`` of the
    traded value; ``fill_ratio`` of the whole order (NaN on all but one fill of an order); ``is_maker`` bool.
    """

    symbol: str
    decided: Stamps
    filled: Stamps
    side: Floats
    decision_price: Floats
    price: Floats
    half_spread_bps: Floats
    fee_share: Floats
    fill_ratio: Floats
    is_maker: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Origin:
    """What a version says about itself."""

    version: str
    as_of: str
    sources: tuple[str, ...]
    simulated: bool
    classes: Mapping[str, str]
    liquidity: Mapping[str, Liquidity] = field(default_factory=dict)


def spread_samples(symbol: str, ts: Stamps, bid: Floats, ask: Floats) -> Samples:
    """Return half the quoted spread in basis points of the mid, weighted by how long each quote stood.

    Crossed and empty quotes are left out: nobody could have traded on them.
    """
    stood = np.diff(ts, append=ts[-1:]) / _NS_PER_S
    good = np.isfinite(bid) & np.isfinite(ask) & (bid > 0.0) & (ask >= bid)
    mid = 0.5 * (bid[good] + ask[good])
    values = 0.5 * (ask[good] - bid[good]) / mid * _BPS
    weights = np.minimum(stood[good], LONGEST_QUOTE_S)
    return Samples(symbol, "half_spread_bps", ts[good], values, weights)


def fill_samples(fills: OwnFills) -> list[Samples]:
    """Return what own fills tell: slippage beyond the spread, fees, latency and fill ratio.

    Slippage is what a taker paid beyond the mid known at the decision and half the spread, against us above zero.
    """
    takes = ~fills.is_maker
    slippage = fills.side * (fills.price / fills.decision_price - 1.0) * _BPS - fills.half_spread_bps
    latency = (fills.filled - fills.decided) / _NS_PER_MS
    found = []
    for quantity, values, mine in (
        ("slippage_bps", slippage, takes),
        ("latency_ms", latency, takes),
        ("taker_fee_bps", fills.fee_share * _BPS, takes),
        ("maker_fee_bps", fills.fee_share * _BPS, fills.is_maker),
        ("fill_ratio", fills.fill_ratio, np.ones(len(takes), np.bool_)),
    ):
        chosen = mine & np.isfinite(values)
        if quantity == "latency_ms":
            chosen &= values > 0.0  # a stop, and what filled at once in a simulation, has no way to count
        if chosen.any():
            weights = np.ones(int(chosen.sum()))
            found.append(Samples(fills.symbol, quantity, fills.decided[chosen], values[chosen], weights))
    return found


def session_of(ts: Stamps, starts: Stamps, labels: Stamps) -> Stamps:
    """Return the number of the session each time lies in, i8[n]; before the first start it is ``off_hours``."""
    at = np.searchsorted(starts, ts, side="right") - 1
    found: Stamps = np.append(labels, len(SESSIONS) - 1)[at]  # -1, before all, is the one appended
    return found


def measured_model(samples: Sequence[Samples], sessions: tuple[Stamps, Stamps], origin: Origin) -> CostModel:
    """Return a version of the model.

    Parameters
    ----------
    samples : sequence of Samples
    sessions : pair of i8[k]
        When sessions begin, ns UTC, and their numbers.
    origin : Origin
    """
    starts, labels = sessions
    gathered: dict[tuple[str, str, str], list[tuple[Floats, Floats]]] = {}
    for one in samples:
        numbers = session_of(one.ts, starts, labels)
        for pool in (one.symbol, f"class {origin.classes[one.symbol]}"):
            for number, session in enumerate((*SESSIONS, ALL)):
                mine = np.ones(len(numbers), np.bool_) if session == ALL else numbers == number
                if mine.any() and one.weights[mine].sum() > 0.0:
                    gathered.setdefault((pool, session, one.quantity), []).append((one.values[mine], one.weights[mine]))
    cells: dict[str, dict[str, dict[str, Distribution]]] = {}
    for (pool, session, quantity), parts in sorted(gathered.items()):
        values, weights = (np.concatenate([p[k] for p in parts]) for k in (0, 1))
        cells.setdefault(pool, {}).setdefault(session, {})[quantity] = distribution_of(values, weights)
    pools = {
        name.removeprefix("class "): Pool(cells=found) for name, found in cells.items() if name.startswith("class ")
    }
    return CostModel.model_validate(
        {
            "version": origin.version,
            "as_of": origin.as_of,
            "simulated": origin.simulated,
            "sources": origin.sources,
            "classes": dict(sorted(origin.classes.items())),
            "instruments": {name: Pool(cells=found) for name, found in cells.items() if not name.startswith("class ")},
            "pools": pools,
            "liquidity": dict(sorted(origin.liquidity.items())),
        }
    )


def liquidity_of(days: Stamps, closes: Floats, volumes: Floats) -> Liquidity | None:
    """Return units traded and deviation of log returns a day; None where volume or days are too few to tell.

    Parameters
    ----------
    days : i8[n]
        Number of the trading day of each bar, ascending.
    closes, volumes : f8[n]
    """
    last = np.append(np.flatnonzero(np.diff(days)), len(days) - 1) if len(days) else np.zeros(0, np.int64)
    if len(last) < 3:
        return None
    units = np.diff(np.append(0.0, np.cumsum(volumes)[last]))
    deviation = float(np.std(np.diff(np.log(closes[last])), ddof=1))
    if not (units.mean() > 0.0 and deviation > 0.0):
        return None
    return Liquidity(daily_units=float(units.mean()), daily_volatility=deviation, days=len(last))
