from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from tradewright.core.types.forecast import ForecastRow
from tradewright.strategies.confidence import Params
from tradewright.strategies.registry import built_in

PARAMS = {"weight": 0.5, "low_share": 0.2, "medium_share": 0.6, "rebalance": 0.1}
OFF = {"alignment": 100.0, "regime": 100.0, "since_open": 100.0, "until_close": 100.0}


def _forecast(p_up: float, p_down: float | None = None) -> ForecastRow:
    down = 1.0 - p_up if p_down is None else p_down
    return ForecastRow(p_up, down, 1.0 - p_up - down, 0.0)


@pytest.mark.parametrize(
    ("p_up", "size"),
    [
        (0.54, None),
        (0.55, 0.1),
        (0.6, 0.3),
        (0.7, 0.5),
        (0.3, -0.5),
        (0.45, -0.1),
        (0.5, None),
        (math.nan, None),
    ],
)
def test_the_tier_says_the_weight(ask: Callable[..., Any], p_up: float, size: float | None) -> None:
    wishes = ask("confidence", OFF, forecast=_forecast(p_up), params=PARAMS)
    assert [w["size"] for w in wishes] == ([] if size is None else [pytest.approx(size)])
    assert all(w["stop_loss"] == 0.02 for w in wishes)


@pytest.mark.parametrize(
    ("weight", "p_up", "size"),
    [
        (0.3, 0.6, None),  # where it should be
        (0.34, 0.6, None),  # off by less than the tolerance
        (0.36, 0.6, 0.3),
        (0.3, 0.7, 0.5),  # up a tier
        (0.3, 0.55, 0.1),  # down a tier
        (0.3, 0.5, 0.0),  # out of all tiers
        (0.3, 0.2, 0.0),  # the other way: first out
        (0.3, math.nan, 0.0),
        (-0.3, 0.4, None),
        (-0.3, 0.3, -0.5),
    ],
)
def test_what_is_held_follows_the_tier(ask: Callable[..., Any], weight: float, p_up: float, size: float | None) -> None:
    held = {"position": 1000.0 * weight, "weight": weight}
    wishes = ask("confidence", OFF, forecast=_forecast(p_up), params=PARAMS, **held)
    assert [w["size"] for w in wishes] == ([] if size is None else [pytest.approx(size)])
    assert all(math.isnan(w["stop_loss"]) for w in wishes)  # the first order brought the protection


def test_bias_takes_its_share_off_the_lead(ask: Callable[..., Any]) -> None:
    biased = {**PARAMS, "bias": -0.05}
    assert ask("confidence", OFF, forecast=_forecast(0.552), params=biased) == []
    assert ask("confidence", OFF, forecast=_forecast(0.552), params=PARAMS) != []
    assert ask("confidence", OFF, forecast=_forecast(0.5527), params=biased) != []


def test_shorts_can_be_forbidden(ask: Callable[..., Any]) -> None:
    params = {**PARAMS, "allow_short": False}
    assert ask("confidence", OFF, forecast=_forecast(0.1), params=params) == []
    (leave,) = ask("confidence", OFF, forecast=_forecast(0.1), params=params, position=5.0, weight=0.1)
    assert leave["size"] == 0.0


@pytest.mark.parametrize(
    ("params", "row", "p_up", "size"),
    [
        ({"alignment_boost": 0.5}, {"alignment": 1.0}, 0.6, 0.45),
        ({"alignment_boost": 0.5}, {"alignment": 1.0}, 0.4, -0.15),
        ({"alignment_boost": 1.0}, {"alignment": -1.0}, 0.6, None),
        ({"alignment_boost": 0.5}, {"alignment": math.nan}, 0.6, None),
        ({"regime_boost": 0.5}, {"regime": 0.0}, 0.6, 0.45),
        ({"regime_boost": 0.5}, {"regime": 1.0}, 0.6, 0.3),
        ({"regime_boost": 0.5}, {"regime": 2.0}, 0.6, 0.15),
        ({"session_minutes": 30.0}, {"since_open": 29.0, "until_close": 200.0}, 0.6, None),
        ({"session_minutes": 30.0}, {"since_open": 200.0, "until_close": 29.0}, 0.6, None),
        ({"session_minutes": 30.0}, {"since_open": 30.0, "until_close": 30.0}, 0.6, 0.3),
        ({"session_minutes": 30.0}, {"since_open": math.nan, "until_close": math.nan}, 0.6, None),
    ],
)
def test_boosters(
    ask: Callable[..., Any], params: dict[str, float], row: dict[str, float], p_up: float, size: float | None
) -> None:
    wishes = ask("confidence", OFF | row, forecast=_forecast(p_up), params=PARAMS | params)
    assert [w["size"] for w in wishes] == ([] if size is None else [pytest.approx(size)])


def test_boosters_that_are_off_compute_nothing() -> None:
    strategy = built_in("confidence")
    kinds = {spec.kind for spec in strategy.features(strategy.params()).values()}  # type: ignore[union-attr]
    assert kinds == {"close_price"}
    every = Params(alignment_boost=1, regime_boost=1, session_minutes=5)
    assert "close_price" not in {spec.kind for spec in strategy.features(every).values()}  # type: ignore[union-attr]


def test_two_scans_confirm() -> None:
    assert built_in("confidence").confirm_scans == 2
    assert built_in("probability").confirm_scans == 1


def test_tiers_must_ascend() -> None:
    with pytest.raises(ValidationError, match="must ascend"):
        Params(low=0.7, medium=0.6)
    with pytest.raises(ValidationError, match="must ascend"):
        Params(low_share=0.9)
