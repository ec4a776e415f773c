"""`tradewright backtest`."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tradewright.core.types.errors import UsageError
from tradewright.services.cli.console import Meter, print_json, print_table
from tradewright.services.cli.options import add_command

if TYPE_CHECKING:
    from tradewright.services.cli.layers import Layered
    from tradewright.services.runs.execute import FinishedRun
    from tradewright.services.settings import RunSettings


@dataclass(frozen=True, slots=True)
class BacktestOptions:
    """What `backtest` is given on the command line."""

    config: Annotated[Path | None, typer.Argument(help="A YAML file; see examples/.", show_default=False)] = None
    config_option: Annotated[Path | None, typer.Option("--config", help="The same, as an option.")] = None
    strategy: Annotated[str | None, typer.Option(help="A built-in strategy, or your own file.")] = None
    data: Annotated[
        list[str] | None, typer.Option(metavar="SYMBOL", help="SYMBOL or SYMBOL@TIMEFRAME; give it again for more.")
    ] = None
    assignments: Annotated[
        list[str] | None,
        typer.Option(
            "--set", metavar="KEY=VALUE", help="A strategy's parameter, or a dotted field such as account.currency."
        ),
    ] = None
    path: Annotated[Literal["loop", "session"] | None, typer.Option(help="Engine path; the results are the same.")] = (
        None
    )
    seed: Annotated[int | None, typer.Option(help="Seed of everything random.")] = None
    out: Annotated[Path | None, typer.Option(help="The run's folder, exactly.", show_default=False)] = None
    runs: Annotated[Path, typer.Option(help="Where run folders are made.")] = Path("runs")
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document.")] = False
    no_report: Annotated[bool, typer.Option("--no-report", help="Write no report.html.")] = False


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, "backtest", BacktestOptions, backtest)


def backtest(options: BacktestOptions) -> None:
    """Run a strategy over stored bars and write a run folder with a report.

    Values come from --set, then TRADEWRIGHT_SECTION__FIELD in the environment, then the file, then defaults.
    """
    from tradewright.services.runs.execute import Place, execute
    from tradewright.services.runs.prepare import prepare

    settings, layers = settings_of(options)
    run = prepare(settings, layers)
    for rules in run.plan.rules or ():
        for notice in rules.banners(datetime.now(UTC).date()):
            print(f"note: {notice}", file=sys.stderr)
    with Meter(f"{run.strategy.name} on {len(run.bars)} instrument(s)", run.plan.n_events) as meter:
        finished = execute(run, Place(options.runs, options.out), meter.advance)
    if options.json:
        print_json(as_document(finished))
    else:
        show(finished)


def settings_of(options: BacktestOptions) -> tuple[RunSettings, Layered]:
    """Merge file, environment and options, and check the whole.

    Raises
    ------
    ConfigError
        For the first thing that is wrong; names file and line, variable or option.
    """
    from pydantic import ValidationError

    from tradewright.services.cli.layers import Layered
    from tradewright.services.explain import explained
    from tradewright.services.settings import RunSettings

    if options.config is not None and options.config_option is not None:
        raise UsageError("two configuration files are given", fix="Give one.")
    file = options.config or options.config_option
    known = list(RunSettings.model_fields)
    layers = Layered()
    if file is not None:
        if file.suffix == ".py":
            fix = f"Did you mean --strategy {file}?"
            raise UsageError("a configuration is a YAML file, not Python", where=str(file), fix=fix)
        layers.add_file(file)
    layers.add_environment(os.environ, known)
    layers.add_assignments(options.assignments or [], known)
    _add_shortcuts(layers, options)
    if file is None and not (layers.values.get("strategy") and layers.values.get("data")):
        fix = "Give a YAML file, or --strategy and --data, for example --strategy ema_cross --data EURUSD."
        raise UsageError("nothing says what to run", where="tradewright backtest", fix=fix)
    try:
        return RunSettings.model_validate(layers.values), layers
    except ValidationError as error:
        raise explained(error, RunSettings, layers.origin) from error


def _add_shortcuts(layers: Layered, options: BacktestOptions) -> None:
    """Put options that stand for a field in their place."""
    if options.strategy is not None:
        is_file = options.strategy.endswith(".py") or os.sep in options.strategy
        keys = ("file", "name") if is_file else ("name", "file")
        layers.put(["strategy", keys[0]], options.strategy, "--strategy")
        layers.drop(["strategy", keys[1]])
    if options.data:
        layers.put(["data", "symbols"], list(options.data), "--data")
    if options.path is not None:
        layers.put(["path"], options.path, "--path")
    if options.seed is not None:
        layers.put(["seed"], options.seed, "--seed")
    if options.no_report:
        layers.put(["report", "enabled"], False, "--no-report")


def as_document(finished: FinishedRun) -> dict[str, Any]:
    """Return what --json prints."""
    from tradewright.services.runs.folder import REPORT
    from tradewright.services.runs.write import metrics_of

    report = finished.folder / REPORT
    return {
        "run": str(finished.folder),
        "report": str(report) if report.is_file() else None,
        "fingerprint": finished.manifest["fingerprint"],
        "manifest": finished.manifest,
        "metrics": metrics_of(finished.outcome),
    }


def show(finished: FinishedRun) -> None:
    """Print the headline numbers and where the rest is."""
    from tradewright.services.report.headline import headline
    from tradewright.services.report.view import Unit
    from tradewright.services.report.wording import DASH, written
    from tradewright.services.runs.facts import cost_notices
    from tradewright.services.runs.folder import REPORT
    from tradewright.services.runs.write import contributions_of

    outcome = finished.outcome
    symbols = ", ".join(f"{d.symbol} {d.timeframe}" for d in outcome.run.data)
    print(f"{outcome.run.strategy.name} on {symbols}, {outcome.run.plan.n_events:,} bars, {outcome.result.currency}")
    rows = []
    for metric in headline(outcome.numbers):
        interval = (
            f"{written(metric.low, metric.unit)} to {written(metric.high, metric.unit)}"
            if metric.low == metric.low and metric.high == metric.high
            else DASH
        )
        hold = written(metric.benchmark, metric.unit)
        value = written(metric.value, metric.unit)
        rows.append((metric.label, value if value != DASH else f"{DASH} ({metric.missing})", interval, hold))
    print_table(("", "Strategy", "95 % interval", "Buy and hold"), rows, " rrr")
    parts = contributions_of(outcome)
    if parts:
        shares = [
            (
                p.strategy,
                ", ".join(p.instruments),
                written(p.result, Unit.SIGNED_MONEY),
                f"{p.trades:,}",
                f"{p.denied:,}",
            )
            for p in parts
        ]
        print_table(("Strategy", "Instruments", "Result", "Trades", "Refused"), shares, "  rrr")
    for notice in cost_notices(finished.manifest):
        print(notice)
    denials = outcome.result.counters["denials"]
    if denials:
        print(f"{denials:,} wishes were denied; orders.parquet says why.")
    print(f"Run:    {finished.folder}")
    if (finished.folder / REPORT).is_file():
        print(f"Report: {finished.folder / REPORT}")
