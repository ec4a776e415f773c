"""Sets of features that have a name, each feature written as in a file of one's own."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from tradewright.core.types.events import EventKind
from tradewright.features.registry import REGISTRY

#: Thirty features of bars, from every family.
STANDARD: Final[Mapping[str, str]] = MappingProxyType(
    {
        "return_1": "log_return(1)",
        "return_5": "log_return(5)",
        "return_15": "log_return(15)",
        "return_60": "log_return(60)",
        "ema_slope": "ema_slope(20)",
        "sma_slope": "sma_slope(50)",
        "atr": "atr_wilder(14)",
        "realised": "realised_volatility(20)",
        "parkinson": "parkinson_volatility(20)",
        "garman_klass": "garman_klass_volatility(20)",
        "regime": "volatility_regime(20, 250)",
        "rsi": "rsi_wilder(14)",
        "macd": "macd_histogram",
        "percent_b": "bollinger_percent_b(20)",
        "stochastic": "stochastic_k(14)",
        "adx": "adx(14)",
        "money_flow": "money_flow_index(14)",
        "vwap": "vwap_zscore(20)",
        "flow": "bar_flow_imbalance(20)",
        "spread": "corwin_schultz_spread(20)",
        "volume": "volume_zscore(20)",
        "trades": "trade_count_zscore(20)",
        "time_sin": "time_of_day_sin",
        "time_cos": "time_of_day_cos",
        "weekday_sin": "day_of_week_sin",
        "weekday_cos": "day_of_week_cos",
        "since_open": "minutes_since_open",
        "gap": "overnight_gap",
        "alignment": "momentum_alignment(3)",
        "return_5_z": "zscore(100, log_return(5))",
    }
)


def named_set(name: str) -> Mapping[str, str] | None:
    """Return a set by name: ``standard``, or ``registered`` for all features of bars as they come; None if unknown."""
    if name == "standard":
        return STANDARD
    if name == "registered":
        return {n: n for n in sorted(REGISTRY) if REGISTRY[n]().reads in (None, EventKind.BAR)}
    return None


#: What `named_set` knows.
NAMES: Final = ("standard", "registered")
