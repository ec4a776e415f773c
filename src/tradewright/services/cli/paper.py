"""`tradewright paper`: a session with play money."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewright.services.cli.backtest import BacktestOptions, settings_of
from tradewright.services.cli.console import Meter, print_fields, print_json
from tradewright.services.cli.options import add_command

if TYPE_CHECKING:
    from tradewright.execution.orders.inputs import Alert
    from tradewright.services.live.start import Started


@dataclass(frozen=True, slots=True)
class PaperOptions:
    """What a session is given on the command line."""

    config: Annotated[Path, typer.Argument(help="A YAML file; its section `live` says venue, feed and account.")]
    assignments: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="A dotted field such as live.account.")
    ] = None
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document at the end.")] = False


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, "paper", PaperOptions, paper)


def paper(options: PaperOptions) -> None:
    """Trade with play money: a recording, or a live feed, on the simulated venue or a broker's paper account.

    Runs until the recording ends or Ctrl-C; started again, it goes on where its journal ends.
    """
    from tradewright.services.live.clocks import VenueClock
    from tradewright.services.live.start import Started, Surroundings
    from tradewright.services.live.vendors import Access
    from tradewright.services.runs.prepare import prepare

    settings, layers = settings_of(BacktestOptions(config=options.config, assignments=options.assignments))
    run = prepare(settings, layers)
    live = settings.live

    async def session(started: Started) -> None:
        try:
            if live.feed == "recording":
                await started.replay_recording()
            else:
                clock = VenueClock(time.time_ns, follows=live.clock == "venue")
                await started.follow_feed(clock, Access(os.environ, is_live=False))
        finally:
            await started.close()

    total = run.plan.n_events if live.feed == "recording" else 1
    with Meter(f"{run.strategy.name} on {live.account}", total) as meter:
        started = Started(run, "paper", Surroundings(time.time_ns, os.environ, _say, meter.advance))
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
    book = session.conductor.book()
    return {
        "account": str(started.folder.path),
        "continued": session.facts.is_continued,
        "rows": session.runtime.counts.rows,
        "decisions": session.runtime.counts.decisions,
        "refused": session.runtime.counts.refused,
        "fills": book["fills"],
        "equity": book["equity_micro"] / 1e6,
        "positions": {name: lots for name, lots in book["lots"].items() if lots},
        "journal": session.journal.head,
    }
