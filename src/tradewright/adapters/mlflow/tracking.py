"""Runs in MLflow: parameters, figures as metrics, and the artefact."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TypeVar

from tradewright.adapters.mlflow.link import Link, experiment_id
from tradewright.adapters.mlflow.params import MlflowParams
from tradewright.core.types.evidence import Figure
from tradewright.core.types.tracking import TrackedRun

_MS = 1_000_000
_LONGEST_VALUE = 6000
#: What one request may hold at most.
_METRICS_A_BATCH, _PARAMS_A_BATCH = 1000, 100
T = TypeVar("T")
_FORBIDDEN = re.compile(r"[^A-Za-z0-9_\-. /:]")


class MlflowTracker:
    """Keeps runs in MLflow (`core.types.tracking.Tracker`).

    Parameters
    ----------
    params : MlflowParams
        Where it is.
    """

    def __init__(self, params: MlflowParams) -> None:
        self._link = Link(params)

    @property
    def place(self) -> str:
        """Where runs go."""
        return self._link.params.place

    def record(self, run: TrackedRun) -> str:
        """Keep a run and return MLflow's id of it.

        A figure becomes up to three metrics: its value under its name, the ends of its interval under ``.low`` and
        ``.high``; the scope stands before it unless it is ``validation``.

        Raises
        ------
        UsageError
            If mlflow is not installed.
        StoreError
            If MLflow cannot be reached, or refuses; a run that was begun is marked as failed.
        """
        with self._link.client() as client:
            from mlflow.entities import Metric, Param  # noqa: PLC0415

            experiment = experiment_id(client, self._link.params, run.experiment)
            start, end = run.start_ns // _MS, run.end_ns // _MS
            begun = client.create_run(experiment, start_time=start, run_name=run.name, tags=dict(run.tags))
            number = str(begun.info.run_id)
            is_done = False
            try:
                params = [Param(_key(k), str(v)[:_LONGEST_VALUE]) for k, v in sorted(run.params.items())]
                for some in _parts(params, _PARAMS_A_BATCH):
                    client.log_batch(number, params=some)
                metrics = [Metric(name, value, end, 0) for name, value in _metrics(run.figures)]
                for part in _parts(metrics, _METRICS_A_BATCH):
                    client.log_batch(number, metrics=part)
                if run.artefact:
                    if not Path(run.artefact).is_dir():  # MLflow would keep nothing, and say nothing
                        raise FileNotFoundError(run.artefact)
                    client.log_artifacts(number, run.artefact, "model")
                is_done = True
            finally:
                client.set_terminated(number, "FINISHED" if is_done else "FAILED", end_time=end)
            return number


def _metrics(figures: Sequence[Figure]) -> Iterator[tuple[str, float]]:
    for figure in figures:
        name = figure.name if figure.scope == "validation" else f"{figure.scope}/{figure.name}"
        for end, value in (("", figure.value), (".low", figure.low), (".high", figure.high)):
            if math.isfinite(value) and (not end or value != figure.value):
                yield _key(name + end), value


def _key(text: str) -> str:
    return _FORBIDDEN.sub("_", text)[:250]


def _parts(items: list[T], size: int) -> Iterator[list[T]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
