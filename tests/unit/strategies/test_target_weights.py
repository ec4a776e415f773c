from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import pytest

from tradewright.core.types.account import Account
from tradewright.core.types.dtypes import signal_dtype
from tradewright.strategies.columns import SHARE, WORKING
from tradewright.strategies.target_weights import Params, decide


class Given(NamedTuple):
    band: float = 0.02
    leverage: float = 1.0


PLAIN = Given()


def wishes(
    weights: list[float], shares: list[float], given: Given = PLAIN, working: tuple[int, ...] = ()
) -> list[tuple[int, float]]:
    """Return instrument and size of each wish, in order."""
    n = len(weights)
    forecasts, accounts = np.full((n, 4), np.nan), np.zeros((n, len(Account._fields)))
    forecasts[:, 3], accounts[:, SHARE] = weights, shares
    accounts[list(working), WORKING] = 1.0
    signals = np.zeros(2 * n + 2, signal_dtype)
    decide(np.zeros((n, 1)), forecasts, accounts, given, signals)  # type: ignore[arg-type]  # as the engine hands it over
    return [(int(s["instrument"]), float(s["size"])) for s in signals if s["verb"]]


def test_sells_before_it_buys() -> None:
    assert wishes([0.6, 0.2, 0.2], [0.3, 0.5, 0.2]) == [(1, 0.2), (0, 0.6)]


def test_what_is_within_the_band_is_left() -> None:
    assert wishes([0.5, 0.5], [0.485, 0.515]) == []
    assert wishes([0.5, 0.5], [0.475, 0.525]) == [(1, 0.5), (0, 0.5)]


def test_a_weight_of_nothing_is_reached_in_full() -> None:
    assert wishes([0.0], [0.01]) == [(0, 0.0)]
    assert wishes([0.0], [0.0]) == []


def test_what_the_table_does_not_know_yet_and_what_is_on_its_way_waits() -> None:
    assert wishes([math.nan, 0.5], [0.0, 0.0], working=(1,)) == []


def test_short_weights_and_leverage() -> None:
    assert wishes([-0.25, 0.5], [0.0, 0.0], Given(leverage=2.0)) == [(0, -0.5), (1, 1.0)]


def test_the_band_has_bounds() -> None:
    assert Params().band == 0.02
    with pytest.raises(ValueError, match="less than 1"):
        Params(band=1.0)
