"""The daily or weekly job: look at the promoted model on bars it has not seen, and train it again where it is due.

A retrained model is a patch version that passes the same gate as any other. Where it does not, the one that is in use
stays in use.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tradewright.analytics.drift import DriftParams, feature_drift
from tradewright.analytics.reliability import reliability_bins
from tradewright.core.types.errors import StoreError
from tradewright.core.types.forecast import ForecastTable
from tradewright.data.evidence_store import read_evidence
from tradewright.models.artefact import verify_model
from tradewright.models.forecaster import P_DOWN, P_FLAT, P_UP
from tradewright.research.dataset import Dataset
from tradewright.research.executor import Executor
from tradewright.rollout.policy import Policy
from tradewright.rollout.promotion import Judgement, promote
from tradewright.rollout.registry import Registry
from tradewright.rollout.retraining import DayAccuracy, Decision, Monitored, decide
from tradewright.rollout.serving import load_version
from tradewright.rollout.versions import Version
from tradewright.services.model_registry import open_registry
from tradewright.services.places import Origins
from tradewright.services.training import run_evaluation, run_training, same_training
from tradewright.services.training_data import read_dataset
from tradewright.services.training_settings import TrainingSettings

_DAY_NS = 86_400 * 10**9
#: Directions by column of a forecast.
_SIGNS = {P_UP: 1, P_DOWN: -1, P_FLAT: 0}


@dataclass(frozen=True, slots=True)
class Watched:
    """The promoted version, what it has shown since it was made, and whether to train it again."""

    version: Version
    seen: Monitored
    decision: Decision
    rows: int


def watch(settings: TrainingSettings, origins: Origins, now_ns: int, asked: str = "") -> Watched:
    """Judge the promoted version on rows that are newer than all it was trained, tuned and judged on.

    The holdout was looked at when the version was judged, so it says nothing new, and is left out here.

    Raises
    ------
    UsageError
        If no version is promoted.
    ModelError
        If its artefact is damaged, or the configuration is another one.
    """
    version = open_registry(settings.registry).find(f"{settings.name}@promoted")
    manifest = verify_model(version.folder)
    data = read_dataset(same_training(settings, manifest.origin.config), origins)
    stamps = data.rows.ts_event
    learned = np.flatnonzero((stamps >= manifest.origin.first_ns) & (stamps <= manifest.origin.last_ns))
    recent = np.flatnonzero(stamps > _known_until(version, manifest.origin.last_ns + manifest.horizon_ns))
    seen = Monitored(now_ns, version.row.added_ns, asked=asked)
    if len(recent):
        seen = _measured(seen, data, learned, recent, load_version(version).predict(data.rows))
    return Watched(version, seen, decide(seen, settings.retraining), len(recent))


def _known_until(version: Version, otherwise: int) -> int:
    """Return the end of the newest label that anybody had looked at when the version was judged, ns UTC."""
    try:
        newest = read_evidence(version.evidence).tables["forecasts"]["ts_end"].max()
    except StoreError:  # promoted without proof: nothing but its training had been looked at
        return otherwise
    return max(newest, otherwise) if isinstance(newest, int) else otherwise


def _measured(
    seen: Monitored, data: Dataset, learned: NDArray[np.int64], recent: NDArray[np.int64], table: ForecastTable
) -> Monitored:
    values = table.values[recent]
    answered = ~np.isnan(values).any(axis=1)
    rows, values = recent[answered], values[answered]
    favoured = values[:, [P_UP, P_DOWN, P_FLAT]].argmax(axis=1) if len(values) else np.empty(0, np.int64)
    hits = np.array([_SIGNS[k] for k in favoured.tolist()], np.int64) == data.targets.direction[rows]
    unique = data.context.uniqueness
    ups = (data.targets.direction[rows] == 1).astype(np.float64)
    return Monitored(
        seen.now_ns,
        seen.trained_ns,
        _by_day(data.rows.ts_event[rows] // _DAY_NS, hits),
        reliability_bins(values[:, P_UP], ups, unique[rows]).error,
        feature_drift(
            data.rows.names,
            data.rows.values[learned],
            data.rows.values[recent],
            DriftParams(independent=float(unique.mean())),
        ),
        seen.asked,
    )


def _by_day(days: NDArray[np.int64], hits: NDArray[np.bool_]) -> tuple[DayAccuracy, ...]:
    found = []
    for day in np.unique(days):
        mine = hits[days == day]
        found.append(DayAccuracy(int(day), float(mine.mean()), len(mine)))
    return tuple(found)


def retrain(
    settings: TrainingSettings, origins: Origins, policy: Policy, executor: Executor, progress: Callable[[str], None]
) -> Judgement:
    """Train on the newest bars, judge, and put in use what passes the gate.

    Raises
    ------
    RefusedError
        If it does not pass; the version in use stays in use.
    TradewrightError
        As training and evaluation.
    """
    done = run_training(settings, origins, executor, progress, is_patch=True)
    run_evaluation(done.version.full_name, settings, origins, executor, progress)
    registry: Registry = open_registry(settings.registry)
    return promote(registry, registry.find(done.version.full_name), policy)
