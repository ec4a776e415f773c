"""What the commands about models share: a training's configuration from file, environment and options."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from tradewright.research.executor import Executor
    from tradewright.services.cli.layers import Layered
    from tradewright.services.training_settings import TrainingSettings

Config = Annotated[Path, typer.Argument(help="A YAML file; see examples/train_*.yaml.")]
Assignments = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="A model's parameter, or a dotted field such as labels.bars."),
]
Workers = Annotated[int, typer.Option(help="Processes that run folds.", min=1)]
Ray = Annotated[
    str, typer.Option(metavar="local|ADDRESS", help="Run folds on Ray: here, or on a cluster.", show_default=False)
]

Mlflow = Annotated[
    str, typer.Option("--mlflow", help="`embedded` or an address: keep the run in MLflow too.", show_default=False)
]


def training_settings(file: Path, assignments: list[str] | None) -> tuple[TrainingSettings, Layered]:
    """Merge file, environment and options, and check the whole.

    Raises
    ------
    ConfigError
        For the first thing that is wrong; names file and line, variable or option.
    """
    from tradewright.services.cli.layers import Layered
    from tradewright.services.training_settings import TrainingSettings

    layers, known = Layered(), list(TrainingSettings.model_fields)
    layers.add_file(file)
    layers.add_environment(os.environ, known)
    layers.add_assignments(assignments or [], known, ("model", "params"))
    return checked(layers), layers


def checked(layers: Layered) -> TrainingSettings:
    """Return the settings that the layers make.

    Raises
    ------
    ConfigError
        For the first thing that is wrong.
    """
    from pydantic import ValidationError

    from tradewright.services.explain import explained
    from tradewright.services.training_settings import TrainingSettings

    try:
        return TrainingSettings.model_validate(layers.values)
    except ValidationError as error:
        raise explained(error, TrainingSettings, layers.origin) from error


def executor(workers: int, ray: str) -> Executor:
    """Return where folds run.

    Raises
    ------
    UsageError
        If both are asked for, or Ray is not installed.
    """
    from tradewright.core.types.errors import UsageError
    from tradewright.research.executor import executor_of

    if not ray:
        return executor_of(workers)
    try:
        from tradewright.adapters.ray.executor import RayExecutor
    except ImportError as error:
        fix = "pip install 'tradewright[dist]'"
        raise UsageError("Ray is not installed", where="--ray", fix=fix) from error
    return RayExecutor("" if ray == "local" else ray, workers)
