"""`tradewright drill kill | session`: practise, measure, keep the evidence."""

from __future__ import annotations

import json
import os
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from tradewright.core.types.errors import ConfigError, RunError, UsageError
from tradewright.services.cli.console import print_fields, print_json
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import Json
from tradewright.services.trading.folder import ACCOUNTS, existing

#: A session has so long to open a position, to close it and to prove it, s.
_WAIT_S = 120.0
#: So long it is given afterwards to say that it is reconciled and flat, s.
_SETTLE_S = 30.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillOptions:
    """Whose drill, and how often it is repeated."""

    account: Annotated[str, typer.Option("--account", help="Whose evidence it is.", show_default=False)]
    rounds: Annotated[int, typer.Option(min=1, max=1000, help="How many kills.")] = 20
    accounts: Annotated[Path, typer.Option("--accounts", help="Folder of the accounts.")] = ACCOUNTS
    json: Json = False


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionOptions:
    """Whose running session, and who asks."""

    account: Annotated[str, typer.Option("--account", help="Name of the account.", show_default=False)]
    by: Annotated[str, typer.Option("--by", help="Who asks; another person releases.", show_default=False)]
    phrase: Annotated[str, typer.Option(help="For real money, in scripts; else it is asked for.")] = ""
    accounts: Annotated[Path, typer.Option("--accounts", help="Folder of the accounts.")] = ACCOUNTS
    json: Json = False


def register(app: typer.Typer) -> None:
    """Add the command to `tradewright`."""
    group = typer.Typer(help="Practise what must work when it matters.", no_args_is_help=True)
    add_command(group, "kill", DrillOptions, kill)
    add_command(group, "session", SessionOptions, session)
    app.add_typer(group, name="drill")


def kill(options: DrillOptions) -> None:
    """Kill for practice and measure it: the gate closed, cancels sent, the venue empty; fails where it takes too long.

    It drills this build's order desk against a local exchange, through the same files that `tradewright kill` writes;
    the account itself is not touched. The result is kept in its folder `drills`, chained by hash.
    """
    folder = existing(options.account, options.accounts)
    try:
        from tradewright.services.trading.drilling import drill_locally
        from tradewright.services.trading.evidence import Drilled, keep_evidence
    except ImportError as error:
        what = f"a drill needs a library that is not installed: {error.name}"
        raise ConfigError(what, where="drill", fix="pip install 'tradewright[live,ops]'") from error
    rounds = drill_locally(options.rounds)
    path, document = keep_evidence(folder, Drilled(rounds, "order desk and local exchange"), time.time_ns())
    _tell(document | {"file": str(path)}, is_json=options.json)


def session(options: SessionOptions) -> None:
    """Kill a running session for practice, with a position of the smallest lot, and measure it; it stays killed.

    The session does it with its own desk, at its own venue, and only while it trades, holds nothing and has no order.
    Then two people release it as ever; the first step is done. Real money is drilled only with the phrase.
    """
    from tradewright.risk.kill.pending import PendingRelease
    from tradewright.services.live.status_file import read_status
    from tradewright.services.trading.drill_request import drill_phrase, request_drill
    from tradewright.services.trading.killing import ask_release, await_settled

    folder = existing(options.account, options.accounts)
    phrase = options.phrase
    if read_status(folder.status).mode == "live" and not phrase:
        if not sys.stdin.isatty():
            raise UsageError("nobody is there to type the phrase", where="drill session", fix="Give --phrase.")
        phrase = input(f"This is real money. Type '{drill_phrase(folder.name)}' to drill it: ")
    answer = request_drill(folder, options.by, phrase, _WAIT_S)
    if not answer.evidence:
        raise RunError(f"nothing was drilled: {answer.refused}", where=f"account {folder.name}", fix="Ask again then.")
    document = json.loads(Path(answer.evidence).read_text(encoding="utf-8"))
    why, nonce = f"end of the drill {answer.id}", os.urandom(4).hex()
    await_settled(folder, _SETTLE_S, lambda what: print(f"Waiting for the release: {what}.", file=sys.stderr))
    try:
        ask_release(folder, PendingRelease("all", options.by, why, nonce, time.time_ns()))
    except UsageError as error:
        nonce = ""
        print(f"It is killed, and its release has to be asked for: {error}", file=sys.stderr)
    if nonce and not options.json:
        print("It is killed. Another person releases it after 60 s:")
        print(f"  tradewright release --account {folder.name} --confirm {nonce} --by NAME")
    _tell(document | {"file": answer.evidence, "nonce": nonce}, is_json=options.json)


def _tell(document: dict[str, Any], *, is_json: bool) -> None:
    """Show evidence; raises RunError where the drill failed."""
    if is_json:
        print_json(document)
    else:
        worst = {f"worst {k.removesuffix('_ms')}": f"{v:.2f} ms" for k, v in document["worst"].items()}
        print_fields(
            {"rounds": len(document["rounds"])} | worst | {"evidence": document["file"], "hash": document["hash"]}
        )
    if document["failures"]:
        raise RunError("; ".join(document["failures"]), where="drill", fix="Do not trade before you know why.")
