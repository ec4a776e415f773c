from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

ROW = {"entry_high": 110.0, "entry_low": 90.0, "exit_high": 105.0, "exit_low": 95.0, "atr": 2.0}
PARAMS = {"weight": 0.5, "atr_stop": 3.0, "allow_short": True}


@pytest.mark.parametrize(
    ("position", "price", "size"),
    [
        (0.0, 110.01, 0.5),
        (0.0, 110.0, None),  # touching the channel is not leaving it
        (0.0, 90.0, None),
        (0.0, 89.99, -0.5),
        (10.0, 95.0, None),
        (10.0, 94.99, 0.0),
        (10.0, 120.0, None),
        (-10.0, 105.0, None),
        (-10.0, 105.01, 0.0),
        (-10.0, 80.0, None),
    ],
)
def test_levels(ask: Callable[..., Any], position: float, price: float, size: float | None) -> None:
    wishes = ask("donchian_breakout", ROW, params=PARAMS, position=position, price=price)
    assert [w["size"] for w in wishes] == ([] if size is None else [size])


def test_stop_lies_so_many_true_ranges_away(ask: Callable[..., Any]) -> None:
    (buy,) = ask("donchian_breakout", ROW, params=PARAMS, price=120.0)
    assert buy["stop_loss"] == pytest.approx(3.0 * 2.0 / 120.0)
    (wild,) = ask("donchian_breakout", {**ROW, "atr": 1000.0}, params=PARAMS, price=120.0)
    assert wild["stop_loss"] == 0.99
    (bare,) = ask("donchian_breakout", ROW, params={"atr_stop": 0.0}, price=120.0)
    assert bare["stop_loss"] != bare["stop_loss"]


def test_goes_short_only_when_allowed_and_waits_for_the_range(ask: Callable[..., Any]) -> None:
    assert ask("donchian_breakout", ROW, price=80.0) == []
    assert ask("donchian_breakout", {**ROW, "atr": float("nan")}, price=120.0) == []
