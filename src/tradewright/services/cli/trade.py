"""`tradewright paper` and `tradewright live`: a session, with play money or with real money."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewright.core.types.errors import ConfigError
from tradewright.services.cli.backtest import BacktestOptions, settings_of
from tradewright.services.cli.console import Meter, print_fields, print_json
from tradewright.services.cli.options import add_command
from tradewright.services.trading.folder import ACCOUNTS

if TYPE_CHECKING:
    from tradewright.execution.orders.inputs import Alert
    from tradewright.services.live.start import Started

_ACCOUNTS = typer.Option("--accounts", help="Folder of the accounts.")
_CONTROL = typer.Option("--control-port", min=0, max=65_535, help="Serve the control endpoint on this machine.")


@dataclass(frozen=True, slots=True)
class PaperOptions:
    """What a session with play money is given on the command line."""

    config: Annotated[
        Path, typer.Argument(help="A YAML file; `trading` says where orders go, `feed` what is followed.")
    ]
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A dotted field such as trading.account.")
    ] = None
    accounts: Annotated[Path, _ACCOUNTS] = ACCOUNTS
    control_port: Annotated[int | None, _CONTROL] = None
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document at the end.")] = False


@dataclass(frozen=True, slots=True)
class LiveOptions:
    """What a session with real money is given: the file that was armed, and nothing that could change it."""

    config: Annotated[Path, typer.Argument(help="The YAML file that was approved and armed.")]
    accounts: Annotated[Path, _ACCOUNTS] = ACCOUNTS
    control_port: Annotated[int | None, _CONTROL] = None
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document at the end.")] = False


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add_command(app, "paper", PaperOptions, paper)
    add_command(app, "live", LiveOptions, live)


def paper(options: PaperOptions) -> None:
    """Trade with play money: a recording, or a live feed, on the simulated venue or a broker's paper account.

    Runs until the recording ends or Ctrl-C; started again, it goes on where its journal ends.
    """
    _run(options, options.assignments or [], "paper")


def live(options: LiveOptions) -> None:
    """Trade with real money: only what was approved and armed, and only while everything else is there.

    Whatever is missing is listed, and nothing starts (exit code 2). See docs/arming.md.
    """
    from tradewright.risk.arming.conditions import check_conditions
    from tradewright.services.trading.arming import gathered
    from tradewright.services.trading.settings import read_trading

    file = read_trading(options.config)
    check_conditions(gathered(file, os.environ, time.time_ns(), options.accounts, drift_ms=0.0))
    _run(options, [], "live")


def _run(options: PaperOptions | LiveOptions, assignments: list[str], mode: str) -> None:
    from tradewright.services.live.clocks import VenueClock
    from tradewright.services.live.start import Started, Surroundings
    from tradewright.services.runs.prepare import prepare

    settings, layers = settings_of(BacktestOptions(config=options.config, assignments=assignments))
    trading, feed = settings.trading, settings.feed
    if trading.kind != mode:
        what = f"the account is of kind {trading.kind}, and this is `tradewright {mode}`"
        where = f"{options.config}, trading.kind"
        raise ConfigError(what, where=where, fix=f"`tradewright {trading.kind}`, or write kind: {mode}.")
    if feed.source == "recording" and trading.venue != "simulated":
        what = f"a recording cannot be traded at {trading.venue}"
        fix = "Give trading.venue: simulated, or a live feed.source."
        raise ConfigError(what, where=f"{options.config}, feed.source", fix=fix)
    run = prepare(settings, layers)

    async def session(started: Started) -> None:
        try:
            if feed.source == "recording":
                await started.replay_recording()
            else:
                await started.follow_feed(VenueClock(time.time_ns, follows=feed.clock == "venue"))
        finally:
            await started.close()

    total = run.plan.n_events if feed.source == "recording" else 1
    with Meter(f"{run.strategy.name} on {trading.account}", total) as meter:
        around = Surroundings(
            time.time_ns, os.environ, options.accounts, _say, meter.advance, options.config, options.control_port
        )
        started = Started(run, mode, around)
        if settings.limits.micro_lots is not None:
            told = ", ".join(f"{name} {value:g}" for name, value in settings.limits.micro_lots)
            print(f"micro lots: new risk goes out in smallest lots; {told}", file=sys.stderr)
        try:
            asyncio.run(session(started))
        except KeyboardInterrupt:
            print("stopped; orders that work stay at the venue", file=sys.stderr)
    document = _document(started)
    if options.json:
        print_json(document)
    else:
        print_fields(document)


def _say(alert: Alert) -> None:
    if alert.is_page:
        print(f"{alert.code}: {alert.text}", file=sys.stderr)


def _document(started: Started) -> dict[str, Any]:
    """Return what became of the session."""
    session = started.session
    if session is None:
        return {}
    book, micro = session.conductor.book(), session.conductor.plan.limits.micro_lots
    return {
        "account": str(started.folder.path),
        "continued": session.is_continued,
        "rows": session.runtime.counts.rows,
        "decisions": session.runtime.counts.decisions,
        "refused": session.runtime.counts.refused,
        "fills": book["fills"],
        "equity": book["equity_micro"] / 1e6,
        "positions": {name: lots for name, lots in book["lots"].items() if lots},
        "journal": session.journal.head,
    } | ({} if micro is None else {"micro_lots": micro.model_dump()})
