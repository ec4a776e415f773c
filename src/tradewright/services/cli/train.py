"""`tradewright train`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewright.services.cli.console import Meter, print_fields, print_json, warn
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import Json
from tradewright.services.cli.training_config import Assignments, Config, Mlflow, Ray, Workers

if TYPE_CHECKING:
    from tradewright.services.training import FinishedTraining


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainOptions:
    """What is trained, and where."""

    config: Config
    assignments: Assignments = None
    workers: Workers = 1
    ray: Ray = ""
    mlflow: Mlflow = ""
    patch: Annotated[
        bool, typer.Option("--patch", help="Count it as the same model on newer data: a new patch version.")
    ] = False
    each: Annotated[bool, typer.Option("--each", help="A model of its own for each instrument, NAME-SYMBOL.")] = False
    json: Json = False


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, "train", TrainOptions, train)


def train(options: TrainOptions) -> None:
    """Train a model, validate it out of sample, and register the artefact as a candidate.

    Values come from --set, then TRADEWRIGHT_SECTION__FIELD in the environment, then the file, then defaults. What was
    finished before an interruption is not done again.
    """
    from tradewright.services.cli.training_config import executor, training_settings
    from tradewright.services.tracking import begin_tracking
    from tradewright.services.training import run_training, run_trainings

    settings, layers = training_settings(options.config, options.assignments)
    tracking = begin_tracking(options.mlflow, settings.registry)
    with Meter(f"train {settings.name}", 100) as meter, executor(options.workers, options.ray) as pool:
        if options.each:
            found = run_trainings(settings, layers, pool, teller(meter), is_patch=options.patch)
        else:
            found = (run_training(settings, layers, pool, teller(meter), is_patch=options.patch),)
    for done in found:
        warn(tracking.training(done))
    if options.json:
        print_json([document(done) for done in found] if options.each else document(found[0]))
        return
    for done in found:
        show(done)


def show(done: FinishedTraining) -> None:
    """Print what came out."""
    print(f"{done.version.full_name}: {done.version.row.kind}, learned from {done.rows:,} rows")
    print_fields(
        {
            "Out of sample": f"{done.forecasts:,} forecasts in {len(done.trained.folds)} folds",
            "Net Sharpe ratio": "-" if done.sharpe is None else f"{done.sharpe:.2f} a year, before any correction",
            "Trials so far": f"{done.trials:,}",
            "Artefact": str(done.version.folder),
        }
    )
    print(f"Next: tradewright evaluate {done.version.full_name} --config CONFIG.yaml")


def teller(meter: Meter) -> Any:  # noqa: ANN401 -- a callable that also says
    """Return what tells a meter in words what is going on."""

    def tell(line: str) -> None:
        meter.what = line
        meter.total = max(meter.total, meter.done + 2)
        meter.advance(1)

    return tell


def document(done: FinishedTraining) -> dict[str, Any]:
    """Return what --json prints."""
    version = done.version
    return {
        "name": version.name,
        "version": version.version,
        "digest": version.digest,
        "folder": str(version.folder),
        "kind": version.row.kind,
        "rows": done.rows,
        "learned_from": done.trained.manifest.origin.rows,
        "forecasts": done.forecasts,
        "folds": len(done.trained.folds),
        "net_sharpe": done.sharpe,
        "trials": done.trials,
    }
