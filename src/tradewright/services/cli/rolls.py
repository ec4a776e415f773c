"""`tradewright data rolls`: when a future moves to its next contract, and one series made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tradewright.core.types.errors import UsageError
from tradewright.services.cli.bars_out import bars_frame, check_out, hand_over
from tradewright.services.cli.console import print_json, print_table
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import STORE, Json, Store

if TYPE_CHECKING:
    from tradewright.core.types.bar import Bars
    from tradewright.core.types.calendar import Calendar
    from tradewright.data.rolls import Contract, Roll


@dataclass(frozen=True, slots=True)
class RollsOptions:
    """Contracts, the rule, and whether their bars are joined."""

    file: Annotated[Path, typer.Argument(help="CSV or Parquet: symbol, last_day (the last trading day).")]
    timeframe: Annotated[str, typer.Option(help="Of the contracts' stored bars.")] = "1d"
    rule: Annotated[
        Literal["days_before_expiry", "volume_crossover", "open_interest"], typer.Option(help="What decides.")
    ] = "days_before_expiry"
    days: Annotated[int, typer.Option(help="Trading days before the last one; of the others the latest day.")] = 5
    confirm_days: Annotated[int, typer.Option(help="Days in a row on which the next contract was larger.")] = 1
    lag_days: Annotated[int, typer.Option(help="Trading days until a day's figure is known.")] = 1
    figures: Annotated[
        Path | None,
        typer.Option(help="CSV or Parquet: symbol, date, volume or open_interest; else volume of the stored bars."),
    ] = None
    calendar: Annotated[str, typer.Option(help="Whose days, such as CMES; else of the stored contracts.")] = ""
    as_of: Annotated[str, typer.Option("--as-of", help="The reader's moment; else the end of the bars.")] = ""
    join: Annotated[str, typer.Option(metavar="NAME", help="Join the contracts' bars to a series of this name.")] = ""
    method: Annotated[
        Literal["ratio", "difference", "unadjusted"], typer.Option(help="How prices before a roll are moved.")
    ] = "ratio"
    out: Annotated[Path | None, typer.Option(help="Joined bars: .parquet or .csv.", show_default=False)] = None
    store: Store = STORE
    json: Json = False


def register(group: typer.Typer) -> None:
    """Add the command to `tradewright data`."""
    add_command(group, "rolls", RollsOptions, rolls)


def rolls(options: RollsOptions) -> None:
    """Show when a future rolls, by a rule that knows completed days only; --join makes one series of the bars."""
    from tradewright.data.kinds import Kind
    from tradewright.data.roll_tables import read_contracts
    from tradewright.data.sessions import calendar_named
    from tradewright.data.store import BarStore
    from tradewright.data.times import moment_ns

    check_out(options.out)
    if options.out is not None and not options.join:
        raise UsageError("is missing", where="--join", fix="Name the joined series, for example --join ES.")
    contracts, store = read_contracts(options.file), BarStore(options.store)
    names = {c.symbol for c in contracts}
    found = [d for d in store.list(Kind.BARS) if d.symbol in names and d.timeframe == options.timeframe]
    if not found and (options.join or not options.calendar):
        store.describe(contracts[0].symbol, options.timeframe)  # raises, and says what there is
    as_of = moment_ns(options.as_of) if options.as_of else max((d.last_event for d in found), default=None)
    bars = {d.symbol: store.load(d.symbol, d.timeframe, None, as_of) for d in found}
    named = calendar_named(options.calendar) if options.calendar else None
    calendar = named or found[0].instrument.instrument().calendar
    schedule = _schedule(options, contracts, bars, calendar, as_of)
    if options.join and as_of is not None:
        _join(options, schedule, bars, calendar, as_of)
    elif options.json:
        print_json([{"day": _date(roll), "old": roll.old, "new": roll.new} for roll in schedule])
    else:
        print_table(("From the start of", "Out of", "Into"), [(_date(r), r.old, r.new) for r in schedule])


def _schedule(
    options: RollsOptions,
    contracts: Sequence[Contract],
    bars: Mapping[str, Bars],
    calendar: Calendar,
    as_of: int | None,
) -> tuple[Roll, ...]:
    import numpy as np
    import polars as pl

    from tradewright.data.roll_tables import daily_volume, read_figures, trading_days
    from tradewright.data.rolls import RollParams, RollRule, roll_schedule
    from tradewright.data.times import called_days

    params = RollParams(RollRule(options.rule), options.days, options.confirm_days, options.lag_days)
    column = "open_interest" if params.rule is RollRule.OPEN_INTEREST else "volume"
    daily = read_figures(options.figures, column) if options.figures else daily_volume(bars.values(), calendar)
    if as_of is not None:  # a day that is not over yet is not known
        daily = daily.filter(pl.col("day") < called_days(np.array([as_of], np.int64), calendar)[0])
    return roll_schedule(contracts, trading_days(contracts, calendar), params, daily)


def _join(
    options: RollsOptions, schedule: tuple[Roll, ...], bars: Mapping[str, Bars], calendar: Calendar, as_of: int
) -> None:
    import polars as pl

    from tradewright.data.continuous import JoinParams, continuous

    made = continuous(bars, schedule, as_of, JoinParams(options.join, options.method, calendar))
    held = pl.Series("contract", made.contracts).gather(made.contract)
    frame = bars_frame(made.bars).with_columns(held, is_roll=made.is_roll)
    about = {"series": options.join, "timeframe": options.timeframe, "method": options.method, "as_of_ns": as_of}
    hand_over(frame, options.out, about | {"contracts": len(made.contracts)}, is_json=options.json)


def _date(roll: Roll) -> str:
    return (date(1970, 1, 1) + timedelta(days=roll.day)).isoformat()
