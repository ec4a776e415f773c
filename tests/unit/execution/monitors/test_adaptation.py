"""The buffer stays within its bounds and comes to rest where quotes fill what they are to fill."""

from __future__ import annotations

import numpy as np
import pytest

from tradewright.execution.monitors.adaptation import adapted
from tradewright.execution.tactics.params import TacticParams

PARAMS = TacticParams(buffer_bps=2.0, min_bps=1.0, max_bps=3.0, fill_target=0.7, adapt_bps=0.5)


@pytest.mark.parametrize(
    ("buffer", "share", "expected"), [(2.0, 1.0, 2.15), (2.0, 0.0, 1.65), (2.0, 0.7, 2.0), (1.1, 0.0, 1.0), (3, 1, 3)]
)
def test_a_step(buffer: float, share: float, expected: float) -> None:
    assert adapted(buffer, share, PARAMS) == pytest.approx(expected)


def test_it_comes_to_rest() -> None:
    """A market in which a quote ``b`` bps inside the mid fills with probability exp(-b / 5): 0.7 is at 1.78 bps."""
    params = TacticParams(buffer_bps=8.0, max_bps=10.0, fill_target=0.7, adapt_bps=0.05)
    rng, buffer, late = np.random.default_rng(4), 8.0, []
    for number in range(8000):
        buffer = adapted(buffer, float(rng.random() < np.exp(-buffer / 5.0)), params)
        if number > 2000:
            late.append(buffer)
    assert np.mean(late) == pytest.approx(-5.0 * np.log(0.7), abs=0.15)
