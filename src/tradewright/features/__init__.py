"""Features: numbers computed from events, one streaming step each, the same in research and live."""

from tradewright.features.batch import compute
from tradewright.features.channel import (
    donchian_high,
    donchian_high_inclusive,
    donchian_low,
    donchian_low_inclusive,
)
from tradewright.features.contract import FeatureContractError, check_feature
from tradewright.features.feature_set import FeatureSet
from tradewright.features.momentum import rsi_wilder
from tradewright.features.moving_average import ema, ema_recursive, sma
from tradewright.features.price import bar_volume, close_price, high_price, low_price, open_price
from tradewright.features.range import atr_sma, atr_wilder, true_range
from tradewright.features.registry import REGISTRY, build_feature
from tradewright.features.returns import log_return, simple_return
from tradewright.features.volatility import rolling_volatility
from tradewright.features.volume import volume_zscore
from tradewright.features.vwap import vwap_session, vwap_zscore

__all__ = [
    "REGISTRY",
    "FeatureContractError",
    "FeatureSet",
    "atr_sma",
    "atr_wilder",
    "bar_volume",
    "build_feature",
    "check_feature",
    "close_price",
    "compute",
    "donchian_high",
    "donchian_high_inclusive",
    "donchian_low",
    "donchian_low_inclusive",
    "ema",
    "ema_recursive",
    "high_price",
    "log_return",
    "low_price",
    "open_price",
    "rolling_volatility",
    "rsi_wilder",
    "simple_return",
    "sma",
    "true_range",
    "volume_zscore",
    "vwap_session",
    "vwap_zscore",
]
