"""`tradewright warm` and `tradewright demo`: what `make setup` and `make demo` run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tradewright.services.cli.console import Meter, print_table
from tradewright.services.cli.guard import guarded


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("warm")(guarded(warm))
    app.command("demo")(guarded(demo))


def warm() -> None:
    """Compile everything that is compiled and keep it, so that later starts are quick."""
    from tradewright.services.warming import features_beside, warm_steps

    steps = warm_steps()
    with features_beside(), Meter("compiling", len(steps)) as meter:
        for name, step in steps:
            meter.what = f"compiling {name}"
            meter.advance(0)
            step()
            meter.advance(1)
    print("Compiled and kept: every strategy, the engine and all features.")


def demo(
    store: Annotated[Path, typer.Option(help="Folder of the market-data store.")] = Path(".tradewright/store"),
    runs: Annotated[Path, typer.Option(help="Where run folders are made.")] = Path("runs"),
) -> None:
    """Backtest several strategies on the real bars that come with the package, and write reports."""
    from tradewright.services.demo import COLUMNS, demo_runs, import_sample, note, row_of, write_index
    from tradewright.services.runs.execute import Place, execute
    from tradewright.services.runs.prepare import prepare

    import_sample(store)
    finished = []
    plans = demo_runs(store)
    with Meter("backtests", len(plans)) as meter:
        for settings in plans:
            run = prepare(settings)
            meter.what = f"{run.strategy.name} on {', '.join(d.symbol for d in run.data)}"
            meter.advance(0)
            finished.append(execute(run, Place(runs), lambda _: meter.advance(0)))
            meter.advance(1)
    print_table(COLUMNS, [row_of(f) for f in finished], "  rrrrrr")
    print(note())
    for one in finished:
        print(f"  {one.folder / 'report.html'}")
    print(f"All reports side by side: {write_index(finished, runs)}")
