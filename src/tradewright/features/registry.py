"""Every feature of the package by the name of its constructor."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from tradewright.core.types.errors import ConfigError
from tradewright.core.types.feature import Feature, FeatureSpec
from tradewright.features.channel import (
    donchian_high,
    donchian_high_inclusive,
    donchian_low,
    donchian_low_inclusive,
)
from tradewright.features.momentum import rsi_wilder
from tradewright.features.moving_average import ema, ema_recursive, sma
from tradewright.features.price import bar_volume, close_price, high_price, low_price, open_price
from tradewright.features.range import atr_sma, atr_wilder, true_range
from tradewright.features.returns import log_return, simple_return
from tradewright.features.volatility import rolling_volatility
from tradewright.features.volume import volume_zscore
from tradewright.features.vwap import vwap_session, vwap_zscore

_CONSTRUCTORS: tuple[Callable[..., Feature], ...] = (
    atr_sma,
    atr_wilder,
    bar_volume,
    close_price,
    donchian_high,
    donchian_high_inclusive,
    donchian_low,
    donchian_low_inclusive,
    ema,
    ema_recursive,
    high_price,
    log_return,
    low_price,
    open_price,
    rolling_volatility,
    rsi_wilder,
    simple_return,
    sma,
    true_range,
    volume_zscore,
    vwap_session,
    vwap_zscore,
)

#: Constructors by name. Each has a default for every parameter, so ``REGISTRY[name]()`` is an example.
REGISTRY: Final[Mapping[str, Callable[..., Feature]]] = MappingProxyType({c.__name__: c for c in _CONSTRUCTORS})


def build_feature(spec: FeatureSpec) -> Feature:
    """Return the feature that a strategy asks for by name.

    Raises
    ------
    ConfigError
        If there is no such feature, it takes other arguments, or an argument makes no sense.
    """
    where = f"feature {spec.kind}"
    constructor = REGISTRY.get(spec.kind)
    if constructor is None:
        msg = f"there is no feature named {spec.kind!r}"
        raise ConfigError(msg, where=where, fix=f"Choose one of {', '.join(sorted(REGISTRY))}")
    names = list(inspect.signature(constructor).parameters)
    if len(spec.args) > len(names):
        msg = f"{len(spec.args)} arguments were given, it takes {names or 'none'}"
        raise ConfigError(msg, where=where)
    try:
        return constructor(*spec.args)
    except ValueError as error:
        raise ConfigError(str(error), where=where) from error
