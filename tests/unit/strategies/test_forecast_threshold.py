from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from tradewright.core.types.forecast import ForecastRow
from tradewright.strategies.forecast_threshold import Params

PARAMS = {"enter_above": 0.6, "leave_below": 0.5, "stop_loss": 0.02, "take_profit": 0.03, "weight": 0.5}


def _up(p: float) -> ForecastRow:
    return ForecastRow(p, 1.0 - p, 0.0, 0.0)


@pytest.mark.parametrize(
    ("position", "p_up", "size"),
    [
        (0.0, 0.61, 0.5),
        (0.0, 0.6, None),
        (0.0, 0.1, None),  # never short
        (0.0, math.nan, None),
        (10.0, 0.7, None),
        (10.0, 0.5, None),
        (10.0, 0.49, 0.0),
        (10.0, math.nan, 0.0),  # the forecast has expired
    ],
)
def test_levels(ask: Callable[..., Any], position: float, p_up: float, size: float | None) -> None:
    wishes = ask("forecast_threshold", forecast=_up(p_up), params=PARAMS, position=position)
    assert [w["size"] for w in wishes] == ([] if size is None else [size])


def test_is_protected_by_stop_target_and_time(ask: Callable[..., Any]) -> None:
    (buy,) = ask("forecast_threshold", forecast=_up(0.9), params=PARAMS)
    assert (buy["stop_loss"], buy["take_profit"]) == (0.02, 0.03)
    params = {**PARAMS, "max_hours": 2.0}
    held = {"position": 10.0, "held_seconds": 7199.0}
    assert ask("forecast_threshold", forecast=_up(0.9), params=params, **held) == []
    (leave,) = ask("forecast_threshold", forecast=_up(0.9), params=params, **held | {"held_seconds": 7200.0})
    assert leave["size"] == 0.0


def test_levels_must_not_cross() -> None:
    with pytest.raises(ValidationError, match=r"leave_below <= enter_above is needed, got 0\.7 > 0\.6"):
        Params(enter_above=0.6, leave_below=0.7)
