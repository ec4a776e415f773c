"""Several strategies as one: whose instruments, whose features, and what cannot be combined."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tradewright.core.types.errors import ConfigError
from tradewright.engine.binding import param_values
from tradewright.engine.deciders import own_features
from tradewright.strategies.combination import CombinedParams, Part, combined
from tradewright.strategies.registry import built_in


def _part(name: str, instruments: int = 1, label: str = "") -> Part:
    strategy = built_in(name)
    return Part(replace(strategy, name=label or name), strategy.params(), instruments)


def test_each_owns_its_instruments_features_and_parameters() -> None:
    parts = [_part("ema_cross", 2), _part("forecast_threshold"), _part("ema_cross", 1, "ema.slow")]
    strategy, params = combined(parts)
    assert strategy.name == "ema_cross+forecast_threshold+ema.slow"
    assert [strategy.of(j).name for j in range(4)] == ["ema_cross", "ema_cross", "forecast_threshold", "ema.slow"]
    names = list(strategy.features(params))
    assert names == ["ema_cross.fast", "ema_cross.slow", "ema.slow.fast", "ema.slow.slow"]
    assert [own_features(strategy, names, j) for j in (0, 2, 3)] == [("fast", "slow"), (), ("fast", "slow")]
    assert isinstance(params, CombinedParams)
    assert param_values(params).tolist() == [v for part in parts for v in param_values(part.params)]


def test_one_alone_is_itself() -> None:
    part = _part("ema_cross")
    assert combined([part]) == (part.strategy, part.params)


def test_what_it_is_made_of_is_in_its_hash() -> None:
    one, two = (combined([_part("ema_cross", n), _part("forecast_threshold")])[0].source_hash for n in (1, 2))
    assert one != two
    unknown = Part(replace(built_in("forecast_threshold"), source_hash=""), built_in("forecast_threshold").params(), 1)
    assert combined([_part("ema_cross"), unknown])[0].source_hash == ""


def test_plain_python_and_forecasts_are_passed_on() -> None:
    plain = _part("confidence")
    strategy, _ = combined([_part("ema_cross"), replace(plain, strategy=replace(plain.strategy, is_compiled=False))])
    assert (strategy.is_compiled, strategy.uses_forecast) == (False, True)
    assert [strategy.of(j).confirm_scans for j in range(2)] == [1, 2]


def test_many_have_a_short_name() -> None:
    parts = [_part("ema_cross", 1, f"a_rather_long_name_{k}") for k in range(5)]
    assert combined(parts)[0].name == "5-strategies"


@pytest.mark.parametrize(
    ("names", "said"),
    [(("ema_cross", "ema_cross"), "label"), (("ema_cross", "momentum_rotation"), "account of its own")],
)
def test_what_cannot_be_combined_is_refused(names: tuple[str, ...], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        combined([_part(name) for name in names])
