"""Lessons for tiny networks: the direction follows from the newest row and the one before it."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np

from tradewright.core.types.rows import FeatureRows, Targets
from tradewright.models.deep.lstm import LstmForecaster, LstmParams
from tradewright.models.deep.sequence_forecaster import SequenceForecaster
from tradewright.models.deep.transformer import TransformerForecaster, TransformerParams
from tradewright.models.forecaster import Lesson

MINUTE = 60 * 10**9
TINY: dict[str, Any] = {"length": 4, "epochs": 2, "batch": 32}


def lesson(n: int = 400, seed: int = 0, *, symbols: tuple[str, ...] = ("AAA", "BBB"), edge: float = 1.0) -> Lesson:
    """Make ``n`` rows, one of each instrument a minute; an instrument's row tells half, the row before the rest."""
    rng = np.random.default_rng(seed)
    m = len(symbols)
    values = rng.normal(size=(n, 3))
    signal = values[:, 0].copy()
    signal[m:] += values[:-m, 1]
    growth = 1e-3 * (edge * signal + 0.5 * rng.normal(size=n))
    direction = np.where(np.abs(growth) < 5e-4, 0, np.sign(growth)).astype(np.int64)
    values[rng.random(n) < 0.1, 2] = np.nan
    place = np.arange(n, dtype=np.int64)
    ts = place // m * MINUTE
    rows = FeatureRows(("now", "before", "gappy"), values, symbols, place % m, ts, ts, "set")
    return Lesson(rows, Targets(direction, growth, ts + 15 * MINUTE, np.ones(n), 15 * MINUTE))


def lstm(**params: object) -> LstmForecaster:
    return LstmForecaster(LstmParams.model_validate({**TINY, "hidden": 8, **params}))


def transformer(**params: object) -> TransformerForecaster:
    return TransformerForecaster(
        TransformerParams.model_validate({**TINY, "size": 8, "heads": 2, "feedforward": 16, **params})
    )


def digest(model: SequenceForecaster) -> str:
    """Return the digest of the weights."""
    return hashlib.sha256(b"".join(member.network.weights for member in model._members)).hexdigest()
