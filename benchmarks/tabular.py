"""Rows of features with an edge, for the benchmarks of models."""

from __future__ import annotations

import numpy as np

from tradewright.core.types.rows import FeatureRows, Targets
from tradewright.models.forecaster import Lesson

MINUTE = 60 * 10**9
HORIZON = 15


def lesson(rows: int, columns: int, seed: int) -> Lesson:
    """One instrument, a row a minute, one value in fifty missing, labels of 15 minutes, three outcomes."""
    rng = np.random.default_rng(seed)
    values = rng.standard_normal((rows, columns))
    growth = 1e-3 * (0.3 * values[:, 0] * np.sign(values[:, 1]) + 0.2 * values[:, 2] + rng.standard_normal(rows))
    values[rng.random((rows, columns)) < 0.02] = np.nan
    direction = np.where(np.abs(growth) < 3e-4, 0, np.sign(growth)).astype(np.int64)
    ts = np.arange(rows, dtype=np.int64) * MINUTE
    weight = rng.uniform(0.5, 1.5, rows)
    names = tuple(f"feature_{k}" for k in range(columns))
    given = FeatureRows(names, values, ("AAA",), np.zeros(rows, np.int64), ts, ts, "benchmark")
    return Lesson(given, Targets(direction, growth, ts + HORIZON * MINUTE, weight / weight.mean(), HORIZON * MINUTE))
