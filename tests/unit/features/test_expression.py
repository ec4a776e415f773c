"""Features as people write them."""

from __future__ import annotations

import pytest

from tradewright.core.types.errors import ConfigError
from tradewright.core.types.feature import feature
from tradewright.features.expression import parse_feature
from tradewright.features.named_sets import NAMES, STANDARD, named_set
from tradewright.features.registry import build_feature


def test_names_numbers_and_features_inside() -> None:
    assert parse_feature("ema(20)") == feature("ema", 20)
    assert parse_feature(" obv ") == feature("obv")
    assert parse_feature("zscore(100, ema_slope(20, -1.5))") == feature("zscore", 100, feature("ema_slope", 20, -1.5))
    assert parse_feature("zscore(100, obv_change)") == feature("zscore", 100, feature("obv_change"))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ema(",
        "ema(20)(3)",
        "a.b(1)",
        "ema(period=20)",
        "ema('x')",
        "ema(True)",
        "ema(*x)",
        "1 + 1",
        "-ema",
        "ema(-sma)",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(ConfigError, match=r"not a feature|neither a number nor a feature"):
        parse_feature(text)


def test_the_named_sets_can_be_built() -> None:
    assert len(STANDARD) == 30
    for name in NAMES:
        written = named_set(name)
        assert written
        for one in written.values():
            build_feature(parse_feature(one))
    assert named_set("unheard of") is None
