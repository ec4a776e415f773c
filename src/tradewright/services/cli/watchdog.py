"""`tradewright watchdog`: a second process that kills for one that hangs."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from tradewright.services.cli.options import add_command
from tradewright.services.trading.folder import ACCOUNTS, existing


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchdogOptions:
    """What is watched, and what is done."""

    config: Annotated[Path, typer.Argument(help="The configuration of the session, with the section `trading`.")]
    same_keys: Annotated[bool, typer.Option("--same-keys", help="Share the session's keys.")] = False
    flatten: Annotated[bool, typer.Option("--flatten", help="Also close all positions at the market.")] = False
    silence: Annotated[float, typer.Option(min=1, help="Seconds without a heartbeat before it kills.")] = 10.0
    accounts: Annotated[Path, typer.Option("--accounts", help="Folder of the accounts.")] = ACCOUNTS


def register(app: typer.Typer) -> None:
    """Add the command to `tradewright`."""
    add_command(app, "watchdog", WatchdogOptions, watchdog)


def watchdog(options: WatchdogOptions) -> None:
    """Watch a session's heartbeat, and kill if it stops: on the disk first, then at the venue, until that is verified.

    It has a connection and keys of its own: TRADEWRIGHT_KEYS_VENUE_KIND_WATCHDOG_KEY and ..._SECRET. It waits while no
    session runs, ends with code 1 after a kill, and keeps trying while the venue is down. Orders that protect a
    position stay, unless it flattens.
    """
    import asyncio

    from tradewright.execution.watchdog import WatchdogParams
    from tradewright.services.trading.settings import read_trading
    from tradewright.services.trading.watching import lines_of, role_of, watch

    file = read_trading(options.config)
    folder = existing(file.trading.account, options.accounts)
    role = role_of(file, os.environ, same_keys=options.same_keys)
    params = WatchdogParams(silence_s=options.silence, flattens=options.flatten)
    print(f"Watching {folder.name}: kills after {options.silence:g} s of silence.", flush=True)
    summary = asyncio.run(watch(file, folder, os.environ, role, params))
    print("\n".join(lines_of(summary, file)), file=sys.stderr)
    raise typer.Exit(1)
