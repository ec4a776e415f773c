from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest

UP = {"fast": 101.0, "slow": 100.0}
DOWN = {"fast": 99.0, "slow": 100.0}


def test_is_long_above_and_flat_below(ask: Callable[..., Any]) -> None:
    (buy,) = ask("ema_cross", UP, params={"weight": 0.5})
    assert (buy["size"], buy["is_target"]) == (0.5, 1)
    assert math.isnan(buy["stop_loss"])
    assert ask("ema_cross", UP, position=10.0) == []
    (sell,) = ask("ema_cross", DOWN, position=10.0)
    assert (sell["size"], sell["is_target"]) == (0.0, 1)
    assert ask("ema_cross", DOWN) == []


def test_turns_short_only_when_allowed(ask: Callable[..., Any]) -> None:
    params = {"allow_short": True, "weight": 0.5, "stop_loss": 0.01, "take_profit": 0.02}
    (turn,) = ask("ema_cross", DOWN, params=params, position=10.0)
    assert (turn["size"], turn["stop_loss"], turn["take_profit"]) == (-0.5, 0.01, 0.02)
    assert ask("ema_cross", DOWN, params=params, position=-10.0) == []


@pytest.mark.parametrize("fast", [100.0, math.nan])
def test_does_nothing_on_a_tie_or_without_averages(ask: Callable[..., Any], fast: float) -> None:
    for position in (-10.0, 0.0, 10.0):
        assert ask("ema_cross", {"fast": fast, "slow": 100.0}, position=position) == []
