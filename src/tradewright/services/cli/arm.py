"""`tradewright arm`, `disarm` and `approve`: what stands between a configuration and real money."""

from __future__ import annotations

import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from tradewright.core.types.errors import StoreError, UsageError
from tradewright.services.cli.console import print_json
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import Json, moment
from tradewright.services.trading.folder import ACCOUNTS, AccountFolder, existing

Accounts = Annotated[Path, typer.Option("--accounts", help="Folder of the accounts.")]
Config = Annotated[Path, typer.Argument(help="The configuration, with the section `live`.")]
By = Annotated[str, typer.Option("--by", help="Who says so.", show_default=False)]


@dataclass(frozen=True, slots=True, kw_only=True)
class ArmOptions:
    """What is armed, and for how long."""

    config: Config
    by: By = ""
    hours: Annotated[float, typer.Option(min=1 / 60, max=168, help="When it expires.")] = 12.0
    phrase: Annotated[str, typer.Option(help="The phrase, for scripts; else it is asked for.", show_default=False)] = ""
    check: Annotated[bool, typer.Option("--check", help="Only list what is missing.")] = False
    accounts: Accounts = ACCOUNTS
    json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ApproveOptions:
    """Which release is approved, and by whom."""

    config: Config
    by: By
    accounts: Accounts = ACCOUNTS


@dataclass(frozen=True, slots=True, kw_only=True)
class DisarmOptions:
    """Which account."""

    account: Annotated[str, typer.Option("--account", help="Name of the account.", show_default=False)]
    accounts: Accounts = ACCOUNTS


def register(app: typer.Typer) -> None:
    """Add the commands to `tradewright`."""
    add_command(app, "arm", ArmOptions, arm)
    add_command(app, "disarm", DisarmOptions, disarm)
    add_command(app, "approve", ApproveOptions, approve)


def arm(options: ArmOptions) -> None:
    """Arm an account for real money, for a while: account, configuration, code and model, by hash.

    A phrase has to be typed. Arming starts nothing; what else is missing is listed, and `--check` fails then. The
    clock of the venue is asked when a session connects.
    """
    from tradewright.risk.arming.arm_file import HOUR_NS, Armed, ArmFile, phrase_of
    from tradewright.risk.arming.conditions import Condition, check_conditions, missing_conditions
    from tradewright.services.trading.arming import gathered
    from tradewright.services.trading.settings import read_trading

    file, now = read_trading(options.config), time.time_ns()
    if not options.check:
        if file.trading.kind != "live":
            what = f"kind {file.trading.kind} needs no arming"
            raise UsageError(what, where=f"{options.config}, live.kind", fix="Only kind live trades real money.")
        folder = AccountFolder(file.trading.account, options.accounts)
        running = gathered(file, os.environ, now, options.accounts).running
        phrase = options.phrase or _typed(phrase_of(folder.name))
        until = now + round(options.hours * HOUR_NS)
        ArmFile(folder.arm).arm(Armed(*running, by=options.by, at_ns=now, until_ns=until), phrase)
        if not options.json:
            print(f"{folder.name} is armed until {moment(until)} UTC.")
    facts = gathered(file, os.environ, now, options.accounts, drift_ms=0.0)  # the clock is a session's matter
    missing = missing_conditions(facts)
    if options.json:
        rows = [{"code": m.condition.value, "what": m.what, "fix": m.fix} for m in missing]
        print_json({"account": file.trading.account, "missing": rows})
    if options.check:
        if not options.json:
            check_conditions(facts)
            print(f"Nothing is missing; {Condition.CLOCK} is measured when a session connects.")
        elif missing:
            raise typer.Exit(2)
        return
    for one in () if options.json else missing:
        print(f"still missing: {one.condition}: {one.what}. {one.fix}", file=sys.stderr)


def _typed(phrase: str) -> str:
    if not sys.stdin.isatty():
        raise UsageError("nobody is there to type the phrase", where="arm", fix="Give --phrase.")
    return input(f"Type '{phrase}' to arm: ")


def disarm(options: DisarmOptions) -> None:
    """Take the arm file away. A session that runs is not stopped: that is `tradewright kill`."""
    from tradewright.risk.arming.arm_file import ArmFile

    folder = existing(options.account, options.accounts)
    try:
        was = ArmFile(folder.arm).disarm()
    except OSError as error:
        raise StoreError(f"it cannot be removed: {error}", where=str(folder.arm), fix="Check rights.") from error
    print(f"{folder.name} is disarmed." if was else f"{folder.name} was not armed.")


def approve(options: ApproveOptions) -> None:
    """Approve what is installed here, with this configuration and its model, as the one release that may run."""
    from tradewright.services.trading.arming import approve as keep
    from tradewright.services.trading.arming import model_of, running_release
    from tradewright.services.trading.settings import read_trading

    if not options.by.strip():
        raise UsageError("an approval needs a name", where="--by", fix="Say who.")
    file = read_trading(options.config)
    folder = AccountFolder(file.trading.account, options.accounts)
    release = running_release(file, model_of(file)[1])
    try:
        keep(folder, release)
    except OSError as error:
        raise StoreError(f"it cannot be written: {error}", where=str(folder.approved), fix="Check rights.") from error
    model = release.model_hash[:12] or "none"
    print(
        f"Approved for {folder.name} by {options.by}: code {release.code_hash}, configuration "
        f"{release.config_hash}, model {model}."
    )
