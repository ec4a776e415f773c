"""`tradewright evaluate`."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewright.services.cli.console import Meter, print_json, print_table, warn
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import Json
from tradewright.services.cli.train import teller
from tradewright.services.cli.training_config import Assignments, Mlflow, Ray, Workers

if TYPE_CHECKING:
    from tradewright.core.types.evidence import Figure


@dataclass(frozen=True, slots=True, kw_only=True)
class EvaluateOptions:
    """Which version is judged, and where."""

    model: Annotated[str, typer.Argument(help="NAME, NAME@VERSION, or the beginning of a digest.")]
    config: Annotated[Path, typer.Option("--config", help="The configuration of its training.")]
    assignments: Assignments = None
    workers: Workers = 1
    ray: Ray = ""
    mlflow: Mlflow = ""
    json: Json = False


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, "evaluate", EvaluateOptions, evaluate)


def evaluate(options: EvaluateOptions) -> None:
    """Judge a registered model out of sample and in money, and keep the evidence beside it.

    The holdout is looked at once for each evaluation; every look is counted and shown.
    """
    from tradewright.services.cli.training_config import executor, training_settings
    from tradewright.services.tracking import begin_tracking
    from tradewright.services.training import run_evaluation

    settings, layers = training_settings(options.config, options.assignments)
    tracking = begin_tracking(options.mlflow, settings.registry)
    with Meter(f"evaluate {options.model}", 100) as meter, executor(options.workers, options.ray) as pool:
        done = run_evaluation(options.model, settings, layers, pool, teller(meter))
    warn(tracking.evaluation(done))
    manifest = done.evidence.manifest
    if options.json:
        print_json(
            {
                "model": done.version.full_name,
                "digest": done.version.digest,
                "evidence": str(done.version.evidence),
                "evidence_digest": manifest.digest,
                "trials": manifest.trials,
                "holdout_uses": manifest.holdout_uses,
                "leaks": [line.model_dump(mode="json") for line in manifest.leaks],
                "figures": [_finite(asdict(figure)) for figure in done.figures],
            }
        )
        return
    print(f"{done.version.full_name}: {len(done.evidence.tables['forecasts']):,} out-of-sample forecasts")
    shown = [figure for figure in done.figures if "/" not in figure.scope]
    print_table(("Scope", "Figure", "Value", "Low", "High", "n"), [_row(figure) for figure in shown], "  rrrr")
    for line in manifest.leaks:
        for finding in line.findings:
            print(f"leak: {line.subject}: {finding}")
    print(f"Trials of this target on these bars: {manifest.trials:,}. Looks at the holdout: {manifest.holdout_uses:,}.")
    print(f"Evidence: {done.version.evidence}")


def _row(figure: Figure) -> tuple[str, ...]:
    values = (f"{x:.4g}" if math.isfinite(x) else "-" for x in (figure.value, figure.low, figure.high))
    return (figure.scope, figure.name, *values, f"{figure.n:,}")


def _finite(values: dict[str, Any]) -> dict[str, Any]:
    return {k: None if isinstance(v, float) and not math.isfinite(v) else v for k, v in values.items()}
