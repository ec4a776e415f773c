"""`tradewright models serve` and `models forecast`: a model's forecasts over HTTP, and as a file."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import STORE, Json, Store
from tradewright.services.model_registry import REGISTRY

RegistryPath = Annotated[Path, typer.Option("--registry", help="Folder of the models.")]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServeOptions:
    """How the service is reached."""

    registry: RegistryPath = REGISTRY
    host: Annotated[str, typer.Option(help="Where to listen; beyond this machine a token is needed.")] = "127.0.0.1"
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8766
    refresh: Annotated[float, typer.Option(min=0.0, help="Seconds after which a switch is noticed.")] = 1.0
    access_log: Annotated[bool, typer.Option("--access-log", help="A line of JSON for each request, on stderr.")] = (
        False
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class ForecastOptions:
    """Which model, of which bars, and where the file goes."""

    model: Annotated[str, typer.Argument(help="NAME (its promoted version) or NAME@VERSION.")]
    symbols: Annotated[list[str], typer.Argument(help="SYMBOL or SYMBOL@TIMEFRAME of the store.")]
    out: Annotated[Path, typer.Option(help="The file, .parquet or .csv.")]
    registry: RegistryPath = REGISTRY
    store: Store = STORE
    json: Json = False


def register(group: typer.Typer) -> None:
    """Add the commands to `tradewright models`."""
    add_command(group, "serve", ServeOptions, serve)
    add_command(group, "forecast", ForecastOptions, forecast)


def serve(options: ServeOptions) -> None:
    """Serve the promoted models over HTTP until Ctrl-C; a switch in the registry is noticed while it runs.

    TRADEWRIGHT_PREDICT_TOKEN (or ..._TOKEN_FILE) is what requests must carry.
    """
    from tradewright.services.predict_api.serving import PredictApiParams
    from tradewright.services.predict_api.serving import serve as run

    params = PredictApiParams(options.host, options.port, options.refresh)
    run(options.registry, params, logs_access=options.access_log)


def forecast(options: ForecastOptions) -> None:
    """Write what a model says of stored bars into a file that `backtest` reads (`forecasts.file`)."""
    from tradewright.data.forecasts import write_forecasts
    from tradewright.data.source import StoreSource
    from tradewright.services.cli.console import print_json
    from tradewright.services.runs.forecasting import find_forecasts
    from tradewright.services.runs.prepare import only_timeframe
    from tradewright.services.settings import ForecastSettings
    from tradewright.services.stores import open_market

    store, bars = open_market(options.store), []
    for text in options.symbols:
        symbol, _, timeframe = text.partition("@")
        bars.append(StoreSource(store, symbol, timeframe or only_timeframe(store, symbol)).bars())
    found = find_forecasts(ForecastSettings(model=options.model, registry=options.registry), bars)
    write_forecasts(options.out, found.series)
    rows = {series.instrument: len(series.ts_seen) for series in found.series}
    if options.json:
        print_json({"file": str(options.out), "rows": rows, **found.origin})
        return
    told = ", ".join(f"{count:,} of {symbol}" for symbol, count in rows.items())
    print(f"{options.out}: forecasts of {found.origin['name']} {found.origin['version']}: {told}")
