"""`tradewright exchange`: a venue on this machine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

import typer

from tradewright.core.types.errors import UsageError
from tradewright.services.cli.options import add_command
from tradewright.services.cli.reading import STORE, Store

_WHERE = "SYMBOL@TIMEFRAME of the store (@tick: its quotes and trades), sample:SYMBOL or synthetic:SYMBOL; repeatable."


@dataclass(frozen=True, slots=True, kw_only=True)
class ExchangeOptions:
    """What is served, how, and what goes wrong."""

    data: Annotated[list[str] | None, typer.Option("--data", metavar="DATA", help=_WHERE)] = None
    store: Store = STORE
    start: Annotated[str, typer.Option(help="First moment, a date or an ISO time in UTC.", show_default=False)] = ""
    end: Annotated[str, typer.Option(help="Last moment.", show_default=False)] = ""
    protocol: Annotated[Literal["alpaca", "binance"], typer.Option(help="Whose protocol it speaks.")] = "alpaca"
    speed: Annotated[float, typer.Option(min=0, help="Simulated seconds a second; 0: moves on command.")] = 1.0
    hold: Annotated[float, typer.Option(min=0, help="Milliseconds that time stands still at each market event.")] = 0.0
    fills: Annotated[Literal["quotes", "bars"], typer.Option(help="Against quotes, or whole bars as a backtest.")] = (
        "quotes"
    )
    cash: Annotated[float, typer.Option(help="Of the account.")] = 100_000.0
    multiplier: Annotated[float, typer.Option(help="Buying power per equity; 1 is a cash account.")] = 2.0
    latency: Annotated[float, typer.Option(min=0, help="Simulated ms of a request; an answer takes the same.")] = 0.0
    costs: Annotated[
        Literal["fixed", "measured", "assumed"],
        typer.Option(help="Draw slippage, fees and latency from the execution model."),
    ] = "fixed"
    rate: Annotated[int, typer.Option(min=0, help="Requests a minute; 0: as the venue.")] = 0
    fault: Annotated[list[str] | None, typer.Option("--fault", metavar="NAME", help="A scenario; repeatable.")] = None
    list_faults: Annotated[bool, typer.Option("--list-faults", help="Name the scenarios and stop.")] = False
    seed: Annotated[int, typer.Option(help="Of synthetic markets, order ids and chances.")] = 0
    host: Annotated[str, typer.Option(help="Where to listen; beyond this machine own keys are needed.")] = "127.0.0.1"
    port: Annotated[int, typer.Option(min=0, max=65_535, help="0 takes a free one.")] = 8790


def register(app: typer.Typer) -> None:
    """Add the command to `tradewright`."""
    add_command(app, "exchange", ExchangeOptions, exchange)


def exchange(options: ExchangeOptions) -> None:
    """Serve recorded or synthetic markets with an account, in a real venue's protocol, until Ctrl-C.

    Clients of that venue connect unchanged. TRADEWRIGHT_EXCHANGE_KEY and TRADEWRIGHT_EXCHANGE_SECRET (or
    ..._SECRET_FILE) replace the pair of keys that it knows. See docs/exchange.md.
    """
    from tradewright.execution.exchange.scenarios import SCENARIOS

    if options.list_faults:
        for scenario in SCENARIOS:
            print(f"{scenario.number:4} {scenario.name:24} {scenario.what}")
        return
    from pydantic import ValidationError

    from tradewright.core.types.errors import ConfigError
    from tradewright.services.explain import explained

    try:
        import starlette  # noqa: F401
        import uvicorn  # noqa: F401
    except ImportError as error:
        what = f"the exchange needs a library that is not installed: {error.name}"
        raise ConfigError(what, where="exchange", fix="pip install 'tradewright[ops,live]'") from error
    from tradewright.services.exchange.params import ExchangeServiceParams
    from tradewright.services.exchange.serving import keys_from, serve
    from tradewright.services.settings import CostSettings

    names = {"hold_ms": "hold", "requests_per_minute": "rate", "request_ms": "latency", "answer_ms": "latency"}
    same = ("protocol", "host", "port", "speed", "fills", "cash", "multiplier", "seed")
    given = {name: getattr(options, name) for name in same}
    given |= {field: getattr(options, name) for field, name in names.items()}
    try:
        params = ExchangeServiceParams(
            **given, costs=CostSettings(model=options.costs), faults=tuple(options.fault or ()), keys=keys_from()
        )
    except ValidationError as error:
        raise explained(error, ExchangeServiceParams, lambda p: f"--{names.get(str(p[0]), p[0])}") from error
    serve(params, options.data or ["synthetic:SYN"], options.store, _moment(options.start), _moment(options.end))


def _moment(text: str) -> int | None:
    from tradewright.services.exchange.moments import ns_of

    if not text:
        return None
    try:
        return ns_of(text)
    except ValueError as error:
        raise UsageError(str(error), where="--start, --end", fix="Write 2024-01-02 or 2024-01-02T15:00:00Z.") from error
