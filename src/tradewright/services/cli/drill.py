"""`tradewright drill kill`: practise, measure, keep the evidence."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from tradewright.core.types.errors import ConfigError, RunError
from tradewright.services.cli.console import print_fields, print_json
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import Json
from tradewright.services.trading.folder import ACCOUNTS, existing


@dataclass(frozen=True, slots=True, kw_only=True)
class DrillOptions:
    """Whose drill, and how often it is repeated."""

    account: Annotated[str, typer.Option("--account", help="Whose evidence it is.", show_default=False)]
    rounds: Annotated[int, typer.Option(min=1, max=1000, help="How many kills.")] = 20
    accounts: Annotated[Path, typer.Option("--accounts", help="Folder of the accounts.")] = ACCOUNTS
    json: Json = False


def register(app: typer.Typer) -> None:
    """Add the command to `tradewright`."""
    group = typer.Typer(help="Practise what must work when it matters.", no_args_is_help=True)
    add_command(group, "kill", DrillOptions, kill)
    app.add_typer(group, name="drill")


def kill(options: DrillOptions) -> None:
    """Kill for practice and measure it: the gate closed, cancels sent, the venue empty; fails where it takes too long.

    It drills this build's order desk against a local exchange, through the same files that `tradewright kill` writes;
    the account itself is not touched. The result is kept in its folder `drills`, chained by hash.
    """
    folder = existing(options.account, options.accounts)
    try:
        from tradewright.services.trading.drilling import drill_locally, keep_evidence
    except ImportError as error:
        what = f"a drill needs a library that is not installed: {error.name}"
        raise ConfigError(what, where="drill", fix="pip install 'tradewright[live,ops]'") from error
    rounds = drill_locally(options.rounds)
    path, document = keep_evidence(folder, rounds, "order desk and local exchange", time.time_ns())
    if options.json:
        print_json(document | {"file": str(path)})
    else:
        worst = {f"worst {k.removesuffix('_ms')}": f"{v:.2f} ms" for k, v in document["worst"].items()}
        print_fields({"rounds": len(rounds)} | worst | {"evidence": path, "hash": document["hash"]})
    if document["failures"]:
        raise RunError("; ".join(document["failures"]), where="drill kill", fix="Do not trade before you know why.")
