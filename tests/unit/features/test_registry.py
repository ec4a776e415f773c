"""What holds for every registered constructor."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable

import pytest

import tradewright.features
from tradewright.core.types.bar import Bars
from tradewright.core.types.errors import ConfigError
from tradewright.core.types.feature import FeatureSpec
from tradewright.features import REGISTRY, build_feature, compute, ema

WITH_PARAMETER = sorted(name for name, make in REGISTRY.items() if inspect.signature(make).parameters)
NEED_TWO = {"rolling_volatility", "volume_zscore", "vwap_zscore"}


def test_every_constructor_is_public() -> None:
    for name, make in REGISTRY.items():
        assert getattr(tradewright.features, name) is make
        assert name in tradewright.features.__all__


@pytest.mark.parametrize("value", [0, -3, 2.5, "14", True])
@pytest.mark.parametrize("name", WITH_PARAMETER)
def test_a_senseless_parameter_is_named(name: str, value: object) -> None:
    (parameter,) = inspect.signature(REGISTRY[name]).parameters
    with pytest.raises(ValueError, match=rf"^{parameter} must be a whole number"):
        REGISTRY[name](value)


@pytest.mark.parametrize("name", WITH_PARAMETER)
def test_the_smallest_parameter(name: str, make_bars: Callable[..., Bars]) -> None:
    if name in NEED_TWO:
        with pytest.raises(ValueError, match="at least 2, got 1"):
            REGISTRY[name](1)
    else:
        assert len(compute(REGISTRY[name](1), make_bars([1.0, 2.0, 3.0]))) == 3


@pytest.mark.parametrize("name", sorted(REGISTRY))
def test_no_bars_give_no_values(name: str, make_bars: Callable[..., Bars]) -> None:
    assert compute(REGISTRY[name](), make_bars([])).shape == (0,)


def test_a_feature_is_built_from_its_name() -> None:
    assert build_feature(FeatureSpec("ema", (20.0,))) == ema(20)
    assert build_feature(FeatureSpec("ema")) == ema()


@pytest.mark.parametrize(
    ("spec", "message"),
    [
        (FeatureSpec("emma", (20,)), "feature emma: there is no feature named 'emma'. Choose one of .*ema, "),
        (FeatureSpec("ema", (20, 3)), r"feature ema: 2 arguments were given, it takes \['period'\]"),
        (FeatureSpec("true_range", (1,)), "feature true_range: 1 arguments were given, it takes none"),
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
