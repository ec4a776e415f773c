"""`tradewright tune`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewright.services.cli.console import Meter, print_fields, print_json, warn
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import Json
from tradewright.services.cli.train import teller
from tradewright.services.cli.training_config import Assignments, Config, Mlflow, Ray, Workers

if TYPE_CHECKING:
    from tradewright.research.tuning import Tuned
    from tradewright.services.training_settings import TrainingSettings


@dataclass(frozen=True, slots=True, kw_only=True)
class TuneOptions:
    """What is searched, how long, and where."""

    config: Config
    trials: Annotated[int | None, typer.Option(help="Configurations tried in all.", min=1, show_default=False)] = None
    storage: Annotated[
        str, typer.Option(help="sqlite:///FILE or postgresql://..., from which a search goes on.", show_default=False)
    ] = ""
    out: Annotated[
        Path | None, typer.Option(help="Write the configuration with what was chosen.", show_default=False)
    ] = None
    assignments: Assignments = None
    workers: Workers = 1
    ray: Ray = ""
    mlflow: Mlflow = ""
    json: Json = False


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, "tune", TuneOptions, tune)


def tune(options: TuneOptions) -> None:
    """Search parameters of model and strategy on the rows before the first test fold; every trial is counted.

    The holdout and the test folds of the validation stay unseen. Run again, it goes on where it was.
    """
    from tradewright.research.tuning import TuningParams
    from tradewright.services.cli.training_config import executor, training_settings
    from tradewright.services.tracking import begin_tracking
    from tradewright.services.training import run_tuning
    from tradewright.services.training_data import prepare_training

    settings, layers = training_settings(options.config, options.assignments)
    tracking = begin_tracking(options.mlflow, settings.registry)
    params = settings.tuning or TuningParams()
    changed: dict[str, Any] = {} if options.trials is None else {"trials": options.trials}
    changed |= {"storage": options.storage} if options.storage else {}
    settings = settings.model_copy(update={"tuning": params.model_copy(update=changed)})
    with Meter(f"tune {settings.name}", 100) as meter, executor(options.workers, options.ray) as pool:
        prepared = prepare_training(settings, layers)
        tuned = run_tuning(prepared, pool, teller(meter))
    counted = prepared.store.trials_of(prepared.plan.family)
    if options.out is not None:
        _write(options.out, settings, tuned)
    warn(tracking.search(settings.name, tuned))
    if options.json:
        print_json(
            {
                "model": tuned.choice.model_dump(mode="json"),
                "trade": tuned.money.model_dump(mode="json"),
                "value": tuned.value,
                "trials": tuned.trials,
                "trials_of_family": counted,
            }
        )
        return
    print(f"{settings.name}: best of {tuned.trials:,} trials, objective {tuned.value:.4g}; {counted:,} counted so far")
    print_fields({f"model.{k}": v for k, v in tuned.choice.params.items()})
    print_fields({f"trade.params.{k}": v for k, v in tuned.money.params.items()})
    if options.out is not None:
        print(f"Next: tradewright train {options.out}")


def _write(path: Path, settings: TrainingSettings, tuned: Tuned) -> None:
    """Write the configuration with the chosen parameters; it appears whole or never."""
    import yaml

    from tradewright.core.types.errors import StoreError

    chosen = settings.model_copy(update={"model": tuned.choice, "trade": tuned.money, "tuning": None})
    text = yaml.safe_dump(chosen.model_dump(mode="json", by_alias=True), sort_keys=False, allow_unicode=True, width=100)
    draft = path.with_name(f".{path.name}.writing")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        what = f"cannot be written: {error.strerror or error}"
        raise StoreError(what, where=str(path), fix="Choose another place with --out.") from error
