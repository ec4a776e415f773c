"""`tradewright report`, `compare` and `runs list`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from tradewright.core.types.errors import TradewrightError
from tradewright.services.cli.console import print_json, print_table
from tradewright.services.cli.guard import guarded

if TYPE_CHECKING:
    from tradewright.services.runs.read import StoredRun

Runs = Annotated[Path, typer.Option("--runs", help="Where run folders are.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
RunName = Annotated[str, typer.Argument(help="A run folder, a part of its name, or `latest`.")]
RUNS = Path("runs")


def register(app: typer.Typer) -> None:
    """Add the commands."""
    app.command("report")(guarded(report))
    app.command("compare")(guarded(compare))
    group = typer.Typer(help="Look at past runs.", no_args_is_help=True)
    app.add_typer(group, name="runs")
    group.command("list")(guarded(list_))
    group.command("denials")(guarded(denials))


def report(
    run: RunName,
    open_it: Annotated[bool, typer.Option("--open", help="Open it in the browser.")] = False,
    runs: Runs = RUNS,
) -> None:
    """Write a run's report again, from its files."""
    from tradewright.services.runs.read import find_run
    from tradewright.services.runs.rerender import rerender

    path = rerender(find_run(run, runs))
    print(f"Report: {path}")
    if open_it:
        typer.launch(str(path.resolve()))


def compare(
    before: RunName,
    after: RunName,
    tolerance: Annotated[
        float, typer.Option(min=0.0, help="Share by which a number may differ without being named.")
    ] = 1e-9,
    runs: Runs = RUNS,
    json: Json = False,
) -> None:
    """Show where the second run differs from the first; exit code 1 if it is worse in any number."""
    from tradewright.services.runs.comparison import compare_runs
    from tradewright.services.runs.read import find_run

    found = compare_runs(find_run(before, runs), find_run(after, runs), tolerance)
    if json:
        print_json(found.document())
    else:
        print("The results are identical, to the byte." if found.is_identical else "The results differ.")
        if found.inputs:
            print_table(("Input", "Before", "After"), found.inputs)
        if found.differences:
            rows = [(d.name, _shown(d.before), _shown(d.after), d.change.value) for d in found.differences]
            print_table(("Number", "Before", "After", "Change"), rows, " rr")
        elif not found.is_identical:
            print(f"No number differs by more than {tolerance:g} of its size.")
    if found.is_regression:
        raise typer.Exit(1)


def _shown(value: float | None) -> str:
    return "-" if value is None else f"{value:.6g}"


def list_(runs: Runs = RUNS, json: Json = False) -> None:
    """List past runs, the newest last."""
    from tradewright.services.runs.read import runs_in

    found = list(runs_in(runs))
    good = [r for r in found if not isinstance(r, TradewrightError)]
    bad = [r for r in found if isinstance(r, TradewrightError)]
    if json:
        print_json([_summary(r) for r in good])
    elif not found:
        print(f"There is no run in {runs} yet. `tradewright backtest` makes one.")
    else:
        print_table(
            ("Run", "Strategy", "Data", "Return", "Sharpe", "Max drawdown", "Trades"),
            [_row(r) for r in good],
            "   rrrr",
        )
    for error in bad:
        typer.echo(f"warning: {error}", err=True)


def denials(run: RunName, runs: Runs = RUNS, json: Json = False) -> None:
    """Show what the guard refused in a run, by reason: how often, first and last."""
    from tradewright.services.runs.denials import denials_of
    from tradewright.services.runs.read import find_run

    found = denials_of(find_run(run, runs))
    if json:
        print_json(found.document())
        return
    print(f"{found.asked:,} decisions, {found.refused:,} refused.")
    if found.rows:
        cells = [(r.reason, r.control, f"{r.count:,}", r.first, r.last) for r in found.rows]
        print_table(("Reason", "Control", "Times", "First", "Last"), cells, "  r")


def _summary(run: StoredRun) -> dict[str, object]:
    numbers = run.metrics["performance"]
    names = ("total_return", "cagr", "sharpe", "max_drawdown", "trades", "costs")
    return {
        "run": str(run.folder),
        "strategy": run.manifest["strategy"]["name"],
        "data": run.symbols,
        "fingerprint": run.manifest["fingerprint"],
        "started": run.manifest["wall_clock"].get("started"),
        **{name: numbers.get(name) for name in names},
    }


def _row(run: StoredRun) -> tuple[str, ...]:
    from tradewright.services.report.view import Unit
    from tradewright.services.report.wording import written

    numbers = run.metrics["performance"]
    units = {
        "total_return": Unit.SIGNED_PERCENT,
        "sharpe": Unit.RATIO,
        "max_drawdown": Unit.PERCENT,
        "trades": Unit.COUNT,
    }
    cells = (written(float("nan") if numbers[k] is None else numbers[k], u) for k, u in units.items())
    return (run.folder.name, run.manifest["strategy"]["name"], ", ".join(run.symbols), *cells)
