"""How many configurations were tried before the run that is simulated: the more, the more luck is in the best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tradewright.core.types.errors import TradewrightError
from tradewright.services.runs.read import StoredRun, runs_in, stored_settings


@dataclass(frozen=True, slots=True)
class Trials:
    """``runs`` of other inputs over the same bars, this one included; ``model``: those the experiment store counted.

    ``model`` is 0 where the run had no forecasts of a model, None where nobody knows.
    """

    runs: int
    model: int | None

    @property
    def count(self) -> int:
        """Configurations known to have been tried."""
        return self.runs + max((self.model or 0) - 1, 0)

    @property
    def told(self) -> str:
        """The count, and what it is made of."""
        runs = f"{self.runs:,} run{'s' if self.runs != 1 else ''} over these bars"
        if self.model is None:
            return f"at least {self.count:,}: {runs}; those behind its forecasts are not known"
        return f"{self.count:,}: {runs}" + (f", {self.model:,} of its model" if self.model else "")


def trials_of(run: StoredRun) -> Trials:
    """Count the runs beside this one, and the trials behind its model."""
    bars, tried = _bars(run.manifest), {run.manifest["inputs"]}
    for other in runs_in(run.folder.parent):
        if isinstance(other, StoredRun) and _bars(other.manifest) == bars:
            tried.add(other.manifest["inputs"])
    return Trials(len(tried), _of_model(run))


def _bars(manifest: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    return sorted((d["symbol"], d["timeframe"], d["fingerprint"]) for d in manifest["data"])


def _of_model(run: StoredRun) -> int | None:
    """Return the trials that the evidence of the run's model names."""
    from tradewright.data.evidence_store import read_evidence
    from tradewright.services.model_registry import open_registry

    settings, _ = stored_settings(run)
    if settings.forecasts is None:
        return 0
    origin = run.manifest.get("model")
    if origin is None:
        return None
    try:
        version = open_registry(settings.forecasts.registry).find(f"{origin['name']}@{origin['version']}")
        return read_evidence(version.evidence).manifest.trials
    except TradewrightError:
        return None
