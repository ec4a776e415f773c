"""The command `tradewright`: what it offers. Nothing heavy is imported here, so that help comes at once."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from tradewright import __version__
from tradewright.services.cli import (
    allocate,
    backtest,
    challenge,
    controls,
    costs,
    data,
    evaluate,
    exchange,
    experiment,
    features,
    gate_study,
    journal,
    make,
    models,
    mt5_bridge,
    retrain,
    rules,
    runs,
    strategies,
    train,
    tune,
)
from tradewright.services.cli.guard import INTERRUPTED, show_unforeseen

app = typer.Typer(
    name="tradewright",
    help="One engine from research to real money.",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode=None,  # rich's help costs a third of the start
    pretty_exceptions_enable=False,
)


def _version(asked: bool) -> None:
    if asked:
        print(f"tradewright {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None:
    pass


backtest.register(app)
costs.register(app)
allocate.register(app)
controls.register(app)
data.register(app)
features.register(app)
models.register(app)
runs.register(app)
strategies.register(app)
make.register(app)
train.register(app)
retrain.register(app)
evaluate.register(app)
tune.register(app)
experiment.register(app)
gate_study.register(app)
challenge.register(app)
journal.register(app)
rules.register(app)
exchange.register(app)
mt5_bridge.register(app)


def main() -> None:
    """Run the command line: exit code 0 done, 1 failed, 2 wrong call or configuration."""
    sys.excepthook = show_unforeseen
    try:
        typer.main.get_command(app)()  # calling the app itself would put typer's own hook in place of ours
    except KeyboardInterrupt:  # before any work began
        print(INTERRUPTED, file=sys.stderr)
        raise SystemExit(1) from None
