"""`tradewright mt5-bridge`: a MetaTrader 5 terminal on a Windows machine, for tradewright on another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from tradewright.services.cli.options import add_command


@dataclass(frozen=True, slots=True, kw_only=True)
class BridgeOptions:
    """Where the bridge listens, and which terminal it uses."""

    host: Annotated[str, typer.Option(help="Where to listen; beyond this machine put TLS in front.")] = "127.0.0.1"
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8792
    path: Annotated[str, typer.Option(help="Of terminal64.exe; the one that runs if not given.")] = ""
    utc_offset: Annotated[
        float | None, typer.Option(help="Hours that the server's clock is ahead of UTC; measured if not given.")
    ] = None
    server_zone: Annotated[
        str, typer.Option(help="Which zone the server's clock shows; most brokers': America/New_York+7.")
    ] = ""
    real: Annotated[bool, typer.Option("--real", help="Let orders through to an account with real money.")] = False
    access_log: Annotated[bool, typer.Option("--access-log", help="A line of JSON for each request, on stderr.")] = (
        False
    )


def register(app: typer.Typer) -> None:
    """Add the command to `tradewright`."""
    add_command(app, "mt5-bridge", BridgeOptions, mt5_bridge)


def mt5_bridge(options: BridgeOptions) -> None:
    """Serve the MetaTrader 5 terminal of this Windows machine over HTTP until Ctrl-C.

    TRADEWRIGHT_MT5_BRIDGE_TOKEN (or ..._TOKEN_FILE) is what every request must carry. See docs/venues.md.
    """
    from tradewright.core.types.errors import ConfigError, UsageError

    try:
        from tradewright.adapters.mt5.server_zone import ServerZone
        from tradewright.services.mt5_bridge import BridgeServiceParams, serve
    except ImportError as error:
        what = f"the bridge needs a library that is not installed: {error.name}"
        raise ConfigError(what, where="mt5-bridge", fix="pip install 'tradewright[ops,live]'") from error
    offset = None if options.utc_offset is None else round(options.utc_offset * 3_600)
    try:
        zone = ServerZone.parse(options.server_zone) if options.server_zone else None
    except ValueError as error:
        raise UsageError(str(error), where="--server-zone", fix="Leave it away to have it measured.") from None
    if zone is not None and offset is not None:
        raise UsageError("both say what the server's clock shows", where="--utc-offset", fix="Give --server-zone only.")
    params = BridgeServiceParams(options.host, options.port, options.path, offset, zone, options.real)
    serve(params, logs_access=options.access_log)
