"""`tradewright status`: what a session is doing, in the terminal."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated

import typer

from tradewright.services.cli.console import print_json
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import Json

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import RenderableType

    from tradewright.engine.live.status import SessionStatus

#: A session writes each second; an older status is no news any more.
STALE_S = 5.0


@dataclass(frozen=True, slots=True)
class StatusOptions:
    """Which account."""

    account: Annotated[str, typer.Argument(help="Name of an account or its folder; not needed where there is one.")] = (
        ""
    )
    watch: Annotated[bool, typer.Option("--watch", help="Show it anew each second, until Ctrl-C.")] = False
    json: Json = False


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, "status", StatusOptions, status)


def status(options: StatusOptions) -> None:
    """Show positions, orders, limits used, feeds, latencies, journal and alerts of a session."""
    from tradewright.services.forensics.folders import account_folder
    from tradewright.services.live.status_file import read_status

    path = account_folder(options.account).status
    known = read_status(path)
    if options.json:
        age = _age_s(known)
        print_json(asdict(known) | {"age_s": age, "is_stale": age > STALE_S})
    elif options.watch:
        _watch(path)
    else:
        from rich.console import Console

        console = Console(highlight=False)
        if not console.is_terminal:
            console.width = 160
        console.print(_screen(known))


def _age_s(known: SessionStatus) -> float:
    return max(time.time_ns() - known.written_ns, 0) / 1e9


def _watch(path: Path) -> None:
    from rich.live import Live

    from tradewright.services.live.status_file import read_status

    with Live(_screen(read_status(path)), screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(1.0)
            live.update(_screen(read_status(path)), refresh=True)


def _screen(known: SessionStatus) -> RenderableType:
    from tradewright.services.cli.status_screen import screen

    return screen(known, _age_s(known), STALE_S)
