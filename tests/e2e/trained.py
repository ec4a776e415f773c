"""A promoted model of the bars that a folder's store holds."""

from __future__ import annotations

import time
from pathlib import Path

import numpy as np

from tradewright.core.types.rows import Targets
from tradewright.data.source import StoreSource
from tradewright.data.store import BarStore
from tradewright.engine.feature_rows import rows_of_bars
from tradewright.models.artefact import Origin, save_model
from tradewright.models.forecaster import Forecaster, Lesson
from tradewright.models.model import FittedModel
from tradewright.rollout.registry import Registry
from tradewright.rollout.switching import promote_unproven
from tradewright.services.feature_sets import written_set

WRITTEN = {"rsi": "rsi_wilder(14)", "slope": "ema_slope(5)"}
_HOUR_NS = 3_600 * 10**9


def learn(folder: Path, forecaster: Forecaster) -> None:
    """Train on ACME's hours, register as `acme`, promote."""
    bars = StoreSource(BarStore(folder / ".tradewright/store"), "ACME", "1h").bars()
    rows = rows_of_bars([bars], written_set(WRITTEN, "test"))
    growth = np.append(bars.close[1:] / bars.close[:-1] - 1.0, 0.0)
    known = np.flatnonzero(~np.isnan(rows.values).any(axis=1))
    targets = Targets(np.sign(growth).astype(np.int64), growth, rows.ts_event + _HOUR_NS, np.ones(len(rows)), _HOUR_NS)
    forecaster.learn(Lesson(rows.take(known), targets.take(known)))
    model = FittedModel(forecaster, rows.names, rows.feature_set_hash, _HOUR_NS)
    save_model(model, folder / "trained", Origin(features=WRITTEN))
    registry = Registry(folder / ".tradewright/models", time.time_ns)
    promote_unproven(registry, registry.add(folder / "trained", "acme"), "a test of where forecasts come from")
