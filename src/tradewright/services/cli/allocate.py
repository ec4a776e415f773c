"""`tradewright allocate`."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from tradewright.core.types.errors import UsageError
from tradewright.services.cli.console import print_json, print_table
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import STORE, Json, Store, moment

if TYPE_CHECKING:
    from tradewright.research.allocation import Allocation

_METHODS = Literal["equal_weight", "inverse_volatility", "risk_parity", "equal_risk", "hrp", "min_variance"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AllocateOptions:
    """What to allocate between, and how."""

    symbols: Annotated[list[str] | None, typer.Argument(help="SYMBOL or SYMBOL@TIMEFRAME.", show_default=False)] = None
    run: Annotated[list[str] | None, typer.Option(help="A run, by folder or name; give it again for more.")] = None
    method: Annotated[_METHODS, typer.Option(help="How weights are made.")] = "equal_risk"
    window: Annotated[int, typer.Option(help="Days looked back at.")] = 120
    every: Annotated[Literal["day", "week", "month", "quarter"], typer.Option(help="When weights are looked at.")] = (
        "month"
    )
    band: Annotated[float, typer.Option(help="Trade only once a weight is further than this from its target.")] = 0.0
    turnover_penalty: Annotated[float, typer.Option(help="What every unit of turnover has to be worth.")] = 0.0
    max_weight: Annotated[float, typer.Option(help="Largest weight.")] = 1.0
    cost_bps: Annotated[float, typer.Option(help="Costs of trading, basis points of the traded value.")] = 2.0
    hedge: Annotated[str, typer.Option(help="An instrument sold short while the portfolio is in a drawdown.")] = ""
    hedge_share: Annotated[float, typer.Option(help="Its share of equity.")] = 0.25
    hedge_drawdown: Annotated[float, typer.Option(help="The drawdown that opens it; half of it closes it.")] = 0.05
    start: Annotated[str, typer.Option(help="First day, YYYY-MM-DD.")] = ""
    end: Annotated[str, typer.Option(help="Last day, YYYY-MM-DD.")] = ""
    out: Annotated[Path | None, typer.Option(help="Table of weights, .csv or .parquet.", show_default=False)] = None
    runs: Annotated[Path, typer.Option("--runs", help="Where run folders are.")] = Path("runs")
    store: Store = STORE
    seed: Annotated[int, typer.Option(help="Of the intervals.", min=0)] = 0
    json: Json = False


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, "allocate", AllocateOptions, allocate)


def allocate(options: AllocateOptions) -> None:
    """Spread equity over instruments or runs, with weights that were known before they are held.

    The table that --out writes is traded by the strategy target_weights, given as forecasts.file.
    """
    from tradewright.data.forecasts import write_weights
    from tradewright.research.allocation import allocate
    from tradewright.services.allocation import daily_returns, figures
    from tradewright.services.runs.read import find_run

    params, hedge = _params(options)
    symbols = [*(options.symbols or ()), *([hedge.name] if hedge and hedge.name not in (options.symbols or ()) else ())]
    runs = [find_run(name, options.runs) for name in options.run or ()]
    returns = daily_returns(options.store, symbols, runs, (options.start, options.end))
    found = allocate(returns, params, hedge)
    if options.out is not None:
        write_weights(options.out, found.names, found.stamps, found.weights)
    numbers = figures(found, options.seed)
    if options.json:
        weights = [
            {"time": moment(int(t)), **dict(zip(found.names, row, strict=True))}
            for t, row in zip(found.stamps, found.weights.tolist(), strict=True)
        ]
        print_json({"method": options.method, "figures": numbers, "weights": weights})
        return
    _show(found, numbers, options)


def _params(options: AllocateOptions) -> Any:  # noqa: ANN401 -- types that cost seconds to import
    from pydantic import ValidationError

    from tradewright.research.allocation import AllocationParams, HedgeParams

    try:
        params = AllocationParams.model_validate(
            {name: getattr(options, name) for name in AllocationParams.model_fields}
        )
        hedge = (
            HedgeParams(
                name=options.hedge.partition("@")[0], share=options.hedge_share, drawdown=options.hedge_drawdown
            )
            if options.hedge
            else None
        )
    except ValidationError as error:
        first = error.errors()[0]
        where = "--" + "-".join(str(part) for part in first["loc"]).replace("_", "-")
        raise UsageError(first["msg"].removeprefix("Value error, "), where=where.rstrip("-")) from error
    return params, hedge


def _show(found: Allocation, numbers: dict[str, Any], options: AllocateOptions) -> None:
    print(
        f"{options.method}, {len(found.stamps)} weightings from {moment(int(found.stamps[0]))}; simulated after costs"
    )
    rows = [
        (name, *(_cell(numbers[part][key]) for part in ("portfolio", "without_hedge") if part in numbers))
        for name, key in (
            ("Growth a year", "cagr"),
            ("Volatility a year", "volatility"),
            ("Sharpe ratio", "sharpe"),
            ("Max drawdown", "max_drawdown"),
        )
    ]
    columns = ["", "Value (95 %)", *(["Without the hedge"] if "without_hedge" in numbers else [])]
    print_table(columns, rows)
    print(f"Turnover a year {numbers['turnover_a_year']:.2f}, costs a year {numbers['costs_a_year']:.3%}. 1 trial.")
    if "without_hedge" in numbers:
        print(
            f"The hedge was held on {numbers['hedge_days']} days and brought "
            f"{numbers['hedge_return_a_year']:+.2%} a year."
        )
    newest = [(name, f"{weight:.2%}") for name, weight in zip(found.names, found.weights[-1], strict=True)]
    print_table(("Newest weights", moment(int(found.stamps[-1]))), newest, " r")
    if options.out is not None:
        print(f"Weights: {options.out}")


def _cell(number: dict[str, float | None]) -> str:
    value, low, high = (number[key] for key in ("value", "low", "high"))
    if value is None:
        return "-"
    interval = f" ({low:.3f} to {high:.3f})" if low is not None and high is not None else ""
    return f"{value:.3f}{interval}"
