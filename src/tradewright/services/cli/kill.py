"""`tradewright kill` and `tradewright release`: stop in one step, go on in two."""

from __future__ import annotations

import getpass
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from tradewright.core.types.errors import UsageError
from tradewright.services.cli.console import print_fields, print_json
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import Json
from tradewright.services.trading.folder import ACCOUNTS, existing, known_accounts

if TYPE_CHECKING:
    from tradewright.services.trading.killing import Outcome

Accounts = Annotated[Path, typer.Option("--accounts", help="Folder of the accounts.")]
Account = Annotated[str, typer.Option("--account", help="Name of the account.", show_default=False)]
By = Annotated[str, typer.Option("--by", help="Who says so.", show_default=False)]
Reason = Annotated[str, typer.Option("--reason", help="Why.", show_default=False)]
Scope = Annotated[str, typer.Option("--scope", help="all, strategy:NAME or symbol:NAME.")]
#: So long a live process is given to say what it did.
_WAIT_S = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class KillOptions:
    """What is to stop."""

    account: Annotated[str, typer.Option(help="Name of the account; without it, all.", show_default=False)] = ""
    all_accounts: Annotated[bool, typer.Option("--all-accounts", help="Every account; the same as naming none.")] = (
        False
    )
    level: Annotated[
        Literal["reduce-only", "block-new", "cancel", "flatten"], typer.Option(help="How much is to stop.")
    ] = "cancel"
    scope: Scope = "all"
    by: By = ""
    reason: Reason = ""
    accounts: Accounts = ACCOUNTS
    json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ReleaseOptions:
    """What may trade again."""

    account: Account
    by: By
    reason: Reason = ""
    scope: Scope = "all"
    accept_open: Annotated[
        bool, typer.Option("--accept-open", help="Although positions are open, or no session says otherwise.")
    ] = False
    confirm: Annotated[
        str | None, typer.Option(help="The second step: the number the first gave.", show_default=False)
    ] = None
    code: Annotated[str, typer.Option(help="One-time code, where a TOTP secret is set.", show_default=False)] = ""
    accounts: Accounts = ACCOUNTS
    json: Json = False


def register(app: typer.Typer) -> None:
    """Add the commands to `tradewright`."""
    add_command(app, "kill", KillOptions, kill)
    add_command(app, "release", ReleaseOptions, release)


def kill(options: KillOptions) -> None:
    """Stop trading now: one step, no network, with a live, hung or dead process.

    reduce-only lets positions shrink; block-new sends nothing but protection; cancel also cancels what works;
    flatten also closes positions. Protective stops stay until a position is zero. Fails where a process that holds
    the account does not answer within a second: the request stands, and the watchdog or the venue must help.
    """
    from tradewright.core.types.order import KillLevel
    from tradewright.risk.kill.requests import check_scope
    from tradewright.services.trading.killing import kill as carry_out

    check_scope(options.scope)
    if options.account and options.all_accounts:
        raise UsageError("one account and all are named", where="kill", fix="Give one of both.")
    root = options.accounts
    folders = [existing(options.account, root)] if options.account else known_accounts(root)
    if not folders:
        raise UsageError("there is no account to kill", where=str(root), fix="Give the right --accounts.")
    level = KillLevel[options.level.upper().replace("-", "_")]
    said = (options.by.strip() or _user(), options.reason.strip() or "no reason given")
    outcomes = carry_out(folders, level, options.scope, said, _WAIT_S, time.time_ns())
    _tell(outcomes, is_json=options.json)


def _user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container may have no name for it; that must not stop a kill
        return "nobody known"


def _tell(outcomes: list[Outcome], *, is_json: bool) -> None:
    if is_json:
        rows = [
            {"account": o.account, "state": o.state, "is_live": o.is_live, "did": o.did, "troubles": list(o.troubles)}
            for o in outcomes
        ]
        print_json({"accounts": rows})
    for outcome in () if is_json else outcomes:
        print(f"{outcome.account}: {outcome.state}. {_words(outcome)}")
        for trouble in outcome.troubles:
            print(f"  NOT WRITTEN: {trouble}", file=sys.stderr)
    if any((o.is_live and not o.did) or o.did.startswith("NOT ") or not o.is_kept for o in outcomes):
        raise typer.Exit(1)


def _words(outcome: Outcome) -> str:
    if outcome.did:
        return f"The session says, after {outcome.waited_s * 1e3:.0f} ms: {outcome.did}."
    if outcome.is_live:
        return (
            "A process holds the account and has NOT ANSWERED. The request stands. If it hangs, the watchdog kills "
            "for it; else cancel by hand at the venue."
        )
    return "No session runs; the next start is bound by it."


def release(options: ReleaseOptions) -> None:
    """Let a killed scope trade again: one person asks and says why, another confirms with --confirm NUMBER.

    Refused unless the session reports that it is reconciled and flat, or --accept-open is given in the first step.
    A minute must pass between both steps. With TRADEWRIGHT_RELEASE_TOTP set, the second needs a one-time --code.
    """
    from tradewright.risk.kill.pending import DELAY_NS, PendingRelease
    from tradewright.services.trading.killing import ask_release, confirm_release

    folder = existing(options.account, options.accounts)
    now = time.time_ns()
    if options.confirm is not None:
        if not options.confirm.strip():
            fix = "Give the number that the first step printed; the first step itself has no --confirm."
            raise UsageError("it is empty", where="--confirm", fix=fix)
        _check_code(options.code, now // 10**9)
        outcome = confirm_release(folder, options.by, options.confirm, _WAIT_S, now)
        _released(outcome, is_json=options.json)
        return
    nonce = os.urandom(4).hex()
    pending = ask_release(
        folder, PendingRelease(options.scope, options.by, options.reason, nonce, now, options.accept_open)
    )
    if options.json:
        print_json({"account": folder.name, "scope": pending.scope, "nonce": nonce, "delay_s": DELAY_NS // 10**9})
        return
    print_fields({"account": folder.name, "scope": pending.scope, "asked by": pending.by, "why": pending.reason})
    print(f"Another person confirms after {DELAY_NS // 10**9} s:")
    print(f"  tradewright release --account {folder.name} --confirm {nonce} --by NAME")


def _check_code(code: str, seconds: int) -> None:
    from tradewright.services.secrets import secret
    from tradewright.services.trading.totp import VARIABLE, fits, secret_of

    given = secret(os.environ, VARIABLE)
    if given and not fits(secret_of(given), code, seconds):
        raise UsageError("the one-time code does not fit", where="--code", fix="Read it anew and check the clock.")


def _released(outcome: Outcome, *, is_json: bool) -> None:
    if is_json:
        print_json({"account": outcome.account, "state": outcome.state, "is_live": outcome.is_live, "did": outcome.did})
    elif outcome.did:
        print(f"{outcome.account}: {outcome.state}. The session says: {outcome.did}.")
    else:
        later = "has not answered yet" if outcome.is_live else "does not run; its next start asks the venue first"
        print(f"{outcome.account}: {outcome.state}. The session {later}.")
    if outcome.did and outcome.did != "released":
        raise typer.Exit(1)
