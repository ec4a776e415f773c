"""`tradewright paper` and `tradewright live`: a session, with play money or with real money."""

from __future__ import annotations

import asyncio
import os
import sys
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewright.core.types.errors import ConfigError
from tradewright.services.cli.backtest import BacktestOptions, settings_of
from tradewright.services.cli.console import Meter, print_fields, print_json
from tradewright.services.cli.guard import shown
from tradewright.services.cli.options import add_command
from tradewright.services.trading.folder import ACCOUNTS

if TYPE_CHECKING:
    from tradewright.execution.orders.inputs import Alert
    from tradewright.services.live.start import Started
    from tradewright.services.runs.prepare import PreparedRun
    from tradewright.services.settings import RunSettings

_ACCOUNTS = typer.Option("--accounts", help="Folder of the accounts.")
_CONTROL = typer.Option("--control-port", min=0, max=65_535, help="Serve the control endpoint on this machine.")


@dataclass(frozen=True, slots=True)
class PaperOptions:
    """What a session with play money is given on the command line."""

    configs: Annotated[
        list[Path],
        typer.Argument(
            metavar="CONFIG...",
            help="YAML files, an account each; `trading` says where orders go, `feed` what is followed.",
        ),
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

    configs: Annotated[
        list[Path], typer.Argument(metavar="CONFIG...", help="The YAML files that were approved and armed.")
    ]
    accounts: Annotated[Path, _ACCOUNTS] = ACCOUNTS
    control_port: Annotated[int | None, _CONTROL] = None
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document at the end.")] = False


def register(app: typer.Typer) -> None:
    """Add the commands."""
    add_command(app, "paper", PaperOptions, paper)
    add_command(app, "live", LiveOptions, live)


def paper(options: PaperOptions) -> None:
    """Trade with play money: a recording, or a live feed, on the simulated venue or a broker's paper account.

    Runs until the recording ends or Ctrl-C; started again, it goes on where its journal ends. Several files are several
    accounts in one process; a session that fails ends alone, and the exit code is 1 at the end.
    """
    _run(options, options.assignments or [], "paper")


def live(options: LiveOptions) -> None:
    """Trade with real money: only what was approved and armed, and only while everything else is there.

    Whatever is missing is listed, and nothing starts (exit code 2). See docs/arming.md.
    """
    from tradewright.risk.arming.conditions import check_conditions
    from tradewright.services.trading.arming import gathered
    from tradewright.services.trading.settings import read_trading

    for config in options.configs:
        file = read_trading(config)
        check_conditions(gathered(file, os.environ, time.time_ns(), options.accounts, drift_ms=0.0))
    _run(options, [], "live")


def _run(options: PaperOptions | LiveOptions, assignments: list[str], mode: str) -> None:
    from tradewright.services.live.several import refuse_shared, side_by_side
    from tradewright.services.runs.prepare import prepare

    told = [settings_of(BacktestOptions(config=config, assignments=assignments)) for config in options.configs]
    for config, (settings, _) in zip(options.configs, told, strict=True):
        _check(config, settings, mode)
    refuse_shared([(c, settings.trading) for c, (settings, _) in zip(options.configs, told, strict=True)])
    runs = [prepare(settings, layers) for settings, layers in told]
    total = sum(run.plan.n_events if run.settings.feed.source == "recording" else 1 for run in runs)
    errors: dict[str, Exception] = {}

    def failed(started: Started, error: Exception) -> None:
        errors[started.folder.name] = error
        if len(runs) > 1:
            print(f"{started.folder.name} has ended: {shown(error)}", file=sys.stderr)

    with Meter(_title(runs), total) as meter:
        sessions = _sessions(options, runs, mode, meter)
        try:
            asyncio.run(side_by_side(sessions, _work, failed))
        except KeyboardInterrupt:
            print("stopped; orders that work stay at the venue", file=sys.stderr)
    if len(runs) == 1:
        for error in errors.values():
            raise error
    documents = [_document(started, errors.get(started.folder.name)) for started in sessions]
    if options.json:
        print_json(documents[0] if len(documents) == 1 else {"sessions": documents})
    else:
        for number, document in enumerate(documents):
            print("\n" * (number > 0), end="")
            print_fields(document)
    if errors:
        raise typer.Exit(1)


def _check(config: Path, settings: RunSettings, mode: str) -> None:
    """Refuse a configuration that is not for this command, or that contradicts itself."""
    trading, feed = settings.trading, settings.feed
    if trading.kind != mode:
        what = f"the account is of kind {trading.kind}, and this is `tradewright {mode}`"
        where = f"{config}, trading.kind"
        raise ConfigError(what, where=where, fix=f"`tradewright {trading.kind}`, or write kind: {mode}.")
    if feed.source == "recording" and trading.venue != "simulated":
        what = f"a recording cannot be traded at {trading.venue}"
        fix = "Give trading.venue: simulated, or a live feed.source."
        raise ConfigError(what, where=f"{config}, feed.source", fix=fix)


def _title(runs: list[PreparedRun]) -> str:
    if len(runs) > 1:
        return f"{len(runs)} sessions"
    return f"{runs[0].strategy.name} on {runs[0].settings.trading.account}"


def _sessions(options: PaperOptions | LiveOptions, runs: list[PreparedRun], mode: str, meter: Meter) -> list[Started]:
    """Put the sessions together; the control endpoints of several listen at one port after another."""
    from tradewright.services.live.signals import Signals
    from tradewright.services.live.start import Started, Surroundings

    signals, first = Signals(), options.control_port
    sessions = []
    for k, (config, run) in enumerate(zip(options.configs, runs, strict=True)):
        name = f"{run.settings.trading.account}: " if len(runs) > 1 else ""
        around = Surroundings(
            time.time_ns,
            os.environ,
            options.accounts,
            partial(_say, name),
            meter.advance,
            config,
            first + k if first else first,
            signals,
        )
        sessions.append(Started(run, mode, around))
        micro = run.settings.limits.micro_lots
        if micro is not None:
            told = ", ".join(f"{limit} {value:g}" for limit, value in micro)
            print(f"{name}micro lots: new risk goes out in smallest lots; {told}", file=sys.stderr)
    return sessions


async def _work(started: Started) -> None:
    """Trade until the recording ends, or until somebody ends it."""
    from tradewright.services.live.clocks import VenueClock

    try:
        if started.feed.source == "recording":
            await started.replay_recording()
        else:
            await started.follow_feed(VenueClock(time.time_ns, follows=started.feed.clock == "venue"))
    finally:
        await started.close()


def _say(whose: str, alert: Alert) -> None:
    if alert.is_page:
        print(f"{whose}{alert.code}: {alert.text}", file=sys.stderr)


def _document(started: Started, error: Exception | None) -> dict[str, Any]:
    """Return what became of the session."""
    session = started.session
    known: dict[str, Any] = {"account": str(started.folder.path)} | ({"error": shown(error)} if error else {})
    if session is None:
        return known
    book, micro = session.conductor.book(), session.conductor.plan.limits.micro_lots
    return (
        known
        | {
            "continued": session.is_continued,
            "rows": session.runtime.counts.rows,
            "decisions": session.runtime.counts.decisions,
            "refused": session.runtime.counts.refused,
            "fills": book["fills"],
            "equity": book["equity_micro"] / 1e6,
            "positions": {name: lots for name, lots in book["lots"].items() if lots},
            "journal": session.journal.head,
        }
        | ({} if micro is None else {"micro_lots": micro.model_dump()})
    )
