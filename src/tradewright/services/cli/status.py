"""`tradewright status`: what sessions are doing, in the terminal."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tradewright.core.types.errors import TradewrightError
from tradewright.services.cli.console import print_json
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import Json

if TYPE_CHECKING:
    from rich.console import RenderableType

    from tradewright.engine.live.status import SessionStatus

#: A session writes each second; an older status is no news any more.
STALE_S = 5.0


@dataclass(frozen=True, slots=True)
class StatusOptions:
    """Which account, and how it is shown."""

    account: Annotated[str, typer.Argument(help="Name of an account or its folder; without it, all of them.")] = ""
    watch: Annotated[bool, typer.Option("--watch", help="Show it anew each second, until Ctrl-C.")] = False
    json: Json = False


def register(app: typer.Typer) -> None:
    """Add the command."""
    add_command(app, "status", StatusOptions, status)


def status(options: StatusOptions) -> None:
    """Show positions, orders, limits used, feeds, latencies, journal and alerts of a session, or of all."""
    if options.json:
        found, troubles = _read(options.account)
        documents = [_document(known) for known in found] + [{"error": str(error)} for error in troubles]
        print_json(documents[0] if len(documents) == 1 else {"sessions": documents})
    elif options.watch:
        _watch(options.account)
    else:
        from rich.console import Console

        console = Console(highlight=False)
        if not console.is_terminal:
            console.width = 160
        console.print(_screen(options.account))


def _read(account: str) -> tuple[list[SessionStatus], list[TradewrightError]]:
    """Return the status of one account; without a name, of every account in which a session has run.

    One that cannot be read does not hide the others; raises as `read_status` where there is no other.
    """
    from tradewright.services.forensics.folders import account_folder
    from tradewright.services.live.status_file import read_status
    from tradewright.services.trading.folder import ACCOUNTS, known_accounts

    written = [] if account else [f.status for f in known_accounts(ACCOUNTS) if f.status.exists()]
    found: list[SessionStatus] = []
    troubles: list[TradewrightError] = []
    for path in written or [account_folder(account).status]:
        try:
            found.append(read_status(path))
        except TradewrightError as error:
            troubles.append(error)
    if not found:
        raise troubles[0]
    return found, troubles


def _document(known: SessionStatus) -> dict[str, Any]:
    age = _age_s(known)
    return asdict(known) | {"age_s": age, "is_stale": age > STALE_S}


def _age_s(known: SessionStatus) -> float:
    return max(time.time_ns() - known.written_ns, 0) / 1e9


def _watch(account: str) -> None:
    from rich.live import Live

    with Live(_screen(account), screen=True, auto_refresh=False) as live:
        while True:
            time.sleep(1.0)
            live.update(_screen(account), refresh=True)


def _screen(account: str) -> RenderableType:
    from tradewright.services.cli.status_screen import screen, screen_of_many

    found, troubles = _read(account)
    told = [(known, _age_s(known)) for known in found]
    if len(told) == 1 and not troubles:
        return screen(*told[0], STALE_S)
    return screen_of_many(told, [str(error) for error in troubles], STALE_S)
