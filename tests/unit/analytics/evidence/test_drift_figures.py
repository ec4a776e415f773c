from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from tradewright.analytics.drift import stability_index
from tradewright.analytics.evidence import FigureParams
from tradewright.analytics.evidence.drift_figures import drift_figures, drift_of
from tradewright.core.types.evidence import Figure
from tradewright.data.evidence_store import TABLES

N = 800


def table(shift: float = 0.0, weight: float = 1.0, features: int = 12) -> pl.DataFrame:
    """Features of training and holdout; the first is moved in the holdout by so many standard deviations."""
    rng = np.random.default_rng(3)
    parts = []
    for scope in ("training", "holdout"):
        for k in range(features):
            value = rng.normal(shift if (scope, k) == ("holdout", 0) else 0.0, 1.0, N)
            columns = {"scope": [scope] * N, "feature": [f"f{k:02d}"] * N, "value": value, "weight": [weight] * N}
            parts.append(pl.DataFrame(columns, schema=TABLES["features"]))
    return pl.concat(parts)


def figures(frame: pl.DataFrame) -> dict[str, Figure]:
    return {f.name: f for f in drift_figures(frame, FigureParams())}


def test_one_feature_of_twelve_drifts_and_is_named() -> None:
    frame = table(shift=0.7)
    found = figures(frame)
    share = found["drift.features"]
    assert share.value == pytest.approx(1 / 12)
    assert (share.n, share.scope) == (12, "holdout")
    assert share.method.endswith("against training: f00")
    learned, held = (
        frame.filter((pl.col("scope") == scope) & (pl.col("feature") == "f00"))["value"].to_numpy()
        for scope in ("training", "holdout")
    )
    assert found["drift.psi"].value == stability_index(learned, held)
    assert found["drift.psi"].method.endswith("f00")


def test_features_like_those_of_the_training_do_not_drift() -> None:
    assert figures(table())["drift.features"].value == 0.0


def test_rows_that_are_not_independent_prove_less() -> None:
    (independent,), (repeated,) = (
        [f for f in drift_of(table(0.7, weight=w))["holdout"] if f.name == "f00"] for w in (1.0, 0.005)
    )
    assert independent.psi == repeated.psi
    assert independent.is_drifting
    assert not repeated.is_drifting


def test_without_a_holdout_or_a_training_there_is_no_figure() -> None:
    frame = table()
    for scope in ("training", "holdout"):
        assert figures(frame.filter(pl.col("scope") == scope)) == {}
    assert list(drift_figures(None, FigureParams())) == []
