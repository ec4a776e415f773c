"""`tradewright data serve`: the store over HTTP."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer

from tradewright.core.types.errors import UsageError
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import STORE, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class ServingOptions:
    """How the service is reached and what it computes."""

    store: Store = STORE
    host: Annotated[str, typer.Option(help="Where to listen; beyond this machine a token is needed.")] = "127.0.0.1"
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8765
    features: Annotated[
        list[str] | None,
        typer.Option("--features", metavar="NAME=LIST", help="A feature set: trend='ema(20), adx(14)'; repeatable."),
    ] = None
    refresh: Annotated[float, typer.Option(help="Seconds after which a change is noticed at the latest.")] = 1.0
    access_log: Annotated[bool, typer.Option("--access-log", help="A line of JSON for each request, on stderr.")] = (
        False
    )


def register(group: typer.Typer) -> None:
    """Add the command to `tradewright data`."""
    add_command(group, "serve", ServingOptions, serve)


def serve(options: ServingOptions) -> None:
    """Serve bars, features and newest values over HTTP, read only, until Ctrl-C.

    TRADEWRIGHT_DATA_TOKEN (or ..._TOKEN_FILE) is what requests must carry, TRADEWRIGHT_DATA_REDIS_URL (or
    ..._REDIS_URL_FILE) the Redis that several services share; both may be left unset.
    """
    from pydantic import ValidationError

    from tradewright.services.data_service.params import DEFAULT_SET, DataServiceParams
    from tradewright.services.data_service.serving import serve as run
    from tradewright.services.explain import explained

    sets = {"default": DEFAULT_SET}
    for text in options.features or []:
        name, equals, features = text.partition("=")
        if not equals:
            raise UsageError(
                f"'{text}' names no feature set", where="--features", fix="Write trend='ema(20), adx(14)'."
            )
        sets[name.strip()] = features
    try:
        params = DataServiceParams(host=options.host, port=options.port, feature_sets=sets, refresh_s=options.refresh)
    except ValidationError as error:
        raise explained(error, DataServiceParams, lambda place: f"--{str(place[0]).removesuffix('_s')}") from error
    run(options.store, params, logs_access=options.access_log)
