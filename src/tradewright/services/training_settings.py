"""What a training is told: one YAML document, checked before anything starts.

Each part of the program owns its own parameters; this module only puts them together.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from tradewright.research.labelling import LabelParams
from tradewright.research.money import MoneyParams
from tradewright.research.tuning import TuningParams
from tradewright.research.validation import ModelChoice, ValidationParams
from tradewright.rollout.retraining import RetrainPolicy
from tradewright.services.model_registry import REGISTRY
from tradewright.services.settings import DataSettings

DEFAULT_EXPERIMENTS = Path(".tradewright/experiments.sqlite")
#: Finished folds and unfinished models; whoever deletes it loses only time.
DEFAULT_KEEP = Path(".tradewright/training")
#: Parts that say where things are and when they are done, and nothing about the model.
PLACES = ("experiments", "registry", "keep", "retraining")

_STRICT = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class FeatureSettings(BaseModel):
    """Which features: ``set`` by name or YAML file (`tradewright features`), ``without`` some of them."""

    model_config = _STRICT

    set: str = "standard"
    without: tuple[str, ...] = ()


class LeakSettings(BaseModel):
    """How hard the leak detectors look: at the newest ``bars``, with ``runs`` cuts and ``shuffles`` of the labels."""

    model_config = _STRICT

    bars: int = Field(default=10_000, ge=200)
    runs: int = Field(default=100, ge=1)
    shuffles: int = Field(default=10, ge=1)


class TrainingSettings(BaseModel):
    """Everything a training and its evaluation are told.

    ``holdout`` is the newest share of the rows that nothing is trained or tuned on. ``trade`` turns forecasts into
    money. ``instruments`` changes definitions of the store by symbol, costs above all. ``tuning`` searches parameters
    before the first fold is judged. ``retraining`` says when `tradewright retrain` is due. ``seed`` decides everything
    random.
    """

    model_config = _STRICT

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")
    data: DataSettings
    features: FeatureSettings = FeatureSettings()
    labels: LabelParams = LabelParams()
    model: ModelChoice = ModelChoice()
    validation: ValidationParams = ValidationParams()
    holdout: float = Field(default=0.2, ge=0, lt=0.9)
    trade: MoneyParams = MoneyParams()
    tuning: TuningParams | None = None
    leaks: LeakSettings = LeakSettings()
    retraining: RetrainPolicy = RetrainPolicy()
    instruments: dict[str, dict[str, Any]] = Field(default_factory=dict)
    universe: str = Field(default="", pattern=r"^[^/\\]*$")
    seed: int = Field(default=0, ge=0, le=2**31 - 1)
    experiments: Path = DEFAULT_EXPERIMENTS
    registry: Path = REGISTRY
    keep: Path = DEFAULT_KEEP

    @property
    def identity(self) -> dict[str, Any]:
        """Everything but where things are: what a model's origin keeps, and two trainings are compared by."""
        whole = self.model_dump(mode="json", exclude=set(PLACES))
        for place in ("store", "backend"):
            whole["data"].pop(place)
        if not self.universe:  # as before there were any
            whole.pop("universe")
        return whole
