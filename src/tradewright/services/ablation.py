"""Which changes of a strategy are asked about, and the answer for a training's forecasts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import yaml

from tradewright.core.types.errors import ConfigError, UsageError
from tradewright.research.ablation import Ablations, ablate
from tradewright.research.executor import Executor
from tradewright.services.places import Origins
from tradewright.services.training import Progress
from tradewright.services.training_data import check_trade, prepare_training
from tradewright.services.training_settings import TrainingSettings
from tradewright.strategies.confidence import BOOSTERS


def run_ablation(
    settings: TrainingSettings, origins: Origins, asked: Sequence[str], executor: Executor, progress: Progress
) -> Ablations:
    """Ask what changes of the strategy earn; without any given, the boosters of ``confidence``, one by one.

    Parameters
    ----------
    asked : sequence of str
        A change each: ``KEY=VALUE``, several joined by commas.

    Raises
    ------
    UsageError
        If nothing is asked about a strategy without boosters.
    ConfigError
        If a change is not one of the strategy's parameters.
    """
    if not asked and settings.trade.strategy != "confidence":
        what = f"{settings.trade.strategy} has no boosters"
        raise UsageError(what, where="--with", fix="Name a change: --with KEY=VALUE.")
    changes = [_change(text) for text in asked] or [{name: value} for name, value in BOOSTERS.items()]
    for change in changes:
        params = {**settings.trade.params, **change}
        check_trade(settings.trade.model_copy(update={"params": params}), origins)
    prepared = prepare_training(settings, origins)
    return ablate(prepared.guard.part, prepared.plan, changes, prepared.store, executor, progress)


def _change(text: str) -> dict[str, Any]:
    found = {}
    for part in text.split(","):
        name, equals, value = part.partition("=")
        if not (name.strip() and equals and value.strip()):
            raise UsageError(f"'{part}' is not KEY=VALUE", where="--with", fix="For example --with regime_boost=0.5")
        try:
            found[name.strip()] = yaml.safe_load(value)
        except yaml.YAMLError as error:
            raise ConfigError(f"'{value}' is no value", where="--with", fix="Give a number or a word.") from error
    return found
