"""What a record of trades proves."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tradewright.analytics.trade_edge import trade_edge
from tradewright.risk.sizing import kelly_fraction


def record(wins: int, n: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array([0.01] * wins + [-0.01] * (n - wins))


@pytest.mark.parametrize(
    ("wins", "n", "low", "kelly"), [(53, 100, 0.4328885697009936, 0.0), (5300, 10_000, 0.520208187269785, 0.04041637)]
)
def test_the_lower_bound_decides(wins: int, n: int, low: float, kelly: float) -> None:
    # Wilson's bound of 53 % at 95 %; equal gains and losses leave the payoff certain
    found = trade_edge(record(wins, n))
    assert found.win_rate == 0.53
    assert found.win_rate_low == pytest.approx(low, abs=1e-12)
    assert found.payoff_low == pytest.approx(1.0)
    assert kelly_fraction(found.win_rate_low, found.payoff_low) == pytest.approx(kelly, abs=1e-8)


def test_an_uncertain_payoff_counts_for_less() -> None:
    rng = np.random.default_rng(3)
    found = trade_edge(np.concatenate([rng.exponential(0.02, 40), -rng.exponential(0.01, 40)]))
    assert 0.0 < found.payoff_low < found.payoff
    assert found.loss_high > 0.01


@pytest.mark.parametrize("returns", [[], [0.1] * 50, [-0.1] * 50, [0.1, -0.1], [0.1, 0.1, 0.0, 0.0]])
def test_too_little_to_tell(returns: list[float]) -> None:
    found = trade_edge(np.array(returns))
    assert math.isnan(found.payoff_low)
    assert found.n == len(returns)
