from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from tradewright.strategies.vwap_reversion import Params

PARAMS = {"entry_z": 2.0, "exit_z": 0.5, "break_z": 4.0, "max_bars": 10, "weight": 0.5, "stop_loss": 0.01}


@pytest.mark.parametrize(
    ("position", "z", "size"),
    [
        (0.0, -2.5, 0.5),
        (0.0, 2.5, -0.5),
        (0.0, -2.0, None),
        (0.0, -4.0, None),  # a break, not a stretch
        (0.0, 4.5, None),
        (10.0, -1.0, None),
        (10.0, -0.5, 0.0),
        (10.0, 3.0, 0.0),
        (10.0, -4.0, 0.0),
        (-10.0, 1.0, None),
        (-10.0, 0.5, 0.0),
        (-10.0, 4.0, 0.0),
    ],
)
def test_levels(ask: Callable[..., Any], position: float, z: float, size: float | None) -> None:
    wishes = ask("vwap_reversion", {"z": z}, params=PARAMS, position=position)
    assert [w["size"] for w in wishes] == ([] if size is None else [size])


def test_holds_no_longer_than_allowed(ask: Callable[..., Any]) -> None:
    assert ask("vwap_reversion", {"z": -2.0}, params=PARAMS, position=10.0, held_events=9.0) == []
    (leave,) = ask("vwap_reversion", {"z": -2.0}, params=PARAMS, position=10.0, held_events=10.0)
    assert leave["size"] == 0.0
    unlimited = {**PARAMS, "max_bars": 0}
    assert ask("vwap_reversion", {"z": -2.0}, params=unlimited, position=10.0, held_events=1e6) == []


def test_has_a_stop_and_may_be_long_only(ask: Callable[..., Any]) -> None:
    (buy,) = ask("vwap_reversion", {"z": -3.0}, params=PARAMS)
    assert buy["stop_loss"] == 0.01
    assert ask("vwap_reversion", {"z": 3.0}, params={**PARAMS, "allow_short": False}) == []


def test_levels_must_ascend() -> None:
    with pytest.raises(ValidationError, match=r"exit_z < entry_z < break_z is needed, got 0\.5, 5\.0, 4\.0"):
        Params(entry_z=5.0)
