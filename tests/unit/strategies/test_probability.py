from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from tradewright.core.types.forecast import ForecastRow
from tradewright.strategies.probability import Params

PARAMS = {"enter_up": 0.6, "leave_up": 0.5, "enter_down": 0.7, "leave_down": 0.6, "weight": 0.5}
FLAT_TREND = {"slope": 0.0}


def _forecast(p_up: float, expected: float = 0.0) -> ForecastRow:
    return ForecastRow(p_up, 1.0 - p_up, 0.0, expected)


@pytest.mark.parametrize(
    ("position", "p_up", "size"),
    [
        (0.0, 0.61, 0.5),
        (0.0, 0.6, None),
        (0.0, 0.31, None),
        (0.0, 0.29, -0.5),
        (0.0, math.nan, None),
        (10.0, 0.5, None),
        (10.0, 0.49, 0.0),
        (10.0, math.nan, 0.0),  # the forecast has expired
        (-10.0, 0.39, None),
        (-10.0, 0.41, 0.0),
    ],
)
def test_each_direction_has_its_levels(
    ask: Callable[..., Any], position: float, p_up: float, size: float | None
) -> None:
    wishes = ask("probability", FLAT_TREND, forecast=_forecast(p_up), params=PARAMS, position=position)
    assert [w["size"] for w in wishes] == ([] if size is None else [size])


def test_shorts_can_be_forbidden(ask: Callable[..., Any]) -> None:
    assert ask("probability", FLAT_TREND, forecast=_forecast(0.1), params={**PARAMS, "allow_short": False}) == []


@pytest.mark.parametrize(
    ("p_up", "slope", "enters"),
    [(0.9, 0.001, True), (0.9, 0.0009, False), (0.9, math.nan, False), (0.1, -0.001, True), (0.1, 0.001, False)],
)
def test_the_trend_has_to_agree(ask: Callable[..., Any], p_up: float, slope: float, enters: bool) -> None:
    params = {**PARAMS, "trend_slope": 0.001}
    assert bool(ask("probability", {"slope": slope}, forecast=_forecast(p_up), params=params)) == enters


@pytest.mark.parametrize(
    ("p_up", "expected", "enters"),
    [(0.9, 0.004, True), (0.9, 0.0029, False), (0.9, math.nan, False), (0.1, -0.004, True), (0.1, 0.004, False)],
)
def test_the_expected_return_has_to_pay_the_costs(
    ask: Callable[..., Any], p_up: float, expected: float, enters: bool
) -> None:
    params = {**PARAMS, "min_return": 0.001, "costs": 0.002}
    assert bool(ask("probability", FLAT_TREND, forecast=_forecast(p_up, expected), params=params)) == enters


def test_is_protected_by_stop_target_and_time(ask: Callable[..., Any]) -> None:
    params = {**PARAMS, "stop_loss": 0.01, "take_profit": 0.0, "max_hours": 2.0}
    (buy,) = ask("probability", FLAT_TREND, forecast=_forecast(0.9), params=params)
    assert buy["stop_loss"] == 0.01
    assert math.isnan(buy["take_profit"])
    held = {"position": 10.0, "held_seconds": 7200.0}
    (leave,) = ask("probability", FLAT_TREND, forecast=_forecast(0.9), params=params, **held)
    assert leave["size"] == 0.0


def test_levels_must_not_cross() -> None:
    with pytest.raises(ValidationError, match=r"leave_up <= enter_up"):
        Params(enter_up=0.6, leave_up=0.7)
    with pytest.raises(ValidationError, match=r"both could hold"):
        Params(enter_up=0.4, leave_up=0.3, enter_down=0.5, leave_down=0.4)
    Params(enter_up=0.4, leave_up=0.3, enter_down=0.5, leave_down=0.4, allow_short=False)
