"""Features: numbers computed from events, one streaming step each, the same in research and live."""

from __future__ import annotations

from tradewright.features.batch import compute
from tradewright.features.bollinger import bollinger_bandwidth, bollinger_lower, bollinger_percent_b, bollinger_upper
from tradewright.features.channel import donchian_high, donchian_high_inclusive, donchian_low, donchian_low_inclusive
from tradewright.features.clock import day_of_week_cos, day_of_week_sin, time_of_day_cos, time_of_day_sin
from tradewright.features.contract import FeatureContractError, check_feature
from tradewright.features.cross_asset import reference_return, relative_return, rolling_beta, rolling_correlation
from tradewright.features.feature_set import FeatureSet
from tradewright.features.lag import lagged
from tradewright.features.macd import macd_histogram, macd_line, macd_signal
from tradewright.features.momentum import rsi_wilder
from tradewright.features.money_flow import money_flow_index, obv_change, on_balance_volume
from tradewright.features.moving_average import ema, ema_recursive, sma
from tradewright.features.normalise import robust_zscore, rolling_rank, zscore
from tradewright.features.order_flow import (
    bar_flow_imbalance,
    depth_imbalance,
    quote_flow_imbalance,
    trade_flow_imbalance,
)
from tradewright.features.oscillator import rate_of_change, stochastic_d, stochastic_k, williams_r
from tradewright.features.price import bar_volume, close_price, high_price, low_price, open_price
from tradewright.features.range import atr_sma, atr_wilder, true_range
from tradewright.features.registry import REGISTRY, build_feature
from tradewright.features.returns import log_return, simple_return
from tradewright.features.session import (
    minutes_since_open,
    minutes_until_close,
    overnight_gap,
    session_range_position,
    session_return,
)
from tradewright.features.slope import ema_slope, sma_slope
from tradewright.features.spread import corwin_schultz_spread, quoted_spread, roll_spread
from tradewright.features.timeframes import momentum_alignment, momentum_divergence, timeframe_return
from tradewright.features.trend import adx, aroon_down, aroon_oscillator, aroon_up, cci, minus_di, plus_di
from tradewright.features.volatility import (
    garman_klass_volatility,
    parkinson_volatility,
    realised_volatility,
    rogers_satchell_volatility,
    rolling_volatility,
    volatility_regime,
    yang_zhang_volatility,
)
from tradewright.features.volume import trade_count_zscore, volume_zscore
from tradewright.features.vwap import vwap_session, vwap_zscore

__all__ = [
    "REGISTRY",
    "FeatureContractError",
    "FeatureSet",
    "adx",
    "aroon_down",
    "aroon_oscillator",
    "aroon_up",
    "atr_sma",
    "atr_wilder",
    "bar_flow_imbalance",
    "bar_volume",
    "bollinger_bandwidth",
    "bollinger_lower",
    "bollinger_percent_b",
    "bollinger_upper",
    "build_feature",
    "cci",
    "check_feature",
    "close_price",
    "compute",
    "corwin_schultz_spread",
    "day_of_week_cos",
    "day_of_week_sin",
    "depth_imbalance",
    "donchian_high",
    "donchian_high_inclusive",
    "donchian_low",
    "donchian_low_inclusive",
    "ema",
    "ema_recursive",
    "ema_slope",
    "garman_klass_volatility",
    "high_price",
    "lagged",
    "log_return",
    "low_price",
    "macd_histogram",
    "macd_line",
    "macd_signal",
    "minus_di",
    "minutes_since_open",
    "minutes_until_close",
    "momentum_alignment",
    "momentum_divergence",
    "money_flow_index",
    "obv_change",
    "on_balance_volume",
    "open_price",
    "overnight_gap",
    "parkinson_volatility",
    "plus_di",
    "quote_flow_imbalance",
    "quoted_spread",
    "rate_of_change",
    "realised_volatility",
    "reference_return",
    "relative_return",
    "robust_zscore",
    "rogers_satchell_volatility",
    "roll_spread",
    "rolling_beta",
    "rolling_correlation",
    "rolling_rank",
    "rolling_volatility",
    "rsi_wilder",
    "session_range_position",
    "session_return",
    "simple_return",
    "sma",
    "sma_slope",
    "stochastic_d",
    "stochastic_k",
    "time_of_day_cos",
    "time_of_day_sin",
    "timeframe_return",
    "trade_count_zscore",
    "trade_flow_imbalance",
    "true_range",
    "volatility_regime",
    "volume_zscore",
    "vwap_session",
    "vwap_zscore",
    "williams_r",
    "yang_zhang_volatility",
    "zscore",
]
