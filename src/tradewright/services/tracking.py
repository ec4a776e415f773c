"""Trainings, evaluations and searches as runs in MLflow, where somebody asked for it; nothing depends on that."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from tradewright.core.types.errors import TradewrightError
from tradewright.core.types.evidence import exact
from tradewright.core.types.tracking import TrackedRun, Tracker
from tradewright.services.model_registry import open_tracker

if TYPE_CHECKING:
    from tradewright.research.tuning import Tuned
    from tradewright.services.training import FinishedEvaluation, FinishedTraining


@dataclass(frozen=True, slots=True)
class Tracking:
    """What a command keeps of its runs; without a tracker, nothing.

    Each method returns what went wrong as a warning: what was trained is registered already.
    """

    tracker: Tracker | None
    began_ns: int

    def training(self, done: FinishedTraining) -> str:
        """Keep a training: its configuration, the plain figures of its validation, the artefact."""
        version, origin = done.version, done.trained.manifest.origin
        figures = [exact("trials", done.trials), exact("forecasts", done.forecasts)]
        figures += [] if done.sharpe is None else [exact("sharpe.net.uncorrected", done.sharpe)]
        return self._keep(
            TrackedRun(
                experiment=version.name,
                name=f"train {version.full_name}",
                params=dict(_flat(origin.config)),
                tags={"kind": "training", "digest": version.digest, "code": origin.code, **_data(origin.datasets)},
                figures=figures,
                artefact=str(version.folder),
            )
        )

    def evaluation(self, done: FinishedEvaluation) -> str:
        """Keep an evaluation: every figure of its evidence."""
        version, manifest = done.version, done.evidence.manifest
        return self._keep(
            TrackedRun(
                experiment=version.name,
                name=f"evaluate {version.full_name}",
                params=dict(_flat(manifest.config)),
                tags={
                    "kind": "evaluation",
                    "digest": version.digest,
                    "evidence": manifest.digest,
                    **_data(manifest.datasets),
                },
                figures=done.figures,
            )
        )

    def search(self, name: str, tuned: Tuned) -> str:
        """Keep a search: what it chose, and of how many."""
        chosen = {"model": tuned.choice.model_dump(mode="json"), "trade": tuned.money.model_dump(mode="json")}
        return self._keep(
            TrackedRun(
                experiment=name,
                name=f"tune {name}",
                params=dict(_flat(chosen)),
                tags={"kind": "search"},
                figures=[exact("objective", tuned.value), exact("trials", tuned.trials)],
            )
        )

    def _keep(self, run: TrackedRun) -> str:
        if self.tracker is None:
            return ""
        try:
            self.tracker.record(replace(run, start_ns=self.began_ns, end_ns=time.time_ns()))
        except TradewrightError as error:
            return str(error)
        return ""


def begin_tracking(address: str, root: Path) -> Tracking:
    """Return what keeps the runs of a command that begins now.

    Parameters
    ----------
    address : str
        As of `model_registry.mlflow_params`; empty: where the environment says, or nowhere.
    root : Path
        Folder of the registry, where the embedded MLflow is.

    Raises
    ------
    ConfigError
        If the address is none.
    """
    return Tracking(open_tracker(address, root), time.time_ns())


def _data(datasets: Mapping[str, str]) -> dict[str, str]:
    return {f"data.{symbol}": digest for symbol, digest in sorted(datasets.items())}


def _flat(values: Mapping[str, object], above: str = "") -> Iterator[tuple[str, object]]:
    """Yield every value of a nested mapping under its dotted name; lists as JSON."""
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", json.dumps(value) if isinstance(value, list | tuple) else value
