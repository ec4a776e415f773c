"""Figures of the features: whether what a model is asked still looks like what it learned from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import polars as pl
from numpy.typing import NDArray

from tradewright.analytics.drift import FeatureDrift, feature_drift
from tradewright.analytics.evidence.facts import FigureParams
from tradewright.core.types.evidence import Figure, exact

_TRAINING = "training"


def drift_of(frame: pl.DataFrame | None, params: FigureParams | None = None) -> dict[str, tuple[FeatureDrift, ...]]:
    """Compare the table ``features`` of every other scope with that of the training, by scope.

    Features are in alphabetical order; nothing where the table holds no two scopes.
    """
    if frame is None:
        return {}
    chosen = (params or FigureParams()).drift
    names = frame["feature"].unique().sort().to_list()
    scopes = {str(scope): rows for (scope,), rows in frame.partition_by("scope", as_dict=True).items()}
    learned = scopes.pop(_TRAINING, None)
    if learned is None:
        return {}
    found = {}
    for scope, rows in sorted(scopes.items()):
        independent = min(float(side["weight"].to_numpy().mean()) for side in (learned, rows))
        found[scope] = feature_drift(
            names, _columns(learned, names), _columns(rows, names), replace(chosen, independent=independent)
        )
    return found


def drift_figures(frame: pl.DataFrame | None, params: FigureParams) -> Iterator[Figure]:
    """Yield the share of drifting features and the largest stability index, of each scope but the training."""
    for scope, features in drift_of(frame, params).items():
        drifting = [f.name for f in features if f.is_drifting]
        share = len(drifting) / len(features)
        rule = f"Kolmogorov-Smirnov, false discoveries at most {params.drift.false_discoveries:.0%}"
        method = f"{rule}, and PSI at least {params.drift.psi:g}, against training: {_some(drifting)}"
        yield replace(exact("drift.features", share, scope, method), n=len(features))
        worst = max(features, key=lambda f: (f.psi, f.name))
        method = f"largest population stability index against training: {worst.name}"
        yield replace(exact("drift.psi", worst.psi, scope, method), n=len(features))


def _columns(rows: pl.DataFrame, names: list[str]) -> NDArray[np.float64]:
    return np.column_stack([rows.filter(pl.col("feature") == name)["value"].to_numpy() for name in names])


def _some(names: list[str], most: int = 5) -> str:
    if not names:
        return "none"
    return ", ".join(names[:most]) + (f" and {len(names) - most} more" if len(names) > most else "")
