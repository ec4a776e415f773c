"""A sketch in bounded memory beside all samples in memory."""

from __future__ import annotations

import numpy as np
import pytest

from tradewright.core.types.execution_costs import PROBABILITIES
from tradewright.execution.costs.distribution import distribution_of
from tradewright.execution.monitors.sketch import Sketch


def filled(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> Sketch:
    sketch = Sketch()
    for value in values:
        sketch.add(float(value))
    return sketch


def test_few_samples_are_exact() -> None:
    values = np.random.default_rng(1).normal(size=1000)
    assert filled(values).distribution() == distribution_of(values)


@pytest.mark.parametrize("shape", ["normal", "heavy", "rising", "falling"])
def test_many_samples_by_rank(shape: str) -> None:
    rng = np.random.default_rng(2)
    values = rng.normal(size=60_000) if shape != "heavy" else np.exp(2.0 * rng.normal(size=60_000))
    values = {"rising": np.sort(values), "falling": np.sort(values)[::-1]}.get(shape, values)
    found, exact = filled(values).distribution(), np.sort(values)
    assert found.n == len(values)
    assert found.mean == pytest.approx(values.mean(), abs=1e-5, rel=1e-6)
    assert (found.quantiles[0], found.quantiles[-1]) == pytest.approx((exact[0], exact[-1]), abs=1e-6)
    ranks = np.searchsorted(exact, found.quantiles) / len(exact)
    assert np.abs(ranks - np.array(PROBABILITIES)).max() < 0.005


def test_weights_count() -> None:
    sketch = Sketch()
    sketch.add(1.0, 9.0)
    sketch.add(2.0, 1.0)
    assert sketch.distribution().mean == pytest.approx(1.1)


def test_the_same_stream_gives_the_same_sketch_and_memory_does_not_grow() -> None:
    values = np.random.default_rng(3).normal(size=30_000)
    one, other = filled(values), filled(values)
    assert one.distribution() == other.distribution()
    assert len(one._values) <= 2048
