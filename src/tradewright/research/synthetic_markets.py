"""Markets made from a seed, about which the truth is known: without any edge, with a planted one, with a planted leak.

Prices follow a random walk whose volatility wanders (log volatility is a first-order autoregression). The share of
buying in the volume follows a hidden flow, another autoregression. In a market with an edge the flow of today moves the
price of tomorrow by ``edge`` standard deviations; without one it means nothing, and looks the same.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
from numpy.typing import NDArray

from tradewright.core.types.bar import Bars, blank_fields
from tradewright.core.types.calendar import Calendar
from tradewright.core.types.dtypes import BUY_VOLUME, CLOSE, HIGH, LOW, OPEN, TRADES, VOLUME
from tradewright.core.types.feature import Feature, Floats
from tradewright.core.types.instrument import FeeModel, Instrument
from tradewright.data.clock import fill_clock
from tradewright.data.timeframe import DAY
from tradewright.features.expression import parse_feature
from tradewright.features.leaks import Pipeline, pipeline_of
from tradewright.features.leaks.pipeline import Market
from tradewright.features.registry import build_feature

SYMBOL: Final = "SYN"
#: 2000-01-03 00:00 UTC, a Monday.
_FIRST = 946_857_600_000_000_000
#: What a study's models look at: returns, trend, volatility and flow.
FEATURES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "return_1": "log_return(1)",
        "return_5": "log_return(5)",
        "slope": "ema_slope(20)",
        "volatility": "realised_volatility(20)",
        "flow": "bar_flow_imbalance(2)",
        "flow_slow": "bar_flow_imbalance(10)",
        "volume": "volume_zscore(20)",
        "rsi": "rsi_wilder(14)",
    }
)


@dataclass(frozen=True, slots=True)
class SyntheticParams:
    """Shape of a market.

    Parameters
    ----------
    bars : int
        How many, a working day each.
    edge : float
        Standard deviations by which a flow of one standard deviation moves the next bar's price; 0: no edge.
    flow_memory : float
        Autocorrelation of the hidden flow from bar to bar.
    volatility : float
        Usual standard deviation of one bar's return.
    cost_bps : float
        Commission a side in basis points; half as much again is spread.
    """

    bars: int = 3_000
    edge: float = 0.0
    flow_memory: float = 0.9
    volatility: float = 0.01
    cost_bps: float = 2.0


@dataclass(frozen=True, slots=True)
class SyntheticMarket:
    """Bars with their instrument, and the hidden flow f8[n] that nobody but the study knows."""

    instrument: Instrument
    bars: Bars
    flow: NDArray[np.float64]


def synthetic_market(seed: int, params: SyntheticParams) -> SyntheticMarket:
    """Return a market; equal seeds and parameters, equal markets."""
    rng = np.random.default_rng(seed)
    n = params.bars
    scale = params.volatility * np.exp(0.3 * _autoregression(rng, n, 0.97))
    flow = _autoregression(rng, n, params.flow_memory)
    push = params.edge * np.concatenate([[0.0], flow[:-1]])
    close = 100.0 * np.exp(np.cumsum(scale * (rng.standard_normal(n) + push)))
    opens = np.concatenate([[100.0], close[:-1]]) * np.exp(0.02 * scale * rng.standard_normal(n))
    reach = np.abs(rng.standard_normal((2, n))) * 0.5 * scale
    fields = _fields(rng, (opens, close, reach), flow)
    day = np.arange(n, dtype=np.int64)
    ts_event = _FIRST + DAY * (1 + day // 5 * 7 + day % 5)  # Monday to Friday
    whole = blank_fields(ts_event)
    for row, values in fields.items():
        whole[row] = values
    fill_clock(whole, ts_event - DAY, ts_event, Calendar())
    fees = FeeModel(
        "synthetic", taker_bps=params.cost_bps, maker_bps=params.cost_bps, half_spread_bps=params.cost_bps / 2
    )
    instrument = Instrument(SYMBOL, tick_size="0.0001", lot_size="0.001", fees=fees)
    return SyntheticMarket(instrument, Bars(SYMBOL, ts_event - DAY, ts_event, whole), flow)


def _fields(
    rng: np.random.Generator, prices: tuple[Floats, Floats, Floats], flow: Floats
) -> dict[int, NDArray[np.float64]]:
    opens, close, reach = prices
    n = len(close)
    volume = np.floor(rng.lognormal(8.0, 0.5, n)) + 10.0
    share = 1.0 / (1.0 + np.exp(-(0.5 * flow + 0.1 * rng.standard_normal(n))))
    grid = 1e4
    opens, close = np.rint(opens * grid) / grid, np.rint(close * grid) / grid
    high = np.maximum(opens, close) * np.exp(reach[0])
    low = np.minimum(opens, close) * np.exp(-reach[1])
    return {
        OPEN: opens,
        HIGH: np.maximum(np.rint(high * grid) / grid, np.maximum(opens, close)),
        LOW: np.minimum(np.rint(low * grid) / grid, np.minimum(opens, close)),
        CLOSE: close,
        VOLUME: volume,
        TRADES: np.floor(volume / 10.0),
        BUY_VOLUME: volume * share,
    }


def _autoregression(rng: np.random.Generator, n: int, memory: float) -> Floats:
    """Return a first-order autoregression with a standard deviation of 1, f8[n]."""
    shocks = rng.standard_normal(n) * (1.0 - memory**2) ** 0.5
    values = np.empty(n)
    last = float(rng.standard_normal())
    for i in range(n):
        last = memory * last + float(shocks[i])
        values[i] = last
    return values


def study_features() -> dict[str, Feature]:
    """Return the features of `FEATURES`."""
    return {name: build_feature(parse_feature(text)) for name, text in FEATURES.items()}


def honest_pipeline() -> Pipeline:
    """Return the computation of `study_features`."""
    return pipeline_of(study_features())


def leaking_pipeline(name: str) -> Pipeline:
    """Return the honest features with one more that knows its future, one of `LEAKS`."""
    honest, leak = honest_pipeline(), LEAKS[name]

    def compute(market: Market) -> Mapping[str, Floats]:
        return {**honest.compute(market), name: leak(market.fields)}

    return Pipeline(f"with {name}", compute)


def _next_return(fields: Floats) -> Floats:
    """Return the change of the next bar: a join that is one row off."""
    close = fields[CLOSE]
    return np.append(close[1:] / close[:-1] - 1.0, np.nan)


def _centred_mean(fields: Floats) -> Floats:
    """Return the distance from a mean that is centred on the bar, so that half of it lies ahead."""
    close = fields[CLOSE]
    total = np.concatenate([[0.0], np.cumsum(close)])
    mean = np.full(len(close), np.nan)
    mean[2:-2] = (total[5:] - total[:-5])[: len(close) - 4] / 5.0
    away: Floats = close / mean - 1.0
    return away


def _filled_back(fields: Floats) -> Floats:
    """Return buying, smoothed forwards and backwards, as where gaps are filled from the next known value."""
    flow = fields[BUY_VOLUME] / fields[VOLUME] - 0.5
    smooth = np.convolve(flow, np.ones(7) / 7.0, mode="same")
    smooth[:20] = np.nan
    filled: Floats = smooth
    return filled


def _scaled_on_all(fields: Floats) -> Floats:
    """Return the place of the close between the lowest and highest of the whole history."""
    close = fields[CLOSE]
    reach = close.max() - close.min()
    place: Floats = (close - close.min()) / reach if reach > 0.0 else np.zeros(len(close))
    return place


#: Leaks that people make, by name: from the table of bars to a column.
LEAKS: Final[Mapping[str, Callable[[Floats], Floats]]] = MappingProxyType(
    {
        "next_return": _next_return,
        "centred_mean": _centred_mean,
        "filled_back": _filled_back,
        "scaled_on_all": _scaled_on_all,
    }
)
