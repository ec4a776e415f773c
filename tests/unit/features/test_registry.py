"""What holds for every registered constructor."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

import pytest

import tradewright.features
from tradewright.core.types.bar import Bars
from tradewright.core.types.errors import ConfigError
from tradewright.core.types.feature import FeatureSpec, feature
from tradewright.features import REGISTRY, build_feature, ema, ema_slope, zscore
from tradewright.features.batch import run_over

WITH_PARAMETER = sorted(name for name, make in REGISTRY.items() if inspect.signature(make).parameters)
NEED_TWO = {
    "adx",
    "bar_flow_imbalance",
    "bollinger_bandwidth",
    "bollinger_lower",
    "bollinger_percent_b",
    "bollinger_upper",
    "minus_di",
    "plus_di",
    "robust_zscore",
    "roll_spread",
    "rolling_beta",
    "rolling_correlation",
    "rolling_rank",
    "rolling_volatility",
    "trade_count_zscore",
    "volatility_regime",
    "volume_zscore",
    "vwap_zscore",
    "yang_zhang_volatility",
    "zscore",
}


def test_every_constructor_is_public() -> None:
    for name, make in REGISTRY.items():
        assert getattr(tradewright.features, name) is make
        assert name in tradewright.features.__all__


@pytest.mark.parametrize("value", [0, -3, 2.5, "14", True])
@pytest.mark.parametrize("name", WITH_PARAMETER)
def test_a_senseless_parameter_is_named(name: str, value: object) -> None:
    parameter = next(iter(inspect.signature(REGISTRY[name]).parameters))
    with pytest.raises(ValueError, match=rf"^{parameter} must be a whole number"):
        REGISTRY[name](value)


@pytest.mark.parametrize("name", WITH_PARAMETER)
def test_the_smallest_parameter(name: str, make_bars: Callable[..., Bars]) -> None:
    if name in NEED_TWO:
        with pytest.raises(ValueError, match="at least 2, got 1"):
            REGISTRY[name](1)
    else:
        assert len(run_over(REGISTRY[name](1), make_bars([1.0, 2.0, 3.0]).fields)) == 3


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_no_bars_give_no_values(name: str, make_bars: Callable[..., Bars]) -> None:
    assert run_over(REGISTRY[name](), make_bars([]).fields).shape == (0,)


def test_a_feature_is_built_from_its_name() -> None:
    assert build_feature(FeatureSpec("ema", (20.0,))) == ema(20)
    assert build_feature(FeatureSpec("ema")) == ema()
    assert build_feature(feature("zscore", 50, feature("ema_slope", 10))) == zscore(50, ema_slope(10))


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (FeatureSpec("emma", (20,)), "feature emma: there is no feature named 'emma'. Choose one of .*ema, "),
        (FeatureSpec("ema", (20, 3)), r"feature ema: 2 arguments were given, it takes \['period'\]"),
        (FeatureSpec("true_range", (1,)), "feature true_range: 1 arguments were given, it takes none"),
        (FeatureSpec("zscore", (9, 3.0)), "feature zscore: of must be a feature with a compiled step, got 3.0"),
        (FeatureSpec("zscore", (9, FeatureSpec("emma"))), "feature emma: there is no feature named"),
        (FeatureSpec("zscore", (9, FeatureSpec("zscore"))), "has 8 params, only 6 leave room for a normalisation"),
        (FeatureSpec("ema", (0,)), "feature ema: period must be a whole number of at least 1, got 0"),
    ],
)
def test_a_wrong_name_or_argument_is_explained(spec: FeatureSpec, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        build_feature(spec)
    assert re.search(message, str(caught.value))


def test_keys_tell_features_apart() -> None:
    keys = [make().key for make in REGISTRY.values()]
    assert len(set(keys)) == len(keys)
    assert ema(20).key == "ema.seed_sma.v1(20)"
    assert ema(1_000_001).key != ema(1_000_000).key
