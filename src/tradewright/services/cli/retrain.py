"""`tradewright retrain`: the job that a scheduler runs every day or week."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewright.services.cli.console import Meter, print_fields, print_json
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import Json
from tradewright.services.cli.train import teller
from tradewright.services.cli.training_config import Assignments, Config, Ray, Workers

if TYPE_CHECKING:
    from tradewright.services.retraining import Watched


@dataclass(frozen=True, slots=True, kw_only=True)
class RetrainOptions:
    """Which model, and how it is trained where it is due."""

    config: Config
    assignments: Assignments = None
    reason: Annotated[str, typer.Option(help="Train now, for this reason.", show_default=False)] = ""
    check: Annotated[bool, typer.Option("--check", help="Only say whether it is due.")] = False
    policy: Annotated[str, typer.Option(help="The gate: a shipped policy, or a YAML file.")] = "default"
    workers: Workers = 1
    ray: Ray = ""
    json: Json = False


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, "retrain", RetrainOptions, retrain)


def retrain(options: RetrainOptions) -> None:
    """Train the promoted model again where it is due, and promote what passes the gate; exit code 1 where it does not.

    Due by schedule, accuracy, calibration or drift on bars newer than everything it was judged on (`retraining` in the
    configuration), or for a --reason. Whatever happens, the version in use stays in use until another has passed.
    """
    from tradewright.rollout.policy import read_policy
    from tradewright.rollout.promotion import RefusedError
    from tradewright.services.cli.training_config import executor, training_settings
    from tradewright.services.retraining import retrain as train_again
    from tradewright.services.retraining import watch

    settings, layers = training_settings(options.config, options.assignments)
    gate = read_policy(options.policy)
    watched = watch(settings, layers, time.time_ns(), options.reason)
    if not options.json:
        _say(watched)
    if options.check or not watched.decision.is_due:
        if options.json:
            print_json(_document(watched))
        return
    with Meter(f"retrain {settings.name}", 100) as meter, executor(options.workers, options.ray) as pool:
        try:
            judged = train_again(settings, layers, gate, pool, teller(meter))
            reasons: tuple[str, ...] = ()
        except RefusedError as error:
            judged, reasons = error.judgement, error.judgement.verdict.refusals
    if options.json:
        print_json(_document(watched) | {"made": judged.version.full_name, "refused": list(reasons)})
    elif reasons:
        print(f"{judged.version.full_name} is refused; {watched.version.full_name} stays in use:")
        for line in reasons:
            print(f"  - {line}")
    else:
        print(f"{judged.version.full_name} is promoted.")
    if reasons:
        raise typer.Exit(1)


def _say(watched: Watched) -> None:
    decision = watched.decision
    print(f"{watched.version.full_name}: {'to be trained again' if decision.is_due else 'not due'}")
    print_fields(
        {
            "New rows": f"{watched.rows:,}",
            **{f"Due by {reason.trigger.value}": reason.said for reason in decision.reasons},
            **({"Not measured": ", ".join(decision.blind)} if decision.blind else {}),
        }
    )


def _document(watched: Watched) -> dict[str, Any]:
    decision = watched.decision
    return {
        "version": watched.version.full_name,
        "due": decision.is_due,
        "reasons": [{"trigger": reason.trigger.value, "said": reason.said} for reason in decision.reasons],
        "not_measured": list(decision.blind),
        "new_rows": watched.rows,
    }
